//! A dump of a server that was loaded into another one: its events are numbered anew, in a new epoch.
//!
//! The number of an event begins with the transaction that wrote it, and another server counts its transactions by
//! itself: what happens from now on would stand before the events of the dump, and be read by nobody. Followers that the
//! organization knows go on behind the same events. Only at a server: the words are PostgreSQL's.

use crate::engine::{Session, Step};
use crate::nouns::{Cursor, FormerPlace};
use crate::{Read, StoreError, Tx};

/// Begins an epoch where the events are of transactions that this server has yet to begin.
pub(crate) fn settle(session: &dyn Session) -> Result<(), StoreError> {
    if !are_ahead(session)? {
        return Ok(());
    }
    session.step(Step::BeginWrite)?;
    // Nodes that open it at once take turns.
    let hold = "insert into setting (name, value) values ('epoch', '00000000-0000-0000-0000-000000000000')
        on conflict (name) do update set value = setting.value";
    let numbered = session.execute(hold, &[]).and_then(|_| {
        // One that came before may have done it.
        if are_ahead(session)? { number_anew(session) } else { Ok(()) }
    });
    if numbered.is_err() {
        session.step(Step::Rollback)?;
        return numbered;
    }
    session.step(Step::Commit)
}

fn are_ahead(session: &dyn Session) -> Result<bool, StoreError> {
    let sql = "select 1 from event
        where eventid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint * 1048576
        limit 1";
    Ok(Read::new(session).one(sql, &[], |_| Ok(()))?.is_some())
}

/// With the places of followers.
fn number_anew(session: &dyn Session) -> Result<(), StoreError> {
    tracing::warn!("a dump was loaded into another server; its events are numbered anew, in a new epoch");
    let read = Read::new(session);
    let places = read.followers_in(read.epoch()?)?;
    let behind = |place: FormerPlace| {
        let sql = "select count(*) from event where eventid <= ?1";
        let count: Option<i64> = read.one(sql, &[place.at.eventid.into()], |row| row.take())?;
        Ok((place, count.unwrap_or_default()))
    };
    let places = places.into_iter().map(behind).collect::<Result<Vec<_>, StoreError>>()?;
    number(session)?;
    let sql = "update setting set value = gen_random_uuid()::text where name = 'epoch'";
    session.execute(sql, &[])?;
    let epoch = read.epoch()?;
    // Numbers begin with 1.
    let mut tx = Tx::new(session, None);
    places.iter().try_for_each(|(place, count)| tx.carry_follower(place, Cursor { epoch, eventid: *count }))
}

/// From 1 on, in their old order, by way of numbers that no event has; some at a time, for a statement may not take long.
fn number(session: &dyn Session) -> Result<(), StoreError> {
    let read = Read::new(session);
    let (mut last, mut numbered) = (0_i64, 0_i64);
    loop {
        let sql = "with part as (
                select eventid, row_number() over (order by eventid) as number
                from (select eventid from event where eventid > ?1 order by eventid limit 20000) as few),
            moved as (
                update event set eventid = -(part.number + ?2) from part
                where event.eventid = part.eventid)
            select coalesce(max(eventid), 0), count(*) from part";
        let row = read.one(sql, &[last.into(), numbered.into()], |row| Ok((row.take()?, row.take()?)))?;
        let Some((reached, count)): Option<(i64, i64)> = row.filter(|(_, count)| *count > 0) else { break };
        (last, numbered) = (reached, numbered + count);
    }
    for first in (1..=numbered).step_by(20_000) {
        let sql = "update event set eventid = -eventid where eventid <= ?1 and eventid > ?2";
        session.execute(sql, &[(-first).into(), (-first - 20_000).into()])?;
    }
    Ok(())
}
