//! Clients that people use hand mail to the house, in every way they know to pass one on.

use std::sync::Arc;

use model::schema::emails::mark;
use store::Organization;
use testkit::House;
use testkit::missing::or_skip;
use testkit::peers::{Mutt, PassOn, Thunderbird};

use super::house::{SINK, ZOE, books_are_whole, email_count, house, mail, newest_source, timeline};

const JANE: &str = "jane@example.test";

#[test]
fn mutt_writes_forwards_and_bounces() {
    or_skip(|| {
        let (house, _) = house();
        let organization = house.organization("example")?;
        Mutt::of(ZOE, house.smtp()?)?.write(JANE, "About written", "By mutt.\n")?;
        let jane = Mutt::of(JANE, house.smtp()?)?;
        jane.forward(&mail("forwarded", "With an attachment."), SINK)?;
        jane.bounce(&mail("bounced", "As it is."), SINK)?;
        assert_eq!(subjects(&organization), ["About bounced", "About forwarded", "About written"]);
        assert_eq!(
            methods(&organization),
            [("About bounced", "redirected"), ("About forwarded", "attached"), ("About written", "direct")]
                .map(|(subject, method)| (subject.to_owned(), method.to_owned()))
        );
        books_are_whole(&house);
        Ok(())
    });
}

#[test]
fn thunderbird_forwards_as_attachment() {
    or_skip(|| {
        let (house, _) = house();
        let organization = house.organization("example")?;
        pass_on(&house, &[PassOn::ForwardAsAttachment])?;
        assert_eq!(emails(&organization), [certain("attached")]);
        assert!(newest_source(&organization).starts_with(&received()), "the mail was changed on its way");
        Ok(())
    });
}

#[test]
fn thunderbird_forwards_as_text() {
    or_skip(|| {
        let (house, _) = house();
        let organization = house.organization("example")?;
        let mut thunderbird = pass_on(&house, &[PassOn::ForwardInline])?;
        assert_eq!(emails(&organization), [Email { is_guess: true, ..certain("inline") }]);
        // It is the customer's, and the mail itself takes its place.
        thunderbird.pass_on(PassOn::ForwardAsAttachment, SINK)?;
        assert_eq!(emails(&organization), [certain("attached")]);
        books_are_whole(&house);
        Ok(())
    });
}

#[test]
fn thunderbird_redirects() {
    or_skip(|| {
        let (house, _) = house();
        let organization = house.organization("example")?;
        let mut thunderbird = pass_on(&house, &[PassOn::Redirect])?;
        assert_eq!(emails(&organization), [Email { is_guess: true, ..certain("redirected") }]);
        thunderbird.pass_on(PassOn::ForwardAsAttachment, SINK)?;
        thunderbird.pass_on(PassOn::ForwardInline, SINK)?;
        assert_eq!(emails(&organization), [certain("attached")]);
        books_are_whole(&house);
        Ok(())
    });
}

/// The mail in Jane's inbox.
fn received() -> Vec<u8> {
    mail("passed-on", "A line.\r\n.\r\nThe end.")
}

/// Jane passes it on in these ways, and each is kept when her client says that it was sent.
///
/// On a busy machine her client was seen to hang in its own window. Then she starts it again and does the same once more:
/// whatever was sent twice is here once.
fn pass_on(house: &House, ways: &[PassOn]) -> anyhow::Result<Thunderbird> {
    let mut tried = 0;
    loop {
        tried += 1;
        let mut thunderbird = Thunderbird::start(JANE, house.smtp()?, &received())?;
        match ways.iter().try_for_each(|how| thunderbird.pass_on(*how, SINK)) {
            Ok(()) => {
                books_are_whole(house);
                return Ok(thunderbird);
            }
            Err(_) if tried < 3 => {}
            Err(error) => return Err(error),
        }
    }
}

/// What is told of an e-mail on the customer's timeline.
#[derive(Debug, PartialEq, Eq)]
struct Email {
    subject: String,
    messageid: Option<String>,
    method: String,
    is_guess: bool,
}

/// The mail of the inbox, come in this way and known for certain.
fn certain(method: &str) -> Email {
    Email {
        subject: "About passed-on".to_owned(),
        messageid: Some("passed-on@customer.test".to_owned()),
        method: method.to_owned(),
        is_guess: false,
    }
}

/// All e-mails on the timeline of the customer, with nothing anywhere else.
fn emails(organization: &Arc<Organization>) -> Vec<Email> {
    let emails = organization.read(|read| {
        let records = read.records_by_address(ZOE)?;
        let mut emails = Vec::new();
        for line in
            records.first().map(|record| read.timeline(record.id, 100)).transpose()?.unwrap_or_default()
        {
            emails.extend(read.email(line.id)?);
        }
        Ok::<_, store::StoreError>(emails)
    });
    let emails: Vec<Email> = emails
        .unwrap()
        .into_iter()
        .map(|email| Email {
            subject: email.subject,
            messageid: email.messageid,
            method: email.unwrapmethod,
            is_guess: email.marks & mark::GUESSED != 0,
        })
        .collect();
    assert_eq!(email_count(organization), i64::try_from(emails.len()).unwrap());
    emails
}

/// Subjects on the timeline of the customer, in the order of the alphabet.
fn subjects(organization: &Arc<Organization>) -> Vec<String> {
    let mut subjects: Vec<String> =
        timeline(organization, ZOE).into_iter().map(|(_, subject)| subject).collect();
    subjects.sort();
    subjects
}

/// Subjects of all e-mails and how each came out of its copy, in the order of the alphabet.
fn methods(organization: &Arc<Organization>) -> Vec<(String, String)> {
    let emails = organization.read(|read| {
        let lines = read.latest_emails(None, 100)?;
        let emails = lines.iter().map(|line| read.email(line.id));
        emails.collect::<Result<Vec<_>, _>>()
    });
    let emails = emails.unwrap().into_iter().flatten();
    let mut methods: Vec<(String, String)> =
        emails.map(|email| (email.subject, email.unwrapmethod)).collect();
    methods.sort();
    methods
}
