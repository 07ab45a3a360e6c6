//! Clients that people use hand mail to the house, in every way they know to pass one on.

use std::sync::Arc;

use postroom::commands::{Reply, Request};
use store::Organization;
use testkit::House;
use testkit::missing::or_skip;
use testkit::peers::{Mutt, PassOn, Thunderbird};
use testkit::wait;

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
fn thunderbird_forwards_and_redirects() {
    or_skip(|| {
        let (house, _) = house();
        let organization = house.organization("example")?;
        let mail = mail("passed on", "A line.\r\n.\r\nThe end.");
        let mut thunderbird = Thunderbird::start(JANE, house.smtp()?, &mail)?;
        thunderbird.pass_on(PassOn::ForwardAsAttachment, SINK)?;
        wait::until("the forward arriving", || (email_count(&organization) > 0).then_some(()))?;
        assert_eq!(subjects(&organization), ["About passed on"]);
        let source = String::from_utf8_lossy(&newest_source(&organization)).into_owned();
        assert!(source.contains("Message-ID: <passed on@customer.test>"), "{source}");
        thunderbird.pass_on(PassOn::ForwardInline, SINK)?;
        thunderbird.pass_on(PassOn::Redirect, SINK)?;
        assert_eq!(copies_seen(&house), 3);
        books_are_whole(&house);
        Ok(())
    });
}

/// How many copies came, whatever became of them.
fn copies_seen(house: &House) -> i64 {
    let Reply::Verified(books) = house.command(Request::Verify(None)).unwrap() else { panic!("no books") };
    books.iter().map(|book| book.seen).sum()
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
