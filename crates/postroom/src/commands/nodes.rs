//! The command about nodes: which there are, and how they are.

use std::sync::Arc;

use crm::outbox;
use model::limits;
use serde::{Deserialize, Serialize};
use store::{Organization, SeenNode, StoreError};

use super::{CommandError, Reply};
use crate::house::House;
use crate::node::Role;

/// A node that serves, or did so a while ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Its id.
    pub id: String,
    /// The name of its machine.
    pub name: String,
    /// `serving`, `draining`, or `silent` where it has not been seen for longer than leased work is left to it.
    pub state: String,
    /// What it does.
    pub roles: Vec<String>,
    /// Its hooks, each as `name=digest` of its settings; `None` where it is of an older version and does not say.
    pub hooks: Option<Vec<String>>,
    /// Whether its hook before a mail goes out is compared with the others' whatever its roles are: outside senders pull at any
    /// node. Said only where it makes a difference.
    pub is_pulled_from: bool,
    /// Of its program.
    pub version: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// Seconds since it was seen.
    pub silent_seconds: i64,
}

pub(super) fn nodes(house: &House) -> Result<Reply, CommandError> {
    Ok(Reply::Nodes(rows(house)?))
}

/// The nodes of a house.
pub(crate) fn rows(house: &House) -> Result<Vec<NodeRow>, StoreError> {
    let patience = if house.store.is_at_server() { limits::LEASE_SECONDS } else { ALONE_SECONDS };
    let nodes = house.store.nodes(house.now())?;
    let rows = nodes.into_iter().map(|seen| row(seen, patience)).collect();
    Ok(with_pulls(rows, || super::organizations(house, None).is_ok_and(|all| all.iter().any(is_pulled))))
}

/// Rows with whether outside senders pull; that is asked where it makes a difference alone.
fn with_pulls(rows: Vec<NodeRow>, is_any_pulled: impl FnOnce() -> bool) -> Vec<NodeRow> {
    let pulled: Vec<NodeRow> =
        rows.iter().map(|row| NodeRow { is_pulled_from: true, ..row.clone() }).collect();
    if unlike(&pulled) != unlike(&rows) && is_any_pulled() { pulled } else { rows }
}

/// Whether outside senders pull an organization's mail.
fn is_pulled(organization: &Arc<Organization>) -> bool {
    let ways = outbox::relays(organization);
    ways.is_ok_and(|ways| ways.iter().any(|way| way.servertype == outbox::OUTSIDE))
}

/// Whether another node serves beside this one.
pub(super) fn serves_elsewhere(house: &House) -> Result<bool, StoreError> {
    let is_other =
        |seen: &SeenNode| seen.node.nodeid != house.node && seen.silent <= limits::LEASE_SECONDS * 1_000;
    Ok(house.store.is_at_server() && house.store.nodes(house.now())?.iter().any(is_other))
}

/// What is not as it should be with the nodes together, in words.
pub fn faults(rows: &[NodeRow]) -> Vec<String> {
    undone(rows).into_iter().map(str::to_owned).chain(unlike(rows)).collect()
}

/// Wherein nodes differ, of what they said of themselves; in words. Of outside senders those count whose organizations are open.
pub(crate) fn unlike_hooks(house: &House, nodes: &[SeenNode]) -> Vec<String> {
    let rows = nodes.iter().map(|seen| row(seen.clone(), limits::LEASE_SECONDS)).collect();
    unlike(&with_pulls(rows, || house.store.open_organizations().iter().any(is_pulled)))
}

/// Hooks in which nodes differ that do the same work, in words: whether a mail is asked about depends on the node it meets.
fn unlike(rows: &[NodeRow]) -> Vec<String> {
    let unlike = |(hook, roles): &(&str, &[Role])| {
        let has_role = |row: &NodeRow| roles.iter().any(|role| row.roles.iter().any(|it| it == role.name()));
        let concerns = |row: &NodeRow| has_role(row) || (row.is_pulled_from && roles.contains(&Role::Send));
        let of = |row: &NodeRow| {
            let mut words = row.hooks.as_ref()?.iter();
            let digest = words.find_map(|word| word.strip_prefix(hook)?.strip_prefix('='));
            Some(digest.unwrap_or("none").to_owned())
        };
        // What a node does not say is not known.
        let nodes = rows.iter().filter(|row| row.state == SERVING && concerns(row));
        let mut nodes = nodes.filter_map(|row| Some((row, of(row)?)));
        let (first, one) = nodes.next()?;
        let (other, two) = nodes.find(|(_, two)| *two != one)?;
        Some(format!(
            "hooks.{hook} is {one} at {} and {two} at {}: start each node with the same settings, until then mail passes it by",
            first.name, other.name
        ))
    };
    HOOKS.iter().filter_map(unlike).collect()
}

/// Each hook, and the roles of those who ask it.
const HOOKS: &[(&str, &[Role])] = &[
    ("pre_send", &[Role::Send]),
    ("pre_deliver", &[Role::Receive, Role::Poll]),
    ("post_deliver", &[Role::Jobs]),
];

/// What no node does of what a house wants done. Nothing where none serves at all: then that is plain.
fn undone(rows: &[NodeRow]) -> Vec<&'static str> {
    let serving: Vec<&NodeRow> = rows.iter().filter(|row| row.state == SERVING).collect();
    let is_done = |role: &Role| serving.iter().any(|row| row.roles.iter().any(|name| name == role.name()));
    if serving.is_empty() {
        return Vec::new();
    }
    Role::ALL.into_iter().filter(|role| !is_done(role)).map(Role::undone).collect()
}

const SERVING: &str = "serving";
/// Where rows are in files a node speaks once a minute.
const ALONE_SECONDS: i64 = 90;

fn row(seen: SeenNode, patience: i64) -> NodeRow {
    let started = jiff::Timestamp::from_millisecond(seen.node.startedon.0);
    let state = match seen.node.statecode {
        _ if seen.silent > patience * 1_000 => "silent",
        1 => SERVING,
        _ => "draining",
    };
    NodeRow {
        id: seen.node.nodeid.to_string(),
        state: state.to_owned(),
        name: seen.node.name,
        roles: seen.node.roles.split_whitespace().map(str::to_owned).collect(),
        hooks: seen.node.hooks.map(|hooks| hooks.split_whitespace().map(str::to_owned).collect()),
        is_pulled_from: false,
        version: seen.node.version,
        started: started.map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default(),
        silent_seconds: seen.silent.max(0) / 1_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(state: &str, roles: &str) -> NodeRow {
        NodeRow {
            id: String::new(),
            name: "mail".to_owned(),
            state: state.to_owned(),
            roles: roles.split(',').map(str::to_owned).collect(),
            hooks: Some(Vec::new()),
            is_pulled_from: false,
            version: String::new(),
            started: String::new(),
            silent_seconds: 0,
        }
    }

    #[test]
    fn nodes_that_differ_in_a_hook_of_their_work_are_told() {
        let with = |name: &str, roles: &str, hooks: &[&str]| NodeRow {
            name: name.to_owned(),
            hooks: Some(hooks.iter().map(|&hook| hook.to_owned()).collect()),
            ..node("serving", roles)
        };
        let asks = with("a", "send,jobs", &["pre_send=1a2b3c4d"]);
        assert_eq!(unlike(&[asks.clone(), asks.clone()]), Vec::<String>::new());
        assert_eq!(
            unlike(&[asks.clone(), with("b", "receive,web", &[])]),
            Vec::<String>::new(),
            "none of its work"
        );
        let older = NodeRow { hooks: None, ..with("b", "send", &[]) };
        assert_eq!(unlike(&[older, asks.clone(), asks.clone()]), Vec::<String>::new(), "it is not known yet");
        let silent = NodeRow { state: "silent".to_owned(), ..with("b", "send", &[]) };
        assert_eq!(unlike(&[asks.clone(), silent]), Vec::<String>::new());
        for (hooks, word) in [(&["post_deliver=00000000"][..], "none"), (&["pre_send=ffffffff"], "ffffffff")]
        {
            let [words] = &unlike(&[asks.clone(), with("b", "send", hooks)])[..] else { panic!("{hooks:?}") };
            let said = format!("hooks.pre_send is 1a2b3c4d at a and {word} at b");
            assert!(words.starts_with(&said), "{words}");
        }
    }

    #[test]
    fn where_outside_senders_pull_the_hook_of_each_node_counts() {
        let with = |name: &str, roles: &str, hooks: &[&str]| NodeRow {
            name: name.to_owned(),
            hooks: Some(hooks.iter().map(|&hook| hook.to_owned()).collect()),
            ..node("serving", roles)
        };
        let hooks = ["pre_send=1a2b3c4d", "post_deliver=11111111"];
        let rows = vec![with("a", "send,jobs", &hooks), with("b", "receive,web", &[])];
        assert_eq!(unlike(&with_pulls(rows.clone(), || false)), Vec::<String>::new());
        let [words] = &unlike(&with_pulls(rows, || true))[..] else { panic!("one hook differs") };
        assert!(words.starts_with("hooks.pre_send is 1a2b3c4d at a and none at b"), "{words}");
        let alike = vec![with("a", "send", &hooks), with("b", "web", &hooks)];
        with_pulls(alike, || panic!("nobody needs to know"));
    }

    #[test]
    fn what_no_living_node_does_is_told() {
        assert_eq!(undone(&[]), Vec::<&str>::new());
        assert_eq!(undone(&[node("serving", "receive,web,jobs,index,poll,send")]), Vec::<&str>::new());
        assert_eq!(
            undone(&[node("serving", "receive,web,poll,send"), node("serving", "jobs,index")]),
            Vec::<&str>::new()
        );
        // Who is silent or about to go does nothing for long.
        let left =
            [node("serving", "receive,web,poll,send"), node("silent", "jobs"), node("draining", "index")];
        assert_eq!(undone(&left), [Role::Jobs.undone(), Role::Index.undone()]);
    }
}
