//! The pages, one file each: read the request, ask the house, name the template.

pub(crate) mod drafts;
pub(crate) mod emails;
pub(crate) mod mail;
pub(crate) mod mailboxes;
pub(crate) mod nodes;
pub(crate) mod outbox;
pub(crate) mod records;
pub(crate) mod search;
pub(crate) mod sign_in;
pub(crate) mod signature;
pub(crate) mod templates;
pub(crate) mod today;
pub(crate) mod undeliverable;
pub(crate) mod unresolved;
pub(crate) mod write;

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::Id;
use serde::{Deserialize, Serialize};

use crate::headers::FILE_POLICY;
use crate::values::{Failure, List, Page, Visitor};

/// The part of an address that says which page of a list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Turn {
    /// The search text.
    #[serde(default)]
    q: String,
    /// Where the page begins.
    after: Option<String>,
}

impl Turn {
    /// The page that is meant. Searches are cut to a length that a name or address can have.
    fn page(self) -> Page {
        let search = self.q.trim().chars().take(model::limits::NAME_CHARS_MAX).collect();
        Page { search, after: self.after.filter(|key| !key.is_empty()) }
    }
}

/// A list with what its page says around it.
#[derive(Debug, Serialize)]
pub(crate) struct Listing<T> {
    list: List<T>,
    search: String,
    /// Whether newer rows stand on a page before.
    is_continued: bool,
}

impl<T> Listing<T> {
    fn new(list: List<T>, page: Page) -> Self {
        Listing { list, search: page.search, is_continued: page.after.is_some() }
    }
}

/// For everybody else there is no such page.
fn administrator(visitor: &Visitor) -> Result<(), Failure> {
    if visitor.is_administrator { Ok(()) } else { Err(Failure::NotFound) }
}

/// An id in an address; what is no id leads nowhere.
fn id(Path(text): Path<String>) -> Result<Id, Failure> {
    text.parse().map_err(|_| Failure::NotFound)
}

/// A message as it was received, to be read as text: never to be taken for HTML.
fn source_text(bytes: Vec<u8>, name: &str) -> Response {
    given(bytes, "text/plain; charset=utf-8", &format!("inline; filename=\"{name}.txt\""))
}

/// Bytes of a mail, of a type that is ours and not the mail's.
fn given(bytes: Vec<u8>, kind: &'static str, disposition: &str) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(FILE_POLICY));
    if let Ok(value) = HeaderValue::from_str(disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
