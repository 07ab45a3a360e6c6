//! The catalogue: which organisations there are, whose an address is, and which nodes serve.

use super::column::{Kind::*, table};
use crate::{Id, Timestamp};

/// What an address of ours leads to.
pub const ROUTE_KINDS: &[(i64, &str)] = &[(1, "sink"), (2, "queue"), (3, "user"), (4, "return path")];

table! {
    /// An organisation: a company with a database of its own.
    Organization "organization" set "organizations" label "Organization" key(organizationid) clustered(false) {
        organizationid: Id = Key, "Organization";
        name: String = Text(160), "Name";
        createdon: Timestamp = DateTime, "Created on";
    }
    indexes { unique(name); }
}

table! {
    /// An address of ours and the organisation it leads to. Published after the organisation's own commit.
    Route "route" set "" label "Route" key(address) clustered(true) {
        address: String = Text(640), "Address";
        organizationid: Id = Lookup("organization"), "Organization";
        kind: i32 = Choice(ROUTE_KINDS), "Kind";
        targetid: Id = AnyLookup, "Target";
    }
    indexes { many(organizationid); }
}

table! {
    /// A setting of the house that the house makes for itself. `house`: its id, which a bucket names it by.
    HouseSetting "housesetting" set "" label "Setting of the house" key(name) clustered(true) {
        name: String = Text(40), "Name";
        value: String = Text(200), "Value";
    }
    indexes { }
}

/// What a node does.
pub const NODE_STATES: &[(i64, &str)] = &[(1, "serving"), (2, "draining")];

table! {
    /// A process that serves.
    Node "node" set "" label "Node" key(nodeid) clustered(false) {
        /// Made anew at each start.
        nodeid: Id = Key, "Node";
        /// The name of its machine.
        name: String = Text(255), "Name";
        /// What it does, with blanks between.
        roles: String = Text(100), "Roles";
        /// Of its program.
        version: String = Text(40), "Version";
        /// The latest schema of an organisation that its program knows.
        knownschema: i64 = Int, "Known schema";
        /// By the clock that all nodes share.
        startedon: Timestamp = DateTime, "Started on";
        /// The same.
        seenon: Timestamp = DateTime, "Last seen on";
        statecode: i32 = Choice(NODE_STATES), "State";
        /// Each that it was started with, with a digest of its settings, and blanks between; nothing of programs that know none.
        hooks: Option<String> = Text(200), "Hooks";
    }
    indexes { }
}

table! {
    /// How often the catalogue was changed: what a node remembers of it holds while this stays the same.
    CatalogueVersion "catalogueversion" set "" label "Version of the catalogue" key(name) clustered(true) {
        name: String = Text(40), "Name";
        number: i64 = Int, "Number";
    }
    indexes { }
}
