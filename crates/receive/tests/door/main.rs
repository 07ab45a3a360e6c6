//! The door on a real port, with real sockets, TLS and peers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]
#![allow(clippy::print_stdout, reason = "a test that needs something missing says so")]

mod large;
mod limits;
mod messages;
mod named;
mod stopping;
mod strangers;
mod swaks;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use model::{Id, Timestamp};
use receive::auth::scram::Verifier;
use receive::{
    Answer, Arrived, Credential, Door, DoorProtocol, DoorSettings, Intake, Peer, Refusal, TryLater, Welcome,
};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const NAME: &str = "crm+relay@sink.example";
const SECRET: &str = "abcdefghijkmnpqrstuvwxyz23";

/// Takes everything in but for `unknown@…` and `forbidden@…`; `panic@…` makes it panic, `slow@…` waits for a permit.
struct Keeper {
    kept: mpsc::UnboundedSender<Arrived<()>>,
    permits: Arc<Semaphore>,
}

impl Intake for Keeper {
    type Recipient = ();

    fn welcome(&self, _: &Peer, _: Option<&str>, recipient: &str) -> Welcome<()> {
        match recipient.split('@').next() {
            Some("unknown") => Welcome::No(Refusal::Unknown),
            Some("forbidden") => Welcome::No(Refusal::NotAllowedToWrite),
            _ => Welcome::Yes(()),
        }
    }

    fn credential(&self, name: &str) -> Result<Option<Credential>, TryLater> {
        let known = || Credential { id: Id([7; 16]), verifier: Verifier::of(NAME, SECRET) };
        Ok((name == NAME).then(known))
    }

    async fn take(&self, message: Arrived<()>) -> Vec<Answer> {
        for (recipient, ()) in &message.recipients {
            match recipient.split('@').next() {
                Some("panic") => panic!("as the test wants it"),
                Some("slow") => self.permits.acquire().await.unwrap().forget(),
                _ => {}
            }
        }
        let answers = message.recipients.iter().map(|_| Answer::Accepted("kept".to_owned())).collect();
        self.kept.send(message).unwrap();
        answers
    }
}

/// Says what is missing, and that a test did not run for it.
fn println_skipped(why: &str) {
    println!("skipped: {why}");
}

/// A running door.
struct House {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<()>,
    kept: mpsc::UnboundedReceiver<Arrived<()>>,
    permits: Arc<Semaphore>,
}

impl House {
    async fn open(change: impl FnOnce(&mut DoorSettings)) -> House {
        let clock = Arc::new(|| Timestamp::from_seconds(1_795_448_359));
        let mut settings = DoorSettings::new("sink.example".to_owned(), DoorProtocol::Smtp, clock);
        change(&mut settings);
        let (sender, kept) = mpsc::unbounded_channel();
        let permits = Arc::new(Semaphore::new(0));
        let keeper = Arc::new(Keeper { kept: sender, permits: Arc::clone(&permits) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(Door::new(settings, keeper).serve(listener, stop.clone()));
        House { address, stop, served, kept, permits }
    }

    async fn connect(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(self.address).await.unwrap())
    }

    /// A client that has greeted.
    async fn greeted(&self) -> Client<TcpStream> {
        let mut client = self.connect().await;
        assert!(client.hear().await.starts_with("220 sink.example "));
        client.ask("EHLO client.example\r\n", "250").await;
        client
    }

    /// Stops the door; every session must have ended.
    async fn close(self) {
        self.stop.cancel();
        self.served.await.unwrap();
    }
}

/// The other side of a conversation.
struct Client<S> {
    stream: BufReader<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    fn new(stream: S) -> Self {
        Client { stream: BufReader::new(stream) }
    }

    async fn say(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).await.unwrap();
        self.stream.get_mut().flush().await.unwrap();
    }

    /// One reply, of one line or more; empty when the door has closed.
    async fn hear(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let from = reply.len();
            let count = self.stream.read_line(&mut reply).await.unwrap_or(0);
            if count == 0 || reply.as_bytes().get(from + 3) != Some(&b'-') {
                return reply;
            }
        }
    }

    async fn ask(&mut self, text: &str, reply: &str) {
        self.say(text).await;
        self.expect(reply).await;
    }

    async fn expect(&mut self, reply: &str) {
        let heard = self.hear().await;
        assert!(
            heard.starts_with(reply) && (!reply.is_empty() || heard.is_empty()),
            "heard {heard:?}, not {reply:?}"
        );
    }
}

/// How often each body came.
fn counted(messages: Vec<Arrived<()>>) -> HashMap<Vec<u8>, usize> {
    let mut counts = HashMap::new();
    for message in messages {
        *counts.entry(message.raw.rest().to_vec()).or_default() += 1;
    }
    counts
}
