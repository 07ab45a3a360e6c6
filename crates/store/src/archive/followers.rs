//! Whoever follows events goes on in another house behind those that he heard: events keep their order there, and have other
//! numbers.
//!
//! What passes through: places in the events of the house that wrote the archive become counts, by the events in the archive, and
//! those become places among the events as they were numbered here.

use model::Id;
use model::schema::{Noun as _, Value, house};

use super::format::{self, Kind};
use super::open::Archive;
use super::{ArchiveError, place_of};
use crate::nouns::{Cursor, FormerPlace};
use crate::{StoreError, Tx};

/// Places that were taken in the house of the archive, each with how many events stood up to it there.
pub(super) struct Followers(Vec<(FormerPlace, i64)>);

impl Followers {
    /// Counts for those places. Where there are some the archive is read once more.
    pub(super) fn count(places: Vec<FormerPlace>, archive: &mut Archive) -> Result<Self, ArchiveError> {
        let mut counted: Vec<(FormerPlace, i64)> = places.into_iter().map(|place| (place, 0)).collect();
        if !counted.is_empty() {
            events(archive, |eventid| {
                let behind = counted.iter_mut().filter(|(place, _)| eventid <= place.at.eventid);
                behind.for_each(|(_, count)| *count += 1);
            })?;
        }
        Ok(Followers(counted))
    }

    /// Has them count in the epoch that begins here.
    pub(super) fn go_on(&self, tx: &mut Tx<'_>, epoch: Id) -> Result<(), StoreError> {
        for (place, count) in &self.0 {
            let eventid = tx.nth_event(*count)?;
            tx.carry_follower(place, Cursor { epoch, eventid })?;
        }
        Ok(())
    }
}

/// The numbers of all events of an archive.
fn events(archive: &mut Archive, mut each: impl FnMut(i64)) -> Result<(), ArchiveError> {
    let table = &house::Event::TABLE;
    // The table's own first column, and that of each archive: tables only grow at their ends.
    let place = place_of(table, "eventid").ok_or(StoreError::Corrupt)?;
    archive.begin_again()?;
    let mut is_it = false;
    loop {
        match archive.records().next()? {
            (Kind::Table, content) => {
                let name = format::values(&content, 1 + model::limits::ARCHIVE_COLUMNS_MAX)?;
                is_it = name.first() == Some(&Value::Text(table.name.to_owned()));
            }
            (Kind::Row, content) if is_it => {
                match format::values(&content, table.columns.len())?.get(place) {
                    Some(Value::Int(eventid)) => each(*eventid),
                    _ => return Err(ArchiveError::Damaged("an event has no number")),
                }
            }
            (Kind::TableEnd, _) if is_it => return Ok(()),
            (Kind::End, _) => return Ok(()),
            _ => {}
        }
    }
}
