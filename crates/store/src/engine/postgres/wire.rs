//! One connection to the server: requests go out together, answers come back in their order.
//!
//! What passes through: statements in the words of PostgreSQL. What belongs together is one round trip. A connection
//! that failed, or that answered too late, is never used again.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future as _;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use model::limits;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Error, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::errors::from_postgres;
use super::texts::Texts;
use super::values::{Cell as Read, Line};
use super::wait::{Pending, all, wait_until};
use crate::StoreError;

/// What is asked of the server.
pub(super) struct Request<'r> {
    /// In the words of PostgreSQL.
    pub(super) text: Arc<str>,
    /// The values of its placeholders.
    pub(super) params: Params<'r>,
}

/// The values of a request.
pub(super) enum Params<'r> {
    /// It has none and is not prepared: several statements, or a step of a transaction.
    Script,
    /// In the order of the placeholders.
    Given(&'r [model::schema::Value]),
    /// Arrays, one for each placeholder.
    Columns(Vec<super::values::Column<'r>>),
}

/// What the server answered: rows of a question, or how many a change changed.
pub(super) struct Answer {
    pub(super) rows: Vec<Line>,
    pub(super) changed: u64,
}

/// Is told the payload of a notification, on the thread that moves the bytes of all connections.
pub(super) type Hear = Arc<dyn Fn(&str) + Send + Sync>;

/// A connection.
pub(super) struct Wire {
    client: Client,
    driver: AbortHandle,
    statements: RefCell<HashMap<Arc<str>, Statement>>,
    texts: Texts,
    warned: Arc<AtomicBool>,
    broken: Cell<bool>,
}

impl Wire {
    /// Connects; the connection is driven on this runtime, and what it is notified of is told there.
    pub(super) fn connect(
        config: &Config,
        tls: &MakeRustlsConnect,
        runtime: &Handle,
        hear: Hear,
    ) -> Result<Self, StoreError> {
        let deadline = Instant::now() + Duration::from_secs(limits::DATABASE_CONNECT_SECONDS_MAX);
        let (config, tls) = (config.clone(), tls.clone());
        let (told, connected) = tokio::sync::oneshot::channel();
        let warned = Arc::<AtomicBool>::default();
        let heard = Arc::clone(&warned);
        let driver = runtime.spawn(async move {
            match config.connect(tls).await {
                Ok((client, connection)) => {
                    let _ = told.send(Ok(client));
                    drive(connection, &heard, &*hear).await;
                }
                Err(error) => drop(told.send(Err(error))),
            }
        });
        let driver = driver.abort_handle();
        let Some(connected) = wait_until(deadline, connected) else {
            driver.abort();
            return Err(StoreError::Temporary { why: "the database server does not answer" });
        };
        let client = connected.map_err(|_| StoreError::Closed)?.map_err(from_postgres)?;
        Ok(Wire {
            client,
            driver,
            statements: RefCell::default(),
            texts: Texts::default(),
            warned,
            broken: Cell::new(false),
        })
    }

    /// Statements in the words of PostgreSQL.
    pub(super) fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Whether it can be used again.
    ///
    /// Of one that cannot, nothing is left once it is dropped: its driver would wait for answers that never come.
    pub(super) fn is_sound(&self) -> bool {
        !self.broken.get() && !self.client.is_closed()
    }

    /// Never uses it again.
    pub(super) fn give_up(&self) {
        self.broken.set(true);
    }

    /// Sends requests together and waits for all their answers. The first that fails is the error of all.
    pub(super) fn send(&self, requests: Vec<Request<'_>>) -> Result<Vec<Answer>, StoreError> {
        let is_migration = requests.iter().any(|request| {
            matches!(request.params, Params::Script)
                && request.text.lines().nth(1).is_some_and(|l| !l.is_empty())
        });
        let seconds =
            if is_migration { limits::MIGRATION_SECONDS_MAX } else { limits::DATABASE_ANSWER_SECONDS_MAX };
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let sent = self.prepare(deadline, &requests).and_then(|()| {
            let answers = requests.into_iter().map(|request| self.pending(request)).collect();
            self.trip(deadline, answers)
        });
        if self.client.is_closed() {
            self.broken.set(true);
        }
        sent
    }

    /// The types of a statement's placeholders.
    pub(super) fn kinds(&self, text: &Arc<str>) -> Result<Vec<Type>, StoreError> {
        let deadline = Instant::now() + Duration::from_secs(limits::DATABASE_ANSWER_SECONDS_MAX);
        let request = Request { text: Arc::clone(text), params: Params::Given(&[]) };
        self.prepare(deadline, &[request])?;
        let statements = self.statements.borrow();
        Ok(statements.get(text).map(|statement| statement.params().to_vec()).unwrap_or_default())
    }

    /// Sends a statement whose answer nobody waits for. It goes before whatever is sent next.
    pub(super) fn send_off(&self, text: &str) -> Result<(), StoreError> {
        let mut answer = Box::pin(self.client.batch_execute(text));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match answer.as_mut().poll(&mut context) {
            std::task::Poll::Ready(Err(error)) => {
                self.broken.set(true);
                Err(from_postgres(error))
            }
            _ => Ok(()),
        }
    }

    /// Whether the server warned since this was asked last. A commit that is not known to be replicated is told so.
    pub(super) fn take_warning(&self) -> bool {
        self.warned.swap(false, Ordering::AcqRel)
    }

    fn trip<T>(
        &self,
        deadline: Instant,
        answers: Vec<Pending<'_, Result<T, Error>>>,
    ) -> Result<Vec<T>, StoreError> {
        metrics::counter!("postroom_store_round_trips_total").increment(1);
        let Some(answers) = wait_until(deadline, all(answers)) else {
            self.broken.set(true);
            return Err(StoreError::Temporary { why: "the database server does not answer" });
        };
        if answers.iter().any(|answer| answer.as_ref().is_err_and(|error| error.code().is_none())) {
            // Not the server's own words: nobody knows what of the rest was done.
            self.broken.set(true);
        }
        let answers = answers.into_iter().collect::<Result<_, _>>().map_err(from_postgres);
        if let (true, Err(StoreError::Statement(error))) = (self.broken.get(), &answers) {
            // A fault of ours, found before it reached the server: the rest of the batch fails with it.
            tracing::error!(
                error = error.as_ref() as &dyn std::error::Error,
                "a statement could not be sent"
            );
        }
        answers
    }

    /// Prepares the statements that were not used on this connection before.
    fn prepare(&self, deadline: Instant, requests: &[Request<'_>]) -> Result<(), StoreError> {
        let mut texts: Vec<Arc<str>> = Vec::new();
        for request in requests {
            let is_known = matches!(request.params, Params::Script)
                || self.statements.borrow().contains_key(&request.text)
                || texts.contains(&request.text);
            if !is_known {
                texts.push(Arc::clone(&request.text));
            }
        }
        if texts.is_empty() {
            return Ok(());
        }
        let pending = texts.iter().map(|text| Box::pin(self.client.prepare(text)) as Pending<'_, _>);
        let statements = self.trip(deadline, pending.collect())?;
        self.statements.borrow_mut().extend(texts.into_iter().zip(statements));
        Ok(())
    }

    fn pending<'r>(&'r self, request: Request<'r>) -> Pending<'r, Result<Answer, Error>> {
        let statement = self.statements.borrow().get(&request.text).cloned();
        let (Some(statement), false) = (statement, matches!(request.params, Params::Script)) else {
            return Box::pin(async move {
                self.client.batch_execute(&request.text).await?;
                Ok(Answer { rows: Vec::new(), changed: 0 })
            });
        };
        Box::pin(async move {
            let boxed: Vec<Box<dyn ToSql + Sync + '_>>;
            let params: Vec<&(dyn ToSql + Sync)> = match &request.params {
                Params::Script => Vec::new(),
                Params::Columns(columns) => columns.iter().map(super::values::Column::as_sql).collect(),
                Params::Given(values) => {
                    let kinds = statement.params().iter().chain(std::iter::repeat(&Type::TEXT));
                    boxed = values.iter().zip(kinds).map(|(v, kind)| super::values::given(v, kind)).collect();
                    boxed.iter().map(AsRef::as_ref).collect()
                }
            };
            if statement.columns().is_empty() {
                let changed = self.client.execute(&statement, &params).await?;
                return Ok(Answer { rows: Vec::new(), changed });
            }
            let rows = self.client.query(&statement, &params).await?;
            let rows: Result<Vec<Line>, Error> = rows.iter().map(line).collect();
            let rows = rows?;
            Ok(Answer { changed: rows.len() as u64, rows })
        })
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if !self.is_sound() {
            self.driver.abort();
        }
    }
}

fn line(row: &tokio_postgres::Row) -> Result<Line, Error> {
    (0..row.len()).map(|place| row.try_get::<_, Read>(place).map(|cell| cell.0)).collect()
}

/// Moves bytes until the connection ends, and hears the server's warnings and notifications.
async fn drive(
    mut connection: Connection<
        tokio_postgres::Socket,
        <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<tokio_postgres::Socket>>::Stream,
    >,
    warned: &AtomicBool,
    hear: &(dyn Fn(&str) + Send + Sync),
) {
    while let Some(message) = std::future::poll_fn(|context| connection.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => {
                if *notice.code() == SqlState::WARNING {
                    warned.store(true, Ordering::Release);
                    tracing::warn!(message = notice.message(), "the database server warns");
                }
            }
            Ok(AsyncMessage::Notification(told)) => hear(told.payload()),
            Ok(_) => {}
            Err(error) => {
                tracing::info!(
                    error = &error as &dyn std::error::Error,
                    "a connection to the database ended"
                );
                return;
            }
        }
    }
}
