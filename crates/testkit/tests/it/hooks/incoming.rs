//! Hooks for mail that comes: asked before the decision, and told when it stands on its records.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use postroom::commands::{
    AddMaildir, BackUp, HookRequest, Reply, Request, Restore, UndeliverableRequest, UndeliverableRow,
    UntoldRow,
};
use postroom::settings::OnError;
use tempfile::TempDir;
use testkit::client::{Client, Envelope, Protocol};
use testkit::house::free_ports;
use testkit::letters::mix;
use testkit::missing::{Missing, or_skip};
use testkit::world::World;
use testkit::{House, Program, wait};

use super::super::house::{SINK, WORLD, ZOE, books_are_whole, email_count, mail, with_world};
use super::super::maildir::traced;
use super::python;

const OURS: &str = "tests/it/hooks/incoming.py";

struct Stage {
    folder: TempDir,
    house: House,
}

impl Stage {
    fn set(onerror: OnError) -> Result<Self> {
        Missing::unless("/usr/bin/python3", "python3")?;
        let folder = TempDir::new()?;
        let data = folder.path().join("data");
        fs::create_dir(&data)?;
        let mut settings = free_ports(&data)?;
        let hook = &mut settings.hooks.pre_deliver;
        (hook.program, hook.seconds, hook.onerror) = (python(OURS, &[folder.path()]), 2, onerror);
        let house = House::start_in(&data, settings)?;
        with_world(&house);
        Ok(Stage { folder, house })
    }

    /// With the hook after delivery.
    fn told() -> Result<Self> {
        let stage = Stage::empty()?;
        with_world(&stage.house);
        Ok(stage)
    }

    /// The same without anybody in it.
    fn empty() -> Result<Self> {
        Missing::unless("/usr/bin/python3", "python3")?;
        let folder = TempDir::new()?;
        let data = folder.path().join("data");
        fs::create_dir(&data)?;
        let mut settings = free_ports(&data)?;
        settings.hooks.post_deliver.program = python(OURS, &[folder.path()]);
        let house = House::start_in(&data, settings)?;
        Ok(Stage { folder, house })
    }

    fn comes(&self, id: &str) -> Result<Vec<u16>> {
        self.comes_with(id, "Fifty?")
    }

    fn comes_with(&self, id: &str, text: &str) -> Result<Vec<u16>> {
        let mut client = Client::connect(self.house.smtp()?, Protocol::Smtp)?;
        Ok(client.send(&Envelope::new(ZOE, "jane@example.test"), &mail(id, text))?.codes())
    }

    fn untold(&self) -> Vec<UntoldRow> {
        match self.house.command(Request::Hook(HookRequest::List(None))) {
            Ok(Reply::Untold(rows)) => rows,
            other => panic!("{other:?}"),
        }
    }

    fn kept_apart(&self) -> Result<Vec<UndeliverableRow>> {
        match self.house.command(Request::Undeliverable(UndeliverableRequest::Quarantined(None)))? {
            Reply::Undeliverables(rows) => Ok(rows),
            other => bail!("{other:?}"),
        }
    }
}

#[test]
fn what_a_hook_stops_is_kept_apart_until_somebody_releases_it() {
    or_skip(|| {
        let stage = Stage::set(OnError::Abort)?;
        let organization = stage.house.organization("example")?;
        assert_eq!(stage.comes("other")?, [250]);
        assert_eq!(stage.comes("stop")?, [250], "nothing is refused: it is kept");
        assert_eq!(email_count(&organization), 1);
        let [row] = &stage.kept_apart()?[..] else { bail!("one row") };
        assert_eq!(row.reason, "stopped");
        ensure!(row.detail.contains("the scanner found a virus"), "{row:?}");
        stage.house.command(Request::Undeliverable(UndeliverableRequest::Replay(row.id.clone())))?;
        assert_eq!((email_count(&organization), stage.kept_apart()?.len()), (2, 0));
        books_are_whole(&stage.house);
        Ok(())
    });
}

#[test]
fn a_hint_says_what_a_mail_is_about() {
    or_skip(|| {
        let stage = Stage::set(OnError::Abort)?;
        let organization = stage.house.organization("example")?;
        let bob = organization.read(|read| read.records_by_address("bob@customer.test"))?;
        let bob = bob.first().context("Bob")?.id;
        fs::write(stage.folder.path().join("hint"), bob.to_string())?;
        assert_eq!(stage.comes("hint")?, [250]);
        let newest = organization.read(|read| read.latest_emails(None, 1))?.first().context("a line")?.id;
        let email = organization.read(|read| read.email(newest))?.context("the e-mail")?;
        assert_eq!(email.regardingobjectid, Some(bob));
        ensure!(email.decision.contains("A hook says that it belongs here."), "{}", email.decision);
        Ok(())
    });
}

#[test]
fn a_hook_that_hangs_puts_mail_off_or_is_passed_over() {
    or_skip(|| {
        for (onerror, code, emails) in [(OnError::Abort, 451, 0), (OnError::Ignore, 250, 1)] {
            let stage = Stage::set(onerror)?;
            assert_eq!(stage.comes("hangs")?, [code]);
            assert_eq!(email_count(&stage.house.organization("example")?), emails);
            books_are_whole(&stage.house);
        }
        Ok(())
    });
}

#[test]
fn who_is_told_of_a_mail_when_the_house_is_killed_is_told_again_under_the_same_name() {
    or_skip(|| {
        Missing::unless("/usr/bin/python3", "python3")?;
        let folder = TempDir::new()?;
        let hook = python(OURS, &[folder.path()]).join(",");
        let variables = [
            ("POSTROOM_HOOKS_POST_DELIVER_PROGRAM", hook.as_str()),
            ("POSTROOM_HOOKS_POST_DELIVER_SECONDS", "300"),
        ];
        let program = Program::start_with(folder.path(), &variables)?;
        World::parse(WORLD)?.make(|request| program.command(request), |_| None)?;
        let comes = |program: &Program, id: &str| {
            let mut client = Client::connect(program.smtp()?, Protocol::Smtp)?;
            let replies = client.send(&Envelope::new(ZOE, "jane@example.test"), &mail(id, "Fifty?"))?;
            assert_eq!(replies.codes(), [250]);
            Ok::<_, anyhow::Error>(())
        };
        comes(&program, "first")?;
        wait::until("the first to be told", || told(folder.path()).into_iter().next())?;
        let texts = || fs::read_to_string(folder.path().join("texts")).ok();
        let text = wait::until("its text", || texts().filter(|text| text.ends_with('\n')))?;
        ensure!(text.contains("Fifty?") && text.trim_end().ends_with("null, false]"), "{text}");
        comes(&program, "hangs")?;
        wait::until("the second to be told", || told(folder.path()).into_iter().nth(1))?;
        // It is told of nothing else meanwhile, and mail comes all the same.
        comes(&program, "third")?;
        program.kill()?;
        let _program = Program::start_with(folder.path(), &variables)?;
        let told = wait::until("the third to be told", || {
            let told = told(folder.path());
            told.last()?.ends_with("About third known-sender").then_some(told)
        })?;
        let [first, second, again, third] = &told[..] else { bail!("{told:?}") };
        ensure!(first.ends_with("About first known-sender"), "{first}");
        assert_eq!(second, again, "the same event under the same name");
        ensure!(second != third, "{third}");
        Ok(())
    });
}

#[test]
fn a_message_in_a_mailbox_that_a_hook_refuses_waits_there_and_those_behind_it_go_on() {
    or_skip(|| {
        let stage = Stage::set(OnError::Abort)?;
        let maildir = stage.folder.path().join("Maildir");
        ["new", "cur", "tmp"].iter().try_for_each(|part| fs::create_dir_all(maildir.join(part)))?;
        // So large that it is brought in alone, and first.
        let large = "For the record, and for nobody else.\r\n".repeat(140_000);
        let refused = String::from_utf8(traced("refused"))?.replace("For the record.\r\n", &large);
        let refused_at = maildir.join("new/1.test");
        fs::write(&refused_at, refused)?;
        fs::write(maildir.join("new/2.test"), traced("fine"))?;
        stage.house.command(Request::AddMaildir(AddMaildir {
            organization: "example".to_owned(),
            name: "crm".to_owned(),
            folder: maildir,
            sink: SINK.to_owned(),
            is_refusing: true,
        }))?;
        let organization = stage.house.organization("example")?;
        wait::until("the second to be taken in", || (email_count(&organization) == 1).then_some(()))?;
        let put_off = || match stage.house.command(Request::Mailboxes(None)) {
            Ok(Reply::Mailboxes(rows)) => rows.into_iter().find_map(|row| row.put_off),
            _ => None,
        };
        let (count, words) = wait::until("the list to tell of the first", put_off)?;
        assert_eq!(count, 1);
        ensure!(words.contains("the hook before delivery: the hook ended with 1"), "{words}");
        ensure!(refused_at.exists() && stage.kept_apart()?.is_empty(), "it waits where it is");
        books_are_whole(&stage.house);
        Ok(())
    });
}

#[test]
fn an_administrator_passes_over_what_a_hook_refuses_and_has_it_told_again() {
    or_skip(|| {
        let stage = Stage::told()?;
        let Reply::Nodes(nodes) = stage.house.command(Request::Nodes)? else { bail!("the nodes") };
        let is_named = |hooks: &Vec<String>| hooks.join(" ").starts_with("post_deliver=");
        ensure!(nodes.iter().all(|node| node.hooks.as_ref().is_some_and(is_named)), "{nodes:?}");
        for id in ["refused", "third"] {
            assert_eq!(stage.comes(id)?, [250], "no mail waits for it");
        }
        let row = wait::until("the first to be refused", || stage.untold().into_iter().next())?;
        ensure!(row.is_waiting && row.refusals > 0 && row.words.contains("ended with 1"), "{row:?}");
        let named = || ("example".to_owned(), row.email.clone());
        let (organization, email) = named();
        stage.house.command(Request::Hook(HookRequest::Skip { organization, email }))?;
        let told_of = |id: &str| {
            wait::until(&format!("“{id}” to be told"), || {
                told(stage.folder.path())
                    .into_iter()
                    .rev()
                    .find(|line| line.contains(&format!("About {id} ")))
            })
        };
        told_of("third")?;
        let [kept] = &stage.untold()[..] else { bail!("one is kept in the list") };
        ensure!(!kept.is_waiting, "{kept:?}");
        let again = || {
            let (organization, email) = named();
            stage.house.command(Request::Hook(HookRequest::Again { organization, email: Some(email) }))
        };
        let refused = again().unwrap_err().to_string();
        ensure!(refused.contains("the hook ended with 1"), "{refused}");
        let before = told_of("refused")?;
        fs::write(stage.folder.path().join("mended"), "")?;
        assert_eq!(again()?, Reply::ToldAgain(1));
        assert_eq!(told_of("refused")?, before, "the same event under the same name");
        ensure!(stage.untold().is_empty(), "it was told");
        books_are_whole(&stage.house);
        Ok(())
    });
}

#[test]
fn what_waited_for_the_hook_is_told_where_the_organization_is_restored() {
    or_skip(|| {
        let (from, to) = (Stage::told()?, Stage::empty()?);
        for id in ["heard", "refused", "third"] {
            assert_eq!(from.comes(id)?, [250], "no mail waits for it");
        }
        let waits = wait::until("the second to be refused", || from.untold().into_iter().next())?;
        let file = from.folder.path().join("example.postroom");
        let organization = "example".to_owned();
        from.house.command(Request::BackUp(BackUp { organization, file: file.clone(), work: 1 }))?;
        to.house.command(Request::Restore(Restore { file, name: None, with_addresses: true, work: 1 }))?;
        to.house.organization("example")?;
        let row = wait::until("the second to be refused there", || {
            to.untold().into_iter().next().filter(|row| row.refusals > waits.refusals)
        })?;
        ensure!(row.is_waiting && row.email == waits.email, "{row:?}");
        assert_eq!(to.untold().len(), 1);
        fs::write(to.folder.path().join("mended"), "")?;
        wait::until("the third to be told", || {
            told(to.folder.path()).last()?.ends_with("About third known-sender").then_some(())
        })?;
        let told = told(to.folder.path());
        ensure!(told.iter().all(|line| !line.contains("About heard ")), "it was heard before: {told:?}");
        wait::until("the list to be empty", || to.untold().is_empty().then_some(()))?;
        Ok(())
    });
}

#[test]
fn a_hook_is_told_of_an_email_whose_bytes_are_gone_without_its_text() {
    or_skip(|| {
        let stage = Stage::told()?;
        // So large, and so little alike, that it lies in a file of its own.
        let lines = (0..9_000_u64).map(|line| format!("{:016x}{:016x}\r\n", mix(line), mix(!line)));
        assert_eq!(stage.comes_with("refused", &lines.collect::<String>())?, [250]);
        wait::until("it to be refused", || stage.untold().into_iter().next())?;
        let blobs = files_in(&stage.folder.path().join("data"), "blobs");
        ensure!(!blobs.is_empty(), "no file");
        blobs.iter().try_for_each(fs::remove_file)?;
        fs::write(stage.folder.path().join("mended"), "")?;
        wait::until("it to be told", || stage.untold().is_empty().then_some(()))?;
        let texts = fs::read_to_string(stage.folder.path().join("texts"))?;
        assert_eq!(texts.lines().last(), Some(r#"["", null, false]"#));
        Ok(())
    });
}

/// The files below a folder, however deep, that lie below one of this name.
fn files_in(folder: &Path, name: &str) -> Vec<PathBuf> {
    let inside = fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let (folders, files): (Vec<_>, Vec<_>) = inside.partition(|path| path.is_dir());
    let is_below = folder.components().any(|part| part.as_os_str() == name);
    let own = files.into_iter().filter(|_| is_below);
    own.chain(folders.iter().flat_map(|folder| files_in(folder, name))).collect()
}

fn told(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("told")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
