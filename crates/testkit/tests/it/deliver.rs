//! `postroom deliver`: what mail servers and filters pipe to a program is in the house, or stays with them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use postroom::commands::{Reply, Request};
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{NextHop, Postfix};
use testkit::program::{self, Program};
use testkit::world::World;
use testkit::{House, Missing, kept, wait};

use super::house::{SINK, WORLD, ZOE, books_are_whole, email_count, house, mail, timeline};
use super::mailboxes::forwarded;

/// How a program ended that was given this on standard input, and what it said.
fn piped(mut command: Command, raw: &[u8]) -> Result<(Option<i32>, String)> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
    // It may end without reading all of it.
    let written = child.stdin.take().context("no input")?.write_all(raw);
    let output = child.wait_with_output()?;
    ensure!(written.is_ok(), "it did not read all that it was given: {output:?}");
    Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

fn deliver(data: &Path, arguments: &[&str], raw: &[u8]) -> Result<(Option<i32>, String)> {
    let mut command = program::command(data)?;
    command.env("POSTROOM_DATA", data).arg("deliver").args(arguments);
    piped(command, raw)
}

/// The lines as a program is given them.
fn with_line_feeds(raw: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(raw).replace("\r\n", "\n").into_bytes()
}

/// A house that takes mails of 100,000 bytes.
fn small_house(folder: &Path) -> Result<House> {
    let mut settings = testkit::house::free_ports(folder)?;
    settings.receive.message_bytes_max = 100_000;
    let house = House::start_in(folder, settings)?;
    World::parse(WORLD)?.make(|request| house.command(request), |_| None)?;
    Ok(house)
}

#[test]
fn it_ends_as_mail_servers_expect() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let house = small_house(data).unwrap();
    let example = house.organization("example").unwrap();
    let ends = |arguments: &[&str], raw: &[u8]| deliver(data, arguments, raw).unwrap();
    let to_sink = ["--sender", ZOE, "--recipient", SINK];
    let (raw, large) = (mail("piped", "At three?"), mail("large", &"At three? ".repeat(20_000)));
    assert_eq!(ends(&to_sink, &raw), (Some(0), String::new()));
    // The same from another program, with lines as mbox has them: one e-mail.
    let line = format!("From {ZOE} Mon Nov 23 09:15:00 2026\n");
    let in_mbox = [line.as_bytes(), &with_line_feeds(&raw)].concat();
    assert_eq!(ends(&["--", SINK], &in_mbox), (Some(0), String::new()));
    assert_eq!((email_count(&example), timeline(&example, ZOE).len()), (1, 1));
    // As Exim tells them.
    let mut command = program::command(data).unwrap();
    command.env("POSTROOM_DATA", data).args(["deliver", "--environment"]);
    command.env("SENDER", ZOE).env("RECIPIENT", SINK);
    assert_eq!(piped(command, &raw).unwrap(), (Some(0), String::new()));
    assert_eq!(email_count(&example), 1);
    let copies = example.read(|read| read.undeliverable_count()).unwrap();
    assert_eq!(copies, 0);
    for (exit, arguments, raw, words) in [
        (67, &["-f", ZOE, "nobody@router.test"][..], &raw[..], "5.1.1"),
        (67, &["-f", ZOE, "nobody@router.test", SINK], &raw, "nobody@router.test"),
        (69, &to_sink, &large, "too large"),
        (75, &["-f", ZOE], &raw, "no recipient"),
        (75, &to_sink, b"", "no mail"),
        (75, &["--what"], b"", "--what"),
        (75, &["--socket", "/nowhere/lmtp.sock", SINK], &raw, "nobody answers"),
    ] {
        let (code, said) = ends(arguments, raw);
        assert_eq!(code, Some(exit), "{arguments:?}: {said}");
        assert!(said.contains(words) && said.lines().count() >= 1, "{said}");
    }
    books_are_whole(&house);
    drop(house);
    assert_eq!(ends(&to_sink, &raw).0, Some(75));
}

/// Where anybody may use the socket, nobody is believed to be one of us over it; over loopback one is still.
#[test]
fn a_socket_that_does_not_vouch_believes_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let mut settings = testkit::house::free_ports(data).unwrap();
    settings.lmtp.socket_vouches = false;
    let house = House::start_in(data, settings).unwrap();
    World::parse(WORLD).unwrap().make(|request| house.command(request), |_| None).unwrap();
    let example = house.organization("example").unwrap();
    let jane = ["--sender", "jane@example.test", "--recipient", SINK];
    assert_eq!(deliver(data, &jane, &forwarded("over the socket")).unwrap(), (Some(0), String::new()));
    assert_eq!(email_count(&example), 0);
    let waits = example.read(|read| read.open_undeliverables(9)).unwrap();
    let reasons: Vec<i32> = waits.iter().map(|row| row.reason).collect();
    assert_eq!(reasons, [model::outcome::Reason::Unproven as i32]);
    // A customer is nobody who has to be believed.
    let zoe = ["--sender", ZOE, "--recipient", SINK];
    assert_eq!(deliver(data, &zoe, &mail("direct", "At three?")).unwrap(), (Some(0), String::new()));
    assert_eq!(email_count(&example), 1);
    let mut client = Client::connect(house.lmtp().unwrap(), Protocol::Lmtp).unwrap();
    let envelope = Envelope::new("jane@example.test", SINK);
    assert_eq!(client.send(&envelope, &forwarded("over loopback")).unwrap().codes(), [250]);
    assert_eq!(email_count(&example), 2);
    books_are_whole(&house);
}

/// Whatever was answered 0 is kept, and what is brought again is kept once.
#[test]
fn nothing_is_lost_when_the_house_is_killed() {
    const MAILS: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let mut program = Some(Program::start(folder.path()).unwrap());
    let house = program.as_ref().unwrap();
    World::parse(WORLD).unwrap().make(|request| house.command(request), |_| None).unwrap();
    let data = program::data(folder.path());
    let mut open: Vec<usize> = (0..MAILS).collect();
    let (mut rounds, mut put_off) = (0, 0);
    while !open.is_empty() {
        let mut running = Vec::new();
        for number in &open {
            let mut command = program::command(folder.path()).unwrap();
            command.args(["deliver", "--sender", ZOE, "--recipient", SINK]).stdin(Stdio::piped());
            let mut child = command.stderr(Stdio::null()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(&mail(&format!("m{number}"), "At three?")).unwrap();
            running.push((*number, child));
            // In the midst of them, twice.
            if rounds < 2 && running.len() == open.len() / 2 {
                program.take().unwrap().kill().unwrap();
            }
        }
        open.clear();
        for (number, mut child) in running {
            match child.wait().unwrap().code() {
                Some(0) => {}
                Some(75) => open.push(number),
                other => panic!("{other:?}"),
            }
        }
        put_off += open.len();
        rounds += 1;
        program.get_or_insert_with(|| Program::start(folder.path()).unwrap());
    }
    assert!(rounds > 2 && put_off > 0, "{rounds} rounds, {put_off} put off");
    let program = program.unwrap();
    let Reply::Verified(books) = program.command(Request::Verify(None)).unwrap() else { panic!("no books") };
    assert!(books.iter().all(|book| book.faults.is_empty()), "{books:?}");
    program.kill().unwrap();
    let store = store::Store::open(testkit::database::store(&data)).unwrap();
    let ids = kept::emails_by_id(store.organization_by_name("example").unwrap().as_ref()).unwrap();
    assert_eq!((ids.len(), ids.values().sum::<usize>()), (MAILS, MAILS), "{ids:?}");
}

/// A folder whose group may use the house's socket, and the program where that group may run it.
struct Shared {
    folder: tempfile::TempDir,
}

impl Shared {
    fn new() -> Result<Self> {
        const NOGROUP: u32 = 65_534;
        let mut builder = tempfile::Builder::new();
        let folder = builder.permissions(fs::Permissions::from_mode(0o755)).tempdir()?;
        chown(folder.path(), None, Some(NOGROUP))
            .map_err(|_| Missing::new("a group for a socket (it wants root)"))?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o2755))?;
        fs::copy(program::command(folder.path())?.get_program(), folder.path().join("postroom"))?;
        Ok(Shared { folder })
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("lmtp.sock")
    }

    fn house(&self, data: &Path) -> Result<House> {
        let mut settings = testkit::house::free_ports(data)?;
        settings.lmtp.socket = self.socket();
        House::start_in(data, settings)
    }
}

#[test]
fn postfix_keeps_mail_until_the_house_is_there() {
    or_skip(|| {
        let (shared, data) = (Shared::new()?, tempfile::tempdir()?);
        let (program, socket) = (shared.folder.path().join("postroom"), shared.socket());
        let (program, socket) = (program.display(), socket.display());
        let words = format!("{program} deliver --socket {socket} --sender ${{sender}} -- ${{recipient}}");
        let postfix = Postfix::start(NextHop::Pipe(&words))?;
        // A house without its sink would refuse the mail for good.
        let house = shared.house(data.path())?;
        World::parse(WORLD)?.make(|request| house.command(request), |_| None)?;
        drop(house);
        let mut client = Client::connect(postfix.smtp(), Protocol::Smtp)?;
        ensure!(client.send(&Envelope::new(ZOE, SINK), &mail("waits", "At three?"))?.codes() == [250]);
        wait::until("a mail that waits", || postfix.log().contains("nobody answers").then_some(()))
            .with_context(|| postfix.log())?;
        let house = shared.house(data.path())?;
        let organization = house.organization("example")?;
        // Under load it may pass its turns over; whoever waits for mail flushes the queue.
        wait::until("the mail on the timeline", || {
            postfix.flush().ok()?;
            (timeline(&organization, ZOE).len() == 1).then_some(())
        })
        .with_context(|| postfix.log())?;
        // A report has no sender.
        ensure!(client.send(&Envelope::new("", SINK), &mail("no sender", "At three?"))?.codes() == [250]);
        wait::until("the other mail", || (email_count(&organization) == 2).then_some(()))
            .with_context(|| postfix.log())?;
        ensure!(!postfix.log().contains("status=bounced"), "{}", postfix.log());
        books_are_whole(&house);
        Ok(())
    });
}

/// The rules that docs/operate/mailboxes.md gives, with the places of this test.
fn rules(text: &str, house: &House) -> Result<String> {
    let program = program::command(Path::new("/"))?.get_program().to_owned();
    let deliver = format!("{} deliver --socket {}", program.display(), house.lmtp_socket()?.display());
    Ok(text.replace("postroom deliver", &deliver))
}

#[test]
fn procmail_and_maildrop_hand_over_what_is_for_the_sink() {
    or_skip(|| {
        Missing::unless("/usr/bin/procmail", "procmail")?;
        Missing::unless("/usr/bin/maildrop", "maildrop")?;
        let (house, _) = house();
        let organization = house.organization("example")?;
        let folder = tempfile::tempdir()?;
        let place = folder.path();
        fs::write(place.join("procmailrc"), rules(PROCMAIL, &house)?)?;
        fs::write(place.join("mailfilter"), rules(MAILDROP, &house)?)?;
        fs::set_permissions(place.join("mailfilter"), fs::Permissions::from_mode(0o600))?;
        let filter = |(with, sender): (&str, &str), id: &str| {
            let mut command = match with {
                "procmail" => Command::new("/usr/bin/procmail"),
                _ => Command::new("/usr/bin/maildrop"),
            };
            match with {
                "procmail" => command.args(["-f", sender, "-m"]).arg(place.join("procmailrc")),
                _ => command.args(["-f", sender]).arg(place.join("mailfilter")),
            };
            piped(command, &with_line_feeds(&mail(id, "At three?")))
        };
        let (procmail, maildrop) =
            (filter(("procmail", ZOE), "by procmail")?, filter(("maildrop", ZOE), "by maildrop")?);
        assert_eq!((procmail.0, maildrop.0), (Some(0), Some(0)), "{procmail:?} {maildrop:?}");
        assert_eq!(timeline(&organization, ZOE).len(), 2);
        // Whoever writes chooses these letters, and a shell reads a rule of either.
        let hostile = format!("x'|touch$IFS{}|'y@evil.test", place.join("touched").display());
        for with in ["procmail", "maildrop"] {
            for sender in ["o'brien@fabrikam.test", &hostile] {
                let ended = filter((with, sender), &format!("{with} {}", sender.len()))?;
                assert_eq!(ended.0, Some(0), "{with} {sender}: {ended:?}");
            }
        }
        ensure!(!place.join("touched").exists(), "a sender's words were run");
        assert_eq!(email_count(&organization), 6);
        books_are_whole(&house);
        drop((organization, house));
        let (procmail, maildrop) = (filter(("procmail", ZOE), "later")?, filter(("maildrop", ZOE), "later")?);
        assert_eq!((procmail.0, maildrop.0), (Some(75), Some(75)), "{procmail:?} {maildrop:?}");
        Ok(())
    });
}

const PROCMAIL: &str = r#":0 w
| postroom deliver --recipient sink@router.test
EXITCODE=$?
HOST=nowhere
"#;

const MAILDROP: &str = r#"SENDER="$FROM"
RECIPIENT="sink@router.test"
to "| postroom deliver --environment"
"#;
