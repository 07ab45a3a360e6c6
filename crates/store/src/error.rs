//! What can go wrong in the store, in the words of those who call it.
//!
//! A door asks one question of an error: is it temporary? Then the mail stays where it is and comes again.

use std::io;

use model::schema::WrongValue;

use crate::BucketError;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the data folder.
    #[error("another process has this data folder")]
    Locked,
    /// There is already an organization with this id or name.
    #[error("there is already such an organization")]
    Exists,
    /// There is no such organization or blob.
    #[error("there is no such thing in the store")]
    NotFound,
    /// The address leads to another organization or record.
    #[error("the address belongs to somebody else")]
    AddressTaken,
    /// A row with the same key is already there. The table is empty where the statement was not an insert.
    #[error("a row with the same key is already in {table:?}")]
    Conflict {
        /// The table.
        table: &'static str,
    },
    /// Another transaction wrote a row first that this one counted on to write.
    #[error("another transaction was first in {table:?}")]
    Overtaken {
        /// The table.
        table: &'static str,
    },
    /// Nothing was kept; the same unit of work may succeed in a moment.
    #[error("not kept this time: {why}")]
    Temporary {
        /// What stood in the way.
        why: &'static str,
    },
    /// The disk, or the space allowed to the database, is full.
    #[error("the disk is full (here, or the database server's): make room")]
    Full,
    /// The disk failed.
    #[error("reading or writing the disk failed")]
    Io(#[source] io::Error),
    /// The database was held by somebody else for too long, or too much work waits.
    #[error("the database is busy")]
    Busy,
    /// The search was given up.
    #[error("the search took too long")]
    TookTooLong,
    /// The database server does not let us in, or not do what has to be done. Somebody has to look after it; what waits
    /// meanwhile comes again.
    #[error("the database server refused: {why}")]
    Refused {
        /// What is to be done about it.
        why: &'static str,
        /// In its own words.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No connection to the database server, or it broke.
    #[error(
        "the database server cannot be reached: is it running, and are host and port in the database URL right?"
    )]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database server only reads.
    #[error(
        "the database server is a standby and only reads: name the primary in the database URL, or promote it"
    )]
    Standby,
    /// The database server is too old.
    #[error("the database server is PostgreSQL {found}; Postroom needs 13 or later")]
    OldServer {
        /// Its version.
        found: String,
    },
    /// The database URL cannot be read.
    #[error("the database URL cannot be read; it looks like postgres://user:password@host:5432/database")]
    DatabaseUrl(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The name of the schema cannot be used.
    #[error(
        "the name of the schema cannot be used: up to 30 lower-case letters, digits and _, beginning with a letter"
    )]
    SchemaName,
    /// The lease ran out, and another node has it.
    #[error("the lease ran out and another node has it")]
    LeaseLost,
    /// The events were numbered anew since the cursor was taken: whoever follows them begins anew.
    #[error("the cursor is of another epoch")]
    OtherEpoch,
    /// The organization is being moved, or was moved, to another house.
    #[error("the organization is closed while it is moved")]
    OrganizationClosed,
    /// The store is closing.
    #[error("the store is closing")]
    Closed,
    /// The unit of work panicked; it left nothing.
    #[error("the unit of work panicked")]
    Panicked,
    /// The bucket of kept bytes could not do it.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// Stored bytes are not what was stored.
    #[error("stored data is damaged")]
    Corrupt,
    /// A column holds something that was not declared.
    #[error("a row is not as declared")]
    WrongValue(#[from] WrongValue),
    /// The database is of a newer release than this program.
    #[error("the database has schema {found}, this program knows up to {known}: start the newer program")]
    TooNew {
        /// The version of the database.
        found: i64,
        /// The latest version this program knows.
        known: i64,
    },
    /// A node of an older program serves, and could not go on beside what this program makes of the schema.
    #[error(
        "the node {name} serves with a program of schema {known} and could not go on beside schema {needed}: stop all \
         nodes of that program first"
    )]
    OlderNode {
        /// Its name.
        name: String,
        /// What it knows.
        known: i64,
        /// The oldest schema whose programs could go on.
        needed: i64,
    },
    /// The engine refused a statement: a mistake of ours.
    #[error("the engine refused a statement")]
    Statement(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Whether the same work may succeed later without anybody's help from inside: a door answers 451
    /// (RFC 3463 §3.5, 4.3.0) and leaves the mail where it is.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Bucket(error) => error.is_temporary(),
            Self::Temporary { .. }
            | Self::Full
            | Self::Io(_)
            | Self::Busy
            | Self::OrganizationClosed
            | Self::Closed
            | Self::LeaseLost
            | Self::Unreachable(_)
            | Self::Standby
            | Self::Overtaken { .. }
            | Self::TookTooLong
            | Self::Refused { .. } => true,
            Self::Locked
            | Self::DatabaseUrl(_)
            | Self::OldServer { .. }
            | Self::SchemaName
            | Self::Exists
            | Self::NotFound
            | Self::AddressTaken
            | Self::Conflict { .. }
            | Self::Panicked
            | Self::OtherEpoch
            | Self::Corrupt
            | Self::WrongValue(_)
            | Self::TooNew { .. }
            | Self::OlderNode { .. }
            | Self::Statement(_) => false,
        }
    }
}

impl StoreError {
    /// Whether somebody has to change a setting or the server before it can be otherwise: to try again is no use.
    pub fn wants_an_administrator(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::DatabaseUrl(_)
                | Self::SchemaName
                | Self::OldServer { .. }
                | Self::TooNew { .. }
                | Self::OlderNode { .. }
        )
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}
