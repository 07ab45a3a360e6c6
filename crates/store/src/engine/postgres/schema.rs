//! What every schema has beside the declared tables, and how connections to it are set up.

use super::pool::Key;
use super::wire::{Params, Request, Wire};
use crate::StoreError;
use crate::engine::Purpose;

/// The settings of a connection, as start-up options.
///
/// A server that lost us frees what we held within seconds: a node that died must not keep the others waiting.
pub(super) fn options(key: &Key) -> String {
    let schema = &key.schema;
    let mut text = format!(
        "-c search_path={schema} -c jit=off -c lock_timeout=15s -c idle_in_transaction_session_timeout=15s \
         -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 \
         -c tcp_user_timeout=10000"
    );
    match key.purpose {
        // Every statement of a unit finds its rows by an index. The planner's own choice is made once, for tables that
        // may have been empty then.
        Purpose::Write => text.push_str(
            " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off \
             -c enable_mergejoin=off",
        ),
        Purpose::Search => {
            let seconds = model::limits::SEARCH_SECONDS_MAX;
            // Hits are found by the index of words, whatever the planner believes about them; of very many, their places
            // fit into the memory.
            text.push_str(&format!(
                " -c statement_timeout={seconds}s -c enable_seqscan=off -c work_mem=32MB"
            ));
        }
        // What a crash of the server takes of an index is made again: its place in the events goes with it.
        Purpose::Index => text.push_str(" -c synchronous_commit=off -c enable_seqscan=off"),
        Purpose::Read | Purpose::Checkpoint => {}
    }
    text
}

/// Makes the schema and what every one has; nothing where all of it is there. Several nodes may do so at once: each
/// statement is tried again where another one was in the way.
pub(super) fn prepare(wire: &Wire, schema: &str) -> Result<(), StoreError> {
    let script =
        |text: String| wire.send(vec![Request { text: text.into(), params: Params::Script }]).map(drop);
    let is_there = wire.send(vec![Request {
        text: "select 1 from pg_namespace n join pg_proc p on p.pronamespace = n.oid \
               where n.nspname = current_schema() and p.proname = 'prepared_2'"
            .into(),
        params: Params::Given(&[]),
    }])?;
    if is_there.first().is_some_and(|answer| answer.changed > 0) {
        return Ok(());
    }
    let mut tried = 0;
    loop {
        let made = script(format!("create schema if not exists {schema}"))
            .and_then(|()| script(PREPARED.to_owned()));
        tried += 1;
        if made.is_err() {
            // What failed may have begun a transaction.
            script("rollback".to_owned())?;
        }
        match made {
            Err(StoreError::Conflict { .. } | StoreError::Statement(_)) if tried < ATTEMPTS_MAX => {}
            ended => return ended,
        }
    }
}

/// Two nodes that begin at once get in each other's way only once or twice.
const ATTEMPTS_MAX: u32 = 5;

/// `writersheet`: marks of commits, on the sheets of connections. `heldkey`: keys held by running transactions; it is
/// always empty for everybody else, so it need not survive anything. `settled`: whether an event may be read: none that
/// commits later comes before it. `leaseclock`: the time that leases count by, the same for all nodes.
const PREPARED: &str = "
begin;
create table if not exists writersheet (
    sheet bigint not null,
    number bigint not null,
    isrefused boolean not null default false,
    primary key (sheet, number)
);
create unlogged table if not exists heldkey (keyhash bytea not null primary key);
create or replace function settled(eventid bigint) returns boolean language sql stable as
    'select eventid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint * 1048576';
create or replace function leaseclock(house bigint) returns bigint language sql volatile as
    'select (extract(epoch from clock_timestamp()) * 1000)::bigint';
create or replace function prepared_2() returns bigint language sql immutable as 'select 2::bigint';
commit;";

/// Takes the next sheet. No row comes back where another connection took the same one.
pub(super) const TAKE_SHEET: &str = "insert into writersheet (sheet, number)
    select coalesce((select max(sheet) from writersheet), 0) + 1, 0
    on conflict do nothing
    returning sheet";

/// Writes the mark of a transaction in its place, as that of one that is refused; where it stands already, it says what
/// it stands for.
pub(super) const SETTLE: &str = "insert into writersheet (sheet, number, isrefused) values ($1, $2, true)
    on conflict (sheet, number) do update set isrefused = writersheet.isrefused
    returning isrefused";
