//! A conversation at the door, as one piece and split at places that the bytes themselves choose.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

use model::Timestamp;
use receive::{
    Answer, Arrived, Credential, DoorProtocol, DoorSettings, Intake, Peer, Refusal, TryLater, Welcome,
    testing,
};

use super::pieces;

/// Every reply is one, every message was wanted by somebody, and splitting the bytes changes nothing.
pub(super) fn read(raw: &[u8]) {
    let (whole, taken) = converse(&[raw]);
    replies_are_well_formed(&whole);
    for (recipients, message) in &taken {
        assert!(*recipients > 0, "a message for nobody");
        assert!(message.len() <= MESSAGE_BYTES_MAX, "a message is too large");
    }
    // What stands behind STARTTLS in the same piece is thrown away (RFC 3207 §4.2), so there pieces matter.
    let has_starttls = raw.to_ascii_uppercase().windows(8).any(|word| word == b"STARTTLS");
    if !has_starttls {
        let again = converse(&pieces(raw));
        assert!(again == (whole, taken), "the same bytes in other pieces are another conversation");
    }
}

/// Small, so that mutated mail is too large now and then.
const MESSAGE_BYTES_MAX: usize = 8_000;

type Talk = (Vec<u8>, Vec<(usize, Vec<u8>)>);

fn converse(pieces: &[&[u8]]) -> Talk {
    thread_local! {
        static RUNTIME: Option<tokio::runtime::Runtime> =
            tokio::runtime::Builder::new_current_thread().enable_time().build().ok();
    }
    let clock = Arc::new(|| Timestamp::from_seconds(1_795_448_359));
    let mut settings = DoorSettings::new("sink.test".to_owned(), DoorProtocol::Smtp, clock);
    settings.message_bytes_max = MESSAGE_BYTES_MAX;
    let house = Arc::new(House::default());
    let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
    let address = IpAddr::from(Ipv4Addr::LOCALHOST);
    let talk = testing::converse(settings, Arc::clone(&house), address, pieces);
    let replies = RUNTIME.with(|runtime| {
        let Some(runtime) = runtime else { panic!("there is no runtime") };
        runtime.block_on(talk)
    });
    let taken = std::mem::take(&mut *house.taken.lock().unwrap_or_else(PoisonError::into_inner));
    (replies, taken)
}

fn replies_are_well_formed(replies: &[u8]) {
    let mut lines = replies.split_inclusive(|byte| *byte == b'\n');
    let is_reply = |line: &[u8]| {
        let digits = line.get(..3).is_some_and(|code| code.iter().all(u8::is_ascii_digit));
        digits && matches!(line.get(3), Some(b' ' | b'-')) && line.ends_with(b"\r\n") && line.is_ascii()
    };
    assert!(lines.all(is_reply), "a reply is none");
}

/// Takes what comes, and writes it down.
#[derive(Default)]
struct House {
    taken: Mutex<Vec<(usize, Vec<u8>)>>,
}

impl Intake for House {
    type Recipient = ();

    fn welcome(&self, _: &Peer, _: Option<&str>, recipient: &str) -> Welcome<()> {
        match recipient.split('@').next() {
            Some("unknown") => Welcome::No(Refusal::Unknown),
            Some("later") => Welcome::No(Refusal::TryLater),
            _ => Welcome::Yes(()),
        }
    }

    fn credential(&self, _: &str) -> Result<Option<Credential>, TryLater> {
        Ok(None)
    }

    fn take(&self, message: Arrived<()>) -> impl Future<Output = Vec<Answer>> + Send {
        let answers = message.recipients.iter().map(|_| Answer::Accepted("kept".to_owned())).collect();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.push((message.recipients.len(), message.raw.rest().to_vec()));
        std::future::ready(answers)
    }
}
