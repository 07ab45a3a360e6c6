//! Messages that their server would not give: they are told, asked for again by themselves, and taken in when they come.

use std::sync::Arc;

use crm::intake::{self, Polled, Taken, What};
use crm::mailboxes::ledger::{self, Entry, EntryState, Folder, Listed, Look, Place, Seen, WhyLater};
use crm::mailboxes::standing;
use crm::{accounting, undeliverables};
use model::outcome::{Outcome, Reason};
use model::schema::intake::Undeliverable;
use model::{FolderRole, Id, MessageKey, limits};

use crate::house::{House, NOW};
use crate::polled::{bytes, delivered};

const HOUR: i64 = 3_600;

const MAIL: &str = "From: Zoe <zoe@fabrikam.test>
To: jane@contoso.test
Subject: Visit
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <visit@fabrikam.test>

At three?
";

/// A folder in which one message lies.
struct Stage {
    house: House,
    mailbox: Id,
    folder: Folder,
    role: FolderRole,
    mail: Arc<[u8]>,
}

impl Stage {
    async fn set(role: FolderRole) -> Self {
        let house = House::new().await;
        let mailbox = match role {
            FolderRole::Sink => house.forward_mailbox("crm", false).await,
            _ => house.user_mailbox("jane", house.jane).await,
        };
        let mail = bytes(&delivered("zoe@fabrikam.test", &house.key_address(house.jane), MAIL));
        let folder = open(&house, mailbox, (role, 10)).await;
        Stage { house, mailbox, folder, role, mail }
    }

    fn header(&self) -> Arc<[u8]> {
        let end = self.mail.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        Arc::from(&self.mail[..end + 4])
    }

    fn digest(&self) -> [u8; 32] {
        message::identity::raw_digest(&self.header())
    }

    async fn see(&self, seconds: i64, size: u64) -> Entry {
        let listed = vec![Listed { key: MessageKey::of_uid(7), size, header: Some(self.digest()) }];
        let look = Look { listed, ..Look::default() };
        let moment = self.house.moment_after(seconds);
        match ledger::see(&self.house.organization, self.folder, look, moment).await.unwrap() {
            Seen::Entries(mut entries) => entries.remove(0),
            Seen::Anew => panic!("another generation has begun"),
        }
    }

    /// It has ended, in a folder that is only looked at, or it is not there any more.
    async fn gone(&self, seconds: i64, is_absent: bool) {
        let gone = vec![MessageKey::of_uid(7)];
        let absent = if is_absent { gone.clone() } else { Vec::new() };
        let look = Look { gone, absent, ..Look::default() };
        let moment = self.house.moment_after(seconds);
        ledger::see(&self.house.organization, self.folder, look, moment).await.unwrap();
    }

    async fn take(&self, entry: &Entry, (seconds, what): (i64, What)) -> (Outcome, Reason) {
        let polled = Polled { role: self.role, copyid: entry.copyid, arrived: NOW, size: 4_000, what };
        let moment = self.house.moment_after(seconds);
        match intake::take_polled(&self.house.organization, self.mailbox, polled, moment).await.unwrap() {
            Taken::Ended(receipt) => (receipt.outcome(), receipt.originals[0].reason),
            Taken::WholeWanted => panic!("all of it is there"),
        }
    }

    async fn is_not_given(&self, entry: &Entry, seconds: i64) {
        let what = What::Unfetchable { header: self.header(), words: "the server says NO".to_owned() };
        let ended = self.take(entry, (seconds, what)).await;
        assert_eq!(ended, (Outcome::Undeliverable, Reason::Unfetchable));
    }

    async fn comes(&self, entry: &Entry, seconds: i64) -> Outcome {
        self.take(entry, (seconds, What::Whole(Arc::clone(&self.mail)))).await.0
    }

    /// Whether it may leave the folder.
    async fn settles(&self, seconds: i64) -> bool {
        let messages = vec![(MessageKey::of_uid(7), self.digest())];
        let now = NOW.plus_seconds(seconds);
        !ledger::settle(&self.house.organization, self.folder, messages, now).await.unwrap().is_empty()
    }

    /// Until how many seconds it is put off.
    fn put_off_until(&self) -> Option<i64> {
        let entries = ledger::there(&self.house.organization, self.folder, None, NOW).unwrap();
        match entries.first()?.state {
            EntryState::PutOff(until) => Some((until.0 - NOW.0) / 1_000),
            _ => None,
        }
    }

    fn undeliverable(&self) -> Undeliverable {
        let read = |state| self.house.organization.read(|read| read.undeliverables(state, None, 9)).unwrap();
        let mut all: Vec<Undeliverable> = (0..3).flat_map(read).collect();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn came_after_all(&self, seconds: i64) {
        let row = self.undeliverable();
        let told = (row.statecode, row.endreason.as_deref(), row.endedon);
        assert_eq!(told, (1, Some("The mail came after all."), Some(NOW.plus_seconds(seconds))));
        assert_eq!(self.house.email_count(), 1);
        assert!(accounting::verify(&self.house.organization).unwrap().faults.is_empty());
    }
}

async fn open(house: &House, mailbox: Id, (role, validity): (FolderRole, u32)) -> Folder {
    let place = Place { name: "INBOX".to_owned(), role, validity };
    ledger::open(&house.organization, mailbox, place, house.moment()).await.unwrap()
}

#[tokio::test]
async fn it_stays_where_it_is_and_is_asked_for_again_later_and_later() {
    let stage = Stage::set(FolderRole::Sink).await;
    let first = stage.see(0, 4_000).await;
    stage.is_not_given(&first, HOUR).await;
    let pauses = [HOUR, 6 * HOUR, 100 * HOUR].map(|age| (age, (age / 2).min(24 * HOUR)));
    for (age, pause) in pauses {
        assert!(!stage.settles(age).await, "it may come");
        assert_eq!(stage.put_off_until(), Some(age + pause));
        let again = stage.see(age + pause, 4_000).await;
        assert_eq!((again.copyid, again.outcome), (first.copyid, None), "it is asked for");
        assert_eq!(again.attempts, limits::POLL_ALONE_FROM, "alone");
        ledger::try_alone(&stage.house.organization, stage.folder, again.key.clone()).await.unwrap();
    }
    // It is told as undeliverable, and in the list of mailboxes; nobody waits for it.
    assert_eq!(stage.undeliverable().statecode, undeliverables::OPEN);
    let standing = standing::all(&stage.house.organization).unwrap().remove(0);
    assert_eq!(standing.waiting, None);
    let why = WhyLater { words: "the server says NO again".to_owned(), is_unheard: false };
    let why = (why, NOW.plus_seconds(125 * HOUR));
    ledger::put_off(&stage.house.organization, stage.folder, first.key.clone(), why).await.unwrap();
    let put_off = standing::all(&stage.house.organization).unwrap().remove(0).put_off.unwrap();
    assert_eq!((put_off.count, put_off.words.as_str()), (1, "the server says NO again"));
    assert_eq!(stage.put_off_until(), Some(149 * HOUR));

    let again = stage.see(150 * HOUR, 4_000).await;
    assert_eq!(stage.comes(&again, 150 * HOUR).await, Outcome::Stored);
    stage.came_after_all(150 * HOUR);
    assert!(stage.settles(150 * HOUR).await);
    assert_eq!(stage.see(151 * HOUR, 4_000).await.outcome, Some(Outcome::Stored));
}

#[tokio::test]
async fn what_will_not_come_leaves() {
    let stage = Stage::set(FolderRole::Sink).await;
    let first = stage.see(0, 4_000).await;
    stage.is_not_given(&first, HOUR).await;
    assert!(!stage.settles(HOUR).await);
    let days = limits::POLL_UNFETCHABLE_SECONDS;
    assert_eq!(stage.see(days, 4_000).await.outcome, Some(Outcome::Undeliverable));
    assert!(stage.settles(days).await, "after two weeks");
    // A person wants no more of it.
    let stage = Stage::set(FolderRole::Sink).await;
    let first = stage.see(0, 4_000).await;
    stage.is_not_given(&first, HOUR).await;
    let id = stage.undeliverable().undeliverableid;
    let by = ("jane@contoso.test", "an old newsletter");
    undeliverables::dismiss(&stage.house.organization, id, by, NOW).await.unwrap();
    assert!(stage.settles(HOUR).await, "dismissed");
    let stage = Stage::set(FolderRole::Sink).await;
    let large = limits::MESSAGE_BYTES_MAX as u64 + 1;
    let first = stage.see(0, large).await;
    stage.is_not_given(&first, HOUR).await;
    assert!(stage.settles(HOUR).await, "too large");
}

#[tokio::test]
async fn in_a_folder_that_is_only_looked_at_it_is_asked_for_again_too() {
    let stage = Stage::set(FolderRole::Inbox).await;
    let first = stage.see(0, 4_000).await;
    stage.is_not_given(&first, HOUR).await;
    stage.gone(HOUR, false).await;
    assert_eq!(stage.put_off_until(), Some(HOUR + HOUR / 2));
    let again = stage.see(2 * HOUR, 4_000).await;
    assert_eq!(stage.comes(&again, 2 * HOUR).await, Outcome::Stored);
    stage.came_after_all(2 * HOUR);
    stage.gone(2 * HOUR, false).await;
    assert!(ledger::there(&stage.house.organization, stage.folder, None, NOW).unwrap().is_empty());
    // One that somebody took away is not.
    let stage = Stage::set(FolderRole::Inbox).await;
    let first = stage.see(0, 4_000).await;
    stage.is_not_given(&first, HOUR).await;
    stage.gone(HOUR, true).await;
    assert!(ledger::there(&stage.house.organization, stage.folder, None, NOW).unwrap().is_empty());
    assert_eq!(stage.undeliverable().statecode, undeliverables::OPEN, "a person is told");
}

#[tokio::test]
async fn what_waits_ends_where_the_mail_comes_as_another_copy() {
    let mut stage = Stage::set(FolderRole::Sink).await;
    let first = stage.see(0, 4_000).await;
    stage.is_not_given(&first, HOUR).await;
    assert!(!stage.settles(HOUR).await);
    // The server was restored, and numbers the folder anew.
    stage.folder = open(&stage.house, stage.mailbox, (FolderRole::Sink, 11)).await;
    let again = stage.see(2 * HOUR, 4_000).await;
    assert_ne!(again.copyid, first.copyid);
    assert_eq!(stage.comes(&again, 2 * HOUR).await, Outcome::Stored);
    assert!(stage.settles(2 * HOUR).await);
    stage.came_after_all(2 * HOUR);
}
