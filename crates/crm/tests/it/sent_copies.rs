//! Mail that went out is put into its writer's mailbox: which is, when, and until when that is tried.

use crm::mailboxes;
use crm::outbox::{self, Pull, Reported, SentCopy, Tried};
use model::{Id, Moment, Timestamp, limits};

use crate::house::{House, address};
use crate::outbox::{NODE, claim, draft, house, now, said, send, settle, to, wait};

async fn keeps_sent(house: &House) -> Id {
    let mailbox = house.user_mailbox("jane", house.jane).await;
    mailboxes::set_keeps_sent(&house.organization, "jane", true).await.unwrap();
    mailbox
}

async fn take(house: &House) -> Option<SentCopy> {
    outbox::take_sent_copy(&house.organization, NODE, now(house)).await.unwrap()
}

async fn ends(house: &House, copy: SentCopy, ended: Result<(), String>) {
    let moment = Moment::new(now(house), 79);
    outbox::settle_sent_copy(&house.organization, copy, (ended, moment)).await.unwrap();
}

/// Time goes on until all copies are due.
fn later(house: &House) {
    house.organization.tamper("update job set dueon = 1").unwrap();
}

/// One mail on its way to all that it is for.
async fn tried(house: &House, codes: &[u16]) {
    let [mail] = claim(house, NODE).await.try_into().unwrap();
    let replies = codes.iter().map(|code| said(*code)).collect();
    settle(house, &mail, Tried::Answered(replies), now(house)).await;
}

#[tokio::test]
async fn a_mail_is_kept_once_somebody_has_it_and_only_once() {
    let house = house().await;
    let mailbox = keeps_sent(&house).await;
    let id = send(&house, draft()).await.unwrap();
    tried(&house, &[451, 451, 550]).await;
    assert!(take(&house).await.is_none(), "nobody has it");
    wait(&house);
    tried(&house, &[451, 250]).await;
    let copy = take(&house).await.unwrap();
    assert_eq!((copy.email, copy.mailbox), (id, mailbox));
    assert!(take(&house).await.is_none(), "somebody has it");
    let mail = outbox::sent_mail(&house.organization, &copy).unwrap().unwrap();
    let text = String::from_utf8_lossy(&mail.raw).into_owned();
    assert!(text.contains(&mail.message_id) && text.contains("Fifty pallets?\r\n"), "{text}");
    assert!(!text.contains("boss@contoso.test"), "blind");
    ends(&house, copy, Ok(())).await;
    // The other one gets it later: it is kept already.
    wait(&house);
    tried(&house, &[250]).await;
    assert!(take(&house).await.is_none());
}

#[tokio::test]
async fn what_an_outside_sender_brought_out_is_kept_too() {
    let house = House::new().await;
    let way = outbox::add_outside(&house.organization, ("outside", None), house.moment()).await.unwrap();
    let mailbox = keeps_sent(&house).await;
    let id = send(&house, draft()).await.unwrap();
    let pull = Pull { way, limit: 1, seconds: 600 };
    let moment = || Moment::new(now(&house), 99);
    let [mail] =
        outbox::background_send(&house.organization, pull, moment()).await.unwrap().mails.try_into().unwrap();
    assert!(outbox::begun(&house.organization, mail.ticket, moment()).await.unwrap());
    assert!(take(&house).await.is_none(), "nobody has it");
    let all = mail.recipients.iter().map(|to| (address(to), said(250))).collect();
    let reported = (mail.ticket, Reported::Answered(all));
    outbox::report(&house.organization, reported, moment()).await.unwrap();
    let copy = take(&house).await.unwrap();
    assert_eq!((copy.email, copy.mailbox), (id, mailbox));
}

#[tokio::test]
async fn what_fails_is_tried_again_told_and_given_up_after_days() {
    let house = house().await;
    let mailbox = keeps_sent(&house).await;
    let id = send(&house, draft()).await.unwrap();
    tried(&house, &[250, 250, 250]).await;
    let mut dues: Vec<Timestamp> = Vec::new();
    for attempt in 1..limits::SENT_COPY_TRIES_MAX {
        let copy = take(&house).await.unwrap();
        ends(&house, copy, Err(format!("no room, {attempt}"))).await;
        assert!(take(&house).await.is_none(), "not before its time");
        let waiting = outbox::waiting_sent_copies(&house.organization).unwrap();
        assert_eq!(waiting.get(&mailbox), Some(&(1, Some(format!("no room, {attempt}")))));
        dues.push(house.organization.read(|read| read.sent_copies(1)).unwrap()[0].dueon);
        later(&house);
    }
    let span = dues.iter().map(|due| due.0 - now(&house).0).sum::<i64>() / 3_600_000;
    assert!((72..120).contains(&span), "{span} hours");
    let copy = take(&house).await.unwrap();
    ends(&house, copy, Err("no room".to_owned())).await;
    assert!(outbox::waiting_sent_copies(&house.organization).unwrap().is_empty());
    house.organization.wait_for_events().unwrap();
    let events = house.organization.read(|read| read.events_of(id, 10)).unwrap();
    assert!(events.iter().any(|event| event.operation == "not-kept"));
}

#[tokio::test]
async fn nothing_is_kept_where_nobody_wants_it() {
    let house = house().await;
    let sent = async |from: &str| {
        let mut draft = draft();
        draft.who.from = address(from);
        (draft.who.to, draft.who.cc, draft.who.bcc) = (vec![to("zoe@fabrikam.test")], Vec::new(), Vec::new());
        send(&house, draft).await.unwrap();
        tried(&house, &[250]).await;
    };
    house.user_mailbox("jane", house.jane).await;
    sent("jane@contoso.test").await;
    assert!(take(&house).await.is_none(), "off by itself");
    mailboxes::set_keeps_sent(&house.organization, "jane", true).await.unwrap();
    sent("ben@contoso.test").await;
    assert!(take(&house).await.is_none(), "another user's");
    sent("jane@contoso.test").await;
    mailboxes::set_keeps_sent(&house.organization, "jane", false).await.unwrap();
    let copy = take(&house).await.unwrap();
    assert!(outbox::sent_mail(&house.organization, &copy).unwrap().is_none(), "not any more");
    house.forward_mailbox("crm", true).await;
    let refused = mailboxes::set_keeps_sent(&house.organization, "crm", true).await.unwrap_err();
    assert!(refused.to_string().contains("a user's own mailbox"), "{refused}");
    assert!(mailboxes::set_keeps_sent(&house.organization, "nobody", true).await.is_err());
}
