//! Who wrote a mail: what other servers say of it, its signatures and seals, and what comes of them.

use std::time::Duration;

use dnskit::NameServer;
use model::trust::{Finding, ProvenBy, Verdict};
use model::{EmailAddress, limits};
use tokio::runtime::{Builder, Runtime};
use trust::sign::{self, KeyKind, SigningKey};
use trust::{Asked, Resolver, Way, results};

/// The server whose word counts.
const SERVER: &str = "mx.contoso.test";
/// Whose key signs; no other domain has one.
const SIGNER: &str = "signer.test";

/// What stands below another server's field counts for nothing, without a key nothing passes, and a signature proves its own domain
/// alone.
pub(super) fn read(raw: &[u8]) {
    said_by_others(raw);
    WORLD.with(|world| {
        let Some(world) = world else { panic!("there is no name server") };
        verified(raw, world);
    });
}

fn said_by_others(raw: &[u8]) {
    let jane = EmailAddress::parse("jane@contoso.test");
    if let Some(verdict) = results::of_server(raw, SERVER, jane.clone()) {
        is_bounded(&verdict);
    }
    let below = |top: &str| results::of_server(&[top.as_bytes(), raw].concat(), SERVER, jane.clone());
    // A line that is folded goes on with the field above it, which then is another server's, too.
    assert!(below("Authentication-Results: relay.test; none\r\n").is_none(), "below another server's field");
    let failed = below("Authentication-Results: mx.contoso.test; dmarc=fail header.from=contoso.test\r\n");
    let Some(failed) = failed else { panic!("its own field on top is not read") };
    let is_folded = raw.first().is_some_and(|byte| b" \t\r\n".contains(byte));
    assert!(is_folded || failed.dmarc == Finding::Fail, "what stands below its own field counts");
    assert!(failed.proven_by == ProvenBy::Nothing || is_folded, "a mail that fails is proven");
}

fn verified(raw: &[u8], world: &World) {
    let sealers = ["contoso.test".to_owned(), SIGNER.to_owned()];
    let way = Way { peer: None, believed_sealers: &sealers };
    let verify = |raw: &[u8]| world.runtime.block_on(trust::verify(raw, way, &world.resolver));
    let verdict = verify(raw);
    is_bounded(&verdict);
    assert!(
        verdict.dmarc != Finding::Pass && verdict.proven_by == ProvenBy::Nothing,
        "it passes without a key"
    );
    assert!(verdict.vouched_by.is_none(), "a seal without a key vouches");
    let signed = |mail: &[u8]| {
        let field = world.key.sign(mail, (SIGNER, "s1")).ok()?;
        Some([field.as_bytes(), mail].concat())
    };
    for mail in [signed(raw), signed(&by_signer(raw))].into_iter().flatten() {
        proves_signer_at_most(&verify(&mail));
        let forged = [&b"From: jane@contoso.test\r\n"[..], &mail].concat();
        proves_signer_at_most(&verify(&forged));
    }
}

fn proves_signer_at_most(verdict: &Verdict) {
    is_bounded(verdict);
    if verdict.proven_by != ProvenBy::Nothing {
        let domain = verdict.author.as_ref().map(|author| author.domain_key()).unwrap_or_default();
        let domain = domain.trim_start_matches('@');
        assert!(
            domain == SIGNER || domain.ends_with(".signer.test"),
            "a signature of another one proves {domain}"
        );
    }
}

/// The mail as one that the signer wrote: every other From is none.
fn by_signer(raw: &[u8]) -> Vec<u8> {
    let mut mail = b"From: Jane <jane@signer.test>\r\n".to_vec();
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let is_from = line.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"from"));
        mail.extend_from_slice(if is_from { b"X-" } else { b"" });
        mail.extend_from_slice(line);
    }
    mail
}

/// What strangers write is kept short.
fn is_bounded(verdict: &Verdict) {
    assert!(verdict.looked.len() <= LOOKED_MAX, "{} things were looked at", verdict.looked.len());
    for looked in &verdict.looked {
        let longest = looked.domain.chars().count().max(looked.why.chars().count());
        assert!(longest <= WORDS_CHARS_MAX, "{longest} characters");
        assert!(
            !looked.why.chars().chain(looked.domain.chars()).any(char::is_control),
            "a control character"
        );
    }
}

const LOOKED_MAX: usize = 64 + limits::SIGNATURES_MAX;
const WORDS_CHARS_MAX: usize = 255;

struct World {
    runtime: Runtime,
    resolver: Resolver,
    key: SigningKey,
    _names: NameServer,
}

thread_local! {
    static WORLD: Option<World> = world();
}

/// A name server that knows one key, the policies of two domains, and nothing else.
fn world() -> Option<World> {
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let names = runtime.block_on(NameServer::start()).ok()?;
    let key = SigningKey::read(&sign::make(KeyKind::Ed25519).ok()?).ok()?;
    names.txt(&format!("s1._domainkey.{SIGNER}"), &key.record());
    names.txt(&format!("_dmarc.{SIGNER}"), "v=DMARC1; p=reject");
    names.txt("_dmarc.contoso.test", "v=DMARC1; p=reject; sp=none; adkim=s");
    let patience = Duration::from_millis(500);
    let resolver = runtime.block_on(async { Resolver::new(Asked::At(names.address()), patience) }).ok()??;
    Some(World { runtime, resolver, key, _names: names })
}
