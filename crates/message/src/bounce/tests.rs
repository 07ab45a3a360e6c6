use super::*;

fn check(raw: &str, kind: Kind, addresses: &[&str]) {
    check_by(read, raw, (kind, addresses));
}

/// The same of what came to a return path of ours.
fn check_returned(raw: &str, kind: Kind, addresses: &[&str]) {
    check_by(read_returned, raw, (kind, addresses));
}

fn check_by(read: fn(&Message<'_>) -> Bounce, raw: &str, (kind, addresses): (Kind, &[&str])) {
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
    check(&report("550 no", "5.0.0"), Kind::Unclear, zoe);
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

/// What a server answered, in a report of Postfix's that has its status and nothing else.
fn answered(reply: &str, status: &str) -> Kind {
    let raw = format!(
        "From: MAILER-DAEMON@mx.test\nSubject: Undelivered\nContent-Type: multipart/report; boundary=b\n\n--b\n\nSorry.\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n\
         Final-Recipient: rfc822; zoe@x.test\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {reply}\n--b--\n"
    );
    read(&crate::read(raw.replace('\n', "\r\n").as_bytes()).unwrap()).kind
}

/// Each of these answers, with a status that says nothing, is read as this.
fn each_is(replies: &[&str], kind: Kind) {
    for reply in replies {
        assert_eq!(answered(reply, "5.0.0"), kind, "{reply}");
    }
}

#[test]
fn what_servers_answer_says_whether_the_address_works() {
    let never = [
        "550 5.1.1 <zoe@x.test>: Recipient address rejected: User unknown in virtual mailbox table",
        "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
        "550 5.4.310 DNS domain x.test does not exist",
        "550 5.7.17 somebody else has this mailbox now",
        "554 30 Sorry, your message cannot be delivered. This mailbox is disabled (554.30).",
        "552 1 Requested mail action aborted, mailbox not found",
        "556 5.1.10 no",
        "551 no",
        "550 restricted characters in address",
        "553 sorry, this recipient is not in my validrcptto list (#5.7.1)",
        "DNS Error: DNS server returned answer with no data",
        "550 5.7.1 <zoe@x.test>: Recipient address rejected: recipient verify from ldap failed",
        "X-Notes; User zoe (zoe@x.test) not listed in Domino Directory",
        "5.1.2 - Bad destination host 'DNS Hard Error looking up x.test (MX): NXDomain'",
        "Host or domain name not found. Name service error for name=x.test type=MX: Host not found",
        "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        "550 Utilisateur inconnu",
    ];
    let not_now = [
        "552 5.1.1 Mailbox of zoe@x.test over quota",
        "550 5.7.64 TenantAttribution; Relay Access Denied",
        "554 5.7.1 <zoe@x.test>: Recipient address rejected: Nur unter der Woche",
        "550 5.7.1 <zoe@x.test>: Recipient address rejected: This mailbox takes mail from inside only",
        "451 Could not complete recipient verify callout: retry timeout exceeded",
        "550-We no longer accept connections from dynamically assigned 550 addresses to our relay servers",
        "550 5.2.2 STOREDRV.Deliver; mailbox is full",
        "450 mailbox unavailable",
        "452 4.2.1 mailbox temporarily disabled: zoe@x.test",
        "554 no",
        "571 no",
        "535 5.7.8 no",
        "503 no",
        "550 5.1.90 no",
        "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP",
        "553 5.1.8 <a@b.test>... Domain of sender address a@b.test does not exist",
        "550-Verification failed for <a@b.test> 550-No Such User Here 550 Sender verify failed",
        "<mx>: Helo command rejected: Host not found",
        "Name service error for name=x.test type=MX: Host not found, try again",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        "550 5.7.1 [CS01] Message rejected due to local policy",
        "550 Das Postfach von Zoe ist voll",
        "550 fully qualified spam",
    ];
    each_is(&never, Kind::Hard);
    each_is(&not_now, Kind::Soft);
}

#[test]
fn comments_exit_codes_and_categories_tell_where_no_words_do() {
    let with = |fields: &str| {
        let raw = format!(
            "From: MAILER-DAEMON@mx.test\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n\
             Final-Recipient: rfc822; zoe@x.test\nAction: failed\n{fields}\n"
        );
        read(&crate::read(raw.replace('\n', "\r\n").as_bytes()).unwrap()).kind
    };
    assert_eq!(with("Status: 5.0.0 (recipient reached disk quota)"), Kind::Soft);
    assert_eq!(with("Status: 5.0.0\nDiagnostic-Code: X-Unix; 67"), Kind::Hard);
    assert_eq!(with("Status: 5.0.0\nDiagnostic-Code: X-Unix; 78"), Kind::Soft);
    assert_eq!(with("Status: 5.0.0\nX-PowerMTA-BounceCategory: policy-related"), Kind::Soft);
    assert_eq!(with("Status: 5.0.0\nX-PowerMTA-BounceCategory: bad-domain"), Kind::Hard);
}

#[test]
fn who_was_refused_before_the_recipient_was_named_says_nothing_of_him() {
    let notice = |command: &str| {
        format!(
            "From: MAILER-DAEMON@mx.test\nSubject: Undelivered Mail Returned to Sender\n\n\
             I'm sorry to have to inform you that your message could not be delivered.\n\n\
             <zoe@x.test>: host mx[192.0.2.1] said: 550 5.1.0 user unknown (in reply to {command} command)\n"
        )
    };
    check(&notice("RCPT TO"), Kind::Hard, &["zoe@x.test"]);
    check(&notice("MAIL FROM"), Kind::Soft, &["zoe@x.test"]);
    let sendmail = |command: &str| {
        format!(
            "From: MAILER-DAEMON@mx.test\nSubject: Returned mail\n\n   ----- The following addresses had permanent fatal errors -----\n\
             <zoe@x.test>\n\n   ----- Transcript of session follows -----\n>>> {command} From:<a@b.test> SIZE=1024\n<<< 550 unknown user\n"
        )
    };
    check(&sendmail("MAIL"), Kind::Soft, &["zoe@x.test"]);
    check(&sendmail("RCPT"), Kind::Hard, &["zoe@x.test"]);
}

#[test]
fn a_reason_is_found_before_its_recipient_too() {
    let notes = "From: postmaster@x.test\nSubject: Undelivered\n\n------- Failure Reasons --------\n\n\
        User not listed in public Name & Address Book\nzoe@x.test\n\nMailbox full\nbob@x.test\n";
    check(notes, Kind::Hard, &["zoe@x.test"]);
    let marshal = "From: MailMarshal <postmaster@x.test>\nSubject: Undeliverable Mail\n\nCould not be delivered because of\n\n\
        552 Mailbox full\n\nThe following recipients were affected:\n   zoe@x.test\n\nOriginal Sender: <a@b.test>\n";
    check(marshal, Kind::Soft, &["zoe@x.test"]);
}

#[test]
fn a_quoted_local_part_is_part_of_the_address() {
    let quoted = "From: MAILER-DAEMON@mx.test\nSubject: Undelivered\n\nYour message could not be delivered.\n\n\
        <\"zoe..x.\"@docomo.test>: host mx said: 550 5.1.1 user unknown\n";
    check(quoted, Kind::Hard, &["\"zoe..x.\"@docomo.test"]);
}

#[test]
fn a_footer_beside_a_recipient_says_nothing_of_him() {
    let footer = "From: postmaster@mx.test\nSubject: Delivery Status Notification (Failure)\n\
        Content-Type: multipart/report; boundary=b\n\n--b\n\nDelivery to the following recipients failed.\n\n       zoe@x.test\n\n\
        ____\nThis email was scanned for viruses and offensive content.\n--b\nContent-Type: message/delivery-status\n\n\
        Reporting-MTA: dns; mx.test\n\nFinal-Recipient: rfc822;zoe@x.test\nAction: failed\nStatus: 5.1.1\n--b--\n";
    check(footer, Kind::Hard, &["zoe@x.test"]);
}

#[test]
fn a_server_is_known_by_how_it_begins() {
    let exim = "From: relay7@x.test\nSubject: your mail\n\nThis message was created automatically by mail delivery software.\n\n\
        A message that you sent could not be delivered. The following address(es) failed:\n\n  zoe@x.test\n    Unrouteable address\n";
    check(exim, Kind::Hard, &["zoe@x.test"]);
    check(&exim.replace("This message was", "> This message was"), Kind::Nothing, &[]);
    let fml = "From: choir-admin@x.test\nSubject: You are not member (choir ML)\nX-MLServer: fml 4.0\n\n\
        You are not a member of this mailing list <choir@x.test>.\n";
    check(fml, Kind::Soft, &["choir@x.test"]);
    check(&fml.replace("You are not a member of this", "News of our"), Kind::Nothing, &[]);
}

#[test]
fn what_stands_around_an_answer_tells_nothing() {
    let qmail = |reply: &str| {
        format!(
            "From: MAILER-DAEMON@mx.test\nSubject: failure notice\n\nHi. This is the qmail-send program at mx.test.\n\n\
             <zoe@x.test>:\n192.0.2.1 does not like recipient.\nRemote host said: {reply}\nGiving up on 192.0.2.1.\n\n\
             --- Below this line is a copy of the message.\n"
        )
    };
    let google = |reply: &str| {
        format!(
            "From: mailer-daemon@googlemail.com\nSubject: Delivery Status Notification (Failure)\n\n\
             Delivery to the following recipient failed permanently:\n\n     zoe@x.test\n\nTechnical details of permanent failure:\n\
             Google tried to deliver your message, but it was rejected by the server for the recipient domain x.test.\n\n\
             The error that the other server returned was:\n{reply}\n\n----- Original message -----\n"
        )
    };
    let postfix = |reply: &str| {
        format!(
            "From: MAILER-DAEMON@mx.test\nSubject: Undelivered\nContent-Type: multipart/report; boundary=b\n\n--b\n\n\
             <zoe@x.test>: host mx[192.0.2.1] said: {reply} (in reply to RCPT TO command)\n\n\
             --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n\
             Final-Recipient: rfc822; zoe@x.test\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; {reply}\n--b--\n"
        )
    };
    let exchange = |reply: &str| {
        format!(
            "From: postmaster@x.test\nSubject: Undeliverable: hello\nContent-Type: multipart/report; boundary=b\n\n--b\n\n\
             Delivery has failed to these recipients:\n\nzoe@x.test\nPlease try resending this message later, or provide this text to \
             your system administrator.\n\nDiagnostic information for administrators:\n\n--b\n\
             Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n\
             Final-Recipient: rfc822; zoe@x.test\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; {reply}\n--b--\n"
        )
    };
    let zoe = &["zoe@x.test"];
    for notice in [&qmail as &dyn Fn(&str) -> String, &google, &postfix, &exchange] {
        check(&notice("550 no"), Kind::Unclear, zoe);
        check(&notice("550 5.0.0 no"), Kind::Unclear, zoe);
        check(&notice("550 that person has no account here"), Kind::Hard, zoe);
        check(&notice("550 you are on a block list"), Kind::Soft, zoe);
    }
}

#[test]
fn what_the_mail_was_called_tells_nothing() {
    let notice = "From: postmaster@mx.test\nSubject: Undeliverable\n\nYour message\n\n  To:      zoe@x.test\n  \
        Subject: Your account has been disabled: mailbox full\n\ndid not reach the following recipient\n";
    check(notice, Kind::Unclear, &["zoe@x.test"]);
}

#[test]
fn a_report_that_its_server_encloses_is_read_and_one_that_a_person_hands_on_is_not() {
    let outer = |from: &str| {
        format!(
            "From: {from}\nSubject: Undeliverable\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\nScanned.\n\
             --a\nContent-Type: message/rfc822\n\nFrom: postmaster@x.test\nSubject: Undeliverable\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nSorry.\n\
             --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n\
             Final-Recipient: rfc822; zoe@x.test\nAction: failed\nStatus: 5.1.1\n--b--\n--a--\n"
        )
    };
    check(&outer("postmaster@x.test"), Kind::Hard, &["zoe@x.test"]);
    check(&outer("mailer-daemon@relay.test"), Kind::Hard, &["zoe@x.test"]);
    check(&outer("bob@x.test").replacen("Undeliverable", "Look at this", 1), Kind::Nothing, &[]);
}

#[test]
fn recipients_that_only_a_transcript_names_are_found() {
    let sendmail = "From: MAILER-DAEMON@mx.test\nSubject: Returned mail: Host unknown\n\n\
        ----- Transcript of session follows -----\n550 x.test (smtp)... 550 Host unknown\n\
        554 <zoe@x.test>... 550 Host unknown (Authoritative answer from name server)\n\
        550 y.test (smtp)... 550 Host unknown\n554 <tom@y.test>... 550 Host unknown\n\
        ----- Unsent message follows -----\n";
    check(sendmail, Kind::Hard, &["zoe@x.test", "tom@y.test"]);
}

mod answers;
mod bait;
mod bare;
mod forms;
mod pairs;
mod persons;
mod places;
mod stages;
