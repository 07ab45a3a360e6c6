//! Mail that lies at other mail servers: forward mailboxes, which are sinks there, and users' own mailboxes.
//!
//! What passes through: the bytes of a message as they lie in the mailbox, into a copy. The envelope is gone; what the
//! last mail server noted of it is believed ([`message::trace`]), and nothing that a sender can write.

use std::sync::Arc;

use message::trace::{self, ReturnPath, Trace};
use model::schema::mailboxes::Mailbox;
use model::{EmailAddress, FolderRole, Id, Timestamp};
use store::{Read, StoreError};

use super::copy::{Copy, EnvelopeRecipient, Proof, Source};
use super::unwrap;

/// A message of a mailbox.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    /// What its folder is for.
    pub(super) role: FolderRole,
    /// The copy that the ledger gave it.
    pub(super) copyid: Id,
    /// When it arrived there, as far as that is known.
    pub(super) arrived: Timestamp,
    /// Its bytes, or those of its header.
    pub(super) raw: Arc<[u8]>,
    /// What the last mail server noted in it.
    pub(super) trace: Trace,
}

/// What the last mail server noted in a message; nothing where that cannot be read.
pub(super) fn trace(raw: &[u8]) -> Trace {
    unwrap::guarded(|| trace::read(raw)).ok().and_then(Result::ok).unwrap_or_default()
}

/// The copy that a message of a mailbox is.
pub(super) fn copy(read: &Read<'_>, mailbox: &Mailbox, fetched: Fetched) -> Result<Copy, StoreError> {
    match mailbox.systemuserid {
        Some(user) => of_user(read, (mailbox, user), fetched),
        None => forwarded(read, mailbox, fetched),
    }
}

/// A message of a user's own mailbox: it is as if his rule had handed it on. What lies in the folder for sent mail was
/// put there by the user, so its From is believed; what lies in any other may be from anybody.
fn of_user(read: &Read<'_>, (mailbox, user): (&Mailbox, Id), fetched: Fetched) -> Result<Copy, StoreError> {
    let Fetched { role, copyid, arrived, raw, trace } = fetched;
    let source = Source::Synced(mailbox.name.clone(), role);
    let address = read.user(user)?.and_then(|user| EmailAddress::parse(&user.internalemailaddress));
    let recipient =
        address.map(|address| EnvelopeRecipient { address, source: source.clone(), user: Some(user) });
    let is_sent = role == FolderRole::Sent;
    let return_path = trace.return_path.filter(|_| !is_sent);
    Ok(Copy {
        copyid,
        source,
        arrived,
        has_envelope: return_path.is_some(),
        mail_from: match return_path {
            Some(ReturnPath::Sender(text)) => Some(text),
            Some(ReturnPath::Null) | None => None,
        },
        recipients: recipient.into_iter().collect(),
        peer: None,
        trace: None,
        proof: if is_sent { Proof::Mailbox } else { Proof::None },
        has_bare_line_ends: has_bare_line_ends(&raw),
        raw,
    })
}

/// The copy that a message of a forward mailbox is.
///
/// From may be believed only where the administrator says that what brings mail to the mailbox refuses our own domains
/// from outside. To read it from a server of ours, on loopback say, proves nothing about who wrote it.
fn forwarded(read: &Read<'_>, mailbox: &Mailbox, fetched: Fetched) -> Result<Copy, StoreError> {
    let Fetched { copyid, arrived, raw, trace, .. } = fetched;
    let source = Source::Forward(mailbox.name.clone());
    let recipient = recipient(read, mailbox, &trace.delivered_to)?;
    let recipients =
        recipient.map(|(address, user)| EnvelopeRecipient { address, source: source.clone(), user });
    Ok(Copy {
        copyid,
        source,
        arrived,
        has_envelope: trace.return_path.is_some(),
        mail_from: match trace.return_path {
            Some(ReturnPath::Sender(text)) => Some(text),
            Some(ReturnPath::Null) | None => None,
        },
        recipients: recipients.into_iter().collect(),
        peer: None,
        trace: None,
        proof: if mailbox.isrefusing { Proof::Network } else { Proof::None },
        has_bare_line_ends: has_bare_line_ends(&raw),
        raw,
    })
}

/// To whom it was delivered, and whose key stands in that address. Aliases may have made another address of the sink's,
/// so the one with a key counts, else the sink's own, else the first.
fn recipient(
    read: &Read<'_>,
    mailbox: &Mailbox,
    delivered_to: &[EmailAddress],
) -> Result<Option<(EmailAddress, Option<Id>)>, StoreError> {
    for address in delivered_to {
        let Some(key) = address.split_detail().1 else { continue };
        let user = read.user_by_sink_key(&key.to_lowercase())?;
        // What belongs to a disabled user opens nothing.
        if let Some(user) = user.filter(|user| !user.isdisabled) {
            return Ok(Some((address.clone(), Some(user.systemuserid))));
        }
    }
    let sink = mailbox.sinkid.map(|id| read.sink(id)).transpose()?.flatten();
    let of_sink = sink.and_then(|sink| EmailAddress::parse(&sink.address)).map(|address| address.key());
    let is_sinks = |address: &&EmailAddress| Some(address.split_detail().0.key()) == of_sink;
    let chosen = delivered_to.iter().find(is_sinks).or(delivered_to.first());
    Ok(chosen.map(|address| (address.clone(), None)))
}

/// Whether a line ends with LF alone.
pub(super) fn has_bare_line_ends(raw: &[u8]) -> bool {
    let mut lines = raw.split_inclusive(|byte| *byte == b'\n');
    lines.any(|line| line.ends_with(b"\n") && !line.ends_with(b"\r\n"))
}
