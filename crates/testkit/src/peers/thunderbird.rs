//! Thunderbird (package `thunderbird`), without a screen: a person's client, told what to do by Marionette, the
//! remote control that Mozilla's programs have for their own tests.
//!
//! What passes through: a mail in a person's inbox, and the way in which he passes it on; Thunderbird's own compose
//! window makes the mail and sends it by SMTP.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Missing, wait};

const PROGRAM: &str = "/usr/bin/thunderbird";

/// What a person does with a mail, by the names of Thunderbird's `nsIMsgCompType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassOn {
    /// Forward as attachment.
    ForwardAsAttachment,
    /// Forward inline, which is what the button does.
    ForwardInline,
    /// Redirect: the text again, from the person, with answers going to whom it came from.
    Redirect,
}

/// One person's running Thunderbird.
pub struct Thunderbird {
    _folder: TempDir,
    child: Child,
    control: BufReader<TcpStream>,
    last_command: u32,
}

impl Thunderbird {
    /// Starts the Thunderbird of the person with this address, who sends by this server and has this one mail.
    ///
    /// # Errors
    /// [`Missing`] where the package is; when it does not start.
    pub fn start(address: &str, server: SocketAddr, mail: &[u8]) -> Result<Self> {
        Missing::unless(PROGRAM, "thunderbird")?;
        let folder = TempDir::new()?;
        let profile = folder.path().join("profile");
        let mailboxes = profile.join("Mail/Local Folders");
        fs::create_dir_all(&mailboxes)?;
        fs::write(mailboxes.join("Inbox"), mbox(mail))?;
        let port = wait::free_port()?;
        fs::write(profile.join("user.js"), preferences(address, server, port))?;
        let said = fs::File::create(folder.path().join("said"))?;
        let mut thunderbird = Command::new(PROGRAM);
        thunderbird.args(["--headless", "--marionette", "--remote-allow-system-access", "--no-remote"]);
        thunderbird.arg("--profile").arg(&profile).env("HOME", folder.path()).env_remove("DISPLAY");
        thunderbird.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        let mut child = thunderbird.spawn().context("thunderbird cannot be started")?;
        let control = wait::until("thunderbird listening", || TcpStream::connect(port).ok());
        if control.is_err() {
            // It has ended, or is of no use.
            let _ = child.kill();
        }
        let control = BufReader::new(control?);
        let mut thunderbird = Thunderbird { _folder: folder, child, control, last_command: 0 };
        thunderbird.begin()?;
        Ok(thunderbird)
    }

    /// Passes the mail on and waits until it was sent.
    ///
    /// # Errors
    /// When it was not.
    pub fn pass_on(&mut self, how: PassOn, to: &str) -> Result<()> {
        let script = json!({
            "script": SCRIPT, "args": [format!("{how:?}"), to], "sandbox": "system", "newSandbox": true
        });
        let answer = self.command("WebDriver:ExecuteAsyncScript", &script)?;
        ensure!(answer["value"] == "sent", "thunderbird: {answer}");
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        // It starts a whole browser's worth of windows, on a machine that may do much else.
        let timeout = Some(wait::PATIENCE * 3);
        self.control.get_ref().set_read_timeout(timeout)?;
        self.message()?;
        self.command("WebDriver:NewSession", &json!({}))?;
        self.command("Marionette:SetContext", &json!({"value": "chrome"}))?;
        let patience_ms = wait::PATIENCE.as_millis() * 2;
        self.command("WebDriver:SetTimeouts", &json!({"script": u64::try_from(patience_ms)?}))?;
        Ok(())
    }

    /// `[0, id, name, parameters]` goes out, `[1, id, error, result]` comes back, each with its length before it.
    fn command(&mut self, name: &str, parameters: &Value) -> Result<Value> {
        self.last_command += 1;
        let text = json!([0, self.last_command, name, parameters]).to_string();
        self.control.get_mut().write_all(format!("{}:{text}", text.len()).as_bytes())?;
        let answer = self.message()?;
        ensure!(answer[2].is_null(), "thunderbird: {name}: {}", answer[2]);
        Ok(answer[3].clone())
    }

    fn message(&mut self) -> Result<Value> {
        let mut length = 0usize;
        loop {
            let mut byte = [0];
            self.control.read_exact(&mut byte).context("thunderbird says nothing more")?;
            match byte {
                [b':'] => break,
                [digit @ b'0'..=b'9'] if length < 1_000_000 => {
                    length = length * 10 + usize::from(digit - b'0')
                }
                _ => bail!("thunderbird speaks otherwise than Marionette does"),
            }
        }
        let mut text = vec![0; length];
        self.control.read_exact(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }
}

impl Drop for Thunderbird {
    fn drop(&mut self) {
        // Nothing of it is kept. Both fail only for a process that has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn mbox(mail: &[u8]) -> Vec<u8> {
    let mut mbox = b"From - Mon Nov 23 09:15:00 2026\n".to_vec();
    mbox.extend(mail.iter().filter(|byte| **byte != b'\r'));
    mbox.push(b'\n');
    mbox
}

/// A profile with one identity, one server to send by, folders of its own, and nothing that calls home.
fn preferences(address: &str, server: SocketAddr, port: SocketAddr) -> String {
    let all = [
        ("mail.accountmanager.accounts", json!("account1")),
        ("mail.accountmanager.localfoldersserver", json!("server1")),
        ("mail.account.account1.server", json!("server1")),
        ("mail.account.account1.identities", json!("id1")),
        ("mail.server.server1.type", json!("none")),
        ("mail.server.server1.hostname", json!("Local Folders")),
        ("mail.server.server1.userName", json!("nobody")),
        ("mail.server.server1.name", json!("Local Folders")),
        ("mail.server.server1.directory-rel", json!("[ProfD]Mail/Local Folders")),
        ("mail.identity.id1.fullName", json!("Jane Doe")),
        ("mail.identity.id1.useremail", json!(address)),
        ("mail.identity.id1.smtpServer", json!("smtp1")),
        ("mail.identity.id1.fcc", json!(false)),
        ("mail.identity.id1.valid", json!(true)),
        ("mail.smtpservers", json!("smtp1")),
        ("mail.smtp.defaultserver", json!("smtp1")),
        ("mail.smtpserver.smtp1.hostname", json!(server.ip().to_string())),
        ("mail.smtpserver.smtp1.port", json!(server.port())),
        ("mail.smtpserver.smtp1.try_ssl", json!(0)),
        // 1: no password.
        ("mail.smtpserver.smtp1.authMethod", json!(1)),
        ("marionette.port", json!(port.port())),
        ("mail.provider.suppress_dialog_on_startup", json!(true)),
        ("mailnews.start_page.enabled", json!(false)),
        ("mail.rights.version", json!(1)),
        ("mail.shell.checkDefaultClient", json!(false)),
        ("app.update.enabled", json!(false)),
        ("datareporting.policy.dataSubmissionEnabled", json!(false)),
        ("datareporting.policy.dataSubmissionPolicyBypassNotification", json!(true)),
        ("network.captive-portal-service.enabled", json!(false)),
        ("network.connectivity-service.enabled", json!(false)),
        ("services.settings.server", json!("data:,")),
    ];
    all.iter().map(|(name, value)| format!("user_pref({}, {value});\n", json!(name))).collect()
}

/// What a person does with the mouse: the mail is chosen, the compose window opened, a recipient typed, the mail sent.
const SCRIPT: &str = include_str!("thunderbird.js");
