//! Tokens at the end of outgoing subjects: each once, kept by answers, and worth nothing by themselves.

use std::collections::HashSet;

use crm::outbox::{self, AnswerKind, Draft, Earlier, SendEmail};
use crm::settings;
use model::decision::CorrelationMethod;
use model::{Id, Moment};

use crate::house::{House, address};
use crate::outbox::{draft, house, now, send, to};

async fn with_tokens(digits: usize) -> House {
    let house = house().await;
    settings::set_subject_tokens(&house.organization, Some(digits)).await.unwrap();
    house
}

fn written(subject: &str) -> Draft {
    let mut draft = draft();
    (draft.who.cc, draft.who.bcc) = (Vec::new(), Vec::new());
    draft.what.subject = subject.to_owned();
    draft
}

fn subject_and_token(house: &House, id: Id) -> (String, Option<String>) {
    let email = house.email(id);
    (email.subject, email.trackingtoken)
}

/// A mail to Jane, out of Cleo's mailbox who keeps all, with nothing that names another mail but its subject.
async fn arrive(house: &House, from: &str, subject: &str) -> Id {
    let words = house.moment().id();
    let mail = format!("From: {from}\nTo: jane@contoso.test\nSubject: {subject}\n\nYes, fifty. {words}\n");
    house.store(house.out_of_mailbox(house.cleo, &mail)).await
}

#[tokio::test]
async fn a_subject_ends_with_a_token_only_where_that_was_said() {
    let house = house().await;
    let plain = send(&house, written("Our offer")).await.unwrap();
    assert_eq!(subject_and_token(&house, plain), ("Our offer".to_owned(), None));
    settings::set_subject_tokens(&house.organization, Some(7)).await.unwrap();
    let preview = outbox::preview(&house.organization, &written("Our offer"), &house.moment()).unwrap();
    assert_eq!(preview.subject, "Our offer CRM:…");
    let id = send(&house, written("Grüße aus Köln")).await.unwrap();
    let (subject, token) = subject_and_token(&house, id);
    let token = token.unwrap();
    assert_eq!(subject, format!("Grüße aus Köln {token}"));
    let digits = token.strip_prefix("CRM:").unwrap();
    assert!(digits.len() == 7 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{token}");
    for digits in [3, 19] {
        assert!(settings::set_subject_tokens(&house.organization, Some(digits)).await.is_err());
    }
    house.books_are_right();
}

#[tokio::test]
async fn no_token_is_given_twice_however_few_there_are() {
    let house = with_tokens(4).await;
    let mut tokens = HashSet::new();
    for _ in 0..300 {
        let id = send(&house, written("Our offer")).await.unwrap();
        let token = subject_and_token(&house, id).1.unwrap();
        assert!(tokens.insert(token.clone()), "{token}");
    }
    house.books_are_right();
}

#[tokio::test]
async fn an_answer_is_known_by_its_subject_alone_and_keeps_the_token() {
    let house = with_tokens(9).await;
    let id = send(&house, written("Our offer")).await.unwrap();
    let (subject, token) = subject_and_token(&house, id);
    let token = token.unwrap();
    let answer = arrive(&house, "zoe@fabrikam.test", &format!("AW: {subject}")).await;
    let email = house.email(answer);
    assert_eq!(email.correlatedactivityid, Some(id));
    assert_eq!(email.correlationmethod, CorrelationMethod::TrackingToken as i32);
    assert_eq!(email.conversationtrackingid, house.email(id).conversationtrackingid);

    let jane = address("jane@contoso.test");
    for kind in [AnswerKind::Reply, AnswerKind::Forward] {
        let begun = outbox::answer(&house.organization, (answer, kind), &jane).unwrap();
        let mut again = begun.with("Fifty it is.\n", None);
        again.who.to = vec![to("zoe@fabrikam.test")];
        let again = send(&house, again).await.unwrap();
        let (subject, kept) = subject_and_token(&house, again);
        assert_eq!((subject.matches("CRM:").count(), kept), (1, Some(token.clone())), "{subject}");
    }
    house.books_are_right();
}

#[tokio::test]
async fn a_stranger_with_the_token_changes_nothing() {
    let house = with_tokens(9).await;
    let id = send(&house, written("Our offer")).await.unwrap();
    let before = house.email(id);
    let forged = arrive(&house, "mallory@evil.test", &format!("Re: {}", before.subject)).await;
    let email = house.email(forged);
    assert_eq!((email.correlatedactivityid, email.regardingobjectid), (None, None));
    assert_ne!(email.conversationtrackingid, before.conversationtrackingid);
    assert_eq!(house.email(id), before);
    // It is shown as what could be meant.
    assert!(email.decision.contains("nobody on it was on that mail"), "{}", email.decision);
    house.books_are_right();
}

#[tokio::test]
async fn a_token_is_given_out_before_and_taken_as_it_is() {
    let house = house().await;
    let token = outbox::tracking_token(&house.organization, "Our offer", &house.moment()).unwrap();
    let other = outbox::tracking_token(&house.organization, "Our offer", &house.moment()).unwrap();
    assert!(token.len() == "CRM:".len() + outbox::TOKEN_DIGITS && token != other, "{token} {other}");
    let kept = outbox::tracking_token(&house.organization, "Re: Offer CRM:0001001", &house.moment());
    assert_eq!(kept.unwrap(), "CRM:0001001");

    let mut mail = written("Our offer");
    mail.what.token = Some(token.clone());
    let id = send(&house, mail).await.unwrap();
    assert_eq!(subject_and_token(&house, id), (format!("Our offer {token}"), Some(token)));
    let mut mail = written("Our offer");
    mail.what.token = Some("Offer 1".to_owned());
    let refused = send(&house, mail).await.unwrap_err().to_string();
    assert!(refused.contains("no tracking token"), "{refused}");
    house.books_are_right();
}

#[tokio::test]
async fn what_is_sent_under_a_key_or_taken_back_has_one_token() {
    let house = with_tokens(9).await;
    let mut keyed = written("Our offer");
    keyed.key = Some("offer 7".to_owned());
    let id = send(&house, keyed.clone()).await.unwrap();
    assert_eq!(send(&house, keyed.clone()).await.unwrap(), id);
    keyed.what.subject = "Another offer".to_owned();
    assert!(send(&house, keyed).await.is_err());

    let sent = subject_and_token(&house, id);
    assert!(outbox::take_back(&house.organization, id, house.moment()).await.unwrap());
    let moment = Moment::new(now(&house), 4);
    let again = SendEmail::now(id, None);
    outbox::send_email(&house.organization, again, (house.moment().id(), moment)).await.unwrap();
    assert_eq!(subject_and_token(&house, id), sent);
    house.books_are_right();
}

#[tokio::test]
async fn a_token_that_was_given_before_stands_on_one_mail_and_what_carries_it_on() {
    let house = house().await;
    let token = outbox::tracking_token(&house.organization, "Our offer", &house.moment()).unwrap();
    let with_token = |subject: &str| {
        let mut mail = written(subject);
        mail.what.token = Some(token.clone());
        mail
    };
    // It went out by other means, and an answer was here before it was noted: that is nobody's use of it.
    let early = arrive(&house, "zoe@fabrikam.test", &format!("Re: Our offer {token}")).await;
    let mut keyed = with_token("Our offer");
    keyed.key = Some("offer 7".to_owned());
    let id = send(&house, keyed.clone()).await.unwrap();
    assert_eq!(send(&house, keyed).await.unwrap(), id, "the same mail under one key");
    let refused = send(&house, with_token("Another offer")).await.unwrap_err().to_string();
    assert!(refused.contains(&token) && refused.contains("already"), "{refused}");
    let kept =
        outbox::save_draft(&house.organization, written("A third offer"), house.moment()).await.unwrap();
    let wanted = SendEmail { token: Some(token.clone()), ..SendEmail::now(kept, None) };
    let refused =
        outbox::send_email(&house.organization, wanted, (house.moment().id(), house.moment())).await;
    assert!(refused.is_err_and(|refused| refused.to_string().contains("already")));
    assert!(outbox::draft(&house.organization, (kept, None)).is_ok(), "the draft stays");

    // What carries it on may have it, whatever its subject is.
    let mut reminder = with_token("A reminder");
    reminder.about.earlier = Some(Earlier::Answered(id));
    let reminder = send(&house, reminder).await.unwrap();
    assert_eq!(subject_and_token(&house, reminder).1, Some(token.clone()));
    let mut elsewhere = with_token("Something else");
    let other = send(&house, written("Another matter")).await.unwrap();
    elsewhere.about.earlier = Some(Earlier::Answered(other));
    assert!(send(&house, elsewhere).await.is_err());
    assert_ne!(early, id);
    house.books_are_right();
}

#[tokio::test]
async fn a_crowd_under_a_token_hides_nothing() {
    let house = with_tokens(9).await;
    let id = send(&house, written("Our offer")).await.unwrap();
    let (subject, _) = subject_and_token(&house, id);
    for number in 0..25 {
        arrive(&house, &format!("mallory{number}@evil.test"), &format!("Re: {subject}")).await;
    }
    let answer = arrive(&house, "zoe@fabrikam.test", &format!("AW: {subject}")).await;
    let (answer, sent) = (house.email(answer), house.email(id));
    assert_eq!(answer.correlatedactivityid, Some(id));
    assert_eq!(answer.conversationtrackingid, sent.conversationtrackingid);
    house.books_are_right();
}
