//! A Router without a house of its own: it watches a mailbox, speaks the contract as bytes, and hands on to a house
//! elsewhere by LMTP. What it counted and what stands there agree.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use connect::imap::{FolderName, NONCE_BYTES, Session};
use connect::{Login, Patience, Secret, Target, TlsMode};
use model::Id;
use model::outcome::Outcome;
use poll::counting::{Counting, Counts, Remembered};
use poll::sources::imap::ImapFolder;
use poll::{
    Advice, Cause, Delivered, Delivery, Intake, Live, NotNow, Offered, Opener, Pair, SourceError, Watching,
    What,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{Doors, Dovecot, DovecotSettings};
use testkit::wait;
use tokio::sync::watch;

use super::house::{SINK, ZOE, books_are_whole, email_count, house, mail, timeline};
use super::mailboxes::forwarded;

const PASSWORD: &str = "geheim";
const PAIR: Pair = Pair { organization: Id([1; 16]), mailbox: Id([2; 16]) };

/// An intake behind a wire: every question and every answer travels as bytes.
#[derive(Clone)]
struct Far<I>(I);

fn over<T: Serialize + DeserializeOwned>(sent: &T) -> T {
    serde_json::from_slice(&serde_json::to_vec(sent).unwrap()).unwrap()
}

impl<I: Intake> Intake for Far<I> {
    async fn check(&self, pair: Pair, offered: Vec<Offered>) -> Result<Vec<Advice>, NotNow> {
        let (pair, arrived) = over(&(pair, offered.clone()));
        assert_eq!(arrived, offered);
        over(&self.0.check(pair, arrived).await)
    }

    async fn deliver(&self, pair: Pair, delivery: Delivery) -> Result<Delivered, NotNow> {
        let (pair, arrived) = over(&(pair, delivery.clone()));
        assert_eq!(arrived, delivery);
        over(&self.0.deliver(pair, arrived).await)
    }
}

struct Door {
    port: u16,
    authority: Vec<u8>,
}

impl Opener for Door {
    type Source = ImapFolder;

    fn place(&self) -> (Pair, &str) {
        (PAIR, "INBOX")
    }

    async fn open(&mut self) -> Result<ImapFolder, SourceError> {
        let target = Target {
            host: "localhost".to_owned(),
            port: self.port,
            tls: TlsMode::Starttls,
            authority: Some(self.authority.clone()),
            is_trusted_line: false,
        };
        let login = Login::Password { user: SINK.to_owned(), secret: Secret::new(PASSWORD.to_owned()) };
        let session = Session::open(&target, &login, &[7; NONCE_BYTES], Patience::default()).await?;
        ImapFolder::open(session, (&FolderName::inbox(), "Undeliverable")).await
    }
}

#[test]
fn what_a_far_router_counted_stands_in_the_house_it_feeds() {
    or_skip(|| {
        const MAILS: u64 = 80;
        let dovecot = Dovecot::start(DovecotSettings {
            doors: Doors::Both,
            password: Some(PASSWORD),
            ..DovecotSettings::default()
        })?;
        let mut client = Client::connect(dovecot.lmtp(), Protocol::Lmtp)?;
        for number in 0..MAILS {
            let raw = forwarded(&format!("m{number}"));
            ensure!(client.send(&Envelope::new("jane@example.test", SINK), &raw)?.codes() == [250]);
        }
        // What nobody can process is the other house's to keep.
        let trace = "Received: from a.test by b.test; Mon, 23 Nov 2026 09:15:00 +0100\r\n".repeat(150);
        let looped = [trace.as_bytes(), &mail("looped", "At three?")].concat();
        ensure!(client.send(&Envelope::new(ZOE, SINK), &looped)?.codes() == [250]);
        let (house, _) = house();
        let counting = Counting::new(house.lmtp()?.to_string(), SINK.to_owned());
        let watching = Watching {
            house: poll::House {
                intake: Far(counting.clone()),
                ledger: Remembered::beside(counting.clone()),
            },
            room: poll::Room::default(),
            patience: Duration::from_secs(60),
            spread: || 0,
        };
        let door = Door { port: dovecot.imap()?.port(), authority: dovecot.certificate().to_vec() };
        let runtime = tokio::runtime::Runtime::new()?;
        let (live, board) = watch::channel(Live::default());
        runtime.spawn(poll::watch(door, watching, live));
        let mailbox = dovecot.mailbox(SINK);
        wait::until("an empty INBOX", || mailbox.inbox().ok()?.is_empty().then_some(()))
            .map_err(|error| error.context(format!("{:?} {:?}", board.borrow(), counting.counts())))?;
        let Counts { asked, kept, refused, never_came, bytes } = counting.counts();
        assert_eq!((kept, refused, never_came), (MAILS + 1, 0, 0));
        assert!(asked >= kept && bytes > 0, "{asked} asked");
        let organization = house.organization("example")?;
        assert_eq!(email_count(&organization), i64::try_from(MAILS)?);
        assert_eq!(timeline(&organization, ZOE).len(), usize::try_from(MAILS)?);
        assert_eq!(organization.read(|read| read.open_undeliverables(9))?.len(), 1);
        books_are_whole(&house);
        Ok(())
    });
}

#[test]
fn all_that_the_contract_says_travels() {
    let raw: Arc<[u8]> = b"A: \xff\0\r\n\r\n".as_slice().into();
    let delivery = |what| Delivery {
        copy: Id([3; 16]),
        role: model::FolderRole::Sent,
        arrived: Some(model::Timestamp(-5)),
        size: u64::MAX,
        what,
    };
    for what in [
        What::Whole(Arc::clone(&raw)),
        What::Header(Arc::clone(&raw)),
        What::SetAside(Arc::default()),
        What::Vanished,
        What::Unfetchable { header: raw, words: "ä\n".to_owned() },
    ] {
        let sent = delivery(what);
        assert_eq!(over(&sent), sent);
    }
    let answers: [Result<Delivered, NotNow>; 3] = [
        Ok(Delivered::Ended(Outcome::Quarantined)),
        Ok(Delivered::WholeWanted),
        Err(NotNow { words: "later".to_owned(), cause: Cause::Fault }),
    ];
    for answer in answers {
        assert_eq!(over(&answer), answer);
    }
}
