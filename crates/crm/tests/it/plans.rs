//! What a house of millions of mails asks every second: each row is found by an index, in both engines.
//!
//! A few mails take every way of the intake, and the questions of the pages are asked. The store remembers the
//! statements, and its engine says how it goes about each of them.

use std::sync::Arc;

use crm::intake::{self, Offered, OldMail, OldMailbox, Polled, What, history};
use crm::mailboxes::ledger::{self, Listed, Look, Place, Seen, WhyLater};
use crm::outbox::{self, Change, Draft, Ends, NewRelay, Tried, Wanted};
use crm::records::credentials::Vouching;
use crm::search::indexing;
use crm::search::query;
use model::decision::Entity;
use model::outcome::Outcome;
use model::schema::people::Session;
use model::{FolderRole, Id, MessageKey, Timestamp};
use store::{Access, Plan, Priority, Span, Store, StoreError};

use crate::house::{House, NOW, address};

/// Statements that may walk, and why that stays short however much mail there is. Known by a part of their text.
const MAY_WALK: &[(&str, &str)] = &[
    ("from sqlite_master", "the tables of an index that is opened"),
    ("where isambiguous = 1", "counts what waits for a person, along an index"),
    (
        "select count(*) from undeliverable where statecode = 0",
        "counts what waits for a person, along an index",
    ),
    (
        "from undeliverable\nwhere statecode = 0 order by createdon",
        "the newest of them, along an index to its limit",
    ),
    (
        "select undeliverableid, blobid from undeliverable where statecode = 0 and reason",
        "what waits for a person, where a folder is read anew",
    ),
    ("where p.isambiguous = 1", "the newest of them, along an index to its limit"),
    ("from outcome\nwhere day =", "one day, for the page of the books"),
    ("update lease set leaseuntil = 0 where owner", "a lease for each kind of work: a few"),
    ("from copy c where c.day =", "one day, for the page of the books"),
    ("from mailboxmessage m where m.day =", "one day, for the page of the books"),
    ("from mailboxday d join", "one day, for the page of the books: a row for each mailbox"),
    ("from mailbox\norder by name", "the mailboxes, of which an administrator has made each"),
    ("delete from session where expireson", "what it finds, it deletes"),
    ("from outboxlimit\norder by place", "the limits, of which an administrator has made each"),
    ("update lease set leaseuntil = leaseclock", "a lease for each kind of work: a few"),
    ("select name, number from lease", "a lease for each kind of work: a few"),
    ("update outboxmail set lane = 1", "this test's own"),
    ("select distinct owner from outboxmail", "what nodes have at a moment, along an index of that alone"),
    ("from emailserverprofile\norder by name", "the servers, of which an administrator has made each"),
    ("from outboxmail\norder by createdon desc", "the newest of them, along an index to its limit"),
    ("update recordaddress set (name", "a handful of addresses, between two of them, once"),
];

/// Columns of which so many rows have the same value that a look-up by them alone is a walk.
const FEW_VALUES: &[&str] = &[
    "statecode",
    "reason",
    "isambiguous",
    "outcome",
    "iscopyoutcome",
    "day",
    "kind",
    "objecttypecode",
    "participationtypemask",
];

#[tokio::test]
async fn every_row_is_found_by_an_index() {
    let house = House::new().await;
    Store::listen();
    take_mail(&house).await;
    ask_at_the_door(&house).await;
    watch_a_mailbox(&house).await;
    ask_for_pages(&house).await;
    send_mail(&house).await;
    let node = Id([9; 16]);
    house.organization.unit(Priority::Background, move |tx| tx.give_all_back(node)).await.unwrap();
    let organization = Arc::clone(&house.organization);
    let noting = move || organization.note_customers(node, &|| NOW, &|| false);
    assert_eq!(tokio::task::spawn_blocking(noting).await.unwrap().unwrap(), 0);
    let plans = house.catalogue().plans(house.organization.id()).unwrap();
    assert!(plans.len() > 60, "only {} statements were heard", plans.len());
    // However much waits for another reason.
    let apart: Vec<&Plan> = plans.iter().filter(|plan| plan.statement.contains("0 and reason = ")).collect();
    let apart =
        apart.into_iter().filter(|plan| plan.statement.contains("order by createdon")).collect::<Vec<_>>();
    let by_reason = |access: &Access| access.conditions.iter().any(|it| it.column == "reason" && it.is_equal);
    assert!(!apart.is_empty() && apart.iter().all(|plan| plan.accesses.iter().all(by_reason)), "{apart:#?}");
    let mut walks = Vec::new();
    let mut excused: Vec<&str> = Vec::new();
    for plan in plans.iter().filter(|plan| !plan.accesses.iter().all(|access| is_short(access, plan))) {
        match MAY_WALK.iter().find(|(part, _)| plan.statement.contains(part)) {
            Some((part, _)) => excused.push(part),
            None => walks.push(format!("{}\n    {}", plan.statement, plan.lines.join("\n    "))),
        }
    }
    assert!(walks.is_empty(), "no index narrows these:\n\n{}", walks.join("\n\n"));
    println!("{} statements, of which {} may walk: {excused:#?}", plans.len(), excused.len());
}

/// Whether an access finds what it looks for by an index: by a value that few rows share, or a piece of a range.
fn is_short(access: &Access, plan: &Plan) -> bool {
    let mut conditions = access.conditions.iter().filter(|it| !FEW_VALUES.contains(&it.column.as_str()));
    let is_piece = plan.statement.contains("limit ") || plan.statement.contains("max(");
    conditions.any(|condition| condition.is_equal || is_piece)
}

async fn take_mail(house: &House) {
    // New, twice, once more by another way, and in words of its own.
    let question = house.store(house.out_of_mailbox(house.cleo, QUESTION)).await;
    let again = format!("Received: from mx.test by mail.test; Fri, 6 Mar 2026 09:00:01 +0000\n{QUESTION}");
    for copy in [house.out_of_mailbox(house.jane, QUESTION), house.to_support(&again)] {
        assert_eq!(house.take(copy).await.0, Outcome::Duplicate);
    }
    house.store(house.to_support(ANSWER)).await;
    house
        .store(house.to_support(&ANSWER.replace("answer@", "token@").replace("Re: A", "CRM:0001001 A")))
        .await;
    // The answer is here before the mail that it answers, which has no id at first.
    house.store(house.to_support(&ANSWER.replace("asked@", "visit@").replace("answer@", "early@"))).await;
    let visit =
        QUESTION.replace("asked@", "visit@").replace("A question", "Visit").replace("May I ask", "At three");
    house
        .store(house.out_of_mailbox(house.jane, &visit.replace("Message-ID: <visit@fabrikam.test>\n", "")))
        .await;
    assert_eq!(house.take(house.out_of_mailbox(house.cleo, &visit)).await.0, Outcome::Duplicate);
    // Known as a quotation, then itself.
    house.store(house.out_of_mailbox(house.jane, QUOTED)).await;
    let quoted =
        visit.replace("visit@", "doors@").replace("Visit", "Doors").replace("At three?", "Green, please.");
    house.take(house.out_of_mailbox(house.jane, &quoted)).await;
    // Nobody we know, until a contact is made of her.
    house
        .store(house.out_of_mailbox(house.cleo, &QUESTION.replace("asked@", "s@").replace("zoe@", "sam@")))
        .await;
    house.contact("Sam Stone", "sam@fabrikam.test").await;
    house.contact("Sam Stein", "sam@fabrikam.test").await;
    house.run_jobs().await;
    // What cannot be read, ignored mail, and what somebody tracks.
    for _ in 0..2 {
        let empty = house.take(house.out_of_mailbox(house.jane, NOTHING_INSIDE)).await;
        assert_eq!(empty.0, Outcome::Undeliverable);
    }
    let ignored =
        NOTHING_INSIDE.replace("jane@contoso", "who@stranger").replace("Fwd: ", "").replace("nothing@", "i@");
    assert_eq!(house.take(house.out_of_mailbox(house.jane, &ignored)).await.0, Outcome::Ignored);
    let jane = house.organization.read(|read| read.user(house.jane)).unwrap();
    let mailbox = OldMailbox { name: "jane".to_owned(), user: jane, is_filtered: false };
    for _ in 0..2 {
        let raw = ANSWER.replace("answer@", "old@").replace('\n', "\r\n").into_bytes().into();
        let copy = mailbox.copy(OldMail { key: [1; 32], order: 1, raw, has_bare_line_ends: false }, NOW);
        history::earlier(&house.organization, copy.copyid).unwrap();
        house.take_in(copy).await.unwrap();
    }
    assert_eq!(house.email(question).subject, "A question");
}

async fn ask_at_the_door(house: &House) {
    let relay = house.credential("crm@sink.contoso.test", "relay", Vouching::AllOfUs).await;
    for address in
        ["crm@sink.contoso.test", "jane@contoso.test", "support@contoso.test", "nobody@contoso.test"]
    {
        house.welcome_at(address, None);
        house.welcome_at(address, Some(relay));
    }
}

async fn watch_a_mailbox(house: &House) {
    let (mailbox, organization) = (house.forward_mailbox("crm", true).await, &house.organization);
    let mut known = None;
    for validity in [1, 2, 2] {
        let place = Place { name: "INBOX".to_owned(), role: FolderRole::Sink, validity };
        let folder = ledger::open(organization, mailbox, place, house.moment()).await.unwrap();
        let key = MessageKey::of_uid(7);
        let listed = vec![Listed { key: key.clone(), size: 100, header: None }];
        let look = Look { listed, gone: vec![MessageKey::of_uid(6)], ..Look::default() };
        let Seen::Entries(entries) = ledger::see(organization, folder, look, house.moment()).await.unwrap()
        else {
            panic!("another generation has begun");
        };
        let raw = std::sync::Arc::from(ANSWER.replace("answer@", "polled@").into_bytes());
        let offered = [Offered {
            role: model::FolderRole::Sink,
            copyid: entries[0].copyid,
            arrived: NOW,
            header: std::sync::Arc::clone(&raw),
        }];
        intake::advise(organization, mailbox, &offered).unwrap();
        ledger::there(organization, folder, Some(&MessageKey::of_uid(3)), NOW).unwrap();
        let why = WhyLater { words: "why".to_owned(), is_unheard: false };
        ledger::put_off(organization, folder, key.clone(), (why, NOW)).await.unwrap();
        ledger::forgive(organization, folder, vec![key.clone()]).await.unwrap();
        if validity == 2 {
            let polled = Polled {
                role: model::FolderRole::Sink,
                copyid: entries[0].copyid,
                arrived: NOW,
                size: 100,
                what: What::Whole(raw),
            };
            intake::take_polled(organization, mailbox, polled, house.moment()).await.unwrap();
            ledger::settle(organization, folder, vec![(key, [1; 32])], NOW).await.unwrap();
        }
        known = Some(folder);
    }
    let gone = Look { gone: vec![MessageKey::of_uid(7)], ..Look::default() };
    ledger::see(organization, known.unwrap(), gone, house.moment()).await.unwrap();
    organization
        .read(|read| {
            let profile = read.email_server_profile_by_name("server of crm")?;
            read.email_server_profile(profile.map(|it| it.emailserverprofileid).unwrap_or_default())?;
            read.mailbox_by_name("crm")?;
            read.mailboxes()?;
            read.mailbox_folders(mailbox)?;
            read.seen_on(NOW.day()).map(drop)
        })
        .unwrap();
}

async fn ask_for_pages(house: &House) {
    house.organization.wait_for_events().unwrap();
    while indexing::step(&house.organization).unwrap() == indexing::Step::Forward {}
    for line in ["question", "from:zoe", "\"may I\" -offer", "before:2026-12-24", "has:attachment"] {
        crm::search::find(&house.organization, &query::read(line).search, (Span::default(), 10)).unwrap();
    }
    let index = house.organization.index();
    let people = index.find_records(Entity::Contact, "sam st", 10).unwrap();
    assert_eq!(people.len(), 2);
    let person = people[0];
    let emails = house.organization.read(|read| read.latest_emails(None, 50)).unwrap();
    let email = emails[0].id;
    index.sources(&[email]).unwrap();
    house
        .organization
        .read(|read| {
            read.timeline(person, 50)?;
            read.company_timeline(person, 50)?;
            read.people_of(person)?;
            read.people(&None, 50)?;
            read.companies(&None, 50)?;
            read.leads(&None, 50)?;
            read.person_line(person)?;
            read.company_line(person)?;
            read.lead_line(person)?;
            read.account(person)?;
            read.contact(person)?;
            read.lead(person)?;
            read.user(house.jane)?;
            read.queue(person)?;
            read.unresolved(50)?;
            read.unresolved_count()?;
            read.undeliverable_count()?;
            read.undeliverable_count_for([1, 2, 3])?;
            read.undeliverables_waiting_for(&[1, 2, 3], None, 50)?;
            read.first_emails_by_token(("CRM:0001001", 1), 20)?;
            read.open_undeliverables(50)?;
            read.undeliverable(person)?;
            read.latest_outcomes(NOW.day(), 50)?;
            read.events_after(read.first_cursor()?, 50)?;
            read.latest_events_after(read.first_cursor()?, 50)?;
            read.events_of(email, 50)?;
            read.last_event()?;
            read.email_events_after(read.first_cursor()?, 50)?;
            let tokenhash = [1; 32];
            read.session(&tokenhash, NOW)?;
            read.outbox_behind(None, 50)?;
            read.drafts_of(house.jane, None, 50)?;
            read.signature(house.jane)?;
            read.outbox_line(email)?;
            one_email(read, email)
        })
        .unwrap();
    sign_in(house).await;
}

fn one_email(read: &store::Read<'_>, id: Id) -> Result<(), StoreError> {
    let email = read.email(id)?.unwrap();
    read.email_line(id)?;
    let parties = read.parties(id)?;
    read.party_candidates(parties[0].activitypartyid)?;
    read.attachments(id)?;
    read.conversation(email.conversationtrackingid, 50)?;
    for copy in read.email_copies(id)? {
        read.copy(copy.copyid)?;
    }
    read.email_versions(id)?;
    read.first_copy_of(id).map(drop)
}

/// Everything that becomes of mail that goes out.
async fn send_mail(house: &House) {
    let organization = &house.organization;
    let login = None;
    let (name, host, port, tls) = ("relay".to_owned(), "relay.test".to_owned(), 25, 0);
    let relay =
        NewRelay { name, kind: outbox::SMTP, host, port, tls, authority: None, login, return_domain: None };
    outbox::add_relay(organization, relay, house.moment()).await.unwrap();
    let mut ids = Vec::new();
    for copy in 1..=4 {
        let mut draft = Draft::by(address("jane@contoso.test"));
        draft.who.to = vec![crate::outbox::to("zoe@fabrikam.test")];
        draft.what.subject = "Our offer".to_owned();
        ids.push(outbox::send(organization, draft, (Id([copy; 16]), house.moment())).await.unwrap());
    }
    let node = Id([7; 16]);
    outbox::cancel(organization, ids[0], house.moment()).await.unwrap();
    let relay = outbox::relays(organization).unwrap()[0].emailserverprofileid;
    let wanted = Wanted { relay, limit: 10, has_bulk: true };
    let claimed = outbox::claim(organization, node, (house.moment(), wanted)).await.unwrap();
    assert_eq!(claimed.len(), 3);
    let mails = || claimed.iter().map(|claimed| claimed.mail.clone());
    outbox::load(organization, &claimed[0]).unwrap();
    let other = outbox::held(organization, node).unwrap()[..1].to_vec();
    outbox::let_go(organization, (Id([8; 16]), other), NOW).await.unwrap();
    outbox::renew(organization, mails().collect(), NOW).await.unwrap();
    let ending = claimed.iter().cloned().map(Arc::new).collect();
    let ends = Ends { ending, ..Ends::default() };
    assert_eq!(outbox::write_down(organization, ends, house.moment()).await.unwrap().may_end, [true; 3]);
    let tried = [(Arc::new(claimed[0].clone()), Tried::Answered(Vec::new()))];
    let ends = Ends { tried: tried.into(), ..Ends::default() };
    outbox::write_down(organization, ends, house.moment()).await.unwrap();
    organization.tamper("update outboxmail set lane = 1, waitsin = 1, attempts = 0").unwrap();
    outbox::free(organization, &std::iter::once(Id([8; 16])).collect(), NOW).await.unwrap();
    let zoe = (address("zoe@fabrikam.test"), "a test".to_owned());
    outbox::suppression::suppress(organization, zoe, house.moment()).await.unwrap();
    outbox::retry(organization, ids[1], house.moment()).await.unwrap_err();
    organization.read(|read| read.outbox(10)).unwrap();
    let change = Change { per_minute: Some(60), connections: Some(1), is_paused: None };
    outbox::set_limit(organization, (outbox::Place::Relay(relay), change), house.moment()).await.unwrap();
    let [limit] = outbox::all_limits(organization).unwrap().try_into().unwrap();
    outbox::take_share(organization, (limit.outboxlimitid, 1_000), NOW).await.unwrap();
    outbox::take_share(organization, (limit.outboxlimitid, 1_000), NOW).await.unwrap();
    outbox::places(organization, (&limit, node), (NOW, 1)).await.unwrap();
    organization.read(|read| read.outbox_away((relay, 0), (NOW, 3_600), 10)).unwrap();
}

async fn sign_in(house: &House) {
    let session = Session {
        tokenhash: vec![1; 32],
        systemuserid: house.jane,
        createdon: NOW,
        expireson: Timestamp(NOW.0 + 1),
    };
    let unit = house.organization.unit(Priority::Intake, move |tx| tx.open_session(&session));
    unit.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
}

const QUESTION: &str = "From: Zoe <zoe@fabrikam.test>
To: ben@contoso.test
Cc: cleo@contoso.test, a1@elsewhere.test
Subject: A question
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <asked@fabrikam.test>
Thread-Index: AQHcrWVjZm9vYmFyYmF6cXV4cXV1eGNvcmdl
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b

May I ask?
--b
Content-Disposition: attachment; filename=offer.pdf

x
--b--
";

const ANSWER: &str = "From: Ben <ben@contoso.test>
To: zoe@fabrikam.test
Cc: support@contoso.test
Subject: Re: A question
Date: Fri, 6 Mar 2026 09:30:00 +0000
Message-ID: <answer@contoso.test>
In-Reply-To: <asked@fabrikam.test>
References: <first@fabrikam.test> <asked@fabrikam.test>

You may.
";

const QUOTED: &str = "From: Jane <jane@contoso.test>
To: crm@sink.contoso.test
Subject: FW: Doors
Date: Fri, 6 Mar 2026 10:00:00 +0000
Message-ID: <fw@contoso.test>

From: Zoe <zoe@fabrikam.test>
Sent: 6 March 2026 09:00
To: Ben
Subject: Doors

Green, please.
";

const NOTHING_INSIDE: &str = "From: jane@contoso.test
To: crm@sink.contoso.test
Subject: Fwd: Visit
Message-ID: <nothing@contoso.test>

See below.
";
