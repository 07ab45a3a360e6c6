//! The same questions to a real store: facts are gathered, decided on and kept in one unit of work.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use crm::accounting;
use crm::intake::{self, Copy, Proof, Source};
use model::decision::{CorrelationMethod, Entity};
use model::outcome::{Outcome, Reason};
use model::schema::customers::Contact;
use model::schema::emails::mark;
use store::{Fault, Faults, Priority, StoreError};

use crate::house::{House, NOW};

const QUESTION: &str = "From: Zoe <zoe@fabrikam.test>
To: ben@contoso.test
Subject: A question
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <asked@fabrikam.test>

May I ask?
";

const ANSWER: &str = "From: Ben <ben@contoso.test>
To: zoe@fabrikam.test
Cc: support@contoso.test
Subject: Re: A question
Date: Fri, 6 Mar 2026 09:30:00 +0000
Message-ID: <answer@contoso.test>
In-Reply-To: <asked@fabrikam.test>

You may.
";

const VISIT: &str = "From: Zoe <zoe@fabrikam.test>
To: jane@contoso.test
Cc: support@contoso.test
Subject: Visit on Thursday
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <visit@fabrikam.test>

At three?
";

const STRANGER: &str = "From: Sam <sam@stranger.test>
To: cleo@contoso.test
Subject: Your licence
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <licence@stranger.test>

Is it free?
";

#[tokio::test]
async fn an_answer_before_its_question_stands_in_one_conversation_with_it() {
    let house = House::new().await;
    let answer = house.store(house.to_support(ANSWER)).await;
    // Ben keeps answers only: the question comes in because its answer is here.
    let (outcome, reason, question) = house.take(house.out_of_mailbox(house.ben, QUESTION)).await;
    assert_eq!((outcome, reason), (Outcome::Stored, Reason::Reply));
    let (question, answer) = (house.email(question.unwrap()), house.email(answer));
    assert_eq!(question.conversationtrackingid, answer.conversationtrackingid);
    assert_eq!(answer.parentactivityid, Some(question.activityid));
    assert_eq!(answer.correlationmethod, CorrelationMethod::InReplyTo as i32);
    assert!(answer.directioncode && !question.directioncode);
    house.books_are_right();
}

#[tokio::test]
async fn a_question_before_its_answer_stands_in_one_conversation_with_it() {
    let house = House::new().await;
    let question = house.store(house.out_of_mailbox(house.cleo, QUESTION)).await;
    let answer = house.store(house.to_support(ANSWER)).await;
    let (question, answer) = (house.email(question), house.email(answer));
    assert_eq!(question.conversationtrackingid, answer.conversationtrackingid);
    assert_eq!(answer.parentactivityid, Some(question.activityid));
}

#[tokio::test]
async fn in_a_house_of_before_an_answer_is_found_that_noted_nothing_at_the_id_of_its_question() {
    let house = House::new().await;
    let answer = house.store(house.to_support(ANSWER)).await;
    assert_eq!(house.break_database("delete from identity where variant < 0"), 1);
    let unit = house.organization.unit(Priority::Background, |tx| {
        tx.set_setting("formernames", "1")?;
        tx.bump_records_version()
    });
    unit.await.map_err(|error: StoreError| error).unwrap();
    let question = house.store(house.out_of_mailbox(house.cleo, QUESTION)).await;
    assert_eq!(house.email(answer).parentactivityid, Some(question));
    assert_eq!(house.email(answer).conversationtrackingid, house.email(question).conversationtrackingid);
}

#[tokio::test]
async fn claims_of_a_house_of_before_say_themselves_what_the_row_of_an_email_says_today() {
    let house = House::new().await;
    let question = house.store(house.out_of_mailbox(house.cleo, QUESTION)).await;
    for column in ["sender", "senton", "textdigest", "rawdigest"] {
        let sql = format!(
            "update identity set {column} = (select e.{column} from email e where e.activityid = identity.activityid) \
             where variant >= 0"
        );
        assert_eq!(
            house.break_database(&sql),
            2,
            "a claim of the Message-ID, and one of author, second and subject"
        );
    }
    assert_eq!(house.break_database("update email set textdigest = null, rawdigest = null"), 1);
    let copy = house.take(house.out_of_mailbox(house.ben, QUESTION)).await;
    assert_eq!((copy.0, copy.2), (Outcome::Duplicate, Some(question)));
    // A twin of it with another, longer text: where nothing were known of the text it would take its place.
    let source = house.email(question).blobid;
    let twin = QUESTION.replace("May I ask?", &"Pay to this account instead.\n".repeat(1_000));
    let twin = house.take(house.out_of_mailbox(house.jane, &twin)).await;
    assert_eq!((twin.0, twin.2), (Outcome::Duplicate, Some(question)));
    assert_eq!(house.email(question).blobid, source);
}

#[tokio::test]
async fn a_question_and_its_answer_at_once_are_one_conversation() {
    let house = House::new().await;
    let (gate, held) = house.gate();
    let mut answer = pin!(house.take(house.to_support(ANSWER)));
    let mut question = pin!(house.take(house.out_of_mailbox(house.cleo, QUESTION)));
    begin(answer.as_mut()).await;
    begin(question.as_mut()).await;
    drop(gate);
    held.await.unwrap();
    let (answer, question) = (answer.await.2.unwrap(), question.await.2.unwrap());
    assert_eq!(house.email(answer).conversationtrackingid, house.email(question).conversationtrackingid);
    assert_eq!(house.email(answer).parentactivityid, Some(question));
}

#[tokio::test]
async fn a_question_brings_the_conversations_of_its_answers_together() {
    let house = House::new().await;
    let other =
        ANSWER.replace("answer@", "other@").replace("Re: A question", "Once more").replace("may.", "must.");
    let answers = [house.store(house.to_support(ANSWER)).await, house.store(house.to_support(&other)).await];
    let question = house.store(house.out_of_mailbox(house.ben, QUESTION)).await;
    let conversation = house.email(question).conversationtrackingid;
    for answer in answers {
        assert_eq!(house.email(answer).conversationtrackingid, conversation);
        assert_eq!(house.email(answer).parentactivityid, Some(question));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_copies_at_once_one_is_stored() {
    let house = House::new().await;
    for number in 0..20 {
        let mail = VISIT.replace("visit@", &format!("visit{number}@"));
        let task = |user| {
            let (copy, moment) = (house.out_of_mailbox(user, &mail), house.moment());
            let organization = Arc::clone(&house.organization);
            tokio::spawn(async move { intake::take_in(&organization, copy, moment).await.unwrap().outcome() })
        };
        let (jane, cleo) = (task(house.jane), task(house.cleo));
        let mut outcomes = [jane.await.unwrap(), cleo.await.unwrap()];
        outcomes.sort();
        assert_eq!(outcomes, [Outcome::Duplicate, Outcome::Stored]);
    }
    assert_eq!(house.email_count(), 20);
    house.books_are_right();
}

#[tokio::test]
async fn two_copies_that_were_both_found_new_are_one_mail() {
    let house = House::new().await;
    // Other trace, other bytes: only the identity tells that they are one.
    let later = format!("Received: from mx.test by mail.test; Fri, 6 Mar 2026 09:00:01 +0000\n{VISIT}");
    let (gate, held) = house.gate();
    let mut jane = pin!(house.take(house.out_of_mailbox(house.jane, VISIT)));
    let mut cleo = pin!(house.take(house.out_of_mailbox(house.cleo, &later)));
    begin(jane.as_mut()).await;
    begin(cleo.as_mut()).await;
    drop(gate);
    held.await.unwrap();
    let (first, second) = (jane.await, cleo.await);
    assert_eq!((first.0, second.0), (Outcome::Stored, Outcome::Duplicate));
    assert_eq!(first.2, second.2);
    assert_eq!(house.email_count(), 1);
    house.books_are_right();
}

#[tokio::test]
async fn a_duplicate_leaves_its_mailbox_and_its_queue() {
    let house = House::new().await;
    let mail = VISIT.replace("Cc: support@contoso.test\n", "");
    let email = house.store(house.out_of_mailbox(house.jane, &mail)).await;
    assert_eq!(house.take(house.out_of_mailbox(house.ben, &mail)).await.2, Some(email));
    assert_eq!(house.take(house.to_support(&mail)).await.2, Some(email));
    let (copies, queued) =
        house.organization.read(|read| Ok((read.email_copies(email)?, read.queue_items_of(email)?))).unwrap();
    let users: HashSet<_> = copies.iter().map(|copy| copy.receivinguserid).collect();
    assert_eq!(users, HashSet::from([Some(house.jane), Some(house.ben), None]));
    assert_eq!(queued.len(), 1, "the queue had a copy of its own");
    house.books_are_right();
}

#[tokio::test]
async fn copies_stand_in_the_order_of_their_arrival() {
    let house = House::new().await;
    let email = house.store(house.out_of_mailbox(house.jane, VISIT)).await;
    // Old mail has an id that says where it lay.
    let old = Copy { copyid: model::Id::default(), ..house.out_of_mailbox(house.ben, VISIT) };
    assert_eq!(house.take(old).await.2, Some(email));
    let copies = house.organization.read(|read| read.email_copies(email)).unwrap();
    let users: Vec<_> = copies.iter().map(|copy| copy.receivinguserid).collect();
    assert_eq!(users, [Some(house.jane), Some(house.ben)]);
}

#[tokio::test]
async fn the_same_copy_twice_is_one_copy() {
    // The answer got lost, so the door hands the copy over once more, under the id of its ledger.
    let house = House::new().await;
    let copy = house.out_of_mailbox(house.jane, VISIT);
    let (_, _, email) = house.take(copy.clone()).await;
    let again = house.take_in(copy).await.unwrap();
    assert_eq!(again.originals.iter().map(|original| original.email).collect::<Vec<_>>(), [email]);
    assert_eq!(house.email_count(), 1);
    let seen = house.organization.read(|read| read.seen_on(NOW.day())).unwrap();
    assert_eq!(seen.iter().map(|line| line.seen).sum::<i64>(), 1);
    house.books_are_right();
}

#[tokio::test]
async fn one_mail_twice_in_a_forward_is_stored_once() {
    let house = House::new().await;
    let forward = format!(
        "From: Jane <jane@contoso.test>\nTo: crm@sink.contoso.test\nSubject: Fwd: two\n\
         Date: Fri, 6 Mar 2026 09:40:00 +0000\nMessage-ID: <fwd@contoso.test>\nMIME-Version: 1.0\n\
         Content-Type: multipart/digest; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n{VISIT}\n\
         --b\nContent-Type: message/rfc822\n\n{VISIT}\n--b--\n"
    );
    let receipt = house.take_in(house.out_of_mailbox(house.jane, &forward)).await.unwrap();
    let outcomes: Vec<Outcome> = receipt.originals.iter().map(|original| original.outcome).collect();
    assert_eq!(outcomes, [Outcome::Stored, Outcome::Duplicate]);
    assert_eq!(house.email_count(), 1);
    house.books_are_right();
}

#[tokio::test]
async fn a_colleague_without_proof_is_marked() {
    let house = House::new().await;
    let mail = STRANGER.replace("Sam <sam@stranger.test>", "Jane <jane@contoso.test>");
    let mail = mail.replace("To: cleo@contoso.test", "To: zoe@fabrikam.test");
    let copy = Copy { proof: Proof::None, ..house.out_of_mailbox(house.cleo, &mail) };
    let email = house.email(house.store(copy).await);
    assert!(!email.directioncode, "nothing proves that it is ours");
    assert_eq!(email.marks & mark::UNPROVEN_SENDER, mark::UNPROVEN_SENDER);
}

#[tokio::test]
async fn a_fuller_source_replaces_a_stripped_one() {
    let house = House::new().await;
    let full = format!("{}{}", VISIT.replace("At three?\n", ""), "At three?\n");
    let stripped = full.replace("Message-ID: <visit@fabrikam.test>\n", "");
    let copy = house.out_of_mailbox(house.jane, &stripped);
    let first = copy.copyid;
    let email = house.store(copy).await;
    let before = house.email(email);
    let (outcome, _, again) = house.take(house.out_of_mailbox(house.cleo, &full)).await;
    assert_eq!((outcome, again), (Outcome::Duplicate, Some(email)));
    let after = house.email(email);
    let source = house.organization.blob(&after.blobid).unwrap();
    assert_eq!(String::from_utf8(source).unwrap(), full.replace('\n', "\r\n"));
    let versions = house.organization.read(|read| read.email_versions(email)).unwrap();
    let stripped = versions.iter().find(|version| version.blobid == before.blobid);
    assert_eq!(
        stripped.map(|it| it.copyid),
        Some(first),
        "the stripped source is kept, of the copy that brought it"
    );
    assert_eq!(after.messageid.as_deref(), Some("visit@fabrikam.test"), "the e-mail has its id by now");
    // An answer by that id finds it.
    let answer = "From: Jane <jane@contoso.test>\nTo: zoe@fabrikam.test\nSubject: Yes\n\
                  Message-ID: <yes@contoso.test>\nIn-Reply-To: <visit@fabrikam.test>\n\nYes.\n";
    let answer = house.store(house.out_of_mailbox(house.jane, answer)).await;
    assert_eq!(house.email(answer).correlatedactivityid, Some(email));
    house.books_are_right();
}

#[tokio::test]
async fn a_mail_that_claimed_the_former_form_of_a_key_is_met_again_without_its_id() {
    let house = House::new().await;
    let email = house.store(house.out_of_mailbox(house.jane, VISIT)).await;
    let stripped = VISIT.replace("Message-ID: <visit@fabrikam.test>\n", "");
    house.claims_in_former_form(email).await;
    let (outcome, _, again) = house.take(house.out_of_mailbox(house.cleo, &stripped)).await;
    assert_eq!((outcome, again), (Outcome::Duplicate, Some(email)));
}

#[tokio::test]
async fn the_id_that_a_fuller_source_brings_finds_the_answer_that_came_before() {
    let house = House::new().await;
    let stripped = VISIT.replace("Message-ID: <visit@fabrikam.test>\n", "");
    let email = house.store(house.out_of_mailbox(house.jane, &stripped)).await;
    let answer = "From: Jane <jane@contoso.test>\nTo: zoe@fabrikam.test\nSubject: Re: Visit on Thursday\n\
                  Message-ID: <yes@contoso.test>\nIn-Reply-To: <visit@fabrikam.test>\n\nYes.\n";
    let answer = house.store(house.out_of_mailbox(house.jane, answer)).await;
    house.take(house.out_of_mailbox(house.cleo, VISIT)).await;
    assert_eq!(house.email(answer).conversationtrackingid, house.email(email).conversationtrackingid);
}

#[tokio::test]
async fn a_fuller_source_is_taken_once() {
    let house = House::new().await;
    let stripped = VISIT.replace("Message-ID: <visit@fabrikam.test>\n", "");
    let email = house.store(house.out_of_mailbox(house.jane, &stripped)).await;
    house.take(house.out_of_mailbox(house.cleo, VISIT)).await;
    let full = house.email(email).blobid;
    for hop in 1..=3 {
        let again =
            format!("Received: from mx{hop}.test by mail.test; Fri, 6 Mar 2026 09:00:01 +0000\n{VISIT}");
        assert_eq!(house.take(house.out_of_mailbox(house.ben, &again)).await.2, Some(email));
    }
    assert_eq!(house.email(email).blobid, full, "another trace makes no mail fuller");
    let claims = house.organization.read(|read| {
        let id = model::MessageId::parse("visit@fabrikam.test").unwrap();
        read.identities(&message::identity::message_key(&id))
    });
    assert_eq!(claims.unwrap().len(), 1, "one e-mail claims its id once");
}

#[tokio::test]
async fn files_added_to_a_mail_that_came_by_itself_are_a_version_of_it() {
    let house = House::new().await;
    let email = house.store(house.out_of_mailbox(house.jane, VISIT)).await;
    let before = house.email(email);
    let typed = "Content-Type: multipart/mixed; boundary=b\nMessage-ID:";
    let parts =
        "--b\n\nAt three?\n--b\nContent-Disposition: attachment; filename=offer.pdf\n\nPay here.\n--b--\n";
    let added = VISIT.replace("Message-ID:", typed).replace("At three?\n", parts);
    let (outcome, _, again) = house.take(house.out_of_mailbox(house.cleo, &added)).await;
    assert_eq!((outcome, again), (Outcome::Duplicate, Some(email)));
    assert_eq!(house.email(email), before, "whoever has read it can write it again with files of his own");
    let versions = house.organization.read(|read| read.email_versions(email)).unwrap();
    assert_eq!(versions.len(), 1, "nothing is lost");
    house.books_are_right();
}

#[tokio::test]
async fn records_that_change_between_check_and_unit_are_seen() {
    let house = House::new().await;
    let (gate, held) = house.gate();
    let contact = Contact {
        contactid: house.moment().id(),
        firstname: None,
        lastname: None,
        fullname: "Sam Stone".to_owned(),
        emailaddress1: Some("sam@stranger.test".to_owned()),
        emailaddress2: None,
        emailaddress3: None,
        parentcustomerid: None,
        jobtitle: None,
        telephone1: None,
        statecode: 0,
        createdon: NOW,
        modifiedon: NOW,
        donotemail: false,
        donotbulkemail: false,
    };
    let sam = contact.contactid;
    let change = house.organization.unit(Priority::Intake, move |tx| {
        tx.add_contact(&contact)?;
        tx.bump_records_version()
    });
    // To Jane, who keeps known customers: at the check Sam is nobody.
    let mail = STRANGER.replace("cleo@", "jane@");
    let mut taking = pin!(house.take(house.out_of_mailbox(house.jane, &mail)));
    begin(taking.as_mut()).await;
    drop(gate);
    held.await.unwrap();
    change.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
    let (outcome, reason, email) = taking.await;
    assert_eq!((outcome, reason), (Outcome::Stored, Reason::KnownSender));
    assert_eq!(house.sender(email.unwrap()), (Some(sam), false));
    house.books_are_right();
}

#[tokio::test]
async fn a_contact_added_later_settles_earlier_mail() {
    let house = House::new().await;
    let email = house.store(house.out_of_mailbox(house.cleo, STRANGER)).await;
    assert_eq!(house.sender(email), (None, false));
    house.contact("Sam Stone", "Sam@Stranger.test").await;
    house.run_jobs().await;
    let (record, is_ambiguous) = house.sender(email);
    let contact = house.organization.read(|read| read.contact(record.unwrap())).unwrap().unwrap();
    assert_eq!((contact.fullname.as_str(), is_ambiguous), ("Sam Stone", false));
    let events = house.organization.read(|read| read.events_of(email, 10)).unwrap();
    assert!(events.iter().any(|event| event.operation == "resolved"));
}

#[tokio::test]
async fn two_contacts_added_later_leave_earlier_mail_open_with_candidates() {
    let house = House::new().await;
    let email = house.store(house.out_of_mailbox(house.cleo, STRANGER)).await;
    house.contact("Sam Stone", "sam@stranger.test").await;
    house.contact("Sam Stein", "sam@stranger.test").await;
    house.run_jobs().await;
    assert_eq!(house.sender(email), (None, true));
    let parties = house.organization.read(|read| read.parties(email)).unwrap();
    let sender = parties.first().unwrap().activitypartyid;
    let candidates = house.organization.read(|read| read.party_candidates(sender)).unwrap();
    let ranks: Vec<i32> = candidates.iter().map(|candidate| candidate.rank).collect();
    assert_eq!(ranks, [1, 2]);
    assert!(candidates.iter().all(|candidate| candidate.objecttypecode == Entity::Contact as i32));
}

#[tokio::test]
async fn the_alarm_rings_when_an_outcome_is_missing() {
    let house = House::new().await;
    house.store(house.out_of_mailbox(house.jane, VISIT)).await;
    house.take(house.out_of_mailbox(house.ben, QUESTION)).await;
    let account = || house.organization.read(|read| accounting::of_day(read, NOW.day())).unwrap();
    assert!(!account().has_gap());
    house.books_are_right();
    assert_eq!(house.break_database("delete from outcome where outcome = 1"), 1);
    let day = account();
    assert!(day.has_gap());
    assert_eq!(day.without_outcome, 1);
    assert_eq!(day.sources.iter().map(accounting::SourceLine::gap).sum::<i64>(), 1);
    let verified = accounting::verify(&house.organization).unwrap();
    assert_eq!(verified.faults, ["2026-03-06: 1 of 2 copies seen have no outcome"]);
}

#[tokio::test]
async fn the_alarm_rings_when_a_copy_is_missing_from_the_ledger() {
    let house = House::new().await;
    house.store(house.out_of_mailbox(house.jane, VISIT)).await;
    assert_eq!(house.break_database("delete from copy"), 1);
    let day = house.organization.read(|read| accounting::of_day(read, NOW.day())).unwrap();
    assert!(day.has_gap());
    assert!(!accounting::verify(&house.organization).unwrap().faults.is_empty());
}

#[tokio::test]
async fn a_store_that_fails_at_any_call_keeps_a_mail_once_or_not_at_all() {
    for fault in [Fault::Io, Fault::Full, Fault::FullEndsTransaction] {
        let faults = Faults::planned();
        let house = House::with(faults.clone()).await;
        let mut calls = 0;
        for call in 1.. {
            let mail = VISIT.replace("visit@", &format!("visit{call}@"));
            let before = house.email_count();
            faults.fail_at(call, fault);
            let first = house.take_in(house.out_of_mailbox(house.jane, &mail)).await;
            let is_over = faults.is_waiting();
            faults.fail_at(u64::MAX, fault);
            let now_here = house.email_count() - before;
            match &first {
                Ok(receipt) => {
                    assert_eq!((receipt.outcome(), now_here), (Outcome::Stored, 1), "{fault:?} {call}")
                }
                Err(error) => {
                    assert!(error.is_temporary(), "{fault:?} at call {call}: {error:?}");
                    assert_eq!(now_here, 0, "{fault:?} at call {call}");
                }
            }
            let again = try_again(&house, &mail).await;
            let expected = if first.is_ok() { Outcome::Duplicate } else { Outcome::Stored };
            assert_eq!(again, expected, "{fault:?} at call {call}");
            assert_eq!(house.email_count(), before + 1, "{fault:?} at call {call}");
            calls = call;
            if is_over {
                break;
            }
        }
        assert!(calls > 15, "{fault:?}: only {calls} calls were tried");
        house.books_are_right();
    }
}

/// Hands a mail over until it is answered for good. Whoever comes while the store still turns away what waited
/// at the fault is turned away too.
async fn try_again(house: &House, mail: &str) -> Outcome {
    for _ in 0..100 {
        match house.take_in(house.out_of_mailbox(house.jane, mail)).await {
            Ok(receipt) => return receipt.outcome(),
            Err(error) => assert!(error.is_temporary(), "{error:?}"),
        }
    }
    panic!("the store does not recover from one fault");
}

/// Runs a future up to where it waits for the store.
async fn begin(mut future: impl Future + Unpin) {
    poll_fn(|context| {
        assert!(std::pin::Pin::new(&mut future).poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn a_mail_on_which_our_own_processing_fails_is_set_aside_whole() {
    let house = House::new().await;
    house.break_database("drop table queueitem");
    house.break_database("drop table emailcopy");
    let (outcome, reason, email) = house.take(house.out_of_mailbox(house.jane, VISIT)).await;
    assert_eq!((outcome, reason, email), (Outcome::Undeliverable, Reason::Fault, None));
    assert_eq!(house.email_count(), 0, "nothing half done is left");
    let kept = house.organization.read(|read| read.open_undeliverables(9)).unwrap();
    assert_eq!(kept.len(), 1);
    let source = house.organization.blob(&kept[0].blobid).unwrap();
    assert!(String::from_utf8(source).unwrap().contains("visit@fabrikam.test"));
}

#[tokio::test]
async fn an_undeliverable_that_is_handed_over_again_waits_no_longer() {
    let house = House::new().await;
    let inline = "From: jane@contoso.test\nTo: crm@sink.contoso.test\nSubject: Fwd: Visit\n\nSee below.\n";
    let copy = house.out_of_mailbox(house.jane, inline);
    assert_eq!(house.take(copy.clone()).await.0, Outcome::Undeliverable);
    let waiting = || house.organization.read(|read| read.undeliverable_count()).unwrap();
    assert_eq!(waiting(), 1);
    let by_hand = Copy {
        copyid: house.moment().id(),
        source: Source::Track,
        has_envelope: false,
        recipients: Vec::new(),
        proof: Proof::Hand,
        ..copy
    };
    assert_eq!(house.take(by_hand).await.0, Outcome::Stored);
    assert_eq!(waiting(), 0);
}

#[tokio::test]
async fn a_token_under_a_former_prefix_is_still_found() {
    let house = House::new().await;
    let prefixes = vec!["Contoso:".to_owned(), "CRM:".to_owned()];
    crm::settings::set_token_prefixes(&house.organization, prefixes).await.unwrap();
    let mail = |id: &str, subject: &str| {
        VISIT.replace("visit@", id).replace("Subject: ", &format!("Subject: {subject} "))
    };
    let first = house.store(house.out_of_mailbox(house.jane, &mail("one@", "CRM:0001001"))).await;
    let second = house.store(house.out_of_mailbox(house.jane, &mail("two@", "Re: crm:0001001"))).await;
    assert_eq!(house.email(second).correlatedactivityid, Some(first));
    let blank = vec!["two words".to_owned()];
    assert!(crm::settings::set_token_prefixes(&house.organization, blank).await.is_err());
}
