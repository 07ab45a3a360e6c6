//! Addresses to which no mail goes any more, and why.

use super::column::{Kind::*, table};
use crate::{Id, Timestamp};

/// Why an address is suppressed.
pub const SUPPRESSION_REASONS: &[(i64, &str)] =
    &[(1, "It does not work"), (2, "Mail came back several times"), (3, "A complaint"), (4, "By hand")];

table! {
    /// An address to which nothing is sent, from one time to another. What was released stays, and says who did it.
    Suppression "suppression" set "" label "Suppressed address" key(suppressionid) clustered(false) {
        suppressionid: Id = Key, "Suppressed address";
        /// As it is compared.
        address: String = Text(640), "Address";
        reason: i32 = Choice(SUPPRESSION_REASONS), "Reason";
        /// The words or the field that told it.
        words: String = Text(800), "Words";
        /// The report, where one told it.
        activityid: Option<Id> = Lookup("email"), "E-mail";
        createdon: Timestamp = DateTime, "Created on";
        releasedon: Option<Timestamp> = DateTime, "Released on";
        /// Who released it, or why.
        releasedby: Option<String> = Text(200), "Released by";
    }
    indexes { many(address); many(createdon); }
}
