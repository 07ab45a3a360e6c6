//! Looking at versions: one trip to the server for the catalogue and all open organizations.
//!
//! Their schemas are named in full, for a connection to each of them would be one too many.

use model::schema::Value;

use super::PostgresServer;
use super::pool::{Key, Lease};
use super::wire::{Params, Request};
use crate::StoreError;
use crate::catalogue::ROUTES;
use crate::engine::Purpose;
use crate::nouns::RECORDS_VERSION;

impl PostgresServer {
    /// The version of the catalogue in its schema, and of the records in each of these; `None` where that one cannot be
    /// asked: it may have been dropped.
    pub(crate) fn versions(
        &self,
        catalogue: &str,
        organizations: &[String],
    ) -> Result<(i64, Vec<Option<i64>>), StoreError> {
        let lease = self.pool.lease(Key { schema: catalogue.into(), purpose: Purpose::Read })?;
        let catalogue_asked =
            format!("select number from {catalogue}.catalogueversion where name = '{ROUTES}'");
        let asked: Vec<String> = organizations
            .iter()
            .map(|schema| {
                format!("select cast(value as bigint) from {schema}.setting where name = '{RECORDS_VERSION}'")
            })
            .collect();
        let all: Vec<&str> = std::iter::once(&catalogue_asked).chain(&asked).map(String::as_str).collect();
        match numbers(&lease, &all) {
            Ok(mut found) => Ok((found.remove(0), found.into_iter().map(Some).collect())),
            Err(error) if !lease.is_sound() => Err(error),
            Err(_) => {
                let first = numbers(&lease, &[&catalogue_asked])?.remove(0);
                let each =
                    asked.iter().map(|text| numbers(&lease, &[text]).ok().and_then(|mut found| found.pop()));
                Ok((first, each.collect()))
            }
        }
    }
}

/// A number for each of these questions, 0 where there is no row.
fn numbers(lease: &Lease, texts: &[&str]) -> Result<Vec<i64>, StoreError> {
    let request = |text: &&str| Request { text: (*text).into(), params: Params::Given(&[]) };
    let answers = lease.wire()?.send(texts.iter().map(request).collect())?;
    let number = |rows: &[Vec<Value>]| match rows.first().and_then(|row| row.first()) {
        Some(Value::Int(number)) => *number,
        _ => 0,
    };
    Ok(answers.iter().map(|answer| number(&answer.rows)).collect())
}
