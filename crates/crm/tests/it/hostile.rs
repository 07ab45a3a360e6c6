//! What a hostile mail engineer tried, on a real store: mail that lies about who wrote it, whose it is, what it
//! answers or what it carries. None of it is lost, doubled, or put on the wrong record.

use std::collections::HashSet;

use crm::intake::{Copy, EnvelopeRecipient, Proof, Receipt, Source};
use model::decision::CorrelationMethod;
use model::filter::IncomingFilter;
use model::outcome::{Outcome, Reason};
use model::schema::emails::{Email, mark};
use model::{EmailAddress, Id, limits};

use crate::house::{House, NOW};

/// Zoë is a customer, and writes to Jane.
const VISIT: &str = "From: Zoe <zoe@fabrikam.test>
To: jane@contoso.test
Subject: Visit on Thursday
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <visit@fabrikam.test>

At three?
";

/// Tom is a customer too, and never wrote this.
const FORGED: &str = "From: Tom <tom@northwind.test>
To: jane@contoso.test
Subject: Our new bank account
Date: Fri, 6 Mar 2026 08:00:00 +0000
Message-ID: <bank@northwind.test>

Pay here.
";

/// Nobody knows Sam.
const STRANGER: &str = "From: Sam <sam@stranger.test>
To: info@contoso.test
Subject: Your licence
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <licence@stranger.test>

Is it free?
";

/// It quotes no subject and no date, as a person might write it.
const INLINE_FORWARD: &str = "From: Jane <jane@contoso.test>
To: crm@sink.contoso.test
Cc: ben@contoso.test
Subject: Fwd: Visit on Thursday
Date: Fri, 6 Mar 2026 09:30:00 +0000
Message-ID: <inline@contoso.test>

---------- Forwarded message ----------
From: Zoe <zoe@fabrikam.test>

At three?
";

const TO_THE_SINK: &str = "From: Jane <jane@contoso.test>\nTo: crm@sink.contoso.test";

// Everybody whom the envelope names.

#[tokio::test]
async fn a_mail_to_two_mailboxes_in_one_transaction_is_kept_for_the_one_who_keeps_all() {
    let house = House::new().await;
    let nils = nils(&house).await;
    let mut copy = house.out_of_mailbox(nils, STRANGER);
    copy.recipients = vec![sink_of("nilskey", nils), sink_of("cleokey", house.cleo)];
    let (outcome, reason, email) = house.take(copy).await;
    assert_eq!((outcome, reason), (Outcome::Stored, Reason::AcceptAll));
    let copies = house.organization.read(|read| read.email_copies(email.unwrap())).unwrap();
    let users: HashSet<_> = copies.iter().filter_map(|copy| copy.receivinguserid).collect();
    assert_eq!(users, HashSet::from([nils, house.cleo]));
    house.books_are_right();
}

#[tokio::test]
async fn a_mail_to_the_sink_and_to_support_in_one_transaction_is_in_the_queue() {
    let house = House::new().await;
    let mut copy = house.out_of_mailbox(house.jane, STRANGER);
    copy.recipients.extend(house.to_support(STRANGER).recipients);
    let email = house.store(copy).await;
    let queued = house.organization.read(|read| read.queue_items_of(email)).unwrap();
    assert_eq!(queued.len(), 1);
    house.books_are_right();
}

#[tokio::test]
async fn support_gets_a_mail_whose_header_names_a_thousand_others() {
    let house = House::new().await;
    let crowd: Vec<String> = (0..1005).map(|number| format!("guest{number}@crowd.test")).collect();
    let mail = STRANGER.replace("info@contoso.test", &crowd.join(",\n "));
    let email = house.store(house.to_support(&mail)).await;
    let queued = house.organization.read(|read| read.queue_items_of(email)).unwrap();
    assert_eq!(queued.len(), 1);
    house.books_are_right();
}

#[tokio::test]
async fn a_stranger_cannot_write_himself_past_a_filter_with_a_trace_field() {
    let house = House::new().await;
    let nils = nils(&house).await;
    for field in ["X-Original-To", "Delivered-To"] {
        let mail = format!("{field}: cleo@contoso.test\n{STRANGER}");
        let (outcome, reason, _) = house.take(house.out_of_mailbox(nils, &mail)).await;
        assert_eq!((outcome, reason), (Outcome::Ignored, Reason::FilterNone), "{field}");
    }
}

// What one of us hands over is never dropped in silence.

#[tokio::test]
async fn a_forward_that_quotes_too_little_waits_for_a_person() {
    let house = House::new().await;
    let copy = house.out_of_mailbox(house.jane, INLINE_FORWARD);
    let (outcome, reason, _) = house.take(copy.clone()).await;
    assert_eq!((outcome, reason), (Outcome::Undeliverable, Reason::NoOriginal));
    waits_whole(&house, &copy);
}

#[tokio::test]
async fn a_forward_from_a_network_that_proves_nothing_is_quarantined_whole() {
    let house = House::new().await;
    let copy = Copy { proof: Proof::None, ..house.out_of_mailbox(house.jane, INLINE_FORWARD) };
    let (outcome, reason, _) = house.take(copy.clone()).await;
    assert_eq!((outcome, reason), (Outcome::Quarantined, Reason::Unproven));
    waits_whole(&house, &copy);
}

#[tokio::test]
async fn jane_with_a_detail_in_her_address_is_jane() {
    let house = House::new().await;
    let with_detail = |mail: &str| mail.replace("<jane@contoso.test>", "<jane+crm@contoso.test>");
    let inline = house.take(house.out_of_mailbox(house.jane, &with_detail(INLINE_FORWARD))).await;
    assert_eq!((inline.0, inline.1), (Outcome::Undeliverable, Reason::NoOriginal));
    let attached = with_detail(&carrying(TO_THE_SINK, &[VISIT]));
    let email = house.email(house.store(house.out_of_mailbox(house.jane, &attached)).await);
    assert_eq!((email.subject.as_str(), email.unwrapmethod.as_str()), ("Visit on Thursday", "attached"));
    house.books_are_right();
}

#[tokio::test]
async fn of_two_attached_mails_the_damaged_one_is_not_lost() {
    let house = House::new().await;
    let head = format!("{TO_THE_SINK}\nCc: ben@contoso.test");
    let copy = house.out_of_mailbox(house.jane, &carrying(&head, &[VISIT, "\u{1}\u{2} no message\n"]));
    let receipt = house.take_in(copy.clone()).await.unwrap();
    assert_eq!(outcomes(&receipt), [Outcome::Stored, Outcome::Undeliverable]);
    assert_eq!(receipt.outcome(), Outcome::Undeliverable);
    waits_whole(&house, &copy);
}

#[tokio::test]
async fn jane_s_own_mail_to_a_customer_is_kept_and_marked_where_nothing_proves_it() {
    let house = House::new().await;
    let mail = VISIT.replace("zoe@", "jane@").replace("jane@contoso.test", "zoe@fabrikam.test");
    let mail = mail.replace("jane@fabrikam.test", "jane@contoso.test");
    let copy = Copy { proof: Proof::None, ..house.out_of_mailbox(house.jane, &mail) };
    let email = house.email(house.store(copy).await);
    assert_eq!(email.sender.as_deref(), Some("jane@contoso.test"));
    is_incoming_and_unproven(&email);
}

#[tokio::test]
async fn the_contract_beside_an_attached_mail_is_kept_with_the_copy() {
    let house = House::new().await;
    let contract = "Content-Type: application/pdf; name=contract.pdf\n\
                    Content-Disposition: attachment; filename=contract.pdf\n\
                    Content-Transfer-Encoding: base64\n\nJVBERi0xLjQ=\n";
    let forward = parts(TO_THE_SINK, &[&attached(VISIT), contract]);
    let copy = house.out_of_mailbox(house.jane, &forward);
    house.store(copy.clone()).await;
    let row = house.organization.read(|read| read.copy(copy.copyid)).unwrap().unwrap();
    let outer = house.organization.blob(&row.outerblobid.unwrap()).unwrap();
    assert_eq!(outer, &*copy.raw);
    house.books_are_right();
}

// A forward is opened for its author alone.

#[tokio::test]
async fn a_redirect_in_jane_s_name_is_not_opened() {
    let house = House::new().await;
    house.contact("Tom Reed", "tom@northwind.test").await;
    let head = format!("X-Sieve-Redirected-From: ben@contoso.test\n{TO_THE_SINK}");
    let forged = carrying(&head, &[FORGED]);
    let copy = house.out_of_mailbox(house.ben, &forged);
    for mail_from in ["sam@stranger.test", "jane@contoso.test"] {
        let copyid = house.moment().id();
        house.take(Copy { copyid, mail_from: Some(mail_from.to_owned()), ..copy.clone() }).await;
        is_not_on(&house, "tom@northwind.test");
    }
    // Without the mark of a redirect, from Jane herself, it is.
    let email = house.store(house.out_of_mailbox(house.jane, &carrying(TO_THE_SINK, &[FORGED]))).await;
    assert_eq!(house.sender(email), (Some(record_of(&house, "tom@northwind.test")), false));
}

#[tokio::test]
async fn an_envelope_of_a_stranger_proves_no_forward_of_jane() {
    let house = House::new().await;
    house.contact("Tom Reed", "tom@northwind.test").await;
    let forward = house.out_of_mailbox(house.ben, &carrying(TO_THE_SINK, &[FORGED]));
    let copy = Copy { mail_from: Some("sam@stranger.test".to_owned()), ..forward };
    let (outcome, reason, _) = house.take(copy.clone()).await;
    assert_eq!((outcome, reason), (Outcome::Quarantined, Reason::Unproven));
    is_not_on(&house, "tom@northwind.test");
    waits_whole(&house, &copy);
}

#[tokio::test]
async fn what_jane_wrote_to_ben_is_no_forward_because_ben_s_rule_passes_it_on() {
    let house = House::new().await;
    house.contact("Tom Reed", "tom@northwind.test").await;
    let to_ben = carrying("From: Jane <jane@contoso.test>\nTo: ben@contoso.test", &[FORGED]);
    let (outcome, reason, _) = house.take(house.out_of_mailbox(house.ben, &to_ben)).await;
    assert_eq!((outcome, reason), (Outcome::Ignored, Reason::Internal));
    is_not_on(&house, "tom@northwind.test");
}

#[tokio::test]
async fn a_stranger_s_empty_mail_with_a_forged_one_in_it_is_the_stranger_s() {
    let house = House::new().await;
    house.contact("Tom Reed", "tom@northwind.test").await;
    let head = "From: Sam <sam@stranger.test>\nTo: cleo@contoso.test";
    let of_sam = carrying(head, &[FORGED]).replace("wrapper@contoso.test", "empty@stranger.test");
    let forward = carrying(TO_THE_SINK, &[&of_sam]);
    let email = house.email(house.store(house.out_of_mailbox(house.jane, &forward)).await);
    assert_eq!(email.sender.as_deref(), Some("sam@stranger.test"));
    assert_eq!((email.unwrapmethod.as_str(), email.attachmentcount), ("attached", 1));
    is_not_on(&house, "tom@northwind.test");
    house.books_are_right();
}

#[tokio::test]
async fn jane_proves_nothing_about_what_ben_is_said_to_have_written() {
    let house = House::new().await;
    let of_ben = "From: Ben <ben@contoso.test>\nTo: zoe@fabrikam.test\nSubject: Half the price\n\
                  Date: Fri, 6 Mar 2026 08:00:00 +0000\nMessage-ID: <price@contoso.test>\n\nFor you.\n";
    let forward = carrying(TO_THE_SINK, &[of_ben]);
    let email = house.email(house.store(house.out_of_mailbox(house.jane, &forward)).await);
    assert_eq!(email.sender.as_deref(), Some("ben@contoso.test"));
    is_incoming_and_unproven(&email);
}

// The same mail, or not.

#[tokio::test]
async fn a_twin_with_another_text_never_stands_in_for_the_mail_that_is_here() {
    let house = House::new().await;
    let id = house.store(house.out_of_mailbox(house.jane, VISIT)).await;
    let before = house.email(id);
    let head = VISIT.split_once("\n\n").unwrap().0;
    let text = "Content-Type: text/plain\n\nPay to this account instead, and read the invoice.\n";
    let twin = house.out_of_mailbox(house.cleo, &untitled(head, &[text, &pdf("JVBERi0xLjQ=")]));
    let (outcome, _, email) = house.take(twin.clone()).await;
    assert_eq!((outcome, email), (Outcome::Duplicate, Some(id)));
    let after = house.email(id);
    assert_eq!(after.blobid, before.blobid);
    assert_eq!((after.preview, after.attachmentcount), (before.preview, 0));
    let (versions, attachments) =
        house.organization.read(|read| Ok((read.email_versions(id)?, read.attachments(id)?))).unwrap();
    assert_eq!(attachments.len(), 0);
    let kept: Vec<_> = versions.iter().map(|row| house.organization.blob(&row.blobid).unwrap()).collect();
    assert!(kept.iter().any(|bytes| **bytes == *twin.raw), "the twin's bytes are kept");
    house.books_are_right();
}

#[tokio::test]
async fn one_id_in_one_second_to_two_people_is_two_mails() {
    let house = House::new().await;
    let first = house.store(house.out_of_mailbox(house.jane, VISIT)).await;
    let other = VISIT.replace("To: jane@", "To: cleo@").replace("At three?", "Your invoice is due.");
    let second = house.store(house.out_of_mailbox(house.cleo, &other)).await;
    assert_ne!(first, second);
    assert_eq!(house.email_count(), 2);
    house.books_are_right();
}

#[tokio::test]
async fn a_scan_without_words_that_two_mailboxes_got_is_one_mail() {
    let house = House::new().await;
    let head = "From: scanner@fabrikam.test\nTo: jane@contoso.test, cleo@contoso.test\nSubject: Scan\n\
                Date: Fri, 6 Mar 2026 09:00:00 +0000";
    let scan = |pages: &str| untitled(head, &["Content-Type: text/plain\n\n\n", &pdf(pages)]);
    let first = scan("JVBERi0xLjQ=");
    let email = house.store(house.out_of_mailbox(house.cleo, &first)).await;
    let again = format!("Received: from mx.test by mail.test; Fri, 6 Mar 2026 09:00:01 +0000\n{first}");
    let (outcome, _, same) = house.take(house.out_of_mailbox(house.jane, &again)).await;
    assert_eq!((outcome, same), (Outcome::Duplicate, Some(email)));
    // Another sheet in the same second is another mail.
    let other = house.store(house.out_of_mailbox(house.cleo, &scan("JVBERi0xLjU="))).await;
    assert_ne!(other, email);
    house.books_are_right();
}

#[tokio::test]
async fn a_report_that_jane_forwards_is_tied_to_the_mail_that_it_returns() {
    let house = House::new().await;
    let sent = "From: Jane <jane@contoso.test>\nTo: zoe@fabrikam.test\nSubject: Prices\n\
                Date: Fri, 6 Mar 2026 08:00:00 +0000\nMessage-ID: <prices@contoso.test>\n\nAs asked.\n";
    let prices = house.store(house.out_of_mailbox(house.jane, sent)).await;
    let report = report("mailer-daemon@fabrikam.test", "prices@contoso.test");
    let forward = carrying(TO_THE_SINK, &[&report]);
    let email = house.email(house.store(house.out_of_mailbox(house.jane, &forward)).await);
    assert_eq!((email.unwrapmethod.as_str(), email.correlatedactivityid), ("attached", Some(prices)));
    // One about a mail that is not here is nobody's, by whatever hand it comes.
    let other = carrying(TO_THE_SINK, &[&report.replace("prices@", "other@").replace("report@", "another@")]);
    let (outcome, reason, _) = house.take(house.out_of_mailbox(house.jane, &other)).await;
    assert_eq!((outcome, reason), (Outcome::Ignored, Reason::Report));
    house.books_are_right();
}

#[tokio::test]
async fn a_loop_waits_once_however_often_it_comes() {
    let house = House::new().await;
    let hop = "Received: from a.test by b.test; Fri, 6 Mar 2026 09:00:01 +0000\n";
    let mail = format!("{}{VISIT}", hop.repeat(limits::RECEIVED_MAX + 1));
    for _ in 0..2 {
        let (outcome, reason, _) = house.take(house.out_of_mailbox(house.jane, &mail)).await;
        assert_eq!((outcome, reason), (Outcome::Undeliverable, Reason::Loop));
    }
    let (waiting, seen) =
        house.organization.read(|read| Ok((read.open_undeliverables(9)?, read.seen_on(NOW.day())?))).unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(seen.iter().map(|line| line.seen).sum::<i64>(), 2);
    house.books_are_right();
}

// What it says that it answers.

#[tokio::test]
async fn a_stranger_s_report_about_a_mail_that_we_received_is_ignored() {
    let house = House::new().await;
    house.store(house.out_of_mailbox(house.jane, VISIT)).await;
    let report = report("postmaster@stranger.test", "visit@fabrikam.test");
    let copy = house.out_of_mailbox(house.cleo, &report);
    for mail_from in [Some("postmaster@stranger.test".to_owned()), None] {
        let copyid = house.moment().id();
        let (outcome, reason, _) = house.take(Copy { copyid, mail_from, ..copy.clone() }).await;
        assert_eq!((outcome, reason), (Outcome::Ignored, Reason::Report));
    }
    let zoe = record_of(&house, "zoe@fabrikam.test");
    let timeline = house.organization.read(|read| read.timeline(zoe, 9)).unwrap();
    assert_eq!(timeline.len(), 1, "her mail stands there alone");
    house.books_are_right();
}

#[tokio::test]
async fn a_bounce_of_what_we_sent_is_kept_with_it() {
    let house = House::new().await;
    let ours = "From: Jane <jane@contoso.test>\nTo: zoe@fabrikam.test\nSubject: Offer\n\
                Date: Fri, 6 Mar 2026 08:00:00 +0000\nMessage-ID: <offer@contoso.test>\n\nHere.\n";
    let sent = house.store(house.out_of_mailbox(house.jane, ours)).await;
    let bounce = report("MAILER-DAEMON@fabrikam.test", "offer@contoso.test");
    let copy = Copy { mail_from: None, ..house.out_of_mailbox(house.jane, &bounce) };
    let email = house.email(house.store(copy).await);
    assert_eq!(email.correlationmethod, CorrelationMethod::Report as i32);
    assert_eq!(email.correlatedactivityid, Some(sent));
    assert_eq!(email.regardingobjectid, Some(record_of(&house, "zoe@fabrikam.test")));
    assert_eq!(email.marks & mark::REPORT, mark::REPORT);
}

#[tokio::test]
async fn of_two_mails_under_one_id_the_subject_says_which_is_answered() {
    let house = House::new().await;
    let (_, second) = two_mails_under_one_id(&house).await;
    let answer = house.store(house.out_of_mailbox(house.jane, &answer("Re: Invoice 7"))).await;
    assert_eq!(house.email(answer).correlatedactivityid, Some(second));
}

#[tokio::test]
async fn of_two_mails_under_one_id_none_is_answered_where_nothing_says_which() {
    let house = House::new().await;
    let (first, second) = two_mails_under_one_id(&house).await;
    let answer = house.email(house.store(house.out_of_mailbox(house.jane, &answer("Yes"))).await);
    assert_eq!(answer.correlatedactivityid, None);
    for mail in [first, second] {
        assert!(answer.decision.contains(&mail.to_string()), "both are shown: {}", answer.decision);
        assert_ne!(house.email(mail).conversationtrackingid, answer.conversationtrackingid);
    }
}

// Who wrote it, and whether a person did.

#[tokio::test]
async fn a_customer_s_out_of_office_is_no_mailing() {
    let house = House::new().await;
    let mail = format!("Auto-Submitted: auto-replied\nPrecedence: bulk\n{VISIT}");
    let (outcome, reason, _) = house.take(house.out_of_mailbox(house.jane, &mail)).await;
    assert_eq!((outcome, reason), (Outcome::Stored, Reason::KnownSender));
}

#[tokio::test]
async fn a_customer_s_order_confirmation_is_no_mailing() {
    let house = House::new().await;
    let mail = format!("List-Unsubscribe: <mailto:stop@fabrikam.test>\n{VISIT}");
    let (outcome, reason, _) = house.take(house.out_of_mailbox(house.jane, &mail)).await;
    assert_eq!((outcome, reason), (Outcome::Stored, Reason::KnownSender));
}

#[tokio::test]
async fn a_customer_on_a_mailing_list_is_a_mailing() {
    let house = House::new().await;
    let mail = format!("List-Id: Gardeners <gardeners.fabrikam.test>\n{VISIT}");
    let (outcome, reason, _) = house.take(house.out_of_mailbox(house.jane, &mail)).await;
    assert_eq!((outcome, reason), (Outcome::Ignored, Reason::List));
}

#[tokio::test]
async fn a_customer_who_wrote_with_somebody_else_is_known() {
    let house = House::new().await;
    let both = VISIT.replace("From: ", "From: Sam <sam@stranger.test>, ");
    let (outcome, reason, _) = house.take(house.out_of_mailbox(house.jane, &both)).await;
    assert_eq!((outcome, reason), (Outcome::Stored, Reason::KnownSender));
}

#[tokio::test]
async fn a_customer_who_is_named_as_sender_alone_is_known() {
    let house = House::new().await;
    let copy = house.out_of_mailbox(house.jane, &VISIT.replace("From: ", "Sender: "));
    let copy = Copy { mail_from: Some("zoe@fabrikam.test".to_owned()), ..copy };
    let (outcome, reason, email) = house.take(copy).await;
    assert_eq!((outcome, reason), (Outcome::Stored, Reason::KnownSender));
    assert_eq!(house.sender(email.unwrap()), (Some(record_of(&house, "zoe@fabrikam.test")), false));
}

#[tokio::test]
async fn a_mail_that_nobody_wrote_waits_for_a_person() {
    let house = House::new().await;
    let copy = house.out_of_mailbox(house.jane, &VISIT.replace("From: Zoe <zoe@fabrikam.test>\n", ""));
    let (outcome, reason, _) = house.take(copy.clone()).await;
    assert_eq!((outcome, reason), (Outcome::Undeliverable, Reason::InvalidSender));
    waits_whole(&house, &copy);
}

#[tokio::test]
async fn both_spellings_of_an_international_domain_are_one_customer() {
    for (here, written) in
        [("ida@münchen.test", "ida@xn--mnchen-3ya.test"), ("ida@xn--mnchen-3ya.test", "ida@münchen.test")]
    {
        let house = House::new().await;
        house.contact("Ida Berg", here).await;
        let mail = VISIT.replace("zoe@fabrikam.test", written);
        let email = house.store(house.out_of_mailbox(house.jane, &mail)).await;
        assert_eq!(house.sender(email), (Some(record_of(&house, here)), false), "{written}");
    }
}

/// Nils keeps nothing.
async fn nils(house: &House) -> Id {
    house.user("Nils Berg", "nils@contoso.test", IncomingFilter::None).await
}

/// The sink with the key of a user, as a door resolves it.
fn sink_of(key: &str, user: Id) -> EnvelopeRecipient {
    let sink = EmailAddress::parse("crm@sink.contoso.test").unwrap();
    let address = EmailAddress::parse(&format!("crm+{key}@sink.contoso.test")).unwrap();
    EnvelopeRecipient { address, source: Source::Sink(sink), user: Some(user) }
}

/// A mail without words that carries others as attachments.
fn carrying(head: &str, mails: &[&str]) -> String {
    let attached: Vec<String> = mails.iter().map(|mail| attached(mail)).collect();
    parts(head, &attached.iter().map(String::as_str).collect::<Vec<_>>())
}

fn attached(mail: &str) -> String {
    format!("Content-Type: message/rfc822\n\n{mail}")
}

fn pdf(base64: &str) -> String {
    format!(
        "Content-Type: application/pdf; name=scan.pdf\nContent-Disposition: attachment; filename=scan.pdf\n\
         Content-Transfer-Encoding: base64\n\n{base64}\n"
    )
}

/// A mail of several parts, under a subject, a date and an id of its own.
fn parts(head: &str, parts: &[&str]) -> String {
    let title =
        "Subject: Fwd: see there\nDate: Fri, 6 Mar 2026 09:40:00 +0000\nMessage-ID: <wrapper@contoso.test>";
    untitled(&format!("{head}\n{title}"), parts)
}

fn untitled(head: &str, parts: &[&str]) -> String {
    // A mail within a mail needs another boundary; what is inside is always shorter.
    let boundary = format!("b{:06}", parts.iter().map(|part| part.len()).sum::<usize>());
    let body: String = parts.iter().map(|part| format!("\n--{boundary}\n{part}")).collect();
    format!(
        "{head}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary={boundary}\n{body}\n--{boundary}--\n"
    )
}

/// A report (RFC 3464) that a mail to Zoë failed.
fn report(from: &str, about: &str) -> String {
    let returned = format!("Content-Type: text/rfc822-headers\n\nMessage-ID: <{about}>\n");
    let status = "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n\
                  Final-Recipient: rfc822; zoe@fabrikam.test\nAction: failed\nStatus: 5.1.1\n";
    let head = format!(
        "From: <{from}>\nTo: jane@contoso.test\nSubject: Undelivered\n\
         Date: Fri, 6 Mar 2026 09:10:00 +0000\nMessage-ID: <report@mx.test>"
    );
    let mixed = untitled(&head, &["Content-Type: text/plain\n\nIt failed.\n", status, &returned]);
    mixed.replace("multipart/mixed", "multipart/report; report-type=delivery-status")
}

/// Two mails of Zoë from a program that gives all its mail one id.
async fn two_mails_under_one_id(house: &House) -> (Id, Id) {
    let other = VISIT.replace("Visit on Thursday", "Invoice 7").replace("At three?", "It is due.");
    let other = other.replace("09:00:00", "09:05:00");
    let first = house.store(house.out_of_mailbox(house.jane, VISIT)).await;
    (first, house.store(house.out_of_mailbox(house.jane, &other)).await)
}

fn answer(subject: &str) -> String {
    format!(
        "From: Jane <jane@contoso.test>\nTo: zoe@fabrikam.test\nSubject: {subject}\n\
         Date: Fri, 6 Mar 2026 09:30:00 +0000\nMessage-ID: <yes@contoso.test>\n\
         In-Reply-To: <visit@fabrikam.test>\n\nYes.\n"
    )
}

fn outcomes(receipt: &Receipt) -> Vec<Outcome> {
    receipt.originals.iter().map(|original| original.outcome).collect()
}

/// The whole copy, byte for byte, waits for a person.
fn waits_whole(house: &House, copy: &Copy) {
    let waiting = house.organization.read(|read| read.open_undeliverables(9)).unwrap();
    let sources: Vec<_> = waiting.iter().map(|row| house.organization.blob(&row.blobid).unwrap()).collect();
    assert_eq!(sources, [&*copy.raw]);
    house.books_are_right();
}

fn is_incoming_and_unproven(email: &Email) {
    assert!(!email.directioncode, "nothing proves that it is ours");
    assert_eq!(email.marks & mark::UNPROVEN_SENDER, mark::UNPROVEN_SENDER);
}

fn record_of(house: &House, address: &str) -> Id {
    let key = EmailAddress::parse(address).unwrap().key();
    let found = house.organization.read(|read| read.addresses(&key)).unwrap();
    found.first().unwrap().objectid
}

/// No e-mail stands on the record of this address.
fn is_not_on(house: &House, address: &str) {
    let record = record_of(house, address);
    let timeline = house.organization.read(|read| read.timeline(record, 9)).unwrap();
    assert_eq!(timeline.len(), 0, "an e-mail stands on {address}");
}
