//! The database server of a house, where it has one: which schemas there are on it.

use model::Id;

use crate::engine::postgres::{PostgresSchema, PostgresServer, PostgresSettings, ServerState};
use crate::faults::Faults;
use crate::hints::Hints;
use crate::{Database, StoreError};

/// The server, and what our schemas on it are called.
pub(crate) struct Server {
    server: PostgresServer,
    schema: String,
    hints: Hints,
}

impl Server {
    /// The server of these settings; `None` where rows are in files.
    pub(crate) fn of(database: &Database, faults: &Faults) -> Result<Option<Self>, StoreError> {
        let Database::Postgres(settings) = database else { return Ok(None) };
        let schema = checked(settings)?;
        let server = PostgresServer::new(settings, faults)?;
        let hints = Hints::new(server.clone(), schema.clone());
        Ok(Some(Server { server, schema, hints }))
    }

    /// What nodes tell each other.
    pub(crate) fn hints(&self) -> &Hints {
        &self.hints
    }

    /// What the server says of itself.
    pub(crate) fn examine(&self) -> Result<ServerState, StoreError> {
        self.server.examine(&self.schema)
    }

    /// Where the catalogue is.
    pub(crate) fn catalogue(&self) -> PostgresSchema {
        self.server.schema(self.schema.clone())
    }

    /// The version of the catalogue, and of the records of each of these organizations; `None` where it cannot be asked.
    pub(crate) fn versions(&self, organizations: &[Id]) -> Result<(i64, Vec<Option<i64>>), StoreError> {
        let schemas: Vec<String> = organizations.iter().map(|id| self.schema_of(*id)).collect();
        self.server.versions(&self.schema, &schemas)
    }

    /// Where the rows of an organization are.
    pub(crate) fn organization(&self, id: Id) -> PostgresSchema {
        self.server.schema(self.schema_of(id))
    }

    fn schema_of(&self, id: Id) -> String {
        schema_of(&self.schema, id)
    }
}

/// The schema of an organization in the catalogue of this schema.
pub(crate) fn schema_of(catalogue: &str, id: Id) -> String {
    let digits: String = id.to_string().chars().filter(char::is_ascii_hexdigit).collect();
    format!("{catalogue}_{digits}")
}

/// A name that needs no quotation marks anywhere. PostgreSQL cuts names after 63 bytes; an id takes 33 of them.
fn checked(settings: &PostgresSettings) -> Result<String, StoreError> {
    let name = &settings.schema;
    let is_plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let begins_well = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase()) && !name.starts_with("pg_");
    if is_plain && begins_well && name.len() <= 30 {
        return Ok(name.clone());
    }
    Err(StoreError::SchemaName)
}
