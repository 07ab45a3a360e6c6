//! Which engine a test or measurement runs on: files, or the server that `POSTROOM_TEST_DATABASE` names.
//!
//! What passes through: a data folder becomes settings; at a server each folder has schemas of its own.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::Result;
use store::{Database, PostgresSettings, StoreSettings};
use tokio_postgres::{Client, NoTls};

/// Names a server: `postgres://user@host:port/database`. Unset or empty: rows are in files.
pub const VARIABLE: &str = "POSTROOM_TEST_DATABASE";

/// The engine for a data folder.
pub fn of(data: &Path) -> Database {
    match std::env::var(VARIABLE).ok().filter(|url| !url.is_empty()) {
        None => Database::Sqlite,
        Some(url) => Database::Postgres(PostgresSettings {
            url,
            schema: schema(data),
            connections_max: 16,
            certificate_authority: PathBuf::new(),
        }),
    }
}

/// Where that engine keeps rows, for a table of figures.
pub(crate) fn place() -> &'static str {
    if std::env::var(VARIABLE).is_ok_and(|url| !url.is_empty()) { "at a server" } else { "in files" }
}

/// The usual settings of a store, with that engine.
pub fn store(data: &Path) -> StoreSettings {
    StoreSettings { database: of(data), ..StoreSettings::new(data) }
}

/// The variables that give the program that engine.
pub(crate) fn variables(data: &Path) -> Vec<(&'static str, String)> {
    match of(data) {
        Database::Sqlite => Vec::new(),
        Database::Postgres(settings) => vec![
            ("POSTROOM_DATABASE_URL", settings.url),
            ("POSTROOM_DATABASE_SCHEMA", settings.schema),
            ("POSTROOM_DATABASE_CONNECTIONS_MAX", settings.connections_max.to_string()),
        ],
    }
}

/// The same for the same folder in every process.
fn schema(data: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    std::path::absolute(data).unwrap_or_else(|_| data.to_owned()).hash(&mut hasher);
    format!("t{:016x}", hasher.finish())
}

/// Drops the schemas of one house.
///
/// # Errors
/// When the server refuses.
pub fn empty(url: &str, schema: &str) -> Result<()> {
    at(url, async |client| drop_schemas(&client, schema).await)
}

/// Drops what is at the server for a data folder, where there is one. Nothing in files.
///
/// # Errors
/// When the server refuses.
pub fn forget(data: &Path) -> Result<()> {
    match of(data) {
        Database::Sqlite => Ok(()),
        Database::Postgres(server) => empty(&server.url, &server.schema),
    }
}

/// Bytes of the rows of a house, indexes included.
///
/// # Errors
/// When the server refuses, or files cannot be looked at.
pub fn bytes(data: &Path) -> Result<u64> {
    let Database::Postgres(server) = of(data) else { return bytes_below(data) };
    at(&server.url, async |client| {
        let mut bytes = 0;
        for schema in schemas(&client, &server.schema).await? {
            let sql = "select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint from pg_class c
                       join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relkind = 'r'";
            bytes += u64::try_from(client.query_one(sql, &[&schema]).await?.try_get::<_, i64>(0)?)?;
        }
        Ok(bytes)
    })
}

fn bytes_below(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let known = entry.metadata()?;
        bytes += if known.is_dir() { bytes_below(&entry.path())? } else { known.len() };
    }
    Ok(bytes)
}

/// Copies what is at the server for one data folder, for another one, in place of what was there. Nothing in files.
///
/// # Errors
/// When the server refuses.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let (Database::Postgres(old), Database::Postgres(new)) = (of(from), of(to)) else { return Ok(()) };
    at(&new.url, async |client| {
        drop_schemas(&client, &new.schema).await?;
        for schema in schemas(&client, &old.schema).await? {
            let copied = schema.replacen(&old.schema, &new.schema, 1);
            client.batch_execute(&format!("create schema {copied}")).await?;
            // The text index is made again: it goes by the names of its indexes, which a copy has not.
            let sql = "select tablename from pg_tables where schemaname = $1 and tablename not like 'index%'";
            for row in client.query(sql, &[&schema]).await? {
                let table: String = row.try_get(0)?;
                client
                    .batch_execute(&format!(
                        "create table {copied}.{table} (like {schema}.{table} including all);
                         insert into {copied}.{table} select * from {schema}.{table};"
                    ))
                    .await?;
            }
        }
        // Every run begins with the same bytes, on the disk.
        Ok(client.batch_execute("checkpoint").await?)
    })
}

/// Has the server read once what mail asks for all over its tables, as far as its own memory goes: one that has run for hours has
/// it there. Nothing in files.
///
/// # Errors
/// When the server refuses; its extension `pg_prewarm` has to be there.
pub fn warm(data: &Path) -> Result<()> {
    let Database::Postgres(server) = of(data) else { return Ok(()) };
    at(&server.url, async |client| {
        client.batch_execute("create extension if not exists pg_prewarm").await?;
        for schema in schemas(&client, &server.schema).await? {
            let sql = "select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                       where n.nspname = $1 and c.relname = any($2)";
            for row in client.query(sql, &[&schema, &ASKED_FOR.as_slice()]).await? {
                let relation: u32 = row.try_get(0)?;
                client.query("select pg_prewarm($1::oid::regclass)", &[&relation]).await?;
            }
        }
        Ok(())
    })
}

/// Where mail looks for rows that may be anywhere among all: whose addresses, who claims a key, who names it, and the indexes of
/// parties.
const ASKED_FOR: [&str; 6] = [
    "recordaddress",
    "recordaddress_pkey",
    "identity_pkey",
    "messagereference_pkey",
    "activityparty_partyid_sortdate",
    "activityparty_addressused_sortdate_partyid",
];

/// Does something at a server, by a connection of its own.
fn at<T>(url: &str, work: impl AsyncFnOnce(Client) -> Result<T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        // It ends with its client, and whatever it met is met by the client too.
        tokio::spawn(connection);
        work(client).await
    })
}

async fn drop_schemas(client: &Client, name: &str) -> Result<()> {
    for schema in schemas(client, name).await? {
        client.batch_execute(&format!("drop schema {schema} cascade")).await?;
    }
    Ok(())
}

/// The schemas of one house.
async fn schemas(client: &Client, name: &str) -> Result<Vec<String>> {
    let sql =
        "select nspname::text from pg_namespace where nspname = $1 or nspname like $1 || '\\_%' order by 1";
    let rows = client.query(sql, &[&name]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
