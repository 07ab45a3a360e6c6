//! The ledger of mailboxes: a message is one row, whoever sees it and however often.

use model::schema::mailboxes::{Mailbox, MailboxFolder, MailboxMessage};
use model::{FolderRole, MessageKey, Timestamp};
use store::{Generation, Priority, Read, StoreError, Tx};

use crate::house::{House, id};

const NOW: Timestamp = Timestamp(1_000_000);
const FIRST: Generation = Generation { folder: model::Id([3; 16]), number: 1 };

#[test]
fn a_message_is_entered_once() {
    let house = House::new();
    write(&house, |tx| tx.see_message(&message(7))).unwrap();
    let again = write(&house, |tx| tx.see_message(&MailboxMessage { copyid: id(99), ..message(7) }));
    assert!(matches!(again, Err(StoreError::Conflict { table: "mailboxmessage" })), "{again:?}");
    let other = write(&house, |tx| tx.see_message(&MailboxMessage { copyid: id(7), ..message(8) }));
    assert!(
        matches!(other, Err(StoreError::Conflict { table: "mailboxmessage" })),
        "one copy is one message"
    );
    let found = read(&house, |read| read.mailbox_message(FIRST, &MessageKey::of_uid(7)));
    assert_eq!(found, Some(message(7)));
    assert_eq!(read(&house, |read| read.mailbox_message_of(id(7))), Some(message(7)));
}

#[test]
fn what_is_there_is_found_without_what_is_gone() {
    let house = House::new();
    let all: Vec<MailboxMessage> = (1..=6).map(message).collect();
    write(&house, move |tx| all.iter().try_for_each(|message| tx.see_message(message))).unwrap();
    write(&house, |tx| tx.settle_message(&message(2), &[5; 32], NOW)).unwrap();
    write(&house, |tx| tx.message_is_gone(&message(2), NOW.plus_seconds(5))).unwrap();
    let there = |behind: Option<u32>| -> Vec<u32> {
        let behind = behind.map(MessageKey::of_uid);
        uids(&read(&house, |read| read.messages_there(FIRST, behind.as_ref(), 3)))
    };
    assert_eq!((there(None), there(Some(4)), there(Some(6))), (vec![1, 3, 4], vec![5, 6], vec![]));
    let second = Generation { number: 2, ..FIRST };
    assert_eq!(uids(&read(&house, |read| read.messages_left_behind(second, 2))), [1, 3]);
    assert_eq!(uids(&read(&house, |read| read.messages_left_behind(FIRST, 2))), Vec::<u32>::new());
    let gone = read(&house, |read| read.mailbox_message(FIRST, &MessageKey::of_uid(2))).unwrap();
    assert_eq!((gone.settledon, gone.goneon), (Some(NOW), Some(NOW.plus_seconds(5))));
    assert_eq!(gone.headerdigest, Some(vec![5; 32]));
}

#[test]
fn attempts_are_counted_and_forgiven() {
    let house = House::new();
    write(&house, |tx| tx.see_message(&message(1))).unwrap();
    write(&house, |tx| tx.begin_attempt(&message(1))).unwrap();
    write(&house, |tx| tx.put_message_off(&message(1), NOW.plus_seconds(60), &"ü".repeat(2_000))).unwrap();
    let put_off = read(&house, |read| read.mailbox_message_of(id(1))).unwrap();
    assert_eq!((put_off.attempts, put_off.nexttryon), (2, Some(NOW.plus_seconds(60))));
    assert_eq!(put_off.lasterror, Some("ü".repeat(800)));
    for _ in 0..3 {
        write(&house, |tx| tx.forgive_attempt(&message(1))).unwrap();
    }
    assert_eq!(read(&house, |read| read.mailbox_message_of(id(1))).unwrap().attempts, 0);
}

#[test]
fn a_generation_begins_once() {
    let house = House::new();
    let folder = MailboxFolder {
        mailboxfolderid: FIRST.folder,
        mailboxid: id(4),
        foldername: "INBOX".to_owned(),
        folderrole: FolderRole::Sink,
        generation: 1,
        uidvalidity: 10,
        uidseen: 0,
        createdon: NOW,
    };
    let known = folder.clone();
    write(&house, move |tx| tx.add_mailbox_folder(&known)).unwrap();
    for is_first in [true, false] {
        let known = folder.clone();
        assert_eq!(write(&house, move |tx| tx.begin_generation(&known, 11)).unwrap(), is_first);
    }
    let found = read(&house, |read| read.mailbox_folder_by_name(id(4), "INBOX")).unwrap();
    assert_eq!((found.generation, found.uidvalidity), (2, 11));
    assert_eq!(read(&house, |read| read.mailbox_folders(id(4))), [found]);
}

#[test]
fn a_mailbox_has_a_name_of_its_own() {
    let house = House::new();
    let mailbox = Mailbox {
        mailboxid: id(1),
        name: "crm".to_owned(),
        emailserverprofile: id(2),
        username: "crm@mail.test".to_owned(),
        password: None,
        sinkid: Some(id(3)),
        systemuserid: None,
        sentfolder: None,
        otherfolders: None,
        processemailreceivedafter: None,
        undeliverablefolder: "Undeliverable".to_owned(),
        isexclusive: false,
        isrefusing: false,
        statecode: 0,
        createdon: NOW,
        keepssentof: None,
    };
    let added = mailbox.clone();
    write(&house, move |tx| tx.add_mailbox(&added)).unwrap();
    let twin = Mailbox { mailboxid: id(9), ..mailbox.clone() };
    let refused = write(&house, move |tx| tx.add_mailbox(&twin));
    assert!(matches!(refused, Err(StoreError::Conflict { table: "mailbox" })), "{refused:?}");
    assert_eq!(read(&house, |read| read.mailbox_by_name("crm")), Some(mailbox.clone()));
    assert_eq!(read(&house, |read| read.mailboxes()), [mailbox]);
}

fn message(uid: u8) -> MailboxMessage {
    MailboxMessage {
        mailboxfolderid: FIRST.folder,
        generation: 1,
        messagekey: MessageKey::of_uid(u32::from(uid)).as_bytes().to_vec(),
        copyid: id(uid),
        day: NOW.day(),
        seenon: NOW,
        size: 100,
        headerdigest: None,
        attempts: 1,
        lasterror: None,
        nexttryon: None,
        settledon: None,
        goneon: None,
    }
}

fn uids(messages: &[MailboxMessage]) -> Vec<u32> {
    let keys = messages.iter().map(|message| MessageKey::from_bytes(message.messagekey.clone()));
    keys.filter_map(|key| key.uid()).collect()
}

fn write<T: Send + 'static>(
    house: &House,
    work: impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    house.organization.unit(Priority::Background, work).wait()
}

fn read<T>(house: &House, question: impl FnOnce(&Read<'_>) -> Result<T, StoreError>) -> T {
    house.organization.read(question).unwrap()
}
