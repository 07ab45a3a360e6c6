//! IMAP servers that lie, at the whole program: each is told in words and left alone for a while, nothing is taken out of
//! it, the memory stays bounded, and an honest mailbox beside them is emptied.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use postroom::commands::{AddMailbox, MailServer, Reply, Request};
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{Doors, Dovecot, DovecotSettings, Script};
use testkit::program::Program;
use testkit::wait;
use testkit::world::World;

use super::house::{SINK, WORLD};
use super::mailboxes::forwarded;

const PASSWORD: &str = "geheim";

/// A customer's mail, of which the whole is wanted.
const HEADER: &str = r"From: zoe@customer.test\r\nSubject: lies\r\n\r\n";
/// Its bytes, and those of a body behind it.
const HEADER_BYTES: usize = 42;
const BODY_BYTES: usize = HEADER_BYTES + 7;

/// Up to the question for a body.
const SIGNED_IN: &str = "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\nC: AUTHENTICATE PLAIN\n\
                         S: $tag OK [CAPABILITY IMAP4rev1 UIDPLUS MOVE] in\n";
const SELECTED: &str = "C: SELECT\nS: * 1 EXISTS\nS: * OK [UIDVALIDITY 9] x\nS: * OK [UIDNEXT 40] x\nS: $tag OK [READ-WRITE] x\n";
const LISTED: &str = "C: FETCH 1:\nS: * 1 FETCH (UID 5 FLAGS () INTERNALDATE \"23-Nov-2026 09:15:00 +0100\" RFC822.SIZE 49)\nS: $tag OK x\n";

fn header() -> String {
    format!(
        "C: BODY.PEEK[HEADER]\nR: * 1 FETCH (UID 5 BODY[HEADER] {{{HEADER_BYTES}}}\\r\\n{HEADER})\\r\\n\nS: $tag OK x\nC: BODY.PEEK[]\n"
    )
}

/// What a body is answered with, of so many bytes as are said.
fn body(uid: u32, said: &str) -> String {
    format!("R: * 1 FETCH (UID {uid} BODY[] {{{said}}}\\r\\n{HEADER}hello\\r\\n)\\r\\n\nS: $tag OK x\n")
}

/// What is lied about, how, and the words for it.
fn liars() -> Vec<(&'static str, String, &'static str)> {
    let before_body = [SIGNED_IN, SELECTED, LISTED, &header()].concat();
    let at_body = |lie: &str| format!("{before_body}{lie}");
    let at_list = |lie: &str| [SIGNED_IN, SELECTED, "C: FETCH 1:\n", lie].concat();
    let listed = "FLAGS () RFC822.SIZE 49)\n";
    vec![
        ("a literal that is too short", at_body(&(body(5, "20") + "hang")), "an answer that cannot be read"),
        ("a literal that is too long", at_body(&(body(5, "5000") + "close")), "ended the connection"),
        ("a literal of 4 GiB", at_body(&(body(5, "4294967295") + "hang")), "more than a mail may have"),
        (
            "a literal of less than nothing",
            at_body(&(body(5, "-5") + "hang")),
            "an answer that cannot be read",
        ),
        (
            "the body of another",
            at_body(&(body(6, &BODY_BYTES.to_string()) + "hang")),
            "a body that nobody asked for",
        ),
        (
            "a line without an end",
            at_list(&format!("R: * OK {}\nhang", "x".repeat(2_000_000))),
            "a line that does not end",
        ),
        ("UID 0", at_list(&format!("S: * 1 FETCH (UID 0 {listed}S: $tag OK x\nhang")), "a UID that is none"),
        (
            "a UID twice",
            at_list(&format!("S: * 1 FETCH (UID 5 {listed}S: * 2 FETCH (UID 5 {listed}S: $tag OK x\nhang"))
                .replace("* 1 EXISTS", "* 2 EXISTS"),
            "in no order",
        ),
        (
            "another numbering on the way",
            at_list("S: * OK [UIDVALIDITY 10] x\nS: $tag OK x\nhang"),
            "made anew while it was open",
        ),
        (
            "a flood",
            at_list("flood 1200000: * OK still busy with what you wanted\nS: $tag OK x\nhang"),
            "more than was asked for",
        ),
        ("the tag of somebody else", at_list("S: x9 OK x\nhang"), "a command that was not given"),
        (
            "farewell in the midst of a body",
            at_body("R: * 1 FETCH (UID 5 BODY[] {49}\\r\\nFrom:\n\nS: * BYE x\nclose"),
            "ended the connection",
        ),
        (
            "what it cannot do",
            format!("{}C: NAMESPACE\nS: $tag BAD what\nhang", SIGNED_IN.replace("MOVE", "MOVE NAMESPACE")),
            "the server says: what",
        ),
    ]
}

fn watched(name: &str, port: u16, (tls, authority): (i32, Option<String>)) -> Request {
    Request::AddMailbox(AddMailbox {
        organization: "example".to_owned(),
        name: name.to_owned(),
        server: MailServer::imap("localhost", port, (tls, authority)),
        user: SINK.to_owned(),
        password: PASSWORD.to_owned(),
        sink: SINK.to_owned(),
        is_refusing: true,
    })
}

fn states(program: &Program) -> Result<HashMap<String, String>> {
    let Reply::Mailboxes(rows) = program.command(Request::Mailboxes(None))? else { anyhow::bail!("no list") };
    Ok(rows.into_iter().map(|row| (row.name, row.state)).collect())
}

/// The most that a process held in memory, in kibibytes.
fn peak(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no peak")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

#[test]
fn liars_are_told_and_left_and_harm_nobody() {
    or_skip(|| {
        let dovecot = Dovecot::start(DovecotSettings {
            doors: Doors::Both,
            password: Some(PASSWORD),
            ..DovecotSettings::default()
        })?;
        let mut client = Client::connect(dovecot.lmtp(), Protocol::Lmtp)?;
        ensure!(
            client.send(&Envelope::new("jane@example.test", SINK), &forwarded("honest"))?.codes() == [250]
        );
        let folder = tempfile::tempdir()?;
        let program = Program::start(folder.path())?;
        World::parse(WORLD)?.make(|request| program.command(request), |_| None)?;
        let before = peak(program.id())?;
        let mut scripts = Vec::new();
        for (name, table, words) in liars() {
            let script = Script::start(&table).with_context(|| name)?;
            program.command(watched(name, script.address().port(), (0, None)))?;
            scripts.push((name, script, words));
        }
        // One says commands of its own behind its answer, as somebody in between would.
        let injected =
            "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: STARTTLS\nR: $tag OK go\\r\\n* OK x\\r\\n\nhang";
        let script = Script::start(injected)?;
        program.command(watched("injection", script.address().port(), (1, None)))?;
        scripts.push(("injection", script, "more than the answer to STARTTLS"));
        // One sends its list byte by byte: that may take minutes, and holds nobody up.
        let list = format!("C: FETCH 1:\ndrip 1000: * 1 FETCH (UID 5 FLAGS ({}))", "x ".repeat(100));
        let drip = [SIGNED_IN, SELECTED, &list].concat();
        let dripping = Script::start(&drip)?;
        program.command(watched("drip", dripping.address().port(), (0, None)))?;
        let authority = String::from_utf8(dovecot.certificate().to_vec())?;
        program.command(watched("honest", dovecot.imap()?.port(), (1, Some(authority))))?;
        let told = |states: &HashMap<String, String>| {
            scripts
                .iter()
                .all(|(name, ..)| states.get(*name).is_some_and(|state| state.starts_with("trouble")))
        };
        let honest = dovecot.mailbox(SINK);
        let mut last = HashMap::new();
        let states = wait::until("trouble with all liars", || {
            last = states(&program).ok()?;
            (told(&last) && honest.inbox().ok()?.is_empty()).then(|| last.clone())
        });
        let states = states.with_context(|| format!("{last:#?}"))?;
        for (name, script, words) in &scripts {
            let state = states.get(*name).context("no state")?;
            eprintln!("{name}: {state}");
            ensure!(state.contains(words) && state.contains("again within"), "{name}: {state}");
            let heard = script.heard();
            let takes =
                |line: &&String| ["STORE", "EXPUNGE", "MOVE", "COPY"].iter().any(|verb| line.contains(verb));
            ensure!(heard.iter().find(takes).is_none(), "{name}: {heard:?}");
        }
        ensure!(states.get("drip").is_some_and(|state| state.starts_with("at work, 0")), "{states:?}");
        let grown = peak(program.id())?.saturating_sub(before) / 1024;
        eprintln!("{grown} MiB");
        ensure!(grown < 120, "{grown} MiB more than before");
        Ok(())
    });
}
