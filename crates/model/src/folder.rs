//! Folders of mailboxes that are watched: what a folder is for, and by what a message in it is known.

/// What a folder of a mailbox is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum FolderRole {
    /// A forward mailbox: users' mailboxes hand their mail on to it.
    Sink = 0,
    /// What came to a user.
    Inbox = 1,
    /// What a user wrote.
    Sent = 2,
    /// Another folder of a user, who chose it.
    Other = 3,
}

impl FolderRole {
    /// The role with this number.
    pub fn from_code(code: i64) -> Option<Self> {
        let all = [FolderRole::Sink, FolderRole::Inbox, FolderRole::Sent, FolderRole::Other];
        all.into_iter().find(|role| *role as i64 == code)
    }
}

/// By what a message is known within one generation of its folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey(Vec<u8>);

impl MessageKey {
    /// A UID of IMAP (RFC 9051 §2.3.1.1). Keys are in the order of UIDs.
    pub fn of_uid(uid: u32) -> Self {
        MessageKey(uid.to_be_bytes().to_vec())
    }

    /// The digest of a name: that of a file in a Maildir, or a unique id of POP3 (RFC 1939 §7).
    pub fn of_digest(digest: [u8; 16]) -> Self {
        MessageKey(digest.to_vec())
    }

    /// The UID, where it is one.
    pub fn uid(&self) -> Option<u32> {
        self.0.as_slice().try_into().ok().map(u32::from_be_bytes)
    }

    /// As it stands in the table.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// From the table.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        MessageKey(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_uids_are_in_their_order() {
        let uids = [1, 255, 256, 65_536, u32::MAX];
        let keys: Vec<MessageKey> = uids.into_iter().map(MessageKey::of_uid).collect();
        assert!(keys.is_sorted());
        assert_eq!(keys.iter().filter_map(MessageKey::uid).collect::<Vec<_>>(), uids);
        assert_eq!(MessageKey::of_digest([1; 16]).uid(), None);
    }
}
