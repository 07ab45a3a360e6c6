//! Who wrote the mails of a copy, as far as anything proves it: brought along by whoever verified them, before the unit.
//!
//! What passes through: the [`Verdict`] on the outer mail and those on originals within it, to the facts of each original,
//! and into rows beside the copy.
//!
//! *Invariant:* a verdict is about the very address that From names; it never speaks for another one.

use message::Method;
use message::bounce::Kind;
use model::outcome::Reason;
use model::schema::intake::{MailVerdict, Undeliverable};
use model::trust::{Finding, Policy, ProvenBy, Verdict};
use model::{EmailAddress, Id, Mailbox, limits};
use store::{Read, StoreError};

use super::Opened;
use super::deliver::cut;
use super::gather::{self, Desk};
use super::heard::{self, Heard};
use super::unwrap::Original;
use crate::correlate::Facts;

/// The verdicts on a copy's mails. The default is that nobody looked.
#[derive(Debug, Clone, Default)]
pub struct Verdicts {
    /// On the mail as it came.
    pub outer: Option<Verdict>,
    /// On originals within it, by the digest of their bytes ([`message::identity::raw_digest`]).
    pub inner: Vec<([u8; 32], Verdict)>,
    /// Mail that fails is kept apart from where its domain wishes at least this; `None` for never.
    pub apart_from: Option<Policy>,
    /// What a hook said.
    pub heard: Heard,
}

impl Verdicts {
    /// That on an original. What was dug out of a mail is not by its author, so it has its own or none.
    pub(super) fn of(&self, original: &Original) -> Option<&Verdict> {
        if is_outer(original) {
            return self.outer.as_ref();
        }
        let digest = original.offer.raw_digest?;
        self.inner.iter().find(|(of, _)| *of == digest).map(|(_, verdict)| verdict)
    }

    /// Whether an original is to be kept apart, for its domain disowns it. Of what one of us forwards nobody can say so:
    /// to forward a mail breaks signatures. A report that comes back to a return path of ours makes its author no party, so it
    /// does not matter who that is; what a person's mailbox answers by itself does.
    pub(super) fn disowns(&self, original: &Original) -> bool {
        let is_answer = original.offer.bounce.as_ref().is_some_and(|told| told.kind == Kind::Auto);
        let is_ours_come_back = original.offer.returned_to.is_some() && !is_answer;
        let outer = self.outer.as_ref().filter(|_| is_outer(original) && !is_ours_come_back);
        let least = self.apart_from;
        least.is_some_and(|least| outer.is_some_and(|verdict| verdict.fails_with(least)))
    }

    /// As they are kept beside the copy.
    pub(super) fn rows(&self, copyid: Id, originals: &[Original]) -> Vec<MailVerdict> {
        let outer = self.outer.iter().map(|verdict| row((copyid, 0), verdict));
        let dug_out = originals.iter().filter(|original| !is_outer(original));
        let inner = dug_out.filter_map(|original| Some(row((copyid, original.number), self.of(original)?)));
        outer.chain(inner).collect()
    }

    /// Those that were kept with the copy of what is taken in again, on its mail as it came, and that a hook stopped it:
    /// that holds until a person lets in what waits for this very reason.
    pub(super) fn kept(read: &Read<'_>, waiting: &Undeliverable) -> Result<Self, StoreError> {
        let copyid = waiting.copyid;
        let rows = read.verdicts_of(copyid)?;
        let outer = rows.iter().find(|row| row.originalnumber == 0).map(of_row);
        let stopped = match waiting.reason == Reason::Stopped as i32 {
            true => None,
            false => read.undeliverables_of(copyid)?.into_iter().find_map(|row| row.stopreason),
        };
        let heard = Heard { stopped, hint: None };
        Ok(Verdicts { outer, heard, ..Verdicts::default() })
    }
}

/// Whether it is the copy's mail itself, with the author that its From names.
fn is_outer(original: &Original) -> bool {
    matches!(original.method, Method::Direct | Method::Redirected) && !original.offer.is_guess
}

fn row((copyid, originalnumber): (Id, i32), verdict: &Verdict) -> MailVerdict {
    let domain = |domain: &Option<String>| domain.as_deref().map(|domain| cut(domain, DOMAIN_CHARS_MAX));
    MailVerdict {
        copyid,
        originalnumber,
        author: verdict.author.as_ref().map(ToString::to_string),
        dmarc: verdict.dmarc as i32,
        policy: verdict.policy as i32,
        provenby: verdict.proven_by as i32,
        signsall: verdict.signs_all,
        vouchedby: domain(&verdict.vouched_by),
        saidby: domain(&verdict.said_by),
        results: cut(&verdict.results(), limits::VERDICT_CHARS_MAX),
    }
}

const DOMAIN_CHARS_MAX: usize = 255;

/// What a row says; all that was looked at stays in its words.
fn of_row(row: &MailVerdict) -> Verdict {
    Verdict {
        author: row.author.as_deref().and_then(EmailAddress::parse),
        dmarc: Finding::from_code(i64::from(row.dmarc)).unwrap_or_default(),
        policy: Policy::from_code(i64::from(row.policy)).unwrap_or_default(),
        proven_by: ProvenBy::from_code(i64::from(row.provenby)).unwrap_or_default(),
        signs_all: row.signsall,
        vouched_by: row.vouchedby.clone(),
        said_by: row.saidby.clone(),
        looked: Vec::new(),
    }
}

impl Desk {
    /// Believes From of one of us where a signature of the domain proves it. What is handed to the CRM has to be signed
    /// with all that says so: else a mail to a customer could be addressed to the sink anew.
    pub(super) fn believe(&mut self, verdict: Option<&Verdict>, from: Option<&Mailbox>) {
        let (Some(verdict), Some(user), Some(from)) = (verdict, &self.outer_user, from) else { return };
        if !user.isdisabled && verdict.proves(&from.address) {
            self.is_proven = true;
            self.may_hand_over |= verdict.signs_all;
        }
    }
}

/// Notes for one original who proved to have written it.
pub(super) fn note(
    read: &Read<'_>,
    (opened, original): (&Opened, &Original),
    facts: &mut Facts,
) -> Result<(), StoreError> {
    let verdicts = &opened.verdicts;
    facts.stopped.clone_from(&verdicts.heard.stopped);
    // The hook saw the mail around them: of several mails in it, it cannot have meant each.
    if is_outer(original) || opened.originals.len() == 1 {
        heard::note_hint(read, &verdicts.heard, facts)?;
    }
    let Some(verdict) = verdicts.of(original) else { return Ok(()) };
    let author = original.offer.from.as_ref().map(|from| &from.address);
    if let Some(author) = author.filter(|author| verdict.proves(author)) {
        let user = gather::user_by_address(read, author)?;
        // Nobody speaks any more in the name of a user who was disabled.
        facts.sender_proven |= user.is_none_or(|user| !user.isdisabled);
    }
    facts.is_disowned = verdicts.disowns(original);
    facts.verdict = Some(verdict.clone());
    Ok(())
}
