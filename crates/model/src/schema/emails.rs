//! E-mails and what hangs on them.

use super::column::{Kind::*, table};
use crate::{Id, Timestamp};

/// `statecode` of an e-mail.
pub const EMAIL_STATES: &[(i64, &str)] = &[(0, "Open"), (1, "Completed"), (2, "Canceled")];
/// `statuscode` of an e-mail.
pub const EMAIL_STATUSES: &[(i64, &str)] = &[
    (1, "Draft"),
    (2, "Completed"),
    (3, "Sent"),
    (4, "Received"),
    (5, "Canceled"),
    (6, "Pending Send"),
    (7, "Sending"),
    (8, "Failed"),
];
/// `participationtypemask`.
pub const PARTICIPATIONS: &[(i64, &str)] = &[(1, "Sender"), (2, "To"), (3, "CC"), (4, "BCC"), (9, "Owner")];
/// Open.
pub const STATE_OPEN: i32 = 0;
/// Completed.
pub const STATE_COMPLETED: i32 = 1;
/// Draft: somebody writes it.
pub const STATUS_DRAFT: i32 = 1;
/// Sent.
pub const STATUS_SENT: i32 = 3;
/// Received.
pub const STATUS_RECEIVED: i32 = 4;
/// Canceled: it does not go out.
pub const STATUS_CANCELED: i32 = 5;
/// Pending Send: it waits to go out.
pub const STATUS_PENDING_SEND: i32 = 6;
/// Sending: a node has it.
pub const STATUS_SENDING: i32 = 7;
/// Failed: nobody got it.
pub const STATUS_FAILED: i32 = 8;

/// Marks of an e-mail, as bits of `marks`.
pub mod mark {
    /// Automatic (RFC 3834).
    pub const AUTOMATIC: i64 = 1;
    /// List or bulk mail.
    pub const LIST: i64 = 2;
    /// A report (RFC 6522).
    pub const REPORT: i64 = 4;
    /// It carries line ends that are not CRLF.
    pub const BARE_LINE_ENDS: i64 = 8;
    /// From says one of us, and nothing proved it.
    pub const UNPROVEN_SENDER: i64 = 16;
    /// Dug out of another mail by guessing.
    pub const GUESSED: i64 = 32;
}

table! {
    /// An e-mail activity.
    Email "email" set "emails" label "E-mail" key(activityid) clustered(false) {
        activityid: Id = Key, "E-mail";
        subject: String = Text(800), "Subject";
        /// `true` outgoing, `false` incoming.
        directioncode: bool = Bool, "Direction";
        statecode: i32 = Choice(EMAIL_STATES), "Activity Status";
        statuscode: i32 = Choice(EMAIL_STATUSES), "Status Reason";
        messageid: Option<String> = Text(998), "Message ID";
        inreplyto: Option<String> = Text(998), "In Reply To Message";
        /// The conversation it stands in; every e-mail of one conversation has the same.
        conversationtrackingid: Id = Key, "Conversation";
        parentactivityid: Option<Id> = Lookup("email"), "Parent activity";
        correlatedactivityid: Option<Id> = Lookup("email"), "Correlated activity";
        correlationmethod: i32 = Int, "Correlation method";
        /// How far the sign that ties it is from the best: 0 is the first id of `In-Reply-To`. A mail that comes
        /// later and is named nearer takes its place.
        correlationrank: i32 = Int, "Correlation rank";
        regardingobjectid: Option<Id> = AnyLookup, "Regarding";
        regardingobjecttypecode: Option<i32> = Int, "Kind of regarding record";
        ownerid: Option<Id> = Lookup("systemuser"), "Owner";
        sender: Option<String> = Text(640), "From";
        torecipients: String = Text(500), "To Recipients";
        /// The instant of its `Date` field, where it has one.
        senton: Option<Timestamp> = DateTime, "Date Sent";
        receivedon: Timestamp = DateTime, "Received on";
        createdon: Timestamp = DateTime, "Created on";
        /// By which timelines are sorted: `senton`, never later than `receivedon`.
        sortdate: Timestamp = DateTime, "Sort date";
        trackingtoken: Option<String> = Text(50), "Tracking Token";
        /// The first 22 bytes of `Thread-Index`, in hexadecimal: the conversation, without the answers.
        conversationindex: Option<String> = Text(2048), "Conversation index";
        /// Subject without answer and forward prefixes, tokens and list tags, in lower case.
        canonicalsubject: String = Text(800), "Canonical subject";
        acceptingentityid: Option<Id> = AnyLookup, "Accepting entity";
        acceptingentitytypecode: Option<i32> = Int, "Kind of accepting entity";
        /// The user whose mailbox it was in.
        receivinguserid: Option<Id> = Lookup("systemuser"), "Receiving user";
        prioritycode: i32 = Int, "Priority";
        attachmentcount: i32 = Int, "Attachment count";
        /// The first words of its text.
        preview: String = Text(200), "Preview";
        /// How it came out of the mail that carried it: direct, redirected, attached …
        unwrapmethod: String = Text(40), "Came by";
        marks: i64 = Int, "Marks";
        /// BLAKE3 of its source, the key of `blob`.
        blobid: Vec<u8> = Bytes, "Source";
        size: i64 = Int, "Size in bytes";
        /// Our own reason number.
        reason: i32 = Int, "Reason";
        /// The decision's signals in JSON, shown as "Here because …".
        decision: String = Memo, "Decision";
        /// Whether whoever reads it is asked to say so (RFC 8098).
        readreceiptrequested: bool = Bool, "Read Receipt Requested";
        /// Whether mail servers are asked to say that it was delivered (RFC 3461).
        deliveryreceiptrequested: bool = Bool, "Delivery Receipt Requested";
        /// Of what is written here: it goes out no earlier.
        delayedemailsendtime: Option<Timestamp> = DateTime, "Send Later";
        /// What its claims say of it as it came first (`identity`): BLAKE3 of its decoded text, white space folded, first 16 bytes.
        textdigest: Option<Vec<u8>> = Bytes, "Text digest";
        /// The same: BLAKE3 of the source as received.
        rawdigest: Option<Vec<u8>> = Bytes, "Digest of the source";
    }
    indexes {
        many(sortdate);
        many(conversationtrackingid, sortdate);
        sparse(trackingtoken, sortdate);
        sparse(trackingtoken, reason, sortdate);
        sparse(conversationindex);
        sparse(regardingobjectid, sortdate);
        without(ownerid, sortdate, messageid);
    }
}

table! {
    /// A party of an e-mail: sender or recipient, tied to a record where that is certain.
    ActivityParty "activityparty" set "activityparties" label "Party" key(activityid, activitypartyid) clustered(true) {
        activitypartyid: Id = Key, "Party";
        activityid: Id = Lookup("email"), "E-mail";
        participationtypemask: i32 = Choice(PARTICIPATIONS), "Participation";
        partyid: Option<Id> = AnyLookup, "Record";
        partyobjecttypecode: Option<i32> = Int, "Kind of record";
        /// The address as it is compared: lower case.
        addressused: Option<String> = Text(640), "Address used";
        /// The name the mail gives it.
        partyidname: Option<String> = Text(200), "Name";
        /// The sort date of the e-mail, so that a timeline is one range of an index.
        sortdate: Timestamp = DateTime, "Sort date";
        /// Several records have this address, and no rule says which.
        isambiguous: Option<bool> = Bool, "Ambiguous";
    }
    indexes { sparse(partyid, sortdate); without(addressused, sortdate, partyid); sparse(isambiguous, sortdate); }
}

table! {
    /// A record that an ambiguous party could mean.
    PartyCandidate "partycandidate" set "" label "Candidate" key(activitypartyid, rank) clustered(true) {
        activitypartyid: Id = Lookup("activityparty"), "Party";
        rank: i32 = Int, "Rank";
        objectid: Id = AnyLookup, "Record";
        objecttypecode: i32 = Int, "Kind of record";
        why: String = Text(200), "Why";
    }
    indexes { }
}

table! {
    /// An attachment: a range of the decoded original, no second copy.
    ActivityMimeAttachment "activitymimeattachment" set "activitymimeattachments" label "Attachment"
        key(activitymimeattachmentid) clustered(false) {
        activitymimeattachmentid: Id = Key, "Attachment";
        activityid: Id = Lookup("email"), "E-mail";
        attachmentnumber: i32 = Int, "Number";
        filename: String = Text(255), "File name";
        mimetype: String = Text(256), "Type";
        /// Size in bytes, decoded.
        filesize: i64 = Int, "Size";
        attachmentcontentid: Option<String> = Text(250), "Content-ID";
        isinline: bool = Bool, "Shown inside the text";
        /// Where its encoded body begins in the source, in bytes.
        bodyoffset: i64 = Int, "Offset";
        /// The length of its encoded body.
        bodylength: i64 = Int, "Length";
        /// `7bit`, `base64`, `quoted-printable`.
        encoding: String = Text(40), "Transfer encoding";
        /// 0 where the range is of the source. Else the version of the rules by which its containers were opened
        /// before: the range is of what that gave, and the number finds it again.
        contentrules: i32 = Int, "Opened by rules";
    }
    indexes { many(activityid, attachmentnumber); }
}

table! {
    /// An e-mail in a queue.
    QueueItem "queueitem" set "queueitems" label "Queue item" key(queueitemid) clustered(false) {
        queueitemid: Id = Key, "Queue item";
        queueid: Id = Lookup("queue"), "Queue";
        objectid: Id = Lookup("email"), "E-mail";
        enteredon: Timestamp = DateTime, "Entered on";
    }
    indexes { unique(queueid, objectid); }
}

table! {
    /// A claim of an e-mail to be this mail. The unique key is what makes a mail arrive once.
    ///
    /// A claim without digests says no more than that; the rest stands once, with the e-mail.
    Identity "identity" set "" label "Identity" key(keyhash, variant) clustered(true) {
        /// BLAKE3 of the kind of key and the key, first 16 bytes.
        keyhash: Vec<u8> = Bytes, "Key";
        /// Different mails that share a key are told apart by a number.
        variant: i32 = Int, "Variant";
        activityid: Id = Lookup("email"), "E-mail";
        sender: Option<String> = Text(640), "From";
        senton: Option<Timestamp> = DateTime, "Date";
        hasmessageid: bool = Bool, "Has a Message-ID";
        /// BLAKE3 of the decoded text, white space folded, first 16 bytes; empty where the e-mail says it.
        textdigest: Vec<u8> = Bytes, "Text digest";
        /// BLAKE3 of the source as received; empty where the e-mail says it.
        rawdigest: Vec<u8> = Bytes, "Digest of the source";
    }
    indexes { }
}

table! {
    /// A Message-ID that an e-mail names, whether that mail is here or not: replies may come first.
    MessageReference "messagereference" set "" label "Reference" key(keyhash, activityid) clustered(true) {
        /// BLAKE3 of the referenced Message-ID, first 16 bytes.
        keyhash: Vec<u8> = Bytes, "Key";
        activityid: Id = Lookup("email"), "E-mail";
        /// `In-Reply-To` rather than `References` alone.
        isinreplyto: bool = Bool, "In-Reply-To";
        /// Its place among the ids that the e-mail names: 0 is the nearest.
        position: i32 = Int, "Position";
    }
    indexes { }
}

table! {
    /// Another source of the same e-mail, with other bytes.
    EmailVersion "emailversion" set "" label "Version" key(activityid, blobid) clustered(true) {
        activityid: Id = Lookup("email"), "E-mail";
        blobid: Vec<u8> = Bytes, "Source";
        copyid: Id = Lookup("copy"), "Copy";
        createdon: Timestamp = DateTime, "Created on";
    }
    indexes { }
}

table! {
    /// What the source of a draft was, which nothing names any more.
    LeftSource "leftsource" set "" label "Source that was left" key(sourceid) clustered(true) {
        sourceid: Vec<u8> = Bytes, "Source";
        createdon: Timestamp = DateTime, "Created on";
    }
    indexes { }
}

table! {
    /// A copy that brought an e-mail: whose mailbox it came from.
    EmailCopy "emailcopy" set "" label "Copy of an e-mail" key(activityid, copyid, recipient) clustered(true) {
        activityid: Id = Lookup("email"), "E-mail";
        copyid: Id = Lookup("copy"), "Copy";
        receivinguserid: Option<Id> = Lookup("systemuser"), "Receiving user";
        /// The envelope recipient; empty where there was no envelope.
        recipient: String = Text(640), "Recipient";
    }
    indexes { }
}
