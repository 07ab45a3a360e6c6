//! Looking at a server before it is used: its version, whether it writes, what we may do there, its clock.

use std::time::{Duration, SystemTime};

use model::schema::Value;

use super::PostgresServer;
use super::pool::Key;
use super::wire::{Params, Request};
use crate::StoreError;
use crate::engine::Purpose;

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState {
    /// Its version, as it writes it.
    pub version: String,
    /// Whether it only reads.
    pub is_standby: bool,
    /// Whether our schemas are there already.
    pub has_schema: bool,
    /// Whether we may make schemas, and change those that are there.
    pub may_change: bool,
    /// Connections that it allows, for everybody.
    pub connections_max: i64,
    /// Which database it is, and which of our catalogues in it, by whatever name it was reached: the same at all nodes and
    /// on a standby that was promoted, another one where a dump was loaded. Empty where the server does not tell.
    pub place: String,
    /// Milliseconds by which the clock of this machine is ahead.
    pub clock_ahead: i64,
    number: i64,
}

/// `pg_current_xact_id` (<https://www.postgresql.org/docs/13/functions-info.html>) is of this version.
const OLDEST: i64 = 130_000;

impl ServerState {
    /// `OldServer`, `Standby`.
    pub fn is_fit(&self) -> Result<(), StoreError> {
        if self.number < OLDEST {
            return Err(StoreError::OldServer { found: self.version.clone() });
        }
        if self.is_standby { Err(StoreError::Standby) } else { Ok(()) }
    }
}

const ASK: &str = "select current_setting('server_version_num')::bigint, current_setting('server_version'),
        pg_is_in_recovery(),
        exists (select 1 from pg_namespace where nspname = $1),
        case when exists (select 1 from pg_namespace where nspname = $1)
            then exists (select 1 from pg_namespace where nspname = $1 and pg_has_role(nspowner, 'usage'))
                and has_database_privilege(current_database(), 'create')
            else has_database_privilege(current_database(), 'create') end,
        current_setting('max_connections')::bigint,
        (extract(epoch from clock_timestamp()) * 1000)::bigint";

/// <https://www.postgresql.org/docs/13/functions-info.html#FUNCTIONS-INFO-CONTROLDATA>
const ASK_PLACE: &str = "select 'postgres ' || c.system_identifier || ' ' || d.oid || ' ' || $1
    from pg_control_system() as c, pg_database as d
    where d.datname = current_database()";

impl PostgresServer {
    /// Asks a server about itself and the schema of a catalogue.
    pub(crate) fn examine(&self, catalogue: &str) -> Result<ServerState, StoreError> {
        let lease = self.pool.lease(Key { schema: catalogue.into(), purpose: Purpose::Read })?;
        let given = [Value::Text(catalogue.to_owned())];
        let request = || vec![Request { text: ASK.into(), params: Params::Given(&given) }];
        // Once to have it prepared: the second answer takes one trip, and tells the time better.
        lease.wire()?.send(request())?;
        let before = present();
        let answer = lease.wire()?.send(request())?.pop().and_then(|mut answer| answer.rows.pop());
        let middle = i64::midpoint(before, present());
        let request = vec![Request { text: ASK_PLACE.into(), params: Params::Given(&given) }];
        let place = match lease.wire()?.send(request) {
            Ok(mut answers) => answers.pop().and_then(|mut answer| answer.rows.pop()),
            // Some who run servers for others tell nobody.
            Err(StoreError::Refused { .. } | StoreError::Statement(_)) => None,
            Err(error) => return Err(error),
        };
        let place = place.and_then(|row| row.into_iter().next());
        let line = answer.ok_or(StoreError::Corrupt)?;
        let number = |place: usize| match line.get(place) {
            Some(Value::Int(number)) => *number,
            _ => 0,
        };
        let version = match line.get(1) {
            Some(Value::Text(version)) => version.clone(),
            _ => String::new(),
        };
        Ok(ServerState {
            version,
            is_standby: number(2) != 0,
            has_schema: number(3) != 0,
            may_change: number(4) != 0,
            connections_max: number(5),
            place: if let Some(Value::Text(place)) = place { place } else { String::new() },
            clock_ahead: middle - number(6),
            number: number(0),
        })
    }
}

fn present() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().as_ref().map_or(0, Duration::as_millis);
    i64::try_from(since).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_and_standbys_are_not_fit() {
        let state = |number, is_standby| ServerState {
            version: "some".to_owned(),
            is_standby,
            has_schema: true,
            may_change: true,
            connections_max: 100,
            place: String::new(),
            clock_ahead: 0,
            number,
        };
        assert!(state(130_000, false).is_fit().is_ok());
        assert!(matches!(state(120_022, false).is_fit(), Err(StoreError::OldServer { .. })));
        assert!(matches!(state(150_005, true).is_fit(), Err(StoreError::Standby)));
    }
}
