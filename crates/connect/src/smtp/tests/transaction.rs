//! What becomes of a mail at servers that are slow, strange, or gone.

use super::*;

const PLAIN: &str = "S 220 b.test\nC EHLO us.test\nS 250 b.test\n";
const PIPELINED: &str = "S 220 b.test\nC EHLO\nS 250-b.test\nS 250 PIPELINING\n";

#[tokio::test]
async fn one_refused_of_many_leaves_the_others() {
    for (greeting, is_pipelined) in [(PLAIN, false), (PIPELINED, true)] {
        // A server that hears all commands first shows that they were not waited for.
        let envelope = match is_pipelined {
            false => {
                "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC RCPT\nS 450 4.2.1 later\nC RCPT\nS 550-5.1.1 no\nS 550 5.1.1 such\n\
                 C DATA\n"
            }
            true => {
                "C MAIL\nC RCPT\nC RCPT\nC RCPT\nS 250 ok\nS 250 ok\nS 450 4.2.1 later\nS 550-5.1.1 no\nS 550 5.1.1 such\n\
                 C DATA\n"
            }
        };
        let table = format!("{greeting}{envelope}S 354 go\ndata\nS 250 2.0.0 kept");
        let told = tell(&table, &to(&["a@b.test", "b@b.test", "c@b.test"]), RAW).await;
        assert_eq!((told.codes(), told.asked), (vec![250, 450, 550], 1));
        let replies = told.result.unwrap().recipients;
        let enhanced: Vec<Option<&str>> = replies.iter().map(Reply::enhanced).collect();
        assert_eq!(enhanced, [Some("2.0.0"), Some("4.2.1"), Some("5.1.1")]);
        assert_eq!(replies[2].text, "5.1.1 no\n5.1.1 such");
        assert!(told.heard.ends_with("DATA\r\nA: b\r\n\r\n..\r\nc\r\n.\r\n"), "{}", told.heard);
    }
}

#[tokio::test]
async fn too_many_recipients_go_with_the_next_mail_however_a_server_says_it() {
    let table = "C MAIL\nC RCPT\nC RCPT\nS 250 ok\nS 250 ok\nS 552 5.5.3 too many\nC DATA\nS 354 go\ndata\nS 552 5.2.2 full";
    let told = tell(&format!("{PIPELINED}{table}"), &to(&["a@b.test", "b@b.test"]), RAW).await;
    assert_eq!(told.codes(), [552, 452], "of the whole mail it is final");
}

#[tokio::test]
async fn a_domain_goes_in_ascii_where_nobody_reads_anything_else() {
    let envelope = Envelope::new("zoe@münchen.test", ["ida@bücher.test", "idä@bücher.test"]);
    let one = "C MAIL FROM:<zoe@xn--mnchen-3ya.test>\nS 250 ok\nC RCPT TO:<ida@xn--bcher-kva.test>\nS 250 ok\nC DATA\nS 354 go\ndata\n\
               S 250 ok";
    let told = tell(&format!("{PLAIN}{one}"), &envelope, RAW).await;
    assert_eq!(told.codes(), [250, 553], "{}", told.heard);
    let with = "S 220 b.test\nC EHLO\nS 250-b.test\nS 250 SMTPUTF8\nC MAIL FROM:<zoe@münchen.test> SMTPUTF8\nS 250 ok\n\
                C RCPT TO:<ida@bücher.test>\nS 250 ok\nC RCPT TO:<idä@bücher.test>\nS 250 ok\nC DATA\nS 354 go\ndata\nS 250 ok";
    assert_eq!(tell(with, &envelope, RAW).await.codes(), [250, 250]);
}

#[tokio::test]
async fn where_nobody_is_left_there_is_no_text() {
    let nobody = "C MAIL\nC RCPT\nC RCPT\nS 250 ok\nS 550 no\nS 450 no\nC RSET\nS 250 ok";
    let told = tell(&format!("{PIPELINED}{nobody}"), &to(&["a@b.test", "b@b.test"]), RAW).await;
    assert_eq!((told.codes(), told.asked), (vec![550, 450], 0));
    let sender = "C MAIL\nC RCPT\nC RCPT\nS 550 5.7.1 not you\nS 503 who?\nS 503 who?";
    let told = tell(&format!("{PIPELINED}{sender}"), &to(&["a@b.test", "b@b.test"]), RAW).await;
    assert_eq!((told.codes(), told.asked), (vec![550, 550], 0));
    let data = "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 451 full\nC RSET\nS 250 ok";
    let told = tell(&format!("{PLAIN}{data}"), &to(&["a@b.test"]), RAW).await;
    assert_eq!((told.codes(), told.asked), (vec![451], 0));
    assert!(!told.heard.contains("A: b"), "{}", told.heard);
}

#[tokio::test]
async fn what_is_certain_when_a_server_goes() {
    let begin = format!("{PLAIN}C MAIL\nS 250 ok\nC RCPT\nS 550 no\nC RCPT\nS 250 ok\n");
    let two = to(&["a@b.test", "b@b.test"]);
    for (rest, kind, is_uncertain, asked) in [
        ("C DATA\n", Kind::Closed, false, 0),
        ("C DATA\nS 421 4.3.2 going down", Kind::Closed, false, 0),
        ("C DATA\nstall", Kind::TimedOut, false, 0),
        ("C DATA\nS 250 what", Kind::Protocol, false, 0),
        ("C DATA\nS 354 go\nS 250 kept", Kind::Protocol, false, 0),
        ("C DATA\nS 354 go\nS 421 going down", Kind::Closed, false, 0),
        ("C DATA\nS 354 go\ndata\n", Kind::Closed, true, 1),
        ("C DATA\nS 354 go\ndata\nstall", Kind::TimedOut, true, 1),
        ("C DATA\nS 354 go\ndata\nS 354 more", Kind::Protocol, true, 1),
        ("C DATA\nS 354 go\ndata\nS * OK\n", Kind::Protocol, true, 1),
        ("C DATA\nS 354 go\ndata\nR 25", Kind::Closed, true, 1),
    ] {
        let told = tell(&format!("{begin}{rest}"), &two, RAW).await;
        assert_eq!(told.failure(), (kind, is_uncertain, vec![Some(550), None], asked), "{rest}");
    }
}

#[tokio::test]
async fn a_second_reply_to_one_command_is_not_the_next_ones() {
    let twice = "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nS 250 ok\nhang";
    let told = tell(&format!("{PLAIN}{twice}"), &to(&["a@b.test"]), RAW).await;
    assert_eq!(told.failure(), (Kind::Protocol, false, vec![None], 0));
    let pipelined = "C MAIL\nC RCPT\nS 250 ok\nS 250 ok\nS 250 ok\nhang";
    let told = tell(&format!("{PIPELINED}{pipelined}"), &to(&["a@b.test"]), RAW).await;
    assert_eq!(told.failure(), (Kind::Protocol, false, vec![None], 0));
}

#[tokio::test]
async fn a_refused_end_is_certain_and_the_session_goes_on() {
    let first = "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\ndata\nS 554 5.7.1 spam\n";
    let second = "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\ndata\nS 421 4.3.2 later";
    let (mut smtp, server) = open(&format!("{PLAIN}{first}{second}")).await;
    let envelope = to(&["a@b.test"]);
    let mail = Outgoing { envelope: &envelope, raw: RAW };
    assert_eq!(smtp.send(&mail, async || true).await.unwrap().recipients[0].code, 554);
    assert!(!smtp.has_ended());
    // Where it takes its leave in place of a reply, it has not taken the mail.
    assert_eq!(smtp.send(&mail, async || true).await.unwrap().recipients[0].code, 421);
    assert!(smtp.has_ended());
    let failure = smtp.send(&mail, async || true).await.unwrap_err();
    assert_eq!((failure.error.kind, failure.is_uncertain), (Kind::Closed, false));
    assert!(!failure.error.leaves_the_session());
    smtp.close().await;
    assert!(!server.await.unwrap().contains("QUIT"));
}

#[tokio::test]
async fn a_mail_that_is_taken_back_before_its_end_never_ends() {
    let table = format!("{PLAIN}C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nhang");
    let large = [b"A: b\r\n\r\n".as_slice(), &b"0123456789\r\n".repeat(12_000)].concat();
    for (raw, is_begun) in [(RAW, false), (large.as_slice(), true)] {
        let (mut smtp, server) = open(&table).await;
        let envelope = to(&["a@b.test"]);
        let failure = smtp.send(&Outgoing { envelope: &envelope, raw }, async || false).await.unwrap_err();
        assert_eq!((failure.error.kind, failure.is_uncertain), (Kind::Here, false));
        smtp.close().await;
        let heard = server.await.unwrap();
        assert_eq!(heard.contains("A: b"), is_begun, "a small one goes whole or not at all");
        assert!(!heard.ends_with(".\r\n") && !heard.contains("QUIT"));
    }
}

#[tokio::test]
async fn what_a_server_cannot_take_is_not_sent() {
    let all = "S 220 b.test\nC EHLO\nS 250-b.test\nS 250-SIZE 40\nS 250-8BITMIME\nS 250-SMTPUTF8\nS 250 LIMITS RCPTMAX=2\n";
    let go = "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\ndata\nS 250 ok";
    let one = to(&["a@b.test"]);
    let large = [RAW, &[b'x'; 40], b"\r\n"].concat();
    let eight = "A: b\r\n\r\nü\r\n".as_bytes();
    let utf8 = "A: ü\r\n\r\nb\r\n".as_bytes();
    for (greeting, envelope, raw, code, word) in [
        (all, &one, large.as_slice(), 552, "5.3.4"),
        (all, &one, b"A: b\r\n\r\na\n.\nMAIL\r\n", 554, "5.6.0"),
        (all, &one, b"A: b\r\n\r\na\r.\rMAIL\r\n", 554, "5.6.0"),
        (PLAIN, &one, eight, 554, "5.6.3"),
        (PLAIN, &one, utf8, 553, "5.6.7"),
        (PLAIN, &to(&["ü@b.test"]), RAW, 553, "5.6.7"),
        (PLAIN, &to(&["a>\r\nRCPT TO:<b@b.test"]), RAW, 501, "5.1.3"),
        (PLAIN, &to(&[""]), RAW, 501, "5.1.3"),
        (PLAIN, &Envelope::new("a\r\nDATA", ["b@b.test"]), RAW, 501, "5.1.7"),
        (PLAIN, &Envelope::new("ü@c.test", ["b@b.test"]), RAW, 553, "5.6.7"),
    ] {
        let told = tell(&format!("{greeting}hang"), envelope, raw).await;
        assert_eq!((told.codes(), told.asked), (vec![code], 0), "{envelope:?}");
        let reply = &told.result.as_ref().unwrap().recipients[0];
        assert_eq!((reply.enhanced(), reply.is_ours), (Some(word), true));
        assert!(!told.heard.contains("MAIL"), "{}", told.heard);
    }
    let told = tell(&format!("{all}{go}"), &one, eight).await;
    assert!(told.heard.contains("MAIL FROM:<z@c.test> SIZE=12 BODY=8BITMIME\r\n"), "{}", told.heard);
    let told = tell(&format!("{all}{go}"), &one, utf8).await;
    assert!(told.heard.contains(" BODY=8BITMIME SMTPUTF8\r\n"), "{}", told.heard);
    let told = tell(&format!("{PLAIN}{go}"), &to(&["ü@b.test", "a@b.test"]), RAW).await;
    assert_eq!(told.codes(), [553, 250], "the others are not held up by one");
    assert!(!told.heard.contains("SMTPUTF8"), "{}", told.heard);
    let three = go.replacen("C RCPT\nS 250 ok\n", "C RCPT\nS 250 ok\nC RCPT\nS 250 ok\n", 1);
    let told = tell(&format!("{all}{three}"), &to(&["a@b.test", "b@b.test", "c@b.test"]), RAW).await;
    assert_eq!(told.codes(), [250, 250, 452]);
}

#[tokio::test]
async fn a_server_that_takes_few_mails_at_a_time_is_left() {
    let limits = "S 220 b.test\nC EHLO\nS 250-b.test\nS 250 LIMITS MAILMAX=1\n";
    let table = format!(
        "{limits}C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\ndata\nS 250 ok\nC QUIT\nS 221 bye"
    );
    let (mut smtp, server) = open(&table).await;
    let envelope = to(&["a@b.test"]);
    let mail = Outgoing { envelope: &envelope, raw: RAW };
    assert_eq!(smtp.send(&mail, async || true).await.unwrap().recipients[0].code, 250);
    assert!(smtp.has_ended());
    assert_eq!(smtp.send(&mail, async || true).await.unwrap_err().error.kind, Kind::Closed);
    smtp.close().await;
    assert!(server.await.unwrap().ends_with("QUIT\r\n"));
}

#[tokio::test]
async fn a_thousand_recipients_go_in_groups() {
    let recipients: Vec<String> = (0..120).map(|number| format!("a{number}@b.test")).collect();
    let mut table = PIPELINED.to_owned() + "C MAIL\n";
    for group in [49, 50, 21] {
        table += &"C RCPT\n".repeat(group);
        table += &"S 250 ok\n".repeat(group + usize::from(group == 49));
    }
    let table = table + "C DATA\nS 354 go\ndata\nS 250 ok";
    let told = tell(&table, &Envelope::new("", &recipients), RAW).await;
    assert_eq!(told.codes(), [250; 120]);
}

#[tokio::test]
async fn wishes_for_reports_go_to_whom_they_mean_something() {
    let mut envelope = Envelope::new("z@c.test", ["a@b.test", "b@b.test"]);
    envelope.reports = Reports { returned: Some(Returned::Header), envelope_id: Some("a+b=c d".to_owned()) };
    envelope.recipients[0].notify = Some(Notify::On(vec![Occasion::Failure, Occasion::Delay]));
    envelope.recipients[0].original = Some("a+x@b.test".to_owned());
    envelope.recipients[1].notify = Some(Notify::Never);
    let go = "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\ndata\nS 250 ok";
    let told = tell(&format!("{PLAIN}{go}"), &envelope, RAW).await;
    assert!(told.heard.contains("MAIL FROM:<z@c.test>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<b@b.test>\r\n"));
    let table = format!("{}{go}", PIPELINED.replace("PIPELINING", "DSN"));
    let told = tell(&table, &envelope, RAW).await;
    assert!(
        told.heard.contains(
            "MAIL FROM:<z@c.test> RET=HDRS ENVID=a+2Bb+3Dc+20d\r\n\
             RCPT TO:<a@b.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bx@b.test\r\nRCPT TO:<b@b.test> NOTIFY=NEVER\r\n"
        ),
        "{}",
        told.heard
    );
}

#[tokio::test]
async fn a_refusal_in_the_middle_of_the_text_is_one() {
    let begin = format!("{PLAIN}C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\n");
    let large = [b"A: b\r\n\r\n".as_slice(), &b"0123456789\r\n".repeat(60_000)].concat();
    // One says it and waits, one says it and goes, one goes without a word.
    for (rest, is_told) in
        [("take 100\nS 552 5.3.4 no\nhang", true), ("take 100\nS 552 5.3.4 no", true), ("take 100", false)]
    {
        let told = tell(&format!("{begin}{rest}"), &to(&["a@b.test"]), &large).await;
        assert_eq!(told.asked, 0, "{rest}");
        match is_told {
            true => assert_eq!(told.codes(), [552], "{rest}"),
            false => assert_eq!(told.failure(), (Kind::Closed, false, vec![None], 0)),
        }
    }
}
