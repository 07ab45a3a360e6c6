//! What the mailboxes at other mail systems are watched with.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer};

/// How many connections other mail servers are given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PollSection {
    /// Of this node to one host; 0 for as many as it has mailboxes.
    pub connections_per_host: usize,
    /// The same of single hosts, by their names in small letters.
    #[serde(deserialize_with = "by_host")]
    pub connections_of_hosts: HashMap<String, usize>,
}

impl PollSection {
    /// How many connections a host is given; `None` for as many as it has mailboxes.
    pub(crate) fn connections_max(&self, host: &str) -> Option<usize> {
        let of_it = self.connections_of_hosts.get(&host.to_lowercase());
        Some(of_it.copied().unwrap_or(self.connections_per_host)).filter(|most| *most > 0)
    }
}

/// `mail.contoso.example=4`, each.
fn by_host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HashMap<String, usize>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| one(text).ok_or_else(|| wrong(text))).collect()
}

fn one(text: &str) -> Option<(String, usize)> {
    let (host, most) = text.rsplit_once('=')?;
    let host = host.trim();
    (!host.is_empty()).then_some((host.to_lowercase(), most.trim().parse().ok()?))
}

fn wrong<E: serde::de::Error>(text: &str) -> E {
    E::custom(format!(
        "poll.connections_of_hosts: “{text}” names no host with a number, as mail.contoso.example=4 does"
    ))
}
