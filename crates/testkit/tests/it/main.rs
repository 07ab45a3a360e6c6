//! The whole house with real peers: what goes in is looked for in the store.

mod samples;
