//! Mail that goes out: on its record with the same commit, sent once, settled recipient by recipient, answered.

use std::sync::Arc;
use std::time::SystemTime;

use crm::CrmError;
use crm::outbox::{
    self, Change, Claimed, Draft, Earlier, Ends, NewRelay, Place, Recipient, RecipientReply, Settled, Tried,
    Wanted, Who,
};
use model::schema::emails::{Email, STATUS_FAILED, STATUS_PENDING_SEND, STATUS_SENT};
use model::schema::outbox::OutboxLimit;
use model::{Id, Mailbox, Moment, Timestamp};
use store::Share;

use crate::house::{House, NOW, address};

pub(crate) const NODE: Id = Id([9; 16]);
const OTHER: Id = Id([8; 16]);

pub(crate) async fn house() -> House {
    let house = House::new().await;
    outbox::add_relay(&house.organization, relay(None), house.moment()).await.unwrap();
    house
}

pub(crate) fn relay(return_domain: Option<String>) -> NewRelay {
    NewRelay {
        name: "relay".to_owned(),
        kind: outbox::SMTP,
        host: "relay.contoso.test".to_owned(),
        port: 25,
        tls: 0,
        authority: None,
        login: None,
        return_domain,
    }
}

pub(crate) fn to(text: &str) -> Recipient {
    Recipient::from(Mailbox { name: None, address: address(text) })
}

pub(crate) fn draft() -> Draft {
    let mut draft = Draft::by(address("jane@contoso.test"));
    draft.who.to = vec![to("zoe@fabrikam.test")];
    draft.who.cc = vec![to("tom@northwind.test")];
    draft.who.bcc = vec![to("boss@contoso.test")];
    draft.what.subject = "Our offer".to_owned();
    draft.what.text = "Fifty pallets?\n".to_owned();
    draft
}

pub(crate) fn written_to(to: Vec<Recipient>) -> Draft {
    let mut draft = draft();
    draft.who = Who { to, cc: Vec::new(), bcc: Vec::new(), ..draft.who };
    draft
}

fn answering(email: Id) -> Draft {
    let mut draft = draft();
    draft.about.earlier = Some(Earlier::Answered(email));
    draft
}

pub(crate) async fn send(house: &House, draft: Draft) -> Result<Id, CrmError> {
    let [copyid, seed] = [house.moment().id(), house.moment().id()];
    let seed = u64::from_be_bytes(seed.0[8..].try_into().unwrap());
    outbox::send(&house.organization, draft, (copyid, Moment::new(now(house), seed))).await
}

/// What is due by now. A server goes by its own clock, whatever we say.
pub(crate) async fn claim(house: &House, node: Id) -> Vec<Claimed> {
    let relays = outbox::relays(&house.organization).unwrap();
    let relay = relays[0].emailserverprofileid;
    let wanted = Wanted { relay, limit: 16, has_bulk: true };
    outbox::claim(&house.organization, node, (Moment::new(now(house), 78), wanted)).await.unwrap()
}

pub(crate) fn now(house: &House) -> Timestamp {
    if !house.organization.is_at_server() {
        return NOW;
    }
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}

/// Time goes on until all that waits is due.
pub(crate) fn wait(house: &House) {
    house.organization.tamper("update outboxmail set dueon = 1 where waitsin is not null").unwrap();
}

pub(crate) async fn settle(house: &House, claimed: &Claimed, tried: Tried, now: Timestamp) -> Settled {
    let ends = Ends { tried: [(Arc::new(claimed.clone()), tried)].into(), ending: Vec::new() };
    outbox::write_down(&house.organization, ends, Moment::new(now, 77)).await.unwrap().settled[0]
}

pub(crate) async fn may_end(house: &House, claimed: &Claimed) -> bool {
    may_end_at(house, claimed, now(house)).await
}

pub(crate) async fn may_end_at(house: &House, claimed: &Claimed, now: Timestamp) -> bool {
    let ends = Ends { tried: [].into(), ending: vec![Arc::new(claimed.clone())] };
    outbox::write_down(&house.organization, ends, Moment::new(now, 77)).await.unwrap().may_end[0]
}

pub(crate) fn said(code: u16) -> RecipientReply {
    RecipientReply { code, text: "2.0.0 so it is".to_owned() }
}

fn states(house: &House, email: Id) -> Vec<(String, i32)> {
    let rows = house.organization.read(|read| read.outbox_recipients(email)).unwrap();
    rows.into_iter().map(|row| (row.address, row.statecode)).collect()
}

#[tokio::test]
async fn what_is_written_by_a_command_is_its_writers_and_not_a_readers() {
    let house = house().await;
    let mut draft = written_to(vec![to("jane@contoso.test"), to("zoe@fabrikam.test")]);
    draft.who.from = address("ben@contoso.test");
    let id = send(&house, draft.clone()).await.unwrap();
    assert_eq!(house.email(id).ownerid, Some(house.ben));
    draft.who.from = address("support@contoso.test");
    let id = send(&house, draft).await.unwrap();
    assert_eq!(house.email(id).ownerid, None, "a queue is nobody, and Jane only reads it");
}

#[tokio::test]
async fn nobody_is_tried_again_to_whom_nothing_is_sent() {
    let house = house().await;
    let id = send(&house, written_to(vec![to("zoe@fabrikam.test")])).await.unwrap();
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    assert_eq!(settle(&house, &mail, Tried::Answered(vec![said(550)]), now(&house)).await, Settled::Ended);
    let zoe = (address("zoe@fabrikam.test"), "she asked by phone".to_owned());
    outbox::suppression::suppress(&house.organization, zoe, house.moment()).await.unwrap();
    let refused = outbox::retry(&house.organization, id, house.moment()).await.unwrap_err().to_string();
    assert!(refused.contains("she asked by phone"), "{refused}");
    let by = (address("zoe@fabrikam.test"), "Jane".to_owned());
    assert!(outbox::suppression::release(&house.organization, by, house.moment()).await.unwrap());
    assert!(outbox::retry(&house.organization, id, house.moment()).await.unwrap());
}

#[tokio::test]
async fn an_international_domain_travels_in_ascii_and_its_answer_finds_the_customer() {
    let house = house().await;
    house.contact("Ida Berg", "ida@münchen.test").await;
    let ida = house.organization.read(|read| read.records_by_address("ida@xn--mnchen-3ya.test")).unwrap();
    let ida = Some(ida[0].id);
    for (number, written) in ["ida@münchen.test", "ida@xn--mnchen-3ya.test"].into_iter().enumerate() {
        let mut draft = written_to(vec![to(written)]);
        draft.who.cc = vec![to("Tom@Köln.test")];
        let id = send(&house, draft).await.unwrap();
        let parties = house.organization.read(|read| read.parties(id)).unwrap();
        assert!(
            parties.iter().any(|party| party.participationtypemask == 2 && party.partyid == ida),
            "{written}"
        );
        let claimed = claim(&house, NODE).await;
        let mail = claimed.iter().find(|mail| mail.mail.activityid == id).unwrap();
        let raw = outbox::load(&house.organization, mail).unwrap().travelling();
        let text = std::str::from_utf8(&raw).unwrap();
        let (header, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(header.is_ascii(), "{header}");
        assert!(
            header.contains("ida@xn--mnchen-3ya.test") && header.contains("Tom@xn--kln-sna.test"),
            "{header}"
        );
        for (place, answers) in ["ida@münchen.test", "ida@xn--mnchen-3ya.test"].into_iter().enumerate() {
            let asked = house.email(id).messageid.unwrap();
            let answer = format!(
                "Message-ID: <a{number}{place}@fabrikam.test>\nFrom: {answers}\nTo: jane@contoso.test\n\
                 Subject: Re: Our offer\nIn-Reply-To: <{asked}>\nDate: Fri, 6 Mar 2026 11:00:00 +0100\n\nYes, {place}.\n"
            );
            let answer = house.store(house.out_of_mailbox(house.jane, &answer)).await;
            assert_eq!(
                (house.email(answer).parentactivityid, house.sender(answer)),
                (Some(id), (ida, false))
            );
        }
    }
}

#[tokio::test]
async fn a_mail_stands_on_its_record_goes_out_and_is_answered() {
    let house = house().await;
    let id = send(&house, draft()).await.unwrap();
    let Email { directioncode, statuscode, messageid, ownerid, .. } = house.email(id);
    assert_eq!((directioncode, statuscode, ownerid), (true, STATUS_PENDING_SEND, Some(house.jane)));
    let message_id = messageid.unwrap();
    assert!(message_id.contains(&id.to_string()), "{message_id} carries the record");
    let parties = house.organization.read(|read| read.parties(id)).unwrap();
    let of = |mask: i32| parties.iter().filter(|party| party.participationtypemask == mask).count();
    assert_eq!((of(1), of(2), of(3), of(4)), (1, 1, 1, 1));
    assert!(parties.iter().any(|party| party.participationtypemask == 2 && party.partyid.is_some()), "Zoë");

    let claimed = claim(&house, NODE).await;
    let [mail] = claimed.as_slice() else { panic!("{claimed:?}") };
    assert!(claim(&house, OTHER).await.is_empty(), "one node has it");
    let loaded = outbox::load(&house.organization, mail).unwrap();
    let text = String::from_utf8(loaded.travelling().to_vec()).unwrap();
    assert!(text.contains("Fifty pallets?") && !text.contains("boss"), "{text}");
    assert_eq!(mail.waiting().count(), 3);
    assert!(may_end(&house, mail).await);
    let taken = Tried::Answered(vec![said(250), said(250), said(250)]);
    assert_eq!(settle(&house, mail, taken, NOW).await, Settled::Ended);
    assert_eq!(house.email(id).statuscode, STATUS_SENT);
    wait(&house);
    assert!(claim(&house, NODE).await.is_empty());

    let answer = format!(
        "Message-ID: <a1@fabrikam.test>\nFrom: zoe@fabrikam.test\nTo: jane@contoso.test\nSubject: Re: Our offer\n\
         In-Reply-To: <{message_id}>\nDate: Fri, 6 Mar 2026 11:00:00 +0100\n\nYes, fifty.\n"
    );
    let answer = house.store(house.out_of_mailbox(house.jane, &answer)).await;
    assert_eq!(house.email(answer).parentactivityid, Some(id));
    let again = house.email(send(&house, answering(answer)).await.unwrap());
    assert_eq!(again.parentactivityid, Some(answer));
    assert_eq!(again.conversationtrackingid, house.email(id).conversationtrackingid);
    house.books_are_right();
}

#[tokio::test]
async fn a_recipient_who_waits_is_tried_again_alone() {
    let house = house().await;
    let id = send(&house, draft()).await.unwrap();
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    let tried = Tried::Answered(vec![said(250), said(451), said(550)]);
    let begun = now(&house);
    let Settled::Waits(until) = settle(&house, &mail, tried, begun).await else { panic!("one waits") };
    assert_eq!(states(&house, id).iter().map(|(_, state)| *state).collect::<Vec<_>>(), [1, 0, 2]);
    assert_eq!(house.email(id).statuscode, STATUS_PENDING_SEND);
    assert!(claim(&house, NODE).await.is_empty(), "not at once");
    wait(&house);
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    assert_eq!(mail.waiting().map(|one| one.address.as_str()).collect::<Vec<_>>(), ["tom@northwind.test"]);
    let Settled::Waits(later) = settle(&house, &mail, Tried::Answered(vec![said(451)]), until).await else {
        panic!("it waits still")
    };
    assert!(later.0 - until.0 > until.0 - begun.0, "the pauses grow");
    let late = begun.plus_seconds(5 * 86_400);
    wait(&house);
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    assert_eq!(settle(&house, &mail, Tried::Answered(vec![said(451)]), late).await, Settled::Ended);
    assert_eq!(states(&house, id)[1].1, 2, "given up");
    assert_eq!(house.email(id).statuscode, STATUS_SENT, "somebody got it");
}

#[tokio::test]
async fn nobody_got_it_is_told() {
    let house = house().await;
    let id = send(&house, draft()).await.unwrap();
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    let tried = Tried::Answered(vec![said(550), said(550), said(550)]);
    assert_eq!(settle(&house, &mail, tried, NOW).await, Settled::Ended);
    assert_eq!(house.email(id).statuscode, STATUS_FAILED);
}

#[tokio::test]
async fn what_went_past_the_end_of_its_data_is_told_apart() {
    let house = house().await;
    let id = send(&house, draft()).await.unwrap();
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    let not_sent = || Tried::NotSent { words: "it broke".to_owned(), replies: vec![None, None, None] };
    let Settled::Waits(_) = settle(&house, &mail, not_sent(), now(&house)).await else { panic!("it waits") };
    let row = |house: &House| house.organization.read(|read| read.outbox_mail(id)).unwrap().unwrap();
    assert_eq!((row(&house).doton, row(&house).lasterror.as_deref()), (None, Some("it broke")));

    wait(&house);
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    assert!(may_end(&house, &mail).await);
    let uncertain = Tried::Uncertain { words: "no answer".to_owned(), replies: vec![None, None, None] };
    let Settled::Waits(_) = settle(&house, &mail, uncertain, now(&house)).await else { panic!("it waits") };
    assert!(row(&house).doton.is_some(), "nobody knows");
    assert!(!outbox::cancel(&house.organization, id, house.moment()).await.unwrap(), "it may be there");
    wait(&house);
    let [again] = claim(&house, NODE).await.try_into().unwrap();
    let load = |mail| outbox::load(&house.organization, mail).unwrap().travelling();
    assert_eq!(load(&again), load(&mail), "the same Message-ID");
    // A later try that certainly did not go out takes nothing of that back, and in the end nobody says that it failed.
    let Settled::Waits(_) = settle(&house, &again, not_sent(), now(&house)).await else { panic!("it waits") };
    assert!(row(&house).doton.is_some());
    assert!(!outbox::cancel(&house.organization, id, house.moment()).await.unwrap());
    wait(&house);
    let [last] = claim(&house, NODE).await.try_into().unwrap();
    assert_eq!(settle(&house, &last, not_sent(), now(&house).plus_seconds(5 * 86_400)).await, Settled::Ended);
    assert!(states(&house, id).iter().all(|(_, state)| *state == 3), "uncertain");
}

#[tokio::test]
async fn whoever_lost_a_mail_writes_nothing() {
    let house = house().await;
    let id = send(&house, draft()).await.unwrap();
    let [first] = claim(&house, NODE).await.try_into().unwrap();
    // Its node is dead, as the others see it.
    let living = std::iter::once(OTHER).collect();
    assert_eq!(outbox::free(&house.organization, &living, NOW).await.unwrap().mails, 1);
    let [second] = claim(&house, OTHER).await.try_into().unwrap();
    assert!(!may_end(&house, &first).await);
    let failed = Tried::Answered(vec![said(550), said(550), said(550)]);
    assert_eq!(settle(&house, &first, failed, NOW).await, Settled::Lost);
    assert!(states(&house, id).iter().all(|(_, state)| *state == 0));
    let go_on = |sql| assert_eq!(house.organization.tamper(sql).unwrap(), 1);
    go_on("update outboxmail set dueon = dueon - 600000");
    let due = || house.organization.read(|read| read.outbox_mail(id)).unwrap().unwrap().dueon;
    let before = due();
    assert!(may_end(&house, &second).await, "nobody else has it");
    assert!(due() > before, "and for long enough from now on");
    let taken = Tried::Answered(vec![said(250), said(250), said(250)]);
    assert_eq!(settle(&house, &second, taken, NOW).await, Settled::Ended);
}

#[tokio::test]
async fn what_a_node_took_without_knowing_it_goes_at_once_where_its_end_certainly_did_not_go_out() {
    let house = house().await;
    let [ended, lost] = [send(&house, draft()).await.unwrap(), send(&house, draft()).await.unwrap()];
    let claimed = claim(&house, NODE).await;
    let of = |id: Id| claimed.iter().find(|claimed| claimed.mail.activityid == id).unwrap();
    assert!(may_end(&house, of(ended)).await);
    assert_eq!(outbox::held(&house.organization, NODE).unwrap(), [(lost, 1)]);
    assert_eq!(outbox::held(&house.organization, OTHER).unwrap(), []);
    let let_go = async |node: Id, mails: &[(Id, i32)]| {
        outbox::let_go(&house.organization, (node, mails.to_vec()), now(&house)).await.unwrap()
    };
    assert_eq!(let_go(OTHER, &[(lost, 1)]).await, 0, "another's");
    assert_eq!(let_go(NODE, &[(ended, 1), (lost, 2), (lost, 1)]).await, 1);
    let [again] = claim(&house, NODE).await.try_into().unwrap();
    assert_eq!((again.mail.activityid, again.mail.attempts), (lost, 2));
    assert!(!may_end(&house, of(lost)).await, "whoever has it after all does not end it");
    assert_eq!(
        settle(&house, of(lost), Tried::Untouched(std::time::Duration::ZERO), now(&house)).await,
        Settled::Lost
    );
    assert!(may_end(&house, &again).await);
    assert_eq!(let_go(NODE, &[(lost, 1), (lost, 2)]).await, 0, "by now it may be out");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_in_words() {
    let house = house().await;
    let refused = async |draft: Draft| send(&house, draft).await.unwrap_err().to_string();
    assert_eq!(refused(written_to(Vec::new())).await, "the mail has no recipient");
    let mut stranger = draft();
    stranger.who.from = address("zoe@fabrikam.test");
    assert!(refused(stranger).await.contains("no address of a user or a queue"));
    let many = (0..1_001).map(|number| to(&format!("a{number}@x.test"))).collect();
    assert!(refused(written_to(many)).await.contains("at most 1000 recipients"));
    assert!(refused(answering(OTHER)).await.contains("not here"));
    assert_eq!(house.email_count(), 0);
    let bare = House::new().await;
    let error = send(&bare, draft()).await.unwrap_err().to_string();
    assert!(error.contains("relay add"), "{error}");
}

#[tokio::test]
async fn under_one_key_a_mail_goes_out_once_and_without_one_twice() {
    let house = house().await;
    let keyed = || Draft { key: Some("order 17".to_owned()), ..draft() };
    let first = send(&house, keyed()).await.unwrap();
    assert_eq!(send(&house, keyed()).await.unwrap(), first);
    let other = Draft { key: keyed().key, ..written_to(vec![to("bob@fabrikam.test")]) };
    assert!(
        send(&house, other).await.unwrap_err().to_string().contains("another mail was sent under the key")
    );
    let empty = Draft { key: Some(" ".to_owned()), ..draft() };
    assert!(send(&house, empty).await.unwrap_err().to_string().contains("a key has 1 to"));
    assert_ne!(send(&house, draft()).await.unwrap(), send(&house, draft()).await.unwrap());
    assert_eq!(house.email_count(), 3);
    assert_eq!(claim(&house, NODE).await.len(), 3);
}

#[tokio::test]
async fn what_waits_is_canceled_and_what_is_on_its_way_is_not() {
    let house = house().await;
    let later = Draft { due: Some(now(&house).plus_seconds(600)), ..draft() };
    let waits = send(&house, later).await.unwrap();
    let goes = send(&house, draft()).await.unwrap();
    assert_eq!(claim(&house, NODE).await.len(), 1, "one is not due");
    assert!(outbox::cancel(&house.organization, waits, house.moment()).await.unwrap());
    assert!(!outbox::cancel(&house.organization, goes, house.moment()).await.unwrap());
    wait(&house);
    let claimed = claim(&house, NODE).await;
    assert!(claimed.iter().all(|mail| mail.mail.activityid == goes), "{claimed:?}");
    assert_eq!(house.email(waits).statuscode, 5);
    assert!(states(&house, waits).iter().all(|(_, state)| *state == 4));
}

#[tokio::test]
async fn what_a_relay_wants_with_the_next_mail_goes_at_once_and_what_somebody_has_is_not_canceled() {
    let house = house().await;
    let id = send(&house, draft()).await.unwrap();
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    let few = Tried::Answered(vec![said(250), said(452), said(452)]);
    let begun = now(&house);
    assert_eq!(settle(&house, &mail, few, begun).await, Settled::Waits(begun));
    assert_eq!(claim(&house, NODE).await.len(), 1, "at once");
    wait(&house);
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    let Settled::Waits(_) = settle(&house, &mail, Tried::Answered(vec![said(451), said(451)]), begun).await
    else {
        panic!("they wait")
    };
    assert!(outbox::cancel(&house.organization, id, house.moment()).await.unwrap());
    assert_eq!(house.email(id).statuscode, STATUS_SENT, "one has it");
    assert_eq!(states(&house, id).iter().map(|(_, state)| *state).collect::<Vec<_>>(), [1, 4, 4]);
}

#[tokio::test]
async fn a_source_that_is_gone_is_told_of_its_mail_alone() {
    let house = house().await;
    send(&house, draft()).await.unwrap();
    let broken = send(&house, draft()).await.unwrap();
    let digits: String = broken.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let literal =
        if house.organization.is_at_server() { format!("'\\x{digits}'") } else { format!("x'{digits}'") };
    house.break_database(&format!("update email set blobid = activityid where activityid = {literal}"));
    let claimed = claim(&house, NODE).await;
    assert_eq!(claimed.len(), 2);
    let loads = |mail: &Claimed| outbox::load(&house.organization, mail).is_ok();
    assert!(claimed.iter().all(|mail| loads(mail) == (mail.mail.activityid != broken)));
}

#[tokio::test]
async fn bulk_that_a_dead_node_left_past_its_end_waits_for_a_person() {
    let house = house().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(send(&house, draft()).await.unwrap());
    }
    assert_eq!(house.organization.tamper("update outboxmail set lane = 1, waitsin = 1").unwrap(), 3);
    let claimed = claim(&house, NODE).await;
    assert_eq!(claimed.len(), 3);
    assert!(may_end(&house, &claimed[0]).await && may_end(&house, &claimed[1]).await);
    let row = |claimed: &Claimed| {
        house.organization.read(|read| read.outbox_mail(claimed.mail.activityid)).unwrap().unwrap()
    };
    // One was refused in time; it is as if its end had never been noted.
    let refused = || Tried::NotSent { words: "it broke".to_owned(), replies: Vec::new() };
    let Settled::Waits(_) = settle(&house, &claimed[1], refused(), now(&house)).await else {
        panic!("it waits")
    };
    let living = std::iter::once(OTHER).collect();
    let left = outbox::free(&house.organization, &living, now(&house)).await.unwrap();
    assert_eq!((left.mails, left.past_their_end, left.for_a_person), (2, 1, 1));
    let uncertain = claimed[0].mail.activityid;
    assert!(states(&house, uncertain).iter().all(|(_, state)| *state == 3));
    wait(&house);
    let again = claim(&house, OTHER).await;
    assert_eq!(again.len(), 2);
    assert!(again.iter().all(|mail| mail.mail.activityid != uncertain), "it waits for a person");
    // Who lives and does not come back to one for all its time may have sent it too.
    assert!(may_end(&house, &again[0]).await);
    wait(&house);
    let rest = claim(&house, NODE).await;
    assert_eq!(rest.iter().map(|mail| mail.mail.activityid).collect::<Vec<_>>(), [again[1].mail.activityid]);
    assert_eq!(row(&again[0]).waitsin, None);
    assert!(outbox::retry(&house.organization, uncertain, house.moment()).await.unwrap());
    wait(&house);
    assert_eq!(claim(&house, NODE).await.len(), 2, "a person says so");
    ids.iter().for_each(|id| assert_eq!(house.email(*id).statuscode, STATUS_PENDING_SEND));
}

#[tokio::test]
async fn what_persons_write_goes_before_bulk_and_never_with_it() {
    let house = house().await;
    let bulk = send(&house, draft()).await.unwrap();
    house.organization.tamper("update outboxmail set lane = 1, waitsin = 1").unwrap();
    let personal = send(&house, draft()).await.unwrap();
    let relay = outbox::relays(&house.organization).unwrap()[0].emailserverprofileid;
    let claim = async |relay: Id, has_bulk: bool| {
        let wanted = Wanted { relay, limit: 16, has_bulk };
        let claimed =
            outbox::claim(&house.organization, NODE, (Moment::new(now(&house), 78), wanted)).await.unwrap();
        claimed.iter().map(|claimed| claimed.mail.activityid).collect::<Vec<_>>()
    };
    assert_eq!(claim(OTHER, true).await, [], "another relay has none");
    assert_eq!(claim(relay, true).await, [personal]);
    assert_eq!(claim(relay, false).await, []);
    assert_eq!(claim(relay, true).await, [bulk]);
}

#[tokio::test]
async fn of_a_limit_no_more_is_given_out_than_its_time_allows() {
    let house = house().await;
    let place = Place::domain("@Customer.Test").unwrap();
    let set = async |change: Change| {
        outbox::set_limit(&house.organization, (place.clone(), change), house.moment()).await
    };
    set(Change { per_minute: Some(60), ..Change::default() }).await.unwrap();
    set(Change { connections: Some(2), ..Change::default() }).await.unwrap();
    let wrong = set(Change { connections: Some(-1), ..Change::default() }).await.unwrap_err().to_string();
    assert!(wrong.contains("or 0 for none"), "{wrong}");
    let [limit] = outbox::all_limits(&house.organization).unwrap().try_into().unwrap();
    let of = (limit.place.as_str(), limit.perminute, limit.connections, limit.ispaused);
    assert_eq!(of, ("@customer.test", Some(60), Some(2), false));

    let id = limit.outboxlimitid;
    let begun = now(&house);
    let take =
        async |now: Timestamp| outbox::take_share(&house.organization, (id, 60_000), now).await.unwrap();
    assert_eq!(take(begun).await, Share::Given);
    let Share::In(left) = take(begun).await else { panic!("it was given out twice") };
    assert!((1..=60_000).contains(&left), "{left}");
    house.organization.tamper("update outboxlimit set nexton = 1").unwrap();
    assert_eq!(take(begun.plus_seconds(60)).await, Share::Given);

    let places = async |node: Id, wanted: usize| {
        let now = now(&house);
        outbox::places(&house.organization, (&limit, node), (now, wanted)).await.unwrap()
    };
    assert_eq!(places(NODE, 1).await.len(), 1);
    assert_eq!(places(OTHER, 5).await.len(), 1, "of two");
    let held = places(NODE, 5).await;
    assert_eq!(held.len(), 1, "it holds its own");
    outbox::give_back_places(&house.organization, held).await.unwrap();
    assert_eq!(places(OTHER, 5).await.len(), 2);
    let lower = OutboxLimit { connections: Some(1), ..limit.clone() };
    let kept = outbox::places(&house.organization, (&lower, OTHER), (now(&house), 5)).await.unwrap();
    assert_eq!(kept.len(), 1);
}

fn no_answer(waiting: usize) -> Tried {
    Tried::Uncertain { words: "no answer".to_owned(), replies: vec![None; waiting] }
}

async fn again(house: &House, id: Id) {
    assert!(outbox::retry(&house.organization, id, house.moment()).await.unwrap());
}

#[tokio::test]
async fn what_may_have_gone_out_may_have_after_again_too() {
    let house = house().await;
    for ends_late in [false, true] {
        let id = send(&house, written_to(vec![to("zoe@fabrikam.test")])).await.unwrap();
        let sql = "update outboxmail set lane = 1, waitsin = 1 where waitsin is not null";
        assert_eq!(house.organization.tamper(sql).unwrap(), 1);
        let [mail] = claim(&house, NODE).await.try_into().unwrap();
        assert!(may_end(&house, &mail).await);
        // As bulk it waits for a person; after its days it has ended so.
        let then = if ends_late { now(&house).plus_seconds(5 * 86_400) } else { now(&house) };
        settle(&house, &mail, no_answer(1), then).await;
        assert_eq!(states(&house, id)[0].1, 3);
        again(&house, id).await;
        assert!(
            !outbox::take_back(&house.organization, id, house.moment()).await.unwrap(),
            "she may have it"
        );
        let is_canceled = outbox::cancel(&house.organization, id, house.moment()).await.unwrap();
        assert_eq!(is_canceled, ends_late, "the mark of the whole mail is gone with its end");
        if is_canceled {
            assert_eq!((states(&house, id)[0].1, house.email(id).statuscode), (3, STATUS_FAILED));
            continue;
        }
        let [mail] = claim(&house, NODE).await.try_into().unwrap();
        let stopped = Tried::Stopped { words: "not on a Friday".to_owned(), is_failure: false };
        settle(&house, &mail, stopped, now(&house)).await;
        assert_eq!((states(&house, id)[0].1, house.email(id).statuscode), (3, STATUS_FAILED));
    }
}
