//! Forms in which servers, lists and worms write, each in words of our own.

use super::*;

/// Reads a mail of a sender, with a subject and a text.
fn said(from: &str, subject: &str, text: &str, (kind, addresses): (Kind, &[&str])) {
    check(&format!("From: {from}\nTo: us@our.test\nSubject: {subject}\n\n{text}\n"), kind, addresses);
}

const DAEMON: &str = "MAILER-DAEMON@mx.test";
const ZOE: &[&str] = &["zoe@x.test"];

#[test]
fn words_right_behind_an_address_are_read() {
    for reply in ["550 zoe@x.test...No such user", "550 <zoe@x.test>:User unknown"] {
        assert_eq!(answered(reply, "5.0.0"), Kind::Hard, "{reply}");
    }
    assert_eq!(answered("550 refused for one recipient (zoe@x.test:quota)", "5.0.0"), Kind::Soft);
    assert_eq!(answered("550 no: user.unknown@x.test", "5.0.0"), Kind::Unclear);
}

#[test]
fn a_reply_of_several_lines_is_one() {
    let reply = "550-Please use SMTP authentication. 550-You are not permitted to 550 relay through us.";
    assert_eq!(answered(reply, "5.0.0"), Kind::Hard);
    assert_eq!(answered("550 Please use SMTP authentication.", "5.0.0"), Kind::Soft);
}

#[test]
fn attempts_that_go_on_are_told_from_those_that_end() {
    let text = |end: &str| {
        format!("Your message could not be delivered.\n\n<zoe@x.test>: 550 No such user\n\n{end}\n")
    };
    said(DAEMON, "Undelivered", &text("No further delivery attempts will be made."), (Kind::Hard, ZOE));
    said(DAEMON, "Undelivered", &text("We will not retry."), (Kind::Hard, ZOE));
    said(DAEMON, "Undelivered", &text("We will retry until Monday."), (Kind::Delayed, ZOE));
    said(
        DAEMON,
        "Warning: could not send mail for past 4 hours",
        "<zoe@x.test>: 450 busy",
        (Kind::Delayed, ZOE),
    );
}

#[test]
fn what_our_mail_was_called_does_not_say_that_it_waits() {
    let text = "Your message could not be delivered.\n\n<zoe@x.test>: 550 No such user\n";
    said("postmaster@x.test", "Undeliverable: Your delivery is delayed", text, (Kind::Hard, ZOE));
    said("postmaster@x.test", "Delivery is delayed", text, (Kind::Delayed, ZOE));
}

#[test]
fn systems_of_old_are_read() {
    let mmdf = "Your message could not be delivered to\n'zoe@x.test (host: x.test)' for the following\nreason: '550 Unknown user'\n";
    said("Memo Service <mmdf@mx.test>", "Failed mail (msg.7)", mmdf, (Kind::Hard, ZOE));
    let waiting = "After 2 days your message has not yet been fully delivered. Attempts are still pending for:\n\n\tzoe@x.test\n";
    said("Memo Service <mmdf@mx.test>", "Waiting mail (msg.7)", waiting, (Kind::Delayed, ZOE));
    let smail = "|---- Failed addresses follow: ----|\n <zoe@x.test> ... unknown host\n|---- Message text follows: ----|\n";
    said(DAEMON, "mail failed, returning to sender", smail, (Kind::Hard, ZOE));
    let exchange = "Your message\n\n  To:      team@our.test\n  Subject: hello\n  Sent:    Monday\n\n\
        did not reach the following recipient(s):\n\nzoe@x.test on Monday\n    The recipient name is not recognized\n";
    said("System Administrator <postmaster@x.test>", "Undeliverable: hello", exchange, (Kind::Hard, ZOE));
    let x400 = exchange.replace("zoe@x.test on", "c=DE;a= ;p=ORG;dda:SMTP=zoe@x.test; on");
    said("System Administrator <postmaster@x.test>", "Undeliverable: hello", &x400, (Kind::Hard, ZOE));
    let vms = "Your mail could not be delivered.\n\n  zoe@x.test\n  %MAIL-E-NOSUCHUSR, nobody\n";
    said("postmaster@vax.test", "RETURN-MAIL", vms, (Kind::Hard, ZOE));
}

#[test]
fn the_reason_may_stand_before_the_only_recipient() {
    let before = |reason: &str| {
        format!("This message was undeliverable due to the following reason:\n\n{reason}\n\n<zoe@x.test>\n")
    };
    said(
        "postmaster@x.test",
        "Returned Mail",
        &before("It is not found in the directory."),
        (Kind::Hard, ZOE),
    );
    said("postmaster@x.test", "Returned Mail", &before("The quota was reached."), (Kind::Soft, ZOE));
    said("postmaster@x.test", "Returned Mail", &before("It failed."), (Kind::Unclear, ZOE));
}

#[test]
fn frames_and_footers_tell_nothing() {
    let around = "Your message to <zoe@x.test> could not be delivered.\n\n550 no\n\nIt follows as a separate attachment. Do not reply to this \
        mail. Ask your mail administrator. This mail was scanned for viruses.\n";
    said("postmaster@x.test", "Undelivered", around, (Kind::Unclear, ZOE));
}

#[test]
fn what_the_server_answered_goes_before_what_explains_it() {
    let explained = "Your message could not be delivered.\n\nzoe@x.test\nThe service there is not an active one. \
        Server at x.test returned '550 5.4.316 connection refused'\n";
    said("postmaster@x.test", "Undeliverable: hello", explained, (Kind::Soft, ZOE));
}

#[test]
fn a_line_of_a_transcript_is_about_its_own_recipient() {
    let transcript = "----- Transcript of session follows -----\n554 <tom@y.test>... Protocol error\n\
        550 x.test (smtp)... 550 Host unknown\n554 <zoe@x.test>... 550 Host unknown\n";
    said(DAEMON, "Returned mail: see transcript", transcript, (Kind::Hard, ZOE));
}

#[test]
fn who_is_to_be_asked_is_not_the_recipient() {
    let text = "Your mail could not be delivered: no such user. Write to our people at desk@x.test, or contact help@x.test.\n";
    said("postmaster@x.test", "Undelivered", text, (Kind::Hard, &[]));
    said("postmaster@x.test", "Undelivered", &format!("{text}\nIt went to <zoe@x.test>."), (Kind::Hard, ZOE));
    let kept_back = "A message could not be delivered:\n\n  an address that is kept back\n    (generated from zoe@x.test)\n";
    said(DAEMON, "Mail delivery failed", kept_back, (Kind::Unclear, ZOE));
}

#[test]
fn lists_that_refuse_a_mail_are_told_from_lists_that_ask() {
    let mlmmj = "Hi, this is the Mlmmj program managing the <choir@x.test> mailing list.\n\nYour message was unable to be delivered \
        to the list because you are not a list subscriber. To join write to\n<choir+sub@x.test>\n";
    said("choir+owner@x.test", "Post denied: Re: hello", mlmmj, (Kind::Soft, &["choir@x.test"]));
    let ezmlm = "Hi! This is the ezmlm program. I'm managing the\nchoir@x.test mailing list.\n\n";
    let refused = format!("{ezmlm}Your message was not accepted by the moderator.\n");
    said("choir-help@x.test", "ezmlm response", &refused, (Kind::Soft, &["choir@x.test"]));
    let asks = format!("{ezmlm}To leave it, please answer this mail.\n");
    said("choir-help@x.test", "confirm unsubscribe from choir@x.test", &asks, (Kind::Nothing, &[]));
    let listserv = "You are not authorized to send mail to the CHOIR list.\n";
    said("\"list server at X.TEST\" <LISTSERV@x.test>", "Rejected posting", listserv, (Kind::Soft, &[]));
}

#[test]
fn what_a_list_or_a_newsletter_writes_is_no_report_of_its_program() {
    let post = |field: &str| {
        format!(
            "From: bob@x.test\nSender: choir-bounces@x.test\n{field}Subject: hello\n\n> tom@y.test:\nMy mail could not be delivered.\n"
        )
    };
    check(&post("List-Id: <choir.x.test>\n"), Kind::Nothing, &[]);
    check(&post("List-Unsubscribe: <mailto:no@x.test>\n"), Kind::Nothing, &[]);
}

#[test]
fn fields_in_a_text_count_where_a_server_wrote_it() {
    let flat = "I could not deliver it.\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n\
        Final-Recipient: rfc822; zoe@x.test\nAction: failed\nStatus: 5.1.1\n\n--b\n";
    said(DAEMON, "Undelivered Mail", flat, (Kind::Hard, ZOE));
    said("bob@our.test", "Fwd: Undelivered Mail", &format!("What is this?\n\n{flat}"), (Kind::Nothing, &[]));
    said("bob@our.test", "Undelivered parcel", "Your parcel was not delivered.", (Kind::Nothing, &[]));
}

#[test]
fn a_worm_that_looks_like_a_report_is_none() {
    let worm = |name: &str| {
        format!(
            "From: postmaster@our.test\nSubject: Delivery failed\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n\
             The message was not delivered: connection refused.\n--b\nContent-Type: application/octet-stream; name=\"{name}\"\n\nTVqQ\n--b--\n"
        )
    };
    check(&worm("message.scr"), Kind::Nothing, &[]);
    check(&worm("message.zip"), Kind::Nothing, &[]);
    check(&worm("message.dat"), Kind::Soft, &[]);
}

#[test]
fn what_a_master_of_mail_writes_of_nobody_is_no_report() {
    let ours = "Dear us@our.test, five messages could not be delivered, for your mailbox is full.\n";
    said("Mail Server <admin@x.test>", "Your mailbox", ours, (Kind::Nothing, &[]));
    said(
        "postmaster@our.test",
        "Report of Monday",
        "Mail rejected: 20\nUser unknown: 5\n",
        (Kind::Nothing, &[]),
    );
    said(
        "postmaster@our.test",
        "Undelivered mail",
        "It could not be delivered: user unknown\n",
        (Kind::Hard, &[]),
    );
}

#[test]
fn a_filter_that_refuses_in_words_of_its_own_is_told() {
    let sieve = "From: zoe@x.test\nSubject: Rejected: hello\nAuto-Submitted: auto-replied (rejected)\n\nI read no mail of yours.\n";
    check(sieve, Kind::Soft, &[]);
    check(&sieve.replace(" (rejected)", ""), Kind::Auto, &[]);
}

#[test]
fn a_mail_that_arrived_or_was_seen_is_told_in_words_too() {
    let arrived = "Your message was successfully delivered to the following recipients:\n\n  zoe@x.test\n";
    said(DAEMON, "Delivery Status Notification (Success)", arrived, (Kind::Receipt, ZOE));
    let seen = "Your message\n\n  To:  zoe@x.test\n  Subject:  hello\n\nwas read on Monday.\n";
    said("Zoe <zoe@x.test>", "Read: hello", seen, (Kind::Receipt, &[]));
    said(
        "Zoe <zoe@x.test>",
        "Re: hello",
        "I like it.\n\n> Your message was read on Monday.\n",
        (Kind::Nothing, &[]),
    );
}

#[test]
fn broken_reports_are_read_as_far_as_they_go() {
    let complaint = "From: fbl@isp.test\nContent-Type: multipart/report; report-type=feedback-report;\nboundary=b\n\n--b\n\nA report.\n\
        --b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: Zoe of X <zoe@x.test>\n\n--b--\n";
    check(complaint, Kind::Complaint, ZOE);
    check(&complaint.replace("\nboundary", " boundary"), Kind::Complaint, ZOE);
    let report = |words: &str, fields: &str| {
        format!(
            "From: {DAEMON}\nContent-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n{words}\n\
             --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n{fields}\nAction: failed\nStatus: 5.0.0\n--b--\n"
        )
    };
    let zoe = "Final-Recipient: rfc822; zoe@x.test";
    check(&report("<zoe@x.test> is over quota", zoe), Kind::Soft, ZOE);
    let gateway = format!("{zoe}\nX400-Supplementary-Info: \"the server says 550 no such user\"");
    check(&report("Sorry.", &gateway), Kind::Hard, ZOE);
    check(
        &report("<zoe@mailhost>: unknown user", "Original-Recipient: <zoe@mailhost>"),
        Kind::Hard,
        &["zoe@mailhost"],
    );
}

#[test]
fn absence_is_told_from_what_programs_notify_of() {
    let mail =
        |field: &str, subject: &str| format!("From: zoe@x.test\n{field}Subject: {subject}\n\nTill Monday.\n");
    check(&mail("List-Id: <team.our.test>\n", "Out of Office: hello"), Kind::Auto, &[]);
    check(&mail("List-Id: <team.our.test>\n", "Vacation homes"), Kind::Nothing, &[]);
    check(&mail("Auto-Submitted: auto-replied\n", "unsubscribe"), Kind::Nothing, &[]);
    let dmarc = mail("Auto-Submitted: auto-replied\nContent-Type: multipart/report; boundary=b\n", "DMARC");
    check(&dmarc, Kind::Nothing, &[]);
}
