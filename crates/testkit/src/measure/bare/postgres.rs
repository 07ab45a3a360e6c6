//! The same rows written into PostgreSQL by nothing but inserts: what that engine allows.
//!
//! What passes through: rows of mails become parcels, each one transaction: an insert of many rows for each table, all
//! sent at once. Several connections take parcels side by side.
//!
//! *Invariant:* the same tables and indexes as declared in `model::schema`; when a parcel counts, its COMMIT was
//! answered.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Instant;

use anyhow::{Context, Result};
use model::schema::emails::{ActivityParty, Email, EmailCopy, Identity, MessageReference};
use model::schema::house::{Blob, Event};
use model::schema::intake::{Copy, OriginalOutcome};
use model::schema::{Column, Index, Kind, Noun, Table, Value};
use tokio::runtime;
use tokio::task::JoinSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

use super::Rows;

/// The tables that a mail has rows in, in the order in which they are written.
const TABLES: [Table; 9] = [
    Identity::TABLE,
    Blob::TABLE,
    Email::TABLE,
    ActivityParty::TABLE,
    MessageReference::TABLE,
    EmailCopy::TABLE,
    Event::TABLE,
    Copy::TABLE,
    OriginalOutcome::TABLE,
];

/// Rows of one transaction: the columns of each table, in the order of [`TABLES`].
type Parcel = Vec<Vec<Cells>>;
/// All values of one column in a parcel.
type Cells = Box<dyn ToSql + Sync + Send>;

/// Seconds that these mails take, so many connections side by side, so many mails to a transaction. What was there of
/// an earlier time is dropped before.
///
/// # Errors
/// When the server is not there or refuses something.
pub(crate) fn seconds(url: &str, mails: &[Rows], (connections, together): (usize, usize)) -> Result<f64> {
    let parcels: Vec<Parcel> = mails.chunks(together.max(1)).map(parcel).collect();
    let parcels = Arc::new(Mutex::new(parcels.into_iter()));
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        connect(url).await?.batch_execute(&declared()).await?;
        let mut ready = Vec::new();
        for _ in 0..connections.max(1) {
            let client = connect(url).await?;
            client.batch_execute("set search_path = bare").await?;
            let mut inserts = Vec::new();
            for table in &TABLES {
                inserts.push(client.prepare(&insert(table)).await?);
            }
            ready.push((client, inserts));
        }
        let began = Instant::now();
        let mut writing = JoinSet::new();
        for (client, inserts) in ready {
            let parcels = Arc::clone(&parcels);
            writing.spawn(async move {
                let next = || parcels.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some(parcel) = next() {
                    write(&client, &inserts, &parcel).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(written) = writing.join_next().await {
            written??;
        }
        Ok(began.elapsed().as_secs_f64())
    })
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// One transaction in one round trip: everything is sent before the first answer is read.
async fn write(client: &Client, inserts: &[Statement], parcel: &Parcel) -> Result<()> {
    let params: Vec<Vec<&(dyn ToSql + Sync)>> = parcel
        .iter()
        .map(|columns| columns.iter().map(|cells| &**cells as &(dyn ToSql + Sync)).collect())
        .collect();
    let mut steps: Vec<Step<'_>> = vec![Box::pin(client.batch_execute("begin"))];
    for (insert, params) in inserts.iter().zip(&params) {
        steps.push(Box::pin(async { client.execute(insert, params).await.map(drop) }));
    }
    steps.push(Box::pin(client.batch_execute("commit")));
    all_in_order(steps).await.context("a parcel")
}

type Step<'s> = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send + 's>>;

/// Begins one after the other without waiting, and waits for all.
async fn all_in_order(mut steps: Vec<Step<'_>>) -> Result<(), tokio_postgres::Error> {
    poll_fn(|context| {
        let mut failed = None;
        steps.retain_mut(|step| match step.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(ended) => {
                failed = failed.take().or(ended.err());
                false
            }
        });
        match failed {
            Some(error) => Poll::Ready(Err(error)),
            None if steps.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await
}

fn parcel(mails: &[Rows]) -> Parcel {
    let mut tables: [Vec<Vec<Value>>; TABLES.len()] = Default::default();
    for rows in mails {
        for (table, values) in tables.iter_mut().zip(rows.values()) {
            table.extend(values);
        }
    }
    let columns = |(table, rows): (&Table, Vec<Vec<Value>>)| {
        let mut rows: Vec<_> = rows.into_iter().map(Vec::into_iter).collect();
        let mut next = |column: &Column| {
            let values = rows.iter_mut().map(|row| row.next().unwrap_or(Value::Null));
            cells(kind(column), values)
        };
        table.columns.iter().map(&mut next).collect()
    };
    TABLES.iter().zip(tables).map(columns).collect()
}

impl Rows {
    /// Rows of each table, in the order of [`TABLES`].
    fn values(&self) -> [Vec<Vec<Value>>; TABLES.len()] {
        fn all<N: Noun>(nouns: &[N]) -> Vec<Vec<Value>> {
            nouns.iter().map(Noun::to_values).collect()
        }
        let blob = Blob {
            blobid: self.blob.blobid.to_vec(),
            size: self.blob.size,
            place: self.blob.place,
            bytes: self.blob.bytes.as_deref().map(<[u8]>::to_vec),
            statecode: 0,
            condemnedon: None,
        };
        [
            all(&self.identities),
            vec![blob.to_values()],
            vec![self.email.to_values()],
            all(&self.parties),
            all(&self.references),
            all(&self.copies),
            vec![self.event.to_values()],
            vec![self.copy.to_values()],
            all(&self.outcomes),
        ]
    }
}

fn cells(kind: &str, values: impl Iterator<Item = Value>) -> Cells {
    match kind {
        BYTES => Box::new(values.map(bytes).collect::<Vec<_>>()),
        NUMBER => Box::new(values.map(number).collect::<Vec<_>>()),
        _ => Box::new(values.map(text).collect::<Vec<_>>()),
    }
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    if let Value::Bytes(bytes) = value { Some(bytes) } else { None }
}

fn number(value: Value) -> Option<i64> {
    if let Value::Int(number) = value { Some(number) } else { None }
}

fn text(value: Value) -> Option<String> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

const BYTES: &str = "bytea";
const NUMBER: &str = "bigint";
const TEXT: &str = "text";

/// The type of the server that holds what was declared.
fn kind(column: &Column) -> &'static str {
    match column.kind {
        Kind::Key | Kind::Lookup(_) | Kind::AnyLookup | Kind::Bytes => BYTES,
        Kind::Text(_) | Kind::Memo => TEXT,
        Kind::Int | Kind::Bool | Kind::DateTime | Kind::Choice(_) => NUMBER,
    }
}

fn insert(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let arrays: Vec<String> =
        (1..).zip(table.columns).map(|(place, column)| format!("${place}::{}[]", kind(column))).collect();
    format!("insert into {} ({}) select * from unnest({})", table.name, names.join(", "), arrays.join(", "))
}

/// A schema with the tables, and nothing in it.
fn declared() -> String {
    let mut script =
        String::from("drop schema if exists bare cascade; create schema bare; set search_path = bare;\n");
    for table in &TABLES {
        let column = |column: &Column| {
            let order = if kind(column) == TEXT { " collate \"C\"" } else { "" };
            let must = if column.required { " not null" } else { "" };
            format!("{} {}{order}{must}, ", column.name, kind(column))
        };
        let columns: String = table.columns.iter().map(column).collect();
        let key = table.key.join(", ");
        script.push_str(&format!("create table {} ({columns}primary key ({key}));\n", table.name));
        script.extend(table.indexes.iter().map(|index| index_of(table, index)));
    }
    script
}

fn index_of(table: &Table, index: &Index) -> String {
    let unique = if index.unique { "unique " } else { "" };
    let only = match (index.columns.first(), index.without) {
        (_, Some(lacked)) => format!(" where {lacked} is null"),
        (Some(first), None) if index.sparse => format!(" where {first} is not null"),
        _ => String::new(),
    };
    format!("create {unique}index on {} ({}){only};\n", table.name, index.columns.join(", "))
}
