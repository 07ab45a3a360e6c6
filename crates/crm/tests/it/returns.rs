//! Return paths: each recipient has one of his own, and what comes there is about him, whatever it looks like.

use std::sync::Arc;
use std::time::SystemTime;

use crm::intake::{self, Copy, EnvelopeRecipient, Proof, Source, Verdicts, Welcome};
use crm::outbox::{self, Claimed, Draft, RecipientReply, Settled, Tried, Wanted};
use crm::records::people;
use model::outcome::{Outcome, Reason};
use model::schema::emails::{Email, STATUS_FAILED, STATUS_SENT, mark};
use model::schema::outbox::OutboxRecipient;
use model::trust::{Finding, Policy, Verdict};
use model::{EmailAddress, Id, Mailbox, Moment, Timestamp};

use crate::house::{House, NOW, address};
use crate::outbox::relay;

const NODE: Id = Id([9; 16]);
const OTHER: Id = Id([8; 16]);
const DOMAIN: &str = "bounces.contoso.test";

/// The usual house, whose mail comes back to return paths.
pub(crate) async fn house() -> House {
    let house = House::new().await;
    let return_domain = outbox::lead_back(house.catalogue(), &house.organization, DOMAIN).unwrap();
    outbox::add_relay(&house.organization, relay(Some(return_domain)), house.moment()).await.unwrap();
    house
}

/// A mail of Jane's to these.
pub(crate) async fn send(house: &House, to: &[&str]) -> Id {
    let to = to.iter().map(|text| Mailbox { name: None, address: address(text) }.into()).collect();
    let mut draft = Draft::by(address("jane@contoso.test"));
    draft.who.to = to;
    draft.what.subject = "Our offer".to_owned();
    draft.what.text = "Fifty pallets?\n".to_owned();
    let [copyid, seed] = [house.moment().id(), house.moment().id()];
    let seed = u64::from_be_bytes(seed.0[8..].try_into().unwrap());
    outbox::send(&house.organization, draft, (copyid, Moment::new(now(house), seed))).await.unwrap()
}

/// A server goes by its own clock, whatever we say.
fn now(house: &House) -> Timestamp {
    if !house.organization.is_at_server() {
        return NOW;
    }
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}

async fn claim(house: &House) -> Claimed {
    let relay = outbox::relays(&house.organization).unwrap()[0].emailserverprofileid;
    let wanted = Wanted { relay, limit: 16, has_bulk: true };
    let claimed =
        outbox::claim(&house.organization, NODE, (Moment::new(now(house), 78), wanted)).await.unwrap();
    let [mail] = claimed.try_into().unwrap();
    mail
}

/// Whom a mail is tried for, and where it comes back to.
fn turn(house: &House, mail: &Claimed) -> (Vec<String>, EmailAddress) {
    let loaded = outbox::load(&house.organization, mail).unwrap();
    let recipients = mail.waiting().map(|one| one.address.clone()).collect();
    (recipients, address(&loaded.mail_from))
}

async fn settle(house: &House, mail: &Claimed, tried: Tried) -> Settled {
    crate::outbox::settle(house, mail, tried, now(house)).await
}

fn said(code: u16) -> Tried {
    Tried::Answered(vec![RecipientReply { code, text: "2.0.0 so it is".to_owned() }])
}

fn recipients(house: &House, email: Id) -> Vec<OutboxRecipient> {
    house.organization.read(|read| read.outbox_recipients(email)).unwrap()
}

fn states(house: &House, email: Id) -> Vec<i32> {
    recipients(house, email).iter().map(|one| one.statecode).collect()
}

/// Sends a mail to all of its recipients, and gives their return paths.
pub(crate) async fn sent(house: &House, email: Id) -> Vec<EmailAddress> {
    let mut paths = Vec::new();
    for _ in recipients(house, email) {
        let mail = claim(house).await;
        paths.push(turn(house, &mail).1);
        settle(house, &mail, said(250)).await;
    }
    assert_eq!(house.email(email).statuscode, STATUS_SENT);
    paths
}

/// What came to an address by SMTP, from nobody.
pub(crate) fn came(house: &House, to: &EmailAddress, mail: &str) -> Copy {
    let recipient = EnvelopeRecipient {
        address: to.clone(),
        source: Source::Return(address(&format!("b@{DOMAIN}"))),
        user: None,
    };
    Copy {
        copyid: house.moment().id(),
        source: recipient.source.clone(),
        arrived: NOW,
        has_envelope: true,
        mail_from: None,
        recipients: vec![recipient],
        peer: None,
        trace: None,
        proof: Proof::None,
        raw: mail.replace('\n', "\r\n").into_bytes().into(),
        has_bare_line_ends: false,
    }
}

fn is_welcome(house: &House, text: &str) -> bool {
    let peer = intake::Peer { address: "198.51.100.9".parse().unwrap(), credential: None };
    match intake::welcome(house.catalogue(), &[], peer, &address(text)) {
        Welcome::Yes(recipient) => {
            assert_eq!(recipient.envelope.source.name(), format!("return:b@{DOMAIN}"));
            true
        }
        Welcome::Unknown => false,
        Welcome::NotAllowed | Welcome::TryLater => panic!("neither"),
    }
}

#[tokio::test]
async fn each_recipient_has_a_return_path_and_a_try_of_his_own() {
    let house = house().await;
    let id = send(&house, &["zoe@fabrikam.test", "tom@northwind.test", "bob@fabrikam.test"]).await;
    let first = claim(&house).await;
    let (zoe, path) = turn(&house, &first);
    assert_eq!((zoe, path.domain()), (vec!["zoe@fabrikam.test".to_owned()], DOMAIN));
    let Settled::Waits(until) = settle(&house, &first, said(451)).await else { panic!("she waits") };
    assert!(until <= now(&house), "nobody waits for her");

    let second = claim(&house).await;
    let (tom, other) = turn(&house, &second);
    assert_eq!(tom, ["tom@northwind.test"]);
    assert_ne!(path, other);
    assert!(crate::outbox::may_end(&house, &second).await);
    let uncertain = Tried::Uncertain { words: "no answer".to_owned(), replies: vec![None] };
    let Settled::Waits(until) = settle(&house, &second, uncertain).await else { panic!("they wait") };
    assert!(until > now(&house), "the relay is in trouble");
    let marks: Vec<bool> = recipients(&house, id).iter().map(|one| one.doton.is_some()).collect();
    assert_eq!(marks, [false, true, false], "of Tom alone nobody knows");
    assert!(house.organization.read(|read| read.outbox_mail(id)).unwrap().unwrap().doton.is_none());

    let sql = "update outboxmail set dueon = 1 where waitsin is not null";
    house.organization.tamper(sql).unwrap();
    let third = claim(&house).await;
    assert_eq!(turn(&house, &third).0, ["bob@fabrikam.test"], "who was tried least");
    let Settled::Waits(until) = settle(&house, &third, said(550)).await else { panic!("two wait") };
    assert!(until > now(&house), "both were put off");
    assert!(outbox::cancel(&house.organization, id, house.moment()).await.unwrap());
    assert_eq!(states(&house, id), [4, 3, 2], "Tom may have it, and Bob certainly not");
    assert_eq!(house.email(id).statuscode, STATUS_FAILED, "what may have gone out was not canceled");
    let told = house.organization.read(|read| read.outbox_mail(id)).unwrap().unwrap().lasterror.unwrap();
    assert!(told.contains("may have gone out to somebody"), "{told}");
    let who = outbox::Whose::All;
    let shown = outbox::shown_one(&house.organization, (who, id), now(&house)).unwrap();
    assert_eq!(shown.standing, outbox::Standing::Uncertain);
    assert!(outbox::retry(&house.organization, id, house.moment()).await.unwrap(), "a person may say so");
}

#[tokio::test]
async fn a_node_that_died_at_the_end_of_the_data_leaves_one_recipient_in_doubt() {
    let house = house().await;
    let id = send(&house, &["zoe@fabrikam.test", "tom@northwind.test"]).await;
    let dying = claim(&house).await;
    assert!(crate::outbox::may_end(&house, &dying).await);
    let living = std::iter::once(OTHER).collect();
    assert_eq!(outbox::free(&house.organization, &living, now(&house)).await.unwrap().mails, 1);
    let again = claim(&house).await;
    assert_eq!(turn(&house, &again), turn(&house, &dying), "the same one, by the same way back");
    settle(&house, &again, Tried::NotSent { words: "it broke".to_owned(), replies: vec![None] }).await;
    let marks: Vec<bool> = recipients(&house, id).iter().map(|one| one.doton.is_some()).collect();
    assert_eq!(marks, [true, false]);
}

#[tokio::test]
async fn of_bulk_that_a_dead_node_left_one_recipient_waits_for_a_person() {
    let house = house().await;
    let id = send(&house, &["zoe@fabrikam.test", "tom@northwind.test"]).await;
    house.organization.tamper("update outboxmail set lane = 1, waitsin = 1").unwrap();
    let dying = claim(&house).await;
    assert!(crate::outbox::may_end(&house, &dying).await);
    let living = std::iter::once(OTHER).collect();
    let left = outbox::free(&house.organization, &living, now(&house)).await.unwrap();
    assert_eq!((left.past_their_end, left.for_a_person), (1, 1));
    let again = claim(&house).await;
    assert_eq!(turn(&house, &again).0, ["tom@northwind.test"], "nobody knows of Zoë alone");
    settle(&house, &again, said(250)).await;
    assert_eq!(states(&house, id), [3, 1]);
}

#[tokio::test]
async fn without_a_domain_all_go_together_under_the_writers_name() {
    let house = house().await;
    let id = send(&house, &["zoe@fabrikam.test", "tom@northwind.test"]).await;
    let relays = outbox::relays(&house.organization).unwrap();
    let relay_id = relays[0].emailserverprofileid;
    outbox::set_relay(&house.organization, relay_id, relay(None)).await.unwrap();
    let mail = claim(&house).await;
    let (all, path) = turn(&house, &mail);
    assert_eq!((all.len(), path.as_str()), (2, "jane@contoso.test"));
    let reply = || RecipientReply { code: 250, text: String::new() };
    let taken = Tried::Answered(vec![reply(), reply()]);
    assert_eq!(settle(&house, &mail, taken).await, Settled::Ended);
    assert_eq!(states(&house, id), [1, 1]);
}

#[tokio::test]
async fn a_return_path_is_open_to_whoever_knows_it_and_to_nobody_else() {
    let house = house().await;
    let id = send(&house, &["zoe@fabrikam.test"]).await;
    let path = sent(&house, id).await.remove(0).to_string();
    assert!(is_welcome(&house, &path));
    assert!(is_welcome(&house, &path.to_uppercase()));
    let forged = path.replace("b+a", "b+b");
    for other in
        [forged.as_str(), "b@bounces.contoso.test", "b+x@bounces.contoso.test", "c@bounces.contoso.test"]
    {
        assert!(!is_welcome(&house, other), "{other}");
    }
    let taken = outbox::lead_back(house.catalogue(), &house.organization, DOMAIN);
    assert_eq!(taken.unwrap(), DOMAIN, "ours still");
    for bad in ["", "a b", "x@y.test", "a/b"] {
        assert!(outbox::lead_back(house.catalogue(), &house.organization, bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn what_comes_to_a_return_path_stands_beside_its_mail_whatever_it_looks_like() {
    let house = house().await;
    let id = send(&house, &["zoe@fabrikam.test"]).await;
    let path = sent(&house, id).await.remove(0);
    let odd = "From: The server <robot@mx.fabrikam.test>\nSubject: Sorry\n\nNobody of that name here.\n";
    let (outcome, reason, email) = house.take(came(&house, &path, odd)).await;
    assert_eq!((outcome, reason), (Outcome::Stored, Reason::Returned));
    let Email { activityid, conversationtrackingid, correlatedactivityid, regardingobjectid, marks, .. } =
        house.email(email.unwrap());
    let of_it = house.email(id);
    assert_eq!(conversationtrackingid, of_it.conversationtrackingid);
    assert_eq!(correlatedactivityid, Some(id));
    assert!(regardingobjectid.is_some(), "it is about Zoë");
    assert_ne!(marks & mark::REPORT, 0);
    let parties = house.organization.read(|read| read.parties(activityid)).unwrap();
    assert!(parties.is_empty(), "the server is no party, and the secret path neither: {parties:?}");

    let nameless = "From: <>\nTo: x\nSubject: Returned\n\nNo.\n";
    assert_eq!(house.take(came(&house, &path, nameless)).await.1, Reason::Returned);
    house.books_are_right();
}

#[tokio::test]
async fn who_is_away_says_so_himself() {
    let house = house().await;
    let id = send(&house, &["zoe@fabrikam.test"]).await;
    let path = sent(&house, id).await.remove(0);
    let away = format!(
        "From: Zoe <zoe@fabrikam.test>\nTo: {path}\nSubject: Away\nAuto-Submitted: auto-replied\n\nTill Monday.\n"
    );
    let email = house.store(came(&house, &path, &away)).await;
    let parties = house.organization.read(|read| read.parties(email)).unwrap();
    assert_eq!(parties.len(), 1, "{parties:?}");
    assert_eq!(parties[0].addressused.as_deref(), Some("zoe@fabrikam.test"));
    assert_eq!(house.email(email).marks & mark::REPORT, 0);
}

#[tokio::test]
async fn the_word_of_a_return_path_lets_nobody_speak_whose_domain_disowns_it() {
    let house = house().await;
    let id = send(&house, &["zoe@fabrikam.test"]).await;
    let path = sent(&house, id).await.remove(0);
    // Whoever has the path, of a mail that was handed on, answers in her name.
    let forged = format!(
        "From: Zoe <zoe@fabrikam.test>\nTo: {path}\nSubject: Away\nAuto-Submitted: auto-replied\n\nPay there.\n"
    );
    let failed = Verdict {
        author: Some(address("zoe@fabrikam.test")),
        dmarc: Finding::Fail,
        policy: Policy::Reject,
        ..Verdict::default()
    };
    let apart = Verdicts { outer: Some(failed), apart_from: Some(Policy::Reject), ..Verdicts::default() };
    let verified = (came(&house, &path, &forged), Arc::new(apart));
    let taken = intake::take_in_verified(&house.organization, verified, house.moment()).await.unwrap();
    let original = &taken.originals[0];
    assert_eq!((original.outcome, original.reason), (Outcome::Quarantined, Reason::Disowned));
    assert_eq!(house.email_count(), 1);
    assert_eq!(bounces(&house, id), [(None, None)]);
}

#[tokio::test]
async fn a_return_path_is_known_in_a_mailbox_by_whom_the_mail_is_for() {
    let house = house().await;
    let id = send(&house, &["zoe@fabrikam.test"]).await;
    let path = sent(&house, id).await.remove(0);
    let bounce = format!("From: MAILER-DAEMON@mx.fabrikam.test\nTo: {path}\nSubject: Sorry\n\nNobody.\n");
    let copy = house.out_of_mailbox(house.jane, &bounce);
    assert_eq!(house.take(copy).await.1, Reason::Returned);
    let forged = bounce.replace("b+a", "b+b").replace("Sorry", "Sorry again");
    assert_eq!(house.take(house.out_of_mailbox(house.jane, &forged)).await.0, Outcome::Ignored);
}

/// A report that a server writes by the standard, about a recipient, with the field of the mail that it returns.
pub(crate) fn report(to: &str, (status, words): (&str, &str), returned: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.fabrikam.test\nSubject: Undelivered {status} {to}\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nSorry.\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.fabrikam.test\n\n\
         Final-Recipient: rfc822; {to}\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {words}\n\
         --b\nContent-Type: text/rfc822-headers\n\n{returned}\n--b--\n"
    )
}

/// What a system says whose user called a mail of ours unwanted (RFC 5965).
pub(crate) const COMPLAINT: &str = "From: fbl@northwind.test\nSubject: Complaint\n\
    Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nA report.\n\
    --b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n--b--\n";

pub(crate) const DEAD: (&str, &str) = ("5.1.1", "550 5.1.1 User unknown");

fn bounces(house: &House, email: Id) -> Vec<(Option<i32>, Option<bool>)> {
    recipients(house, email).into_iter().map(|one| (one.bouncekind, one.isbounceproven)).collect()
}

fn suppressed(house: &House, text: &str) -> Option<i32> {
    let found =
        house.organization.read(|read| outbox::suppression::suppressed(read, &address(text))).unwrap();
    found.map(|suppression| suppression.reason)
}

/// Why a mail is refused.
async fn refusal(house: &House, to: &str) -> Option<String> {
    let mut draft = Draft::by(address("jane@contoso.test"));
    draft.who.to = vec![Mailbox { name: None, address: address(to) }.into()];
    draft.what.subject = "Again".to_owned();
    draft.what.text = "Again.\n".to_owned();
    let sent = outbox::send(&house.organization, draft, (house.moment().id(), house.moment())).await;
    sent.err().map(|error| error.to_string())
}

#[tokio::test]
async fn a_dead_address_is_suppressed_until_it_is_released() {
    let house = house().await;
    let id = send(&house, &["zoe@fabrikam.test", "Tom@northwind.test"]).await;
    let paths = sent(&house, id).await;
    let dead = report("tom@northwind.test", DEAD, "Subject: Our offer");
    let evidence = house.store(came(&house, &paths[1], &dead)).await;
    assert_eq!(bounces(&house, id), [(None, None), (Some(1), Some(true))]);
    assert_eq!(house.email(id).statuscode, STATUS_SENT, "Zoë has it");
    assert_eq!(suppressed(&house, "tom@northwind.test"), Some(1));
    let refused = refusal(&house, "TOM@northwind.test").await.unwrap();
    assert!(refused.contains("User unknown") && refused.contains("suppression release"), "{refused}");
    let known = outbox::suppression::suppressions(&house.organization, 10).unwrap();
    assert_eq!((known.len(), known[0].activityid), (1, Some(evidence)));

    let by = (address("tom@northwind.test"), "Jane".to_owned());
    assert!(outbox::suppression::release(&house.organization, by.clone(), house.moment()).await.unwrap());
    assert!(!outbox::suppression::release(&house.organization, by, house.moment()).await.unwrap());
    assert_eq!(refusal(&house, "tom@northwind.test").await, None);
    let lost = report("zoe@fabrikam.test", DEAD, "");
    house.store(came(&house, &paths[0], &lost)).await;
    assert_eq!(house.email(id).statuscode, STATUS_FAILED, "nobody has it");
}

#[tokio::test]
async fn only_a_word_of_ours_suppresses() {
    let house = house().await;
    let id = send(&house, &["zoe@fabrikam.test", "tom@northwind.test"]).await;
    let own = |mail: &Claimed| {
        let raw = outbox::load(&house.organization, mail).unwrap().travelling();
        String::from_utf8(raw.to_vec()).unwrap().lines().next().unwrap().to_owned()
    };
    let first = claim(&house).await;
    let zoe = own(&first);
    settle(&house, &first, said(250)).await;
    let tom = own(&claim(&house).await);
    assert!(zoe.starts_with("X-Postroom-Recipient: ") && tom != zoe, "{zoe}");
    let message_id = house.email(id).messageid.unwrap();
    // Tom knows the Message-ID and his own field, and would have Zoë get no mail any more.
    let forged = report("zoe@fabrikam.test", DEAD, &format!("Message-ID: <{message_id}>"));
    let copy = house.out_of_mailbox(house.jane, &forged);
    house.store(intake::Copy { mail_from: None, ..copy }).await;
    assert_eq!(bounces(&house, id)[0], (Some(1), Some(false)), "a claim");
    let borrowed = report("zoe@fabrikam.test", ("5.1.2", "550 no such user"), &tom);
    house.store(house.out_of_mailbox(house.jane, &borrowed)).await;
    assert_eq!(suppressed(&house, "zoe@fabrikam.test"), None);
    assert_eq!(suppressed(&house, "tom@northwind.test"), Some(1), "whoever lends his word is meant");
    let true_one = report("zoe@fabrikam.test", ("5.1.0", "550 unknown user"), &zoe);
    house.store(house.out_of_mailbox(house.jane, &true_one)).await;
    assert_eq!(bounces(&house, id)[0], (Some(1), Some(true)));
    assert_eq!(suppressed(&house, "zoe@fabrikam.test"), Some(1));
}

/// Not every server is called MAILER-DAEMON, nor writes by the standard.
#[tokio::test]
async fn a_word_of_ours_counts_in_what_servers_return_in_their_text() {
    let house = house().await;
    let below = "--- Original message ---\n";
    let ways = [
        ("a person who answers", Some("Mamta <mamta@northwind.test>"), below, ""),
        ("a master of mail who answers", Some("Postmaster@mx.fabrikam.test"), below, ""),
        ("MDaemon", None, below, ""),
        ("qmail", None, "--- Below this line is a copy of the message.\n\n", ""),
        ("one that quotes", None, "Message header:\n", "  > "),
    ];
    for (number, (way, person, line, mark)) in ways.into_iter().enumerate() {
        let to = format!("zoe{number}@fabrikam.test");
        let id = send(&house, &[&to]).await;
        let mail = claim(&house).await;
        let raw = outbox::load(&house.organization, &mail).unwrap().travelling();
        let returned: String =
            std::str::from_utf8(&raw).unwrap().lines().map(|line| format!("{mark}{line}\n")).collect();
        settle(&house, &mail, said(250)).await;
        let from = person.unwrap_or("MDaemon at fabrikam <MDaemon@mx.fabrikam.test>");
        let message_id = house.email(id).messageid.unwrap();
        let field = person.map(|_| format!("In-Reply-To: <{message_id}>\n")).unwrap_or_default();
        let written = format!(
            "From: {from}\nTo: jane@contoso.test\nSubject: Permanent Delivery Failure\n{field}\n\
             Could not deliver your message to\n<{to}>\n550 no such user\n\n{line}{returned}"
        );
        let copy = house.out_of_mailbox(house.jane, &written);
        house.take(Copy { mail_from: person.map(|_| "mx@fabrikam.test".to_owned()), ..copy }).await;
        let expected = if person.is_some() { (None, None) } else { (Some(1), Some(true)) };
        assert_eq!(bounces(&house, id), [expected], "{way}");
        assert_eq!(suppressed(&house, &to).is_some(), person.is_none(), "{way}");
    }
}

/// Without a word of ours the Message-ID in the text ties a report to its mail, as it does in the standard's form: as a claim.
#[tokio::test]
async fn what_servers_return_in_their_text_is_tied_by_its_message_id() {
    let house = house().await;
    let id = send(&house, &["zoe@fabrikam.test"]).await;
    settle(&house, &claim(&house).await, said(250)).await;
    let message_id = house.email(id).messageid.unwrap();
    let written = |to: &str, number: u8| {
        format!(
            "From: MAILER-DAEMON@mx.fabrikam.test\nTo: jane@contoso.test\nSubject: failure notice {number}\n\n\
             Hi. This is the qmail-send program at mx.fabrikam.test.\nI'm afraid I wasn't able to deliver your message.\n\n\
             <{to}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n\
             Return-Path: <jane@contoso.test>\nMessage-ID: <{message_id}>\nTo: {to}\nSubject: Our offer\n\nFifty pallets?\n"
        )
    };
    let takes = async |to: &str, number: u8, from: Option<&str>| {
        let copy = house.out_of_mailbox(house.jane, &written(to, number));
        house.take(Copy { mail_from: from.map(str::to_owned), ..copy }).await
    };
    assert_eq!(
        takes("zoe@fabrikam.test", 1, Some("eve@fabrikam.test")).await.0,
        Outcome::Ignored,
        "from somebody"
    );
    assert_eq!(takes("tom@northwind.test", 2, None).await.0, Outcome::Ignored, "he was not on it");
    assert_eq!(bounces(&house, id), [(None, None)]);
    let (outcome, _, report) = takes("zoe@fabrikam.test", 3, None).await;
    assert_eq!(outcome, Outcome::Stored);
    assert_eq!(bounces(&house, id), [(Some(1), Some(false))], "a claim");
    let report = house.email(report.unwrap());
    assert!(report.marks & mark::REPORT != 0);
    assert_eq!(report.correlatedactivityid, Some(id));
    assert_eq!(suppressed(&house, "zoe@fabrikam.test"), None);
}

#[tokio::test]
async fn passing_trouble_is_counted_and_a_complaint_counts_at_once() {
    let house = house().await;
    for number in 1..=5 {
        let id = send(&house, &["zoe@fabrikam.test"]).await;
        let path = sent(&house, id).await.remove(0);
        assert_eq!(suppressed(&house, "zoe@fabrikam.test"), None);
        // What gives no reason counts as much, and no more.
        let (kind, status, words) =
            if number == 3 { (5, "5.0.0", "550 no") } else { (2, "5.2.2", "552 mailbox full") };
        let full = report("zoe@fabrikam.test", (status, &format!("{words}, {number}")), "");
        house.store(came(&house, &path, &full)).await;
        assert_eq!(bounces(&house, id), [(Some(kind), Some(true))]);
    }
    assert_eq!(suppressed(&house, "zoe@fabrikam.test"), Some(2));

    // Whoever releases it has mended something: what came back before counts no more.
    let by = (address("zoe@fabrikam.test"), "Jane".to_owned());
    assert!(outbox::suppression::release(&house.organization, by, house.moment_after(60)).await.unwrap());
    for number in 6..=10 {
        let id = send(&house, &["zoe@fabrikam.test"]).await;
        let path = sent(&house, id).await.remove(0);
        assert_eq!(suppressed(&house, "zoe@fabrikam.test"), None, "{number}");
        let full = report("zoe@fabrikam.test", ("5.2.2", &format!("552 mailbox full, {number}")), "");
        let copy = came(&house, &path, &full);
        intake::take_in(&house.organization, copy, house.moment_after(120)).await.unwrap();
    }
    assert_eq!(suppressed(&house, "zoe@fabrikam.test"), Some(2), "five times anew");

    let id = send(&house, &["tom@northwind.test"]).await;
    let path = sent(&house, id).await.remove(0);
    house.store(came(&house, &path, COMPLAINT)).await;
    assert_eq!(suppressed(&house, "tom@northwind.test"), Some(3));
    assert_eq!(house.email(id).statuscode, STATUS_SENT, "he has it");

    // What is understood and tells nothing is no trouble, whoever it comes from.
    let id = send(&house, &["ann@northwind.test"]).await;
    let path = sent(&house, id).await.remove(0);
    house
        .store(came(&house, &path, &COMPLAINT.replace("abuse", "not-spam").replace("Complaint", "Not spam")))
        .await;
    let asked = report("ann@northwind.test", ("2.1.5", "250 2.1.5 Recipient ok"), "")
        .replace("failed", "deliverable");
    house.store(came(&house, &path, &asked)).await;
    assert_eq!(bounces(&house, id), [(None, None)]);
}

/// Who is on a never-log list says nothing that is kept, and a report still counts for the mail that it is about.
#[tokio::test]
async fn what_is_never_logged_counts_at_its_return_path_and_is_not_kept() {
    let house = house().await;
    let id = send(&house, &["zoe@fabrikam.test"]).await;
    let path = sent(&house, id).await.remove(0);
    let other = send(&house, &["tom@northwind.test"]).await;
    let tom = sent(&house, other).await.remove(0);
    let emails =
        || house.organization.read(|read| read.conversation(house.email(id).conversationtrackingid, 9));
    people::add_never_log(&house.organization, "@fabrikam.test", None, house.moment()).await.unwrap();
    people::add_never_log(&house.organization, "tom@northwind.test", Some(house.jane), house.moment())
        .await
        .unwrap();

    let away = "From: zoe@fabrikam.test\nSubject: Away\nAuto-Submitted: auto-replied\n\nTill Monday.\n";
    let never = (Outcome::Ignored, Reason::NeverLog, None);
    assert_eq!(house.take(came(&house, &path, away)).await, never);
    assert_eq!(bounces(&house, id), [(None, None)]);
    let from_tom = away.replace("zoe@fabrikam.test", "tom@northwind.test");
    assert_eq!(
        house.take(came(&house, &tom, &from_tom)).await,
        never,
        "Jane wrote to him, and wants none of his"
    );
    people::add_never_log(&house.organization, "bob@northwind.test", Some(house.ben), house.moment())
        .await
        .unwrap();
    let from_bob = away.replace("zoe@fabrikam.test", "bob@northwind.test");
    assert_eq!(
        house.take(came(&house, &tom, &from_bob)).await.1,
        Reason::Returned,
        "that is Ben's list alone"
    );

    let dead = report("zoe@fabrikam.test", DEAD, "").replace("mx.fabrikam.test", "fabrikam.test");
    assert_eq!(house.take(came(&house, &path, &dead)).await, never);
    assert_eq!(bounces(&house, id), [(Some(1), Some(true))]);
    assert_eq!(house.email(id).statuscode, STATUS_FAILED);
    assert!(refusal(&house, "zoe@fabrikam.test").await.unwrap().contains("User unknown"));
    assert_eq!(emails().unwrap().len(), 1, "nothing came of it but what its own mail says");
    house.books_are_right();
}

#[tokio::test]
async fn who_may_have_a_mail_may_have_it_after_again_too() {
    let house = house().await;
    for dies in [false, true] {
        let id = send(&house, &["zoe@fabrikam.test"]).await;
        let sql = "update outboxmail set lane = 1, waitsin = 1 where waitsin is not null";
        assert_eq!(house.organization.tamper(sql).unwrap(), 1);
        let mail = claim(&house).await;
        assert!(crate::outbox::may_end(&house, &mail).await);
        if dies {
            let living = std::iter::once(OTHER).collect();
            outbox::free(&house.organization, &living, now(&house)).await.unwrap();
        } else {
            let uncertain = Tried::Uncertain { words: "no answer".to_owned(), replies: vec![None] };
            assert_eq!(settle(&house, &mail, uncertain).await, Settled::ForAPerson);
        }
        assert!(outbox::retry(&house.organization, id, house.moment()).await.unwrap());
        assert!(!outbox::take_back(&house.organization, id, house.moment()).await.unwrap());
        assert!(outbox::cancel(&house.organization, id, house.moment()).await.unwrap());
        assert_eq!((states(&house, id), house.email(id).statuscode), (vec![3], STATUS_FAILED));
    }
}

/// Nobody knows a return path who has not got our mail: what comes there is about that, in whatever form.
#[tokio::test]
async fn a_report_in_the_form_of_a_worm_or_the_words_of_bait_counts_at_its_return_path() {
    let house = house().await;
    let id = send(&house, &["zoe@fabrikam.test", "tom@northwind.test"]).await;
    let paths = sent(&house, id).await;
    let packed = "From: postmaster@mx.fabrikam.test\nSubject: Delivery failed\n\
        Content-Type: multipart/mixed; boundary=b\n\n--b\n\nThe message was not delivered.\n\
        550 5.1.1 <zoe@fabrikam.test> user unknown\n\
        --b\nContent-Type: application/zip; name=\"message.zip\"\n\nTVqQ\n--b--\n";
    let by_somebody = intake::Copy {
        mail_from: Some("postmaster@mx.fabrikam.test".to_owned()),
        ..came(&house, &paths[0], packed)
    };
    house.store(by_somebody).await;
    let bait = format!(
        "From: postmaster@mx.northwind.test\nTo: {}\nSubject: Delivery failed: mailbox full\n\n\
         Your message could not be delivered.\nYour mailbox is full, get more room.\n",
        paths[1]
    );
    house.store(house.out_of_mailbox(house.jane, &bait)).await;
    assert_eq!(bounces(&house, id), [(Some(1), Some(true)), (Some(2), Some(true))]);
    assert_eq!(suppressed(&house, "zoe@fabrikam.test"), Some(1));

    // Elsewhere both are what they look like.
    let id = send(&house, &["bob@fabrikam.test"]).await;
    sent(&house, id).await;
    let message_id = house.email(id).messageid.unwrap();
    for elsewhere in [packed.to_owned(), bait.replace(paths[1].as_str(), "jane@contoso.test")] {
        let about_it = elsewhere.replacen('\n', &format!("\nIn-Reply-To: <{message_id}>\n"), 1);
        house.take(house.out_of_mailbox(house.jane, &about_it)).await;
    }
    assert_eq!(bounces(&house, id), [(None, None)]);
    house.books_are_right();
}
