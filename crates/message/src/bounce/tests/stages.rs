//! When it was refused, and whether it is tried still, tell about whom it is where words do not.

use super::{Kind, answered, check};

const ZOE: &[&str] = &["zoe@x.test"];

fn written(subject: &str, text: &str) -> String {
    format!("From: MAILER-DAEMON@mx.test\nTo: us@our.test\nSubject: {subject}\n\n{text}")
}

#[test]
fn what_is_refused_after_its_text_was_sent_is_refused_for_its_text() {
    let postfix =
        "<zoe@x.test>: host mx.x.test[192.0.2.1] said: 550 Sorry, no. (in reply to end of DATA command)\n";
    check(&written("Undelivered", postfix), Kind::Soft, ZOE);
    let names_him = postfix.replace("Sorry, no.", "User unknown");
    check(&written("Undelivered", &names_him), Kind::Hard, ZOE);
    let sendmail = "   ----- The following addresses had permanent fatal errors -----\n<zoe@x.test>\n\n\
        ----- Transcript of session follows -----\n... while talking to mx.x.test.:\n>>> DATA\n<<< 550 Sorry, no.\n";
    check(&written("Returned mail", sendmail), Kind::Soft, ZOE);
    // The recipient was refused, so that no text could be sent.
    let refused_before = sendmail.replace(">>> DATA", ">>> RCPT To:<zoe@x.test>\n<<< 550 no\n>>> DATA");
    check(&written("Returned mail", &refused_before), Kind::Unclear, ZOE);
    let ours = "From: MAILER-DAEMON@mx.test\nTo: us@our.test\nContent-Type: multipart/report; boundary=b\n\n--b\n\n\
        <us@our.test>: host mx.x.test[192.0.2.1] said: 550 Sorry, no. (in reply to end of DATA command)\n\n--b\n\
        Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\nFinal-Recipient: rfc822; us@our.test\nAction: failed\n\
        Status: 5.0.0\nDiagnostic-Code: smtp; 550 Sorry, no.\n\n--b--\n";
    check(ours, Kind::Soft, &["us@our.test"]);
}

#[test]
fn what_comes_back_is_not_tried_any_more() {
    let waits = "This message has not been delivered after 12 hours:\n\nzoe@x.test\n";
    check(&written("Failed mail", waits), Kind::Delayed, ZOE);
    let ended = format!("{waits}\nTherefore it is being returned to you.\n");
    check(&written("Failed mail", &ended), Kind::Soft, ZOE);
}

#[test]
fn what_a_program_of_the_recipient_says_is_not_about_the_address() {
    let shell = "----- Transcript of session follows -----\nsh: /users/home/zoe/filter: not found\n554 \"|/users/home/zoe/filter\"... failed\n";
    check(&written("Returned mail", shell), Kind::Soft, &[]);
    assert_eq!(answered("550 This message scored 7 spam points", "5.0.0"), Kind::Soft);
}

#[test]
fn what_a_person_writes_of_mail_that_came_back_is_no_notice() {
    let person = "From: Tom <tom@x.test>\nTo: us@our.test\nSubject: bounced mail\n\n\
        We changed how mail goes out, which should end what bounced.\nPlease forward reports to zoe@x.test from now on.\n";
    check(person, Kind::Nothing, &[]);
    let quoted = "From: Tom <tom@x.test>\nTo: us@our.test\nSubject: Gateway: Undeliverable message\n\n\
        >> Zoe\n>>mailto:zoe@x.test | user unknown\n>\n";
    check(quoted, Kind::Nothing, &[]);
}

#[test]
fn whom_it_did_not_reach_is_told_apart_from_whom_it_reached() {
    let both = "Your message was successfully delivered to:\n\n  zoe@x.test\n\nIt was not delivered to:\n\n  tom@x.test\n";
    check(&written("Delivery report", both), Kind::Unclear, &["tom@x.test"]);
    let arrived = "Your message was successfully delivered to:\n\n  zoe@x.test\n";
    check(&written("Delivery report", arrived), Kind::Receipt, ZOE);
}

#[test]
fn a_system_that_says_why_says_that_it_failed() {
    check(&written("Hello", "About what you wrote to zoe@x.test: the mailbox is full.\n"), Kind::Soft, ZOE);
    let person = written("Hello", "The mailbox of zoe@x.test is full.\n").replace("MAILER-DAEMON", "tom");
    check(&person, Kind::Nothing, &[]);
}

#[test]
fn a_reply_is_no_footer() {
    let list = "I could not deliver this:\n\nzoe@x.test\n______________________________\nfor the mailing list of cats:\n";
    check(&written("Returned mail", &format!("{list}550 User unknown\n")), Kind::Hard, ZOE);
    check(&written("Returned mail", &format!("{list}a user unknown to us keeps it\n")), Kind::Unclear, ZOE);
}

#[test]
fn who_wrote_to_himself_does_not_complain() {
    let report = |to: &str| {
        format!(
            "From: fbl@isp.test\nContent-Type: multipart/report; boundary=b\n\n--b\n\nA report.\n--b\n\
             Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n--b\nContent-Type: message/rfc822\n\n\
             From: us@our.test\nTo: {to}\n\nHi.\n--b--\n"
        )
    };
    check(&report("us@our.test, zoe@x.test"), Kind::Complaint, ZOE);
    check(&report("us@our.test"), Kind::Complaint, &[]);
}
