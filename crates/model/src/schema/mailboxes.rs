//! Mailboxes at mail servers that are watched, their folders, and the ledger of the messages in them.

use super::column::{Kind::*, table};
use crate::folder::FolderRole;
use crate::{Id, Timestamp};

/// How a mail server is spoken with. Dataverse has more; those above 99 are ours. By *Outside sender* nothing goes from here: it
/// pulls.
pub const SERVER_TYPES: &[(i64, &str)] = &[
    (1, "POP3"),
    (4, "IMAP"),
    (100, "Maildir"),
    (101, "SMTP"),
    (102, "Outside sender"),
    (103, "LMTP"),
    (104, "Program"),
    (105, "Pickup folder"),
];
/// How the connection to a mail server is protected.
pub const TLS_MODES: &[(i64, &str)] = &[(0, "None"), (1, "STARTTLS"), (2, "From the first byte")];
/// Whether a mailbox is watched.
pub const MAILBOX_STATES: &[(i64, &str)] = &[(0, "Active"), (1, "Paused")];
/// How tokens for a mailbox are given out.
pub const GRANT_TYPES: &[(i64, &str)] =
    &[(0, "In a browser"), (1, "On another device"), (2, "To the client itself")];
/// What a folder is for: [`FolderRole`].
pub const FOLDER_ROLES: &[(i64, &str)] = &[(0, "Sink"), (1, "Inbox"), (2, "Sent"), (3, "Other")];

table! {
    /// A mail server that holds mailboxes or takes mail to bring it on, and how it is reached.
    EmailServerProfile "emailserverprofile" set "emailserverprofiles" label "Email Server Profile"
        key(emailserverprofileid) clustered(false) {
        emailserverprofileid: Id = Key, "Email Server Profile";
        name: String = Text(200), "Name";
        servertype: i32 = Choice(SERVER_TYPES), "Email Server Type";
        /// A host's name or address; of a Maildir its folder.
        incomingserverlocation: String = Text(2048), "Incoming Server Location";
        incomingportnumber: i32 = Int, "Incoming Port";
        incomingtlsmode: i32 = Choice(TLS_MODES), "Protection of the connection";
        /// PEM of the authorities that are believed instead of the machine's.
        certificateauthority: Option<String> = Memo, "Certificate authority";
        /// Seconds between two sessions, where news cannot be waited for in one.
        pollinginterval: i32 = Int, "Polling interval in seconds";
        createdon: Timestamp = DateTime, "Created on";
        /// Of a relay: a host's name or address, a socket, a program or a folder.
        outgoingserverlocation: Option<String> = Text(2048), "Outgoing Server Location";
        outgoingportnumber: Option<i32> = Int, "Outgoing Port";
        outgoingtlsmode: Option<i32> = Choice(TLS_MODES), "Protection of the outgoing connection";
        outgoingusername: Option<String> = Text(640), "Outgoing User Name";
        /// Sealed.
        outgoingpassword: Option<Vec<u8>> = Bytes, "Outgoing Password";
        /// The domain to which what cannot be delivered comes back, each recipient's to an address of its own.
        returndomain: Option<String> = Text(255), "Domain of return paths";
    }
    indexes { unique(name); }
}

table! {
    /// A mailbox that is watched.
    Mailbox "mailbox" set "mailboxes" label "Mailbox" key(mailboxid) clustered(false) {
        mailboxid: Id = Key, "Mailbox";
        /// Never another one: it is accounted for as `mailbox:<name>`.
        name: String = Text(200), "Name";
        emailserverprofile: Id = Lookup("emailserverprofile"), "Email Server Profile";
        username: String = Text(640), "User Name";
        /// Sealed.
        password: Option<Vec<u8>> = Bytes, "Password";
        /// The sink that it is the mailbox of: a forward mailbox.
        sinkid: Option<Id> = Lookup("sink"), "Sink";
        /// The user whose own mailbox it is: it is only looked at.
        systemuserid: Option<Id> = Lookup("systemuser"), "User";
        /// The folder of what the user wrote; where none is named, the one that the server or its name calls so.
        sentfolder: Option<String> = Text(640), "Folder of sent mail";
        /// Other folders of the user that are looked at, one a line.
        otherfolders: Option<String> = Memo, "Other folders";
        /// What came to a user's mailbox before is left out.
        processemailreceivedafter: Option<Timestamp> = DateTime, "Process Email Received After";
        /// Where messages go that cannot be processed.
        undeliverablefolder: String = Text(640), "Folder of Undeliverables";
        /// Whether nobody else deletes there: then all that is marked as deleted may be expunged.
        isexclusive: bool = Bool, "Ours alone";
        /// Whether what brings mail there refuses our own domains from outside, so that From may be believed.
        isrefusing: bool = Bool, "Refuses our domains from outside";
        statecode: i32 = Choice(MAILBOX_STATES), "Status";
        createdon: Timestamp = DateTime, "Created on";
        /// The user, where what goes out here as his mail is put into the folder of his sent mail.
        keepssentof: Option<Id> = Lookup("systemuser"), "Keeps sent mail of";
    }
    indexes { unique(name); many(emailserverprofile); sparse(keepssentof); }
}

table! {
    /// A folder of a mailbox that is watched.
    MailboxFolder "mailboxfolder" set "" label "Folder of a mailbox" key(mailboxfolderid) clustered(false) {
        mailboxfolderid: Id = Key, "Folder of a mailbox";
        mailboxid: Id = Lookup("mailbox"), "Mailbox";
        foldername: String = Text(640), "Folder";
        folderrole: FolderRole = Choice(FOLDER_ROLES), "Role";
        /// Which numbering of its messages is the present one, from 1.
        generation: i64 = Int, "Generation";
        /// What the server calls that numbering (UIDVALIDITY, RFC 9051 §2.3.1.1).
        uidvalidity: i64 = Int, "Validity of UIDs";
        /// Of a folder that is only looked at: whatever has a UID up to this one was seen in this generation.
        uidseen: i64 = Int, "UIDs seen";
        createdon: Timestamp = DateTime, "Created on";
    }
    indexes { unique(mailboxid, foldername); }
}

table! {
    /// The ledger of a mailbox: one message that was seen in a folder of it. What became of it stands in `outcome`.
    MailboxMessage "mailboxmessage" set "" label "Message in a mailbox"
        key(mailboxfolderid, generation, messagekey) clustered(true) {
        mailboxfolderid: Id = Lookup("mailboxfolder"), "Folder of a mailbox";
        generation: i64 = Int, "Generation";
        /// A UID, or the digest of a name: [`MessageKey`](crate::MessageKey).
        messagekey: Vec<u8> = Bytes, "Message";
        /// The copy that it is, or will be: given before anything is fetched.
        copyid: Id = Lookup("copy"), "Copy";
        /// The UTC day on which it was seen first.
        day: i64 = Int, "Day";
        seenon: Timestamp = DateTime, "Seen on";
        size: i64 = Int, "Size in bytes";
        /// BLAKE3 of its header as it was when it ended: whatever has another one is another message.
        headerdigest: Option<Vec<u8>> = Bytes, "Header digest";
        /// How often its processing was begun.
        attempts: i32 = Int, "Attempts";
        lasterror: Option<String> = Text(800), "Last error";
        /// It was put off until then.
        nexttryon: Option<Timestamp> = DateTime, "Next try on";
        /// Since when it may be deleted or moved there: its outcome was committed before.
        settledon: Option<Timestamp> = DateTime, "Settled on";
        /// Since when it is no longer there, or, in a folder that is only looked at, of no more interest.
        goneon: Option<Timestamp> = DateTime, "Gone on";
    }
    indexes {
        without(mailboxfolderid, generation, messagekey, goneon);
        without(mailboxfolderid, seenon, settledon);
        sparse(goneon);
        sparse(nexttryon, mailboxfolderid);
        unique(copyid);
        many(day);
    }
}

table! {
    /// Messages that a mailbox's ledger saw on a day, and that were taken out of it since: they were gone for long.
    MailboxDay "mailboxday" set "" label "Day of a mailbox" key(mailboxid, day) clustered(true) {
        mailboxid: Id = Lookup("mailbox"), "Mailbox";
        /// The UTC day on which they were seen first.
        day: i64 = Int, "Day";
        seen: i64 = Int, "Messages";
    }
    indexes { many(day); }
}

table! {
    /// How it goes with a mailbox, as the node that watches it has written it now and then, for all others to show.
    MailboxState "mailboxstate" set "" label "State of a mailbox" key(mailboxid) clustered(true) {
        mailboxid: Id = Lookup("mailbox"), "Mailbox";
        /// The name of the node.
        node: String = Text(200), "Node";
        /// In words.
        state: String = Text(800), "State";
        iswell: bool = Bool, "Well";
        /// Trouble in a row.
        failures: i32 = Int, "Failures";
        nexttryon: Option<Timestamp> = DateTime, "Next try on";
        /// When it was last known to be looked at to its end.
        succeededon: Option<Timestamp> = DateTime, "Last success on";
        /// When this was written.
        seenon: Timestamp = DateTime, "Seen on";
    }
    indexes {}
}

table! {
    /// How a mailbox is opened with tokens of OAuth 2 (RFC 6749), and the tokens. All secrets are sealed.
    MailboxGrant "mailboxgrant" set "" label "Consent to a mailbox" key(mailboxid) clustered(false) {
        mailboxid: Id = Lookup("mailbox"), "Mailbox";
        granttype: i32 = Choice(GRANT_TYPES), "Grant";
        /// What we are registered as at the provider.
        clientid: String = Text(640), "Client";
        clientsecret: Option<Vec<u8>> = Bytes, "Client secret";
        tokenurl: String = Text(2048), "Token URL";
        authorizeurl: Option<String> = Text(2048), "Authorize URL";
        deviceurl: Option<String> = Text(2048), "Device URL";
        /// PEM of the authorities that are believed of the provider, instead of the machine's.
        certificateauthority: Option<String> = Memo, "Certificate authority of the provider";
        scope: String = Text(2048), "Scope";
        refreshtoken: Option<Vec<u8>> = Bytes, "Refresh token";
        accesstoken: Option<Vec<u8>> = Bytes, "Access token";
        tokenexpireson: Option<Timestamp> = DateTime, "Token expires on";
        /// Grows whenever tokens are written: who read others before writes nothing.
        version: i64 = Int, "Version";
        /// When somebody consented last.
        grantedon: Option<Timestamp> = DateTime, "Granted on";
        createdon: Timestamp = DateTime, "Created on";
    }
    indexes {}
}
