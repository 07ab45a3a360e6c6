//! What every handler holds: the house, the settings, and the count of attempts to sign in.
//!
//! [`Desk::ask`] takes a question to the house off the event loop; [`Desk::show`] makes a page of the
//! answer there as well, with the counts of the rail around it.

use std::sync::Arc;

use axum::response::Response;
use minijinja::context;
use minijinja::value::{Serde, Value};
use model::Timestamp;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::pages::sign_in::attempts::Attempts;
use crate::render;
use crate::session::Signed;
use crate::stamp;
use crate::values::{Failure, House, Visitor};

/// What the program sets about the pages.
#[derive(Debug, Clone, Copy, Default)]
pub struct WebSettings {
    /// Whether browsers reach the pages over HTTPS: the cookie is then `Secure` with the prefix `__Host-`.
    pub secure_cookies: bool,
}

/// The state of the router.
pub(crate) struct Desk {
    pub(crate) house: Arc<dyn House>,
    pub(crate) settings: WebSettings,
    pub(crate) attempts: Attempts,
    /// Places for forms that bring large files.
    pub(crate) large_forms: Semaphore,
}

/// Which template, and which entry of the rail is lit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sheet {
    pub(crate) template: &'static str,
    pub(crate) section: &'static str,
}

impl Desk {
    /// The stamp of a form that is given out now.
    pub(crate) async fn stamp(&self) -> String {
        let keys = self.ask(|house| Ok(house.stamp_keys())).await.unwrap_or_default();
        keys.first().map(|key| stamp::stamp(key, now())).unwrap_or_default()
    }

    /// Whether a form was given out here to somebody who was signed in.
    pub(crate) async fn is_stamped(&self, stamp: &str) -> bool {
        let keys = self.ask(|house| Ok(house.stamp_keys())).await.unwrap_or_default();
        keys.iter().any(|key| stamp::is_ours(key, stamp, now()))
    }

    /// Asks the house on a thread that may block. A panic there is [`Failure::Internal`] for this request alone.
    pub(crate) async fn ask<T, F>(&self, question: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&dyn House) -> Result<T, Failure> + Send + 'static,
    {
        let house = Arc::clone(&self.house);
        let answer = tokio::task::spawn_blocking(move || question(house.as_ref())).await;
        answer.unwrap_or_else(|fault| {
            tracing::error!(panicked = fault.is_panic(), "a question to the house did not end");
            Err(Failure::Internal)
        })
    }

    /// Asks the house and shows the answer, as `page` of the template.
    pub(crate) async fn show<T, F>(
        &self,
        signed: Signed,
        sheet: Sheet,
        question: F,
    ) -> Result<Response, Failure>
    where
        T: Serialize,
        F: FnOnce(&dyn House, &Visitor) -> Result<T, Failure> + Send + 'static,
    {
        self.ask(move |house| {
            let visitor = signed.visitor;
            let page = Value::from(Serde(question(house, &visitor)?));
            let waiting = house.waiting(&visitor)?;
            let around = context! {
                page,
                section => sheet.section,
                visitor => Value::from(Serde(&visitor)),
                waiting => Value::from(Serde(waiting)),
            };
            render::page(sheet.template, around)
        })
        .await
    }
}

fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}
