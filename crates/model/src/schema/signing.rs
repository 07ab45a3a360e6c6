//! Keys that outgoing mail is signed with.

use super::column::{Kind::*, table};
use crate::{Id, Timestamp};

table! {
    /// A key that signs what goes out from a domain (RFC 6376).
    DomainKey "domainkey" set "" label "Signing key" key(domainkeyid) clustered(false) {
        domainkeyid: Id = Key, "Signing key";
        /// In its ASCII form.
        domain: String = Text(255), "Domain";
        /// Under which name its public half stands below the domain.
        selector: String = Text(63), "Selector";
        /// The text of that record.
        record: String = Memo, "Record";
        /// Sealed.
        privatekey: Vec<u8> = Bytes, "Private key";
        createdon: Timestamp = DateTime, "Created on";
    }
    indexes { unique(domain, selector); }
}
