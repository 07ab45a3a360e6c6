//! A Maildir of this machine that is watched: what other programs deliver there stands on the record, and is gone there.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use postroom::commands::{AddMaildir, Reply, Request};
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{Dovecot, DovecotSettings};
use testkit::program::{self, Program};
use testkit::world::World;
use testkit::{House, Missing, kept, wait};

use super::house::{SINK, WORLD, ZOE, books_are_whole, email_count, house, mail, timeline};
use super::mailboxes::forwarded;

fn watched(folder: &Path) -> Request {
    Request::AddMaildir(AddMaildir {
        organization: "example".to_owned(),
        name: "crm".to_owned(),
        folder: folder.to_owned(),
        sink: SINK.to_owned(),
        is_refusing: true,
    })
}

fn state(house: &House) -> Result<String> {
    let Reply::Mailboxes(rows) = house.command(Request::Mailboxes(None))? else { anyhow::bail!("no list") };
    Ok(rows.first().context("no mailbox")?.state.clone())
}

/// What Jane forwards, with what the last mail server noted above it.
pub(crate) fn traced(id: &str) -> Vec<u8> {
    const TRACE: &[u8] = b"Return-Path: <jane@example.test>\n\
        Received: from client.test by b.test; Mon, 23 Nov 2026 09:15:01 +0100\n";
    [TRACE, &forwarded(id)].concat()
}

#[test]
fn what_dovecot_and_procmail_deliver_is_taken_in_and_gone_there() {
    or_skip(|| {
        Missing::unless("/usr/bin/procmail", "procmail")?;
        let dovecot = Dovecot::start(DovecotSettings::default())?;
        let mailbox = dovecot.mailbox(SINK);
        let (house, _) = house();
        let deliver = |raw: &[u8]| {
            let mut client = Client::connect(dovecot.lmtp(), Protocol::Lmtp)?;
            ensure!(client.send(&Envelope::new("jane@example.test", SINK), raw)?.codes() == [250]);
            client.quit()
        };
        let trace = "Received: from a.test by b.test; Mon, 23 Nov 2026 09:15:00 +0100\r\n".repeat(150);
        deliver(&[trace.as_bytes(), &mail("looped", "At three?")].concat())?;
        deliver(&forwarded("dovecot"))?;
        // Somebody has read one before.
        let name = mailbox.inbox()?.into_iter().next().context("nothing was delivered")?;
        fs::rename(
            mailbox.path().join("new").join(&name),
            mailbox.path().join("cur").join(format!("{name}:2,S")),
        )?;
        house.command(watched(mailbox.path()))?;
        let becomes_empty =
            || wait::until("an empty Maildir", || mailbox.inbox().ok()?.is_empty().then_some(()));
        becomes_empty()?;
        // By now it is waited for news.
        let rules = mailbox.path().join("rules");
        fs::write(&rules, format!(":0\n{}/\n", mailbox.path().display()))?;
        let mut procmail = Command::new("/usr/bin/procmail");
        procmail.args(["-f", "jane@example.test", "-m"]).arg(&rules).stdin(Stdio::piped());
        let mut child = procmail.spawn()?;
        child.stdin.take().context("no input")?.write_all(&traced("procmail"))?;
        ensure!(child.wait()?.success());
        becomes_empty()?;
        let organization = house.organization("example")?;
        assert_eq!((email_count(&organization), timeline(&organization, ZOE).len()), (2, 2));
        assert_eq!(mailbox.folder("Undeliverable")?.context("the folder was not made")?.len(), 1);
        let waiting = organization.read(|read| read.open_undeliverables(9))?;
        assert_eq!(waiting.len(), 1);
        books_are_whole(&house);
        wait::until("rest", || state(&house).ok().filter(|state| state.starts_with("well")))?;
        Ok(())
    });
}

/// Each mail ends once, however often the program is killed meanwhile, and whatever a mail program does beside it.
#[test]
fn a_program_that_is_killed_loses_and_doubles_nothing() {
    const MAILS: usize = 240;
    let place = tempfile::tempdir().unwrap();
    let maildir = place.path().join("Maildir");
    for part in ["new", "cur", "tmp"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    for number in 0..MAILS {
        fs::write(maildir.join(format!("new/{number}.test")), traced(&format!("m{number}"))).unwrap();
    }
    let left =
        || ["new", "cur"].map(|part| fs::read_dir(maildir.join(part)).unwrap().count()).iter().sum::<usize>();
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path()).unwrap();
    World::parse(WORLD).unwrap().make(|request| program.command(request), |_| None).unwrap();
    program.command(watched(&maildir)).unwrap();
    for round in 1..=3 {
        wait::until("some mails to leave", || {
            // As a mail program that shows them does.
            let shown = fs::read_dir(maildir.join("new")).unwrap().flatten().next();
            if let Some(shown) = shown {
                let name = shown.file_name().into_string().unwrap();
                // Taken in before.
                let _ = fs::rename(shown.path(), maildir.join(format!("cur/{name}:2,S")));
            }
            (left() <= MAILS - round * 50).then_some(())
        })
        .unwrap();
        program.kill().unwrap();
        program = Program::start(folder.path()).unwrap();
    }
    wait::until("an empty Maildir", || (left() == 0).then_some(())).unwrap();
    let Reply::Verified(books) = program.command(Request::Verify(None)).unwrap() else { panic!("no books") };
    assert!(books.iter().all(|book| book.faults.is_empty()), "{books:?}");
    program.kill().unwrap();
    let store = store::Store::open(testkit::database::store(&program::data(folder.path()))).unwrap();
    let ids = kept::emails_by_id(store.organization_by_name("example").unwrap().as_ref()).unwrap();
    assert_eq!((ids.len(), ids.values().sum::<usize>()), (MAILS, MAILS), "{ids:?}");
}
