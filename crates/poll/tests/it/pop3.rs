//! A mailbox at a POP3 server that is a list of messages, on this machine.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use connect::pop3::{NONCE_BYTES, Pop3};
use connect::{Login, Patience, Secret, Target, TlsMode};
use model::limits;
use poll::sources::pop3::{BrokenOff, Pop3Mailbox};
use poll::{Disposal, Shown, Source as _, SourceError};

/// What the server says in answer to commands, and what it says to all others.
struct Server {
    capabilities: &'static str,
    ids: bool,
    sizes: Vec<u64>,
    answers: BTreeMap<String, String>,
}

impl Server {
    fn of(sizes: &[u64]) -> Self {
        Server { capabilities: "", ids: true, sizes: sizes.to_vec(), answers: BTreeMap::new() }
    }

    fn says(mut self, command: &str, answer: &str) -> Self {
        self.answers.insert(command.to_owned(), answer.to_owned());
        self
    }

    fn answer(&self, command: &str) -> String {
        if let Some(answer) = self.answers.get(command) {
            return answer.clone();
        }
        let lines = |line: &dyn Fn(usize, u64) -> String| -> String {
            let lines = (1..).zip(&self.sizes).map(|(number, size)| line(number, *size));
            format!("+OK\r\n{}.\r\n", lines.collect::<String>())
        };
        match command.split(' ').next() {
            Some("CAPA") => format!("+OK\r\n{}.\r\n", self.capabilities),
            Some("LIST") => lines(&|number, size| format!("{number} {size}\r\n")),
            Some("UIDL") if self.ids => lines(&|number, _| format!("{number} id{number}\r\n")),
            Some("UIDL") => "-ERR what\r\n".to_owned(),
            Some("RETR" | "TOP") => format!("+OK\r\nSubject: {command}\r\n\r\n.\r\n"),
            _ => "+OK\r\n".to_owned(),
        }
    }

    /// Speaks with one client until it leaves; what it was asked.
    fn serve(&self, listener: &TcpListener) -> Vec<String> {
        let (mut stream, _): (TcpStream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(b"+OK hi\r\n").unwrap();
        let mut asked = Vec::new();
        for line in BufReader::new(stream.try_clone().unwrap()).lines() {
            let Ok(line) = line else { break };
            let answer = self.answer(&line);
            asked.push(line);
            if answer.is_empty() || stream.write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
        asked
    }
}

/// A session with it, and in the end what it was asked.
async fn open(server: Server) -> (Pop3Mailbox, tokio::task::JoinHandle<Vec<String>>) {
    open_again(server, &BrokenOff::default()).await
}

async fn open_again(
    server: Server,
    broken: &BrokenOff,
) -> (Pop3Mailbox, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::task::spawn_blocking(move || server.serve(&listener));
    let host = "127.0.0.1".to_owned();
    let target = Target { host, port, tls: TlsMode::None, authority: None, is_trusted_line: false };
    let login = Login::Password { user: "sink".to_owned(), secret: Secret::new("geheim".to_owned()) };
    let session = Pop3::open(&target, &login, &[0; NONCE_BYTES], Patience::default()).await.unwrap();
    (Pop3Mailbox::open(session, PAUSE, broken.clone()).await.unwrap(), served)
}

const PAUSE: Duration = Duration::from_secs(120);

/// Ends the session.
async fn end(mailbox: &mut Pop3Mailbox) -> Result<(), SourceError> {
    mailbox.wait(Duration::ZERO).await
}

fn keys(shown: &[Shown]) -> Vec<model::MessageKey> {
    shown.iter().map(|shown| shown.key.clone()).collect()
}

#[tokio::test]
async fn a_session_whose_end_is_refused_has_not_ended_well() {
    let (mut mailbox, _served) = open(Server::of(&[20]).says("QUIT", "-ERR not now\r\n")).await;
    let shown = mailbox.list(None).await.unwrap();
    mailbox.dispose(&keys(&shown), Disposal::Remove).await.unwrap();
    assert!(mailbox.ends_with_wait());
    assert!(end(&mut mailbox).await.is_err());
    assert_eq!(mailbox.stay_away(), PAUSE);
}

#[tokio::test]
async fn a_server_that_removes_what_was_read_is_left_without_a_word_while_a_message_is_stuck() {
    let many = vec![20; limits::POP3_SESSION_MESSAGES + 3 * limits::POLL_TURN_MESSAGES_MAX];
    let server = Server { capabilities: "UIDL\r\nTOP\r\nPIPELINING\r\nEXPIRE 0\r\n", ..Server::of(&many) };
    let (mut mailbox, served) = open(server).await;
    let (mut after, mut listed) = (None, 0);
    loop {
        let mut keys = keys(&mailbox.list(after.as_ref()).await.unwrap());
        let Some(last) = keys.last().cloned() else { break };
        after = Some(last);
        mailbox.bodies(&keys).await.unwrap();
        // The first of all is not taken in.
        keys.drain(..usize::from(listed == 0));
        listed += keys.len();
        mailbox.dispose(&keys, Disposal::Remove).await.unwrap();
    }
    assert_eq!(listed, many.len() - 1, "what came later is read");
    let told = end(&mut mailbox).await.unwrap_err();
    assert!(told.words.contains("EXPIRE 0"), "{told}");
    assert_eq!(mailbox.stay_away(), PAUSE);
    assert!(!served.await.unwrap().contains(&"QUIT".to_owned()));
}

#[tokio::test]
async fn without_ids_a_message_that_is_too_large_is_not_read_for_its_key() {
    let server = Server { ids: false, ..Server::of(&[20, 60_000_000, 21]) };
    let (mut mailbox, served) = open(server).await;
    let shown = mailbox.list(None).await.unwrap();
    assert_eq!(shown.iter().map(|shown| shown.size).collect::<Vec<_>>(), [20, 60_000_000, 21]);
    end(&mut mailbox).await.unwrap();
    let asked = served.await.unwrap();
    let read: Vec<_> = asked.iter().filter(|line| line.starts_with("RETR")).collect();
    assert_eq!(read, ["RETR 1", "RETR 3"]);
}

#[tokio::test]
async fn without_ids_a_message_at_which_sessions_break_off_keeps_the_others_back_for_a_while_only() {
    let broken = BrokenOff::default();
    let server = || Server { ids: false, ..Server::of(&[30, 30, 21]) }.says("RETR 2", "");
    for _ in 0..2 {
        let (mut mailbox, _) = open_again(server(), &broken).await;
        mailbox.list(None).await.unwrap_err();
    }
    let (mut mailbox, _) = open_again(server(), &broken).await;
    let shown = mailbox.list(None).await.unwrap();
    assert_eq!(shown.len(), 3);
    let read = [shown[0].key.clone(), shown[2].key.clone()];
    assert_eq!(mailbox.bodies(&read).await.unwrap().len(), 2, "the session goes on");
}
