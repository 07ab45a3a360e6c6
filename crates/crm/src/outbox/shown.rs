//! The outbox as people look at it: how each mail stands, whose it is, and what can be done about it.
//!
//! *Invariant:* nobody but an administrator sees or changes another's mail here.

use model::schema::emails::{STATUS_CANCELED, STATUS_FAILED};
use model::{Id, Timestamp, limits};
use store::{Behind, Organization, OutboxLine};

use crate::CrmError;

/// How an outgoing mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It goes out later, and was not tried yet.
    Scheduled,
    /// It goes out as soon as it can; it may have been tried before.
    Waiting,
    /// A node has it.
    Sending,
    /// Somebody may have it, and nobody knows.
    Uncertain,
    /// Somebody, or nobody at all, does not get it.
    Failed,
    /// The relay has it for all.
    Sent,
    /// It was taken back before it went.
    Canceled,
}

/// Whose mail is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// That of all: for administrators.
    All,
    /// That of one user.
    Of(Id),
}

/// One mail of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its row.
    pub line: OutboxLine,
    /// How it stands.
    pub standing: Standing,
}

impl Shown {
    /// Whether to try it now would do something.
    pub fn may_be_retried(&self) -> bool {
        let waits = matches!(
            self.standing,
            Standing::Scheduled | Standing::Waiting | Standing::Uncertain | Standing::Failed
        );
        // Whom the relay took it for, and whose server gave it back, is not tried again.
        let has_anybody = self.standing != Standing::Failed || self.line.failed > 0;
        waits && has_anybody && self.line.owner.is_none()
    }

    /// Whether it can still be taken back.
    pub fn may_be_canceled(&self) -> bool {
        self.line.waitsin.is_some() && self.line.owner.is_none() && self.line.doton.is_none()
    }
}

/// Some mails that stand so (`None`: however they stand), put in before a moment, the newest first; and where to go on. Where
/// few of very many are asked for, there may be none among those that were looked through, and still more behind.
///
/// # Errors
/// Where the store cannot do it.
pub fn shown(
    organization: &Organization,
    (whose, standing): (Whose, Option<Standing>),
    (behind, limit): (Behind, usize),
    now: Timestamp,
) -> Result<(Vec<Shown>, Behind), CrmError> {
    let most = limits::OUTBOX_LOOKED_MAX;
    let looked = organization.read(|read| read.outbox_behind(behind, most))?;
    let place = |line: &OutboxLine| (line.createdon, line.id);
    let end = looked.last().filter(|_| looked.len() == most).map(place);
    let mut found: Vec<Shown> = looked
        .into_iter()
        .filter(|line| is_of(whose, line))
        .map(|line| Shown { standing: stands(&line, now), line })
        .filter(|shown| standing.is_none_or(|wanted| is_wanted(shown, wanted)))
        .take(limit + 1)
        .collect();
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = if has_more { found.last().map(|shown| place(&shown.line)) } else { end };
    Ok((found, next))
}

/// One of them.
///
/// # Errors
/// [`CrmError::NotFound`] where it did not go out from here, or is another's.
pub fn shown_one(
    organization: &Organization,
    (whose, id): (Whose, Id),
    now: Timestamp,
) -> Result<Shown, CrmError> {
    let line = organization.read(|read| read.outbox_line(id))?.filter(|line| is_of(whose, line));
    let line = line.ok_or(CrmError::NotFound { what: "the outgoing mail" })?;
    Ok(Shown { standing: stands(&line, now), line })
}

/// How many mails of the last days failed, and how many are uncertain, of as many as one page looks through.
///
/// # Errors
/// Where the store cannot do it.
pub fn troubles(
    organization: &Organization,
    whose: Whose,
    now: Timestamp,
) -> Result<(usize, usize), CrmError> {
    let looked = organization.read(|read| read.outbox_behind(None, limits::OUTBOX_LOOKED_MAX))?;
    let since = now.plus_seconds(-limits::OUTBOX_TROUBLE_DAYS * 86_400);
    let mine = looked.iter().filter(|line| line.createdon >= since && is_of(whose, line));
    let standings: Vec<Standing> = mine.map(|line| stands(line, now)).collect();
    let count = |wanted: Standing| standings.iter().filter(|standing| **standing == wanted).count();
    Ok((count(Standing::Failed), count(Standing::Uncertain)))
}

fn is_of(whose: Whose, line: &OutboxLine) -> bool {
    match whose {
        Whose::All => true,
        Whose::Of(user) => line.ownerid == Some(user),
    }
}

/// Who asks for what waits wants to see what is on its way, too.
fn is_wanted(shown: &Shown, wanted: Standing) -> bool {
    shown.standing == wanted || (shown.standing == Standing::Sending && wanted == Standing::Waiting)
}

fn stands(line: &OutboxLine, now: Timestamp) -> Standing {
    let is_over = line.endedon.is_some();
    match line {
        _ if line.owner.is_some() => Standing::Sending,
        _ if line.uncertain > 0 || (!is_over && line.waitsin.is_none() && line.doton.is_some()) => {
            Standing::Uncertain
        }
        _ if !is_over && line.attempts == 0 && line.waitsin.is_some() && line.dueon > now => {
            Standing::Scheduled
        }
        _ if !is_over => Standing::Waiting,
        _ if line.statuscode == STATUS_CANCELED => Standing::Canceled,
        _ if line.statuscode == STATUS_FAILED || line.failed > 0 => Standing::Failed,
        _ => Standing::Sent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> OutboxLine {
        OutboxLine {
            id: Id::default(),
            createdon: Timestamp(1),
            waitsin: Some(0),
            dueon: Timestamp(10),
            owner: None,
            attempts: 0,
            doton: None,
            lasterror: None,
            endedon: None,
            subject: String::new(),
            torecipients: String::new(),
            statuscode: 6,
            ownerid: None,
            recipients: 1,
            failed: 0,
            uncertain: 0,
            way: String::new(),
        }
    }

    /// How it stands at 10, and whether it may be tried and taken back.
    fn check(line: OutboxLine, standing: Standing, may: [bool; 2]) {
        let shown = Shown { standing: stands(&line, Timestamp(10)), line };
        let told = (shown.standing, [shown.may_be_retried(), shown.may_be_canceled()]);
        assert_eq!(told, (standing, may), "{shown:?}");
    }

    #[test]
    fn each_row_stands_somewhere_and_offers_what_can_be_done() {
        let over = || OutboxLine { waitsin: None, endedon: Some(Timestamp(9)), statuscode: 3, ..line() };
        check(OutboxLine { dueon: Timestamp(11), ..line() }, Standing::Scheduled, [true, true]);
        check(line(), Standing::Waiting, [true, true]);
        check(OutboxLine { attempts: 2, dueon: Timestamp(11), ..line() }, Standing::Waiting, [true, true]);
        check(OutboxLine { waitsin: None, ..line() }, Standing::Waiting, [true, false]);
        check(OutboxLine { owner: Some(Id::default()), ..line() }, Standing::Sending, [false, false]);
        check(OutboxLine { doton: Some(Timestamp(8)), ..line() }, Standing::Waiting, [true, false]);
        let unknown = OutboxLine { doton: Some(Timestamp(8)), waitsin: None, uncertain: 1, ..line() };
        check(unknown, Standing::Uncertain, [true, false]);
        check(OutboxLine { uncertain: 1, ..over() }, Standing::Uncertain, [true, false]);
        check(OutboxLine { failed: 1, ..over() }, Standing::Failed, [true, false]);
        check(OutboxLine { statuscode: 8, failed: 1, ..over() }, Standing::Failed, [true, false]);
        check(OutboxLine { statuscode: 8, ..over() }, Standing::Failed, [false, false]);
        check(OutboxLine { statuscode: 5, ..over() }, Standing::Canceled, [false, false]);
        check(over(), Standing::Sent, [false, false]);
    }
}
