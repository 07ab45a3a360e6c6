//! Our side: users, queues, sinks, and what they do not want logged.

use super::column::{Kind::*, table};
use crate::filter::IncomingFilter;
use crate::{Id, Timestamp};

/// `incomingemailfilteringmethod`, as Dynamics numbers it.
pub const FILTER_METHODS: &[(i64, &str)] = &[
    (0, "All e-mail messages"),
    (1, "E-mail messages in response to CRM e-mail"),
    (2, "E-mail messages from CRM leads, contacts and accounts"),
    (3, "E-mail messages from CRM records that are e-mail enabled"),
    (4, "No e-mail messages"),
];

table! {
    /// One of us: a person with a mailbox, who may sign in.
    SystemUser "systemuser" set "systemusers" label "User" key(systemuserid) clustered(false) {
        systemuserid: Id = Key, "User";
        fullname: String = Text(200), "Full Name";
        internalemailaddress: String = Text(640), "Primary E-mail";
        incomingemailfilteringmethod: IncomingFilter = Choice(FILTER_METHODS), "Incoming e-mail filter";
        isdisabled: bool = Bool, "Disabled";
        isadministrator: bool = Bool, "Administrator";
        /// Argon2id in PHC form; without one the user cannot sign in.
        passwordhash: Option<String> = Text(400), "Password hash";
        /// The unguessable detail of this user's address at a sink: `sink+<sinkkey>@`.
        sinkkey: String = Text(40), "Sink key";
        createdon: Timestamp = DateTime, "Created on";
        /// The way out of what is written as this user; the organization's where none is named.
        emailserverprofile: Option<Id> = Lookup("emailserverprofile"), "Email Server Profile";
    }
    indexes { unique(sinkkey); }
}

table! {
    /// A shared address of ours: support@, sales@.
    Queue "queue" set "queues" label "Queue" key(queueid) clustered(false) {
        queueid: Id = Key, "Queue";
        name: String = Text(200), "Name";
        emailaddress: String = Text(640), "E-mail";
        incomingemailfilteringmethod: IncomingFilter = Choice(FILTER_METHODS), "Incoming e-mail filter";
        createdon: Timestamp = DateTime, "Created on";
        /// The way out of what is written as this queue; the organization's where none is named.
        emailserverprofile: Option<Id> = Lookup("emailserverprofile"), "Email Server Profile";
    }
    indexes { }
}

table! {
    /// A user who may write as a queue.
    SendAs "sendas" set "" label "Send as" key(systemuserid, queueid) clustered(true) {
        systemuserid: Id = Lookup("systemuser"), "User";
        queueid: Id = Lookup("queue"), "Queue";
        createdon: Timestamp = DateTime, "Created on";
    }
    indexes { }
}

table! {
    /// What a user puts below the mail that he writes.
    EmailSignature "emailsignature" set "emailsignatures" label "E-mail signature" key(ownerid) clustered(true) {
        ownerid: Id = Lookup("systemuser"), "Owner";
        /// As text, without the mark above it.
        body: String = Memo, "Text";
        /// As HTML, made safe; empty where the text is all there is.
        safehtml: String = Memo, "HTML";
        modifiedon: Timestamp = DateTime, "Modified on";
    }
    indexes { }
}

table! {
    /// A sink: the address that mailboxes forward to, and who may write to it.
    Sink "sink" set "" label "Sink" key(sinkid) clustered(false) {
        sinkid: Id = Key, "Sink";
        address: String = Text(640), "Address";
        /// Networks that may write, separated by blanks; loopback always may.
        networks: String = Memo, "Networks";
        /// Of those, the networks known to refuse our own domains from outside, separated by blanks.
        refusing: String = Memo, "Networks that refuse our domains from outside";
        createdon: Timestamp = DateTime, "Created on";
    }
    indexes { unique(address); }
}

table! {
    /// What lets a peer from anywhere write to a sink: it proves that it knows a secret, of which only a verifier
    /// is kept (RFC 5802 §3).
    SinkCredential "sinkcredential" set "" label "Credential of a sink" key(sinkcredentialid) clustered(false) {
        sinkcredentialid: Id = Key, "Credential of a sink";
        sinkid: Id = Lookup("sink"), "Sink";
        /// The detail behind the sink's address in the name that the peer gives, in lower case.
        name: String = Text(40), "Name";
        /// The user whose own it is: From is believed where it is this user.
        systemuserid: Option<Id> = Lookup("systemuser"), "User";
        /// Whether its holder refuses our own domains from outside, so that From is believed where it is one of us.
        isrefusing: bool = Bool, "Refuses our domains from outside";
        salt: Vec<u8> = Bytes, "Salt";
        iterations: i32 = Int, "Iterations";
        storedkey: Vec<u8> = Bytes, "Stored key";
        serverkey: Vec<u8> = Bytes, "Server key";
        createdon: Timestamp = DateTime, "Created on";
    }
    indexes { unique(sinkid, name); }
}

table! {
    /// An address or domain whose mail is never recorded: the organisation's, or one user's own.
    NeverLog "neverlog" set "" label "Never-log entry" key(neverlogid) clustered(false) {
        neverlogid: Id = Key, "Never-log entry";
        /// `person@example.com`, or `@example.com` for the whole domain, in lower case.
        pattern: String = Text(640), "Address or @domain";
        systemuserid: Option<Id> = Lookup("systemuser"), "User";
        createdon: Timestamp = DateTime, "Created on";
    }
    indexes { many(pattern); }
}

table! {
    /// A signed-in browser.
    Session "session" set "" label "Session" key(tokenhash) clustered(true) {
        /// BLAKE3 of the token in the cookie; the token itself is never kept.
        tokenhash: Vec<u8> = Bytes, "Token hash";
        systemuserid: Id = Lookup("systemuser"), "User";
        createdon: Timestamp = DateTime, "Created on";
        expireson: Timestamp = DateTime, "Expires on";
    }
    indexes { many(expireson); }
}
