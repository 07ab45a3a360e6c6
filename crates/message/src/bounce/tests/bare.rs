//! Answers that say no and nothing more, and words that are about something else than the recipient.

use super::{Kind, answered, check, each_is, read};

const ZOE: &[&str] = &["zoe@x.test"];

/// What a server of a kind writes without fields.
fn written(text: &str) -> String {
    format!("From: MAILER-DAEMON@mx.test\nTo: us@our.test\nSubject: Returned mail\n\n{text}")
}

#[test]
fn a_bare_no_leaves_open_whether_the_address_works() {
    let bare = [
        "550 Blocked",
        "550 Your message was rejected by the recipient's server.",
        "550 delivery refused by administrator",
        "550 permanent failure for all recipients (zoe@x.test:blocked)",
        "550 Unknown error",
        "5.x.0 - Mail bounced by administrator (delivery attempts: 0)",
        "550 Die Nachricht wurde abgelehnt",
    ];
    each_is(&bare, Kind::Unclear);
    assert_eq!(answered("551 5.3.0 unspecified failure", "5.3.0"), Kind::Unclear);
    assert_eq!(answered("554 Rejected", "5.0.0"), Kind::Soft);
    assert_eq!(answered("550 Rejected", "5.7.1"), Kind::Soft);
    assert_eq!(answered("541 5.4.1 Mail refused by the domain", "5.4.1"), Kind::Soft);
    assert_eq!(answered("550 Rejected", "5.1.1"), Kind::Hard);
    assert_eq!(answered("550 recipient refused", "5.0.0"), Kind::Hard);
    assert_eq!(answered("550 Blocked by our filter", "5.0.0"), Kind::Soft);
}

#[test]
fn a_domain_that_is_not_found_for_days_is_not_there() {
    let asked = "Name service error for name=x.test type=MX: Host not found, try again";
    assert_eq!(answered(&format!("Host or domain name not found. {asked}"), "4.4.3"), Kind::Hard);
    assert_eq!(answered(asked, "4.4.3"), Kind::Soft);
}

#[test]
fn a_bare_no_without_fields_is_told_by_its_stage() {
    let at = |stage: &str| {
        written(&format!(
            "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered.\n\n  \
             zoe@x.test\n    host mx.x.test [192.0.2.1]\n    SMTP error from remote mail server after {stage}:\n    550 Message is refused\n"
        ))
    };
    check(&at("RCPT TO:<zoe@x.test>"), Kind::Unclear, ZOE);
    check(&at("end of data"), Kind::Soft, ZOE);
    check(&at("MAIL FROM:<us@our.test>"), Kind::Soft, ZOE);
}

#[test]
fn what_is_said_of_a_thing_or_of_who_sends_is_not_about_the_address() {
    let not_now = [
        "550 the DKIM key is not found",
        "550 SPF record not found",
        "550 this certificate is unknown",
        "550 the header you wrote is not valid",
        "550 Your hostname is not known to us",
        "550 Your domain does not exist",
        "550 the lookup of your client is not found",
        "550 Absenderadresse unbekannt",
        "550 dominio del remitente inexistente",
        "550 адрес отправителя не существует",
    ];
    each_is(&not_now, Kind::Soft);
    each_is(&["550 zoe: not found", "550 with this key, or without, the mailbox is unknown"], Kind::Hard);
}

#[test]
fn what_is_drawn_together_is_read_as_if_it_were_not() {
    let never = ["550 we couldn't find that mailbox", "550 the user isn't known here"];
    each_is(&never, Kind::Hard);
    each_is(&["550 can not connect to the inner host", "550 can't connect to the inner host"], Kind::Soft);
}

#[test]
fn the_answer_goes_before_how_it_is_summed_up() {
    let sendmail = |answer: &str| {
        written(&format!(
            "   ----- Transcript of session follows -----\n... while talking to mx.x.test.:\n>>> RCPT To:<zoe@x.test>\n\
             <<< {answer}\n550 5.1.1 zoe@x.test... User unknown\n"
        ))
    };
    check(&sendmail("550 5.7.1 Your network sends spam"), Kind::Soft, ZOE);
    check(&sendmail("550 5.7.1 no account of that name"), Kind::Hard, ZOE);
    check(&sendmail("550 Rejected"), Kind::Hard, ZOE);
}

#[test]
fn what_fields_leave_out_the_text_tells() {
    let fields = |text: &str, recipient: &str, more: &str| {
        format!(
            "From: postmaster@mx.test\nTo: us@our.test\nSubject: Delivery Status Notification\nContent-Type: multipart/report; boundary=b\n\n\
             --b\n\n{text}\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n\
             Final-Recipient: rfc822; {recipient}\nAction: failed\nStatus: 5.3.0\n{more}--b--\n"
        )
    };
    let beside = "zoe@x.test; Failed\n\n - SMTP protocol diagnostic: 550 this looks like advertising, too many links\n";
    check(&fields(beside, "zoe@x.test", ""), Kind::Soft, ZOE);
    let answer = "Diagnostic-Code: zoe: 550 <zoe@localhost>... User unknown\n";
    check(&fields("Some were rejected.", "zoe", answer), Kind::Hard, &["zoe@localhost"]);
}

#[test]
fn every_program_has_words_for_the_stage() {
    let after_text = [
        "mx.x.test [192.0.2.1] did not like our final DATA:\n550 go away",
        "DATA closing 550 go away",
        "hMailServer sent: .\nRemote server replied: 550 go away",
        ">>> .\n<<< 550 go away",
    ];
    let before = [
        "Connected to 192.0.2.1 but sender was rejected.\nRemote host said: 550 user unknown",
        "hMailServer sent: MAIL FROM:<us@our.test>\nRemote server replied: 550 user unknown",
        "Session:\n --> MAIL From:<us@our.test>\n <-- 550 user unknown",
    ];
    for said in after_text.iter().chain(&before) {
        check(
            &written(&format!("Your message could not be delivered.\n\n<zoe@x.test>:\n{said}\n")),
            Kind::Soft,
            ZOE,
        );
    }
    for said in ["our final DATA:\n550 5.1.1 froobled", "our final DATA:\n550 such a recipient froobles"] {
        let open = format!(
            "Your message could not be delivered.\n\n<zoe@x.test>:\nmx.x.test [192.0.2.1] did not like {said}\n"
        );
        check(&written(&open), Kind::Unclear, ZOE);
    }
    let recipient = "Your message could not be delivered.\n\n<zoe@x.test>:\nhMailServer sent: RCPT TO:<zoe@x.test>\n\
        Remote server replied: 550 user unknown\n";
    check(&written(recipient), Kind::Hard, ZOE);
}

#[test]
fn a_rule_of_the_recipient_refuses_in_any_words() {
    let told = |mode: &str, text: &str| {
        format!(
            "From: zoe@x.test\nTo: us@our.test\nSubject: Your mail\nContent-Type: multipart/report; boundary=b\n\n--b\n\n{text}\n--b\n\
             Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; zoe@x.test\n\
             Disposition: {mode}/MDN-sent-automatically; deleted\n--b--\n"
        )
    };
    check(&told("automatic-action", "Nothing from shops, please."), Kind::Soft, ZOE);
    check(&told("manual-action", "It went unread."), Kind::Receipt, ZOE);
    check(&told("automatic-action", "Your message was deleted without being read."), Kind::Receipt, ZOE);
}

#[test]
fn what_a_server_is_called_says_nothing() {
    let never = "550 Requested action not taken: mailbox unavailable. [x1.spam.protection.x.test]";
    assert_eq!(answered(never, "5.5.0"), Kind::Hard);
    let postfix = written(
        "Sorry.\n\n<zoe@x.test>: host quota.filter.x.test[192.0.2.1] said: 550 Rejected (in reply to RCPT TO command)\n",
    );
    check(&postfix, Kind::Unclear, ZOE);
}

#[test]
fn what_stands_behind_an_unavailable_mailbox_says_why() {
    let why = |reason: &str| {
        answered(&format!("550 Requested action not taken: mailbox unavailable{reason}"), "5.0.0")
    };
    assert_eq!(why(""), Kind::Hard);
    assert_eq!(why(", no such user"), Kind::Hard);
    assert_eq!(why(": quota"), Kind::Soft);
    assert_eq!(why(", too many connections from you"), Kind::Soft);
}

#[test]
fn whoever_takes_the_text_is_not_unknown() {
    let at = |words: &str, stage: &str| {
        let said =
            format!("Sorry.\n\n<zoe@x.test>: host mx said: 550 {words} (in reply to {stage} command)\n");
        read(&crate::read(written(&said).replace('\n', "\r\n").as_bytes()).unwrap()).kind
    };
    assert_eq!(at("no such domain", "RCPT TO"), Kind::Hard);
    assert_eq!(at("no such domain", "end of DATA"), Kind::Soft);
    assert_eq!(at("no such user", "end of DATA"), Kind::Hard);
}
