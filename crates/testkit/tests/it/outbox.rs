//! Mail that is sent here: it goes out by a real Postfix to a mailbox of a real Dovecot, and its answer stands beside it.

use std::fs;

use anyhow::{Context, Result, ensure};
use model::Id;
use model::schema::emails::STATUS_SENT;
use postroom::commands::{AddRelay, OutboxRequest, OutboxRow, Reply, Request, SendMail};
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{Dovecot, DovecotSettings, Maildir, NextHop, Postfix};
use testkit::{House, wait};

use super::house::{SINK, ZOE, books_are_whole, house, timeline};

fn at(port: u16) -> AddRelay {
    AddRelay {
        organization: "example".to_owned(),
        name: format!("relay {port}"),
        host: "127.0.0.1".to_owned(),
        port,
        tls: 0,
        authority: None,
        login: None,
        return_domain: None,
    }
}

fn relay(house: &House, port: u16) -> Result<()> {
    house.command(Request::Outbox(OutboxRequest::AddRelay(at(port))))?;
    Ok(())
}

fn offer() -> SendMail {
    SendMail {
        organization: "example".to_owned(),
        from: "jane@example.test".to_owned(),
        to: vec![format!("Zoë Müller <{ZOE}>")],
        bcc: vec!["bob@customer.test".to_owned()],
        subject: "Grüße: our offer".to_owned(),
        text: "Fifty pallets?\n.\nJane\n".to_owned(),
        ..SendMail::default()
    }
}

fn send(house: &House, mail: SendMail) -> Result<Id> {
    let Reply::SentMail(id) = house.command(Request::Outbox(OutboxRequest::Send(mail)))? else {
        anyhow::bail!("no id")
    };
    id.parse().context("an id")
}

fn rows(house: &House) -> Vec<OutboxRow> {
    match house.command(Request::Outbox(OutboxRequest::List(None))) {
        Ok(Reply::Outbox(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

fn becomes(house: &House, state: &str) -> Result<OutboxRow> {
    wait::until(state, || rows(house).into_iter().next().filter(|row| row.state == state))
}

/// The one mail that came to a mailbox, as its server keeps it.
fn arrived(mailbox: &Maildir) -> Result<String> {
    wait::until("the mail to arrive", || {
        let name = mailbox.inbox().ok()?.into_iter().next()?;
        let file = ["new", "cur"].map(|folder| mailbox.path().join(folder).join(&name));
        file.iter().find_map(|file| fs::read_to_string(file).ok())
    })
}

#[test]
fn a_mail_goes_out_by_postfix_and_its_answer_stands_on_the_same_record() {
    or_skip(|| {
        let customers = Dovecot::start(DovecotSettings::default())?;
        let postfix = Postfix::start(NextHop::Lmtp(customers.lmtp()))?;
        let (house, _) = house();
        relay(&house, postfix.smtp().port())?;
        let id = send(&house, offer())?;
        let organization = house.organization("example")?;
        assert_eq!(timeline(&organization, ZOE).len(), 1, "it stands there at once");
        let row = becomes(&house, "Sent")?;
        assert_eq!((row.sent, row.failed, row.recipients, row.attempts), (2, 0, 2, 1));

        let [zoe, bob] = [ZOE, "bob@customer.test"].map(|address| arrived(&customers.mailbox(address)));
        let (zoe, bob) = (zoe?, bob?);
        ensure!(zoe.contains("\n.\r\nJane") || zoe.contains("\n.\nJane"), "{zoe}");
        ensure!(!zoe.contains("bob@customer.test") && bob.contains("Fifty pallets?"), "blind: {zoe}");
        let header = message::read_header(zoe.as_bytes())?;
        assert_eq!(header.subject, "Grüße: our offer");
        let email = organization.read(|read| read.email(id))?.context("the e-mail")?;
        assert_eq!(
            (email.statuscode, email.messageid.as_deref()),
            (STATUS_SENT, header.message_id.as_ref().map(|id| id.as_str()))
        );

        let answer = format!(
            "From: Zoe <{ZOE}>\r\nTo: jane@example.test\r\nSubject: Re: our offer\r\nMessage-ID: <yes@customer.test>\r\n\
             In-Reply-To: <{}>\r\nDate: Fri, 27 Nov 2026 09:15:00 +0100\r\n\r\nYes, fifty.\r\n",
            header.message_id.context("a Message-ID")?
        );
        let mut client = Client::connect(house.smtp()?, Protocol::Smtp)?;
        let replies = client.send(&Envelope::new(ZOE, SINK), answer.as_bytes())?;
        assert_eq!(replies.codes(), [250]);
        assert_eq!(timeline(&organization, ZOE).len(), 2);
        let conversation = organization.read(|read| read.conversation(email.conversationtrackingid, 10))?;
        assert_eq!(conversation.len(), 2);
        books_are_whole(&house);
        Ok(())
    });
}

#[test]
fn a_relay_that_is_away_keeps_the_mail_waiting_and_says_why() {
    or_skip(|| {
        let customers = Dovecot::start(DovecotSettings::default())?;
        let (house, _) = house();
        let nobody = wait::free_port()?;
        relay(&house, nobody.port())?;
        send(&house, offer())?;
        let row = wait::until("trouble", || rows(&house).into_iter().find(|row| row.error.is_some()))?;
        assert_eq!((row.state.as_str(), row.attempts), ("Pending Send", 1));
        ensure!(row.next_try.is_some(), "{row:?}");
        // Somebody mends it: the relay is elsewhere.
        let postfix = Postfix::start(NextHop::Lmtp(customers.lmtp()))?;
        let elsewhere = AddRelay { name: format!("relay {}", nobody.port()), ..at(postfix.smtp().port()) };
        house.command(Request::Outbox(OutboxRequest::SetRelay(elsewhere)))?;
        let retry = OutboxRequest::Retry { organization: "example".to_owned(), email: row.email };
        house.command(Request::Outbox(retry))?;
        becomes(&house, "Sent")?;
        ensure!(arrived(&customers.mailbox(ZOE))?.contains("Fifty pallets?"), "{}", postfix.log());
        Ok(())
    });
}

#[test]
fn who_is_refused_for_good_is_told_apart() {
    or_skip(|| {
        let customers = Dovecot::start(DovecotSettings::default())?;
        let postfix = Postfix::start_refusing(
            NextHop::Lmtp(customers.lmtp()),
            "bob@customer.test",
            "never@customer.test",
        )?;
        let (house, _) = house();
        relay(&house, postfix.smtp().port())?;
        send(&house, offer())?;
        let row = becomes(&house, "Sent")?;
        assert_eq!((row.sent, row.failed), (1, 1));
        ensure!(row.error.as_deref().is_some_and(|words| words.contains("554")), "{row:?}");
        assert_eq!(customers.mailbox("bob@customer.test").inbox()?.len(), 0);
        Ok(())
    });
}
