//! What a server answered, apart from what servers are called and from whatever stands around the answer.

use super::{answered, check, check_returned};
use crate::bounce::Kind;

const ZOE: &[&str] = &["zoe@x.test"];

/// A report of Exim's without fields, about one recipient, with what his server is called and answered.
fn exim(server: &str, reply: &str) -> String {
    format!(
        "From: Mail Delivery System <Mailer-Daemon@mx.test>\nTo: us@our.test\nSubject: Mail delivery failed\n\n\
         A message that you sent could not be delivered to one or more of its recipients.\n\n  zoe@x.test\n    \
         host {server}\n    SMTP error from remote mail server after RCPT TO:<zoe@x.test>:\n    {reply}\n"
    )
}

#[test]
fn what_a_server_is_called_says_nothing() {
    for server in [
        "x-test.mail.protection.outlook.com [192.0.2.1]",
        "mx.antispam-firewall.test [192.0.2.1]",
        "mx.quota.blocked.test (192.0.2.1)",
        "mx.over-quota.test[192.0.2.1]",
        "spam.mx.test:",
    ] {
        check(&exim(server, "550 5.5.0 mailbox unavailable"), Kind::Hard, ZOE);
        check(&exim(server, "550 sorry"), Kind::Unclear, ZOE);
    }
    let closed = "From: MAILER-DAEMON@mx.test\nSubject: Undelivered\n\nThis is the mail system at host mx.test.\n\n\
        The following address failed permanently.\n\n  zoe@x.test\n";
    check(closed, Kind::Unclear, ZOE);
    check(&exim("mx.unknown.user.test [192.0.2.1]", "552 mailbox is full"), Kind::Soft, ZOE);
    check(&exim("mx.x.test [192.0.2.1]", "550 listed by bl.spamhaus.test"), Kind::Soft, ZOE);
}

#[test]
fn an_answer_is_found_by_its_code() {
    let said = |text: &str| {
        format!(
            "From: MAILER-DAEMON@mx.test\nSubject: Undelivered\n\nYour message could not be delivered.\n\n\
             zoe@x.test\nThat server turned it down and wrote\n{text}\n\nThe quota of this service is large.\n"
        )
    };
    check(&said("550 <zoe@x.test> recipient rejected"), Kind::Hard, ZOE);
    check(&said("    541 5.4.1 Mail refused by policy"), Kind::Soft, ZOE);
    let fields = "From: MAILER-DAEMON@mx.test\nContent-Type: multipart/report; boundary=b\n\n--b\n\n\
        zoe@x.test; Failed; 5.3.0 (other or undefined mail system status)\n\
        SMTP protocol diagnostic: 550 5.6.0 a field of the header is broken\n\
        --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n\
        Final-Recipient: rfc822; zoe@x.test\nAction: failed\nStatus: 5.3.0\n--b--\n";
    check(fields, Kind::Soft, ZOE);
}

#[test]
fn what_a_server_says_of_a_mailbox_is_no_bait() {
    let full = "This is the mail system at host mx.test.\n\n<zoe@x.test>: host mx.x.test[192.0.2.1] said: 552 5.2.2 The\n    \
        recipient's inbox is out of storage space (in reply to RCPT TO command)\n";
    let of = |from: &str| format!("From: {from}\nTo: us@our.test\nSubject: Undelivered Mail\n\n{full}");
    check(&of("MAILER-DAEMON@mx.test"), Kind::Soft, ZOE);
    let bait = of("MAILER-DAEMON@mx.test").replace("zoe@x.test", "us@our.test");
    check(&bait, Kind::Nothing, &[]);
    // Whoever has the return path speaks of its recipient, whatever he calls him.
    check_returned(&bait, Kind::Soft, &["us@our.test"]);
    let quota = "From: postmaster@mx.test\nTo: us@our.test\nSubject: Delivery failed: mailbox full\n\n\
        Your message could not be delivered.\nus@our.test: mailbox is full\n";
    check(quota, Kind::Nothing, &[]);
    check_returned(quota, Kind::Soft, &["us@our.test"]);
    let away = "From: zoe@x.test\nSubject: Out of office: mailbox full\n\nTill Monday.\n";
    check_returned(away, Kind::Auto, &[]);
    let named = "From: MAILER-DAEMON@mx.test\nTo: us@our.test\nSubject: Undelivered Mail\n\nHi. This is the mailer program at \
        mx.parcel.test.\nIt could not be delivered.\n\n<zoe@x.test>: 550 no such user\n";
    check(named, Kind::Hard, ZOE);
}

#[test]
fn an_answer_that_ends_in_a_sender_hides_no_recipient() {
    let two = "From: MAILER-DAEMON@mx.test\nSubject: Undelivered\n\nYour message could not be delivered.\n\n  \
        ann@x.test\n    host mx.x.test [192.0.2.1]:\n    550 5.7.1 we take no mail from\n  zoe@y.test\n    \
        host mx.y.test [192.0.2.1]:\n    551 no such user\n";
    check(two, Kind::Hard, &["zoe@y.test"]);
}

#[test]
fn what_a_list_tells_its_member_is_none() {
    for (subject, text) in [
        (
            "Your removal from the NEWS list",
            "You have been automatically removed, as mail failed: user unknown.",
        ),
        (
            "Delivery failure for NEWS",
            "A message to us@our.test from the list was undeliverable. It eventually made it through to you.",
        ),
        ("Bounces", "Some messages to you could not be delivered: 550 mailbox full."),
    ] {
        let mail =
            format!("From: list server <listserv@x.test>\nTo: us@our.test\nSubject: {subject}\n\n{text}\n");
        check(&mail, Kind::Nothing, &[]);
    }
}

#[test]
fn a_receipt_that_a_person_hands_on_is_none() {
    let receipt = |fields: &str| {
        format!(
            "From: Ann <ann@x.test>\nTo: us@our.test\n{fields}\n\n--b\n\nSee below.\n--b\n\
             Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; zoe@x.test\n\
             Disposition: manual-action/MDN-sent-manually; displayed\n--b--\n"
        )
    };
    check(&receipt("Subject: Read: Hello\nContent-Type: multipart/report; boundary=b"), Kind::Receipt, ZOE);
    let handed =
        "Subject: Fwd: Read: Hello\nIn-Reply-To: <1@x.test>\nContent-Type: multipart/mixed; boundary=b";
    check(&receipt(handed), Kind::Nothing, &[]);
}

#[test]
fn what_a_scanner_puts_under_a_report_is_no_reason() {
    let report = "From: postmaster@x.test\nSubject: Delivery Status Notification (Failure)\n\nDelivery to the following \
        recipients failed.\n\n       zoe@x.test\n\n________________________________________\n\
        This mail has been scanned for all viruses and offensive content.\n";
    check(report, Kind::Unclear, ZOE);
}

#[test]
fn an_apostrophe_may_be_of_a_name_or_around_it() {
    let said = |line: &str| {
        format!(
            "From: MAILER-DAEMON@mx.test\nSubject: Undelivered\n\nYour message could not be delivered.\n\n{line}\n"
        )
    };
    let fields = |recipient: &str| {
        format!(
            "From: MAILER-DAEMON@mx.test\nContent-Type: multipart/report; boundary=b\n\n--b\n\nSorry.\n\
             --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n\
             Final-Recipient: rfc822; {recipient}\nAction: failed\nStatus: 5.1.1\n--b--\n"
        )
    };
    let name = &["zoe.o'hara@x.test"];
    for line in [
        "<zoe.o'hara@x.test>: no such user",
        "zoe.o'hara@x.test: 550 no such user",
        "550 <zoe.o'hara@x.test>... No such user",
    ] {
        check(&said(line), Kind::Hard, name);
    }
    check(&fields("zoe.o'hara@x.test"), Kind::Hard, name);
    check(&fields("'zoe@x.test'"), Kind::Hard, ZOE);
    for line in [
        "'zoe@x.test': no such user",
        "There is no such user as 'zoe@x.test'.",
        "rcpt='zoe@x.test' no such user",
    ] {
        check(&said(line), Kind::Hard, ZOE);
    }
    check(&said("Sorry, zoe@x.test's mailbox is full."), Kind::Soft, ZOE);
    let field =
        said("550 no such user").replace("Subject", "X-Failed-Recipients: zoe.o'hara@x.test\nSubject");
    check(&field, Kind::Hard, name);
}

#[test]
fn a_keeper_of_a_server_may_be_whom_a_mail_did_not_reach() {
    for line in ["support@x.test: 550 5.1.1 no such user", "Failed address: support@x.test"] {
        let mail = format!(
            "From: MAILER-DAEMON@mx.test\nTo: us@our.test\nSubject: Undelivered\n\nYour message could not be delivered.\n\n{line}\n\
             550 no such user\n"
        );
        check(&mail, Kind::Hard, &["support@x.test"]);
    }
    let asked = "From: MAILER-DAEMON@mx.test\nSubject: Undelivered\n\nYour message could not be delivered: no such user.\n\n\
        support@x.test helps.\n";
    check(asked, Kind::Hard, &[]);
}

#[test]
fn what_stands_around_an_answer_that_says_nothing_is_no_reason() {
    for line in [
        "zoe@x.test: 550 Rejected",
        "<zoe@x.test>: host mx.x.test said: 550 Rejected",
        "zoe@x.test\n    host mx.x.test [192.0.2.1]: 550 no",
    ] {
        let report = format!(
            "From: MAILER-DAEMON@mx.test\nSubject: Undelivered\n\nCAUTION: this came from outside. The content may be suspicious.\n\n\
             Your message could not be delivered.\n\n{line}\n\nThis e-mail is confidential. Disclosure is not permitted. No virus was found.\n"
        );
        check(&report, Kind::Unclear, ZOE);
    }
}

#[test]
fn whoever_shows_from_whom_a_report_was_hands_it_on() {
    let report = "Delivery has failed to these recipients:\n\nzoe@x.test\nno such user\n\n550 no such user\n";
    let handed = |header: &str| {
        format!(
            "From: Ann Bell <ann@our.test>\nTo: us@our.test\nSubject: Undeliverable: Lunch\n\n{header}\n\n{report}"
        )
    };
    for header in [
        "From: Mail Delivery System <MAILER-DAEMON@mx.test>\nSent: Monday\nSubject: Undeliverable: Lunch",
        "Von: postmaster@mx.test\nBetreff: Undeliverable: Lunch",
        "> From: Microsoft Outlook <x@our.test>",
        "\u{41e}\u{442}: Mail Delivery System <MAILER-DAEMON@mx.test>",
        "Hi Tom,\n\nthis came back. Do you have another address for Zoe?",
    ] {
        check(&handed(header), Kind::Nothing, &[]);
    }
    check(&handed("This is the mail system at host mx.test.\nFrom: us@our.test"), Kind::Hard, ZOE);
    let begun = "From: Ann <ann@our.test>\nSubject: Weitergeleitet: Undelivered Mail\n\n<zoe@x.test>: 550 no such user\n";
    check(begun, Kind::Nothing, &[]);
}

#[test]
fn what_waits_is_known_in_many_languages() {
    for waits in [
        "Wiadomość nie została jeszcze dostarczona do:",
        "Ditt meddelande har ännu inte levererats till:",
        "Din besked er endnu ikke leveret til:",
        "Viestiä ei ole vielä toimitettu:",
        "Az üzenet kézbesítése késik:",
        "Zpráva dosud nebyla doručena:",
        "Сообщение ещё не доставлено:",
        "İletiniz henüz teslim edilemedi:",
        "您的邮件投递已延迟：",
        "メッセージの配信が遅れています：",
    ] {
        let mail =
            format!("From: postmaster@mx.test\nSubject: mail\n\n{waits}\n\nzoe@x.test\n\n452 mailbox full\n");
        check(&mail, Kind::Delayed, ZOE);
    }
}

#[test]
fn what_answers_one_command_does_not_answer_the_next() {
    for (to, from) in [("-->", "<--"), (">>>", "<<<")] {
        let transcript = format!(
            "From: MDaemon@mx.test\nTo: us@our.test\nSubject: Permanent Delivery Failure\n\nThe attached message has failed delivery.\n\n\
             Failed address: zoe@x.test\n\n{to} MAIL From:<us@our.test>\n{from} 250 OK\n{to} RCPT To:<zoe@x.test>\n\
             {from} 550 no such user\n{to} QUIT\n"
        );
        check(&transcript, Kind::Hard, ZOE);
    }
}

#[test]
fn what_a_server_guesses_at_is_no_reason() {
    let guess = "From: MAILER-DAEMON@mx.test\nSubject: Mail delivery failed\n\nA message could not be delivered to:\n\n  zoe@x.test\n    \
        It could not be sent to zoe@x.test. He may be full or gone: either does not exist or may have been disabled or moved.\n";
    check(guess, Kind::Unclear, ZOE);
}

#[test]
fn what_is_written_above_our_mail_is_no_reason() {
    let report = "From: Mail.Service@x.test\nSubject: Returned Mail: Error During Delivery\n\n--- Failed Recipients ---\n\
        <zoe@x.test> mailbox unavailable.\n\n--- Contents of the undelivered mail ---\n\nReceived: from x.test\n";
    check(report, Kind::Hard, ZOE);
    assert_eq!(answered("", "5.4.4 (Permanent failure - routing/network: unable to route)"), Kind::Hard);
}

#[test]
fn who_takes_no_mail_of_some_takes_mail() {
    for mail in ["mail", "mails", "email", "emails"] {
        assert_eq!(
            answered(&format!("550 The recipient does not accept {mail} from strangers"), "5.0.0"),
            Kind::Soft,
            "{mail}"
        );
        assert_eq!(
            answered(&format!("550 The recipient does not accept {mail}"), "5.0.0"),
            Kind::Hard,
            "{mail}"
        );
    }
}
