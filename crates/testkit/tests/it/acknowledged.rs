//! Queues that acknowledge: one answer to a customer at a real mailbox, and two houses whose queues face each other.

use anyhow::{Result, ensure};
use postroom::commands::{
    Acknowledge, AddQueue, AddRelay, OutboxRequest, Request, SetAcknowledging, SetTemplate, TemplateName,
    TemplateRequest,
};
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{Dovecot, DovecotSettings, NextHop, Postfix};
use testkit::{House, wait};

use super::house::{ZOE, books_are_whole, email_count, house, newest_source};

/// A queue that keeps all mail and acknowledges it, by a relay at this port.
fn acknowledging(house: &House, queue: &str, relay: u16) -> Result<()> {
    let organization = || "example".to_owned();
    house.command(Request::AddQueue(AddQueue {
        organization: organization(),
        name: "Support".to_owned(),
        address: queue.to_owned(),
        filter: Some("all".to_owned()),
    }))?;
    house.command(Request::Outbox(OutboxRequest::AddRelay(AddRelay {
        organization: organization(),
        name: "main".to_owned(),
        kind: postroom::commands::SMTP,
        host: "127.0.0.1".to_owned(),
        port: relay,
        tls: 0,
        authority: None,
        login: None,
        return_domain: None,
    })))?;
    let title = || "We have it".to_owned();
    house.command(Request::Template(TemplateRequest::Add(SetTemplate {
        name: TemplateName { organization: organization(), title: title(), language: None, owner: None },
        kind: None,
        subject: Some("Auto: {{ email.subject }}".to_owned()),
        html: Some("<p>Dear {!contact:fullname;Customer}, we have your mail.</p>".to_owned()),
        text: None,
        seen: None,
    })))?;
    house.command(Request::SetAcknowledging(SetAcknowledging {
        organization: organization(),
        queue: queue.to_owned(),
        wanted: Some(Acknowledge { template: title(), period_days: 7, hourly_max: 20 }),
    }))?;
    Ok(())
}

fn bring(house: &House, (from, to): (&str, &str), id: &str) -> Result<()> {
    let mail = format!(
        "From: {from}\r\nTo: {to}\r\nSubject: It broke\r\nMessage-ID: <{id}@customer.test>\r\n\
         Date: Fri, 27 Nov 2026 09:15:00 +0100\r\n\r\nHelp!\r\n"
    );
    let mut client = Client::connect(house.smtp()?, Protocol::Smtp)?;
    let replies = client.send(&Envelope::new(from, to), mail.as_bytes())?;
    ensure!(replies.codes() == [250], "{replies:?}");
    Ok(())
}

#[test]
fn a_customer_gets_one_answer_by_postfix() {
    or_skip(|| {
        let customers = Dovecot::start(DovecotSettings::default())?;
        let postfix = Postfix::start(NextHop::Lmtp(customers.lmtp()))?;
        let (house, _) = house();
        acknowledging(&house, "support@example.test", postfix.smtp().port())?;
        // The same mail twice, and another one of hers.
        for id in ["q1", "q1", "q2"] {
            bring(&house, (ZOE, "support@example.test"), id)?;
        }
        let mailbox = customers.mailbox(ZOE);
        let text = wait::until("the answer", || {
            let name = mailbox.inbox().ok()?.into_iter().next()?;
            let file = ["new", "cur"].map(|folder| mailbox.path().join(folder).join(&name));
            file.iter().find_map(|file| std::fs::read_to_string(file).ok())
        })?;
        ensure!(text.contains("Return-Path: <>") || text.contains("Return-Path: <MAILER-DAEMON>"), "{text}");
        ensure!(text.contains("Auto-Submitted: auto-replied"), "{text}");
        let header = message::read_header(text.as_bytes())?;
        assert_eq!(header.subject, "Auto: It broke");
        assert_eq!(header.in_reply_to.first().map(|id| id.as_str()), Some("q1@customer.test"));
        // A mail that is brought afterwards has gone its whole way without another answer.
        bring(&house, ("bob@customer.test", "support@example.test"), "q3")?;
        wait::until("Bob's answer", || {
            customers.mailbox("bob@customer.test").inbox().ok()?.into_iter().next()
        })?;
        assert_eq!(mailbox.inbox()?.len(), 1);
        let organization = house.organization("example")?;
        assert_eq!(email_count(&organization), 5, "three mails and two answers");
        books_are_whole(&house);
        Ok(())
    });
}

#[test]
fn two_queues_that_face_each_other_say_one_thing() {
    or_skip(|| {
        let ((one, _), (two, _)) = (house(), house());
        acknowledging(&one, "support@one.test", two.smtp()?.port())?;
        acknowledging(&two, "help@two.test", one.smtp()?.port())?;
        bring(&one, ("help@two.test", "support@one.test"), "begin")?;
        let (first, second) = (one.organization("example")?, two.organization("example")?);
        wait::until("the answer at the other house", || (email_count(&second) == 1).then_some(()))?;
        let source = newest_source(&second);
        ensure!(message::read_header(&source)?.marks.automatic, "{}", String::from_utf8_lossy(&source));
        assert_eq!((email_count(&first), email_count(&second)), (2, 1));
        ensure!(second.read(|read| read.outbox(10))?.is_empty(), "nothing goes back");
        Ok(())
    });
}
