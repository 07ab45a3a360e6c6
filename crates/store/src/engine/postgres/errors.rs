//! What PostgreSQL says went wrong, in the words of the store
//! (<https://www.postgresql.org/docs/15/errcodes-appendix.html>).

use std::error::Error as _;
use std::io;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::StoreError;

/// The error of a statement or connection.
pub(super) fn from_postgres(error: Error) -> StoreError {
    let Some(code) = error.code().cloned() else { return without_code(error) };
    match code {
        SqlState::UNIQUE_VIOLATION => StoreError::Conflict { table: "" },
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
            StoreError::Temporary { why: "another transaction was in the way" }
        }
        SqlState::DISK_FULL => StoreError::Full,
        SqlState::LOCK_NOT_AVAILABLE => StoreError::Busy,
        SqlState::TOO_MANY_CONNECTIONS => StoreError::Temporary { why: NO_CONNECTION },
        SqlState::QUERY_CANCELED => StoreError::TookTooLong,
        SqlState::OUT_OF_MEMORY => StoreError::Temporary { why: "the database server has no memory" },
        SqlState::READ_ONLY_SQL_TRANSACTION => {
            StoreError::Temporary { why: "the database server only reads: it is a standby" }
        }
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
            StoreError::Temporary { why: "the database server is stopping or starting" }
        }
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => {
            StoreError::Temporary { why: "the transaction stood still for too long" }
        }
        SqlState::IN_FAILED_SQL_TRANSACTION => StoreError::Temporary { why: "the transaction had failed" },
        SqlState::INVALID_PASSWORD => {
            refused("it does not accept the user or the password: look at the database URL", error)
        }
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION => refused(
            "it does not let this user in: look at the user in the database URL, whether it may log in (alter role … \
             login), and at pg_hba.conf of the server",
            error,
        ),
        SqlState::INVALID_CATALOG_NAME => {
            refused("it has no database of that name: create it, or look at the database URL", error)
        }
        SqlState::INSUFFICIENT_PRIVILEGE => refused(
            "its user may not do that: it needs CREATE on the database, and must own the schemas of Postroom",
            error,
        ),
        SqlState::IO_ERROR => StoreError::Io(io::Error::other(error)),
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => StoreError::Corrupt,
        // Connections, resources, operators, the machine: https://www.postgresql.org/docs/15/errcodes-appendix.html
        code if ["08", "40", "53", "57", "58"].iter().any(|class| code.code().starts_with(class)) => {
            StoreError::Temporary { why: "the database server could not do it now" }
        }
        _ => StoreError::Statement(Box::new(error)),
    }
}

/// Of the server, the database or the user: each has a limit.
const NO_CONNECTION: &str = "the database server has no connection left: lower database.connections_max of the nodes, or \
                             raise its max_connections (or the limit of the user or database)";

fn refused(why: &'static str, error: Error) -> StoreError {
    StoreError::Refused { why, source: Box::new(error) }
}

fn without_code(error: Error) -> StoreError {
    if error.is_closed() {
        return StoreError::Temporary { why: "the database server closed the connection" };
    }
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    match source.map(io::Error::kind) {
        Some(_) => StoreError::Unreachable(Box::new(error)),
        None if error.to_string().contains("TLS") => {
            refused("no TLS connection to it can be made: look at sslmode and the certificate", error)
        }
        None if error.to_string().contains("connect") => StoreError::Unreachable(Box::new(error)),
        None => StoreError::Statement(Box::new(error)),
    }
}
