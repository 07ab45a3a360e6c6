//! The books as the house looks at them by itself, with a clock that jumps from one look to the next.

use std::sync::atomic::{AtomicI64, Ordering};

use crm::intake::{self, Copy, EnvelopeRecipient, Proof, Source};
use model::EmailAddress;
use store::Database;
use tempfile::TempDir;

use super::*;
use crate::commands::{self, Request};
use crate::{Inside, Settings};

const DAY: i64 = 86_400;

/// A house that does not serve, in its own time.
struct Place {
    house: Arc<House>,
    /// Seconds by which its clock is wrong.
    ahead: Arc<AtomicI64>,
    _folder: TempDir,
}

impl Place {
    async fn new() -> Place {
        let folder = TempDir::new().unwrap();
        let mut settings = Settings::built_in().unwrap();
        settings.data = folder.path().to_owned();
        if let Database::Postgres(postgres) = Database::for_tests(folder.path()) {
            settings.database.url = postgres.url;
            settings.database.schema = postgres.schema;
        }
        let ahead = Arc::new(AtomicI64::new(0));
        let wrong = Arc::clone(&ahead);
        let clock = Inside::default().clock;
        let clock: receive::Clock = Arc::new(move || clock().plus_seconds(wrong.load(Ordering::SeqCst)));
        let house = House::open_with(settings, Inside { clock, ..Inside::default() }).unwrap();
        commands::run(&house, Request::AddOrganization("contoso".to_owned())).await.unwrap();
        Place { house, ahead, _folder: folder }
    }

    fn organization(&self) -> Arc<Organization> {
        self.house.organization("contoso").unwrap()
    }

    fn set_clock_ahead(&self, seconds: i64) {
        self.ahead.store(seconds, Ordering::SeqCst);
    }

    /// Takes in a mail that nobody wants.
    async fn take_unwanted(&self) -> Id {
        let sink = EmailAddress::parse("crm@sink.test").unwrap();
        let raw = b"From: Zoe <zoe@fabrikam.test>\r\nTo: bob@tailspin.test\r\n\
                    Message-ID: <visit@fabrikam.test>\r\n\r\nAt three?\r\n";
        let copy = Copy {
            copyid: self.house.moment().unwrap().id(),
            source: Source::Sink(sink.clone()),
            arrived: self.house.now(),
            has_envelope: true,
            mail_from: Some("zoe@fabrikam.test".to_owned()),
            recipients: vec![EnvelopeRecipient {
                address: sink.clone(),
                source: Source::Sink(sink),
                user: None,
            }],
            peer: None,
            trace: None,
            proof: Proof::Network,
            raw: Arc::from(&raw[..]),
            has_bare_line_ends: false,
        };
        let receipt =
            intake::take_in(&self.organization(), copy, self.house.moment().unwrap()).await.unwrap();
        assert_eq!(receipt.outcome(), Outcome::Ignored);
        receipt.copyid
    }

    /// Whether it is still known who sent it.
    fn has_trace(&self, copy: Id) -> bool {
        self.organization().read(|read| read.copy(copy)).unwrap().unwrap().mailfrom.is_some()
    }

    fn words(&self) -> Vec<String> {
        self.house.alarms.of(self.organization().id()).iter().map(Alarm::words).collect()
    }

    /// Lets the clock of the runtime go on until this is so; the seconds that passed by it.
    async fn until(&self, what: impl Fn() -> bool) -> u64 {
        let begun = tokio::time::Instant::now();
        while !what() {
            assert!(begun.elapsed() < 2 * BETWEEN, "two looks have passed");
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        begun.elapsed().as_secs()
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_old_is_forgotten_soon_after_the_start_and_again_each_hour() {
    let place = Place::new().await;
    place.set_clock_ahead(-40 * DAY);
    let first = place.take_unwanted().await;
    place.set_clock_ahead(-20 * DAY);
    let second = place.take_unwanted().await;
    place.set_clock_ahead(0);
    let stop = CancellationToken::new();
    let running = tokio::spawn(run(Arc::clone(&place.house), stop.clone()));
    let seconds = place.until(|| !place.has_trace(first)).await;
    assert!(seconds >= BEFORE_THE_FIRST.as_secs(), "mail comes first: {seconds} s");
    assert!(place.has_trace(second), "it is not as old as the settings say");
    // A day is gone through once, when it is over for so long.
    place.set_clock_ahead(-35 * DAY);
    let third = place.take_unwanted().await;
    place.set_clock_ahead(0);
    place.until(|| !place.has_trace(third)).await;
    assert!(place.has_trace(second));
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_loss_is_told_until_it_is_mended() {
    let place = Place::new().await;
    place.take_unwanted().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(run(Arc::clone(&place.house), stop.clone()));
    place.organization().tamper("update outcome set day = day - 400").unwrap();
    place.until(|| !place.words().is_empty()).await;
    assert!(place.words()[0].contains("1 of the copies seen at sink:"), "{:?}", place.words());
    place.organization().tamper("update outcome set day = day + 400").unwrap();
    place.until(|| place.words().is_empty()).await;
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_clock_far_from_the_servers_makes_nothing_forgotten() {
    let place = Place::new().await;
    let copy = place.take_unwanted().await;
    place.set_clock_ahead(40 * DAY);
    let house = Arc::clone(&place.house);
    tokio::task::spawn_blocking(move || house.forget_traces(&CancellationToken::new())).await.unwrap();
    // Where rows are in files, time is what the house's own clock says.
    assert_eq!(place.has_trace(copy), place.organization().is_at_server());
}

#[test]
fn a_look_at_few_days_says_nothing_of_the_others() {
    let alarms = Alarms::default();
    let organization = Id([1; 16]);
    let gap = |day| Alarm::Gap { day, source: "sink:crm@sink.test".to_owned(), gap: 1 };
    let waits = Alarm::Waits { mailbox: "crm".to_owned(), since: Timestamp(0) };
    assert_eq!(alarms.note(organization, (vec![gap(5), waits.clone()], 1)), [gap(5), waits.clone()]);
    assert_eq!(alarms.note(organization, (vec![gap(9), waits.clone()], 8)), [gap(9)], "each is new once");
    assert_eq!(alarms.of(organization), [gap(9), waits, gap(5)]);
    assert_eq!(alarms.note(organization, (Vec::new(), 8)), []);
    assert_eq!(alarms.of(organization), [gap(5)], "what waits is told by each look");
    alarms.note(organization, (Vec::new(), 1));
    assert_eq!(alarms.of(organization), []);
}
