//! Search among the e-mails of an organization.
//!
//! What passes through: what a person wrote becomes a [`Search`](model::search::Search) ([`query`]); e-mails become
//! documents of the text index, behind the intake and never in its commit ([`indexing`]).
//!
//! *Invariant:* reading a search is pure, and nothing that is written there is an error: what cannot be understood
//! is said in words beside the result.

pub mod indexing;
pub mod query;

use model::search::Search;
use store::{Hit, Organization, Span, StoreError};

use crate::CrmError;

/// E-mails that a search finds, newest first.
///
/// # Errors
/// When the store cannot answer. A damaged index finds nothing, and is made anew by the next [`indexing::step`].
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
