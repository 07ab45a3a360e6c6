use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const SHORT: Patience = Patience {
    connect: Duration::from_secs(5),
    answer: Duration::from_millis(500),
    bytes_per_second: 1_000_000,
};

/// What comes of handing `raw` to a server that says this, and what that server heard.
async fn hand_over(
    said: &'static str,
    (sender, recipients): (&str, &[&str]),
    raw: &[u8],
) -> (Result<Vec<Reply>, ConnectError>, String) {
    let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
    let server = tokio::spawn(async move {
        // The client may go before it has heard all.
        let _ = theirs.write_all(said.as_bytes()).await;
        let mut heard = Vec::new();
        let _ = theirs.read_to_end(&mut heard).await;
        String::from_utf8(heard).unwrap()
    });
    let recipients = recipients.iter().map(|one| (*one).to_owned()).collect();
    let envelope = Envelope { sender: sender.to_owned(), recipients };
    let replies = match Lmtp::begin(Ok(Ok(ours)), ("here", SHORT)).await {
        Ok(mut lmtp) => lmtp.hand_over(&envelope, raw).await,
        Err(error) => Err(error),
    };
    (replies, server.await.unwrap())
}

const GREETING: &str = "220 b.test\r\n250-b.test\r\n250 SIZE 100\r\n";

fn codes(replies: Result<Vec<Reply>, ConnectError>) -> Vec<u16> {
    replies.unwrap().iter().map(|reply| reply.code).collect()
}

#[tokio::test]
async fn each_recipient_has_its_reply_and_lines_travel_whole() {
    let said = "220 b.test\r\n250 b.test\r\n250 ok\r\n250 ok\r\n550 5.1.1 no\r\n250 ok\r\n354 go\r\n250 kept\r\n451 later\r\n";
    let (replies, heard) =
        hand_over(said, ("z@c.test", &["a@b.test", "x@b.test", "b@b.test"]), b"A: b\n\n.dot\r\nend").await;
    assert_eq!(codes(replies), [250, 550, 451]);
    assert!(heard.ends_with("DATA\r\nA: b\r\n\r\n..dot\r\nend\r\n.\r\n"), "{heard}");
}

#[tokio::test]
async fn nothing_in_an_envelope_becomes_a_command() {
    let (replies, heard) = hand_over(GREETING, ("a>\r\nRCPT TO:<b@b.test", &["c@b.test"]), b"A: b\r\n").await;
    assert_eq!((codes(replies), heard.as_str()), (vec![501], "LHLO localhost\r\n"));
    let said = "220 b.test\r\n250 b.test\r\n250 ok\r\n250 reset\r\n";
    let (replies, heard) = hand_over(said, ("", &["c\nDATA"]), b"A: b\r\n").await;
    assert_eq!(codes(replies), [501]);
    assert!(heard.ends_with("MAIL FROM:<>\r\nRSET\r\n"), "{heard}");
}

#[tokio::test]
async fn what_is_too_large_is_not_sent() {
    let (replies, heard) = hand_over(GREETING, ("", &["a@b.test"]), &[b'x'; 101]).await;
    assert_eq!((codes(replies), heard.contains("MAIL")), (vec![552], false));
}

#[tokio::test]
async fn a_server_that_breaks_off_or_never_ends_is_an_error() {
    const ENDLESS: &str = "250-x\r\n250-x\r\n250-x\r\n250-x\r\n";
    let (replies, _) = hand_over(
        "220 b.test\r\n250 b.test\r\n250 ok\r\n250 ok\r\n354 go\r\n",
        ("", &["a@b.test"]),
        b"A: b\r\n",
    )
    .await;
    assert_eq!(replies.unwrap_err().kind, Kind::TimedOut);
    let endless: &'static str =
        Box::leak(format!("220 b.test\r\n{}", ENDLESS.repeat(4_000)).into_boxed_str());
    let (replies, _) = hand_over(endless, ("", &["a@b.test"]), b"A: b\r\n").await;
    assert_eq!(replies.unwrap_err().kind, Kind::Limit);
    let (replies, _) = hand_over("* OK IMAP here\r\n", ("", &["a@b.test"]), b"A: b\r\n").await;
    assert_eq!(replies.unwrap_err().kind, Kind::Protocol);
}
