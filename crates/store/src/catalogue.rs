//! The catalogue: which organizations there are, and where an address of ours leads.
//!
//! A route is published after the organization's own commit, synchronously and durably. A stale route is the
//! caller's to answer with 451, never 550.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use model::schema::catalogue::{Organization, Route};
use model::{Id, limits};

use crate::engine::{Checkpoint, Engine, Purpose, Readers, Session, Step};
use crate::lock::locked;
use crate::memory::Checked;
use crate::nouns::HeldLease;
use crate::{Read, StoreError, Tx, migrations};

/// The open catalogue.
pub(crate) struct Catalogue {
    readers: Readers,
    engine: Arc<dyn Engine>,
    /// Where addresses lead, as it was looked up last.
    routes: Routes,
    /// The connection that writes, and the writes since its log was carried over.
    writing: Mutex<(Option<Box<dyn Session>>, u32)>,
}

impl Catalogue {
    pub(crate) fn open(engine: Arc<dyn Engine>, readers_max: usize) -> Result<Self, StoreError> {
        let session = engine.open(Purpose::Write)?;
        migrations::migrate(session.as_ref(), migrations::CATALOGUE)?;
        let readers = Readers::new(Arc::clone(&engine), readers_max);
        let checked = if engine.is_remote() { Checked::now_and_then() } else { Checked::always() };
        let routes = Routes { are_shared: engine.is_remote(), checked, ..Routes::default() };
        let session = Some(session).filter(|session| !session.is_remote());
        Ok(Catalogue { readers, engine, routes, writing: Mutex::new((session, 0)) })
    }

    pub(crate) fn organizations(&self) -> Result<Vec<Organization>, StoreError> {
        self.readers.ask(|read| read.nouns("order by name", &[]))
    }

    pub(crate) fn organization(&self, id: Id) -> Result<Organization, StoreError> {
        let found = self.readers.ask(|read| read.noun("where organizationid = ?1", &[id.into()]))?;
        found.ok_or(StoreError::NotFound)
    }

    pub(crate) fn organization_by_name(&self, name: &str) -> Result<Organization, StoreError> {
        self.readers.ask(|read| read.noun("where name = ?1", &[name.into()]))?.ok_or(StoreError::NotFound)
    }

    pub(crate) fn add(&self, organization: &Organization) -> Result<(), StoreError> {
        self.write(|tx| match tx.insert(organization) {
            Err(StoreError::Conflict { .. }) => Err(StoreError::Exists),
            other => other,
        })
    }

    /// The same with the addresses that lead to it, all at once, by whoever holds this lease. `AddressTaken` where one leads
    /// elsewhere, `LeaseLost`.
    pub(crate) fn add_with_routes(
        &self,
        organization: &Organization,
        routes: &[Route],
        lease: Option<&HeldLease>,
    ) -> Result<(), StoreError> {
        self.write(|tx| {
            if let Some(lease) = lease
                && !tx.is_held(lease)?
            {
                return Err(StoreError::LeaseLost);
            }
            tx.insert(organization).map_err(|error| match error {
                StoreError::Conflict { .. } => StoreError::Exists,
                other => other,
            })?;
            for route in routes {
                if !tx.insert_if_absent(route)? {
                    return Err(StoreError::AddressTaken);
                }
            }
            Ok(())
        })
    }

    /// Takes an organization out, with the addresses that lead to it.
    pub(crate) fn remove(&self, id: Id) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute("delete from route where organizationid = ?1", &[id.into()])?;
            match tx.execute("delete from organization where organizationid = ?1", &[id.into()])? {
                0 => Err(StoreError::NotFound),
                _ => Ok(()),
            }
        })
    }

    /// The addresses that lead to an organization.
    pub(crate) fn routes_of(&self, organizationid: Id) -> Result<Vec<Route>, StoreError> {
        self.readers
            .ask(|read| read.nouns("where organizationid = ?1 order by address", &[organizationid.into()]))
    }

    pub(crate) fn route(&self, address: &str) -> Result<Option<Route>, StoreError> {
        self.routes.look_up(address, || self.asked_route(address))
    }

    /// The same, never out of memory.
    pub(crate) fn asked_route(&self, address: &str) -> Result<Option<Route>, StoreError> {
        self.readers.ask(|read| read.noun("where address = ?1", &[address.into()]))
    }

    pub(crate) fn sinks(&self) -> Result<Arc<[Route]>, StoreError> {
        self.routes.sinks(|| {
            self.readers.ask(|read| read.nouns("where kind = 1 order by organizationid, address", &[]))
        })
    }

    pub(crate) fn publish(&self, route: &Route) -> Result<(), StoreError> {
        self.write(|tx| {
            if tx.insert_if_absent(route)? {
                return Ok(());
            }
            let there: Option<Route> = tx.noun("where address = ?1", &[(&route.address).into()])?;
            if there.as_ref() == Some(route) { Ok(()) } else { Err(StoreError::AddressTaken) }
        })
    }

    pub(crate) fn withdraw(&self, address: &str, organizationid: Id) -> Result<bool, StoreError> {
        self.write(|tx| {
            let sql = "delete from route
                where address = ?1 and organizationid = ?2";
            Ok(tx.execute(sql, &[address.into(), organizationid.into()])? == 1)
        })
    }

    /// The id of the house, made with its catalogue.
    pub(crate) fn house(&self) -> Result<String, StoreError> {
        let sql = "select value from housesetting where name = 'house'";
        self.readers.ask(|read| read.one(sql, &[], |row| row.take()))?.ok_or(StoreError::Corrupt)
    }

    /// Hears which version the catalogue has, by a look that began then: whatever was remembered of an older one is forgotten. Where other
    /// nodes write too, what is remembered is believed for a few seconds after that and no longer.
    pub(crate) fn notice(&self, version: i64, began: u64) {
        if self.routes.seen.swap(version, Ordering::AcqRel) != version {
            self.routes.forget();
        }
        self.routes.checked.note(began);
    }

    /// Asks within one statement.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&Read<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.readers.ask(question)
    }

    /// Changes what is remembered.
    fn write<T>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let done = self.transact(|tx| {
            let value = work(tx)?;
            let sql = "update catalogueversion set number = number + 1 where name = ?1";
            tx.execute(sql, &[ROUTES.into()])?;
            Ok(value)
        });
        self.routes.forget();
        done
    }

    /// Writes at a server within one transaction beside all others: one that waits there for long holds up no lease.
    pub(crate) fn transact_beside<T>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // What failed is rolled back where the session ends.
        within(self.engine.open(Purpose::Write)?.as_ref(), work)
    }

    /// Writes within one transaction; a connection that failed is not used again.
    pub(crate) fn transact<T>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut writing = locked(&self.writing);
        let (slot, writes) = &mut *writing;
        let session = slot.take().map_or_else(|| self.engine.open(Purpose::Write), Ok)?;
        let done = within(session.as_ref(), work);
        *writes += 1;
        if *writes >= WRITES_BEFORE_CHECKPOINT && done.is_ok() {
            *writes = 0;
            // What cannot be carried over now will be next time.
            let _ = session.checkpoint(Checkpoint::Passive);
        }
        if done.is_ok() || session.step(Step::Rollback).is_ok() {
            *slot = Some(session).filter(|session| !session.is_remote());
        }
        done
    }
}

/// Does all of it in one transaction. Where it fails, that stays open: it is rolled back, or ends with its session.
fn within<T>(
    session: &dyn Session,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    session.step(Step::BeginWrite)?;
    let value = work(&mut Tx::new(session, None))?;
    session.step(Step::Commit)?;
    Ok(value)
}

/// Routes in memory, strangers' too: every RCPT asks for one.
#[derive(Default)]
struct Routes {
    /// Other nodes publish routes too: that an address leads nowhere is true only when it is asked.
    are_shared: bool,
    /// Whether what is remembered can be believed at the moment.
    checked: Checked,
    /// The version of the catalogue that was heard of last.
    seen: AtomicI64,
    /// Grows with every write to the catalogue.
    version: AtomicU64,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    ours: HashMap<Box<str>, Route>,
    /// Addresses that lead nowhere. Apart, so that whoever makes them up does not push ours out.
    unknown: HashSet<Box<str>>,
    /// The same where other nodes publish routes too, and when it was asked: of addresses with a detail alone, which
    /// nearly all lead where the address without it leads.
    unknown_lately: HashMap<Box<str>, Instant>,
    /// All sinks, once somebody asked for them.
    sinks: Option<Arc<[Route]>>,
}

impl Known {
    fn get(&self, address: &str) -> Option<Option<Route>> {
        let is_lately = |asked: &Instant| asked.elapsed() < UNKNOWN_FOR;
        if self.unknown_lately.get(address).is_some_and(is_lately) {
            return Some(None);
        }
        let ours = self.ours.get(address).cloned();
        if ours.is_none() { self.unknown.contains(address).then_some(None) } else { Some(ours) }
    }

    fn keep(&mut self, address: &str, route: Option<&Route>) {
        if self.ours.len() >= limits::ANSWERS_MAX {
            self.ours.clear();
        }
        if self.unknown.len() >= limits::UNKNOWN_ROUTES_MAX {
            self.unknown.clear();
        }
        match route {
            Some(route) => drop(self.ours.insert(address.into(), route.clone())),
            None => drop(self.unknown.insert(address.into())),
        }
    }
}

impl Known {
    fn keep_lately(&mut self, address: &str) {
        if self.unknown_lately.len() >= limits::UNKNOWN_ROUTES_MAX {
            self.unknown_lately.clear();
        }
        self.unknown_lately.insert(address.into(), Instant::now());
    }
}

impl Routes {
    fn look_up(
        &self,
        address: &str,
        ask: impl FnOnce() -> Result<Option<Route>, StoreError>,
    ) -> Result<Option<Route>, StoreError> {
        if self.checked.is_fresh()
            && let Some(route) = locked(&self.known).get(address)
        {
            return Ok(route);
        }
        let version = self.version.load(Ordering::Acquire);
        let route = ask()?;
        if self.are_shared && route.is_none() {
            if address.contains('+') {
                locked(&self.known).keep_lately(address);
            }
            return Ok(None);
        }
        let mut known = locked(&self.known);
        // What was read before a write that has ended meanwhile may be old.
        if self.version.load(Ordering::Acquire) == version {
            known.keep(address, route.as_ref());
        }
        Ok(route)
    }

    fn sinks(
        &self,
        ask: impl FnOnce() -> Result<Vec<Route>, StoreError>,
    ) -> Result<Arc<[Route]>, StoreError> {
        if let Some(sinks) = &locked(&self.known).sinks {
            return Ok(Arc::clone(sinks));
        }
        let version = self.version.load(Ordering::Acquire);
        let sinks: Arc<[Route]> = ask()?.into();
        if self.are_shared {
            return Ok(sinks);
        }
        let mut known = locked(&self.known);
        if self.version.load(Ordering::Acquire) == version {
            known.sinks = Some(Arc::clone(&sinks));
        }
        Ok(sinks)
    }

    fn forget(&self) {
        let mut known = locked(&self.known);
        self.version.fetch_add(1, Ordering::AcqRel);
        *known = Known::default();
    }
}

/// For so long an address with a detail is believed to lead nowhere, whatever other nodes do.
const UNKNOWN_FOR: Duration = Duration::from_secs(1);

/// The name under which changes of routes and organizations are counted.
pub(crate) const ROUTES: &str = "routes";

/// The catalogue is written rarely and by people: its log is carried over on the way.
const WRITES_BEFORE_CHECKPOINT: u32 = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_made_up_do_not_push_ours_out() {
        let mut known = Known::default();
        let ours = Route {
            address: "jane@contoso.test".to_owned(),
            organizationid: Id([1; 16]),
            kind: 1,
            targetid: Id([2; 16]),
        };
        known.keep(&ours.address, Some(&ours));
        for number in 0..3 * limits::ANSWERS_MAX {
            known.keep(&format!("{number}@x.test"), None);
        }
        assert_eq!(known.get(&ours.address), Some(Some(ours)));
        assert!(known.unknown.len() <= limits::UNKNOWN_ROUTES_MAX);
    }
}
