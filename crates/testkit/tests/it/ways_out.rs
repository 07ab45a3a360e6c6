//! Mail that goes out otherwise than by SMTP: by the sendmail of a real Postfix, by the LMTP of a real Dovecot, into a pickup
//! folder.

mod killed;
mod picked_up;

use std::fs;

use anyhow::{Context, Result, ensure};
use postroom::commands::{
    AddQueue, AddRelay, LMTP, OutboxRequest, OutboxRow, PICKUP, PROGRAM, Request, SMTP, SendMail, SetWay,
    Whose,
};
use testkit::missing::or_skip;
use testkit::peers::{Doors, Dovecot, DovecotSettings, NextHop, Postfix};
use testkit::{House, wait};

use super::house::{ZOE, books_are_whole, house, timeline};
use super::outbox::{arrived, becomes, offer, rows, send};

pub(super) fn by(house: &House, kind: i32, place: (String, u16)) -> Result<()> {
    named(house, "main", (kind, place))
}

fn named(house: &House, name: &str, (kind, (host, port)): (i32, (String, u16))) -> Result<()> {
    let relay = AddRelay { name: name.to_owned(), host, port, ..way(kind) };
    house.command(Request::Outbox(OutboxRequest::AddRelay(relay)))?;
    Ok(())
}

/// A way out of this kind, which is nowhere yet.
fn way(kind: i32) -> AddRelay {
    AddRelay {
        organization: "example".to_owned(),
        name: "main".to_owned(),
        kind,
        host: String::new(),
        port: 0,
        tls: 0,
        authority: None,
        login: None,
        return_domain: None,
    }
}

/// Has a mail tried at once.
fn retry(house: &House, row: &OutboxRow) -> Result<()> {
    // Somebody may be at it at this moment.
    wait::until("the try", || {
        let (organization, email) = ("example".to_owned(), row.email.clone());
        house.command(Request::Outbox(OutboxRequest::Retry { organization, email })).ok()
    })
    .map(drop)
}

#[test]
fn a_mail_goes_out_by_the_sendmail_of_postfix() {
    or_skip(|| {
        let customers = Dovecot::start(DovecotSettings::default())?;
        let postfix = Postfix::start(NextHop::Lmtp(customers.lmtp()))?;
        let (house, _) = house();
        by(&house, PROGRAM, (postfix.sendmail()?.display().to_string(), 0))?;
        send(&house, offer())?;
        let row = becomes(&house, "Sent")?;
        assert_eq!((row.sent, row.failed, row.attempts), (2, 0, 1));
        let [zoe, bob] = [ZOE, "bob@customer.test"].map(|address| arrived(&customers.mailbox(address)));
        let (zoe, bob) = (zoe?, bob?);
        // A dot on a line of its own ends nothing.
        ensure!(zoe.contains("\n.\r\nJane") || zoe.contains("\n.\nJane"), "{zoe}");
        ensure!(zoe.contains("Return-Path: <jane@example.test>"), "{zoe}");
        ensure!(!zoe.contains("bob@customer.test") && bob.contains("Fifty pallets?"), "blind: {zoe}");
        assert_eq!(message::read_header(zoe.as_bytes())?.subject, "Grüße: our offer");
        books_are_whole(&house);
        Ok(())
    });
}

#[test]
fn by_lmtp_each_recipient_is_answered_for() {
    or_skip(|| {
        let customers =
            Dovecot::start(DovecotSettings { known: Some(&[ZOE]), ..DovecotSettings::default() })?;
        let (house, _) = house();
        by(&house, LMTP, (customers.lmtp().ip().to_string(), customers.lmtp().port()))?;
        send(&house, offer())?;
        let row = becomes(&house, "Sent")?;
        assert_eq!((row.sent, row.failed), (1, 1));
        ensure!(row.error.as_deref().is_some_and(|words| words.contains("550")), "{row:?}");
        ensure!(arrived(&customers.mailbox(ZOE))?.contains("Fifty pallets?"), "{}", customers.log());
        Ok(())
    });
}

#[test]
fn by_lmtp_a_mail_goes_by_a_socket_and_over_tls_to_whom_is_believed() {
    or_skip(|| {
        let customers = Dovecot::start(DovecotSettings { doors: Doors::Both, ..DovecotSettings::default() })?;
        let authority = String::from_utf8(customers.certificate().to_vec())?;
        let (socket, here) = (customers.lmtp_socket().display().to_string(), "127.0.0.1".to_owned());
        let (starttls, implicit) = (customers.lmtp().port(), customers.lmtps().port());
        let places = [(socket, 0, 0), (here.clone(), starttls, 1), (here, implicit, 2)];
        for (number, (host, port, tls)) in places.into_iter().enumerate() {
            let (house, _) = house();
            let is_secure = tls != 0;
            let relay = |authority: Option<String>| AddRelay {
                host: host.clone(),
                port,
                tls,
                authority,
                ..way(LMTP)
            };
            house.command(Request::Outbox(OutboxRequest::AddRelay(relay(None))))?;
            let subject = format!("By LMTP {number}");
            send(&house, SendMail { subject: subject.clone(), ..offer() })?;
            if is_secure {
                // The certificate is nobody's whom the machine knows.
                let row =
                    wait::until("trouble", || rows(&house).into_iter().find(|row| row.error.is_some()))?;
                ensure!(row.error.as_deref().is_some_and(|words| words.contains("certificate")), "{row:?}");
                ensure!(customers.mailbox(ZOE).inbox()?.len() == number, "nobody has it");
                house.command(Request::Outbox(OutboxRequest::SetRelay(relay(Some(authority.clone())))))?;
                retry(&house, &row)?;
            }
            assert_eq!(becomes(&house, "Sent")?.sent, 2);
            let inbox = customers.mailbox(ZOE).inbox()?;
            ensure!(inbox.len() == number + 1, "{inbox:?}");
            let folder = customers.mailbox(ZOE).path().join("new");
            let mails = inbox.iter().map(|name| fs::read_to_string(folder.join(name)));
            let mails: Vec<String> = mails.collect::<Result<_, _>>()?;
            let mail = mails.iter().find(|mail| mail.contains(&subject)).context("the mail")?;
            // Dovecot notes the ciphers of a line that has any.
            ensure!(mail.contains("with LMTPS") || !is_secure, "{mail}");
            ensure!(mail.contains("\n.\r\nJane") || mail.contains("\n.\nJane"), "{mail}");
        }
        Ok(())
    });
}

#[test]
fn a_mail_lies_in_the_pickup_folder_and_one_that_is_not_there_keeps_it_waiting() {
    let (house, _) = house();
    let folder = tempfile::tempdir().unwrap();
    let pickup = folder.path().join("pickup");
    by(&house, PICKUP, (pickup.display().to_string(), 0)).unwrap();
    let id = send(&house, offer()).unwrap();
    let troubled = || rows(&house).into_iter().find(|row| row.error.is_some());
    let waits = wait::until("trouble", troubled).unwrap();
    assert_eq!((waits.state.as_str(), waits.attempts), ("Pending Send", 1));
    assert_eq!(timeline(&house.organization("example").unwrap(), ZOE).len(), 1);
    fs::create_dir(&pickup).unwrap();
    retry(&house, &waits).unwrap();
    let row = becomes(&house, "Sent").unwrap();
    assert_eq!((row.sent, row.failed), (2, 0));
    let names: Vec<_> = fs::read_dir(&pickup).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [format!("{id}.eml").as_str()]);
    let lies = fs::read(pickup.join(format!("{id}.eml"))).unwrap();
    let text = String::from_utf8(lies).unwrap();
    let top =
        format!("X-Sender: jane@example.test\r\nX-Receiver: {ZOE}\r\nX-Receiver: bob@customer.test\r\n");
    assert!(text.starts_with(&top), "{text}");
    assert_eq!(message::read_header(text.as_bytes()).unwrap().subject, "Grüße: our offer");
}

#[test]
fn a_queue_s_mail_leaves_by_one_server_and_a_user_s_by_another() {
    or_skip(|| {
        let customers = Dovecot::start(DovecotSettings::default())?;
        let postfix = Postfix::start(NextHop::Lmtp(customers.lmtp()))?;
        let others = Dovecot::start(DovecotSettings::default())?;
        let (house, _) = house();
        let here = "127.0.0.1".to_owned();
        named(&house, "main", (SMTP, (here.clone(), postfix.smtp().port())))?;
        named(&house, "desk", (LMTP, (here, others.lmtp().port())))?;
        let (organization, queue) = ("example".to_owned(), "help@example.test".to_owned());
        house.command(Request::AddQueue(AddQueue {
            organization: organization.clone(),
            name: "Help".to_owned(),
            address: queue.clone(),
            filter: None,
        }))?;
        let (whose, way) = (Whose::Queue(queue.clone()), Some("desk".to_owned()));
        house.command(Request::Outbox(OutboxRequest::SetWay(SetWay { organization, whose, way })))?;

        send(&house, SendMail { from: queue, subject: "From the queue".to_owned(), ..offer() })?;
        send(&house, SendMail { subject: "From Jane".to_owned(), ..offer() })?;
        let all_sent = || {
            let rows = rows(&house);
            (rows.len() == 2 && rows.iter().all(|row| row.state == "Sent")).then_some(rows)
        };
        let sent = wait::until("both to be sent", all_sent)?;
        ensure!(sent.iter().all(|row| (row.sent, row.failed) == (2, 0)), "{sent:?}");
        for (server, subject) in [(&customers, "From Jane"), (&others, "From the queue")] {
            let mailbox = server.mailbox(ZOE);
            let header = message::read_header(arrived(&mailbox)?.as_bytes())?;
            assert_eq!((header.subject.as_str(), mailbox.inbox()?.len()), (subject, 1));
        }
        books_are_whole(&house);
        Ok(())
    });
}
