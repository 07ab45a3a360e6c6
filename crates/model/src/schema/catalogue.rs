//! The catalogue: which organisations there are, and whose an address is.

use super::column::{Kind::*, table};
use crate::{Id, Timestamp};

/// What an address of ours leads to.
pub const ROUTE_KINDS: &[(i64, &str)] = &[(1, "sink"), (2, "queue"), (3, "user")];

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
