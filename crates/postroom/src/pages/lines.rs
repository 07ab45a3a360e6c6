//! Lines of lists: mails and parties to settle, and where the next page of a list begins.

use model::schema::emails::{ActivityParty, PartyCandidate, STATUS_DRAFT};
use model::{Id, Timestamp, limits};
use store::{EmailLine, Read, StoreError};
use web::Failure;
use web::values::{CandidateLine, Direction, List, MailLine, Page, RecordLink, UnresolvedLine, Visitor};

use super::Names;
use super::names::record;

/// `participationtypemask` of a sender.
pub(super) const SENDER: i32 = 1;

/// Where a page of the mail begins, as [`latest`] gave it out.
pub(super) fn behind(key: &str) -> Result<(Timestamp, Id), Failure> {
    let read = || {
        let (time, id) = key.split_once('.')?;
        Some((Timestamp(time.parse().ok()?), id.parse().ok()?))
    };
    read().ok_or(Failure::NotFound)
}

/// A page of all e-mails, newest first. Drafts of others are left out, so it may have fewer rows than others.
pub(super) fn latest(
    read: &Read<'_>,
    visitor: &Visitor,
    behind: Option<(Timestamp, Id)>,
) -> Result<List<MailLine>, StoreError> {
    let mut rows = read.latest_emails(behind, limits::PAGE_ROWS_MAX + 1)?;
    let has_more = rows.len() > limits::PAGE_ROWS_MAX;
    rows.truncate(limits::PAGE_ROWS_MAX);
    let next = rows.last().filter(|_| has_more).map(|row| format!("{}.{}", row.sortdate.0, row.id));
    let names = &mut Names::new(read);
    let shown = rows.iter().filter(|row| is_shown(visitor, row));
    Ok(List { rows: shown.map(|row| line(names, row)).collect::<Result<_, _>>()?, next })
}

/// Whether an e-mail stands in the visitor's lists.
pub(super) fn is_shown(visitor: &Visitor, email: &EmailLine) -> bool {
    super::is_shown(visitor, (email.statuscode, email.owner))
}

/// One e-mail in a list.
pub(super) fn line(names: &mut Names<'_, '_>, email: &EmailLine) -> Result<MailLine, StoreError> {
    let parties = names.read.parties(email.id)?;
    let sender = parties.iter().find(|party| party.participationtypemask == SENDER);
    let name = sender.and_then(|party| party.partyidname.clone()).filter(|name| !name.is_empty());
    Ok(MailLine {
        id: email.id,
        direction: direction(email.is_outgoing),
        time: email.sortdate,
        sender: name.or_else(|| email.sender.clone()).unwrap_or_default(),
        subject: email.subject.clone(),
        preview: email.preview.clone(),
        attachments: u32::try_from(email.attachments).unwrap_or(0),
        record: customer(names, &parties, email.is_outgoing)?,
        is_unsettled: parties.iter().any(|party| party.isambiguous == Some(true)),
        is_draft: email.statuscode == STATUS_DRAFT,
    })
}

/// The customer on the other side: who wrote it, or to whom it went; else any on it.
fn customer(
    names: &mut Names<'_, '_>,
    parties: &[ActivityParty],
    is_outgoing: bool,
) -> Result<Option<RecordLink>, StoreError> {
    let is_first = |party: &&ActivityParty| (party.participationtypemask == SENDER) != is_outgoing;
    let (first, others): (Vec<_>, Vec<_>) = parties.iter().partition(is_first);
    for party in first.into_iter().chain(others) {
        if let Some(record) = record(party.partyid, party.partyobjecttypecode)
            && let Some(link) = names.link(record)?
        {
            return Ok(Some(link));
        }
    }
    Ok(None)
}

pub(super) fn direction(is_outgoing: bool) -> Direction {
    if is_outgoing { Direction::Outgoing } else { Direction::Incoming }
}

/// Parties that a person has to settle.
pub(super) fn unresolved(
    read: &Read<'_>,
    rows: &[store::UnresolvedLine],
) -> Result<Vec<UnresolvedLine>, StoreError> {
    let names = &mut Names::new(read);
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let parties = read.parties(row.email.id)?;
        let party = parties.into_iter().find(|party| party.activitypartyid == row.party);
        lines.push(UnresolvedLine {
            mail: line(names, &row.email)?,
            name: party.and_then(|party| party.partyidname).unwrap_or_default(),
            address: row.address.clone(),
            candidates: candidates(names, &row.candidates)?,
        });
    }
    Ok(lines)
}

/// Ranked candidates that still have a page.
pub(super) fn candidates(
    names: &mut Names<'_, '_>,
    rows: &[PartyCandidate],
) -> Result<Vec<CandidateLine>, StoreError> {
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(record) = record(Some(row.objectid), Some(row.objecttypecode))
            && let Some(record) = names.link(record)?
        {
            let rank = u32::try_from(row.rank).unwrap_or(0);
            lines.push(CandidateLine { record, rank, why: row.why.clone() });
        }
    }
    Ok(lines)
}

/// The page of a list that was read whole. A page begins behind the row with the key of the page before.
pub(super) fn page_of<T>(rows: Vec<T>, page: &Page, key: impl Fn(&T) -> String) -> Result<List<T>, Failure> {
    let start = match &page.after {
        Some(after) => rows.iter().position(|row| key(row) == *after).ok_or(Failure::NotFound)? + 1,
        None => 0,
    };
    let has_more = rows.len() > start + limits::PAGE_ROWS_MAX;
    let rows: Vec<T> = rows.into_iter().skip(start).take(limits::PAGE_ROWS_MAX).collect();
    let next = rows.last().filter(|_| has_more).map(key);
    Ok(List { rows, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_and_miss_nothing() {
        let all: Vec<usize> = (0..limits::PAGE_ROWS_MAX * 2 + 1).collect();
        let (mut page, mut seen) = (Page::default(), Vec::new());
        loop {
            let list = page_of(all.clone(), &page, usize::to_string).unwrap();
            seen.extend(list.rows);
            let Some(next) = list.next else { break };
            page.after = Some(next);
        }
        assert_eq!(seen, all);
        let unknown = Page { after: Some("x".to_owned()), ..Page::default() };
        assert!(matches!(page_of(all, &unknown, usize::to_string), Err(Failure::NotFound)));
        assert!(behind("12").is_err() && behind("x.y").is_err());
    }
}
