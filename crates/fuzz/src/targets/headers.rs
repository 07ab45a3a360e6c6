//! Header fields: addresses, ids, dates, marks, those of the keeper of a mailbox file.

use model::limits;

/// A header is the same with and without its body; what was read of it reads as itself.
pub(super) fn read(raw: &[u8]) {
    // The first message of a mailbox file, and one behind it.
    let mut keeper = message::mbox::Keeper::default();
    keeper.judge(raw);
    keeper.judge(raw);
    let Ok(header) = message::read_header(raw) else { return };
    if let Ok(message) = message::read(raw) {
        assert_eq!(message.header(), &header, "the body changed the header");
    }
    let mailboxes =
        header.from.iter().chain(&header.to).chain(&header.cc).chain(&header.bcc).chain(&header.reply_to);
    for mailbox in mailboxes.chain(&header.sender) {
        let address = &mailbox.address;
        let again = model::EmailAddress::parse(address.as_str());
        assert_eq!(again.as_ref(), Some(address), "an address does not read as itself");
        let key = address.key();
        let again = model::EmailAddress::parse(&key).map(|address| address.key());
        assert_eq!(again.as_ref(), Some(&key), "the compared form of an address is another's");
        assert!(key.len() <= limits::ADDRESS_BYTES_MAX, "an address is too long");
    }
    for list in [&header.to, &header.cc, &header.bcc] {
        assert!(list.len() <= limits::PARTIES_MAX, "there are too many recipients");
    }
    let ids = header.message_id.iter().chain(&header.in_reply_to).chain(&header.references);
    for id in ids {
        let again = model::MessageId::parse(&id.to_string());
        assert_eq!(again.as_ref(), Some(id), "an id does not read as itself");
    }
    assert!(header.references.len() <= limits::REFERENCES_MAX, "there are too many references");
    message::addresses::read(raw.get(..raw.len().min(4_096)).unwrap_or_default());
    message::date::read(raw.get(..raw.len().min(256)).unwrap_or_default());
}
