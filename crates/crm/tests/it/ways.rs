//! Ways out of queues and users: by which way goes what is written as whom, and what comes back on each.

use crm::answers::{self, Acknowledging};
use crm::intake::{self, Welcome};
use crm::outbox::{self, Claimed, Draft, NewRelay, Pull, SendEmail, Tried, Wanted, WayOf, Ways};
use crm::templates::{self, NewTemplate, Source as Words};
use model::outcome::{Outcome, Reason};
use model::schema::emails::STATUS_SENT;
use model::{EmailAddress, Id, Moment, language};

use crate::house::{House, address};
use crate::outbox::{NODE, may_end, now, relay, said, send, settle, to, wait};
use crate::returns::{DEAD, came, report};

const JANE: &str = "jane@contoso.test";
const BEN: &str = "ben@contoso.test";
const SUPPORT: &str = "support@contoso.test";

/// A house whose mail goes by `main`, and that of its queue by `desk`.
async fn house() -> (House, [Id; 2]) {
    let house = House::new().await;
    let main = add(&house, "main", None).await;
    let desk = add(&house, "desk", None).await;
    set(&house, WayOf::Queue(address(SUPPORT)), Some("desk")).await;
    (house, [main, desk])
}

async fn add(house: &House, name: &str, return_domain: Option<String>) -> Id {
    let new = NewRelay { name: name.to_owned(), ..relay(return_domain) };
    outbox::add_relay(&house.organization, new, next(house)).await.unwrap()
}

/// A moment after all ways that are there were added.
fn next(house: &House) -> Moment {
    let known = outbox::relays(&house.organization).unwrap().len();
    house.moment_after(i64::try_from(known).unwrap())
}

async fn set(house: &House, of: WayOf, way: Option<&str>) {
    outbox::set_way(&house.organization, (of, way), house.moment()).await.unwrap();
}

fn written(from: &str) -> Draft {
    let mut draft = Draft::by(address(from));
    draft.who.to = vec![to("zoe@fabrikam.test")];
    draft.what.subject = "Our offer".to_owned();
    draft.what.text = "Fifty pallets?\n".to_owned();
    draft
}

async fn sent(house: &House, from: &str) -> Id {
    send(house, written(from)).await.unwrap()
}

/// The way that a mail was given.
fn way(house: &House, email: Id) -> Id {
    house.organization.read(|read| read.outbox_mail(email)).unwrap().unwrap().emailserverprofileid
}

async fn claim(house: &House, relay: Id) -> Vec<Claimed> {
    let wanted = Wanted { relay, limit: 16, has_bulk: true };
    outbox::claim(&house.organization, NODE, (Moment::new(now(house), 78), wanted)).await.unwrap()
}

#[tokio::test]
async fn a_queue_and_a_user_go_by_their_own_ways_and_the_rest_by_the_first() {
    let (house, [main, desk]) = house().await;
    let [queues, janes] = [sent(&house, SUPPORT).await, sent(&house, JANE).await];
    assert_eq!([way(&house, queues), way(&house, janes)], [desk, main]);
    let of = |claimed: Vec<Claimed>| claimed.iter().map(|one| one.mail.activityid).collect::<Vec<_>>();
    assert_eq!(of(claim(&house, desk).await), [queues], "whoever serves the one does not get the other");
    assert_eq!(of(claim(&house, main).await), [janes]);

    set(&house, WayOf::User(address(JANE)), Some("desk")).await;
    let [janes, bens] = [sent(&house, JANE).await, sent(&house, BEN).await];
    assert_eq!([way(&house, janes), way(&house, bens)], [desk, main]);
    let as_queue =
        Draft { who: outbox::Who { author: Some(house.jane), ..written(SUPPORT).who }, ..written(SUPPORT) };
    let names = (&address(JANE), &address(SUPPORT));
    outbox::set_send_as(&house.organization, names, (true, house.moment())).await.unwrap();
    set(&house, WayOf::Queue(address(SUPPORT)), None).await;
    let id = send(&house, as_queue).await.unwrap();
    assert_eq!(way(&house, id), main, "it is the address it is written from that counts, not who writes");
    set(&house, WayOf::User(address(JANE)), None).await;
    let id = sent(&house, JANE).await;
    assert_eq!(way(&house, id), main);
    house.books_are_right();
}

#[tokio::test]
async fn another_way_is_everybodys_who_has_none_until_that_is_taken_back() {
    let (house, [main, desk]) = house().await;
    let third = add(&house, "third", None).await;
    set(&house, WayOf::Organization, Some("third")).await;
    let ways = outbox::ways(&house.organization).unwrap();
    assert_eq!(ways, Ways { default: Some(third), own: vec![(desk, SUPPORT.to_owned())] });
    let [janes, queues] = [sent(&house, JANE).await, sent(&house, SUPPORT).await];
    assert_eq!([way(&house, janes), way(&house, queues)], [third, desk]);
    set(&house, WayOf::Organization, None).await;
    let id = sent(&house, JANE).await;
    assert_eq!(way(&house, id), main);
    assert_eq!(outbox::ways(&house.organization).unwrap().default, Some(main));
}

#[tokio::test]
async fn what_was_written_keeps_its_way_and_a_draft_takes_that_of_the_moment() {
    let (house, [main, desk]) = house().await;
    let mut later = written(BEN);
    later.due = Some(now(&house).plus_seconds(86_400));
    let scheduled = send(&house, later).await.unwrap();
    let refused = sent(&house, BEN).await;
    let [mail] = claim(&house, main).await.try_into().unwrap();
    settle(&house, &mail, Tried::Answered(vec![said(550)]), now(&house)).await;
    let draft = outbox::save_draft(&house.organization, written(BEN), house.moment()).await.unwrap();

    set(&house, WayOf::User(address(BEN)), Some("desk")).await;
    assert!(outbox::retry(&house.organization, refused, house.moment()).await.unwrap());
    assert_eq!([way(&house, refused), way(&house, scheduled)], [main, main]);
    let [again] = claim(&house, main).await.try_into().unwrap();
    assert_eq!(again.mail.activityid, refused);
    let [copyid, moment] = [house.moment(), house.moment()];
    let now = SendEmail::now(draft, None);
    outbox::send_email(&house.organization, now, (copyid.id(), moment)).await.unwrap();
    assert_eq!(way(&house, draft), desk);
    // Taken back and sent again, the scheduled one is written anew.
    assert!(outbox::take_back(&house.organization, scheduled, house.moment()).await.unwrap());
    let [copyid, moment] = [house.moment(), house.moment()];
    let again = SendEmail::now(scheduled, None);
    outbox::send_email(&house.organization, again, (copyid.id(), moment)).await.unwrap();
    assert_eq!(way(&house, scheduled), desk);
}

#[tokio::test]
async fn an_acknowledgement_goes_by_the_way_of_its_queue() {
    let (house, [_, desk]) = house().await;
    let template = NewTemplate {
        title: "We have it".to_owned(),
        language: language::ANY,
        kind: None,
        owner: None,
        source: Words { subject: "We have it".to_owned(), html: None, text: Some("Soon.\n".to_owned()) },
    };
    templates::add_template(&house.organization, template, house.moment()).await.unwrap();
    let wanted = Acknowledging { title: "We have it".to_owned(), period_days: 7, hourly_max: 20 };
    let queue = address(SUPPORT);
    answers::set_acknowledging(&house.organization, &queue, Some(wanted)).await.unwrap();
    let mail = "Message-ID: <h1@mail.test>\nFrom: zoe@fabrikam.test\nTo: support@contoso.test\nSubject: It broke\n\
                Date: Fri, 6 Mar 2026 11:00:00 +0100\n\nHelp!\n";
    house.store(house.to_support(mail)).await;
    house.run_jobs().await;
    let [answer] = house.organization.read(|read| read.outbox(10)).unwrap().try_into().unwrap();
    assert_eq!((answer.mailfrom.as_str(), answer.emailserverprofileid), ("", desk));
}

#[tokio::test]
async fn what_a_queue_writes_waits_for_an_outside_sender_where_that_is_its_way() {
    let (house, [main, desk]) = house().await;
    let pulled = outbox::add_outside(&house.organization, ("pulled", None), next(&house)).await.unwrap();
    set(&house, WayOf::Queue(address(SUPPORT)), Some("pulled")).await;
    let [queues, janes] = [sent(&house, SUPPORT).await, sent(&house, JANE).await];
    assert!(claim(&house, desk).await.is_empty());
    let [mail] = claim(&house, main).await.try_into().unwrap();
    assert_eq!(mail.mail.activityid, janes);
    let pull = Pull { way: pulled, limit: 10, seconds: 600 };
    let moment = Moment::new(now(&house), 99);
    let [mail] =
        outbox::background_send(&house.organization, pull, moment).await.unwrap().mails.try_into().unwrap();
    assert_eq!((mail.ticket.email, mail.recipients), (queues, vec!["zoe@fabrikam.test".to_owned()]));
}

/// Sends a mail by its way, and gives its return path.
async fn return_path(house: &House, (from, way): (&str, Id)) -> (Id, EmailAddress) {
    let id = sent(house, from).await;
    let [mail] = claim(house, way).await.try_into().unwrap();
    assert_eq!(mail.mail.activityid, id);
    let path = address(&outbox::load(&house.organization, &mail).unwrap().mail_from);
    settle(house, &mail, Tried::Answered(vec![said(250)]), now(house)).await;
    assert_eq!(house.email(id).statuscode, STATUS_SENT);
    (id, path)
}

#[tokio::test]
async fn what_comes_back_on_the_path_of_any_way_is_read() {
    let house = House::new().await;
    let domains = ["main.contoso.test", "desk.contoso.test"];
    let back = |domain| Some(outbox::lead_back(house.catalogue(), &house.organization, domain).unwrap());
    let main = add(&house, "main", back(domains[0])).await;
    let desk = add(&house, "desk", back(domains[1])).await;
    set(&house, WayOf::Queue(address(SUPPORT)), Some("desk")).await;
    for ((from, way), domain) in [(JANE, main), (SUPPORT, desk)].into_iter().zip(domains) {
        let (id, path) = return_path(&house, (from, way)).await;
        assert_eq!(path.domain(), domain, "of {from}");
        let peer = intake::Peer { address: "198.51.100.9".parse().unwrap(), credential: None };
        let Welcome::Yes(recipient) = intake::welcome(house.catalogue(), &[], peer, &path) else {
            panic!("{path} is not welcome")
        };
        let mut copy = came(&house, &path, &report("zoe@fabrikam.test", DEAD, from));
        copy.source = recipient.envelope.source.clone();
        copy.recipients = vec![recipient.envelope];
        let (outcome, reason, _) = house.take(copy).await;
        assert_eq!((outcome, reason), (Outcome::Stored, Reason::Returned), "of {from}");
        let [row] = house.organization.read(|read| read.outbox_recipients(id)).unwrap().try_into().unwrap();
        assert_eq!((row.bouncekind, row.isbounceproven), (Some(1), Some(true)), "of {from}");
        let by = (address("zoe@fabrikam.test"), "Jane".to_owned());
        assert!(outbox::suppression::release(&house.organization, by, house.moment()).await.unwrap());
    }
    house.books_are_right();
}

#[tokio::test]
async fn a_way_that_is_not_there_is_said_where_it_is_set() {
    let (house, [_, desk]) = house().await;
    let refused = async |of: WayOf, name: &str| {
        let set = outbox::set_way(&house.organization, (of, Some(name)), house.moment()).await;
        set.unwrap_err().to_string()
    };
    let queue = address(SUPPORT);
    for of in [WayOf::Organization, WayOf::Queue(queue.clone())] {
        let words = refused(of, "gone").await;
        assert!(words.contains("no way out called “gone”"), "{words}");
    }
    let words = refused(WayOf::Queue(address(JANE)), "desk").await;
    assert!(words.contains("a queue with this address"), "{words}");
    let words = refused(WayOf::User(queue), "desk").await;
    assert!(words.contains("a user with this address"), "{words}");
    let new = NewRelay { name: " none ".to_owned(), ..relay(None) };
    assert!(
        outbox::add_relay(&house.organization, new, house.moment()).await.is_err(),
        "it would never be named"
    );

    // Should it be gone after all, nothing goes by another way in silence.
    wait(&house);
    house.organization.tamper("delete from emailserverprofile where name = 'desk'").unwrap();
    let words = send(&house, written(SUPPORT)).await.unwrap_err().to_string();
    assert!(words.contains("is not here any more"), "{words}");
    assert_eq!(outbox::ways(&house.organization).unwrap().own, [(desk, SUPPORT.to_owned())]);
    let preview = outbox::preview(&house.organization, &written(SUPPORT), &house.moment()).unwrap();
    assert_eq!(preview.obstacles.len(), 1, "{:?}", preview.obstacles);
}

#[tokio::test]
async fn what_waits_for_one_way_goes_by_another_when_a_person_says_so() {
    let (house, [main, desk]) = house().await;
    let claim_one = async || -> Claimed {
        let [one] = claim(&house, main).await.try_into().unwrap();
        one
    };
    let put_off = sent(&house, JANE).await;
    let broken = Tried::NotSent { words: "the relay is away".to_owned(), replies: Vec::new() };
    settle(&house, &claim_one().await, broken, now(&house)).await;
    let failed = sent(&house, JANE).await;
    settle(&house, &claim_one().await, Tried::Answered(vec![said(550)]), now(&house)).await;
    let held = sent(&house, JANE).await;
    let held_by_a_node = claim_one().await;
    let due = sent(&house, JANE).await;
    let scheduled = Draft { due: Some(now(&house).plus_seconds(3_600)), ..written(JANE) };
    let scheduled = send(&house, scheduled).await.unwrap();

    let organization = &house.organization;
    let moved = async |from: Id, to: Id| outbox::move_waiting(organization, (from, to), house.moment()).await;
    assert!(moved(main, main).await.is_err());
    assert_eq!(moved(main, desk).await.unwrap(), 3);
    assert_eq!(moved(main, desk).await.unwrap(), 0, "once");
    organization.wait_for_events().unwrap();
    let told = |id: Id| {
        let events = organization.read(|read| read.events_of(id, 10)).unwrap();
        events.iter().filter(|event| event.operation == "pending").count()
    };
    assert_eq!([put_off, due, scheduled, held, failed].map(told), [1, 1, 1, 0, 0], "each once");
    let ways = [put_off, due, scheduled, held, failed].map(|id| way(&house, id));
    assert_eq!(ways, [desk, desk, desk, main, main]);
    let mut taken: Vec<Id> = claim(&house, desk).await.iter().map(|one| one.mail.activityid).collect();
    taken.sort_unstable();
    assert_eq!(taken, [put_off, due], "what was put off at once, what is to go later then");
    // What a node has goes on there, and what failed goes by the other where a person says so.
    let retry =
        async |id: Id| outbox::retry_by(organization, (id, Some(desk)), house.moment()).await.unwrap();
    assert!(!retry(held).await && retry(failed).await);
    assert_eq!([way(&house, held), way(&house, failed)], [main, desk]);
    assert_eq!(claim(&house, desk).await.len(), 1);
    assert_eq!(
        settle(&house, &held_by_a_node, Tried::Answered(vec![said(250)]), now(&house)).await,
        outbox::Settled::Ended
    );
    house.books_are_right();
}

#[tokio::test]
async fn what_may_be_out_for_all_may_be_for_each_where_they_go_alone() {
    let house = House::new().await;
    let together = add(&house, "together", None).await;
    let back = outbox::lead_back(house.catalogue(), &house.organization, "bounces.contoso.test").unwrap();
    let alone = add(&house, "alone", Some(back)).await;
    let mut draft = written(JANE);
    draft.who.to.push(to("tom@northwind.test"));
    let id = send(&house, draft).await.unwrap();
    let [mail] = claim(&house, together).await.try_into().unwrap();
    assert!(may_end(&house, &mail).await);
    let no_answer = Tried::Uncertain { words: "no answer".to_owned(), replies: vec![None; 2] };
    settle(&house, &mail, no_answer, now(&house)).await;
    let moved = outbox::move_waiting(&house.organization, (together, alone), house.moment()).await.unwrap();
    assert_eq!(moved, 1);
    wait(&house);
    let [mail] = claim(&house, alone).await.try_into().unwrap();
    assert_eq!(mail.waiting().count(), 1);
    settle(&house, &mail, Tried::Answered(vec![said(250)]), now(&house)).await;
    assert!(outbox::cancel(&house.organization, id, house.moment()).await.unwrap());
    let rows = house.organization.read(|read| read.outbox_recipients(id)).unwrap();
    let states: Vec<i32> = rows.iter().map(|row| row.statecode).collect();
    assert_eq!(states, [1, 3], "whoever did not have his turn may have it all the same");
}

#[tokio::test]
async fn what_no_node_takes_says_why() {
    let (house, [main, desk]) = house().await;
    let organization = &house.organization;
    let note = async || {
        let words = "node b: the program /usr/sbin/sendmail is not there";
        let moment = Moment::new(now(&house), 5);
        outbox::note_untaken(organization, (main, words), moment).await.unwrap();
    };
    let error = |id: Id| organization.read(|read| read.outbox_mail(id)).unwrap().unwrap().lasterror;
    let said_of = |way: Id| outbox::untaken(organization, (way, outbox::PERSONAL)).unwrap();
    let first = sent(&house, JANE).await;
    note().await;
    assert_eq!((error(first), said_of(main)), (None, None), "others may take it yet");
    let others = sent(&house, SUPPORT).await;
    wait(&house);
    note().await;
    assert!(said_of(main).unwrap().contains("node b: the program /usr/sbin/sendmail is not there"));
    assert_eq!((error(first), error(others), said_of(desk)), (said_of(main), None, None));
    // Another way is not to blame for that, nor the same one where a person says that it is mended.
    assert_eq!(outbox::move_waiting(organization, (main, desk), house.moment()).await.unwrap(), 1);
    assert_eq!((error(first), said_of(desk)), (None, None));
    assert_eq!(outbox::move_waiting(organization, (desk, main), house.moment()).await.unwrap(), 2);
    assert!(outbox::retry_by(organization, (others, Some(desk)), house.moment()).await.unwrap());
    wait(&house);
    note().await;
    assert!(error(first).is_some());
    assert!(outbox::retry(organization, first, house.moment()).await.unwrap());
    assert_eq!(error(first), None);
    // A node has what it takes by now.
    let [claimed] = claim(&house, main).await.try_into().unwrap();
    settle(&house, &claimed, Tried::Answered(vec![said(250)]), now(&house)).await;
    assert_eq!((error(first), said_of(main)), (None, None));
    // What was said of a mail stays.
    let refused = sent(&house, JANE).await;
    let [claimed] = claim(&house, main).await.try_into().unwrap();
    settle(&house, &claimed, Tried::Answered(vec![said(450)]), now(&house)).await;
    wait(&house);
    note().await;
    assert!(error(refused).unwrap().contains("450"));
    house.books_are_right();
}
