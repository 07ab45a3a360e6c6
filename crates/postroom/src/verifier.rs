//! Who wrote a mail: looked at between the door and the CRM, before any unit of work.
//!
//! What passes through: a mail that arrived, and what is known of its way; out come the verdicts that its copies carry.
//!
//! *Invariant:* nothing waits for a name server that holds a unit of work or a thread which serves others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crm::intake::Verdicts;
use message::Method;
use model::trust::{Policy, Verdict};
use model::{EmailAddress, limits};
use tokio::runtime::Handle;
use trust::{Peer, Resolver, ResolverError, Way};

use crate::settings::Settings;

/// Finds out who wrote a mail.
#[derive(Debug, Clone)]
pub(crate) struct Verifier(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    resolver: Option<Resolver>,
    results_of: String,
    believed_sealers: Vec<String>,
    apart_from: Option<Policy>,
    our_name: String,
}

/// How a mail came here.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    /// Who brought it, where that may say something about who wrote it: not where a server of ours did that vouches for
    /// our own, and not out of a mailbox.
    pub(crate) peer: Option<Outsider>,
    /// Whether a server of ours brought it, or it lay in a mailbox: then the results of the named server are its own.
    pub(crate) is_by_ours: bool,
    /// Whether it may be a forward whose originals are taken out.
    pub(crate) may_be_forward: bool,
}

/// Who brought a mail from outside.
#[derive(Debug, Clone)]
pub(crate) struct Outsider {
    pub(crate) ip: std::net::IpAddr,
    pub(crate) helo: String,
    pub(crate) mail_from: Option<String>,
}

impl Verifier {
    pub(crate) fn new(settings: &Settings) -> Result<Self, ResolverError> {
        let section = &settings.trust;
        let resolver = Resolver::new(section.resolver, Duration::from_secs(section.seconds_max))?;
        let results_of = section.results_of.trim().to_owned();
        if resolver.is_none() && results_of.is_empty() {
            return Ok(Verifier(None));
        }
        Ok(Verifier(Some(Arc::new(Inner {
            resolver,
            results_of,
            believed_sealers: section.believed_sealers.clone(),
            apart_from: section.quarantine.policy(),
            our_name: settings.name(),
        }))))
    }

    /// What can be found out about a mail; nothing at once where nobody is asked.
    pub(crate) async fn verdicts(&self, raw: &Arc<[u8]>, came: Came) -> Arc<Verdicts> {
        let Some(inner) = &self.0 else { return Arc::default() };
        if raw.len() <= limits::LARGE_MESSAGE_BYTES {
            return Arc::new(inner.verdicts(raw, &came).await);
        }
        // To hash it takes longer than others should wait.
        let (inner, raw, runtime) = (Arc::clone(inner), Arc::clone(raw), Handle::current());
        let work = move || runtime.block_on(async move { inner.verdicts(&raw, &came).await });
        Arc::new(tokio::task::spawn_blocking(work).await.unwrap_or_default())
    }
}

impl Inner {
    async fn verdicts(&self, raw: &Arc<[u8]>, came: &Came) -> Verdicts {
        let peer = came.peer.as_ref().map(|peer| Peer {
            ip: peer.ip,
            helo: &peer.helo,
            mail_from: peer.mail_from.as_deref(),
            our_name: &self.our_name,
        });
        let way = Way { peer, believed_sealers: &self.believed_sealers };
        let said = came.is_by_ours.then(|| self.said_by_server(raw)).flatten();
        let outer = async {
            match (said, &self.resolver) {
                (Some(said), _) => Some(said),
                (None, Some(resolver)) => Some(trust::verify(raw, way, resolver).await),
                (None, None) => None,
            }
        };
        let inner = async {
            let (true, Some(resolver)) = (came.may_be_forward, &self.resolver) else { return Vec::new() };
            let originals = originals(raw);
            let verdicts = trust::verify_inner(&originals, resolver).await;
            let digests = originals.iter().map(|original| message::identity::raw_digest(original));
            digests.zip(verdicts).collect()
        };
        // Whoever brings a large mail holds one of a few places meanwhile.
        let (outer, inner) = tokio::join!(outer, inner);
        Verdicts { outer, inner, apart_from: self.apart_from, ..Verdicts::default() }
    }

    fn said_by_server(&self, raw: &[u8]) -> Option<Verdict> {
        if self.results_of.is_empty() {
            return None;
        }
        trust::results::of_server(raw, &self.results_of, only_author(raw))
    }
}

/// Whom From names, where it names one alone.
fn only_author(raw: &[u8]) -> Option<EmailAddress> {
    let fields = message::raw_fields(raw).ok()?;
    let header = message::read_header(raw).ok()?;
    let [author] = header.from.as_slice() else { return None };
    (fields.values("from").count() == 1).then(|| author.address.clone())
}

/// The mails that are attached to a mail, as the intake will take them out of it if it believes its sender.
fn originals(raw: &[u8]) -> Vec<Vec<u8>> {
    if !holds(raw, b"message/rfc822") {
        return Vec::new();
    }
    // A fault of ours ends the mail in the intake, which keeps it for a person.
    catch_unwind(AssertUnwindSafe(|| taken_out(raw))).unwrap_or_default()
}

fn taken_out(raw: &[u8]) -> Vec<Vec<u8>> {
    let Ok(received) = message::read(raw) else { return Vec::new() };
    let opened = message::content::open(&received);
    let outer = if opened.is_opened() { message::read(&opened.raw).ok() } else { Some(received) };
    let unwrapped = outer.as_ref().and_then(|outer| message::unwrap::originals(outer, true).ok());
    let attached = unwrapped.into_iter().flat_map(|unwrapped| unwrapped.originals);
    let attached = attached.filter(|original| original.method == Method::Attached && !original.is_guess);
    attached.take(limits::VERIFIED_ORIGINALS_MAX).map(|original| original.raw.to_vec()).collect()
}

/// Whether the words stand anywhere, in any case.
fn holds(raw: &[u8], words: &[u8]) -> bool {
    raw.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words))
}
