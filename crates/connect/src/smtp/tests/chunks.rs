//! BDAT (RFC 3030), at servers that have it and at one that only says so.

use super::*;

const CHUNKING: &str = "S 220 b.test\nC EHLO\nS 250-b.test\nS 250-PIPELINING\nS 250 CHUNKING\n";
const ENVELOPE: &str = "C MAIL\nC RCPT\nS 250 ok\nS 250 ok\n";

#[tokio::test]
async fn the_first_line_proves_it_and_later_mails_go_at_once() {
    let table = format!(
        "{CHUNKING}{ENVELOPE}C BDAT 6\ntake 6\nS 250 6 bytes\nC BDAT 8 LAST\ntake 8\nS 250 kept\n\
         {ENVELOPE}C BDAT 14 LAST\ntake 14\nS 554 5.7.1 spam\nC RSET\nS 250 ok\n{ENVELOPE}C BDAT 14 LAST\ntake 14\nS 250 kept"
    );
    let (mut smtp, server) = open(&table).await;
    let envelope = to(&["a@b.test"]);
    for code in [250, 554, 250] {
        let sent = smtp.send(&Outgoing { envelope: &envelope, raw: RAW }, async || true).await.unwrap();
        assert_eq!(sent.recipients[0].code, code);
    }
    drop(smtp);
    let heard = server.await.unwrap();
    assert!(heard.contains("BDAT 6\r\nA: b\r\nBDAT 8 LAST\r\n\r\n.\r\nc\r\nMAIL"), "{heard}");
    assert!(heard.ends_with("BDAT 14 LAST\r\nA: b\r\n\r\n.\r\nc\r\n"), "{heard}");
}

#[tokio::test]
async fn nothing_is_kept_before_the_last_piece() {
    let large = [b"A: b\r\n\r\n".as_slice(), &b"0123456789\r\n".repeat(12_000)].concat();
    let table = format!("{CHUNKING}{ENVELOPE}C BDAT 6\ntake 6\nS 250 ok\nhang");
    let (mut smtp, server) = open(&table).await;
    let envelope = to(&["a@b.test"]);
    let mail = Outgoing { envelope: &envelope, raw: &large };
    let failure = smtp.send(&mail, async || false).await.unwrap_err();
    assert_eq!((failure.error.kind, failure.is_uncertain), (Kind::Here, false));
    drop(smtp);
    let heard = server.await.unwrap();
    let sent = heard.split("LAST\r\n").nth(1).unwrap().len();
    assert!(sent > 0 && sent < large.len() - 6, "{sent}");
    let gone = format!("{CHUNKING}{ENVELOPE}C BDAT 6\ntake 6\nS 250 ok\nC BDAT 8 LAST\ntake 8\n");
    let told = tell(&gone, &envelope, RAW).await;
    assert_eq!(told.failure(), (Kind::Closed, true, vec![None], 1));
    let all = format!(
        "{CHUNKING}{ENVELOPE}C BDAT 6\ntake 6\nS 250 ok\nC BDAT {0} LAST\ntake {0}\nS 250 ok",
        large.len() - 6
    );
    let told = tell(&all, &envelope, &large).await;
    assert_eq!(told.codes(), [250]);
    assert!(told.heard.as_bytes().ends_with(&large[6..]));
}

#[tokio::test]
async fn a_server_that_only_says_so_hears_no_mail_as_commands() {
    let lie = "C BDAT 6\nS 502 what\nC A: b\nS 500 what\nC RSET\nS 250 ok\n";
    let table = format!("{CHUNKING}{ENVELOPE}{lie}{ENVELOPE}C DATA\nS 354 go\ndata\nS 250 kept");
    let told = tell(&table, &to(&["a@b.test"]), RAW).await;
    assert_eq!((told.codes(), told.asked), (vec![250], 1));
    // One that counts the bytes and takes none.
    let none = "C BDAT 6\ntake 6\nS 502 what\nC RSET\nS 250 ok\n";
    let table = format!("{CHUNKING}{ENVELOPE}{none}{ENVELOPE}C DATA\nS 354 go\ndata\nS 250 kept");
    assert_eq!(tell(&table, &to(&["a@b.test"]), RAW).await.codes(), [250]);
    // One that has no place.
    let full = "C BDAT 6\ntake 6\nS 452 4.3.1 full\nC RSET\nS 250 ok\n";
    let told = tell(&format!("{CHUNKING}{ENVELOPE}{full}"), &to(&["a@b.test"]), RAW).await;
    assert_eq!((told.codes(), told.asked), (vec![452], 0));
}

#[tokio::test]
async fn a_last_line_without_its_end_goes_by_data() {
    let table = format!("{CHUNKING}{ENVELOPE}C DATA\nS 354 go\ndata\nS 250 kept");
    assert_eq!(tell(&table, &to(&["a@b.test"]), b"A: b\r\n\r\nc").await.codes(), [250]);
}
