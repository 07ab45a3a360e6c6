//! Search among the e-mails of an organization.
//!
//! What passes through: what a person wrote becomes a [`Search`] ([`query`]); e-mails become
//! documents of the text index, behind the intake and never in its commit ([`indexing`]).
//!
//! *Invariant:* reading a search is pure, and nothing that is written there is an error: what cannot be understood
//! is said in words beside the result.

pub mod indexing;
pub mod query;

use model::decision::Entity;
use model::search::Search;
use model::{Id, limits};
use store::{Hit, Organization, Span, StoreError};

use crate::CrmError;

/// E-mails that a search finds, newest first.
///
/// # Errors
/// When the store cannot answer, or not in time (`TookTooLong`). A damaged index finds nothing, and is made anew by the next [`indexing::step`].
pub fn find(
    organization: &Organization,
    search: &Search,
    (span, limit): (Span, usize),
) -> Result<Vec<Hit>, CrmError> {
    match organization.index().find(search, span, limit) {
        Err(StoreError::Corrupt) => {
            tracing::warn!(organization = %organization.id(), "a text index is damaged; it is made anew");
            organization.index().discard()?;
            Ok(Vec::new())
        }
        found => Ok(found?),
    }
}

/// Records of a kind by the beginnings of words in their names and addresses, the latest
/// [`limits::FOUND_RECORDS_MAX`]. Those that were made a moment ago and are not indexed yet are found too.
///
/// # Errors
/// When the store cannot answer.
pub fn find_records(organization: &Organization, entity: Entity, words: &str) -> Result<Vec<Id>, CrmError> {
    let index = organization.index();
    let found = index
        .position()
        .and_then(|position| Ok((position, index.find_records(entity, words, limits::FOUND_RECORDS_MAX)?)));
    let (position, mut found) = match found {
        Err(StoreError::Corrupt) => Default::default(),
        found => found?,
    };
    let late = organization.read(|read| {
        let reached = indexing::reached(read, &position)?;
        let events = read.latest_events_after(reached, limits::FOUND_RECORDS_MAX)?;
        indexing::named_records(read, &events)
    })?;
    let late = late.into_iter().filter(|record| record.entity == entity && begins(&record.words, words));
    found.extend(late.map(|record| record.id));
    found.sort();
    found.dedup();
    Ok(found)
}

/// Whether each of these words begins one of that text; a plain cousin of what the index does.
fn begins(text: &str, words: &str) -> bool {
    let parts = |text: &str| -> Vec<String> {
        let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
        parts.map(str::to_lowercase).collect()
    };
    let (text, words) = (parts(text), parts(words));
    !words.is_empty() && words.iter().all(|word| text.iter().any(|part| part.starts_with(word.as_str())))
}
