//! What the rows of a full house are made of, in the words of each engine.
//!
//! What passes through: ranges of numbers become the source of an insert; the name of a column becomes what stands in
//! it. `n.i` is the number of a row, `n.j` that of the mail it answers or its own, `n.ms` its time, `n.c` its contact;
//! `m` is the mail it is like, `t` a row of that mail.

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};

use super::Bulk;
use crate::engine::Session;

/// Mails of four years, whatever their number.
const MILLISECONDS: u64 = 4 * 365 * 86_400_000;
const DAY: u64 = 86_400_000;
/// Contacts were made a second apart.
const BETWEEN_CONTACTS: u64 = 1_000;

/// The words of an engine for one filling.
pub(super) struct Words<'b> {
    bulk: Bulk<'b>,
    is_remote: bool,
    /// Table, name and statement of each index beside the keys.
    pub(super) indexes: &'static str,
}

/// Where the rows of an insert come from.
pub(super) struct Source {
    /// The numbers and the mails they are like.
    pub(super) numbers: String,
    is_mail: bool,
    event: String,
    writer: String,
    contact: String,
    bytes: &'static str,
}

impl<'b> Words<'b> {
    pub(super) fn of(session: &dyn Session, bulk: &Bulk<'b>) -> Self {
        let is_remote = session.is_remote();
        let indexes = if is_remote {
            "select tablename::text, indexname::text, indexdef from pg_indexes \
             where schemaname = current_schema() and indexname not like '%\\_pkey'"
        } else {
            "select tbl_name, name, sql from sqlite_schema where type = 'index' and sql is not null"
        };
        Words { bulk: *bulk, is_remote, indexes }
    }

    /// What comes before all rows: copies of those that are there, and the mails that others are like.
    pub(super) fn begin(&self, tables: &[&str]) -> String {
        let mut script = String::from(if self.is_remote { SERVER_BEGINS } else { FILE_BEGINS });
        for table in tables {
            script.push_str(&format!("create table bulk_{table} as select * from {table};\n"));
        }
        let (before, behind) = self.bulk.address;
        let last_copy = if self.is_remote {
            "(select max(sheet) * 4294967296 from writersheet)"
        } else {
            "(select max(copynumber) from copy)"
        };
        script.push_str(&format!(
            "create table bulk_model as select k.r, k.odd, e.activityid, o.copyid, \
             e.senton as written, (select contactid from contact) as contactid, (select max(arrivedon) from copy) as base, \
             (select max(eventid) from event) as lastevent, {last_copy} as lastcopy \
             from (select 0 as r, 0 as odd, 0 as answers union all select 1, 0, 0 union all select 2, 0, 1 \
             union all select 3, 1, 0 union all select 4, 1, 0 union all select 5, 1, 1) k \
             join email e on e.sender = '{before}' || k.odd || '{behind}' and \
             case when e.inreplyto is null then 0 else 1 end = k.answers \
             join outcome o on o.activityid = e.activityid;\n"
        ));
        script
    }

    /// What comes behind them.
    pub(super) fn end(&self, tables: &[&str]) -> String {
        let mut script = String::from("drop table bulk_model;\n");
        script.extend(tables.iter().map(|table| format!("drop table bulk_{table};\n")));
        script.push_str(if self.is_remote { SERVER_ENDS } else { FILE_ENDS });
        script
    }

    /// Mails: two new ones and an answer to the second, of a contact; the same of a stranger; and so on.
    pub(super) fn mails(&self, range: (u64, u64)) -> Source {
        let Bulk { contacts, emails, .. } = self.bulk;
        let step = MILLISECONDS / emails.max(1);
        let numbers = format!(
            "(select i, j, i % 6 as r, ({emails} - i) * {step} as ago, ({emails} - j) * {step} as jago, \
             (j * 2654435761 % 4294967296) % {} + 1 as c \
             from (select i, case when i % 3 = 2 then i - 1 else i end as j from {}) a) b",
            contacts - 1,
            self.series(range)
        );
        let numbers = format!(
            "(select b.i, b.j, b.c, m.base - b.ago as ms, m.base - b.jago as jms, \
             m.base - ({contacts} - b.c) * {BETWEEN_CONTACTS} as cms, m.* \
             from {numbers} cross join bulk_model m where m.r = b.r) n"
        );
        Source { is_mail: true, ..self.source(numbers, (range.0, contacts)) }
    }

    /// Contacts like the one that is there.
    pub(super) fn contacts(&self, range: (u64, u64)) -> Source {
        let contacts = self.bulk.contacts;
        let numbers = format!(
            "(select s.i, s.i as c, m.base - ({contacts} - s.i) * {BETWEEN_CONTACTS} as ms, \
             m.base - ({contacts} - s.i) * {BETWEEN_CONTACTS} as cms, m.* \
             from {} cross join bulk_model m where m.r = 0) n",
            self.series(range)
        );
        self.source(numbers, (range.0, 0))
    }

    fn source(&self, numbers: String, (first, events_before): (u64, u64)) -> Source {
        let (before, behind) = self.bulk.address;
        let event = if self.is_remote {
            format!("pg_current_xact_id()::text::bigint * 1048576 + n.i - {first} + 1")
        } else {
            format!("n.lastevent + {events_before} + n.i")
        };
        Source {
            numbers,
            is_mail: false,
            event,
            writer: format!("'{before}' || (2 * n.c + n.odd) || '{behind}'"),
            contact: "bulk_id(n.contactid, n.cms, n.c)".to_owned(),
            bytes: if self.is_remote { "'\\x00'::bytea" } else { "x'00'" },
        }
    }

    fn series(&self, (first, last): (u64, u64)) -> String {
        if self.is_remote {
            return format!("(select g.i from generate_series({first}::bigint, {last}::bigint) as g (i)) s");
        }
        format!(
            "(with recursive g (i) as (select {first} union all select i + 1 from g where i < {last}) \
             select i from g) s"
        )
    }
}

impl Source {
    /// Which rows of the table are those of the mail, or contact, that a row is like.
    pub(super) fn only(&self, table: &str) -> &'static str {
        match (table, self.is_mail) {
            ("contact", _) => "t.contactid = n.contactid",
            ("recordaddress", _) | ("event", false) => "t.objectid = n.contactid",
            ("event", true) => "t.objectid = n.activityid",
            ("copy", _) => "t.copyid = n.copyid",
            ("blob", _) => "t.blobid = (select e.blobid from bulk_email e where e.activityid = n.activityid)",
            _ => "t.activityid = n.activityid",
        }
    }

    /// What stands in a column. What is not named here stands in every row as in the one that it is like.
    pub(super) fn value(&self, table: &str, column: &str) -> String {
        let Source { event, writer, contact, bytes, .. } = self;
        if !self.is_mail {
            return match column {
                "contactid" | "objectid" => contact.clone(),
                "address" | "emailaddress1" => writer.clone(),
                "fullname" | "name" => "'Writer ' || (2 * n.c)".to_owned(),
                "createdon" | "modifiedon" => "n.ms".to_owned(),
                "eventid" => event.clone(),
                _ => format!("t.{column}"),
            };
        }
        match column {
            "activityid" | "copyid" | "activitypartyid" | "objectid" => {
                format!("bulk_id(t.{column}, n.ms, n.i)")
            }
            "conversationtrackingid" | "parentactivityid" | "correlatedactivityid" => {
                format!("bulk_id(t.{column}, n.jms, n.j)")
            }
            "partyid" | "regardingobjectid" | "acceptingentityid" => {
                format!("case when t.{column} = n.contactid then {contact} else t.{column} end")
            }
            "keyhash" if table == "messagereference" => format!("bulk_key(t.{column}, 0, n.ms, n.j)"),
            "keyhash" => format!("bulk_key(t.{column}, n.written, n.written - n.base + n.ms, n.i)"),
            // The e-mail says it, not the claim.
            "sender" | "textdigest" | "rawdigest" if table == "identity" => format!("t.{column}"),
            "textdigest" => format!("bulk_key(t.{column}, 0, n.ms, n.i)"),
            "blobid" => format!("bulk_name(t.{column}, n.ms, n.i)"),
            "rawdigest" => format!("bulk_hash(t.{column}, n.i)"),
            "sender" | "mailfrom" => writer.clone(),
            "addressused" => {
                format!("case when t.participationtypemask = 1 then {writer} else t.addressused end")
            }
            "messageid" => "n.i || '.' || t.messageid".to_owned(),
            "inreplyto" => "n.j || '.' || t.inreplyto".to_owned(),
            "subject" | "canonicalsubject" => format!("t.{column} || ' ' || n.j"),
            "sortdate" | "arrivedon" | "receivedon" | "createdon" | "senton" => {
                format!("t.{column} - n.base + n.ms")
            }
            "day" => format!("n.ms / {DAY}"),
            "copynumber" => "n.lastcopy + n.i".to_owned(),
            "eventid" => event.clone(),
            "bytes" => (*bytes).to_owned(),
            _ => format!("t.{column}"),
        }
    }
}

/// An id and a hash like another one, for a number: nobody foresees where they are among the others. A key of an identity that has
/// the time of its mail before it gets that of the new one, and so does a name of small bytes.
const SERVER_BEGINS: &str = "set work_mem = '256MB'; set maintenance_work_mem = '1GB'; set synchronous_commit = off;
create or replace function bulk_hash(old bytea, i bigint) returns bytea language sql immutable as $$
select sha256(old || int8send(i)) $$;
create or replace function bulk_id(old bytea, ms bigint, i bigint) returns bytea language sql immutable as $$
select substring(int8send(ms) from 3 for 6) || decode('70', 'hex') || substring(sha256(old || int8send(i)) from 1 for 1)
|| decode('80', 'hex') || substring(sha256(old || int8send(i)) from 2 for 7) $$;
create or replace function bulk_key(old bytea, oldms bigint, ms bigint, i bigint) returns bytea language sql immutable as $$
select case when substring(old from 1 for 4) = substring(int8send(oldms / 1000) from 5 for 4)
then substring(int8send(ms / 1000) from 5 for 4) || substring(sha256(old || int8send(i)) from 1 for 12)
else substring(sha256(old || int8send(i)) from 1 for 16) end $$;
create or replace function bulk_name(old bytea, ms bigint, i bigint) returns bytea language sql immutable as $$
select case when length(old) = 36 then substring(int8send(ms / 1000) from 5 for 4) else ''::bytea end || sha256(old || int8send(i)) $$;
insert into writersheet (sheet, number) select coalesce(max(sheet), 0) + 1, 0 from writersheet;
";
const SERVER_ENDS: &str = "drop function bulk_id(bytea, bigint, bigint);
drop function bulk_hash(bytea, bigint);
drop function bulk_key(bytea, bigint, bigint, bigint);
drop function bulk_name(bytea, bigint, bigint);
";
/// What is lost when the power goes is made again, so nothing is written twice.
const FILE_BEGINS: &str =
    "pragma journal_mode = off; pragma synchronous = off; pragma locking_mode = exclusive;
pragma temp_store = file; pragma soft_heap_limit = 0; pragma cache_size = -2000000;
";
const FILE_ENDS: &str = "pragma locking_mode = normal; pragma journal_mode = wal;\n";

/// The same as functions of SQLite.
pub(crate) fn functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("bulk_hash", 2, flags, |given| {
        let Some(hash) = hash(given, 1)? else { return Ok(None) };
        Ok(Some(hash.to_vec()))
    })?;
    connection.create_scalar_function("bulk_key", 4, flags, |given| {
        let (Some(hash), Some(old)) = (hash(given, 3)?, given.get_raw(0).as_blob_or_null()?) else {
            return Ok(None);
        };
        let is_dated = old.first_chunk() == Some(&second(given.get::<i64>(1)?));
        let time = if is_dated { second(given.get::<i64>(2)?).to_vec() } else { Vec::new() };
        Ok(Some(time.into_iter().chain(hash).take(16).collect::<Vec<u8>>()))
    })?;
    connection.create_scalar_function("bulk_name", 3, flags, |given| {
        let (Some(hash), Some(old)) = (hash(given, 2)?, given.get_raw(0).as_blob_or_null()?) else {
            return Ok(None);
        };
        let time = if old.len() == hash.len() { Vec::new() } else { second(given.get::<i64>(1)?).to_vec() };
        Ok(Some(time.into_iter().chain(hash).collect::<Vec<u8>>()))
    })?;
    connection.create_scalar_function("bulk_id", 3, flags, |given| {
        let Some(hash) = hash(given, 2)? else { return Ok(None) };
        let milliseconds = given.get::<i64>(1)?.to_be_bytes();
        let (_, milliseconds) = milliseconds.split_at(2);
        let [first, rest @ ..] = hash;
        let mut id = milliseconds.to_vec();
        id.extend([0x70, first, 0x80]);
        id.extend(rest.iter().take(7));
        Ok(Some(id))
    })
}

/// The second of a time in milliseconds, in four bytes, highest first.
fn second(milliseconds: i64) -> [u8; 4] {
    let [.., a, b, c, d] = (milliseconds / 1000).to_be_bytes();
    [a, b, c, d]
}

fn hash(given: &Context<'_>, number: usize) -> rusqlite::Result<Option<[u8; 32]>> {
    let Some(old) = given.get_raw(0).as_blob_or_null()? else { return Ok(None) };
    let number = given.get::<i64>(number)?.to_be_bytes();
    Ok(Some(*blake3::Hasher::new().update(old).update(&number).finalize().as_bytes()))
}
