//! Dovecot (packages `dovecot-lmtpd`, `dovecot-sieve`, `dovecot-imapd`, `dovecot-pop3d`, `dovecot-submissiond`): a server that keeps
//! mail in Maildirs, takes it by LMTP, gives it out by IMAP and POP3, whose Sieve redirects mail, and which hands on what is submitted.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::{is_root, open_folder};
use crate::{Missing, wait};

/// The user `nobody`, to whom mail and Sieve scripts belong.
const NOBODY: u32 = 65_534;

/// A running Dovecot. Every address at any domain has a mailbox, where nothing else is said.
pub struct Dovecot {
    folder: TempDir,
    lmtp: SocketAddr,
    /// LMTP with TLS from the first byte; it listens where mail is given out, for there is a certificate then.
    lmtps: SocketAddr,
    imap: Option<SocketAddr>,
    pop3: Option<SocketAddr>,
    /// IMAP and POP3 with TLS from the first byte.
    secure: Option<(SocketAddr, SocketAddr)>,
    /// Submission, and the same with TLS from the first byte.
    submission: Option<(SocketAddr, SocketAddr)>,
    /// In PEM, of itself.
    certificate: Vec<u8>,
}

/// What a Dovecot is for.
#[derive(Debug, Clone, Copy, Default)]
pub struct DovecotSettings<'s> {
    /// Below which folder it keeps its own; the system's for temporary files where none is named.
    pub folder: Option<&'s Path>,
    /// Whether every mail is synced to disk before it is acknowledged.
    pub always_syncs: bool,
    /// Where mail that is submitted to it is handed to by SMTP. It needs [`Doors::Both`].
    pub submission: Option<SocketAddr>,
    /// Where redirected mail is handed to.
    pub relay: Option<SocketAddr>,
    /// A Sieve script that every mailbox runs.
    pub sieve: Option<&'s str>,
    /// The only addresses that have a mailbox.
    pub known: Option<&'s [&'s str]>,
    /// How mail is given out.
    pub doors: Doors,
    /// The one password of all mailboxes; any fits where none is named. With one, SCRAM is offered.
    pub password: Option<&'s str>,
    /// Capabilities of IMAP instead of its own, for a poorer server than it is.
    pub capabilities: Option<&'s str>,
    /// Where it asks whether a token is good (RFC 7662, with the token at the end); tokens open mailboxes then.
    pub introspection: Option<&'s str>,
    /// Tokens by XOAUTH2 alone, without OAUTHBEARER.
    pub has_xoauth2_alone: bool,
    /// Bytes that a mailbox may hold, as a rule of Dovecot's: `10K`. It checks what is copied, never what is moved from
    /// one folder to another.
    pub quota: Option<&'s str>,
    /// How many IMAP sessions there may be, many in one process; as many as Dovecot takes by itself, each in its own, where
    /// nothing is said.
    pub sessions_max: Option<u32>,
}

/// How a Dovecot gives mail out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Doors {
    /// Not at all.
    #[default]
    None,
    /// By IMAP and POP3, with STARTTLS and STLS, and at ports of their own with TLS from the first byte.
    Both,
}

impl Dovecot {
    /// Starts it and waits for its greeting.
    ///
    /// # Errors
    /// [`Missing`] where a package is; when it does not start.
    pub fn start(settings: DovecotSettings<'_>) -> Result<Self> {
        Dovecot::is_installed()?;
        let gives_out = settings.doors == Doors::Both;
        if gives_out {
            Missing::unless("/usr/lib/dovecot/imap", "dovecot-imapd")?;
            Missing::unless("/usr/lib/dovecot/pop3", "dovecot-pop3d")?;
        }
        if settings.submission.is_some() {
            Missing::unless("/usr/lib/dovecot/submission", "dovecot-submissiond")?;
        }
        let port = || gives_out.then(wait::free_port).transpose();
        let folder = open_folder(settings.folder)?;
        let (lmtp, lmtps) = (wait::free_port()?, wait::free_port()?);
        let (imap, pop3) = (port()?, port()?);
        let certificate = keep_certificate(folder.path())?;
        let secure = port()?.zip(port()?);
        let takes = settings.submission.is_some();
        let submission = if takes { port()?.zip(port()?) } else { None };
        let dovecot = Dovecot { folder, lmtp, lmtps, imap, pop3, secure, submission, certificate };
        let mail = dovecot.path("mail");
        fs::create_dir(&mail)?;
        chown(&mail, Some(NOBODY), Some(NOBODY))?;
        if let Some(script) = settings.sieve {
            fs::write(dovecot.path("mail/rule.sieve"), script)?;
        }
        if let Some(introspection) = settings.introspection {
            let asks = format!(
                "introspection_url = {introspection}\nintrospection_mode = get\nusername_attribute = email\n\
                 active_attribute = active\nactive_value = true\n"
            );
            fs::write(dovecot.path("tokens.conf"), asks)?;
        }
        if let Some(known) = settings.known {
            let home = |user: &&str| format!("{user}::{NOBODY}:{NOBODY}::{}/{user}\n", mail.display());
            fs::write(dovecot.path("users"), known.iter().map(home).collect::<String>())?;
        }
        fs::write(dovecot.path("dovecot.conf"), dovecot.configuration(&settings))?;
        dovecot.run()?;
        Ok(dovecot)
    }

    /// Whether it can be started here, to take mail.
    ///
    /// # Errors
    /// [`Missing`], where a package is, or root.
    pub fn is_installed() -> Result<(), Missing> {
        Missing::unless("/usr/sbin/dovecot", "dovecot-core")?;
        Missing::unless("/usr/lib/dovecot/lmtp", "dovecot-lmtpd")?;
        Missing::unless("/usr/lib/dovecot/modules/lib90_sieve_plugin.so", "dovecot-sieve")?;
        is_root("dovecot")
    }

    /// Its LMTP door.
    pub fn lmtp(&self) -> SocketAddr {
        self.lmtp
    }

    /// Its LMTP door with TLS from the first byte; the other one has STARTTLS. Both need [`Doors::Both`].
    pub fn lmtps(&self) -> SocketAddr {
        self.lmtps
    }

    /// Its LMTP door for this machine.
    pub fn lmtp_socket(&self) -> PathBuf {
        self.path("lmtp")
    }

    /// Its IMAP door.
    ///
    /// # Errors
    /// Where it has none.
    pub fn imap(&self) -> Result<SocketAddr> {
        self.imap.context("this Dovecot has no IMAP")
    }

    /// Its POP3 door.
    ///
    /// # Errors
    /// Where it has none.
    pub fn pop3(&self) -> Result<SocketAddr> {
        self.pop3.context("this Dovecot has no POP3")
    }

    /// Its IMAP door with TLS from the first byte.
    ///
    /// # Errors
    /// Where it has none.
    pub fn imaps(&self) -> Result<SocketAddr> {
        Ok(self.secure.context("this Dovecot has no IMAP")?.0)
    }

    /// Its POP3 door with TLS from the first byte.
    ///
    /// # Errors
    /// Where it has none.
    pub fn pop3s(&self) -> Result<SocketAddr> {
        Ok(self.secure.context("this Dovecot has no POP3")?.1)
    }

    /// Its door for mail that is submitted, with STARTTLS, and the one with TLS from the first byte.
    ///
    /// # Errors
    /// Where it has none.
    pub fn submission(&self) -> Result<(SocketAddr, SocketAddr)> {
        self.submission.context("this Dovecot has no submission")
    }

    /// The certificate to believe, in PEM. It names `localhost` and 127.0.0.1.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The mailbox of an address as it lies on disk.
    pub fn mailbox(&self, user: &str) -> Maildir {
        Maildir { root: self.path("mail").join(user).join("Maildir") }
    }

    /// Ends it and all its connections, and starts it again at the same ports.
    ///
    /// # Errors
    /// When it does not come again.
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        self.run()
    }

    /// Ends it, lets it forget the numbers of all messages of a mailbox, and starts it again: they get others.
    ///
    /// # Errors
    /// When it does not come again.
    pub fn renumber(&self, user: &str) -> Result<()> {
        self.stop()?;
        forget(self.mailbox(user).path())?;
        self.run()
    }

    /// Ends it and starts it again with room for everything.
    ///
    /// # Errors
    /// When it does not come again.
    pub fn lift_quota(&self) -> Result<()> {
        let path = self.path("dovecot.conf");
        let settings = fs::read_to_string(&path)?;
        // Without any rule the one that is written in the mailbox itself would stay.
        let lines = settings.lines().map(|line| match line.trim_start().starts_with(QUOTA_RULE) {
            true => format!("  {QUOTA_RULE} = *:storage=1G\n"),
            false => format!("{line}\n"),
        });
        fs::write(&path, lines.collect::<String>())?;
        self.restart()
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn run(&self) -> Result<()> {
        // It goes on in the background with what it was given to write to: a pipe would never end.
        let said = fs::File::create(self.path("said"))?;
        let mut start = Command::new("/usr/sbin/dovecot");
        start.arg("-c").arg(self.path("dovecot.conf")).stdout(Stdio::null()).stderr(said);
        let is_started = start.status()?.success();
        ensure!(is_started, "dovecot: {}", fs::read_to_string(self.path("said"))?);
        let submission = self.submission.map(|(door, _)| door);
        for door in [Some(self.lmtp), self.imap, self.pop3, submission].into_iter().flatten() {
            wait::until_greeted(door).with_context(|| self.log())?;
        }
        Ok(())
    }

    fn stop(&self) -> Result<()> {
        let Ok(id) = fs::read_to_string(self.path("run/master.pid")) else { return Ok(()) };
        let id = id.trim().to_owned();
        let children = children(&id);
        Command::new("kill").arg(&id).status()?;
        wait::until("the end of dovecot", || (!is_running(&id)).then_some(()))?;
        // Those that serve somebody stay otherwise until they look up.
        let left: Vec<String> = children.into_iter().filter(|child| is_running(child)).collect();
        if !left.is_empty() {
            Command::new("kill").arg("-KILL").args(&left).stderr(Stdio::null()).status()?;
        }
        wait::until("the end of its connections", || {
            (!left.iter().any(|child| is_running(child))).then_some(())
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configuration(&self, settings: &DovecotSettings<'_>) -> String {
        let folder = self.folder.path().display();
        let port = self.lmtp.port();
        let lmtps = match settings.doors {
            Doors::None => String::new(),
            Doors::Both => {
                let port = self.lmtps.port();
                format!(
                    "  inet_listener lmtps {{\n    address = 127.0.0.1\n    port = {port}\n    ssl = yes\n  }}\n"
                )
            }
        };
        let fsync = if settings.always_syncs { "always" } else { "optimized" };
        let relay = settings.relay.map_or_else(String::new, |relay| format!("submission_host = {relay}\n"));
        let sieve = if settings.sieve.is_some() { " sieve" } else { "" };
        let password = settings.password.map_or_else(
            || "nopassword=y".to_owned(),
            // Kept as it is, so that a verifier for SCRAM can be made of it.
            |password| format!("password={{PLAIN}}{password}"),
        );
        let (protocols, out) = self.giving_out(settings);
        let quota = settings.quota.map_or_else(String::new, |rule| {
            format!("plugin {{\n  quota = maildir:User quota\n  {QUOTA_RULE} = *:storage={rule}\n}}\n")
        });
        let tokens = settings.introspection.map_or_else(String::new, |_| {
            format!(
                "passdb {{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {folder}/tokens.conf\n}}\n"
            )
        });
        let users = match settings.known {
            Some(_) => format!("driver = passwd-file\n  args = {folder}/users"),
            None => format!(
                "driver = static\n  args = uid={NOBODY} gid={NOBODY} home={folder}/mail/%u allow_all_users=yes"
            ),
        };
        let plugins = if quota.is_empty() { "" } else { "mail_plugins = quota\n" };
        format!(
            "base_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = {folder}/log\n\
             listen = 127.0.0.1\nprotocols = lmtp{protocols}\nhostname = dovecot.test\n\
             postmaster_address = postmaster@dovecot.test\n{relay}\
             mail_fsync = {fsync}\nmail_uid = {NOBODY}\nmail_gid = {NOBODY}\nfirst_valid_uid = 1\n\
             mail_location = maildir:~/Maildir\nrecipient_delimiter = +\n\
             service lmtp {{\n  process_min_avail = 10\n  inet_listener lmtp {{\n    \
             address = 127.0.0.1\n    port = {port}\n  }}\n  \
             unix_listener {folder}/lmtp {{\n    mode = 0666\n  }}\n{lmtps}}}\n\
             service stats {{\n  unix_listener stats-writer {{\n    mode = 0666\n  }}\n}}\n\
             service anvil {{\n  unix_listener anvil-auth-penalty {{\n    mode = 0\n  }}\n}}\n\
             {tokens}passdb {{\n  driver = static\n  args = {password}\n}}\n\
             userdb {{\n  {users}\n}}\n\
             plugin {{\n  sieve = file:~/sieve;active=~/.dovecot.sieve\n  \
             sieve_before = {folder}/mail/rule.sieve\n}}\n{plugins}{quota}\
             protocol lmtp {{\n  mail_plugins = $mail_plugins{sieve}\n}}\n{out}"
        )
    }

    /// The protocols that give mail out, and how.
    fn giving_out(&self, settings: &DovecotSettings<'_>) -> (&'static str, String) {
        let (Some(imap), Some(pop3)) = (self.imap, self.pop3) else { return ("", "ssl = no\n".to_owned()) };
        let folder = self.folder.path().display();
        let (imap, pop3) = (imap.port(), pop3.port());
        let (imaps, pop3s) = self.secure.map_or((0, 0), |(imaps, pop3s)| (imaps.port(), pop3s.port()));
        let tokens = match settings.introspection {
            None => "",
            Some(_) if settings.has_xoauth2_alone => " xoauth2",
            Some(_) => " xoauth2 oauthbearer",
        };
        let scram = if settings.password.is_some() { " scram-sha-256" } else { "" };
        let capabilities =
            settings.capabilities.map_or_else(String::new, |list| format!("  imap_capability = {list}\n"));
        let sessions = settings.sessions_max.map_or_else(String::new, many);
        let out = format!(
            "{sessions}ssl = yes\nssl_cert = <{folder}/certificate.pem\nssl_key = <{folder}/key.pem\n\
             auth_mechanisms = plain login{scram}{tokens}\nauth_failure_delay = 0\ndisable_plaintext_auth = yes\n\
             mail_max_userip_connections = 1000\n\
             service imap-login {{\n  inet_listener imap {{\n    port = {imap}\n  }}\n  \
             inet_listener imaps {{\n    port = {imaps}\n    ssl = yes\n  }}\n}}\n\
             service pop3-login {{\n  inet_listener pop3 {{\n    port = {pop3}\n  }}\n  \
             inet_listener pop3s {{\n    port = {pop3s}\n    ssl = yes\n  }}\n}}\n\
             protocol imap {{\n  imap_idle_notify_interval = 2 mins\n{capabilities}}}\n"
        );
        match self.submission.zip(settings.submission) {
            Some((doors, relay)) => (" imap pop3 submission", out + &submitting(doors, relay)),
            None => (" imap pop3", out),
        }
    }
}

/// The setting of how much a mailbox may hold.
const QUOTA_RULE: &str = "quota_rule";
/// Settings for mail that is submitted, and handed on to a relay.
fn submitting((door, secure): (SocketAddr, SocketAddr), relay: SocketAddr) -> String {
    format!(
        "submission_relay_host = {}\nsubmission_relay_port = {}\n\
         service submission-login {{\n  inet_listener submission {{\n    port = {}\n  }}\n  \
         inet_listener submissions {{\n    port = {}\n    ssl = yes\n  }}\n}}\n",
        relay.ip(),
        relay.port(),
        door.port(),
        secure.port()
    )
}

/// Settings for so many sessions at a time.
fn many(sessions: u32) -> String {
    let most = sessions.saturating_mul(2).max(1_000);
    format!(
        "service imap-login {{\n  service_count = 0\n  client_limit = {most}\n  process_min_avail = 1\n}}\n\
         service imap {{\n  service_count = 0\n  client_limit = 100\n  process_limit = {most}\n  vsz_limit = 0\n}}\n\
         service anvil {{\n  client_limit = {most}\n}}\n\
         service auth {{\n  client_limit = {most}\n}}\n"
    )
}

/// The processes that this one started.
fn children(id: &str) -> Vec<String> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let is_child = |process: &String| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // Behind the name, which may hold anything: state and parent.
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.split(' ').nth(1) == Some(id))
    };
    let names = processes.flatten().filter_map(|process| process.file_name().into_string().ok());
    names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).filter(is_child).collect()
}

fn is_running(id: &str) -> bool {
    Path::new(&format!("/proc/{id}")).exists()
}

/// A certificate of its own for this machine, and its key.
fn keep_certificate(folder: &Path) -> Result<Vec<u8>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    let pem = made.cert.pem();
    fs::write(folder.join("certificate.pem"), &pem)?;
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem())?;
    Ok(pem.into_bytes())
}

/// A mailbox on disk: what is really there, whatever a protocol says.
#[derive(Debug, Clone)]
pub struct Maildir {
    root: PathBuf,
}

impl Maildir {
    /// Where one lies.
    pub(super) fn at(root: PathBuf) -> Self {
        Maildir { root }
    }

    /// The messages of INBOX: the names of their files, flags included, in order.
    ///
    /// # Errors
    /// When it cannot be read. One that does not exist is empty.
    pub fn inbox(&self) -> Result<Vec<String>> {
        messages(&self.root)
    }

    /// Those of another folder; `None` where it does not exist.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn folder(&self, name: &str) -> Result<Option<Vec<String>>> {
        let path = self.root.join(format!(".{name}"));
        path.is_dir().then(|| messages(&path)).transpose()
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Puts a message into a folder as a mail program does, the folder made where it is missing; INBOX where none is
    /// named. `flags` are letters of a Maildir.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, folder: Option<&str>, (name, flags): (&str, &str), raw: &[u8]) -> Result<()> {
        let path = folder.map_or_else(|| self.root.clone(), |folder| self.root.join(format!(".{folder}")));
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(path.join(part))?;
        }
        fs::write(path.join("cur").join(format!("{name}:2,{flags}")), raw)?;
        let mailbox = self.root.parent().unwrap_or(&self.root);
        Command::new("chown").arg("-R").arg(format!("{NOBODY}:{NOBODY}")).arg(mailbox).status()?;
        Ok(())
    }

    /// Every message of every folder: where its file lies, flags included, its size, and when it was changed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn messages(&self) -> Result<BTreeMap<PathBuf, (u64, SystemTime)>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.root.clone()];
        for entry in fs::read_dir(&self.root)? {
            let path = entry?.path();
            let is_folder = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            folders.extend((is_folder && path.is_dir()).then_some(path));
        }
        for part in folders.iter().flat_map(|folder| [folder.join("cur"), folder.join("new")]) {
            let Ok(entries) = fs::read_dir(part) else { continue };
            for entry in entries {
                let entry = entry?;
                let data = entry.metadata()?;
                found.insert(entry.path(), (data.len(), data.modified()?));
            }
        }
        Ok(found)
    }
}

/// Removes what Dovecot notes of a mailbox beside its messages.
fn forget(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("dovecot") {
            fs::remove_file(&path)?;
        } else if name.starts_with('.') && path.is_dir() {
            forget(&path)?;
        }
    }
    Ok(())
}

fn messages(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for part in ["new", "cur"] {
        let Ok(entries) = fs::read_dir(folder.join(part)) else { continue };
        for entry in entries {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // What is left of it after the deadline goes with the machine; a test has no better way.
        let _ = self.stop();
    }
}
