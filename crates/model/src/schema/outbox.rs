//! The outbox: mails that are to go out, and what became of each recipient.

use super::column::{Kind::*, table};
use crate::{Id, Timestamp};

/// Who goes first: a lower number before a higher one.
pub const LANES: &[(i64, &str)] = &[(0, "Personal"), (1, "Bulk")];
/// What became of one recipient.
pub const RECIPIENT_STATES: &[(i64, &str)] =
    &[(0, "Waiting"), (1, "Sent"), (2, "Failed"), (3, "Uncertain"), (4, "Canceled")];

/// What a report told of a recipient.
pub const BOUNCE_KINDS: &[(i64, &str)] = &[
    (1, "Failed for good"),
    (2, "Failed for now"),
    (3, "Delayed"),
    (4, "Complaint"),
    (5, "Returned, cause unclear"),
];

table! {
    /// An outgoing e-mail on its way. It stays when it has ended: its recipients say how.
    OutboxMail "outboxmail" set "" label "Outgoing mail" key(activityid) clustered(true) {
        activityid: Id = Lookup("email"), "E-mail";
        lane: i32 = Choice(LANES), "Lane";
        /// The lane, as long as it waits; nothing where it has ended or waits for a person.
        waitsin: Option<i32> = Int, "Waits in lane";
        emailserverprofileid: Id = Lookup("emailserverprofile"), "Relay";
        /// The sender in the envelope (MAIL FROM).
        mailfrom: String = Text(640), "Return path";
        /// From when on it may be taken; while somebody has it, when that ends by itself.
        dueon: Timestamp = DateTime, "Due on";
        /// The node that has it.
        owner: Option<Id> = Lookup("node"), "Owner";
        /// Grows each time it is taken: who took it at an older count has lost it.
        attempts: i32 = Int, "Attempts";
        /// Since when the end of its data may have gone out, where no answer to that is known.
        doton: Option<Timestamp> = DateTime, "Past the end of its data since";
        /// After that nobody tries any more.
        expireson: Timestamp = DateTime, "Given up on";
        lasterror: Option<String> = Text(800), "Last error";
        createdon: Timestamp = DateTime, "Created on";
        endedon: Option<Timestamp> = DateTime, "Ended on";
        /// Where it is tried for one recipient at a time, the domain of their return paths, as of when it was taken last.
        returndomain: Option<String> = Text(255), "Domain of return paths";
        /// How often a relay was tried with it.
        tries: i32 = Int, "Tries";
        /// The attempt under which the end of its data was noted last.
        dotattempt: Option<i32> = Int, "Past the end at attempt";
        /// What stood in `doton` before that attempt noted the end of its data.
        earlierdoton: Option<Timestamp> = DateTime, "Past the end earlier, since";
        /// Whether it was kept as a draft before.
        wasdraft: bool = Bool, "Was a draft";
    }
    indexes { sparse(waitsin, emailserverprofileid, dueon); sparse(owner); many(createdon); }
}

table! {
    /// A recipient in the envelope of an outgoing mail.
    OutboxRecipient "outboxrecipient" set "" label "Recipient of an outgoing mail"
        key(activityid, recipientnumber) clustered(true) {
        activityid: Id = Lookup("email"), "E-mail";
        /// From 1.
        recipientnumber: i32 = Int, "Number";
        address: String = Text(640), "Address";
        statecode: i32 = Choice(RECIPIENT_STATES), "State";
        /// What the relay said last (RFC 5321 §4.2); nothing where it said nothing.
        replycode: Option<i32> = Int, "Reply code";
        /// Its words; without a code, why it was not sent to this recipient.
        replytext: Option<String> = Text(800), "Reply";
        settledon: Option<Timestamp> = DateTime, "Settled on";
        /// How often it was tried for this recipient alone.
        attempts: i32 = Int, "Attempts";
        /// Not tried for this recipient alone before then.
        dueon: Timestamp = DateTime, "Due on";
        /// Since when the end of its data may have gone out for this recipient alone, where no answer to that is known.
        doton: Option<Timestamp> = DateTime, "Past the end of its data since";
        /// What a report told afterwards.
        bouncekind: Option<i32> = Choice(BOUNCE_KINDS), "What came back";
        /// Whether a word of ours proves that the report is about this recipient; else it is a claim.
        isbounceproven: Option<bool> = Bool, "Is proven";
        bouncewords: Option<String> = Text(800), "Words of the report";
        bouncedon: Option<Timestamp> = DateTime, "Came back on";
        /// The address as it is compared, where that is proven.
        bouncedaddress: Option<String> = Text(640), "Address that bounced";
        /// The report.
        bounceid: Option<Id> = Lookup("email"), "Report";
    }
    indexes { sparse(bouncedaddress, bouncedon); }
}

/// What the hook before sending may say of a mail that goes on.
pub const PRE_SEND_ANSWERS: &[(i64, &str)] = &[(1, "Continue"), (2, "Change"), (3, "Deliver")];

table! {
    /// What the hook before sending said of a mail: it is not asked again, and nothing is changed twice.
    PreSend "presend" set "" label "Answer of the hook before sending" key(activityid) clustered(true) {
        activityid: Id = Lookup("email"), "E-mail";
        answer: i32 = Choice(PRE_SEND_ANSWERS), "Answer";
        /// What goes out in place of what was written.
        sentblobid: Option<Vec<u8>> = Bytes, "Source as it was sent";
        answeredon: Timestamp = DateTime, "Answered on";
    }
    indexes { }
}

table! {
    /// How fast mail goes out by a relay or to a domain, over all nodes together, and whether it does at all.
    OutboxLimit "outboxlimit" set "" label "Limit of outgoing mail" key(outboxlimitid) clustered(true) {
        outboxlimitid: Id = Key, "Limit";
        /// `relay <id>`, `lane <number>`, `@domain` as addresses are compared, or nothing: all of the organization.
        place: String = Text(300), "Place";
        /// Mails a minute; as many as there are where nothing is said.
        perminute: Option<i32> = Int, "Mails a minute";
        /// Connections at a time; for a domain, mails that are on their way there.
        connections: Option<i32> = Int, "Connections";
        ispaused: bool = Bool, "Paused";
        /// Until then what nodes have taken of it lasts.
        nexton: Timestamp = DateTime, "Next share on";
    }
    indexes { unique(place); }
}
