//! Values of the page of nodes.

use model::Timestamp;
use serde::Serialize;

use super::as_millis;

/// All nodes.
#[derive(Debug, Clone, Serialize)]
pub struct NodeList {
    /// Each of them.
    pub nodes: Vec<NodeLine>,
    /// What none of them does, in words.
    pub undone: Vec<String>,
}

/// A process that serves, among others.
#[derive(Debug, Clone, Serialize)]
pub struct NodeLine {
    /// The name of its machine.
    pub name: String,
    /// `serving`, `draining` or `silent`.
    pub state: String,
    /// What it does, in words.
    pub roles: String,
    /// Of its program.
    pub version: String,
    /// When it began.
    #[serde(serialize_with = "as_millis")]
    pub started: Timestamp,
    /// Seconds since it was seen.
    pub silent_seconds: i64,
    /// Whether it is the one that shows this page.
    pub is_this: bool,
}
