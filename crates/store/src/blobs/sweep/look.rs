//! A look for kept bytes that nothing names: all names of a range of blobs, crossed off one by one as everything that
//! names bytes is read, in pages and without a lock.
//!
//! No index tells who names a blob: it would cost every mail a page. So each look reads every reference once, at most
//! once a day.

use model::{Timestamp, limits};

use super::{Swept, doom};
use crate::engine::Readers;
use crate::rows::RowValues;
use crate::{Organization, Priority, Read, StoreError};

/// When a look began last, and the blob it went to: `<milliseconds> <hexadecimal digits>`.
const LOOK_SETTING: &str = "bloblook";

/// Whether a day has passed since the last look, or the clock was set back.
pub(super) fn is_due(organization: &Organization, now: Timestamp) -> Result<bool, StoreError> {
    let last = organization.readers().ask(|read| read.last_look())?;
    Ok(last.is_none_or(|last| last.on > now || last.on <= a_day_before(now)))
}

/// Since when bytes have to be unnamed before they may go.
pub(super) fn a_day_before(now: Timestamp) -> Timestamp {
    now.plus_seconds(-limits::BLOB_CONDEMNED_HOURS * 3_600)
}

/// Looks at the next range of blobs: all, unless there are too many for one look.
pub(super) fn look(organization: &Organization, now: Timestamp, swept: &mut Swept) -> Result<(), StoreError> {
    let readers = organization.readers();
    let begin = readers.ask(|read| read.last_look())?.map(|last| last.reached).unwrap_or_default();
    let range = Range::read(readers, begin)?;
    let end = Look { on: now, reached: range.reached.clone() };
    if !range.names.is_empty() {
        let seen = range.cross_off(readers)?;
        act(organization, &seen, now, swept)?;
    }
    organization.unit(Priority::Background, move |tx| tx.set_setting(LOOK_SETTING, &end.words())).wait()
}

/// Condemns what was not seen, or moves it on, and lets live what was.
fn act(
    organization: &Organization,
    seen: &Seen,
    now: Timestamp,
    swept: &mut Swept,
) -> Result<(), StoreError> {
    let mut after = seen.range.begin.clone();
    loop {
        let ids = organization.readers().ask(|read| read.blob_ids_after(&after))?;
        let Some(last) = ids.last() else { break };
        after.clone_from(last);
        let unseen: Vec<Vec<u8>> = ids.into_iter().filter(|id| seen.lacks(id)).collect();
        for few in unseen.chunks(limits::BLOB_ROWS_PER_UNIT_MAX) {
            let few = few.to_vec();
            let unit = organization.unit(Priority::Background, move |tx| {
                let mut ended = (0, 0);
                for blobid in &few {
                    let (is_removed, is_condemned) = doom(tx, blobid, (now, a_day_before(now)))?;
                    ended = (ended.0 + usize::from(is_removed), ended.1 + usize::from(is_condemned));
                }
                Ok::<_, StoreError>(ended)
            });
            let (removed, condemned) = unit.wait()?;
            swept.removed += removed;
            swept.condemned += condemned;
        }
        if !seen.range.reached.is_empty() && after > seen.range.reached {
            break;
        }
    }
    revive(organization, seen, swept)
}

/// What is condemned and was seen all the same was named beside an earlier look.
fn revive(organization: &Organization, seen: &Seen, swept: &mut Swept) -> Result<(), StoreError> {
    let mut after = seen.range.begin.clone();
    loop {
        let condemned = organization.readers().ask(|read| read.condemned_after(&after))?;
        let Some(last) = condemned.last() else { return Ok(()) };
        after.clone_from(last);
        let named: Vec<Vec<u8>> = condemned.into_iter().filter(|id| seen.has(id)).collect();
        if named.is_empty() {
            continue;
        }
        let unit = organization.unit(Priority::Background, move |tx| {
            let mut revived = 0;
            for blobid in &named {
                revived += usize::from(tx.revive(blobid)?);
            }
            Ok::<_, StoreError>(revived)
        });
        swept.revived += unit.wait()?;
    }
}

/// A look that began.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    on: Timestamp,
    /// The last blob it looked at; empty where it went to the end.
    reached: Vec<u8>,
}

impl Look {
    fn words(&self) -> String {
        let digits: String = self.reached.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{} {digits}", self.on.0)
    }

    fn read(words: &str) -> Option<Look> {
        let (on, digits) = words.split_once(' ')?;
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let reached: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(pair).collect();
        Some(Look { on: Timestamp(on.parse().ok()?), reached: reached? })
    }
}

/// The blobs of one look, by the first eight bytes of their names: two that share them are looked at as one, and the
/// one stays with the other.
struct Range {
    begin: Vec<u8>,
    /// The last of them; empty where it is the last there is.
    reached: Vec<u8>,
    /// In order.
    names: Vec<u64>,
}

impl Range {
    fn read(readers: &Readers, begin: Vec<u8>) -> Result<Range, StoreError> {
        let (mut after, mut names) = (begin.clone(), Vec::new());
        while names.len() < limits::BLOB_LOOK_MAX {
            let ids = readers.ask(|read| read.blob_ids_after(&after))?;
            let Some(last) = ids.last() else { return Ok(Range { begin, reached: Vec::new(), names }) };
            after.clone_from(last);
            names.extend(ids.iter().filter_map(|id| short(id)));
        }
        Ok(Range { begin, reached: after, names })
    }

    /// Reads everything that names bytes. A reference may move on to a table that is read later (the former source of
    /// an e-mail becomes one of its versions), never back to one that is read before.
    fn cross_off(self, readers: &Readers) -> Result<Seen, StoreError> {
        let mut seen = Seen { is_seen: vec![false; self.names.len()], range: self };
        let mut after: Vec<u8> = Vec::new();
        while let Some(last) = seen.page(readers.ask(|read| read.sources_after(&after))?) {
            after = last;
        }
        let mut version = (Vec::new(), None);
        loop {
            let versions = readers.ask(|read| read.version_sources_after(&version))?;
            let Some(last) = versions.last() else { break };
            version.clone_from(last);
            seen.page(versions);
        }
        after.clear();
        while let Some(last) = seen.page(readers.ask(|read| read.undeliverable_sources_after(&after))?) {
            after = last;
        }
        after.clear();
        while let Some(last) = seen.page(readers.ask(|read| read.outer_sources_after(&after))?) {
            after = last;
        }
        after.clear();
        while let Some(last) = seen.page(readers.ask(|read| read.sent_sources_after(&after))?) {
            after = last;
        }
        Ok(seen)
    }
}

/// The key of a row, and the bytes that it names.
type Naming = (Vec<u8>, Option<Vec<u8>>);

/// A range and what of it was seen.
struct Seen {
    range: Range,
    is_seen: Vec<bool>,
}

impl Seen {
    /// Notes what a page of rows names; the key of its last row.
    fn page(&mut self, page: Vec<Naming>) -> Option<Vec<u8>> {
        page.iter().filter_map(|(_, blobid)| blobid.as_ref()).for_each(|blobid| self.note(blobid));
        page.into_iter().next_back().map(|(key, _)| key)
    }

    fn note(&mut self, blobid: &[u8]) {
        for place in self.places(blobid) {
            if let Some(is_seen) = self.is_seen.get_mut(place) {
                *is_seen = true;
            }
        }
    }

    /// Whether it was there when the look began, and nothing named it.
    fn lacks(&self, blobid: &[u8]) -> bool {
        let mut places = self.places(blobid);
        !places.is_empty() && places.all(|place| self.is_seen.get(place) == Some(&false))
    }

    fn has(&self, blobid: &[u8]) -> bool {
        self.places(blobid).any(|place| self.is_seen.get(place) == Some(&true))
    }

    fn places(&self, blobid: &[u8]) -> std::ops::Range<usize> {
        let Some(name) = short(blobid) else { return 0..0 };
        let names = &self.range.names;
        names.partition_point(|known| *known < name)..names.partition_point(|known| *known <= name)
    }
}

fn short(blobid: &[u8]) -> Option<u64> {
    blobid.first_chunk().map(|first| u64::from_be_bytes(*first))
}

impl Read<'_> {
    fn last_look(&self) -> Result<Option<Look>, StoreError> {
        // What cannot be read is a look that never was.
        Ok(self.setting(LOOK_SETTING)?.as_deref().and_then(Look::read))
    }

    fn condemned_after(&self, blobid: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
        let sql = "select blobid
            from blob
            where condemnedon is not null and statecode = 1 and blobid > ?1
            order by blobid
            limit 500";
        self.rows(sql, &[blobid.into()], |row| row.take())
    }

    fn sources_after(&self, after: &[u8]) -> Result<Vec<Naming>, StoreError> {
        let sql = "select activityid, blobid
            from email
            where activityid > ?1
            order by activityid
            limit 1000";
        self.rows(sql, &[after.into()], keyed)
    }

    /// An e-mail has several: the key is both.
    fn version_sources_after(&self, (activityid, blobid): &Naming) -> Result<Vec<Naming>, StoreError> {
        let sql = "select activityid, blobid
            from emailversion
            where (activityid, blobid) > (?1, ?2)
            order by activityid, blobid
            limit 1000";
        let blobid = blobid.as_deref().unwrap_or_default();
        self.rows(sql, &[activityid.into(), blobid.into()], keyed)
    }

    fn undeliverable_sources_after(&self, after: &[u8]) -> Result<Vec<Naming>, StoreError> {
        let sql = "select undeliverableid, blobid
            from undeliverable
            where undeliverableid > ?1
            order by undeliverableid
            limit 1000";
        self.rows(sql, &[after.into()], keyed)
    }

    fn outer_sources_after(&self, after: &[u8]) -> Result<Vec<Naming>, StoreError> {
        let sql = "select copyid, outerblobid
            from copy
            where copyid > ?1
            order by copyid
            limit 1000";
        self.rows(sql, &[after.into()], keyed)
    }

    /// What went out in place of what was written.
    fn sent_sources_after(&self, after: &[u8]) -> Result<Vec<Naming>, StoreError> {
        let sql = "select activityid, sentblobid
            from presend
            where activityid > ?1
            order by activityid
            limit 1000";
        self.rows(sql, &[after.into()], keyed)
    }
}

fn keyed(row: &mut RowValues<'_>) -> Result<Naming, StoreError> {
    Ok((row.take()?, row.take()?))
}
