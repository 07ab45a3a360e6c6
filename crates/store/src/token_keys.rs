//! The keys that an organization's tokens are made with: handed through to whoever works on the organization, never kept.

use std::sync::Arc;

use model::Id;

/// A key.
pub type TokenKey = [u8; 32];

/// Gives them out.
pub trait TokenKeys: Send + Sync {
    /// The keys of an organization, never none: tokens are made with the first one, and those of all are known again.
    ///
    /// # Errors
    /// Why they cannot be had now, in words that hold no key.
    fn of(&self, organization: Id) -> Result<Arc<[TokenKey]>, &'static str>;
}

/// Nowhere: a store that was opened without them.
#[derive(Debug)]
pub struct NoTokenKeys;

impl TokenKeys for NoTokenKeys {
    fn of(&self, _: Id) -> Result<Arc<[TokenKey]>, &'static str> {
        Err("the store was opened without keys for tokens")
    }
}

/// Keys for tests, other ones for each organization.
#[cfg(feature = "testing")]
#[derive(Debug)]
pub struct TestTokenKeys;

#[cfg(feature = "testing")]
impl TokenKeys for TestTokenKeys {
    fn of(&self, organization: Id) -> Result<Arc<[TokenKey]>, &'static str> {
        Ok(Arc::new([blake3::derive_key("postroom tests", &organization.0)]))
    }
}
