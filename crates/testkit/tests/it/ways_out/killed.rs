//! A node that is killed while a program of somebody else has a mail of it: a `sendmail`, or a hook that delivers.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postroom::commands::{AddRelay, OutboxRequest, OutboxRow, PROGRAM, Reply, Request, SendMail, SentFile};
use testkit::missing::{Missing, or_skip};
use testkit::peers::{Dovecot, DovecotSettings, NextHop, Postfix};
use testkit::program::Program;
use testkit::wait;
use testkit::world::World;

use super::way;
use crate::books::numbers;
use crate::house::{WORLD, ZOE};
use crate::outbox::offer;

/// So many bytes of a file are a mail of 20 MB.
const FILE_BYTES: usize = 15_000_000;

fn ask(program: &Program, request: OutboxRequest) -> Result<Reply> {
    program.command(Request::Outbox(request))
}

fn row(program: &Program, subject: &str) -> Option<OutboxRow> {
    match ask(program, OutboxRequest::List(None)) {
        Ok(Reply::Outbox(rows)) => rows.into_iter().find(|row| row.subject == subject),
        _ => None,
    }
}

fn is_sent(row: &OutboxRow) -> bool {
    row.state == "Sent"
}

/// Whoever looks at the numbers learns that a mail may have gone out twice.
fn is_told_of(program: &Program) -> Result<()> {
    let numbers = numbers(program.web()?)?;
    let told = numbers.get("postroom_outbox_past_their_end_total");
    ensure!(told == Some(&1.0), "{told:?}");
    Ok(())
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// A place where whoever comes first stands until he is let go; who comes later goes through.
struct Gate(PathBuf);

impl Gate {
    fn build(folder: &Path) -> Result<Self> {
        let path = folder.join("gate");
        ensure!(Command::new("mkfifo").arg(&path).status()?.success(), "no gate");
        Ok(Gate(path))
    }

    /// Waits for the first one, and opens the way for all others.
    fn meet(self) -> Result<File> {
        let held = File::options().write(true).open(&self.0)?;
        fs::remove_file(&self.0)?;
        Ok(held)
    }
}

fn sendmail(folder: &Path, postfix: &Postfix) -> Result<PathBuf> {
    let path = folder.join("sendmail");
    let script = format!(
        "#!/bin/sh\ncd {}\necho $$ >>runs\nif [ -p gate ]; then read _ <gate; fi\nexec {} \"$@\"\n",
        folder.display(),
        postfix.sendmail()?.display()
    );
    fs::write(&path, script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

fn large() -> (Vec<u8>, SentFile) {
    let bytes: Vec<u8> =
        (0..FILE_BYTES as u64).map(|n| (testkit::letters::mix(n / 8) >> (n % 8 * 8)) as u8).collect();
    let base64 = STANDARD.encode(&bytes);
    (bytes, SentFile { name: "plan.bin".to_owned(), base64 })
}

#[test]
fn a_large_mail_that_a_program_has_when_its_node_is_killed_arrives_whole_and_goes_again_under_its_id() {
    or_skip(|| {
        let customers = Dovecot::start(DovecotSettings::default())?;
        let postfix = Postfix::start(NextHop::Lmtp(customers.lmtp()))?;
        let folder = tempfile::tempdir()?;
        let gate = Gate::build(folder.path())?;
        let relay =
            AddRelay { host: sendmail(folder.path(), &postfix)?.display().to_string(), ..way(PROGRAM) };
        let program = Program::start(folder.path())?;
        World::parse(WORLD)?.make(|request| program.command(request), |_| None)?;
        ask(&program, OutboxRequest::AddRelay(relay))?;
        let (bytes, file) = large();
        let mail = SendMail { subject: "The plan".to_owned(), bcc: Vec::new(), files: vec![file], ..offer() };
        ask(&program, OutboxRequest::Send(Box::new(mail)))?;
        let mut held = gate.meet()?;
        program.kill()?;
        let first = lines(&folder.path().join("runs")).into_iter().next().context("it runs")?;
        ensure!(is_running(&first), "it has all of the mail, and goes on");

        let program = Program::start(folder.path())?;
        let row = wait::until("the mail to go again", || row(&program, "The plan").filter(is_sent))?;
        assert_eq!((row.sent, row.failed), (1, 0));
        is_told_of(&program)?;
        held.write_all(b"go on\n")?;
        let mailbox = customers.mailbox(ZOE);
        let both = wait::until("both to arrive", || {
            let mails: Vec<PathBuf> = mailbox.messages().ok()?.into_keys().collect();
            (mails.len() == 2).then_some(mails)
        })
        .with_context(|| postfix.log())?;
        let mut ids = Vec::new();
        for mail in both {
            let raw = fs::read(mail)?;
            let read = message::read(&raw)?;
            ids.push(read.header().message_id.clone());
            let attachments = read.attachments();
            let file = attachments.first().context("a file")?;
            let encoded = raw.get(file.body_offset..).and_then(|rest| rest.get(..file.body_length));
            let arrived = message::attachments::decode(encoded.context("its body")?, file.encoding);
            ensure!(arrived == bytes, "it is not whole: {} bytes", raw.len());
        }
        ensure!(ids.len() == 2 && ids[0].is_some() && ids[0] == ids[1], "{ids:?}");
        for run in lines(&folder.path().join("runs")) {
            wait::until("the end of the program", || (!is_running(&run)).then_some(()))?;
        }
        Ok(())
    });
}

/// Whoever ended and waits to be counted has no program any more.
fn is_running(process: &str) -> bool {
    Path::new("/proc").join(process).join("exe").exists()
}

const HOOK: &str = "tests/it/hooks/program.py";

#[test]
fn what_a_hook_has_delivered_when_its_node_is_killed_is_not_delivered_twice_in_silence() {
    or_skip(|| {
        Missing::unless("/usr/bin/python3", "python3")?;
        for is_bulk in [false, true] {
            let folder = tempfile::tempdir()?;
            let gate = Gate::build(folder.path())?;
            let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(HOOK);
            let hook = format!("/usr/bin/python3,{},{}", script.display(), folder.path().display());
            let variables = [("POSTROOM_HOOKS_PRE_SEND_PROGRAM", hook.as_str())];
            let program = Program::start_with(folder.path(), &variables)?;
            World::parse(WORLD)?.make(|request| program.command(request), |_| None)?;
            ask(
                &program,
                OutboxRequest::AddRelay(AddRelay { host: "/bin/false".to_owned(), ..way(PROGRAM) }),
            )?;
            let subject = "deliver once";
            let mail = SendMail { subject: subject.to_owned(), is_bulk, ..offer() };
            ask(&program, OutboxRequest::Send(Box::new(mail)))?;
            let held = gate.meet()?;
            program.kill()?;
            drop(held);
            let program = Program::start_with(folder.path(), &variables)?;
            if is_bulk {
                let waits = wait::until("the mail to wait for a person", || {
                    row(&program, subject).filter(|row| row.waits_for_a_person)
                })?;
                ensure!(waits.sent == 0 && waits.error.is_some(), "{waits:?}");
                assert_eq!(calls(folder.path(), "deliver"), 1, "nobody was asked again");
                let (organization, email) = ("example".to_owned(), waits.email);
                ask(&program, OutboxRequest::Retry { organization, email })?;
            }
            let row = wait::until("the mail to be sent", || row(&program, subject).filter(is_sent))?;
            assert_eq!((row.sent, row.failed), (2, 0), "{row:?}");
            is_told_of(&program)?;
            assert_eq!((calls(folder.path(), "deliver"), calls(folder.path(), "pre_send")), (2, 1));
            // Under the same keys, so whoever remembers them has delivered to each once.
            let mut keys = lines(&folder.path().join("delivered"));
            keys.sort();
            ensure!(keys.len() == 2 && keys[0] != keys[1], "{keys:?}");
        }
        Ok(())
    });
}

fn calls(folder: &Path, kind: &str) -> usize {
    lines(&folder.join("calls")).iter().filter(|line| line.split(' ').rev().nth(1) == Some(kind)).count()
}
