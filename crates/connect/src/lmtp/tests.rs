use super::*;
use crate::smtp::script;

/// What comes of handing `raw` to a server that follows this table, and what that server heard.
async fn hand_over(
    table: &str,
    (sender, recipients): (&str, &[&str]),
    raw: &[u8],
) -> (Result<Vec<Reply>, ConnectError>, String) {
    let (ours, server) = script::duplex(table);
    let envelope = Envelope::new(sender, recipients.iter().copied());
    let replies = match Lmtp::begin(Ok(Ok(ours)), ("here", script::patience(table))).await {
        Ok(mut lmtp) => lmtp.hand_over(&envelope, raw).await,
        Err(error) => Err(error),
    };
    (replies, server.await.unwrap())
}

const GREETING: &str = "S 220 b.test\nC LHLO\nS 250-b.test\nS 250 SIZE 100\n";

fn codes(replies: Result<Vec<Reply>, ConnectError>) -> Vec<u16> {
    replies.unwrap().iter().map(|reply| reply.code).collect()
}

#[tokio::test]
async fn each_recipient_has_its_reply_and_lines_travel_whole() {
    let table = "S 220 b.test\nC LHLO\nS 250 b.test\nC MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC RCPT\nS 550 5.1.1 no\n\
                 C RCPT\nS 250 ok\nC DATA\nS 354 go\ndata\nS 250 kept\nS 451 later";
    let (replies, heard) =
        hand_over(table, ("z@c.test", &["a@b.test", "x@b.test", "b@b.test"]), b"A: b\n\n.dot\r\nend").await;
    assert_eq!(codes(replies), [250, 550, 451]);
    assert!(heard.ends_with("DATA\r\nA: b\r\n\r\n..dot\r\nend\r\n.\r\n"), "{heard}");
}

#[tokio::test]
async fn nothing_in_an_envelope_becomes_a_command() {
    let (replies, heard) =
        hand_over(&format!("{GREETING}hang"), ("a>\r\nRCPT TO:<b@b.test", &["c@b.test"]), b"A: b\r\n").await;
    assert_eq!((codes(replies), heard.as_str()), (vec![501], "LHLO localhost\r\n"));
    let (replies, heard) = hand_over(&format!("{GREETING}hang"), ("", &["c\nDATA"]), b"A: b\r\n").await;
    assert_eq!((codes(replies), heard.as_str()), (vec![501], "LHLO localhost\r\n"));
}

#[tokio::test]
async fn what_is_too_large_is_not_sent() {
    let (replies, heard) = hand_over(&format!("{GREETING}hang"), ("", &["a@b.test"]), &[b'x'; 101]).await;
    assert_eq!((codes(replies), heard.contains("MAIL")), (vec![552], false));
}

#[tokio::test]
async fn a_server_that_breaks_off_or_never_ends_is_an_error() {
    let table =
        "S 220 b.test\nC LHLO\nS 250 b.test\nC MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nstall";
    let (replies, _) = hand_over(table, ("", &["a@b.test"]), b"A: b\r\n").await;
    assert_eq!(replies.unwrap_err().kind, Kind::TimedOut);
    let endless = format!("S 220 b.test\nC LHLO\n{}", "S 250-x\n".repeat(4_000));
    let (replies, _) = hand_over(&endless, ("", &["a@b.test"]), b"A: b\r\n").await;
    assert_eq!(replies.unwrap_err().kind, Kind::Limit);
    let (replies, _) = hand_over("S * OK IMAP here\n", ("", &["a@b.test"]), b"A: b\r\n").await;
    assert_eq!(replies.unwrap_err().kind, Kind::Protocol);
}
