//! Which engine a test or measurement runs on: files, or the server that `POSTROOM_TEST_DATABASE` names.
//!
//! What passes through: a data folder becomes settings; at a server each folder has schemas of its own.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use store::{Database, PostgresSettings, StoreSettings};

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
