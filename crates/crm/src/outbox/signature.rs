//! What a user puts below the mail that he writes: kept as text and as HTML, and put where a letter begins.
//!
//! *Invariant:* its HTML was made safe before it was kept; in text a line of RFC 3676 §4.3 stands above it, so that readers
//! tell it from what was said.

use std::sync::Arc;

use message::compose;
use message::quote::escaped;
use model::decision::{Entity, RecordRef};
use model::schema::people::EmailSignature;
use model::{Id, Moment, limits};
use store::{Organization, Priority, StoreError};

use crate::CrmError;
use crate::records::note;

/// A signature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// As text, without the mark above it. Where it is empty and there is HTML, it is made of that.
    pub text: String,
    /// As HTML; where there is none, the text is all there is.
    pub html: Option<String>,
}

/// The mark above a signature (RFC 3676 §4.3).
const MARK: &str = "-- ";

impl Signature {
    /// Below nothing yet, as a letter begins: empty lines for what is to be said, and the mark.
    pub fn below(&self, text: &str) -> String {
        format!("{}\n\n{MARK}\n{}", text.trim_end(), self.text)
    }

    /// The same for HTML.
    pub fn below_html(&self, html: &str) -> String {
        let own = self.html.clone().unwrap_or_else(|| lines(&self.text));
        format!("{html}<div><br></div><div>{MARK}</div><div>{own}</div>")
    }
}

fn lines(text: &str) -> String {
    text.lines().map(escaped).collect::<Vec<_>>().join("<br>")
}

/// That of a user, where he has one.
///
/// # Errors
/// Where the store cannot say.
pub fn signature(organization: &Organization, user: Id) -> Result<Option<Signature>, CrmError> {
    let row = organization.read(|read| read.signature(user))?;
    Ok(row.map(|row| Signature { text: row.body, html: Some(row.safehtml).filter(|html| !html.is_empty()) }))
}

/// Keeps that of a user; one that says nothing takes it away.
///
/// # Errors
/// [`CrmError::Invalid`] where it is too long.
pub async fn set_signature(
    organization: &Arc<Organization>,
    user: Id,
    (signature, moment): (Signature, Moment),
) -> Result<(), CrmError> {
    let row = row(user, signature, &moment)?;
    let unit = organization.unit(Priority::Background, move |tx| {
        tx.set_signature(user, row.as_ref())?;
        note(tx, &moment, RecordRef { entity: Entity::SystemUser, id: user }, "signature changed")
    });
    let done: Result<(), StoreError> = unit.await;
    Ok(done?)
}

fn row(user: Id, signature: Signature, moment: &Moment) -> Result<Option<EmailSignature>, CrmError> {
    let html = signature.html.map(|html| compose::safe_html(&html, Default::default()));
    let html = html.filter(|html| !compose::plain_of(html).trim().is_empty()).unwrap_or_default();
    let text = match signature.text.trim() {
        "" => compose::plain_of(&html),
        text => text.to_owned(),
    };
    let text: Vec<&str> = text.trim().lines().map(str::trim_end).collect();
    // Whoever keeps one with its mark means the same.
    let text = text.strip_prefix(&["--"]).unwrap_or(&text).join("\n");
    let most = limits::SIGNATURE_BYTES_MAX;
    if text.len() > most || html.len() > most {
        return Err(CrmError::Invalid(format!("a signature has at most {} KiB", most / 1024)));
    }
    let modifiedon = moment.now;
    Ok((!text.is_empty()).then_some(EmailSignature { ownerid: user, body: text, safehtml: html, modifiedon }))
}
