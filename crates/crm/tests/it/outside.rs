//! Outside senders: what they pull is theirs for a while, what they report is settled like a node's, and what they lost is not.

use std::collections::HashSet;

use crm::CrmError;
use crm::outbox::{self, Change, Draft, Place, Pull, Pulled, Reported, Settled, Ticket};
use model::schema::emails::{STATUS_CANCELED, STATUS_FAILED, STATUS_PENDING_SEND, STATUS_SENT};
use model::{Id, Moment};

use crate::house::{House, address};
use crate::outbox::{draft, now, said, send, to, wait};

/// A house whose mail waits for whoever pulls.
pub(crate) async fn house() -> (House, Id) {
    let house = House::new().await;
    let way = outbox::add_outside(&house.organization, ("outside", None), house.moment()).await.unwrap();
    (house, way)
}

pub(crate) fn moment(house: &House) -> Moment {
    Moment::new(now(house), 99)
}

async fn pull(house: &House, way: Id) -> Vec<Pulled> {
    let pull = Pull { way, limit: 10, seconds: 600 };
    outbox::background_send(&house.organization, pull, moment(house)).await.unwrap().mails
}

async fn report(house: &House, ticket: Ticket, reported: Reported) -> Result<Settled, CrmError> {
    outbox::report(&house.organization, (ticket, reported), moment(house)).await
}

async fn begins(house: &House, ticket: Ticket) -> bool {
    outbox::begun(&house.organization, ticket, moment(house)).await.unwrap()
}

/// What is left of senders that are gone.
async fn free(house: &House) -> (usize, usize) {
    let left = outbox::free(&house.organization, &HashSet::new(), now(house)).await.unwrap();
    (left.mails, left.for_a_person)
}

fn replies(of: &[(&str, u16)]) -> Reported {
    Reported::Answered(of.iter().map(|(to, code)| (address(to), said(*code))).collect())
}

fn states(house: &House, email: Id) -> Vec<i32> {
    let rows = house.organization.read(|read| read.outbox_recipients(email)).unwrap();
    rows.iter().map(|row| row.statecode).collect()
}

#[tokio::test]
async fn what_is_pulled_is_reported_recipient_by_recipient() {
    let (house, way) = house().await;
    let id = send(&house, draft()).await.unwrap();
    let [mail] = pull(&house, way).await.try_into().unwrap();
    assert_eq!(mail.recipients, ["zoe@fabrikam.test", "tom@northwind.test", "boss@contoso.test"]);
    assert_eq!(mail.loaded.mail_from, "jane@contoso.test");
    let text = String::from_utf8(mail.loaded.raw.to_vec()).unwrap();
    assert!(text.contains("Fifty pallets?") && !text.contains("boss@"), "{text}");
    assert!(pull(&house, way).await.is_empty(), "somebody has it");
    assert_eq!(free(&house).await, (0, 0), "and keeps it, though he is no node");

    assert!(begins(&house, mail.ticket).await);
    let odd = [replies(&[("zoe@fabrikam.test", 100)]), replies(&[("bob@fabrikam.test", 250)])];
    for odd in odd {
        assert!(report(&house, mail.ticket, odd).await.is_err());
    }
    let all = [("ZOE@fabrikam.test", 250), ("tom@northwind.test", 550), ("boss@contoso.test", 451)];
    assert!(matches!(report(&house, mail.ticket, replies(&all)).await.unwrap(), Settled::Waits(_)));
    assert_eq!(states(&house, id), [1, 2, 0]);
    assert_eq!(
        report(&house, mail.ticket, Reported::GivenBack).await.unwrap(),
        Settled::Lost,
        "said already"
    );
    wait(&house);
    let [again] = pull(&house, way).await.try_into().unwrap();
    assert_eq!(again.recipients, ["boss@contoso.test"]);
    let taken = replies(&[("boss@contoso.test", 250)]);
    assert_eq!(report(&house, again.ticket, taken).await.unwrap(), Settled::Ended);
    assert_eq!((house.email(id).statuscode, states(&house, id)), (STATUS_SENT, vec![1, 2, 1]));
    house.books_are_right();
}

#[tokio::test]
async fn who_dies_before_he_begins_has_lost_the_mail() {
    let (house, way) = house().await;
    let id = send(&house, draft()).await.unwrap();
    let [dying] = pull(&house, way).await.try_into().unwrap();
    wait(&house);
    assert_eq!(free(&house).await, (1, 0));
    let [living] = pull(&house, way).await.try_into().unwrap();
    assert_eq!(living.ticket.email, dying.ticket.email);
    assert!(!begins(&house, dying.ticket).await, "he would send what another one sends");
    let late =
        replies(&[("zoe@fabrikam.test", 550), ("tom@northwind.test", 550), ("boss@contoso.test", 550)]);
    assert_eq!(report(&house, dying.ticket, late).await.unwrap(), Settled::Lost);
    assert_eq!((house.email(id).statuscode, states(&house, id)), (STATUS_PENDING_SEND, vec![0, 0, 0]));
    assert!(begins(&house, living.ticket).await);
    let forged = Ticket { attempt: 7, ..living.ticket };
    assert!(!begins(&house, forged).await);
}

#[tokio::test]
async fn of_what_had_begun_nobody_knows() {
    let (house, way) = house().await;
    let bulk = send(&house, draft()).await.unwrap();
    house.organization.tamper("update outboxmail set lane = 1, waitsin = 1").unwrap();
    let [mail] = pull(&house, way).await.try_into().unwrap();
    assert!(begins(&house, mail.ticket).await);
    wait(&house);
    assert_eq!(free(&house).await, (1, 1));
    assert_eq!(states(&house, bulk), [3, 3, 3]);
    assert!(pull(&house, way).await.is_empty(), "it waits for a person");

    let personal = send(&house, draft()).await.unwrap();
    let [mail] = pull(&house, way).await.try_into().unwrap();
    assert!(begins(&house, mail.ticket).await);
    wait(&house);
    let [again] = pull(&house, way).await.try_into().unwrap();
    assert_eq!(again.ticket.email, personal, "under the same Message-ID");
    assert_eq!(again.loaded.raw, mail.loaded.raw);
    // Of the two of whom he says nothing nobody knows, and it goes to them again.
    assert!(begins(&house, again.ticket).await);
    report(&house, again.ticket, replies(&[("zoe@fabrikam.test", 250)])).await.unwrap();
    assert_eq!(states(&house, personal), [1, 0, 0]);
    let row = house.organization.read(|read| read.outbox_mail(personal)).unwrap().unwrap();
    assert!(row.doton.is_some() && row.lasterror.unwrap().contains("did not say"));
}

#[tokio::test]
async fn what_did_not_go_waits_and_what_is_given_back_is_due() {
    let (house, way) = house().await;
    let id = send(&house, draft()).await.unwrap();
    let [mail] = pull(&house, way).await.try_into().unwrap();
    let settled = report(&house, mail.ticket, Reported::GivenBack).await.unwrap();
    assert!(matches!(settled, Settled::Waits(until) if until <= now(&house)), "{settled:?}");
    let [mail] = pull(&house, way).await.try_into().unwrap();
    let words = "no route to the server".to_owned();
    let settled = report(&house, mail.ticket, Reported::NotSent(words.clone())).await.unwrap();
    assert!(matches!(settled, Settled::Waits(until) if until > now(&house)), "{settled:?}");
    let row = house.organization.read(|read| read.outbox_mail(id)).unwrap().unwrap();
    assert_eq!((row.lasterror, row.tries), (Some(words), 1));

    wait(&house);
    let [mail] = pull(&house, way).await.try_into().unwrap();
    let refused =
        replies(&[("zoe@fabrikam.test", 550), ("tom@northwind.test", 550), ("boss@contoso.test", 554)]);
    assert_eq!(report(&house, mail.ticket, refused).await.unwrap(), Settled::Ended);
    assert_eq!(house.email(id).statuscode, STATUS_FAILED);
}

#[tokio::test]
async fn nothing_is_pulled_where_mail_is_paused_or_goes_by_itself() {
    let (house, way) = house().await;
    send(&house, draft()).await.unwrap();
    for place in [Place::All, Place::Relay(way)] {
        let paused = |is_paused| Change { is_paused: Some(is_paused), ..Change::default() };
        let set = async |is_paused| {
            let change = (place.clone(), paused(is_paused));
            outbox::set_limit(&house.organization, change, house.moment()).await.unwrap();
        };
        set(true).await;
        assert!(pull(&house, way).await.is_empty(), "{place:?}");
        set(false).await;
    }
    let relay = outbox::add_relay(
        &house.organization,
        outbox::NewRelay { name: "another".to_owned(), ..crate::outbox::relay(None) },
        house.moment(),
    );
    let relay = relay.await.unwrap();
    for pull in [Pull { way: relay, limit: 1, seconds: 600 }, Pull { way, limit: 1, seconds: 5 }] {
        let refused = outbox::background_send(&house.organization, pull, moment(&house)).await;
        assert!(matches!(refused, Err(CrmError::Invalid(_))), "{refused:?}");
    }
    // What a node of ours holds is nobody's to report.
    let set = outbox::set_relay(&house.organization, way, crate::outbox::relay(None)).await;
    assert!(set.is_err(), "what is pulled goes by no relay");
    assert_eq!(pull(&house, way).await.len(), 1);
}

#[tokio::test]
async fn what_was_refused_after_it_had_begun_did_certainly_not_go() {
    let (house, way) = house().await;
    let refused =
        || replies(&[("zoe@fabrikam.test", 451), ("tom@northwind.test", 451), ("boss@contoso.test", 451)]);
    for reported in [refused(), Reported::NotSent("no route".to_owned()), Reported::GivenBack] {
        let id = send(&house, draft()).await.unwrap();
        let [mail] = pull(&house, way).await.try_into().unwrap();
        assert!(begins(&house, mail.ticket).await && begins(&house, mail.ticket).await, "said twice");
        report(&house, mail.ticket, reported).await.unwrap();
        let row = house.organization.read(|read| read.outbox_mail(id)).unwrap().unwrap();
        assert_eq!(row.doton, None);
        assert!(outbox::cancel(&house.organization, id, house.moment()).await.unwrap(), "nobody has it");
        assert_eq!((house.email(id).statuscode, states(&house, id)), (STATUS_CANCELED, vec![4, 4, 4]));
    }

    // What an earlier sender left in doubt stays so, whatever the next one says.
    let id = send(&house, draft()).await.unwrap();
    let [gone] = pull(&house, way).await.try_into().unwrap();
    assert!(begins(&house, gone.ticket).await);
    wait(&house);
    let [mail] = pull(&house, way).await.try_into().unwrap();
    assert!(begins(&house, mail.ticket).await && begins(&house, mail.ticket).await);
    report(&house, mail.ticket, refused()).await.unwrap();
    let row = house.organization.read(|read| read.outbox_mail(id)).unwrap().unwrap();
    assert!(row.doton.is_some());
    assert!(!outbox::cancel(&house.organization, id, house.moment()).await.unwrap());
}

#[tokio::test]
async fn where_each_has_a_return_path_he_is_in_no_doubt_who_was_refused() {
    let house = House::new().await;
    let alone = ("outside", Some("returns.contoso.test".to_owned()));
    let way = outbox::add_outside(&house.organization, alone, house.moment()).await.unwrap();
    let id = send(&house, draft()).await.unwrap();
    let [mail] = pull(&house, way).await.try_into().unwrap();
    assert!(begins(&house, mail.ticket).await);
    report(&house, mail.ticket, replies(&[("zoe@fabrikam.test", 451)])).await.unwrap();
    let rows = house.organization.read(|read| read.outbox_recipients(id)).unwrap();
    assert_eq!(rows[0].doton, None, "it is known that she has it not");
}

#[tokio::test]
async fn whoever_opts_out_before_its_sender_begins_does_not_get_a_mail() {
    let (house, way) = house().await;
    let id = send(&house, draft()).await.unwrap();
    let begun = send(&house, draft()).await.unwrap();
    let pulled = pull(&house, way).await;
    let of = |id: Id| pulled.iter().find(|one| one.ticket.email == id).unwrap().ticket;
    assert!(begins(&house, of(begun)).await);
    let opts_out: [&str; 3] = ["Zoë Müller", "zoe@fabrikam.test", "yes"];
    house.import(&["fullname", "emailaddress1", "donotemail"], &[&opts_out]).await;
    assert!(begins(&house, of(begun)).await, "he was told so, and may have sent it");
    assert!(!begins(&house, of(id)).await);
    assert_eq!((states(&house, id), states(&house, begun)), (vec![2, 0, 0], vec![0, 0, 0]));
    let [again] = pull(&house, way).await.try_into().unwrap();
    assert_eq!(again.recipients, ["tom@northwind.test", "boss@contoso.test"]);
    assert!(begins(&house, again.ticket).await);
}

pub(crate) fn only(at: &str) -> Draft {
    let mut draft = draft();
    (draft.who.to, draft.who.cc, draft.who.bcc) = (vec![to(at)], Vec::new(), Vec::new());
    draft
}

pub(crate) async fn limit(house: &House, place: Place, per_minute: i32) {
    let change = Change { per_minute: Some(per_minute), ..Change::default() };
    outbox::set_limit(&house.organization, (place, change), house.moment()).await.unwrap();
}

pub(crate) async fn handed(house: &House, pull: Pull) -> (usize, Option<u64>) {
    let handed = outbox::background_send(&house.organization, pull, moment(house)).await.unwrap();
    (handed.mails.len(), handed.more_in.map(|left| u64::try_from(left.as_millis()).unwrap()))
}

#[tokio::test]
async fn no_more_is_pulled_than_goes_by_a_way_in_a_minute() {
    let (house, way) = house().await;
    for number in 0..8 {
        send(&house, only(&format!("zoe{number}@fabrikam.test"))).await.unwrap();
    }
    let pull = Pull { way, limit: 10, seconds: 600 };
    limit(&house, Place::Relay(way), 1).await;
    let (count, more_in) = handed(&house, pull).await;
    assert!(count == 1 && (1..=60_000).contains(&more_in.unwrap()), "{count} {more_in:?}");

    limit(&house, Place::Relay(way), 60).await;
    let known = || outbox::all_limits(&house.organization).unwrap().remove(0);
    assert_eq!(outbox::share_of(&known(), 10), Some((5, 5_000)), "what goes in five seconds");
    // How long what was taken lasts, whatever time the machine needs for it.
    let lasts = async |limit: usize| {
        house.organization.tamper("update outboxlimit set nexton = 1").unwrap();
        let begun = now(&house).0;
        let handed = handed(&house, Pull { limit, ..pull }).await;
        (handed, (known().nexton.0 - now(&house).0)..=(known().nexton.0 - begun))
    };
    let (five, lasted) = lasts(5).await;
    assert!(five == (5, None) && lasted.contains(&5_000), "all that he asked for: {five:?} {lasted:?}");
    house.organization.tamper("update outboxlimit set nexton = nexton + 600000").unwrap();
    let (count, more_in) = handed(&house, pull).await;
    assert!(count == 0 && (1..=605_000).contains(&more_in.unwrap()), "{count} {more_in:?}");
    let (one, lasted) = lasts(1).await;
    assert!(one == (1, None) && lasted.contains(&1_000), "one mail's time: {one:?} {lasted:?}");
    let (last, lasted) = lasts(10).await;
    assert_eq!(last, (1, None), "there are no more");
    assert!(lasted.contains(&1_000), "the time of the four that were not there was given back: {lasted:?}");
}

#[tokio::test]
async fn what_goes_to_a_limited_domain_waits_and_the_rest_is_pulled() {
    let (house, way) = house().await;
    let mut ids = Vec::new();
    for at in ["zoe@fabrikam.test", "eva@fabrikam.test", "ann@fabrikam.test", "tom@northwind.test"] {
        ids.push(send(&house, only(at)).await.unwrap());
    }
    limit(&house, Place::domain("fabrikam.test").unwrap(), 1).await;
    limit(&house, Place::Relay(way), 600).await;
    let pull = Pull { way, limit: 10, seconds: 600 };
    let (count, more_in) = handed(&house, pull).await;
    assert_eq!(count, 2, "one of three, and Tom's");
    assert!((1..=60_000).contains(&more_in.unwrap()), "{more_in:?}");
    let mails = ids.iter().map(|id| house.organization.read(|read| read.outbox_mail(*id)).unwrap().unwrap());
    let mut waiting: Vec<i64> =
        mails.filter(|mail| mail.owner.is_none()).map(|mail| mail.dueon.0 - now(&house).0).collect();
    waiting.sort_unstable();
    let [first, second] = waiting.try_into().unwrap();
    assert!((1..=60_000).contains(&first) && second > first, "one behind the other: {first} {second}");
    assert!(ids.iter().all(|id| states(&house, *id) == [0]), "it costs no try");

    house.organization.tamper("update outboxlimit set nexton = 1").unwrap();
    let again = "update outboxmail set dueon = 1 where owner is null";
    assert_eq!(house.organization.tamper(again).unwrap(), 2);
    assert_eq!(handed(&house, pull).await.0, 1, "there is a share again");
}
