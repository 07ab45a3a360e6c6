//! Answers to a queue's mail, by the word in the address alone.

use crm::intake::{Copy, EnvelopeRecipient, Source};
use crm::outbox::{self, Draft};
use crm::settings;
use model::decision::CorrelationMethod;
use model::{Id, Mailbox};

use crate::house::{House, address};
use crate::returns;

async fn offer(house: &House) -> Id {
    let mut draft = Draft::by(address("support@contoso.test"));
    draft.who.to = vec![Mailbox { name: None, address: address("zoe@fabrikam.test") }.into()];
    draft.what.subject = "Our offer".to_owned();
    draft.what.text = "Fifty pallets?\n".to_owned();
    outbox::send(&house.organization, draft, (house.moment().id(), house.moment())).await.unwrap()
}

fn reply_to(house: &House, id: Id) -> Option<String> {
    let source = house.organization.blob(&house.email(id).blobid).unwrap();
    let header = message::read_header(&source).unwrap();
    header.reply_to.first().map(|mailbox| mailbox.address.to_string())
}

fn answer(house: &House, to: &str, from: &str) -> Copy {
    let mail = format!(
        "From: {from}\nTo: {to}\nSubject: Quite another thing\n\nYes, fifty. {}\n",
        house.moment().id()
    );
    let source = Source::Queue(address("support@contoso.test"));
    let recipient = EnvelopeRecipient { address: address(to), source: source.clone(), user: None };
    Copy { recipients: vec![recipient], ..house.to_support(&mail) }
}

#[tokio::test]
async fn an_answer_finds_its_mail_by_the_word_in_the_address_alone() {
    let house = returns::house().await;
    let plain = offer(&house).await;
    assert_eq!(reply_to(&house, plain), None, "nobody has asked for it");
    settings::set_answer_words(&house.organization, true).await.unwrap();
    let id = offer(&house).await;
    let to = reply_to(&house, id).unwrap();
    assert!(to.starts_with("support+r") && to.split('@').next().unwrap().len() <= 64, "{to}");

    // Neither id nor subject nor anybody who was on it: somebody else answers for her.
    let email = house.email(house.store(answer(&house, &to.to_uppercase(), "tom@northwind.test")).await);
    assert_eq!(email.correlatedactivityid, Some(id));
    assert_eq!(email.parentactivityid, None, "no field says that it answers");
    assert_eq!(email.correlationmethod, CorrelationMethod::TrackingToken as i32);
    assert_eq!(email.conversationtrackingid, house.email(id).conversationtrackingid);
    let parties = house.organization.read(|read| read.parties(email.activityid)).unwrap();
    let used: Vec<&str> = parties.iter().filter_map(|party| party.addressused.as_deref()).collect();
    assert_eq!(used, ["tom@northwind.test", "support@contoso.test"], "the word is nobody's address");

    let forged = to.replacen("+r", "+ra", 1).replacen("a@", "@", 1);
    let other = house.email(house.store(answer(&house, &forged, "tom@northwind.test")).await);
    assert_eq!(other.correlatedactivityid, None, "{forged}");
    house.books_are_right();
}
