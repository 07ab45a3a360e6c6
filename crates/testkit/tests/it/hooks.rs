//! Hooks: programs and web services that have a say in mail, and what becomes of it where they do not behave.

mod incoming;
mod services;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use dnskit::NameServer;
use postroom::commands::{AddDomainKey, DkimRequest, OutboxRequest, OutboxRow, Reply, Request, SendMail};
use postroom::settings::{HookSection, OnError};
use tempfile::TempDir;
use testkit::house::free_ports;
use testkit::missing::{Missing, or_skip};
use testkit::peers::{Dovecot, DovecotSettings, NextHop, Postfix, verify_dkim};
use testkit::{House, wait};

use super::house::{ZOE, books_are_whole, newest_source, with_world};
use super::outbox::{arrived, offer, relay, send};

/// A house with a hook before sending, a relay, and a server of its customers behind that.
struct Stage {
    folder: TempDir,
    house: House,
    customers: Dovecot,
    _postfix: Postfix,
}

impl Stage {
    fn set(hook: impl FnOnce(&Path, &mut HookSection)) -> Result<Self> {
        Missing::unless("/usr/bin/python3", "python3")?;
        let customers = Dovecot::start(DovecotSettings::default())?;
        let postfix = Postfix::start(NextHop::Lmtp(customers.lmtp()))?;
        let folder = TempDir::new()?;
        let data = folder.path().join("data");
        fs::create_dir(&data)?;
        let mut settings = free_ports(&data)?;
        settings.hooks.private_networks = vec!["127.0.0.1".parse()?];
        settings.hooks.pre_send.seconds = 5;
        hook(folder.path(), &mut settings.hooks.pre_send);
        let house = House::start_in(&data, settings)?;
        with_world(&house);
        relay(&house, postfix.smtp().port())?;
        Ok(Stage { folder, house, customers, _postfix: postfix })
    }

    fn send(&self, subject: &str) -> Result<()> {
        send(&self.house, SendMail { subject: subject.to_owned(), ..offer() }).map(drop)
    }

    /// How a mail stands when it is in this state and something is told of it.
    fn becomes(&self, subject: &str, state: &str) -> Result<OutboxRow> {
        let is_told = |row: &OutboxRow| row.state == state && (row.error.is_some() || row.state == "Sent");
        wait::until(&format!("“{subject}” to be {state}"), || {
            rows(&self.house).into_iter().find(|row| row.subject == subject).filter(is_told)
        })
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default()
    }
}

fn rows(house: &House) -> Vec<OutboxRow> {
    match house.command(Request::Outbox(OutboxRequest::List(None))) {
        Ok(Reply::Outbox(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

/// The program beside this file, or one of the manual.
fn python(script: &str, arguments: &[&Path]) -> Vec<String> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(script);
    let words = [Path::new("/usr/bin/python3"), &script];
    words.iter().chain(arguments).map(|word| word.display().to_string()).collect()
}

const OURS: &str = "tests/it/hooks/program.py";
const OF_THE_MANUAL: &str = "../../docs/operate/hooks/program.py";

#[test]
fn a_program_stops_fails_and_delivers_mail_and_what_it_does_wrong_keeps_it_waiting() {
    or_skip(|| {
        let stage = Stage::set(|folder, hook| hook.program = python(OURS, &[folder]))?;
        let subjects =
            ["abort", "stop", "dies", "nonsense", "much", "hangs", "forges", "deliver", "deliver later"];
        subjects.iter().try_for_each(|subject| stage.send(subject))?;
        let ends = |subject: &str, state: &str, words: &str| {
            let row = stage.becomes(subject, state)?;
            ensure!(row.error.as_ref().is_some_and(|error| error.contains(words)), "{row:?}");
            Ok(row)
        };
        ends("abort", "Failed", "Not on a Friday.")?;
        ends("stop", "Canceled", "a hook stopped it: nobody needs it")?;
        ends("dies", "Pending Send", "the hook ended with 1")?;
        ends("nonsense", "Pending Send", "the hook answers what it may not")?;
        ends("much", "Pending Send", "the hook answers more than")?;
        ends("hangs", "Pending Send", "did not answer within 5 seconds")?;
        ends("forges", "Pending Send", "From and Message-ID may not be changed")?;
        ends("deliver later", "Pending Send", "cannot do it now")?;
        let row = ends("deliver", "Sent", "the hook says: 550 no such person")?;
        assert_eq!((row.sent, row.failed, row.recipients), (1, 1, 2));
        let delivered = fs::read(stage.folder.path().join("delivered"))?;
        ensure!(message::read(&delivered)?.text().contains("Fifty pallets?"), "the mail itself");
        let child = fs::read_to_string(stage.folder.path().join("child"))?;
        ensure!(!Path::new("/proc").join(&child).join("exe").exists(), "what it began ended with it");
        assert!(stage.customers.mailbox(ZOE).inbox()?.is_empty(), "nothing went to the relay");
        assert_eq!(stage.calls().matches("deliver later pre_send").count(), 1, "{}", stage.calls());
        books_are_whole(&stage.house);
        Ok(())
    });
}

#[test]
fn a_delivery_without_an_answer_is_uncertain() {
    or_skip(|| {
        let stage = Stage::set(|folder, hook| {
            (hook.program, hook.seconds) = (python(OURS, &[folder]), 2);
        })?;
        stage.send("deliver hangs")?;
        let row = stage.becomes("deliver hangs", "Pending Send")?;
        let mail =
            stage.house.organization("example")?.read(|read| read.outbox_mail(row.email.parse().unwrap()))?;
        ensure!(mail.context("the mail")?.doton.is_some(), "it may have it");
        Ok(())
    });
}

#[test]
fn a_hook_that_does_not_answer_may_be_passed_over() {
    or_skip(|| {
        let stage = Stage::set(|folder, hook| {
            (hook.program, hook.seconds) = (python(OURS, &[folder]), 2);
            hook.onerror = OnError::Ignore;
        })?;
        for subject in ["dies", "nonsense", "hangs"] {
            stage.send(subject)?;
            stage.becomes(subject, "Sent")?;
        }
        Ok(())
    });
}

#[test]
fn what_a_program_changes_goes_out_signed_and_what_was_written_stays() {
    or_skip(|| {
        let stage = Stage::set(|_, hook| hook.program = python(OF_THE_MANUAL, &[]))?;
        let dns = stage.house.block_on(NameServer::start())?;
        let key = AddDomainKey {
            organization: "example".to_owned(),
            domain: "example.test".to_owned(),
            selector: "ed".to_owned(),
            pem: None,
            is_ed25519: true,
        };
        match stage.house.command(Request::Dkim(DkimRequest::Add(key)))? {
            Reply::DomainKeys(rows) => rows.iter().for_each(|row| {
                dns.txt(&row.name, &row.record);
            }),
            other => anyhow::bail!("{other:?}"),
        }
        let html = "<html><body><p>Fifty <b>pallets</b>?</p></body></html>";
        let mail = SendMail { text: "Fifty pallets?\n".to_owned(), html: Some(html.to_owned()), ..offer() };
        send(&stage.house, mail)?;
        let sent = arrived(&stage.customers.mailbox(ZOE))?;
        // As it came to the mailbox: Dovecot keeps lines as Unix does.
        let sent = sent.replace("\r\n", "\n").replace('\n', "\r\n");
        let read = message::read(sent.as_bytes())?;
        let line = "Contoso Ltd, 1 Main Street, Springfield";
        ensure!(read.text().contains(line) && sent.contains("X-Checked-By: program.py"), "{sent}");
        ensure!(
            read.html().is_some_and(|html| html.contains(line) && html.contains("<b>pallets</b>")),
            "{sent}"
        );
        assert_eq!(verify_dkim(sent.as_bytes(), dns.address())?, ["pass"], "signed as it went out");
        let written = newest_source(&stage.house.organization("example")?);
        ensure!(!String::from_utf8(written)?.contains("Contoso Ltd"), "kept as it was written");
        stage.send("Confidential: our prices")?;
        let row = stage.becomes("Confidential: our prices", "Failed")?;
        ensure!(row.error.is_some_and(|error| error.contains("stays in the house")), "its words");
        books_are_whole(&stage.house);
        Ok(())
    });
}
