//! What the hook before delivery says holds for the mail that it saw, and stays with it until a person looks.

use std::sync::Arc;

use crm::intake::{self, Copy, Heard, Receipt, Verdicts};
use model::Id;
use model::decision::{Entity, RecordRef};

use crate::house::House;

fn mail(from: &str, subject: &str) -> String {
    format!(
        "From: {from}\nTo: jane@contoso.test\nSubject: {subject}\nDate: Fri, 6 Mar 2026 09:00:00 +0000\n\
         Message-ID: <{subject}@fabrikam.test>\n\n{subject}?\n"
    )
}

/// Several mails as Jane forwards them to the sink.
fn forward(mails: &[&str]) -> String {
    let parts: String =
        mails.iter().map(|mail| format!("--b\nContent-Type: message/rfc822\n\n{mail}\n")).collect();
    format!(
        "From: jane@contoso.test\nTo: crm@sink.contoso.test\nSubject: Fwd: all\nMessage-ID: <fwd@contoso.test>\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n{parts}--b--\n"
    )
}

fn hint(entity: Entity, id: Id) -> Heard {
    Heard { hint: Some(RecordRef { entity, id }), ..Heard::default() }
}

async fn take(house: &House, copy: Copy, heard: Heard) -> Receipt {
    let verified = (copy, Arc::new(Verdicts { heard, ..Verdicts::default() }));
    intake::take_in_verified(&house.organization, verified, house.moment()).await.unwrap()
}

fn regarding(house: &House, receipt: &Receipt) -> Vec<Option<Id>> {
    let about = |email: Option<Id>| house.email(email.unwrap()).regardingobjectid;
    receipt.originals.iter().map(|original| about(original.email)).collect()
}

/// The record of Zoë, and one of Tom.
async fn customers(house: &House) -> [Id; 2] {
    house.contact("Tom Reed", "tom@northwind.test").await;
    let known = |key: &str| house.organization.read(|read| read.addresses(key)).unwrap()[0].objectid;
    [known("zoe@fabrikam.test"), known("tom@northwind.test")]
}

#[tokio::test]
async fn a_hint_is_of_the_mail_that_the_hook_saw_and_not_of_each_within_it() {
    let house = House::new().await;
    let [zoe, tom] = customers(&house).await;
    let both = forward(&[&mail("zoe@fabrikam.test", "sand"), &mail("tom@northwind.test", "gravel")]);
    let receipt = take(&house, house.out_of_mailbox(house.jane, &both), hint(Entity::Contact, zoe)).await;
    assert_eq!(regarding(&house, &receipt), [None, None], "nobody knows which of them it is of");
    // One alone is what it was said of; and so is a mail that came by itself.
    let one = forward(&[&mail("zoe@fabrikam.test", "lime")]);
    let receipt = take(&house, house.out_of_mailbox(house.jane, &one), hint(Entity::Contact, tom)).await;
    assert_eq!(regarding(&house, &receipt), [Some(tom)]);
    let alone = house.out_of_mailbox(house.jane, &mail("tom@northwind.test", "clay"));
    let receipt = take(&house, alone, hint(Entity::Contact, zoe)).await;
    assert_eq!(regarding(&house, &receipt), [Some(zoe)]);
    house.books_are_right();
}

#[tokio::test]
async fn a_hint_that_the_conversation_overrules_is_shown_as_that() {
    let house = House::new().await;
    let [zoe, tom] = customers(&house).await;
    let first = house.out_of_mailbox(house.jane, &mail("zoe@fabrikam.test", "sand"));
    take(&house, first, hint(Entity::Contact, zoe)).await;
    let answer = mail("zoe@fabrikam.test", "again")
        .replace("Message-ID", "In-Reply-To: <sand@fabrikam.test>\nMessage-ID");
    let receipt = take(&house, house.out_of_mailbox(house.jane, &answer), hint(Entity::Contact, tom)).await;
    assert_eq!(regarding(&house, &receipt), [Some(zoe)]);
    let email = house.email(receipt.originals[0].email.unwrap());
    let signals: serde_json::Value = serde_json::from_str(&email.decision).unwrap();
    let hooks: Vec<_> = signals.as_array().unwrap().iter().filter(|it| it["kind"] == "hook").collect();
    assert!(hooks.len() == 1 && hooks[0]["holds"] == false, "{}", email.decision);
}
