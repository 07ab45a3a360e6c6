//! The whole house with real peers: what goes in is looked for in the store.

mod forwarded;
mod full_disk;
mod house;
mod peers;
mod samples;
