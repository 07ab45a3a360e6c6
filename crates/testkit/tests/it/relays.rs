//! Relays that go, put off, lie, or are many-mouthed: what becomes of a mail through the whole house, recipient by recipient.

use anyhow::{Context, Result, ensure};
use model::Id;
use postroom::commands::{
    AddRelay, LimitOf, LimitRequest, OutboxRequest, OutboxRow, Reply, Request, SendMail,
};
use testkit::peers::{CountingRelay, Manners};
use testkit::{House, wait};

use super::house::house;

fn with_relay(tls: i32) -> Result<(House, CountingRelay)> {
    let (house, _) = house();
    let relay = CountingRelay::start()?;
    house.command(Request::Outbox(OutboxRequest::AddRelay(AddRelay {
        organization: "example".to_owned(),
        name: "main".to_owned(),
        kind: postroom::commands::SMTP,
        host: "127.0.0.1".to_owned(),
        port: relay.smtp().port(),
        tls,
        authority: None,
        login: None,
        return_domain: None,
    })))?;
    Ok((house, relay))
}

fn send(house: &House, recipients: usize) -> Result<Id> {
    let mail = SendMail {
        organization: "example".to_owned(),
        from: "jane@example.test".to_owned(),
        to: (0..recipients).map(recipient).collect(),
        subject: "Our offer".to_owned(),
        text: "Fifty pallets of grüne?\n".to_owned(),
        ..SendMail::default()
    };
    let Reply::SentMail(id) = house.command(Request::Outbox(OutboxRequest::Send(Box::new(mail))))? else {
        anyhow::bail!("no id")
    };
    id.parse().context("an id")
}

fn recipient(number: usize) -> String {
    format!("a{number}@customer.test")
}

fn row(house: &House) -> Option<OutboxRow> {
    match house.command(Request::Outbox(OutboxRequest::List(None))) {
        Ok(Reply::Outbox(rows)) => rows.into_iter().next(),
        other => panic!("{other:?}"),
    }
}

fn becomes(house: &House, state: &str) -> Result<OutboxRow> {
    wait::until(state, || row(house).filter(|row| row.state == state))
}

fn retry(house: &House, email: Id) -> Result<()> {
    let (organization, email) = ("example".to_owned(), email.to_string());
    // While it is on its way it is refused.
    wait::until("a mail that can be tried", || {
        let (organization, email) = (organization.clone(), email.clone());
        house.command(Request::Outbox(OutboxRequest::Retry { organization, email })).ok()
    })?;
    Ok(())
}

#[test]
fn a_relay_that_goes_after_the_end_gets_the_same_mail_again() -> Result<()> {
    let (house, relay) = with_relay(0)?;
    relay.behave(Manners::GoesAfterTheEnd);
    let id = send(&house, 2)?;
    let waits = wait::until("trouble", || row(&house).filter(|row| row.error.is_some()))?;
    assert_eq!((waits.state.as_str(), waits.sent, waits.attempts), ("Pending Send", 0, 1));
    let (organization, email) = ("example".to_owned(), id.to_string());
    let canceled = house.command(Request::Outbox(OutboxRequest::Cancel { organization, email }));
    let words = canceled.err().context("it may be there")?.to_string();
    ensure!(words.contains("may have gone out already"), "{words}");
    relay.behave(Manners::Good);
    retry(&house, id)?;
    assert_eq!(becomes(&house, "Sent")?.sent, 2);
    let ids = relay.message_ids();
    ensure!(ids.len() == 2 && ids[0] == ids[1] && !ids[0].is_empty(), "{ids:?}");
    Ok(())
}

#[test]
fn who_is_put_off_gets_it_later_and_nobody_gets_it_twice() -> Result<()> {
    let (house, relay) = with_relay(0)?;
    relay.behave(Manners::PutsOff(recipient(7)));
    let id = send(&house, 10)?;
    let waits = wait::until("one who waits", || row(&house).filter(|row| row.sent == 9))?;
    assert_eq!((waits.state.as_str(), waits.failed), ("Pending Send", 0));
    ensure!(waits.error.as_deref().is_some_and(|words| words.contains("451")), "{waits:?}");
    relay.behave(Manners::Good);
    retry(&house, id)?;
    assert_eq!(becomes(&house, "Sent")?.sent, 10);
    let taken = relay.taken();
    ensure!(taken.len() == 10 && taken.values().all(|times| *times == 1), "{taken:?}");
    Ok(())
}

#[test]
fn a_relay_that_lies_of_what_it_can_do_gets_it_as_it_can_take_it() -> Result<()> {
    let (house, relay) = with_relay(0)?;
    relay.behave(Manners::Lies);
    send(&house, 3)?;
    assert_eq!(becomes(&house, "Sent")?.sent, 3);
    assert_eq!(relay.taken().len(), 3);
    Ok(())
}

#[test]
fn a_thousand_recipients_have_it_once_each() -> Result<()> {
    let (house, relay) = with_relay(0)?;
    send(&house, 1_000)?;
    assert_eq!(becomes(&house, "Sent")?.sent, 1_000);
    let taken = relay.taken();
    ensure!(taken.len() == 1_000 && taken.values().all(|times| *times == 1));
    Ok(())
}

#[test]
fn a_relay_without_tls_hears_nothing_where_it_was_asked_for() -> Result<()> {
    let (house, relay) = with_relay(1)?;
    send(&house, 1)?;
    let waits = wait::until("trouble", || row(&house).filter(|row| row.error.is_some()))?;
    assert_eq!((waits.state.as_str(), relay.taken().len()), ("Pending Send", 0));
    Ok(())
}

#[test]
fn what_is_paused_waits_and_what_is_limited_goes_in_its_time() -> Result<()> {
    let (house, relay) = with_relay(0)?;
    let limit = |of: LimitOf, per_minute: Option<i32>, is_paused: Option<bool>| {
        let organization = "example".to_owned();
        let connections = per_minute.map(|_| 1);
        let limit = LimitRequest { organization, of, per_minute, connections, is_paused };
        house.command(Request::Outbox(OutboxRequest::Limit(limit))).map(drop)
    };
    let main = || LimitOf::Relay("main".to_owned());
    limit(main(), None, Some(true))?;
    limit(LimitOf::Domain("Customer.Test".to_owned()), Some(600), None)?;
    let nobody = limit(LimitOf::Relay("other".to_owned()), Some(1), None);
    ensure!(nobody.is_err(), "there is no such relay");
    send(&house, 2)?;
    let Reply::OutboxLimits(rows) = house.command(Request::Outbox(OutboxRequest::Limits(None)))? else {
        anyhow::bail!("no limits")
    };
    let said: Vec<_> = rows.iter().map(|row| (row.of.as_str(), row.per_minute, row.is_paused)).collect();
    assert_eq!(said, [("@customer.test", Some(600), false), ("relay main", None, true)]);
    assert_eq!((relay.taken().len(), becomes(&house, "Pending Send")?.attempts), (0, 0));
    limit(main(), Some(6_000), Some(false))?;
    assert_eq!(becomes(&house, "Sent")?.sent, 2);
    Ok(())
}

#[test]
fn what_waits_for_a_way_that_is_not_there_says_so_and_goes_by_another() -> Result<()> {
    let (house, _) = house();
    let relay = CountingRelay::start()?;
    let add = |name: &str, kind: i32, (host, port): (&str, u16)| {
        house.command(Request::Outbox(OutboxRequest::AddRelay(AddRelay {
            organization: "example".to_owned(),
            name: name.to_owned(),
            kind,
            host: host.to_owned(),
            port,
            tls: 0,
            authority: None,
            login: None,
            return_domain: None,
        })))
    };
    add("gone", postroom::commands::PROGRAM, ("/nowhere/sendmail", 0))?;
    add("main", postroom::commands::SMTP, ("127.0.0.1", relay.smtp().port()))?;
    send(&house, 2)?;
    let waits = wait::until("trouble", || row(&house).filter(|row| row.error.is_some()))?;
    ensure!(waits.relay == "gone", "{waits:?}");
    ensure!(waits.error.as_deref().is_some_and(|words| words.contains("/nowhere/sendmail")), "{waits:?}");
    let Reply::Relays(relays) = house.command(Request::Outbox(OutboxRequest::Relays(None)))? else {
        anyhow::bail!("no relays")
    };
    let missing: Vec<bool> = relays.iter().map(|relay| relay.missing.is_some()).collect();
    assert_eq!(missing, [true, false]);
    let moved = |from: &str, to: &str| {
        let (organization, from, to) = ("example".to_owned(), from.to_owned(), to.to_owned());
        house.command(Request::Outbox(OutboxRequest::Move { organization, from, to }))
    };
    ensure!(moved("gone", "nobody").is_err(), "there is no such way");
    wait::until("a mail that nobody has", || match moved("gone", "main") {
        Ok(Reply::Moved(1)) => Some(()),
        _ => None,
    })?;
    let sent = becomes(&house, "Sent")?;
    assert_eq!((sent.relay.as_str(), sent.sent, relay.taken().len()), ("main", 2, 2));
    Ok(())
}
