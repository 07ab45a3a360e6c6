//! Search: one line or a form, and the mails that are found.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::desk::{Desk, Sheet};
use crate::session::Signed;
use crate::values::{Failure, Found, Page, SearchForm};

const SHEET: Sheet = Sheet { template: "search.html", section: "mail" };

/// The address of a search.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asking {
    #[serde(flatten)]
    form: SearchForm,
    after_mail: Option<String>,
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    found: Found,
    is_continued: bool,
}

pub(crate) async fn search(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(asking): Query<Asking>,
) -> Result<Response, Failure> {
    let page = Page { search: String::new(), after: asking.after_mail.filter(|key| !key.is_empty()) };
    let form = asking.form.cut();
    desk.show(signed, SHEET, move |house, visitor| {
        let found = house.search(visitor, &form, &page)?;
        Ok(Shown { found, is_continued: page.after.is_some() })
    })
    .await
}

impl SearchForm {
    /// Fields as long as a search may be; the house says where it cut the line.
    fn cut(self) -> Self {
        let cut = |text: String| text.chars().take(model::limits::SEARCH_CHARS_MAX + 1).collect();
        SearchForm {
            q: cut(self.q),
            words: cut(self.words),
            from: cut(self.from),
            to: cut(self.to),
            subject: cut(self.subject),
            has: cut(self.has),
            after: cut(self.after),
            before: cut(self.before),
        }
    }
}
