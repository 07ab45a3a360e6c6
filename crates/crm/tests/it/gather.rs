//! The same questions to a real store.
