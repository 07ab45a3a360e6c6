//! What keeps the house running: kept bytes, events, jobs, leases, settings.

use super::column::{Kind::*, table};
use crate::{Id, Timestamp};

/// Where the bytes of a blob are.
pub const BLOB_PLACES: &[(i64, &str)] = &[(0, "in the row"), (1, "in a file"), (2, "in the bucket")];
/// The life of a blob.
pub const BLOB_STATES: &[(i64, &str)] = &[(0, "live"), (1, "condemned"), (2, "deleting"), (3, "gone")];

/// The kind of job that puts a mail that went out into its writer's mailbox; whoever speaks with mail servers does it.
pub const KEEP_SENT: &str = "keep-sent";

table! {
    /// Kept bytes, named by their digest.
    Blob "blob" set "" label "Blob" key(blobid) clustered(false) {
        /// BLAKE3 of the plain bytes.
        blobid: Vec<u8> = Bytes, "Blob";
        size: i64 = Int, "Size in bytes";
        place: i32 = Choice(BLOB_PLACES), "Place";
        /// The frames, where they stand in the row.
        bytes: Option<Vec<u8>> = Bytes, "Bytes";
        statecode: i32 = Choice(BLOB_STATES), "State";
        /// Since when it is in this state, where it is not live.
        condemnedon: Option<Timestamp> = DateTime, "Condemned on";
    }
    indexes { sparse(condemnedon); }
}

table! {
    /// Something that happened to a record, written with it. Read by cursor, in the order of `eventid`.
    Event "event" set "" label "Event" key(eventid) clustered(false) {
        /// Ascending in the order of commit; the store gives it.
        eventid: i64 = Int, "Event";
        createdon: Timestamp = DateTime, "When";
        systemuserid: Option<Id> = Lookup("systemuser"), "Who";
        objectid: Id = AnyLookup, "Record";
        objecttypecode: i32 = Int, "Kind of record";
        /// `created`, `duplicate`, `joined`, `resolved` …
        operation: String = Text(40), "What";
        /// JSON: what it was before and after.
        detail: Option<String> = Memo, "Detail";
    }
    indexes { many(objectid, eventid); }
}

/// How it stands with an event that a follower was not told.
pub const UNTOLD_STATES: &[(i64, &str)] = &[(0, "Waiting"), (1, "Passed over")];

table! {
    /// An event that a follower did not hear: it holds up those behind it, or was passed over and is kept for a person.
    Untold "untold" set "" label "Event that was not told" key(follower, epoch, eventid) clustered(true) {
        /// Who follows: `post_deliver`, the hook.
        follower: String = Text(40), "Follower";
        /// The epoch of the events when its turn had come.
        epoch: Id = AnyLookup, "Epoch";
        eventid: i64 = Int, "Event";
        activityid: Id = Lookup("email"), "E-mail";
        statecode: i32 = Choice(UNTOLD_STATES), "State";
        /// How often it was told in vain.
        tries: i32 = Int, "Tries";
        /// How often the follower answered, and refused it.
        refusals: i32 = Int, "Refusals";
        /// When he did so first.
        refusedon: Option<Timestamp> = DateTime, "Refused on";
        /// What he said last, or what kept him from it.
        words: String = Text(800), "Words";
        createdon: Timestamp = DateTime, "Created on";
        modifiedon: Timestamp = DateTime, "Modified on";
    }
    indexes { }
}

table! {
    /// Work to be done later; may run twice.
    Job "job" set "" label "Job" key(jobid) clustered(false) {
        jobid: Id = Key, "Job";
        kind: String = Text(40), "Kind";
        /// Two waiting jobs of a kind with the same key are one.
        jobkey: String = Text(700), "Key";
        dueon: Timestamp = DateTime, "Due on";
        leaseuntil: Option<Timestamp> = DateTime, "Leased until";
        /// Grows each time it is taken: who took it at an older count has lost it.
        attempts: i32 = Int, "Attempts";
        lasterror: Option<String> = Text(800), "Last error";
        /// The node that took it last.
        owner: Option<Id> = Lookup("node"), "Owner";
    }
    indexes { unique(kind, jobkey); many(dueon); many(owner); }
}

table! {
    /// Work that one node at a time does for this organisation, and which one does it; in the catalogue, for the house. The row
    /// stays, so that the number never goes back.
    Lease "lease" set "" label "Lease" key(name) clustered(true) {
        name: String = Text(100), "Name";
        /// The node that took it last.
        owner: Id = Lookup("node"), "Owner";
        /// By the clock that all nodes share; in the past where it was given back.
        leaseuntil: Timestamp = DateTime, "Leased until";
        /// Grows each time it is taken: who holds an older number holds nothing.
        number: i64 = Int, "Number";
    }
    indexes { }
}

table! {
    /// A setting of the organisation.
    Setting "setting" set "" label "Setting" key(name) clustered(true) {
        name: String = Text(100), "Name";
        value: String = Memo, "Value";
    }
    indexes { }
}
