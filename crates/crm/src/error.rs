//! What can go wrong in a use case, in the caller's terms.

use store::StoreError;

/// The failure of a use case.
#[derive(Debug, thiserror::Error)]
pub enum CrmError {
    /// What was asked for is not here.
    #[error("{what} is not here")]
    NotFound {
        /// What was looked for.
        what: &'static str,
    },
    /// The name or address is taken.
    #[error("{what} is taken already")]
    Taken {
        /// What is taken.
        what: String,
    },
    /// The input breaks a rule.
    #[error("{0}")]
    Invalid(String),
    /// The store could not do it.
    #[error("the store could not do it")]
    Store(#[from] StoreError),
}

impl CrmError {
    /// Whether the same call may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, CrmError::Store(error) if error.is_temporary())
    }
}
