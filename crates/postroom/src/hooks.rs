//! Hooks: programs and web services of an administrator's that have a say in mail.
//!
//! ```text
//! what is asked ─▶ one JSON value ─▶ a program's standard input, or a signed POST ─▶ one JSON value ─▶ what it says
//! ```
//!
//! What passes through: calls, a few at a time, each with a time limit and a limit of what comes back.
//!
//! *Invariants:* where a hook does not answer the setting says what happens, and nothing is lost; whether a call has left
//! this machine is always told; it decides nothing about mail.

mod contents;
mod http;
pub(crate) mod post_deliver;
pub(crate) mod pre_deliver;
pub(crate) mod pre_send;
mod program;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::limits;
use receive::Clock;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::settings::{HookSection, OnError, Settings};
use http::Service;
use program::Program;

/// The hooks of the house.
pub(crate) struct Hooks {
    pub(crate) pre_send: Option<Hook>,
    pub(crate) pre_deliver: Option<Hook>,
    pub(crate) post_deliver: Option<Hook>,
}

/// One of them.
pub(crate) struct Hook {
    name: &'static str,
    way: Way,
    patience: Duration,
    /// Until there is a place for a call.
    wait_max: Duration,
    places: Arc<Semaphore>,
    clock: Clock,
    /// What happens where it does not answer.
    pub(crate) on_error: OnError,
    /// Bytes of a mail that goes along whole.
    pub(crate) raw_bytes_max: usize,
}

#[derive(Debug)]
enum Way {
    Program(Program),
    Service(Box<Service>),
}

/// Why a hook cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("hooks.{name}: {why}")]
pub struct HookError {
    name: &'static str,
    why: String,
}

/// One question to a hook.
pub(crate) struct Call {
    /// The same where the same is asked again.
    pub(crate) id: String,
    pub(crate) body: Vec<u8>,
    /// Bytes that it may answer.
    pub(crate) answer_bytes_max: usize,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoAnswer {
    /// In words for an administrator.
    pub(crate) words: String,
    /// Whether it may have been acted upon all the same.
    pub(crate) may_be_done: bool,
    /// Whose it is.
    pub(crate) fault: Fault,
}

/// Whose fault it is that a hook does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The hook's: it is not there, cannot do it now, or did not say anything in time.
    Away,
    /// The question's, as far as can be told: the hook was there and refused it, or made nothing of it that counts.
    Refused,
}

impl NoAnswer {
    pub(crate) fn before(words: impl Into<String>) -> Self {
        NoAnswer { words: words.into(), may_be_done: false, fault: Fault::Away }
    }

    fn after(words: impl Into<String>) -> Self {
        NoAnswer { words: words.into(), may_be_done: true, fault: Fault::Away }
    }

    fn refused(self) -> Self {
        NoAnswer { fault: Fault::Refused, ..self }
    }

    /// Whether what was asked about may be why: another question may well be answered.
    pub(crate) fn is_of_this_question(&self) -> bool {
        self.may_be_done || self.fault == Fault::Refused
    }
}

impl Call {
    /// Asks with this value. `mail_bytes` is how large the mail is that may come back.
    pub(crate) fn new(id: String, value: &impl Serialize, mail_bytes: usize) -> Result<Self, NoAnswer> {
        let body = serde_json::to_vec(value).map_err(|error| NoAnswer::before(error.to_string()))?;
        let answer_bytes_max = limits::HOOK_ANSWER_BYTES_MAX + 2 * mail_bytes;
        Ok(Call { id, body, answer_bytes_max })
    }
}

/// Works on so many bytes; where they are many, on a thread that others need not wait for.
async fn apart<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NoAnswer> {
    if bytes <= limits::LARGE_MESSAGE_BYTES {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| NoAnswer::before("a fault of Postroom"))
}

impl Hooks {
    /// As the settings have them.
    pub(crate) fn new(settings: &Settings, clock: &Clock) -> Result<Self, HookError> {
        let hooks = &settings.hooks;
        let hook = |name, section: &HookSection| {
            let made = section.is_given().then(|| Hook::new(name, section, (settings, clock))).transpose();
            made.map_err(|why| HookError { name, why })
        };
        Ok(Hooks {
            pre_send: hook("pre_send", &hooks.pre_send)?,
            pre_deliver: hook("pre_deliver", &hooks.pre_deliver)?,
            post_deliver: hook("post_deliver", &hooks.post_deliver)?,
        })
    }
}

impl Hook {
    fn new(
        name: &'static str,
        section: &HookSection,
        (settings, clock): (&Settings, &Clock),
    ) -> Result<Self, String> {
        let way = match section.program.split_first() {
            Some((path, arguments)) => {
                let program = Program { name, path: PathBuf::from(path), arguments: arguments.to_vec() };
                Way::Program(program.checked()?)
            }
            None => Way::Service(Box::new(Service::new(section, &settings.hooks.private_networks)?)),
        };
        let patience = Duration::from_secs(section.seconds);
        Ok(Hook {
            name,
            way,
            patience,
            wait_max: if name == "pre_deliver" { patience } else { WAIT_MAX },
            places: Arc::new(Semaphore::new(section.calls_max)),
            clock: Arc::clone(clock),
            on_error: section.onerror,
            raw_bytes_max: section.raw_bytes_max,
        })
    }

    /// Asks.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, NoAnswer> {
        self.ask_if(call, std::future::ready(true)).await
    }

    /// Asks, if that is still wanted when all is ready for it.
    pub(crate) async fn ask_if<T: DeserializeOwned>(
        &self,
        call: Call,
        may_leave: impl Future<Output = bool> + Send,
    ) -> Result<T, NoAnswer> {
        let answered = self.hear(call, may_leave).await?;
        serde_json::from_slice(&answered)
            .map_err(|error| NoAnswer::after(format!("the hook answers what it may not: {error}")).refused())
    }

    /// Tells; whatever it answers in order is heard.
    pub(crate) async fn tell(&self, call: Call) -> Result<(), NoAnswer> {
        self.hear(call, std::future::ready(true)).await.map(drop)
    }

    async fn hear(
        &self,
        call: Call,
        may_leave: impl Future<Output = bool> + Send,
    ) -> Result<Vec<u8>, NoAnswer> {
        // Somebody may wait at a door meanwhile.
        let place = timeout(self.wait_max, self.places.acquire()).await;
        let Ok(Ok(_place)) = place else {
            return Err(NoAnswer::before("too many calls of the hook are under way"));
        };
        let answered = match &self.way {
            Way::Program(program) => self.by_program(program, call, may_leave).await,
            Way::Service(service) => self.by_service(service, call, may_leave).await,
        };
        let end = if answered.is_ok() { "answered" } else { "failed" };
        metrics::counter!("postroom_hook_calls_total", "hook" => self.name, "end" => end).increment(1);
        answered
    }

    async fn by_program(
        &self,
        program: &Program,
        call: Call,
        may_leave: impl Future<Output = bool> + Send,
    ) -> Result<Vec<u8>, NoAnswer> {
        let running = program.start().map_err(NoAnswer::before)?;
        if !may_leave.await {
            return Err(NoAnswer::before(NOT_OURS));
        }
        let answered = timeout(self.patience, running.answer(&call)).await;
        answered.unwrap_or_else(|_| Err(NoAnswer::after(self.late())))
    }

    async fn by_service(
        &self,
        service: &Service,
        call: Call,
        may_leave: impl Future<Output = bool> + Send,
    ) -> Result<Vec<u8>, NoAnswer> {
        let opened = timeout(self.patience, service.open()).await;
        let line = opened.unwrap_or_else(|_| Err(self.late())).map_err(NoAnswer::before)?;
        if !may_leave.await {
            return Err(NoAnswer::before(NOT_OURS));
        }
        let answered = timeout(self.patience, service.post(line, call, (self.clock)())).await;
        answered.unwrap_or_else(|_| Err(NoAnswer::after(self.late())))
    }

    fn late(&self) -> String {
        format!("the hook did not answer within {} seconds", self.patience.as_secs())
    }
}

/// Mail that goes out may wait long for its hook to be free: its claim is renewed meanwhile.
const WAIT_MAX: Duration = Duration::from_secs(600);
const NOT_OURS: &str = "another node has it by now";
