//! What looks like a report and is none, and what the programs of lists put around one that is.

use super::check;
use crate::bounce::Kind;

const LIST: &str = "List-Id: <choir.x.test>\nPrecedence: list\n";
const FOOTER: &str = "_______________________________________________\nchoir mailing list\nchoir@x.test\nhttps://x.test/listinfo/choir\n";

/// A mail that went through a list, with its footer.
fn posted(from: &str, subject: &str, text: &str) -> String {
    format!("From: {from}\nTo: choir@x.test\n{LIST}Subject: {subject}\n\n{text}\n{FOOTER}")
}

#[test]
fn a_footer_of_a_list_names_nobody() {
    let exim = "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to \
        one or more of its recipients.\n\n  zoe@y.test\n    550 Unknown user\n";
    let subject = "[choir] Mail delivery failed: returning message to sender";
    check(&posted("Mailer-Daemon@y.test", subject, exim), Kind::Hard, &["zoe@y.test"]);
    let leave = "This message was created automatically by mail delivery software.\n\n<zoe@y.test>: over quota\n\n\
        ---------------------------------------------------------------------\nTo unsubscribe, e-mail: choir-leave@x.test\n";
    let ezmlm = format!("From: Mailer-Daemon@y.test\nSubject: failure notice\n{LIST}\n{leave}");
    check(&ezmlm, Kind::Soft, &["zoe@y.test"]);
    let own = "Your message did not reach some or all of the intended recipients.\n\nchoir@x.test\n   Error: Mailbox is full\n";
    check(&posted("mailer-daemon@y.test", "Message undeliverable", own), Kind::Soft, &["choir@x.test"]);
}

#[test]
fn bait_for_passwords_is_no_report() {
    let waits =
        "Mail could not be delivered.\nYou have 7 pending messages for choir@x.test.\nRelease them here.\n";
    check(&posted("Mail Delivery System <admin@y.test>", "Mail delivery failed", waits), Kind::Nothing, &[]);
    let full =
        "choir@x.test\nYour mailbox is full. Mail was returned to sender. Click here to get more room.\n";
    check(&posted("mailer-daemon@y.test", "Delivery failure", full), Kind::Nothing, &[]);
    check(&posted("postmaster@y.test", "Undeliverable mail", full), Kind::Nothing, &[]);
    let direct =
        format!("From: Mail Delivery <admin@y.test>\nTo: choir@x.test\nSubject: Undelivered\n\n{full}");
    check(&direct, Kind::Nothing, &[]);
    let flat = "This message was created automatically by mail delivery software.\nIncoming messages that could not be delivered \
        wait. See them here.\n\nReporting-MTA: dns; y.test\nFinal-Recipient: rfc822; choir@x.test\nAction: failed\nStatus: 5.2.2\n";
    check(&posted("Mail Delivery System <admin@y.test>", "Delivery status", flat), Kind::Nothing, &[]);
}

#[test]
fn a_subject_alone_is_no_report() {
    let worm = "The message cannot be shown in seven bits and has been sent as a binary attachment.\n";
    check(
        &posted("postmaster@x.test", "Returned mail: see transcript for details", worm),
        Kind::Nothing,
        &[],
    );
    check(&posted("postmaster@x.test", "Returned mail", "%&/(7&%/89"), Kind::Nothing, &[]);
    let nameless = "The mail was not delivered.\n";
    check(&posted("postmaster@x.test", "Undelivered mail", nameless), Kind::Nothing, &[]);
}

#[test]
fn a_report_that_a_person_quotes_is_none() {
    let quoted = "Somebody else should get this, see below.\n\nTom (postmaster@x.test)\n\n> From: MAILER-DAEMON\n\
        > Your message was not delivered to zoe@y.test: no such user\n> zoe@y.test\n";
    check(&format!("From: postmaster@x.test\nSubject: Failed mail\n\n{quoted}"), Kind::Nothing, &[]);
}

#[test]
fn whoever_is_called_like_a_server_may_be_a_person_or_a_list() {
    let news = "List-Unsubscribe: <mailto:no@x.test>\n";
    let tips = "Why was your mail rejected? Write to:\n\nhelp@y.test\n";
    check(
        &format!("From: News <bounce-7@x.test>\n{news}Subject: Tips on rejected mail\n\n{tips}"),
        Kind::Nothing,
        &[],
    );
    let report = "zoe@x.test: no such user\n";
    check(
        &format!("From: bounces@x.test\nSubject: Returned mail\n\nIt was not delivered.\n\n{report}"),
        Kind::Hard,
        &["zoe@x.test"],
    );
    let answer = "Dear Zoe,\n\nyour mail for tom@y.test was rejected as a machine was down.\n";
    check(&format!("From: postmaster@x.test\nSubject: Re: my mail\n\n{answer}"), Kind::Nothing, &[]);
    let server =
        format!("From: post_master@x.test\nSubject: Re: hello\n\nUndelivered: invalid user\n\n{report}");
    check(&server, Kind::Hard, &["zoe@x.test"]);
}

#[test]
fn a_person_who_shows_a_notice_writes_none() {
    let shown = "I got this back today:\n\n550 <zoe@x.test>... User unknown\n\nWhat shall I do?\n";
    let mail = format!("From: tom@y.test\nSubject: Returned mail: what now\n\n{shown}");
    check(&mail, Kind::Nothing, &[]);
    check(&mail.replace("I got this back today:", "It failed:"), Kind::Hard, &["zoe@x.test"]);
}

#[test]
fn what_asks_for_an_answer_or_lists_what_was_kept_is_no_notice() {
    let from = |subject: &str, text: &str| {
        format!("From: postmaster@our.test\nTo: us@our.test\nSubject: {subject}\n\n{text}\n")
    };
    let kept = "Our filter blocked these, they were not delivered:\nzoe@x.test  Buy now";
    check(&from("Spam quarantine of Monday", kept), Kind::Nothing, &[]);
    let asks = "Your message to zoe@x.test is being kept. To release your message, answer:\nzoe-17@x.test\nElse it is not delivered.";
    check(&from("Undelivered", asks), Kind::Nothing, &[]);
    let held = "Your mail to 'Cats' is held until the list moderator can review it.\nNon-members are not allowed to post.";
    check(&from("Your message to Cats awaits moderator approval", held), Kind::Auto, &[]);
    let all = "Dear users, mail to full mailboxes (over quota) could not be delivered. Ask tom@x.test why.";
    check(&from("Mail problems", all), Kind::Nothing, &[]);
    let worm = "The message contains Unicode characters and has been sent as a binary attachment.";
    check(&from("Mail Delivery System", worm), Kind::Nothing, &[]);
}

#[test]
fn scanners_and_lists_that_refuse_tell_the_sender() {
    let scanner = "From: virusalert@x.test\nTo: us@our.test\nSubject: VIRUS IN YOUR MAIL\n\nWe found a virus in your mail to:\n\n\
        -> zoe@x.test\n\nDelivery of your message was stopped!\n";
    check(scanner, Kind::Soft, &["zoe@x.test"]);
    let list = "From: cats-bounces@lists.test\nTo: us@our.test\nSubject: Request to mailing list Cats rejected\n\n\
        Your request to the cats@lists.test mailing list\n\nPosting of your message titled \"Hello\"\n\nhas been rejected.\n\
        \"Non-members are not allowed to post.\"\n\nQuestions go to cats-owner@lists.test\n";
    check(list, Kind::Soft, &["cats@lists.test"]);
}

#[test]
fn what_a_host_is_called_is_no_bait() {
    let notice = |host: &str| {
        format!(
            "From: MAILER-DAEMON@mx.test\nTo: us@our.test\nSubject: failure notice\n\nHi. This is the mailer at {host}.\nI could not deliver it.\n\n\
                 <zoe@x.test>: 550 user unknown\n"
        )
    };
    check(&notice("mta.parcels.test"), Kind::Hard, &["zoe@x.test"]);
}
