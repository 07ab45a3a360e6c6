//! Mail out of a forward mailbox: whose it was, what proves its sender, and every way in which it can end.

use std::sync::Arc;

use crm::CrmError;
use crm::intake::{self, Polled, Receipt, Taken, What};
use model::Id;
use model::outcome::{Outcome, Reason};
use model::schema::emails::mark;

use crate::house::{House, NOW};

const VISIT: &str = "From: Zoe <zoe@fabrikam.test>
To: ben@contoso.test
Subject: Visit
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <visit@fabrikam.test>

At three?
";

const FORWARD: &str = "From: Jane <jane@contoso.test>
To: crm@sink.contoso.test
Subject: Fwd: Visit
Date: Fri, 6 Mar 2026 09:40:00 +0000
Message-ID: <forward@contoso.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: message/rfc822

";

/// A mail as it lies in the mailbox: the server that delivered it noted the envelope.
pub(crate) fn delivered(from: &str, to: &str, mail: &str) -> String {
    format!(
        "Return-Path: <{from}>\nDelivered-To: {to}\nReceived: from mx.contoso.test by mail.contoso.test with LMTP;\n\
         \tFri, 6 Mar 2026 09:00:02 +0000\n{mail}"
    )
}

pub(crate) fn bytes(mail: &str) -> Arc<[u8]> {
    Arc::from(mail.replace('\n', "\r\n").into_bytes())
}

pub(crate) async fn take(house: &House, mailbox: Id, what: What) -> Result<Taken, CrmError> {
    take_as(house, mailbox, house.moment().id(), what).await
}

pub(crate) async fn take_as(house: &House, mailbox: Id, copyid: Id, what: What) -> Result<Taken, CrmError> {
    let polled = Polled { role: model::FolderRole::Sink, copyid, arrived: NOW, size: 4_000, what };
    intake::take_polled(&house.organization, mailbox, polled, house.moment()).await
}

pub(crate) fn ended(taken: Taken) -> Receipt {
    match taken {
        Taken::Ended(receipt) => receipt,
        Taken::WholeWanted => panic!("all of it is wanted"),
    }
}

async fn take_whole(house: &House, mailbox: Id, mail: &str) -> (Outcome, Reason, Option<Id>) {
    let receipt = ended(take(house, mailbox, What::Whole(bytes(mail))).await.unwrap());
    let [original] = receipt.originals.as_slice() else { panic!("one original: {receipt:?}") };
    (original.outcome, original.reason, original.email)
}

#[tokio::test]
async fn the_key_that_the_server_noted_says_whose_mailbox_it_was() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", false).await;
    let to_jane = delivered("zoe@fabrikam.test", &house.key_address(house.jane), VISIT);
    let (outcome, reason, email) = take_whole(&house, mailbox, &to_jane).await;
    assert_eq!((outcome, reason), (Outcome::Stored, Reason::KnownSender), "Jane keeps mail of customers");
    assert_eq!(house.email(email.unwrap()).receivinguserid, Some(house.jane));
    let copies = house.organization.read(|read| read.email_copies(email.unwrap())).unwrap();
    let copy = house.organization.read(|read| read.copy(copies[0].copyid)).unwrap().unwrap();
    assert_eq!((copy.source.as_str(), copy.mailfrom.as_deref()), ("mailbox:crm", Some("zoe@fabrikam.test")));
}

#[tokio::test]
async fn what_a_sender_writes_into_his_mail_is_no_envelope() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", true).await;
    // Ben keeps answers only; the customer says that it came to Jane.
    let forged = format!("Delivered-To: {}\n{VISIT}", house.key_address(house.jane));
    let below = delivered("zoe@fabrikam.test", "crm@sink.contoso.test", &forged);
    let (outcome, _, email) = take_whole(&house, mailbox, &below).await;
    assert_eq!((outcome, email), (Outcome::Ignored, None));
    // A stranger who says that he is Jane, and that she sent it.
    let hers = FORWARD.to_owned() + VISIT + "\n--b--\n";
    let forged = format!("Return-Path: <jane@contoso.test>\n{hers}");
    for mail in [delivered("sam@stranger.test", "crm@sink.contoso.test", &forged), forged] {
        let (outcome, reason, _) = take_whole(&house, mailbox, &mail).await;
        assert_eq!((outcome, reason), (Outcome::Quarantined, Reason::Unproven));
    }
}

#[tokio::test]
async fn a_forward_is_opened_where_the_mailbox_refuses_forged_mail() {
    let house = House::new().await;
    let (open, refusing) =
        (house.forward_mailbox("open", false).await, house.forward_mailbox("refusing", true).await);
    let hers = FORWARD.to_owned() + VISIT + "\n--b--\n";
    let mail = delivered("jane@contoso.test", "crm@sink.contoso.test", &hers);
    let (outcome, reason, _) = take_whole(&house, open, &mail).await;
    assert_eq!(
        (outcome, reason),
        (Outcome::Quarantined, Reason::Unproven),
        "as it is unless somebody says so"
    );
    let (outcome, _, email) = take_whole(&house, refusing, &mail).await;
    assert_eq!(outcome, Outcome::Stored);
    assert_eq!(house.email(email.unwrap()).subject, "Visit");
    house.books_are_right_but_for_ledgers();
}

#[tokio::test]
async fn the_null_sender_is_told_from_no_envelope() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", false).await;
    let to_cleo = VISIT.replace("ben@", "cleo@");
    let noted = delivered("", "crm@sink.contoso.test", &to_cleo);
    let (_, _, automatic) = take_whole(&house, mailbox, &noted).await;
    assert_ne!(house.email(automatic.unwrap()).marks & mark::AUTOMATIC, 0);
    let unknown = to_cleo.replace("visit@", "other@").replace("Visit", "Other");
    let (_, _, email) = take_whole(&house, mailbox, &unknown).await;
    assert_eq!(house.email(email.unwrap()).marks & mark::AUTOMATIC, 0);
}

#[tokio::test]
async fn a_disabled_user_s_key_opens_nothing() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", false).await;
    let mail = delivered("zoe@fabrikam.test", &house.key_address(house.jane), VISIT);
    let jane = house.jane;
    let unit = house.organization.unit(store::Priority::Background, move |tx| tx.disable_user(jane));
    unit.await.unwrap_or_else(|error: store::StoreError| panic!("{error}"));
    assert_eq!(take_whole(&house, mailbox, &mail).await.0, Outcome::Ignored);
}

#[tokio::test]
async fn the_same_copy_again_is_answered_as_before() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", false).await;
    let mail = delivered("zoe@fabrikam.test", &house.key_address(house.jane), VISIT);
    let copyid = house.moment().id();
    let first = take_as(&house, mailbox, copyid, What::Whole(bytes(&mail))).await.unwrap();
    for what in [
        What::Whole(bytes(&mail)),
        What::Header(bytes(mail.split_once("\n\n").unwrap().0)),
        What::Vanished,
        What::SetAside(bytes(&mail)),
        What::Unfetchable { header: Arc::default(), words: String::new() },
    ] {
        assert_eq!(take_as(&house, mailbox, copyid, what).await.unwrap(), first);
    }
    assert_eq!(house.email_count(), 1);
}

#[tokio::test]
async fn what_is_no_longer_there_ends_too() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", false).await;
    let receipt = ended(take(&house, mailbox, What::Vanished).await.unwrap());
    let ends: Vec<_> = receipt.originals.iter().map(|it| (it.outcome, it.reason)).collect();
    assert_eq!(ends, [(Outcome::Ignored, Reason::Vanished)]);
    let copy = house.organization.read(|read| read.copy(receipt.copyid)).unwrap().unwrap();
    assert_eq!(copy.size, 4_000);
    house.books_are_right_but_for_ledgers();
}

#[tokio::test]
async fn what_is_there_after_all_is_decided_about() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", true).await;
    let copyid = house.moment().id();
    take_as(&house, mailbox, copyid, What::Vanished).await.unwrap();
    let plan = VISIT.replace("visit@", "plan@").replace("Visit", "Plan");
    let both = format!("{FORWARD}{VISIT}\n--b\nContent-Type: message/rfc822\n\n{plan}\n--b--\n");
    let mail = delivered("jane@contoso.test", &house.key_address(house.jane), &both);
    let receipt = ended(take_as(&house, mailbox, copyid, What::Whole(bytes(&mail))).await.unwrap());
    let outcomes: Vec<Outcome> = receipt.originals.iter().map(|original| original.outcome).collect();
    assert_eq!(outcomes, [Outcome::Stored, Outcome::Stored]);
    let copy = house.organization.read(|read| read.copy(copyid)).unwrap().unwrap();
    assert_eq!((copy.originals, copy.mailfrom.as_deref()), (2, Some("jane@contoso.test")));
    house.books_are_right_but_for_ledgers();
}

#[tokio::test]
async fn what_ended_the_process_is_kept_whole_and_not_looked_at() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", false).await;
    let mail = bytes(&delivered("zoe@fabrikam.test", &house.key_address(house.jane), VISIT));
    let receipt = ended(take(&house, mailbox, What::SetAside(Arc::clone(&mail))).await.unwrap());
    assert_eq!((receipt.outcome(), receipt.originals[0].reason), (Outcome::Undeliverable, Reason::Fault));
    let kept = house.organization.read(|read| read.open_undeliverables(9)).unwrap();
    assert_eq!(house.organization.blob(&kept[0].blobid).unwrap(), &*mail);
    house.books_are_right_but_for_ledgers();
}

#[tokio::test]
async fn each_mail_that_cannot_be_fetched_waits_for_a_person() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", false).await;
    let words = "the server ended the connection in the middle of it, three times";
    let header = bytes("From: Zoe <zoe@fabrikam.test>\nSubject: Plan\n\n");
    for header in [Arc::default(), Arc::default(), header] {
        let what = What::Unfetchable { header, words: words.to_owned() };
        let receipt = ended(take(&house, mailbox, what).await.unwrap());
        assert_eq!(receipt.originals[0].reason, Reason::Unfetchable);
    }
    let waiting = house.organization.read(|read| read.open_undeliverables(9)).unwrap();
    let told: Vec<_> = waiting.iter().map(|row| (row.detail.as_str(), row.size)).collect();
    assert_eq!(told, [(words, 4_000); 3]);
    house.books_are_right_but_for_ledgers();
}

#[tokio::test]
async fn a_mailbox_that_is_not_there_takes_nothing() {
    let house = House::new().await;
    let refused = take(&house, Id::default(), What::Whole(bytes(VISIT))).await;
    assert!(matches!(refused, Err(CrmError::NotFound { what: "the mailbox" })), "{refused:?}");
}
