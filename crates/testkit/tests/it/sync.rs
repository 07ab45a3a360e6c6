//! A user's own mailbox: what is in it and what he wrote stands on the record, and nothing there is changed.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use postroom::commands::{AddUserMailbox, MailServer, Reply, Request};
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{Doors, Dovecot, DovecotSettings};
use testkit::program::Program;
use testkit::world::World;
use testkit::{House, kept, wait};

use super::house::{WORLD, ZOE, books_are_whole, email_count, house, mail};

pub(super) const JANE: &str = "jane@example.test";
pub(super) const PASSWORD: &str = "geheim";

pub(super) fn dovecot() -> Result<Dovecot> {
    Dovecot::start(DovecotSettings {
        doors: Doors::Both,
        password: Some(PASSWORD),
        ..DovecotSettings::default()
    })
}

fn looked_at(dovecot: &Dovecot, after: Option<i64>) -> Result<AddUserMailbox> {
    let authority = Some(String::from_utf8(dovecot.certificate().to_vec())?);
    Ok(AddUserMailbox {
        organization: "example".to_owned(),
        name: "jane".to_owned(),
        server: MailServer::imap("localhost", dovecot.imap()?.port(), (1, authority)),
        user: JANE.to_owned(),
        password: PASSWORD.to_owned(),
        of: JANE.to_owned(),
        sent: None,
        others: Vec::new(),
        after,
    })
}

pub(super) fn deliver(dovecot: &Dovecot, raw: &[u8]) -> Result<()> {
    let mut client = Client::connect(dovecot.lmtp(), Protocol::Lmtp)?;
    let replies = client.send(&Envelope::new(ZOE, JANE), raw)?;
    ensure!(replies.codes() == [250], "{replies:?}");
    client.quit()
}

/// What one of us wrote to a customer.
fn written(from: &str, id: &str) -> Vec<u8> {
    format!(
        "From: Us <{from}>\r\nTo: Zoe <{ZOE}>\r\nCc: {JANE}\r\nSubject: About {id}\r\n\
         Date: Mon, 23 Nov 2026 10:15:00 +0100\r\nMessage-ID: <{id}@example.test>\r\n\r\nAt three.\r\n"
    )
    .into_bytes()
}

fn is_well(house: &House) -> Result<String> {
    wait::until("a mailbox that is well", || {
        let Ok(Reply::Mailboxes(rows)) = house.command(Request::Mailboxes(None)) else { return None };
        rows.into_iter().map(|row| row.state).find(|state| state.starts_with("well"))
    })
}

/// The e-mails of the organization by id: whether each goes out, and whether its sender is unproven.
fn emails(house: &House) -> Result<BTreeMap<String, (bool, bool)>> {
    let organization = house.organization("example")?;
    let mut found = BTreeMap::new();
    for line in organization.read(|read| read.latest_emails(None, 1_000))? {
        let email = organization.read(|read| read.email(line.id))?.context("an e-mail that is gone")?;
        let is_unproven = email.marks & model::schema::emails::mark::UNPROVEN_SENDER != 0;
        found.insert(email.messageid.unwrap_or_default(), (email.directioncode, is_unproven));
    }
    Ok(found)
}

#[test]
fn a_users_mailbox_is_recorded_and_nothing_in_it_changes() {
    or_skip(|| {
        let dovecot = dovecot()?;
        let mailbox = dovecot.mailbox(JANE);
        deliver(&dovecot, &mail("unread", "At three?"))?;
        mailbox.put(None, ("1.read", "S"), &mail("read", "At four?"))?;
        mailbox.put(None, ("2.flagged", "FRS"), &mail("flagged", "At five?"))?;
        mailbox.put(None, ("3.marked", "ST"), &mail("marked", "At six?"))?;
        // A colleague's copy proves nothing where anybody could have put it; that in the folder for sent mail does.
        mailbox.put(None, ("4.colleague", ""), &written("u1@example.test", "colleague"))?;
        mailbox.put(None, ("5.own", "S"), &written(JANE, "own"))?;
        mailbox.put(Some("Gesendete Objekte"), ("6.own", "S"), &written(JANE, "own"))?;
        mailbox.put(Some("Gesendete Objekte"), ("7.sent", "S"), &written(JANE, "sent"))?;
        let before = mailbox.messages()?;
        ensure!(before.len() == 8, "{before:?}");
        let (house, _) = house();
        house.command(Request::AddUserMailbox(looked_at(&dovecot, None)?))?;
        let state = is_well(&house)?;
        assert_eq!(state, "well, 8 taken in since the start");
        let of = |id: &str, host: &str| format!("{id}@{host}");
        let expected = BTreeMap::from([
            (of("unread", "customer.test"), (false, false)),
            (of("read", "customer.test"), (false, false)),
            (of("flagged", "customer.test"), (false, false)),
            (of("marked", "customer.test"), (false, false)),
            (of("colleague", "example.test"), (false, true)),
            (of("own", "example.test"), (true, false)),
            (of("sent", "example.test"), (true, false)),
        ]);
        assert_eq!(emails(&house)?, expected);
        assert_eq!(mailbox.messages()?, before, "flags, names, sizes and times");
        // By now news are waited for; those of the inbox bring a look at the others.
        mailbox.put(Some("Gesendete Objekte"), ("8.later", "S"), &written(JANE, "later"))?;
        deliver(&dovecot, &mail("newest", "At seven?"))?;
        let organization = house.organization("example")?;
        wait::until("two more", || (email_count(&organization) == 9).then_some(()))?;
        assert_eq!(emails(&house)?.get(&of("later", "example.test")), Some(&(true, false)));
        let mut after = mailbox.messages()?;
        after.retain(|path, _| before.contains_key(path));
        assert_eq!(after, before);
        books_are_whole(&house);
        Ok(())
    });
}

#[test]
fn other_numbers_and_another_program_double_nothing() {
    or_skip(|| {
        const MAILS: usize = 200;
        let dovecot = dovecot()?;
        let mailbox = dovecot.mailbox(JANE);
        for number in 0..MAILS {
            mailbox.put(None, (&format!("{number}"), ""), &mail(&format!("m{number}"), "At three?"))?;
        }
        mailbox.put(Some("Sent"), ("sent", "S"), &written(JANE, "sent"))?;
        let before = mailbox.messages()?;
        let folder = tempfile::tempdir()?;
        let mut program = Program::start(folder.path())?;
        World::parse(WORLD)?.make(|request| program.command(request), |_| None)?;
        program.command(Request::AddUserMailbox(looked_at(&dovecot, None)?))?;
        wait::until("some progress", || {
            let Ok(Reply::Mailboxes(rows)) = program.command(Request::Mailboxes(None)) else { return None };
            let state = rows.into_iter().next()?.state;
            (state.contains(" looked at") || state.starts_with("well")).then_some(())
        })?;
        // At a server the next one waits until the lease of this one has run out.
        program.kill()?;
        program = Program::start(folder.path())?;
        let well = |program: &Program| {
            wait::until("the end", || {
                let Ok(Reply::Mailboxes(rows)) = program.command(Request::Mailboxes(None)) else {
                    return None;
                };
                let row = rows.into_iter().next()?;
                // What the one that was killed told stands there until this one watches.
                (row.told_by.is_none() && row.state.starts_with("well")).then_some(row.state)
            })
        };
        well(&program)?;
        program.kill()?;
        dovecot.renumber(JANE)?;
        program = Program::start(folder.path())?;
        assert_eq!(well(&program)?, format!("well, {} taken in since the start", MAILS + 1));
        let Reply::Verified(books) = program.command(Request::Verify(None))? else {
            anyhow::bail!("no books")
        };
        assert!(books.iter().all(|book| book.faults.is_empty()), "{books:?}");
        program.kill()?;
        let store = store::Store::open(testkit::database::store(&testkit::program::data(folder.path())))?;
        let ids = kept::emails_by_id(store.organization_by_name("example")?.as_ref())?;
        assert_eq!((ids.len(), ids.values().sum::<usize>()), (MAILS + 1, MAILS + 1), "{ids:?}");
        assert_eq!(mailbox.messages()?, before);
        Ok(())
    });
}

#[test]
fn what_came_before_the_first_day_is_left_out() {
    or_skip(|| {
        let dovecot = dovecot()?;
        let mailbox = dovecot.mailbox(JANE);
        mailbox.put(None, ("old", ""), &mail("old", "At three?"))?;
        // A Maildir's message came when its file was written.
        let written = mailbox.path().join("cur/old:2,");
        let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        std::fs::File::options().write(true).open(&written)?.set_modified(long_ago)?;
        mailbox.put(None, ("young", ""), &mail("young", "At four?"))?;
        let (house, _) = house();
        house.command(Request::AddUserMailbox(looked_at(&dovecot, Some(1_500_000_000))?))?;
        let state = is_well(&house)?;
        assert!(state.contains("1 taken in") && state.contains("no folder of sent mail"), "{state}");
        let ids: Vec<String> = emails(&house)?.into_keys().collect();
        assert_eq!(ids, ["young@customer.test"]);
        books_are_whole(&house);
        Ok(())
    });
}
