//! Where servers name whom a mail did not reach, and why.

use super::check;
use crate::bounce::Kind;

const DAEMON: &str = "MAILER-DAEMON@mx.test";

/// What a server of a kind writes without fields, to `us@our.test`.
fn written(text: &str) -> String {
    format!("From: {DAEMON}\nTo: us@our.test\nSubject: Returned mail\n\n{text}")
}

#[test]
fn a_host_may_stand_without_its_domain() {
    let sendmail = "   ----- The following addresses had delivery problems -----\n<zoe@mailhost>  (unrecoverable error)\n\n\
        501 <zoe@mailhost>... 550 Host unknown\n";
    check(&written(sendmail), Kind::Hard, &["zoe@mailhost"]);
    let field = "From: postmaster@mx\nX-Failed-Recipients: zoe@mailhost, \nSubject: Mail delivery failed\n\nIt failed permanently.\n";
    check(field, Kind::Unclear, &["zoe@mailhost"]);
}

#[test]
fn the_reader_may_be_the_recipient() {
    let virus = "There were problems delivering your message to the following recipient:\n\n<us@our.test>\n\nIt was infected with a virus.\n";
    check(&written(virus), Kind::Soft, &["us@our.test"]);
    let spoofed = "Your message cannot be delivered due to the following error:\nus@our.test - no such mailbox at MX.TEST.\n";
    check(&written(spoofed), Kind::Hard, &["us@our.test"]);
}

#[test]
fn a_folded_sentence_names_nobody() {
    let folded = "Your message could not be delivered.\n\nzoe@x.test:\nreason: 550 not allowed by SPF, identity our-long-na\nme@our.test, \
        and ip 192.0.2.1\n";
    check(&written(folded), Kind::Soft, &["zoe@x.test"]);
}

#[test]
fn the_sender_may_know_him_at_a_host_without_its_domain() {
    let exim = "A message that you sent could not be delivered to one or more of its recipients.\n\n  zoe@x.test\n     \
        (generated from info@mailhost)\n     Mailing to remote domains not supported\n";
    check(&written(exim), Kind::Soft, &["info@mailhost"]);
}

#[test]
fn what_stands_between_signs_is_text() {
    let html = written("<p>Sorry, we were unable to deliver your message.<p>Unable to send: < zoe@x.test ><p>550 no such user")
        .replace("\n\n", "\nContent-Type: text/html\n\n");
    check(&html, Kind::Hard, &["zoe@x.test"]);
}

#[test]
fn a_refusal_in_the_form_of_a_receipt_may_name_him_in_its_words() {
    let refused = |recipient: &str| {
        format!(
            "From: postmaster@mx.test\nTo: us@our.test\nSubject: Automatically rejected mail\n\
             Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\n\
             Your message was automatically rejected.\nThe following reason was given:\nQuota exceeded for zoe@x.test\n\
             --b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; {recipient}\n\
             Disposition: automatic-action/MDN-sent-automatically; deleted\n--b--\n"
        )
    };
    check(&refused("popuser"), Kind::Soft, &["zoe@x.test"]);
    check(&refused("ann@x.test"), Kind::Soft, &["ann@x.test"]);
}

#[test]
fn a_table_names_the_mail_before_it_says_why() {
    let coremail = "Sorry, your mail is returned...\nOriginal e-mail message :\nTime : 2021-10-20\nTo : zoe@x.test\nBounce reason :\n\
        Can not connect to recipient's server because of unstable network.\nBounce Code :\ncan not connect to\n";
    check(&written(coremail), Kind::Soft, &["zoe@x.test"]);
}

#[test]
fn what_our_mail_says_of_reasons_is_not_the_servers() {
    let quoted = format!("{}Bounce reason: we moved\n", "A line.\n".repeat(40));
    let qmail = format!(
        "<zoe@x.test>:\nSorry, mailbox full.\n\n--- Below this line is a copy of the message.\n\nTo: zoe@x.test\n\n{quoted}"
    );
    let raw = written(&qmail).replace('\n', "\r\n");
    let message = crate::read(raw.as_bytes()).unwrap();
    assert_eq!(crate::bounce::returned_field(&message, "To").as_deref(), Some("zoe@x.test"));
}

#[test]
fn what_a_scanner_tells_its_master_is_no_report() {
    let amavis = |subject: &str| {
        format!(
            "From: Content-filter <postmaster@mx.test>\nTo: us@our.test\nSubject: {subject}\n\nContent type: Spam\n\n\
             The message could not be delivered to:\n<zoe@x.test>:\n   554 5.7.0 Reject\n"
        )
    };
    check(&amavis("Spam FROM [192.0.2.1] <ann@y.test>"), Kind::Nothing, &[]);
    check(&amavis("VIRUS (Eicar) in mail FROM [192.0.2.1] <ann@y.test>"), Kind::Nothing, &[]);
    check(&amavis("BANNED FILENAME (a.exe) IN MAIL FROM YOU"), Kind::Soft, &["zoe@x.test"]);
}

#[test]
fn who_sent_it_by_its_label_is_no_reason() {
    let notice = "You have this notice, as the recipient's address has been deactivated.\n\nOriginal Envelope Sender: us@our.test\n\
        Envelope Recipient: zoe@x.test\n";
    check(&written(notice), Kind::Hard, &["zoe@x.test"]);
}

#[test]
fn who_sent_it_is_not_whom_it_did_not_reach() {
    let exim = "This message was created automatically by mail delivery software.\n\nA message that was sent by\n\n  us@our.test\n\n\
        could not be delivered to one or more of its recipients:\n\n  zoe@x.test\n    550 spam\n";
    check(&written(exim), Kind::Soft, &["zoe@x.test"]);
    let agent = written("Original message could not be sent to:\n   zoe@x.test   (destination unknown)\n");
    check(&agent, Kind::Hard, &["zoe@x.test"]);
    let daemon = agent.replace(DAEMON, "daemon@x.test").replace("Returned mail", "Anonymous mail");
    check(&daemon, Kind::Hard, &["zoe@x.test"]);
}

#[test]
fn fields_of_old_servers_are_read() {
    let report = |fields: &str, text: &str| {
        format!(
            "From: {DAEMON}\nContent-Type: multipart/report; boundary=b\n\n--b\n\n{text}\n--b\nContent-Type: message/delivery-status\n\n\
             Reporting-MTA: dns; mx.test\n\n{fields}\n--b--\n"
        )
    };
    let courier = "Final-Receipient: rfc822; zoe@x.test\nAction: failed\nStatus: 5.1.1\n\n\
        Final-Receipient: rfc822; tom@x.test\nAction: relayed\nStatus: 2.0.0\n";
    check(&report(courier, "Sorry."), Kind::Hard, &["zoe@x.test"]);
    let beside = "Final-Recipient: rfc822; zoe@x.test\nAction: failed\nStatus: 5.0.0\n";
    check(&report(beside, "It failed:\n\n  zoe@x.test\n    590 5.4.3 no\n"), Kind::Soft, &["zoe@x.test"]);
}

#[test]
fn what_old_servers_say_of_an_address_is_known() {
    let asked = "Your message to mx.test was rejected.\nI said:\n    RCPT To:<<zoe@x.test>\nAnd mx.test responded with\n    \
        553 <<zoe@x.test>... Unbalanced '<'\n";
    check(&written(asked), Kind::Soft, &["zoe@x.test"]);
    check(&written("It failed.\nCould not resolve the address \"x.test\"\n"), Kind::Hard, &[]);
    let gateway = "It failed.\n\nzoe@x.test\n  FAILURE reason Unable-To-Transfer (1);\n  diagnostic Unrecognised-ORName (0);\n";
    check(&written(gateway), Kind::Hard, &["zoe@x.test"]);
    check(&written("It failed.\n\nzoe@x.test: bad system name\n"), Kind::Hard, &["zoe@x.test"]);
    check(
        &written("It failed.\n\nzoe@x.test: the file is locked by another process\n"),
        Kind::Soft,
        &["zoe@x.test"],
    );
    let unknown = "This Message was undeliverable due to the following reason:\n\nThe following destination addresses were unknown:\n\n\
        SMTP <zoe@x.test>\n";
    check(&written(unknown), Kind::Hard, &["zoe@x.test"]);
}

#[test]
fn forms_on_the_web_answer_by_themselves() {
    let list = "List-Id: <choir.x.test>\n";
    for subject in ["Thank you for contacting X", "X Autoresponse", "Automatic Echo of your posting"] {
        check(
            &format!("From: web@x.test\n{list}Subject: {subject}\n\nWe shall look at it.\n"),
            Kind::Auto,
            &[],
        );
    }
}

#[test]
fn a_transcript_names_whom_its_lines_are_about() {
    let bare = "   ----- Transcript of session follows -----\n550 zoe@mailhost... Host unknown\n451 tom@x.test... reply: read error\n";
    check(&written(bare), Kind::Hard, &["zoe@mailhost"]);
    let ours = "   ----- Transcript of session follows -----\n554 us@our.test... Recipient names must be specified\n";
    check(&written(ours), Kind::Soft, &["us@our.test"]);
    let again = "They failed:\n\nzoe@x.test\ntom@x.test\n\n<<< 550 <zoe@x.test>... Mailbox full\n<<< 550 <tom@x.test>... User unknown\n";
    check(&written(again), Kind::Hard, &["tom@x.test"]);
}

#[test]
fn who_is_read_as_the_recipient_where_no_line_begins_with_one() {
    let list = "From: LISTSERV@lists.test\nTo: us@our.test\nSubject: Rejected posting to CATS@lists.test\n\n\
        You are not authorized to send mail to the CATS list. Please contact the owners: CATS-request@lists.test.\n";
    check(list, Kind::Soft, &["CATS@lists.test"]);
    let folded = "From: MAILER-DAEMON@mx.test\nTo: us@our.test\nSubject: Mail to zoe@x.test\n\nThis machine has no record of the host.\n\
        Whoever has something to say about that may write to\ntom@mx.test.  This was generated automatically.\n";
    check(folded, Kind::Hard, &["zoe@x.test"]);
    let hidden = "Delivery is delayed to:\n\n  save to /no/such/file\n    generated by ann@x.test\n  bob7@x.test\n    \
        (generated from bob@x.test)\n  an undisclosed address\n    (generated from cat@x.test)\n";
    check(&written(hidden), Kind::Delayed, &["ann@x.test", "bob@x.test", "cat@x.test"]);
    let copies = "To:   <us@our.test>\nCc:   <ann@x.test>\nSubject: Lunch\n\nNot delivered to the recipients below.\n\n\
        ERR7:  TOM@ROOM1\n\nERR7 -- MAILBOX IS FULL.\n";
    check(&written(copies), Kind::Soft, &[]);
}
