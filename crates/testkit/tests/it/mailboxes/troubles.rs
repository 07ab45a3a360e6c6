//! What befalls a sink mailbox while it is being emptied: whatever it is, each mail ends once.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use connect::imap::{Disposal, FolderName, Imap, Look, NONCE_BYTES, Session, Window};
use connect::{Login, Patience, Secret, Target, TlsMode};
use postroom::commands::{Reply, Request};
use testkit::missing::or_skip;
use testkit::peers::{Doors, Dovecot, DovecotSettings, Maildir};
use testkit::proxy::{Proxy, Way};
use testkit::{House, kept, wait};

use super::{ACCOUNT, PASSWORD, becomes_empty, deliver, dovecot, forwarded, row, watched, watched_at};
use crate::house::{ZOE, books_are_whole, email_count, house, mail};

const MAILS: usize = 150;

/// Delivers mails with numbers of a range.
fn fill(dovecot: &Dovecot, numbers: std::ops::Range<usize>) -> Result<()> {
    for number in numbers {
        deliver(dovecot, "jane@example.test", &forwarded(&format!("m{number}")))?;
    }
    Ok(())
}

fn at_most(mailbox: &Maildir, left: usize) -> Result<()> {
    wait::until("some mails to leave", || {
        mailbox.inbox().is_ok_and(|names| names.len() <= left).then_some(())
    })
}

fn emails(house: &House) -> Result<BTreeMap<String, usize>> {
    kept::emails_by_id(house.organization("example")?.as_ref())
}

fn each_is_there_once(house: &House, count: usize) -> Result<()> {
    let ids = emails(house)?;
    ensure!((ids.len(), ids.values().sum::<usize>()) == (count, count), "{count} mails became {ids:?}");
    books_are_whole(house);
    Ok(())
}

#[test]
fn a_line_that_breaks_and_a_server_that_is_restarted_lose_and_double_nothing() {
    or_skip(|| {
        let dovecot = dovecot()?;
        let mailbox = dovecot.mailbox(ACCOUNT);
        fill(&dovecot, 0..MAILS)?;
        let network = Proxy::start(dovecot.imap()?)?;
        let (house, _) = house();
        house.command(watched_at(&dovecot, network.address(), PASSWORD)?)?;
        for left in [MAILS - 20, MAILS - 84] {
            at_most(&mailbox, left)?;
            network.cut();
        }
        dovecot.restart()?;
        becomes_empty(&mailbox)?;
        each_is_there_once(&house, MAILS)
    });
}

/// The server has forgotten its numbers: what is there gets new ones, and is the same mail.
#[test]
fn a_folder_that_is_numbered_anew_is_read_again_and_doubles_nothing() {
    or_skip(|| {
        let dovecot = dovecot()?;
        let mailbox = dovecot.mailbox(ACCOUNT);
        fill(&dovecot, 0..MAILS)?;
        let network = Proxy::start(dovecot.imap()?)?;
        let (house, _) = house();
        house.command(watched_at(&dovecot, network.address(), PASSWORD)?)?;
        at_most(&mailbox, MAILS - 20)?;
        // Nobody reads while the numbers go.
        network.set(Way::Refuse)?;
        network.cut();
        for entry in fs::read_dir(mailbox.path())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("dovecot") {
                fs::remove_file(entry.path())?;
            }
        }
        dovecot.restart()?;
        network.set(Way::Carry)?;
        becomes_empty(&mailbox)?;
        each_is_there_once(&house, MAILS)
    });
}

/// Somebody tidies the mailbox up at the same time. What he takes first is no e-mail and in the books; nothing is both.
#[test]
fn another_client_may_move_mail_at_the_same_moment() {
    or_skip(|| {
        let dovecot = dovecot()?;
        let mailbox = dovecot.mailbox(ACCOUNT);
        fill(&dovecot, 0..MAILS)?;
        let (house, _) = house();
        house.command(watched(&dovecot, PASSWORD)?)?;
        at_most(&mailbox, MAILS - 1)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(tidy_up(&dovecot))?;
        becomes_empty(&mailbox)?;
        let taken = mailbox.folder("Elsewhere")?.unwrap_or_default().len();
        let ids = wait::until("the last mails", || {
            let ids = emails(&house).ok()?;
            (ids.len() + taken >= MAILS).then_some(ids)
        })?;
        assert!(ids.values().all(|count| *count == 1), "{ids:?}");
        books_are_whole(&house);
        Ok(())
    });
}

/// Moves every other message it sees until none is left.
async fn tidy_up(dovecot: &Dovecot) -> Result<()> {
    let target = Target {
        host: "localhost".to_owned(),
        port: dovecot.imap()?.port(),
        tls: TlsMode::Starttls,
        authority: Some(dovecot.certificate().to_vec()),
        is_trusted_line: false,
    };
    let login = Login::Password { user: ACCOUNT.to_owned(), secret: Secret::new(PASSWORD.to_owned()) };
    let mut session = Session::open(&target, &login, &[9; NONCE_BYTES], Patience::default()).await?;
    session.select(&FolderName::inbox()).await?;
    let elsewhere = session.own_folder("Elsewhere").await?;
    loop {
        let listed = session.list(Window { first: 1, count: 256 }).await?;
        if listed.is_empty() {
            return Ok(session.bye().await?);
        }
        let some = listed.iter().step_by(9).map(|message| message.uid).collect();
        match session.dispose(&some, &Disposal::Move(elsewhere.clone())).await {
            // Some were taken at this very moment.
            Err(error) if error.leaves_the_session() => {}
            moved => drop(moved?),
        }
    }
}

/// What cannot be set aside stays where it is, which is told, and holds up nobody; once there is room, it goes.
#[test]
fn a_full_mailbox_keeps_what_cannot_be_moved_and_the_next_one_goes_on() {
    or_skip(|| {
        let settings = DovecotSettings {
            doors: Doors::Both,
            password: Some(PASSWORD),
            quota: Some("40K"),
            // A Dovecot that moves does not ask for room, one that copies does.
            capabilities: Some("IMAP4rev1 SASL-IR LITERAL+ IDLE NAMESPACE UIDPLUS"),
            ..DovecotSettings::default()
        };
        let dovecot = Dovecot::start(settings)?;
        let mailbox = dovecot.mailbox(ACCOUNT);
        let trace = "Received: from a.test by b.test; Mon, 23 Nov 2026 09:15:00 +0100\r\n".repeat(150);
        let looped = [trace.as_bytes(), &mail("looped", &"At three? ".repeat(1_800))].concat();
        deliver(&dovecot, ZOE, &looped)?;
        deliver(&dovecot, "jane@example.test", &forwarded("well"))?;
        let (house, _) = house();
        house.command(watched(&dovecot, PASSWORD)?)?;
        let (count, words) = wait::until("the refusal", || row(&house).ok()?.put_off)
            .with_context(|| format!("{:?}\n{}", row(&house), dovecot.log()))?;
        // In which words, this Dovecot has forgotten where it made the folder a moment ago.
        assert!(count == 1 && words.starts_with("the server says: "), "{count} {words}");
        let organization = house.organization("example")?;
        wait::until("the mail behind it", || {
            let is_alone = mailbox.inbox().is_ok_and(|names| names.len() == 1);
            (is_alone && email_count(&organization) == 1).then_some(())
        })?;
        assert_eq!(mailbox.folder("Undeliverable")?.unwrap_or_default().len(), 0, "it stays");
        let undeliverables = || match house.command(Request::Undeliverables(None))? {
            Reply::Undeliverables(rows) => Ok(rows.len()),
            _ => anyhow::bail!("no list"),
        };
        assert_eq!(undeliverables()?, 1);
        books_are_whole(&house);

        dovecot.lift_quota()?;
        house.command(Request::ResyncMailbox {
            organization: "example".to_owned(),
            mailbox: "crm".to_owned(),
        })?;
        becomes_empty(&mailbox)?;
        assert_eq!(mailbox.folder("Undeliverable")?.unwrap_or_default().len(), 1, "it goes");
        wait::until("that nothing is put off", || row(&house).ok()?.put_off.is_none().then_some(()))?;
        assert_eq!(undeliverables()?, 1);
        books_are_whole(&house);
        Ok(())
    });
}
