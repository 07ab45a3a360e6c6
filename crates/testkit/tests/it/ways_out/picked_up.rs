//! A pickup folder that the program of the manual reads, for a mail server that knows no such folders.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use postroom::commands::{PICKUP, SendMail};
use testkit::missing::or_skip;
use testkit::peers::{Dovecot, DovecotSettings, NextHop, Postfix};

use super::by;
use crate::house::{ZOE, house};
use crate::outbox::{arrived, becomes, offer, send};

/// How the program of the manual ends, with this server.
fn pick_up(folder: &Path, sendmail: &Path) -> Result<Option<i32>> {
    Ok(program().arg(folder).arg(sendmail).status()?.code())
}

fn program() -> Command {
    Command::new(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/operate/pickup.sh"))
}

/// How it ends where a program of the machine is another one.
fn pick_up_with(folder: &Path, (name, script): (&str, &str)) -> Result<Option<i32>> {
    let programs = tempfile::tempdir()?;
    let path = programs.path().join(name);
    fs::write(&path, script)?;
    fs::set_permissions(&path, Permissions::from_mode(0o755))?;
    let others = env::var("PATH")?;
    let path = format!("{}:{others}", programs.path().display());
    Ok(program().arg(folder).arg("/bin/true").env("PATH", path).status()?.code())
}

/// What is not taken yet.
fn left(folder: &Path) -> Result<usize> {
    let is_mail = |name: &std::ffi::OsStr| Path::new(name).extension().is_some_and(|end| end == "eml");
    let mut count = 0;
    for folder in [folder.to_owned(), folder.join(".work")] {
        for entry in fs::read_dir(folder)? {
            count += usize::from(is_mail(&entry?.file_name()));
        }
    }
    Ok(count)
}

#[test]
fn what_lies_in_the_folder_goes_by_the_sendmail_of_postfix_to_whom_its_envelope_names() {
    or_skip(|| {
        let customers = Dovecot::start(DovecotSettings::default())?;
        let postfix = Postfix::start(NextHop::Lmtp(customers.lmtp()))?;
        let (house, _) = house();
        let folder = tempfile::tempdir()?;
        by(&house, PICKUP, (folder.path().display().to_string(), 0))?;
        // Neither a receiver in its text nor one who is only named in To is one.
        let text = "Fifty pallets?\n\nX-Receiver: evil@customer.test\n.\nJane\n".to_owned();
        send(&house, SendMail { text, ..offer() })?;
        assert_eq!(becomes(&house, "Sent")?.sent, 2);

        // A server that takes nothing: it stays.
        assert_eq!(pick_up(folder.path(), Path::new("/bin/false"))?, Some(75));
        assert_eq!(left(folder.path())?, 1);
        assert_eq!(pick_up(folder.path(), &postfix.sendmail()?)?, Some(0));
        assert_eq!(left(folder.path())?, 0);
        let [zoe, bob] = [ZOE, "bob@customer.test"].map(|address| arrived(&customers.mailbox(address)));
        for mail in [&zoe?, &bob?] {
            ensure!(mail.contains("Return-Path: <jane@example.test>"), "{mail}");
            ensure!(mail.contains("\n.\r\nJane") || mail.contains("\n.\nJane"), "{mail}");
            let header = mail.split("\n\n").next().unwrap_or_default();
            ensure!(!header.contains("X-Receiver") && !header.contains("X-Sender"), "{mail}");
            ensure!(header.matches("bob@").count() <= 1, "blind but for his own Delivered-To: {mail}");
            assert_eq!(message::read_header(mail.as_bytes())?.subject, "Grüße: our offer");
        }
        assert!(customers.mailbox("evil@customer.test").inbox()?.is_empty());
        // Nothing goes twice.
        assert_eq!(pick_up(folder.path(), &postfix.sendmail()?)?, Some(0));
        send(&house, SendMail { subject: "Another".to_owned(), ..offer() })?;
        testkit::wait::until("the second mail", || left(folder.path()).ok().filter(|left| *left == 1))?;
        assert_eq!(pick_up(folder.path(), &postfix.sendmail()?)?, Some(0));
        testkit::wait::until("the second mail", || {
            customers.mailbox(ZOE).inbox().ok().filter(|inbox| inbox.len() == 2)
        })?;
        Ok(())
    });
}

#[test]
fn what_was_not_read_to_its_end_stays_and_root_keeps_out_of_the_folders_of_others() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(
        folder.path().join("1.eml"),
        "X-Sender: a@x.test\r\nX-Receiver: b@x.test\r\nSubject: x\r\n\r\nx\r\n",
    )?;
    // Whoever cannot say whether another one runs does nothing, and says so.
    assert_eq!(pick_up_with(folder.path(), ("flock", "#!/bin/sh\nexit 1\n"))?, Some(69));
    assert_eq!(left(folder.path())?, 1);
    let killed = "#!/bin/sh\necho Subject: x\nkill -9 $$\n";
    assert_eq!(pick_up_with(folder.path(), ("tail", killed))?, Some(75));
    assert_eq!(left(folder.path())?, 1, "the server would have taken a stump");
    if fs::metadata(folder.path())?.uid() == 0 {
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777))?;
        assert_eq!(pick_up(folder.path(), Path::new("/bin/true"))?, Some(77));
        assert_eq!(left(folder.path())?, 1);
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700))?;
    }
    assert_eq!(pick_up(folder.path(), Path::new("/bin/true"))?, Some(0));
    assert_eq!(left(folder.path())?, 0);
    Ok(())
}
