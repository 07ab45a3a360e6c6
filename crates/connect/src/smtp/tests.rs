use super::script;
use super::*;
use crate::error::Kind;

mod chunks;
mod sign_in;
mod transaction;

const RAW: &[u8] = b"A: b\r\n\r\n.\r\nc\r\n";

/// What became of a mail, what the server heard, and how often the end was asked for.
struct Told {
    result: Result<Sent, SendFailure>,
    heard: String,
    asked: usize,
}

impl Told {
    fn codes(&self) -> Vec<u16> {
        self.result.as_ref().unwrap().recipients.iter().map(|reply| reply.code).collect()
    }

    /// What went wrong, whether it is uncertain, what was certain, how often the end was asked for.
    fn failure(&self) -> (Kind, bool, Vec<Option<u16>>, usize) {
        let failure = self.result.as_ref().unwrap_err();
        let certain = failure.recipients.iter().map(|reply| reply.as_ref().map(|reply| reply.code)).collect();
        (failure.error.kind, failure.is_uncertain, certain, self.asked)
    }
}

/// One session at a server that follows this table.
async fn open(table: &str) -> (Smtp, tokio::task::JoinHandle<String>) {
    let (wire, server) = script::line(table);
    let session = Session::begun(wire, Manner::Smtp, "us.test").await.unwrap();
    (Smtp { session }, server)
}

async fn tell(table: &str, envelope: &Envelope, raw: &[u8]) -> Told {
    let (mut smtp, server) = open(table).await;
    let mut asked = 0;
    let may_end = async || {
        asked += 1;
        true
    };
    let result = smtp.send(&Outgoing { envelope, raw }, may_end).await;
    assert!(smtp.has_ended() || result.is_ok(), "{table}");
    drop(smtp);
    Told { result, heard: server.await.unwrap(), asked }
}

fn to(recipients: &[&str]) -> Envelope {
    Envelope::new("z@c.test", recipients.iter().copied())
}
