//! The ledger of a mailbox: each message is one copy, whatever breaks off, and whatever was seen ends.

use crm::accounting::{self, DayAccount};
use crm::intake::What;
use crm::mailboxes::ledger::{self, Entry, EntryState, Folder, Listed, Look, Place, Seen, WhyLater};
use crm::mailboxes::standing;
use model::outcome::{Outcome, Reason};
use model::{FolderRole, Id, MessageKey, Timestamp, limits};

use crate::house::{House, NOW};
use crate::polled::{bytes, delivered, ended, take_as};

const VISIT: &str = "From: Zoe <zoe@fabrikam.test>
To: jane@contoso.test
Subject: Visit
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <visit@fabrikam.test>

At three?
";

const DIGEST: [u8; 32] = [5; 32];

/// A house with a forward mailbox whose folder is open.
pub(crate) struct Watched {
    pub(crate) house: House,
    pub(crate) mailbox: Id,
    folder: Folder,
}

impl Watched {
    pub(crate) async fn new() -> Self {
        let house = House::new().await;
        let mailbox = house.forward_mailbox("crm", false).await;
        let folder = open(&house, mailbox, 10).await;
        Watched { house, mailbox, folder }
    }

    pub(crate) async fn look(&self, listed: &[u32], gone: &[u32]) -> Seen {
        let listed = listed.iter().map(|uid| Listed {
            key: MessageKey::of_uid(*uid),
            size: 4_000,
            header: Some(DIGEST),
        });
        let look = Look { listed: listed.collect(), gone: keys(gone), ..Look::default() };
        ledger::see(&self.house.organization, self.folder, look, self.house.moment()).await.unwrap()
    }

    pub(crate) async fn see(&self, listed: &[u32]) -> Vec<Entry> {
        match self.look(listed, &[]).await {
            Seen::Entries(entries) => entries,
            Seen::Anew => panic!("another generation has begun"),
        }
    }

    pub(crate) async fn reopen(&mut self, validity: u32) {
        self.folder = open(&self.house, self.mailbox, validity).await;
    }

    /// Takes a message of this number in; no two are the same mail.
    pub(crate) async fn take(&self, entry: &Entry) -> Outcome {
        let uid = entry.key.uid().unwrap();
        let mail = VISIT.replace("visit@", &format!("{uid}@")).replace("Visit", &format!("Visit {uid}"));
        let mail = delivered("zoe@fabrikam.test", &self.house.key_address(self.house.jane), &mail);
        let whole = What::Whole(bytes(&mail));
        ended(take_as(&self.house, self.mailbox, entry.copyid, whole).await.unwrap()).outcome()
    }

    /// Takes a mail in by its header that nobody wants.
    pub(crate) async fn ignore(&self, entry: &Entry) -> Reason {
        let mail = VISIT.replace("zoe@fabrikam", "sam@stranger");
        let mail = delivered("sam@stranger.test", "crm@sink.contoso.test", &mail);
        let header = What::Header(bytes(mail.split_inclusive("\n\n").next().unwrap()));
        let taken = take_as(&self.house, self.mailbox, entry.copyid, header).await.unwrap();
        ended(taken).originals[0].reason
    }

    pub(crate) async fn settle(&self, uids: &[u32]) -> Vec<MessageKey> {
        let messages = keys(uids).into_iter().map(|key| (key, DIGEST)).collect();
        let settled = ledger::settle(&self.house.organization, self.folder, messages, NOW).await.unwrap();
        settled.into_iter().map(|settled| settled.key).collect()
    }

    pub(crate) fn there(&self) -> Vec<(u32, EntryState)> {
        let entries = ledger::there(&self.house.organization, self.folder, None, NOW).unwrap();
        entries.into_iter().map(|entry| (entry.key.uid().unwrap(), entry.state)).collect()
    }

    fn account(&self) -> DayAccount {
        self.house.organization.read(|read| accounting::of_day(read, NOW.day())).unwrap()
    }

    /// Seen, waiting and ended.
    pub(crate) fn counted(&self) -> (i64, i64, i64) {
        let account = self.account();
        assert!(!account.has_gap(), "{account:?}");
        let line = account.sources.iter().find(|line| line.source == "mailbox:crm").unwrap();
        (line.seen, line.waiting, line.ended.iter().sum())
    }
}

async fn open(house: &House, mailbox: Id, validity: u32) -> Folder {
    let place = Place { name: "INBOX".to_owned(), role: FolderRole::Sink, validity };
    ledger::open(&house.organization, mailbox, place, house.moment()).await.unwrap()
}

fn keys(uids: &[u32]) -> Vec<MessageKey> {
    uids.iter().map(|uid| MessageKey::of_uid(*uid)).collect()
}

fn copies(entries: &[Entry]) -> Vec<Id> {
    entries.iter().map(|entry| entry.copyid).collect()
}

#[tokio::test]
async fn a_message_that_is_seen_again_is_the_same_copy() {
    let mut watched = Watched::new().await;
    let first = watched.see(&[3, 1, 3, 2]).await;
    assert_eq!(first.iter().map(|entry| entry.key.uid().unwrap()).collect::<Vec<_>>(), [3, 1, 2]);
    // The process died, and begins again.
    watched.reopen(10).await;
    let again = watched.see(&[3, 1, 2, 4]).await;
    assert_eq!(copies(&again)[..3], copies(&first));
    let attempts: Vec<u32> = again.iter().map(|entry| entry.attempts).collect();
    assert_eq!(attempts, [2, 2, 2, 1]);
    for entry in &again {
        assert_eq!(watched.take(entry).await, Outcome::Stored);
        assert_eq!(watched.take(entry).await, Outcome::Stored, "as it was");
    }
    assert_eq!(watched.house.email_count(), 4);
    watched.house.books_are_right();
}

#[tokio::test]
async fn seen_is_ended_and_waiting() {
    let watched = Watched::new().await;
    let entries = watched.see(&[1, 2, 3]).await;
    assert_eq!(watched.counted(), (3, 3, 0));
    watched.take(&entries[0]).await;
    assert_eq!(watched.counted(), (3, 2, 1));
    watched.house.books_are_right();
    for entry in &entries[1..] {
        watched.take(entry).await;
    }
    watched.settle(&[1, 2, 3]).await;
    watched.look(&[], &[1, 2, 3]).await;
    assert_eq!((watched.counted(), watched.there()), ((3, 0, 3), vec![]));
    watched.house.books_are_right();
}

#[tokio::test]
async fn a_mail_is_accounted_for_on_the_day_on_which_it_was_seen() {
    let watched = Watched::new().await;
    let entries = watched.see(&[1]).await;
    let what = What::Whole(bytes(VISIT));
    let arrived = Timestamp(NOW.0 - 10 * 86_400_000);
    let polled = crm::intake::Polled {
        role: model::FolderRole::Sink,
        copyid: entries[0].copyid,
        arrived,
        size: 4_000,
        what,
    };
    let organization = &watched.house.organization;
    let moment = watched.house.moment();
    crm::intake::take_polled(organization, watched.mailbox, polled, moment).await.unwrap();
    assert_eq!(watched.counted(), (1, 0, 1));
    watched.house.books_are_right();
}

#[tokio::test]
async fn what_has_not_ended_is_neither_settled_nor_gone() {
    let watched = Watched::new().await;
    let entries = watched.see(&[1, 2]).await;
    watched.take(&entries[1]).await;
    assert_eq!(watched.settle(&[1, 2, 9]).await, keys(&[2]));
    watched.look(&[], &[1]).await;
    assert_eq!(watched.there(), [(1, EntryState::Open), (2, EntryState::Settled)]);
    // Somebody else was faster.
    let vanished = take_as(&watched.house, watched.mailbox, entries[0].copyid, What::Vanished).await.unwrap();
    assert_eq!(ended(vanished).originals[0].reason, Reason::Vanished);
    watched.look(&[], &[1, 2]).await;
    assert_eq!((watched.there(), watched.counted()), (vec![], (2, 0, 2)));
    watched.house.books_are_right();
}

#[tokio::test]
async fn another_validity_begins_another_generation() {
    let mut watched = Watched::new().await;
    let first = watched.see(&[1, 2, 3]).await;
    watched.take(&first[0]).await;
    watched.take(&first[1]).await;
    watched.settle(&[1]).await;
    let former = watched.folder;
    watched.reopen(11).await;
    assert_eq!(watched.there(), [], "nothing of it is believed any more");
    assert_eq!(watched.counted(), (3, 0, 3), "and everything has ended");
    let again = watched.see(&[1, 2, 3]).await;
    assert!(copies(&again).iter().all(|copy| !copies(&first).contains(copy)));
    assert_eq!(watched.take(&again[0]).await, Outcome::Duplicate);
    assert_eq!(watched.take(&again[2]).await, Outcome::Stored, "the one that had not ended");
    watched.house.books_are_right();
    // Whoever still has the folder as it was writes nothing.
    let late = Watched { folder: former, ..watched };
    assert_eq!(late.look(&[7], &[]).await, Seen::Anew);
    assert_eq!(late.counted(), (6, 1, 5));
}

#[tokio::test]
async fn what_another_session_wrote_off_is_not_deleted_unread() {
    let watched = Watched::new().await;
    let entries = watched.see(&[1, 2, 3]).await;
    // Another node finds the folder numbered anew, while this one is in the middle of its round.
    open(&watched.house, watched.mailbox, 11).await;
    assert_eq!(watched.settle(&[1, 2, 3]).await, []);
    assert_eq!(watched.take(&entries[0]).await, Outcome::Stored, "it was there after all");
    assert_eq!(watched.ignore(&entries[1]).await, Reason::UnknownSender);
    let again = take_as(&watched.house, watched.mailbox, entries[0].copyid, What::Vanished).await.unwrap();
    assert_eq!(ended(again).outcome(), Outcome::Stored);
    assert_eq!(watched.settle(&[1, 2, 3]).await, keys(&[1, 2]));
    assert_eq!(watched.counted(), (3, 0, 3));
    watched.house.books_are_right();
}

#[tokio::test]
async fn what_is_listed_again_though_it_had_gone_is_not_believed() {
    let mut watched = Watched::new().await;
    let first = watched.see(&[1, 2]).await;
    for entry in &first {
        watched.take(entry).await;
    }
    watched.settle(&[1, 2]).await;
    watched.look(&[], &[1]).await;
    // The server was restored from a backup.
    assert_eq!(watched.look(&[1, 2], &[]).await, Seen::Anew);
    watched.reopen(10).await;
    let again = watched.see(&[1, 2]).await;
    assert!(again.iter().all(|entry| entry.state == EntryState::Open), "none may be deleted unread");
    for entry in &again {
        assert_eq!(watched.take(entry).await, Outcome::Duplicate);
    }
    assert_eq!(watched.counted(), (4, 0, 4));
    watched.house.books_are_right();
}

#[tokio::test]
async fn a_number_that_was_given_out_again_is_not_believed() {
    let mut watched = Watched::new().await;
    let first = watched.see(&[1]).await;
    watched.take(&first[0]).await;
    let listed = vec![Listed { key: MessageKey::of_uid(1), size: 4_000, header: Some([6; 32]) }];
    let look = Look { listed, ..Look::default() };
    let (organization, moment) = (&watched.house.organization, watched.house.moment());
    assert_eq!(ledger::see(organization, watched.folder, look, moment).await.unwrap(), Seen::Anew);
    watched.reopen(10).await;
    let again = watched.see(&[1]).await;
    assert_eq!((again[0].outcome, again[0].copyid == first[0].copyid), (None, false));
    // The same header says that it is the same message, and what became of it.
    watched.take(&again[0]).await;
    assert_eq!(watched.see(&[1]).await[0].outcome, Some(Outcome::Duplicate));
}

#[tokio::test]
async fn one_message_is_put_off_and_the_others_go_on() {
    let watched = Watched::new().await;
    watched.see(&[1, 2]).await;
    let organization = &watched.house.organization;
    let until = NOW.plus_seconds(limits::POLL_PUT_OFF_SECONDS);
    for is_news in [true, false] {
        let why = WhyLater { words: "the server says NO".to_owned(), is_unheard: false };
        let why = (why, NOW);
        let told = ledger::put_off(organization, watched.folder, MessageKey::of_uid(1), why).await.unwrap();
        assert_eq!(told, is_news);
    }
    let standing = standing::all(organization).unwrap().remove(0);
    let put_off = standing.put_off.map(|there| (there.count, there.words));
    assert_eq!(put_off, Some((1, "the server says NO".to_owned())));
    let states: Vec<(EntryState, u32)> =
        watched.see(&[1, 2]).await.iter().map(|entry| (entry.state, entry.attempts)).collect();
    assert_eq!(states, [(EntryState::PutOff(until), 1), (EntryState::Open, 2)]);
    // A connection that is cut is no fault of theirs.
    ledger::forgive(organization, watched.folder, keys(&[2])).await.unwrap();
    let entries = watched.see(&[2]).await;
    assert_eq!(entries[0].attempts, 2);
    let past = [EntryState::Open, EntryState::Open];
    let entries = ledger::there(organization, watched.folder, None, until).unwrap();
    assert_eq!(entries.iter().map(|entry| entry.state).collect::<Vec<_>>(), past);
}

#[tokio::test]
async fn what_a_hook_does_not_take_well_is_tried_ever_more_rarely() {
    let watched = Watched::new().await;
    watched.see(&[1, 2]).await;
    let organization = &watched.house.organization;
    let pause = async |key: u32, is_unheard: bool, age: i64| {
        let (why, now) = (WhyLater { words: "no".to_owned(), is_unheard }, NOW.plus_seconds(age));
        ledger::put_off(organization, watched.folder, MessageKey::of_uid(key), (why, now)).await.unwrap();
        let entries = ledger::there(organization, watched.folder, None, now).unwrap();
        match entries[key as usize - 1].state {
            EntryState::PutOff(until) => (until.0 - now.0) / 1_000,
            state => panic!("{state:?}"),
        }
    };
    let (hour, day) = (3_600, 86_400);
    assert_eq!(pause(1, true, 10 * hour).await, limits::POLL_PUT_OFF_SECONDS, "once says little");
    for (age, seconds) in [(10 * hour, 5 * hour), (15 * hour, 15 * hour / 2), (20 * day, day)] {
        assert_eq!(pause(1, true, age).await, seconds);
    }
    for age in [hour, 20 * day] {
        assert_eq!(pause(2, false, age).await, limits::POLL_PUT_OFF_SECONDS, "a server is asked as before");
    }
}

#[tokio::test]
async fn a_lost_outcome_raises_an_alarm() {
    for (loss, faults) in [
        ("delete from outcome", vec!["2026-03-06: 1 of 2 copies seen have no outcome"]),
        ("delete from mailboxmessage", vec!["2026-03-06: 0 copies were seen, and another number ended"]),
    ] {
        let watched = Watched::new().await;
        let entries = watched.see(&[1, 2]).await;
        watched.ignore(&entries[0]).await;
        watched.settle(&[1]).await;
        watched.house.break_database(loss);
        assert!(watched.account().has_gap());
        assert_eq!(accounting::verify(&watched.house.organization).unwrap().faults, faults);
    }
}

#[tokio::test]
async fn more_than_a_round_is_refused() {
    let watched = Watched::new().await;
    let many = u32::try_from(limits::LEDGER_MESSAGES_MAX).unwrap() + 1;
    let listed =
        (1..=many).map(|uid| Listed { key: MessageKey::of_uid(uid), size: 1, header: None }).collect();
    let look = Look { listed, ..Look::default() };
    let moment = watched.house.moment();
    assert!(ledger::see(&watched.house.organization, watched.folder, look, moment).await.is_err());
    let place = Place { name: "x".repeat(641), role: FolderRole::Sink, validity: 1 };
    let moment = watched.house.moment();
    assert!(ledger::open(&watched.house.organization, watched.mailbox, place, moment).await.is_err());
}
