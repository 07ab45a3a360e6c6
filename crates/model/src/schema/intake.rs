//! The books of the intake: what was seen, what became of it, what waits for a person.

use super::column::{Kind::*, table};
use crate::{Id, Timestamp};

/// The state of an Undeliverable.
pub const UNDELIVERABLE_STATES: &[(i64, &str)] = &[(0, "Open"), (1, "Replayed"), (2, "Dismissed")];

table! {
    /// The ledger of the doors: one arrival at one source for this organisation.
    Copy "copy" set "" label "Copy" key(copyid) clustered(true) {
        copyid: Id = Key, "Copy";
        /// Where it arrived: `sink:crm@sink.example`, `queue:…`, `user:…`, `track`.
        source: String = Text(700), "Source";
        /// The UTC day, in days since 1970.
        day: i64 = Int, "Day";
        arrivedon: Timestamp = DateTime, "Arrived on";
        /// MAIL FROM; empty for the null sender.
        mailfrom: Option<String> = Text(640), "Envelope sender";
        /// RCPT TO of this organisation alone.
        recipients: String = Memo, "Envelope recipients";
        peer: Option<String> = Text(80), "Peer";
        size: i64 = Int, "Size in bytes";
        /// How many originals it carried: so many outcomes it has.
        originals: i32 = Int, "Originals";
        /// Running number in the ledger of the organization, from 1: a hole is a copy that was taken out.
        copynumber: i64 = Int, "Number";
        /// The door's own `Received` field for it (RFC 5321 §4.4), kept beside the mail, never in it.
        trace: Option<String> = Memo, "Trace";
        /// The whole mail around the originals, where they were dug out of another mail.
        outerblobid: Option<Vec<u8>> = Bytes, "Outer mail";
    }
    indexes { many(day, source); unique(copynumber); }
}

table! {
    /// The end of one original. One row of each copy is its gravest.
    OriginalOutcome "outcome" set "" label "Outcome" key(copyid, originalnumber) clustered(true) {
        copyid: Id = Lookup("copy"), "Copy";
        /// 1 for the first original of the copy.
        originalnumber: i32 = Int, "Original";
        outcome: i32 = Int, "Outcome";
        reason: i32 = Int, "Reason";
        /// Whether the copy counts as this outcome.
        iscopyoutcome: bool = Bool, "Outcome of the copy";
        source: String = Text(700), "Source";
        day: i64 = Int, "Day";
        activityid: Option<Id> = Lookup("email"), "E-mail";
        messageid: Option<String> = Text(998), "Message ID";
        createdon: Timestamp = DateTime, "Created on";
    }
    indexes { many(day, iscopyoutcome, outcome); sparse(activityid); }
}

table! {
    /// Who wrote a mail of a copy, as far as anything proved it when it came.
    MailVerdict "mailverdict" set "" label "Verdict on a mail" key(copyid, originalnumber) clustered(true) {
        copyid: Id = Lookup("copy"), "Copy";
        /// 0 for the mail as it came; else that of an original that was dug out of it.
        originalnumber: i32 = Int, "Original";
        /// The only address in From; nothing where it names several, or can be read in two ways.
        author: Option<String> = Text(640), "Author";
        /// The numbers of `model::trust`.
        dmarc: i32 = Int, "DMARC";
        policy: i32 = Int, "Policy";
        provenby: i32 = Int, "Proven by";
        /// Whether a signature of the author's domain holds all that says to whom and about what it is.
        signsall: bool = Bool, "Signs all";
        /// A server that vouches for it though it fails.
        vouchedby: Option<String> = Text(255), "Vouched by";
        /// The server whose word it is; nothing where it was verified here.
        saidby: Option<String> = Text(255), "Said by";
        /// All that was looked at, as RFC 8601 writes it.
        results: String = Memo, "Results";
    }
    indexes { }
}

table! {
    /// A copy that could not be processed, kept whole.
    Undeliverable "undeliverable" set "" label "Undeliverable" key(undeliverableid) clustered(false) {
        undeliverableid: Id = Key, "Undeliverable";
        copyid: Id = Lookup("copy"), "Copy";
        originalnumber: i32 = Int, "Original";
        reason: i32 = Int, "Reason";
        detail: String = Text(800), "Detail";
        subject: String = Text(800), "Subject";
        sender: Option<String> = Text(640), "From";
        blobid: Vec<u8> = Bytes, "Source";
        size: i64 = Int, "Size in bytes";
        statecode: i32 = Choice(UNDELIVERABLE_STATES), "Status";
        createdon: Timestamp = DateTime, "Created on";
        /// How often it was replayed.
        attempts: i32 = Int, "Attempts";
        lasttriedon: Option<Timestamp> = DateTime, "Last tried on";
        /// What vouched for its sender when it came: a number of the CRM's.
        proof: i32 = Int, "Proof";
        /// The user whose credential that was.
        proofuserid: Option<Id> = Lookup("systemuser"), "Proven user";
        /// Since when it waits no longer.
        endedon: Option<Timestamp> = DateTime, "Ended on";
        /// Who dismissed it.
        endedby: Option<String> = Text(640), "Ended by";
        /// Why it was dismissed, or how it ended by itself.
        endreason: Option<String> = Text(800), "Reason of the end";
        /// Why a hook stopped the mail, whatever else it waits for: to take it in again does not ask the hook.
        stopreason: Option<String> = Text(800), "Stopped by a hook";
    }
    indexes {
        many(statecode, createdon);
        many(reason, statecode, createdon, undeliverableid);
        many(blobid, statecode);
        many(copyid);
    }
}
