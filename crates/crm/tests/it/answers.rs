//! A queue acknowledges: whom, once, in which words; and what ends a loop.

use std::sync::Arc;

use crm::answers::{self, Acknowledging};
use crm::intake::{self, Copy, Proof, Source, Verdicts};
use crm::templates::{self, NewTemplate, Source as Words};
use model::outcome::Outcome;
use model::schema::emails::{Email, mark};
use model::schema::outbox::OutboxMail;
use model::trust::{Finding, Verdict};
use model::{Id, language};

use crate::house::{House, address};

async fn house() -> House {
    let house = crate::outbox::house().await;
    let template = NewTemplate {
        title: "We have it".to_owned(),
        language: language::ANY,
        kind: None,
        owner: None,
        source: Words {
            subject: "Auto: {{ email.subject }}".to_owned(),
            html: None,
            text: Some("Dear {!contact:fullname;Customer},\nwe have your mail.\n".to_owned()),
        },
    };
    templates::add_template(&house.organization, template, house.moment()).await.unwrap();
    acknowledge(&house, 7, 20).await;
    house
}

async fn acknowledge(house: &House, period_days: i32, hourly_max: i32) {
    let wanted = Acknowledging { title: "We have it".to_owned(), period_days, hourly_max };
    answers::set_acknowledging(&house.organization, &address("support@contoso.test"), Some(wanted))
        .await
        .unwrap();
}

/// A mail of a customer to the queue, with more fields.
fn mail(house: &House, from: &str, more: &str) -> Copy {
    let id = house.moment().id();
    house.to_support(&format!(
        "Message-ID: <{id}@mail.test>\nFrom: {from}\nTo: support@contoso.test\nSubject: It broke\n\
         Date: Fri, 6 Mar 2026 11:00:00 +0100\n{more}\nHelp!\n"
    ))
}

/// What waits in the outbox once the jobs have run.
async fn given(house: &House) -> Vec<OutboxMail> {
    house.run_jobs().await;
    house.organization.read(|read| read.outbox(100)).unwrap()
}

fn source(house: &House, email: Id) -> String {
    let row = house.email(email);
    String::from_utf8(house.organization.blob(&row.blobid).unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn a_customer_hears_once_that_his_mail_is_here() {
    let house = house().await;
    let first = mail(&house, "Zoë <zoe@fabrikam.test>", "");
    let email = house.store(first.clone()).await;
    let [answer] = given(&house).await.try_into().unwrap();
    assert_eq!(
        (answer.mailfrom.as_str(), answer.lane),
        ("", 1),
        "the null sender, behind what persons write"
    );
    let recipients = house.organization.read(|read| read.outbox_recipients(answer.activityid)).unwrap();
    assert_eq!(recipients.iter().map(|to| to.address.as_str()).collect::<Vec<_>>(), ["zoe@fabrikam.test"]);
    let written = source(&house, answer.activityid);
    let header = message::read_header(written.as_bytes()).unwrap();
    assert_eq!(header.subject, "Auto: It broke");
    assert!(header.marks.automatic && written.contains("Auto-Submitted: auto-replied"), "{written}");
    assert_eq!(header.from[0].address, address("support@contoso.test"));
    let answered = house.email(email).messageid.unwrap();
    assert_eq!(header.in_reply_to.iter().map(|id| id.as_str()).collect::<Vec<_>>(), [answered.as_str()]);
    assert!(written.contains("Dear Zoë M") || written.contains("Dear Zo=C3=AB M"), "{written}");
    let Email { parentactivityid, conversationtrackingid, marks, .. } = house.email(answer.activityid);
    assert_eq!(parentactivityid, Some(email));
    assert_eq!(conversationtrackingid, house.email(email).conversationtrackingid);
    assert!(marks & mark::AUTOMATIC != 0);

    // The same copy, the same mail by another way, another mail of hers.
    house.take(first.clone()).await;
    house.take(Copy { copyid: house.moment().id(), ..first }).await;
    house.store(mail(&house, "zoe@fabrikam.test", "")).await;
    assert_eq!(given(&house).await.len(), 1);
    // Another one is another one; he names himself twice, and a detail of the queue's address is the queue.
    let other =
        mail(&house, "tom@northwind.test", "Sender: Tom <Tom@northwind.test>\nCc: support+a@contoso.test\n");
    house.store(other).await;
    assert_eq!(given(&house).await.len(), 2);
    house.books_are_right();
}

#[tokio::test]
async fn nobody_hears_of_a_mail_that_the_domain_of_its_sender_disowns() {
    let house = house().await;
    for (dmarc, expected) in [(Finding::Fail, 0), (Finding::Pass, 1)] {
        let verdict = Verdict { author: Some(address("zoe@fabrikam.test")), dmarc, ..Verdict::default() };
        let verdicts = Verdicts { outer: Some(verdict), ..Verdicts::default() };
        let verified = (mail(&house, "zoe@fabrikam.test", ""), Arc::new(verdicts));
        let taken = intake::take_in_verified(&house.organization, verified, house.moment()).await.unwrap();
        assert_eq!(taken.outcome(), Outcome::Stored);
        assert_eq!(given(&house).await.len(), expected, "{dmarc:?}");
    }
}

#[tokio::test]
async fn after_its_period_there_is_another_answer() {
    let house = house().await;
    house.store(mail(&house, "zoe@fabrikam.test", "")).await;
    assert_eq!(given(&house).await.len(), 1);
    let days = |days: i64| house.moment_after(days * 86_400);
    let later = mail(&house, "zoe@fabrikam.test", "");
    crm::intake::take_in(&house.organization, later, days(6)).await.unwrap();
    assert_eq!(given(&house).await.len(), 1);
    let later = mail(&house, "zoe@fabrikam.test", "");
    crm::intake::take_in(&house.organization, later, days(8)).await.unwrap();
    while crm::jobs::run_one(&house.organization, Id([9; 16]), days(9)).await.unwrap() {}
    assert_eq!(given(&house).await.len(), 2);
}

#[tokio::test]
async fn programs_lists_colleagues_and_nobody_are_not_answered() {
    let house = house().await;
    let zoe = "zoe@fabrikam.test";
    let mut copies = Vec::new();
    for field in [
        "Auto-Submitted: auto-replied\n",
        "Auto-Submitted: auto-generated\n",
        "Precedence: bulk\n",
        "Precedence: list\n",
        "List-Id: <l.fabrikam.test>\n",
        "List-Unsubscribe: <mailto:u@fabrikam.test>\n",
        "X-Autoreply: yes\n",
        "X-Auto-Response-Suppress: All\n",
        "X-Auto-Response-Suppress: OOF, AutoReply\n",
        "Content-Type: multipart/report; boundary=b\n",
        "In-Reply-To: <any@contoso.test>\n",
        "Sender: tom@fabrikam.test\n",
        "Resent-From: tom@fabrikam.test\n",
    ] {
        copies.push(mail(&house, zoe, field));
    }
    for from in [
        "MAILER-DAEMON@fabrikam.test",
        "no-reply@fabrikam.test",
        "NoReply+17@fabrikam.test",
        "do_not_reply@fabrikam.test",
        "owner-l@fabrikam.test",
        "l-request@fabrikam.test",
        "bounces-17@fabrikam.test",
        "postmaster@fabrikam.test",
        "jane@contoso.test",
        "support@contoso.test",
        "crm@sink.contoso.test",
        "zoe@fabrikam.test, tom@fabrikam.test",
    ] {
        copies.push(mail(&house, from, ""));
    }
    let plain = || mail(&house, zoe, "");
    copies.push(Copy { mail_from: None, ..plain() });
    // One address to us, and two to a program that takes lists.
    for two in ["victim@northwind.test,zoe@fabrikam.test", "a;b@fabrikam.test", "b:zoe@fabrikam.test"] {
        let first = mail(&house, zoe, "");
        let raw =
            String::from_utf8_lossy(&first.raw).replace("From: zoe@fabrikam.test", &format!("From: <{two}>"));
        copies.push(Copy { mail_from: Some(two.to_owned()), raw: Arc::from(raw.into_bytes()), ..first });
    }
    copies.push(Copy { mail_from: Some("bounce-zoe=x@fabrikam.test".to_owned()), ..plain() });
    copies.push(Copy { has_envelope: false, mail_from: None, ..plain() });
    copies.push(Copy { source: Source::Track, recipients: Vec::new(), proof: Proof::Hand, ..plain() });
    let blind = "From: zoe@fabrikam.test\nTo: all@fabrikam.test\nSubject: It broke\n\nHelp!\n";
    copies.push(house.to_support(blind));
    // By a rule in a colleague's mailbox, to the queue as well.
    copies.push(house.out_of_mailbox(
        house.cleo,
        "From: zoe@fabrikam.test\nTo: support@contoso.test\nSubject: x\n\nHelp!\n",
    ));
    let count = copies.len();
    let mut stored = 0;
    for copy in copies {
        let raw = String::from_utf8(copy.raw.to_vec()).unwrap();
        let receipt = house.take_in(copy).await.unwrap();
        stored += receipt.originals.iter().filter(|original| original.email.is_some()).count();
        assert!(given(&house).await.is_empty(), "{receipt:?}: {raw}");
    }
    assert!(stored * 2 > count, "most of them are kept: {stored} of {count}");
    house.store(plain()).await;
    assert_eq!(given(&house).await.len(), 1, "she herself is answered");
}

#[tokio::test]
async fn a_domain_that_answers_everything_is_answered_so_often_and_no_more() {
    let house = house().await;
    acknowledge(&house, 1, 5).await;
    for number in 0..12 {
        house.store(mail(&house, &format!("robot{number}@fabrikam.test"), "")).await;
    }
    assert_eq!(given(&house).await.len(), 5);
    house.store(mail(&house, "tom@northwind.test", "")).await;
    assert_eq!(given(&house).await.len(), 6, "others are");
    let later = mail(&house, "robot99@fabrikam.test", "");
    crm::intake::take_in(&house.organization, later, house.moment_after(3_700)).await.unwrap();
    while crm::jobs::run_one(&house.organization, Id([9; 16]), house.moment_after(3_700)).await.unwrap() {}
    assert_eq!(given(&house).await.len(), 7, "an hour later");
}

/// Two houses whose queues acknowledge, and a program that answers everything without saying so.
#[tokio::test]
async fn two_that_answer_each_other_come_to_an_end() {
    let house = house().await;
    house.store(mail(&house, "queue@other.test", "")).await;
    let [answer] = given(&house).await.try_into().unwrap();
    let written = source(&house, answer.activityid);
    let id = message::read_header(written.as_bytes()).unwrap().message_id.unwrap();
    // One of ours there says that it is automatic; another says nothing, and names our mail, or not even that.
    for more in ["Auto-Submitted: auto-replied\n", &format!("In-Reply-To: <{id}>\n"), "", "", ""] {
        house.take(mail(&house, "queue@other.test", more)).await;
        assert_eq!(given(&house).await.len(), 1);
    }
}

#[tokio::test]
async fn at_two_nodes_one_sender_is_answered_once() {
    let house = house().await;
    let (other, _store) = house.at_other_node();
    let (one, two) = (mail(&house, "zoe@fabrikam.test", ""), mail(&house, "zoe@fabrikam.test", ""));
    let here = crm::intake::take_in(&house.organization, one, house.moment());
    let there = crm::intake::take_in(&other, two, house.moment());
    let (here, there) = tokio::join!(here, there);
    assert!(here.is_ok() && there.is_ok(), "{here:?} {there:?}");
    // Both nodes look for jobs at once.
    let (a, b) = (house.moment(), house.moment());
    let both = tokio::join!(
        crm::jobs::run_one(&house.organization, Id([9; 16]), a),
        crm::jobs::run_one(&other, Id([8; 16]), b)
    );
    assert!(both.0.is_ok() && both.1.is_ok(), "{both:?}");
    assert_eq!(given(&house).await.len(), 1);
}

#[tokio::test]
async fn a_queue_that_stops_says_no_more_and_what_cannot_be_written_is_left() {
    let house = house().await;
    let gone = ("We have it".to_owned(), None, None);
    templates::remove_template(&house.organization, gone, house.moment()).await.unwrap();
    house.store(mail(&house, "zoe@fabrikam.test", "")).await;
    assert!(given(&house).await.is_empty(), "there is no template");
    answers::set_acknowledging(&house.organization, &address("support@contoso.test"), None).await.unwrap();
    house.store(mail(&house, "tom@northwind.test", "")).await;
    assert!(given(&house).await.is_empty());
    let queue = address("support@contoso.test");
    let nothing = Acknowledging { title: "Nothing".to_owned(), period_days: 7, hourly_max: 5 };
    let refused = async |wanted: Acknowledging| {
        answers::set_acknowledging(&house.organization, &queue, Some(wanted)).await.unwrap_err().to_string()
    };
    assert_eq!(refused(nothing).await, "the template is not here");
}
