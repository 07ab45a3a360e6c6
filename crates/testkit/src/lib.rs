//! A real house on free ports, real mail servers beside it, and the samples that go through its door.
//!
//! What passes through: the world of `mail/world.toml` becomes records ([`world`]), samples become mail in the
//! door ([`samples`]), load becomes figures ([`measure`], [`search`]). [`House`] serves inside this process; a [`Program`] is
//! the shipped one, which can be killed.
//!
//! *Invariant:* nothing here sleeps and hopes: every wait is for a fact, with a deadline ([`wait`]).

pub mod browser;
pub mod client;
pub mod corpus;
pub mod database;
pub mod house;
pub mod kept;
pub mod letters;
pub mod load;
pub mod measure;
pub mod missing;
pub mod moving;
pub mod peers;
pub mod program;
pub mod proxy;
pub mod samples;
pub mod search;
pub mod swaks;
pub mod wait;
pub mod waiting;
pub mod world;

pub use house::House;
pub use missing::Missing;
pub use program::Program;
