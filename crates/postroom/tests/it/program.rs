//! The program in a folder of its own: commands that run and end, and a house that serves until it is dropped.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

/// A folder with a data folder in it.
pub(crate) struct Place {
    folder: TempDir,
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A house that serves.
pub(crate) struct Serving {
    child: Child,
    pub(crate) smtp: SocketAddr,
    pub(crate) lmtp: SocketAddr,
    pub(crate) web: SocketAddr,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    /// A place with the organization `contoso`, its sink `crm@sink.test`, its user Jane and the contact Zoë.
    pub(crate) fn with_contoso() -> Place {
        let place = Place::new();
        place.well(&["org", "add", "contoso"]);
        place.well(&["sink", "add", "--org", "contoso", "crm@sink.test"]);
        place.well(&[
            "user",
            "add",
            "--org",
            "contoso",
            "--name",
            "Jane Doe",
            "--address",
            "jane@contoso.test",
        ]);
        place.file("people.csv", "Full Name,E-mail\nZoë Müller,zoe@fabrikam.test\n");
        place.well(&["import", "contacts", "--org", "contoso", "people.csv"]);
        place
    }

    /// A relay, to which nobody ever gets.
    pub(crate) fn add_relay(&self) {
        self.well(&[
            "relay",
            "add",
            "--org",
            "contoso",
            "--server",
            "relay.contoso.test",
            "--tls",
            "none",
            "main",
        ]);
    }

    /// The queue `support@contoso.test`.
    pub(crate) fn add_support(&self) {
        let named = ["--name", "Support", "--address", "support@contoso.test"];
        self.well(&[&["queue", "add", "--org", "contoso"], &named[..]].concat());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
        command.args(words).current_dir(self.folder.path()).env_remove("POSTROOM_SETTINGS");
        for section in ["SMTP", "LMTP", "WEB"] {
            command.env(format!("POSTROOM_{section}_LISTEN"), "127.0.0.1:0");
        }
        if let Some((url, schema)) = self.server() {
            command.env("POSTROOM_DATABASE_URL", url).env("POSTROOM_DATABASE_SCHEMA", schema);
        }
        command.env("POSTROOM_HOSTNAME", "house.test");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Settings of a house of this place with this data folder.
    pub(crate) fn house_file(&self, name: &str, data: &std::path::Path) {
        let mut text = format!("data = {data:?}\n");
        if let Some((url, schema)) = self.server() {
            text.push_str(&format!("[database]\nurl = {url:?}\nschema = {schema:?}\n"));
        }
        self.file(name, text);
    }

    /// The database server of this place and its schema there, where tests are given one.
    pub(crate) fn server(&self) -> Option<(String, String)> {
        match store::Database::for_tests(self.folder.path()) {
            store::Database::Sqlite => None,
            store::Database::Postgres(settings) => Some((settings.url, settings.schema)),
        }
    }

    /// Runs a command with this in its environment.
    pub(crate) fn run_in(&self, variables: &[(&str, &str)], words: &[&str]) -> Said {
        said(self.command(words).envs(variables.iter().copied()).output().unwrap())
    }

    pub(crate) fn run(&self, words: &[&str]) -> Said {
        self.run_with(words, "")
    }

    /// Begins a command and leaves it to itself.
    pub(crate) fn start(&self, words: &[&str]) -> Child {
        self.command(words).spawn().unwrap()
    }

    /// Runs a command with this on its standard input.
    pub(crate) fn run_with(&self, words: &[&str], input: &str) -> Said {
        let mut child = self.command(words).spawn().unwrap();
        // Most commands read nothing and may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        said(child.wait_with_output().unwrap())
    }

    /// Runs a command that must end well; what it printed.
    pub(crate) fn well(&self, words: &[&str]) -> String {
        let said = self.run(words);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{words:?}: {said:?}");
        said.out
    }

    /// Serves. Returns once every door is open.
    pub(crate) fn serve(&self) -> Serving {
        self.serve_with(&[], Stdio::inherit())
    }

    /// Serves with this in its environment, and its log there.
    pub(crate) fn serve_with(&self, variables: &[(&str, &str)], log: Stdio) -> Serving {
        let ports = self.path("ports.json");
        let _ = std::fs::remove_file(&ports);
        let mut command = self.command(&["serve", "--ports-file", "ports.json"]);
        let mut child = command.envs(variables.iter().copied()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().starts_with("control")), "the house did not start");
        let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(ports).unwrap()).unwrap();
        // A door that is not open has no port.
        let first = |door: &str| ports[door][0].as_str().unwrap_or("0.0.0.0:0").parse().unwrap();
        Serving { child, smtp: first("smtp"), lmtp: first("lmtp"), web: first("web") }
    }
}

fn said(output: std::process::Output) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

impl Serving {
    /// Asks the house to stop as an init system does, and waits until it has.
    pub(crate) fn terminate(self) -> ExitStatus {
        self.ask_to_stop();
        self.wait()
    }

    /// Asks the house to stop.
    pub(crate) fn ask_to_stop(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Waits until it has ended.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // One that was terminated is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
