//! Mail out of users' own mailboxes: which folder proves whom, and what comes twice.

use crm::intake::{self, Polled, What};
use model::outcome::Outcome;
use model::schema::emails::mark;
use model::{FolderRole, Id};

use crate::house::{House, NOW};
use crate::polled::{bytes, ended};

/// What Ben wrote to a customer, with Jane in copy.
const OFFER: &str = "From: Ben <ben@contoso.test>
To: Zoe <zoe@fabrikam.test>
Cc: jane@contoso.test
Subject: Offer
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <offer@contoso.test>

Firm.
";

async fn take(house: &House, mailbox: Id, (role, mail): (FolderRole, &str)) -> (Outcome, Option<Id>) {
    let copyid = house.moment().id();
    let polled = Polled { role, copyid, arrived: NOW, size: 400, what: What::Whole(bytes(mail)) };
    let taken = intake::take_polled(&house.organization, mailbox, polled, house.moment()).await.unwrap();
    let receipt = ended(taken);
    let original = receipt.originals.first().unwrap();
    (original.outcome, original.email)
}

/// Whether it goes out, and whether its sender is unproven.
fn direction(house: &House, email: Id) -> (bool, bool) {
    let email = house.email(email);
    (email.directioncode, email.marks & mark::UNPROVEN_SENDER != 0)
}

#[tokio::test]
async fn sent_mail_goes_out_and_an_inbox_proves_nobody() {
    let house = House::new().await;
    let (jane, ben) =
        (house.user_mailbox("jane", house.jane).await, house.user_mailbox("ben", house.ben).await);
    let (outcome, email) = take(&house, jane, (FolderRole::Inbox, OFFER)).await;
    assert_eq!((outcome, direction(&house, email.unwrap())), (Outcome::Stored, (false, true)));
    // The copy that he keeps himself comes later: it is the same e-mail, and now it is his.
    assert_eq!(take(&house, ben, (FolderRole::Sent, OFFER)).await, (Outcome::Duplicate, email));
    assert_eq!(direction(&house, email.unwrap()), (true, false));
    let again = take(&house, jane, (FolderRole::Inbox, OFFER)).await;
    assert_eq!((again, direction(&house, email.unwrap())), ((Outcome::Duplicate, email), (true, false)));
}

#[tokio::test]
async fn sent_mail_that_is_seen_first_stays_what_it_is() {
    let house = House::new().await;
    let (jane, ben) =
        (house.user_mailbox("jane", house.jane).await, house.user_mailbox("ben", house.ben).await);
    let (outcome, email) = take(&house, ben, (FolderRole::Sent, OFFER)).await;
    assert_eq!((outcome, direction(&house, email.unwrap())), (Outcome::Stored, (true, false)));
    assert_eq!(take(&house, jane, (FolderRole::Inbox, OFFER)).await, (Outcome::Duplicate, email));
    assert_eq!(direction(&house, email.unwrap()), (true, false));
}

#[tokio::test]
async fn whoever_wrote_first_under_our_id_is_replaced_by_what_we_wrote() {
    let house = House::new().await;
    let (jane, ben) =
        (house.user_mailbox("jane", house.jane).await, house.user_mailbox("ben", house.ben).await);
    let forged = OFFER.replace("Firm.", "Pay to another account, please; it is urgent.");
    let (_, email) = take(&house, jane, (FolderRole::Other, &forged)).await;
    let (outcome, met) = take(&house, ben, (FolderRole::Sent, OFFER)).await;
    assert_eq!((outcome, met), (Outcome::Duplicate, email));
    assert_eq!(direction(&house, email.unwrap()), (true, false));
    let source = house.organization.blob(&house.email(email.unwrap()).blobid).unwrap();
    assert!(String::from_utf8_lossy(&source).contains("Firm."));
}

#[tokio::test]
async fn a_forward_in_a_users_mailbox_is_not_opened() {
    let house = House::new().await;
    let jane = house.user_mailbox("jane", house.jane).await;
    let forward = format!(
        "From: Jane <jane@contoso.test>\nTo: crm@sink.contoso.test\nSubject: Fwd: Offer\n\
         Message-ID: <f@contoso.test>\nDate: Fri, 6 Mar 2026 10:00:00 +0000\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n{OFFER}\n--b--\n"
    );
    assert_eq!(
        take(&house, jane, (FolderRole::Sent, &forward)).await.0,
        Outcome::Ignored,
        "it goes to the sink"
    );
}
