//! Whoever wants no mail by the hour that it goes out gets none, and the others do.

use crm::outbox::{self, Claimed, Draft, Recipient, Settled, Tried};
use model::decision::{Entity, RecordRef};
use model::schema::emails::{STATUS_FAILED, STATUS_PENDING_SEND, STATUS_SENT};
use model::schema::outbox::{OutboxMail, OutboxRecipient};
use model::{Id, Mailbox};

use crate::house::{House, address};
use crate::outbox::{NODE, claim, draft, house, may_end, may_end_at, now, said, send, settle, to, wait};
use crate::returns;

async fn suppress(house: &House, text: &str) {
    let why = (address(text), "she asked by phone".to_owned());
    outbox::suppression::suppress(&house.organization, why, house.moment()).await.unwrap();
}

/// Zoë, or whoever it is, opts out.
async fn opt_out(house: &House, column: &str, (name, at): (&str, &str)) {
    house.import(&["fullname", "emailaddress1", column], &[&[name, at, "yes"]]).await;
}

const ZOE: (&str, &str) = ("Zoë Müller", "zoe@fabrikam.test");

fn rows(house: &House, email: Id) -> Vec<OutboxRecipient> {
    house.organization.read(|read| read.outbox_recipients(email)).unwrap()
}

fn states(house: &House, email: Id) -> Vec<i32> {
    rows(house, email).iter().map(|row| row.statecode).collect()
}

fn mail(house: &House, email: Id) -> OutboxMail {
    house.organization.read(|read| read.outbox_mail(email)).unwrap().unwrap()
}

fn ends(house: &House, email: Id) -> Vec<String> {
    house.organization.wait_for_events().unwrap();
    let events = house.organization.read(|read| read.events_of(email, 10)).unwrap();
    events.into_iter().map(|event| event.operation).filter(|operation| operation == "failed").collect()
}

fn waiting(claimed: &Claimed) -> Vec<&str> {
    claimed.waiting().map(|one| one.address.as_str()).collect()
}

fn only(at: &str) -> Draft {
    let mut draft = draft();
    (draft.who.to, draft.who.cc, draft.who.bcc) = (vec![to(at)], Vec::new(), Vec::new());
    draft
}

#[tokio::test]
async fn whoever_was_suppressed_while_a_mail_waited_does_not_get_it_and_the_others_do() {
    let house = house().await;
    let later = Draft { due: Some(now(&house).plus_seconds(600)), ..draft() };
    let id = send(&house, later).await.unwrap();
    // In other letters than it was typed.
    suppress(&house, "TOM@northwind.test").await;
    wait(&house);
    assert!(claim(&house, NODE).await.len() <= 1);
    wait(&house);
    let [going] = claim(&house, NODE).await.try_into().unwrap();
    assert_eq!(waiting(&going), ["zoe@fabrikam.test", "boss@contoso.test"]);
    let tom = &rows(&house, id)[1];
    assert_eq!((tom.statecode, tom.replycode, tom.settledon.is_some()), (2, None, true));
    assert!(tom.replytext.as_deref().unwrap().contains("she asked by phone"), "{tom:?}");
    assert_eq!(house.email(id).statuscode, STATUS_PENDING_SEND);
    let taken = Tried::Answered(vec![said(250), said(250)]);
    assert_eq!(settle(&house, &going, taken, now(&house)).await, Settled::Ended);
    assert_eq!((house.email(id).statuscode, states(&house, id)), (STATUS_SENT, vec![1, 2, 1]));
    let told = mail(&house, id).lasterror.unwrap();
    assert!(told.contains("she asked by phone"), "the list says so still: {told}");
}

#[tokio::test]
async fn a_mail_with_nobody_left_ends_and_what_waits_behind_it_goes() {
    let house = house().await;
    let mut gone = Vec::new();
    for _ in 0..3 {
        gone.push(send(&house, only(ZOE.1)).await.unwrap());
    }
    let other = send(&house, only("tom@northwind.test")).await.unwrap();
    opt_out(&house, "donotemail", ZOE).await;
    let relay = outbox::relays(&house.organization).unwrap()[0].emailserverprofileid;
    let wanted = outbox::Wanted { relay, limit: 2, has_bulk: true };
    let moment = model::Moment::new(now(&house), 5);
    let claimed = outbox::claim(&house.organization, NODE, (moment, wanted)).await.unwrap();
    assert_eq!(claimed.iter().map(|one| one.mail.activityid).collect::<Vec<_>>(), [other]);
    for id in gone {
        assert_eq!((house.email(id).statuscode, states(&house, id)), (STATUS_FAILED, vec![2]));
        let OutboxMail { waitsin, owner, endedon, lasterror, .. } = mail(&house, id);
        assert_eq!((waitsin, owner, endedon.is_some()), (None, None, true));
        assert_eq!(lasterror.unwrap(), "Zoë Müller <zoe@fabrikam.test> wants no e-mail (donotemail)");
        assert_eq!(ends(&house, id), ["failed"]);
    }
    house.books_are_right();
}

#[tokio::test]
async fn what_goes_to_many_asks_for_more_than_what_a_person_writes_or_a_queue_answers() {
    let house = house().await;
    let id = send(&house, only(ZOE.1)).await.unwrap();
    opt_out(&house, "donotbulkemail", ZOE).await;
    let [personal] = claim(&house, NODE).await.try_into().unwrap();
    assert_eq!(personal.mail.activityid, id);
    house
        .organization
        .tamper("update outboxmail set lane = 1, waitsin = 1, owner = null, mailfrom = ''")
        .unwrap();
    wait(&house);
    let [answer] = claim(&house, NODE).await.try_into().unwrap();
    assert!(answer.is_bulk(), "an answer to one who wrote");
    house.organization.tamper("update outboxmail set owner = null, mailfrom = 'jane@contoso.test'").unwrap();
    wait(&house);
    assert!(claim(&house, NODE).await.is_empty());
    let words = rows(&house, id).remove(0).replytext.unwrap();
    assert_eq!(words, "Zoë Müller <zoe@fabrikam.test> wants no e-mail that goes to many (donotbulkemail)");
}

#[tokio::test]
async fn of_several_with_one_address_the_one_that_was_chosen_counts() {
    let house = house().await;
    house.contact("Zoë's sister", ZOE.1).await;
    let records = house.organization.read(|read| read.records_by_address(ZOE.1)).unwrap();
    let of = |name: &str| records.iter().find(|record| record.name == name).unwrap().id;
    let chosen = |id: Id| {
        let mailbox = Mailbox { name: None, address: address(ZOE.1) };
        let record = Some(RecordRef { entity: Entity::Contact, id });
        let mut draft = only(ZOE.1);
        draft.who.to = vec![Recipient { mailbox, record }];
        draft
    };
    let sister = send(&house, chosen(of("Zoë's sister"))).await.unwrap();
    let zoe = send(&house, chosen(of(ZOE.0))).await.unwrap();
    let open = send(&house, only(ZOE.1)).await.unwrap();
    let sql = "update contact set donotemail = 1 where fullname = 'Zoë Müller'";
    assert_eq!(house.organization.tamper(sql).unwrap(), 1);
    let claimed = claim(&house, NODE).await;
    assert_eq!(claimed.iter().map(|one| one.mail.activityid).collect::<Vec<_>>(), [sister]);
    assert_eq!((states(&house, zoe), states(&house, open)), (vec![2], vec![2]));
}

#[tokio::test]
async fn where_each_has_a_turn_of_his_own_the_next_one_has_it() {
    let house = returns::house().await;
    let id = returns::send(&house, &[ZOE.1, "tom@northwind.test", "bob@fabrikam.test"]).await;
    // Of Zoë nobody knows whether she has it; the others were not tried.
    let [first] = claim(&house, NODE).await.try_into().unwrap();
    assert!(may_end(&house, &first).await);
    let uncertain = Tried::Uncertain { words: "no answer".to_owned(), replies: vec![None] };
    settle(&house, &first, uncertain, now(&house)).await;
    wait(&house);
    house.organization.tamper("update outboxrecipient set dueon = 0").unwrap();
    suppress(&house, ZOE.1).await;
    suppress(&house, "tom@northwind.test").await;
    let [going] = claim(&house, NODE).await.try_into().unwrap();
    assert_eq!(waiting(&going), ["bob@fabrikam.test"]);
    assert_eq!(states(&house, id), [3, 2, 0], "Zoë may have it, and Tom certainly not");
    assert_eq!(going.mail.doton, None, "of Bob it is known");
    let taken = Tried::Answered(vec![said(250)]);
    assert_eq!(settle(&house, &going, taken, now(&house)).await, Settled::Ended);
    assert_eq!(house.email(id).statuscode, STATUS_SENT);
}

#[tokio::test]
async fn nobody_is_tried_again_who_opted_out() {
    let house = house().await;
    let id = send(&house, only(ZOE.1)).await.unwrap();
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    settle(&house, &mail, Tried::Answered(vec![said(550)]), now(&house)).await;
    opt_out(&house, "donotemail", ZOE).await;
    let refused = outbox::retry(&house.organization, id, house.moment()).await.unwrap_err().to_string();
    assert!(refused.contains("Zoë Müller <zoe@fabrikam.test> wants no e-mail"), "{refused}");
    assert_eq!((house.email(id).statuscode, states(&house, id)), (STATUS_FAILED, vec![2]));
}

#[tokio::test]
async fn whoever_opts_out_while_a_mail_waits_with_its_node_does_not_get_it() {
    let house = house().await;
    let id = send(&house, draft()).await.unwrap();
    let lost = send(&house, only(ZOE.1)).await.unwrap();
    let claimed = claim(&house, NODE).await;
    let of = |id: Id| claimed.iter().find(|one| one.mail.activityid == id).unwrap();
    let later = now(&house).plus_seconds(600);
    assert!(may_end_at(&house, of(id), later).await, "all of them want it");
    opt_out(&house, "donotemail", ZOE).await;
    // One is another node's by now: whoever lost it writes nothing.
    let newer = "update outboxmail set attempts = 9 where (select count(*) from outboxrecipient r \
                 where r.activityid = outboxmail.activityid) = 1";
    assert_eq!(house.organization.tamper(newer).unwrap(), 1);
    assert!(!may_end_at(&house, of(lost), later).await);
    assert_eq!((states(&house, lost), mail(&house, lost).owner), (vec![0], Some(NODE)));

    assert!(!may_end_at(&house, of(id), later).await, "Zoë is asked about once more");
    assert_eq!((states(&house, id), mail(&house, id).owner), (vec![2, 0, 0], None));
    let words = rows(&house, id).remove(0).replytext.unwrap();
    assert_eq!(words, "Zoë Müller <zoe@fabrikam.test> wants no e-mail (donotemail)");
    assert_eq!(mail(&house, id).doton, None, "its end did not go out");
    let broken = Tried::NotSent { words: "it was not to end".to_owned(), replies: Vec::new() };
    assert_eq!(settle(&house, of(id), broken, later).await, Settled::Lost);
    assert!(mail(&house, id).dueon <= later, "the others get it at once");
    wait(&house);
    let again = claim(&house, NODE).await;
    let again = again.iter().find(|one| one.mail.activityid == id).unwrap();
    assert_eq!(waiting(again), ["tom@northwind.test", "boss@contoso.test"]);
    assert!(may_end_at(&house, again, later).await);
    house.books_are_right();
}

#[tokio::test]
async fn whoever_opts_out_a_moment_before_the_end_is_heard() {
    let house = house().await;
    let mut ids = Vec::new();
    for at in [ZOE.1, "tom@northwind.test", "boss@contoso.test"] {
        ids.push(send(&house, only(at)).await.unwrap());
    }
    let claimed = claim(&house, NODE).await;
    let of = |place: usize| claimed.iter().find(|one| one.mail.activityid == ids[place]).unwrap();
    opt_out(&house, "donotemail", ZOE).await;
    assert!(!may_end(&house, of(0)).await, "nobody waits for a minute to be heard");
    suppress(&house, "tom@northwind.test").await;
    assert!(!may_end(&house, of(1)).await);
    assert!(may_end(&house, of(2)).await);
    assert_eq!([0, 1, 2].map(|place| states(&house, ids[place])), [vec![2], vec![2], vec![0]]);
    house.books_are_right();
}

#[tokio::test]
async fn what_comes_back_a_moment_before_the_end_counts_at_once() {
    let house = returns::house().await;
    let earlier = returns::send(&house, &[ZOE.1, "tom@northwind.test"]).await;
    let paths = returns::sent(&house, earlier).await;
    let mut ids = Vec::new();
    for at in [ZOE.1, "tom@northwind.test", "bob@fabrikam.test"] {
        ids.push(returns::send(&house, &[at]).await);
    }
    let claimed = claim(&house, NODE).await;
    let of = |place: usize| claimed.iter().find(|one| one.mail.activityid == ids[place]).unwrap();
    let version = || house.organization.read(|read| read.records_version()).unwrap();
    let before = version();
    let dead = returns::report(ZOE.1, returns::DEAD, "");
    house.store(returns::came(&house, &paths[0], &dead)).await;
    assert!(!may_end(&house, of(0)).await, "nobody waits for a minute to be heard");
    house.store(returns::came(&house, &paths[1], returns::COMPLAINT)).await;
    assert!(!may_end(&house, of(1)).await);
    assert!(may_end(&house, of(2)).await);
    assert_eq!([0, 1, 2].map(|place| states(&house, ids[place])), [vec![2], vec![2], vec![0]]);
    assert_eq!(version(), before, "a thousand reports a minute make nobody forget what he knows of records");
    house.books_are_right();
}
