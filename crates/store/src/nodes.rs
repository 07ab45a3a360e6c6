//! The nodes: which processes serve from this catalogue, and how they are.
//!
//! What passes through: a node says every few seconds that it is there, by the time of the server where there is one.
//! Whoever has said nothing for an hour is forgotten.

use model::schema::catalogue::Node;
use model::{Id, Timestamp, limits};

use crate::rows::RowValues;
use crate::{Store, StoreError};

/// A node, as the others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenNode {
    /// What it said of itself.
    pub node: Node,
    /// Milliseconds since it said something.
    pub silent: i64,
}

/// Whoever said nothing for so long is forgotten.
const FORGOTTEN_MILLISECONDS: i64 = 3_600_000;

impl Store {
    /// Says that this node is there, and how it is. The times in it do not count. Where rows are in files there is no
    /// other: whoever else was there has died.
    pub fn be_seen(&self, node: &Node, now: Timestamp) -> Result<(), StoreError> {
        let is_alone = self.server.is_none();
        self.catalogue.transact(|tx| {
            let sql =
                "insert into node (nodeid, name, roles, version, knownschema, startedon, seenon, statecode, hooks)
                values (?1, ?2, ?3, ?4, ?5, leaseclock(?6), leaseclock(?6), ?7, ?8)
                on conflict (nodeid) do update set seenon = excluded.seenon, statecode = excluded.statecode";
            let Node { nodeid, name, roles, version, knownschema, statecode, hooks, .. } = node;
            let params = [
                (*nodeid).into(),
                name.into(),
                roles.into(),
                version.into(),
                (*knownschema).into(),
                now.into(),
                (*statecode).into(),
                hooks.as_deref().into(),
            ];
            tx.execute(sql, &params)?;
            let patience = if is_alone { -FORGOTTEN_MILLISECONDS } else { FORGOTTEN_MILLISECONDS };
            let sql = "delete from node where seenon <= leaseclock(?1) - ?2 and nodeid <> ?3";
            tx.execute(sql, &[now.into(), patience.into(), (*nodeid).into()]).map(drop)
        })
    }

    /// Says that this node goes.
    pub fn go(&self, nodeid: Id) -> Result<(), StoreError> {
        self.catalogue
            .transact(|tx| tx.execute("delete from node where nodeid = ?1", &[nodeid.into()]).map(drop))
    }

    /// The nodes, in the order in which they began.
    pub fn nodes(&self, now: Timestamp) -> Result<Vec<SeenNode>, StoreError> {
        let sql = "select nodeid, name, roles, version, knownschema, startedon, seenon, statecode, hooks,
                leaseclock(?1) - seenon
            from node
            order by startedon, nodeid";
        let row = |row: &mut RowValues<'_>| Ok(SeenNode { node: row.noun()?, silent: row.take()? });
        self.catalogue.ask(|read| read.rows(sql, &[now.into()], row))
    }

    /// `OlderNode` where a node serves whose program could not go on once this one has changed the schemas: first all
    /// expand, then all contract.
    pub(crate) fn leave_no_node_behind(&self, readable_by: i64) -> Result<(), StoreError> {
        let nodes = self.nodes(Timestamp(0))?;
        let serves = |seen: &&SeenNode| seen.silent <= limits::LEASE_SECONDS * 1_000;
        match nodes.iter().filter(serves).find(|seen| seen.node.knownschema < readable_by) {
            Some(SeenNode { node, .. }) => Err(StoreError::OlderNode {
                name: node.name.clone(),
                known: node.knownschema,
                needed: readable_by,
            }),
            None => Ok(()),
        }
    }

    /// Milliseconds by which a clock is ahead of the database server's; negative where it is behind. About 0 where
    /// there is no server.
    pub fn clock_ahead(&self, clock: impl Fn() -> Timestamp) -> Result<i64, StoreError> {
        let before = clock();
        let there: i64 = self
            .catalogue
            .ask(|read| read.one("select leaseclock(?1)", &[before.into()], |row| row.take()))?
            .unwrap_or(before.0);
        Ok(i64::midpoint(before.0, clock().0) - there)
    }

    /// Whether rows are at a server, where other nodes may work on them too.
    pub fn is_at_server(&self) -> bool {
        self.server.is_some()
    }
}
