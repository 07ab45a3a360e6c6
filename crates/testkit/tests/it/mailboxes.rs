//! A sink mailbox in somebody else's mail system: what comes there stands on the record, and is gone there.

mod troubles;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use postroom::commands::{AddMailbox, MailServer, MailboxRow, Reply, Request, SetMailboxPassword};
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{Doors, Dovecot, DovecotSettings, Maildir};
use testkit::program::Program;
use testkit::world::World;
use testkit::{House, kept, letters::mix, wait};

use super::crash::number;
use super::house::{SINK, WORLD, ZOE, books_are_whole, email_count, house, mail, timeline};

/// The address that people forward to is that of the mailbox.
const ACCOUNT: &str = SINK;
const PASSWORD: &str = "geheim";

fn dovecot() -> Result<Dovecot> {
    Dovecot::start(DovecotSettings {
        doors: Doors::Both,
        password: Some(PASSWORD),
        ..DovecotSettings::default()
    })
}

fn watched(dovecot: &Dovecot, password: &str) -> Result<Request> {
    watched_at(dovecot, dovecot.imap()?, password)
}

/// The same by another way to it.
fn watched_at(dovecot: &Dovecot, door: SocketAddr, password: &str) -> Result<Request> {
    let authority = Some(String::from_utf8(dovecot.certificate().to_vec())?);
    let server = MailServer::imap("localhost", door.port(), (1, authority));
    Ok(Request::AddMailbox(AddMailbox {
        organization: "example".to_owned(),
        name: "crm".to_owned(),
        server,
        user: ACCOUNT.to_owned(),
        password: password.to_owned(),
        sink: SINK.to_owned(),
        is_refusing: true,
    }))
}

fn deliver(dovecot: &Dovecot, sender: &str, raw: &[u8]) -> Result<()> {
    let mut client = Client::connect(dovecot.lmtp(), Protocol::Lmtp)?;
    let replies = client.send(&Envelope::new(sender, ACCOUNT), raw)?;
    ensure!(replies.codes() == [250], "{replies:?}");
    client.quit()
}

/// The mailbox in the list.
fn row(house: &House) -> Result<MailboxRow> {
    match house.command(Request::Mailboxes(None))? {
        Reply::Mailboxes(rows) => rows.into_iter().next().context("no mailbox"),
        _ => anyhow::bail!("no list"),
    }
}

fn becomes_empty(mailbox: &Maildir) -> Result<()> {
    wait::until("an empty INBOX", || mailbox.inbox().is_ok_and(|names| names.is_empty()).then_some(()))
}

/// What Jane forwards as an attachment: the mail itself is inside.
pub(crate) fn forwarded(id: &str) -> Vec<u8> {
    let inner = String::from_utf8_lossy(&mail(id, "At three?")).into_owned();
    format!(
        "From: Jane Doe <jane@example.test>\r\nTo: {ACCOUNT}\r\nSubject: Fwd: About {id}\r\n\
         Message-ID: <fwd-{id}@example.test>\r\nDate: Mon, 23 Nov 2026 09:20:00 +0100\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nFor the record.\r\n\
         --b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--\r\n"
    )
    .into_bytes()
}

#[test]
fn a_mail_in_a_sink_mailbox_stands_on_the_timeline_and_is_gone_there() {
    or_skip(|| {
        let dovecot = dovecot()?;
        let mailbox = dovecot.mailbox(ACCOUNT);
        deliver(&dovecot, "jane@example.test", &forwarded("before"))?;
        let (house, _) = house();
        house.command(watched(&dovecot, PASSWORD)?)?;
        becomes_empty(&mailbox)?;
        // By now news are waited for.
        deliver(&dovecot, "jane@example.test", &forwarded("after"))?;
        becomes_empty(&mailbox)?;
        let organization = house.organization("example")?;
        let ids: BTreeSet<String> = timeline(&organization, ZOE).into_iter().map(|(id, _)| id).collect();
        assert!(
            ids.iter().any(|id| id.contains("before")) && ids.iter().any(|id| id.contains("after")),
            "{ids:?}"
        );
        assert_eq!(email_count(&organization), 2);
        books_are_whole(&house);
        // The server has removed it before we know that it did.
        let row = wait::until("a mailbox that is well", || {
            row(&house).ok().filter(|row| row.state.starts_with("well, 2 "))
        })
        .with_context(|| format!("{:?}", row(&house)))?;
        assert!(row.succeeded.is_some() && row.waiting == 0 && row.told_by.is_none(), "{row:?}");
        // Begun anew, it goes on, and nothing is doubled.
        let again = Request::ResyncMailbox { organization: "example".to_owned(), mailbox: "crm".to_owned() };
        house.command(again)?;
        deliver(&dovecot, "jane@example.test", &forwarded("later"))?;
        becomes_empty(&mailbox)?;
        assert_eq!(email_count(&organization), 3);
        books_are_whole(&house);
        Ok(())
    });
}

#[test]
fn what_cannot_be_processed_is_set_aside_there_and_the_next_one_goes_on() {
    or_skip(|| {
        let dovecot = dovecot()?;
        let mailbox = dovecot.mailbox(ACCOUNT);
        let trace = "Received: from a.test by b.test; Mon, 23 Nov 2026 09:15:00 +0100\r\n".repeat(150);
        let looped = [trace.as_bytes(), &mail("looped", "At three?")].concat();
        deliver(&dovecot, ZOE, &looped)?;
        deliver(&dovecot, "jane@example.test", &forwarded("well"))?;
        let (house, _) = house();
        house.command(watched(&dovecot, PASSWORD)?)?;
        becomes_empty(&mailbox)?;
        let aside = mailbox.folder("Undeliverable")?.context("the folder was not made")?;
        assert_eq!(aside.len(), 1, "{aside:?}");
        let Reply::Undeliverables(rows) = house.command(Request::Undeliverables(None))? else {
            anyhow::bail!("no list")
        };
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!(email_count(&house.organization("example")?), 1);
        books_are_whole(&house);
        Ok(())
    });
}

#[test]
fn a_wrong_password_is_told_and_nothing_is_touched() {
    or_skip(|| {
        let dovecot = dovecot()?;
        deliver(&dovecot, "jane@example.test", &forwarded("waits"))?;
        let (house, _) = house();
        house.command(watched(&dovecot, "wrong")?)?;
        let state = || row(&house).ok().map(|row| row.state);
        let told = wait::until("trouble", || state().filter(|state| state.starts_with("trouble")))?;
        assert!(!told.contains("wrong ") && told.contains("again within"), "{told}");
        let mailbox = dovecot.mailbox(ACCOUNT);
        assert_eq!(mailbox.inbox()?.len(), 1);
        // The right one is tried at once.
        house.command(Request::SetMailboxPassword(SetMailboxPassword {
            organization: "example".to_owned(),
            mailbox: "crm".to_owned(),
            password: PASSWORD.to_owned(),
        }))?;
        becomes_empty(&mailbox)?;
        assert_eq!(email_count(&house.organization("example")?), 1);
        Ok(())
    });
}

/// Each mail ends once, however often the program is killed meanwhile: as often as `CRASH_MAILBOX_ROUNDS` says.
#[test]
fn a_program_that_is_killed_loses_and_doubles_nothing() {
    or_skip(|| {
        let rounds = number("CRASH_MAILBOX_ROUNDS", 3);
        let mails = usize::try_from(rounds * 60)?;
        let dovecot = dovecot()?;
        for number in 0..mails {
            deliver(&dovecot, "jane@example.test", &forwarded(&format!("m{number}")))?;
        }
        let mailbox = dovecot.mailbox(ACCOUNT);
        let folder = tempfile::tempdir()?;
        let mut program = Program::start(folder.path())?;
        World::parse(WORLD)?.make(|request| program.command(request), |_| None)?;
        program.command(watched(&dovecot, PASSWORD)?)?;
        for round in 1..=rounds {
            // A turn takes 64 of them: it is killed somewhere in it, or between two.
            let left = usize::try_from((rounds - round) * 60 + mix(round) % 60)?;
            wait::until("some mails to leave", || {
                mailbox.inbox().is_ok_and(|names| names.len() <= left).then_some(())
            })?;
            program.kill()?;
            program = Program::start(folder.path())?;
        }
        becomes_empty(&mailbox)?;
        let Reply::Verified(books) = program.command(Request::Verify(None))? else {
            anyhow::bail!("no books")
        };
        assert!(books.iter().all(|book| book.faults.is_empty()), "{books:?}");
        program.kill()?;
        let store = store::Store::open(testkit::database::store(&testkit::program::data(folder.path())))?;
        let ids = kept::emails_by_id(store.organization_by_name("example")?.as_ref())?;
        assert_eq!((ids.len(), ids.values().sum::<usize>()), (mails, mails), "{ids:?}");
        Ok(())
    });
}
