//! What persons write of reports, what is sent in the name of a server, and reports that are near it.

use super::check;
use crate::bounce::Kind;

const POSTFIX: &str =
    "This is the mail system at host mx.test.\n\n<zoe@x.test>: host mx.x.test said: 550 User unknown\n";

#[test]
fn a_report_that_a_person_hands_on_is_none() {
    let handed = |fields: &str| format!("From: Ann <ann@x.test>\nTo: us@our.test\n{fields}\n\n{POSTFIX}");
    for fields in [
        "Subject: Returned mail: User unknown (fwd)",
        "Subject: Fwd: Undelivered Mail Returned to Sender",
        "Subject: [Fwd: failure notice]",
        "Subject: Re: Undelivered Mail Returned to Sender",
        "Subject: Undelivered Mail\nIn-Reply-To: <1@our.test>",
        "Subject: Undelivered Mail\nUser-Agent: Mutt/1.5.20",
        "Subject: Undelivered Mail\nMessage-ID: <Pine.LNX.4.10.1@x.test>",
    ] {
        check(&handed(fields), Kind::Nothing, &[]);
    }
    check(&handed("Subject: Undelivered Mail"), Kind::Hard, &["zoe@x.test"]);
    let server = handed("Subject: Undelivered Mail (fwd)\nIn-Reply-To: <1@our.test>");
    check(&server.replace("Ann <ann@x.test>", "MAILER-DAEMON@x.test"), Kind::Hard, &["zoe@x.test"]);
    let marked = handed("Subject: RE: Lunch on Monday: delivery failed");
    check(&marked, Kind::Hard, &["zoe@x.test"]);
}

#[test]
fn fields_that_a_person_hands_on_are_no_report() {
    let report = "From: Ann <ann@x.test>\nSubject: Fwd: Delivery failed\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
        --b\n\nWhat is this?\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n\
        Final-Recipient: rfc822; zoe@x.test\nAction: failed\nStatus: 5.1.1\n--b--\n";
    check(report, Kind::Nothing, &[]);
    check(&report.replace("Fwd: ", ""), Kind::Hard, &["zoe@x.test"]);
    check(&report.replace("multipart/mixed", "multipart/report"), Kind::Hard, &["zoe@x.test"]);
}

#[test]
fn single_words_in_the_name_of_a_server_are_no_report() {
    let sent = |subject: &str, text: &str| {
        format!("From: MAILER-DAEMON@relay.test\nTo: us@our.test\nSubject: {subject}\n\n{text}\n")
    };
    let talk = "There are servers that refuse what comes from here, for the host is not found in the name service, and a mailbox \
        that does not exist is soon one that is full. Who runs a relay should think of it.";
    check(&sent("Thoughts about relays", talk), Kind::Nothing, &[]);
    let later = "The meeting is delayed. I will try again next week.";
    check(&sent("Thursday", later), Kind::Nothing, &[]);
    check(
        &sent("Thursday", &format!("{later}\n\nOld message of the month:\nwe had cake.")),
        Kind::Nothing,
        &[],
    );
    check(&sent("Returned mail: Host unknown", "The host is not found."), Kind::Hard, &[]);
    check(&sent("Notice", "Your message could not be delivered: the mailbox is full."), Kind::Soft, &[]);
    check(&sent("failure notice", "Your message could not be delivered."), Kind::Unclear, &[]);
    check(&sent("Notice", "zoe@x.test: user unknown"), Kind::Hard, &["zoe@x.test"]);
    check(&sent("Notice", "550 5.1.1 user unknown"), Kind::Hard, &[]);
    let returned = "User unknown.\n\nOriginal message:\nFrom: us@our.test\nTo: zoe@x.test\nSubject: Lunch\n";
    check(&sent("Notice", returned), Kind::Hard, &[]);
}

#[test]
fn who_is_away_reports_nothing() {
    let away = |subject: &str| {
        format!(
            "From: Postmaster <postmaster@x.test>\nSubject: {subject}\n\nI am away. My old mailbox is disabled, write to\nzoe@x.test.\n"
        )
    };
    check(&away("Out of office: Lunch"), Kind::Auto, &[]);
}

#[test]
fn a_receipt_is_said_by_who_read_it_and_not_by_who_hands_it_on() {
    let read = |fields: &str| {
        format!(
            "From: zoe@x.test\nTo: us@our.test\n{fields}\n\nYour message\n\n  To: zoe@x.test\n  Subject: Lunch\n\nwas read on 3 May.\n"
        )
    };
    check(&read("Subject: Read: Lunch"), Kind::Receipt, &[]);
    check(&read("Subject: Fw: Read: Lunch"), Kind::Nothing, &[]);
    check(&read("Subject: Read: Lunch\nList-Id: <choir.x.test>"), Kind::Nothing, &[]);
    let fields = |disposition: &str| {
        format!(
            "From: zoe@x.test\nSubject: Read: Lunch\nContent-Type: multipart/report; boundary=b\n\n--b\n\nSeen.\n--b\n\
            Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; zoe@x.test\nDisposition: {disposition}\n--b--\n"
        )
    };
    check(&fields("manual-action/MDN-sent-manually; displayed"), Kind::Receipt, &["zoe@x.test"]);
    check(&fields(""), Kind::Nothing, &[]);
}

#[test]
fn an_address_is_whole_and_the_one_that_the_answer_names() {
    let dash = "From: MAILER-DAEMON@x.test\nSubject: Undeliverable: Lunch\n\nIt did not reach:\n\n-zoe@x.test\n    user unknown\n";
    check(dash, Kind::Hard, &["-zoe@x.test"]);
    check(&dash.replace("-zoe", "- zoe"), Kind::Hard, &["zoe@x.test"]);
    let report = "From: gateway@x.test\nSubject: Returned mail\nContent-Type: multipart/report; boundary=b\n\n--b\n\nSorry.\n--b\n\
        Content-Type: message/delivery-status\n\nReporting-MTA: dns; x.test\n\nFinal-Recipient: rfc822; ann@x.test,zoe@x.test\n\
        Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.1.1 <zoe@x.test>... User unknown\n--b--\n";
    check(report, Kind::Hard, &["zoe@x.test"]);
}

#[test]
fn what_the_program_of_a_list_asks_is_no_report() {
    let asked = |from: &str, subject: &str, text: &str| {
        format!(
            "From: {from}\nTo: ann@x.test\nSubject: {subject}\n\n{text}\n\n--- Enclosed is a copy of the mail.\n\n\
            From: zoe@x.test\nSubject: hello\n"
        )
    };
    let ezmlm = "Hi! This is the ezmlm program. I look after the cats@lists.test list.\n\nSomebody wrote to it. If nobody lets it \
        pass, it comes back as undelivered.";
    check(&asked("cats-help@lists.test", "MODERATE for cats@lists.test", ezmlm), Kind::Nothing, &[]);
    let refused = "Hi! This is the ezmlm program. I look after the cats@lists.test list.\n\nI'm sorry, your message could not be \
        delivered: you are not a member.";
    check(
        &asked("cats-help@lists.test", "Returned post for cats@lists.test", refused),
        Kind::Soft,
        &["cats@lists.test"],
    );
    let owner = "BOUNCE cats@lists.test: Non-member submission from [Zoe]";
    check(&asked("MAILER-DAEMON@lists.test", owner, "user unknown"), Kind::Nothing, &[]);
}

#[test]
fn a_warning_about_ones_own_room_is_no_report() {
    let warned = |subject: &str, who: &str| {
        format!(
            "From: MAILER-DAEMON@our.test\nTo: us@our.test\nSubject: {subject}\n\nThe mailbox of\n\n  {who}\n\nis over quota. \
            Mail is delayed and will be tried again.\n"
        )
    };
    check(&warned("Warning: mailbox over quota", "us@our.test"), Kind::Nothing, &[]);
    check(&warned("Warning: mailbox over quota", "zoe@x.test"), Kind::Delayed, &["zoe@x.test"]);
    check(&warned("Delivery delayed", "us@our.test"), Kind::Delayed, &["us@our.test"]);
}

#[test]
fn whoever_complains_of_mail_that_came_back_is_a_person() {
    let told = |from: &str, subject: &str, text: &str| {
        format!("From: {from}\nTo: us@our.test\nSubject: {subject}\n\n{text}\n")
    };
    let asks = "My mail to\nzoe@x.test\ncame back: user unknown. Delivery failed. Where is she?";
    check(&told("Ann <ann@x.test>", "Undeliverable mail to Zoe", asks), Kind::Nothing, &[]);
    check(&told("MAILER-DAEMON@x.test", "Undeliverable mail to Zoe", asks), Kind::Hard, &["zoe@x.test"]);
    let answers = "Hello,\nyour mail was successfully delivered to the following room of ours:\nzoe@x.test\nIt was not delivered before, for \
        the mailbox was full.";
    check(&told("Postmaster <postmaster@x.test>", "Re: my mail", answers), Kind::Nothing, &[]);
    let refuses = "Delivery failed.\n\nzoe@x.test\n550 user unknown";
    check(&told("Postmaster <postmaster@x.test>", "Re: my mail", refuses), Kind::Hard, &["zoe@x.test"]);
    let prose = "They said that 554 of them were delayed, and that a mail to unknown users was returned.";
    check(&told("MAILER-DAEMON@relay.test", "Re: numbers", prose), Kind::Nothing, &[]);
}

#[test]
fn what_a_server_wrote_is_handed_on_under_any_subject() {
    let above =
        "From: Ann <ann@x.test>\nTo: bob@y.test\nSubject: this came back, is there another address?\n";
    let enclosed = format!(
        "{above}Content-Type: multipart/mixed; boundary=a\n\n--a\n\nBob, do you know it? My mail could not be delivered.\n--a\n\
         Content-Type: message/rfc822\n\nFrom: Mail Delivery System <MAILER-DAEMON@mx.test>\nSubject: Returned mail\n\n{POSTFIX}\n--a--\n"
    );
    check(&enclosed, Kind::Nothing, &[]);
    let below = format!(
        "{above}\nMy mail could not be delivered to zoe@x.test.\n\n----- Original Message -----\n\
         From: Mail Delivery System <MAILER-DAEMON@mx.test>\nSubject: Returned mail\n\n{POSTFIX}"
    );
    check(&below, Kind::Nothing, &[]);
}

#[test]
fn what_a_list_tells_a_member_of_mail_to_himself_is_no_report() {
    let told = |from: &str, text: &str| {
        format!("From: {from}\nTo: us@our.test\nSubject: About your mail from choir\n\n{text}\n")
    };
    let mlmmj = "Hi, this is the Mlmmj program managing the <choir@x.test>\nmailing list.\n\nSome messages to you could not be delivered. \
        It is over now.\n";
    check(&told("choir+owner@x.test", mlmmj), Kind::Nothing, &[]);
    let ezmlm = "Hi! This is the ezmlm program.\n\nMessages to you from the choir mailing list seem to\nhave been bouncing: user unknown.\n";
    check(&told("choir-help@x.test", ezmlm), Kind::Nothing, &[]);
    let mailman = "Your membership in the mailing list choir has been disabled due to excessive bounces: mail was returned.\n";
    check(&told("mailman-bounces@x.test", mailman), Kind::Nothing, &[]);
    let denied = "Hi, this is the Mlmmj program managing the <choir@x.test>\nmailing list.\n\nYour message was unable to be delivered: \
        only subscribers may post.\n";
    check(&told("choir+owner@x.test", denied), Kind::Soft, &["choir@x.test"]);
}

#[test]
fn a_list_refuses_in_the_language_of_its_members() {
    let told = |from: &str, fields: &str, text: &str| {
        format!("From: {from}\nTo: us@our.test\n{fields}Subject: Anfrage abgelehnt: Angebot\n\n{text}\n")
    };
    let mlmmj = "Hallo, hier ist das Programm Mlmmj, welches die Liste\n<choir@x.test> verwaltet.\n\nDie Nachricht konnte nicht an\ndie \
        Liste weitergeleitet werden, weil die Liste nicht im Feld An steht.\n";
    check(&told("choir+owner@x.test", "", mlmmj), Kind::Soft, &["choir@x.test"]);
    let mailman = "Ihre Nachricht an die Mailingliste choir@x.test wurde abgelehnt:\n\nSie kommt nicht von einem Mitglied.\n";
    let program = "List-Id: <choir.x.test>\nIn-Reply-To: <1@our.test>\nAuto-Submitted: auto-generated\n";
    check(
        &told(
            "choir-owner@x.test",
            program,
            &mailman.replace("nicht von einem Mitglied", "von außen: nur Mitglieder"),
        ),
        Kind::Soft,
        &["choir@x.test"],
    );
}

#[test]
fn mutt_names_whose_mail_it_hands_on() {
    let from = |subject: &str| {
        format!(
            "From: ann@x.test\nTo: us@our.test\nSubject: {subject}\n\nThe headers are below.\n\n\
             zoe@y.test:\n550 5.1.1 User unknown\n\nReceived: by mx.test\nTo: zoe@y.test\n"
        )
    };
    check(&from("[MAILER-DAEMON@mx.test: delivery failed: hello]"), Kind::Nothing, &[]);
    check(&from("[mx.test: delivery failed: hello]"), Kind::Hard, &["zoe@y.test"]);
}

#[test]
fn what_our_mail_was_called_makes_no_answer_of_a_report() {
    let report = "From: MAILER-DAEMON@mx.test\nTo: us@our.test\nSubject: Unzustellbar: Eingangsbestätigung Ihrer Anfrage\n\n\
        zoe@x.test\n550 5.1.1 User unknown\n";
    check(report, Kind::Hard, &["zoe@x.test"]);
}

#[test]
fn nobody_called_mamta_is_a_server() {
    let may_be = |from: &str, has_null_sender| {
        let raw = format!("From: {from}\r\n\r\n");
        let message = crate::read(raw.as_bytes()).unwrap();
        crate::bounce::may_be(message.header().from.first(), message.header().marks, has_null_sender)
    };
    assert!(may_be("MTA at x <mta7@x.test>", true) && may_be("MDaemon <MDaemon@x.test>", true));
    assert!(!may_be("MTA at x <mta7@x.test>", false), "persons have such names, too");
    assert!(!may_be("Mamta Sharma <mamta@x.test>", true) && !may_be("Petrov <alexandr-petrov@x.test>", true));
    assert!(may_be("Postmaster@x.test", false));
}

#[test]
fn programs_that_answer_say_so_in_several_ways() {
    let from = |fields: &str| format!("From: ann@x.test\nTo: us@our.test\n{fields}\n\nGone fishing.\n");
    let is = |fields: &str, kind: Kind| check(&from(fields), kind, &[]);
    is("Subject: Hello\nPrecedence: auto_reply", Kind::Auto);
    is("Subject: Re: Hello\nPrecedence: junk\nX-Loop: ann@x.test", Kind::Auto);
    is("Subject: Re: Hello\nPrecedence: junk", Kind::Nothing);
    is("Subject: Re: Hello\nPrecedence: bulk\nX-Loop: list@x.test", Kind::Nothing);
    is("Subject: Your message to cats awaits moderator approval", Kind::Auto);
    is("Subject: Thank you for your message", Kind::Auto);
    is("Subject: I thank you for your message", Kind::Nothing);
}

#[test]
fn who_asks_what_a_notice_means_hands_it_on() {
    let asks = |words: &str| {
        format!(
            "From: Ann <ann@x.test>\nTo: us@our.test\nSubject: Undeliverable mail\n\n{words}\n\n\
                 >>> RCPT To:<zoe@y.test>\n<<< 550 User unknown\n550 <zoe@y.test>... User unknown\n"
        )
    };
    check(&asks("This came back today. What does it mean?"), Kind::Nothing, &[]);
    check(&asks("----- Transcript of session follows -----"), Kind::Hard, &["zoe@y.test"]);
}
