//! Verifying one mail.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::join_all;
use mail_auth::common::crypto::Algorithm;
use mail_auth::dkim::Signature;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DkimResult, DmarcOutput, DmarcResult, Error, MessageAuthenticator,
    SpfOutput, SpfResult,
};
use model::limits;
use model::trust::{Check, Finding, Looked, Policy, ProvenBy, Verdict};
use tokio::time::{Instant, timeout_at};

use crate::headers::{self, Headers};
use crate::{Resolver, body, results};

/// What is known of a mail's way here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Way<'w> {
    /// Who brought it; `None` where that says nothing about who wrote it, as of a server of ours or of an inner mail. Then
    /// SPF is not looked at.
    pub peer: Option<Peer<'w>>,
    /// Domains whose word is believed, where their seal holds, that a mail did not fail when it came to them.
    pub believed_sealers: &'w [String],
}

/// Who brought a mail, by which envelope.
#[derive(Debug, Clone, Copy)]
pub struct Peer<'w> {
    /// The address.
    pub ip: IpAddr,
    /// What it called itself.
    pub helo: &'w str,
    /// MAIL FROM; `None` for the null sender.
    pub mail_from: Option<&'w str>,
    /// What we are called.
    pub our_name: &'w str,
}

/// Looks at everything that may prove who wrote a mail. It takes no longer than the resolver's patience and the time to
/// read the mail twice; what is not known by then is *temperror*.
pub async fn verify(raw: &[u8], way: Way<'_>, resolver: &Resolver) -> Verdict {
    let work = AssertUnwindSafe(async {
        let parsed = AuthenticatedMessage::parse(raw);
        match parsed {
            Some(mut message) => looked_at(&mut message, raw, (way, resolver)).await,
            None => Verdict::default(),
        }
    });
    // A fault in the reading of other people's signatures proves nothing, and ends no door.
    work.catch_unwind().await.unwrap_or_else(|_| unverifiable(Check::Dmarc, "a fault of ours"))
}

/// The same of several mails that came out of one, side by side: all of them take no longer than one that waits for name
/// servers. Whoever forwards a mail brings it, and says nothing about who wrote it.
pub async fn verify_inner(raws: &[Vec<u8>], resolver: &Resolver) -> Vec<Verdict> {
    join_all(raws.iter().map(|raw| verify(raw, Way::default(), resolver))).await
}

fn unverifiable(check: Check, why: &str) -> Verdict {
    let finding = Finding::PermError;
    let looked = vec![Looked { check, finding, domain: String::new(), why: why.to_owned() }];
    Verdict { dmarc: finding, looked, ..Verdict::default() }
}

async fn looked_at(
    message: &mut AuthenticatedMessage<'_>,
    raw: &[u8],
    (way, resolver): (Way<'_>, &Resolver),
) -> Verdict {
    let skipped = message.dkim_headers.len().saturating_sub(limits::SIGNATURES_MAX);
    message.dkim_headers.truncate(limits::SIGNATURES_MAX);
    for signature in &mut message.dkim_headers {
        // Nobody is sent a report, so nobody is asked where to.
        signature.header.r = false;
        signature.header.atps = None;
    }
    if let Some(why) = headers::excess(message) {
        return unverifiable(Check::Dkim, why);
    }
    body::mend(message);
    let headers = Headers::read(raw);
    let (author, first) = (headers.author(message), headers.first_author());
    // DMARC is about the author whom the house reads, and nobody else.
    message.from = first.iter().map(|first| first.key()).collect();
    let message = &*message;
    let asking = Asking { authenticator: &resolver.authenticator, until: Instant::now() + resolver.patience };
    let (signatures, spf, seals) =
        tokio::join!(asking.signatures(message), asking.spf(way.peer), asking.seals(message, way));
    let mut verdict = Verdict { author, ..Verdict::default() };
    verdict.looked.extend(signatures.iter().map(signature_looked));
    if skipped > 0 {
        let why = format!("{skipped} more were not looked at");
        verdict.looked.push(Looked {
            check: Check::Dkim,
            finding: Finding::Policy,
            domain: String::new(),
            why,
        });
    }
    verdict.looked.extend(way.peer.map(|_| spf_looked(&spf)));
    let believable: Vec<DkimOutput<'_>> = signatures
        .into_iter()
        .filter(|output| output.signature().is_none_or(|it| objection(it).is_none()))
        .collect();
    let policy = asking.policy(message, (&believable, &spf, way.peer)).await;
    verdict.settle(&policy, first.is_some());
    let is_aligned = |output: &&DkimOutput<'_>| {
        let domain = output.signature().map(Signature::domain_of);
        *output.result() == DkimResult::Pass && domain.is_some_and(|domain| aligns(domain, policy.domain()))
    };
    let mut aligned = believable.iter().filter(is_aligned).filter_map(DkimOutput::signature);
    verdict.signs_all =
        verdict.proven_by == ProvenBy::Signature && aligned.any(|signature| headers.are_signed_by(signature));
    if let Some((looked, vouched_by)) = seals {
        verdict.looked.insert(verdict.looked.len().saturating_sub(1), looked);
        verdict.vouched_by = vouched_by;
    }
    verdict
}

/// Whether one domain is the other, or lies below or above it. What lies above it without being of the same owner is a
/// registry, and signs nothing.
pub(crate) fn aligns(domain: &str, author: &str) -> bool {
    let is_below =
        |below: &str, above: &str| below.strip_suffix(above).is_some_and(|rest| rest.ends_with('.'));
    let domain = domain.to_ascii_lowercase();
    !author.is_empty() && (domain == author || is_below(&domain, author) || is_below(author, &domain))
}

trait Domain {
    fn domain_of(&self) -> &str;
}

impl Domain for Signature {
    fn domain_of(&self) -> &str {
        &self.d
    }
}

/// Why a signature is not believed though it holds. The crate asks for neither.
fn objection(signature: &Signature) -> Option<&'static str> {
    if !headers::signs(signature, "from") {
        return Some("it does not sign From"); // RFC 6376 §5.4
    }
    (signature.a == Algorithm::RsaSha1).then_some("it is made with SHA-1") // RFC 8301 §3.1
}

/// Questions to name servers, until then.
struct Asking<'r> {
    authenticator: &'r MessageAuthenticator,
    until: Instant,
}

impl Asking<'_> {
    async fn signatures<'x>(&self, message: &'x AuthenticatedMessage<'x>) -> Vec<DkimOutput<'x>> {
        let verified = timeout_at(self.until, self.authenticator.verify_dkim(message)).await;
        verified.unwrap_or_else(|_| {
            let late = |signature| DkimOutput::temp_err(late()).with_signature(signature);
            message.dkim_headers.iter().map(|signature| late(&signature.header)).collect()
        })
    }

    async fn spf(&self, peer: Option<Peer<'_>>) -> SpfOutput {
        let Some(peer) = peer else { return SpfOutput::default() };
        let asked = match peer.mail_from {
            Some(sender) => SpfParameters::verify_mail_from(peer.ip, peer.helo, peer.our_name, sender),
            None => SpfParameters::verify_ehlo(peer.ip, peer.helo, peer.our_name),
        };
        let domain = envelope_domain(peer);
        let verified = timeout_at(self.until, self.authenticator.verify_spf(asked)).await;
        verified.unwrap_or_else(|_| SpfOutput::new(domain.to_owned()).with_result(SpfResult::TempError))
    }

    /// What the seals say, and who vouches; `None` where there are none.
    async fn seals(
        &self,
        message: &AuthenticatedMessage<'_>,
        way: Way<'_>,
    ) -> Option<(Looked, Option<String>)> {
        let hands = message.as_headers.len().max(message.ams_headers.len());
        if hands == 0 && !message.has_arc_errors {
            return None;
        }
        let looked = |finding, domain: &str, why: String| Looked {
            check: Check::Arc,
            finding,
            domain: cut(domain),
            why,
        };
        if hands > limits::SEALS_MAX {
            let why = format!("{hands} hands are more than are looked at");
            return Some((looked(Finding::PermError, "", why), None));
        }
        let Ok(chain) = timeout_at(self.until, self.authenticator.verify_arc(message)).await else {
            return Some((looked(Finding::TempError, "", LATE.to_owned()), None));
        };
        let last = chain.sets().last();
        let sealer = last.map_or("", |set| set.seal.header.d.as_str());
        if *chain.result() != DkimResult::Pass {
            let (finding, why) = signature_finding(chain.result());
            // A chain that does not hold fails, whatever is wrong with it (RFC 8617 §5.2).
            let finding = if finding == Finding::Neutral { Finding::Fail } else { finding };
            return Some((looked(finding, sealer, why), None));
        }
        let why = format!("{hands} {}", if hands == 1 { "hand" } else { "hands" });
        let is_believed = way.believed_sealers.iter().any(|believed| believed.eq_ignore_ascii_case(sealer));
        let says_so = last.is_some_and(|set| results::says_dmarc_passed(set.results.value));
        let vouched_by = (is_believed && says_so).then(|| sealer.to_ascii_lowercase());
        Some((looked(Finding::Pass, sealer, why), vouched_by))
    }

    async fn policy(
        &self,
        message: &AuthenticatedMessage<'_>,
        (signatures, spf, peer): (&[DkimOutput<'_>], &SpfOutput, Option<Peer<'_>>),
    ) -> DmarcOutput {
        let asked = DmarcParameters {
            message,
            dkim_output: signatures,
            dkim2_output: None,
            rfc5321_mail_from_domain: peer.map_or("", envelope_domain),
            spf_output: spf,
        };
        let domain =
            message.from.first().and_then(|from| from.rsplit_once('@')).map_or("", |(_, domain)| domain);
        timeout_at(self.until, self.authenticator.verify_dmarc(asked)).await.unwrap_or_else(|_| {
            DmarcOutput::new(domain.to_owned()).with_dkim_result(DmarcResult::TempError(late()))
        })
    }
}

const LATE: &str = "the name servers took too long";

fn late() -> Error {
    Error::Io(LATE.to_owned())
}

fn envelope_domain(peer: Peer<'_>) -> &str {
    let of_sender = peer.mail_from.and_then(|sender| sender.rsplit_once('@'));
    of_sender.map_or(peer.helo, |(_, domain)| domain)
}

fn signature_looked(output: &DkimOutput<'_>) -> Looked {
    let (finding, why) = signature_finding(output.result());
    let domain = output.signature().map_or("", Signature::domain_of);
    let looked = Looked { check: Check::Dkim, finding, domain: cut(domain), why };
    match output.signature().and_then(objection) {
        Some(why) if finding == Finding::Pass => {
            Looked { finding: Finding::Policy, why: why.to_owned(), ..looked }
        }
        _ => looked,
    }
}

fn signature_finding(result: &DkimResult) -> (Finding, String) {
    let (finding, error) = match result {
        DkimResult::Pass => return (Finding::Pass, String::new()),
        DkimResult::None => return (Finding::None, String::new()),
        // The crate calls a body that was changed and a signature past its time neutral: there is no signature any more.
        DkimResult::Neutral(error) if matches!(error, Error::Dkim(_)) => (Finding::Fail, error),
        DkimResult::Neutral(error) => (Finding::Neutral, error),
        DkimResult::Fail(error) => (Finding::Fail, error),
        DkimResult::PermError(error) => (Finding::PermError, error),
        DkimResult::TempError(error) => (Finding::TempError, error),
    };
    (finding, cut(&error.to_string()))
}

fn spf_looked(output: &SpfOutput) -> Looked {
    let finding = match output.result() {
        SpfResult::Pass => Finding::Pass,
        SpfResult::Fail => Finding::Fail,
        SpfResult::SoftFail => Finding::SoftFail,
        SpfResult::Neutral => Finding::Neutral,
        SpfResult::TempError => Finding::TempError,
        SpfResult::PermError => Finding::PermError,
        SpfResult::None => Finding::None,
    };
    Looked { check: Check::Spf, finding, domain: cut(output.domain()), why: String::new() }
}

trait Settle {
    fn settle(&mut self, policy: &DmarcOutput, has_author: bool);
}

impl Settle for Verdict {
    /// What DMARC comes to. Where nobody can say for certain whom From names, nobody is proven; and mail that fails fails.
    fn settle(&mut self, policy: &DmarcOutput, has_author: bool) {
        let (finding, error) = match policy.result() {
            DmarcResult::Pass => (Finding::Pass, None),
            DmarcResult::None => (Finding::None, None),
            DmarcResult::Fail(error) => (Finding::Fail, Some(error)),
            DmarcResult::TempError(error) => (Finding::TempError, Some(error)),
            DmarcResult::PermError(error) => (Finding::PermError, Some(error)),
        };
        let is_ambiguous = finding == Finding::Pass && self.author.is_none();
        self.dmarc = if is_ambiguous { Finding::Neutral } else { finding };
        self.proven_by = match (policy.dkim_result(), policy.spf_result()) {
            _ if self.dmarc != Finding::Pass => ProvenBy::Nothing,
            (DmarcResult::Pass, _) => ProvenBy::Signature,
            (_, DmarcResult::Pass) => ProvenBy::Spf,
            _ => ProvenBy::Nothing,
        };
        self.policy = match policy.policy() {
            mail_auth::dmarc::Policy::Reject => Policy::Reject,
            mail_auth::dmarc::Policy::Quarantine => Policy::Quarantine,
            _ => Policy::None,
        };
        let why = match (&error, has_author) {
            _ if is_ambiguous => {
                "From names several authors, or the header can be read in two ways".to_owned()
            }
            (_, false) => "From names no author".to_owned(),
            // What the owner of the domain wishes is told where it matters.
            (Some(Error::NotAligned), _) => format!("p={}", self.policy.word()),
            (Some(error), _) => cut(&error.to_string()),
            (None, _) => String::new(),
        };
        let domain = cut(policy.domain());
        self.looked.push(Looked { check: Check::Dmarc, finding: self.dmarc, domain, why });
    }
}

/// What strangers write is kept short.
fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(DOMAIN_CHARS_MAX).collect()
}

/// RFC 1035 §2.3.4.
const DOMAIN_CHARS_MAX: usize = 255;
