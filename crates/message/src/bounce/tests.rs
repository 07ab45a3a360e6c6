use super::*;

fn check(raw: &str, kind: Kind, addresses: &[&str]) {
    let raw = raw.replace('\n', "\r\n");
    let bounce = read(&crate::read(raw.as_bytes()).unwrap());
    let named: Vec<&str> = bounce.gravest().map(|told| told.address.as_str()).collect();
    assert_eq!((bounce.kind, named.as_slice()), (kind, addresses), "{raw}");
    assert!(!bounce.words.is_empty() || kind == Kind::Nothing, "there is evidence: {raw}");
}

#[test]
fn words_go_before_the_status() {
    let report = |diagnostic: &str, status: &str| {
        format!(
            "From: MAILER-DAEMON@mx.test\nSubject: Undelivered\nContent-Type: multipart/report; boundary=b\n\n--b\n\nSorry.\n\
             --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n\
             Final-Recipient: rfc822; zoe@x.test\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {diagnostic}\n--b--\n"
        )
    };
    let zoe = &["zoe@x.test"];
    check(&report("550 5.1.1 User unknown", "5.1.1"), Kind::Hard, zoe);
    check(&report("552 5.1.1 Mailbox full", "5.1.1"), Kind::Soft, zoe);
    check(&report("554 4.0.0 Domain not found", "4.0.0"), Kind::Hard, zoe);
    check(&report("550 no", "5.7.1"), Kind::Soft, zoe);
    check(&report("550 no", "5.0.0"), Kind::Hard, zoe);
    check(&report("450 later", "4.2.0").replace("failed", "delayed"), Kind::Delayed, zoe);
    check(&report("250 ok", "2.0.0").replace("failed", "delivered"), Kind::Receipt, zoe);
}

#[test]
fn the_address_is_the_one_that_the_sender_knows() {
    let report = "From: MAILER-DAEMON@mx.test\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n\
        Original-Recipient: rfc822;zoe@x.test\nFinal-Recipient: rfc822;zm7@inner.test\nAction: failed\nStatus: 5.1.1\n";
    check(report, Kind::Hard, &["zoe@x.test"]);
    let exim = "From: Mail Delivery System <Mailer-Daemon@mx.test>\nSubject: Mail delivery failed\n\n\
        A message that you sent could not be delivered to one or more of its recipients.\n\n  zm7@inner.test\n    \
        (generated from zoe@x.test)\n    host mx: 550 5.1.1 User unknown\n\n------ This is a copy of the message\n\
        To: other@x.test\n";
    check(exim, Kind::Hard, &["zoe@x.test"]);
}

#[test]
fn a_complaint_names_who_complains() {
    let arf = "From: fbl@isp.test\nSubject: Complaint\nContent-Type: multipart/report; boundary=b\n\n--b\n\nA report.\n\
        --b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: <zoe@x.test>\n\
        --b\nContent-Type: message/rfc822\n\nTo: other@x.test\n\n--b--\n";
    check(arf, Kind::Complaint, &["zoe@x.test"]);
    check(&arf.replace("Original-Rcpt-To: <zoe@x.test>\n", ""), Kind::Complaint, &["other@x.test"]);
    check(&arf.replace("abuse", "not-spam"), Kind::Nothing, &[]);
}

#[test]
fn what_persons_and_programs_write_is_no_failure() {
    check(
        "From: zoe@x.test\nSubject: Undeliverable\nIn-Reply-To: <a@b>\n\nWhat does user unknown mean?\n",
        Kind::Nothing,
        &[],
    );
    check("From: zoe@x.test\nSubject: Out of office: hello\n\nTill Monday.\n", Kind::Auto, &[]);
    check("From: zoe@x.test\nAuto-Submitted: auto-replied\n\nTill Monday.\n", Kind::Auto, &[]);
    check("From: zoe@x.test\nAuto-Submitted: auto-generated\n\nYour ticket.\n", Kind::Nothing, &[]);
}
