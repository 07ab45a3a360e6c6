//! mutt (package `mutt`): a client that people use at a terminal; here it gets one, and its keys are pressed for it.
//!
//! What passes through: a mail of somebody's mailbox in; what mutt makes of it goes to the door by SMTP.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::Missing;

/// One person's mutt.
pub struct Mutt {
    folder: TempDir,
}

impl Mutt {
    /// The mutt of the person with this address, who sends by this server.
    ///
    /// # Errors
    /// [`Missing`] where a package is.
    pub fn of(address: &str, server: SocketAddr) -> Result<Self> {
        Missing::unless("/usr/bin/mutt", "mutt")?;
        Missing::unless("/usr/bin/script", "bsdutils")?;
        let folder = TempDir::new()?;
        let settings = format!(
            "set from=\"{address}\" realname=\"\" use_envelope_from=yes envelope_from_address=\"{address}\"\n\
             set smtp_url=\"smtp://{server}\" ssl_starttls=no ssl_force_tls=no hostname=client.test\n\
             set folder=\"{folder}\" copy=no record=\"\" postponed=\"{folder}/postponed\"\n\
             set editor=true autoedit=yes abort_unmodified=no abort_nosubject=no abort_noattach=no quit=yes\n\
             set mime_forward=yes bounce=yes reply_to=yes include=yes wait_key=no beep=no move=no delete=no\n",
            folder = folder.path().display()
        );
        fs::write(folder.path().join("muttrc"), settings)?;
        Ok(Mutt { folder })
    }

    /// Writes a mail: `mutt -s SUBJECT TO < TEXT`.
    ///
    /// # Errors
    /// When it was not sent.
    pub fn write(&self, to: &str, subject: &str, text: &str) -> Result<()> {
        let mut mutt = self.command("/usr/bin/mutt");
        mutt.arg("-F").arg(self.folder.path().join("muttrc")).args(["-s", subject, to]);
        let mut child = mutt.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        child.stdin.take().context("mutt reads nothing")?.write_all(text.as_bytes())?;
        went_well(&child.wait_with_output()?)
    }

    /// Answers a mail: to its Reply-To, with its text below.
    ///
    /// # Errors
    /// When mutt ended badly. What became of the mail shows in the house.
    pub fn reply(&self, mail: &[u8]) -> Result<()> {
        self.press(mail, "<reply><enter><enter><send-message><quit>")
    }

    /// Forwards a mail as an attachment.
    ///
    /// # Errors
    /// When mutt ended badly. What became of the mail shows in the house.
    pub fn forward(&self, mail: &[u8], to: &str) -> Result<()> {
        self.press(mail, &format!("<forward-message>{to}<enter><enter><send-message><quit>"))
    }

    /// Resends a mail as it is (RFC 5322 §3.6.6); mutt calls it bouncing.
    ///
    /// # Errors
    /// When mutt ended badly. What became of the mail shows in the house.
    pub fn bounce(&self, mail: &[u8], to: &str) -> Result<()> {
        self.press(mail, &format!("<bounce-message>{to}<enter><quit>"))
    }

    /// Opens a mailbox with this one mail and presses these keys. mutt wants a terminal: script(1) gives it one.
    fn press(&self, mail: &[u8], keys: &str) -> Result<()> {
        let path = |name: &str| self.folder.path().join(name);
        let mut mbox = b"From zoe@customer.test Mon Nov 23 09:15:00 2026\n".to_vec();
        mbox.extend(mail.iter().filter(|byte| **byte != b'\r'));
        mbox.push(b'\n');
        fs::write(path("mbox"), mbox)?;
        fs::write(path("keys"), format!("source {}\npush '{keys}'\n", path("muttrc").display()))?;
        let mutt = format!("/usr/bin/mutt -F {} -f {}", path("keys").display(), path("mbox").display());
        // Where the mail is not taken mutt stays in its menu, and nobody is there to leave it.
        let mut script = self.command("/usr/bin/timeout");
        script.args(["60", "/usr/bin/script", "-q", "-e", "-c", &mutt, "/dev/null"]).stdin(Stdio::null());
        went_well(&script.output().context("script cannot be started")?)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("HOME", self.folder.path()).env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
        command
    }
}

fn went_well(said: &Output) -> Result<()> {
    let words =
        || String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    ensure!(said.status.success(), "mutt: {}", words());
    Ok(())
}
