//! Sink mailboxes at other IMAP servers than Dovecot.

use anyhow::{Context, Result, ensure};
use postroom::commands::{AddMailbox, MailServer, Protocol as Spoken, Reply, Request};
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{Courier, Cyrus};
use testkit::{House, wait};

use super::house::{SINK, ZOE, books_are_whole, email_count, house, mail, timeline};
use super::mailboxes::forwarded;

const PASSWORD: &str = "geheim";

fn watched(user: &str, port: u16) -> Request {
    Request::AddMailbox(AddMailbox {
        organization: "example".to_owned(),
        name: "crm".to_owned(),
        server: MailServer::imap("localhost", port, (0, None)),
        user: user.to_owned(),
        password: PASSWORD.to_owned(),
        sink: SINK.to_owned(),
        is_refusing: true,
    })
}

fn state(house: &House) -> Result<String> {
    let Reply::Mailboxes(rows) = house.command(Request::Mailboxes(None))? else { anyhow::bail!("no list") };
    Ok(rows.first().context("no mailbox")?.state.clone())
}

/// A mail before it is watched and one after, and between them one that cannot be processed: two on the timeline, one
/// aside, in both systems.
fn story(
    watched: Request,
    deliver: &dyn Fn(&[u8]) -> Result<()>,
    (left, aside): (&dyn Fn() -> Result<usize>, &dyn Fn() -> Result<usize>),
    tells_news: bool,
) -> Result<()> {
    let trace = "Received: from a.test by b.test; Mon, 23 Nov 2026 09:15:00 +0100\r\n".repeat(150);
    deliver(&[trace.as_bytes(), &mail("looped", "At three?")].concat())?;
    deliver(&forwarded("before"))?;
    if !tells_news {
        deliver(&forwarded("after"))?;
    }
    let (house, _) = house();
    house.command(watched)?;
    let becomes_empty = || {
        wait::until("an empty INBOX", || (left().ok()? == 0).then_some(()))
            .with_context(|| format!("{:?}", state(&house)))
    };
    becomes_empty()?;
    if tells_news {
        deliver(&forwarded("after"))?;
    }
    let organization = house.organization("example")?;
    wait::until("the other mail", || (email_count(&organization) == 2).then_some(()))
        .with_context(|| format!("{:?}", state(&house)))?;
    becomes_empty()?;
    assert_eq!(timeline(&organization, ZOE).len(), 2);
    assert_eq!(aside()?, 1);
    assert_eq!(organization.read(|read| read.open_undeliverables(9))?.len(), 1);
    wait::until("rest", || state(&house).ok().filter(|state| state.starts_with("well, 3 ")))
        .with_context(|| format!("{:?}", state(&house)))?;
    books_are_whole(&house);
    Ok(())
}

#[test]
fn cyrus_is_emptied() {
    or_skip(|| {
        let cyrus = Cyrus::start_giving_out()?;
        let deliver = |raw: &[u8]| {
            let mut client = Client::connect(cyrus.lmtp(), Protocol::Lmtp)?;
            ensure!(client.send(&Envelope::new("jane@example.test", SINK), raw)?.codes() == [250]);
            client.quit()
        };
        let (left, aside) = (|| cyrus.count("sink", ""), || cyrus.count("sink", "Undeliverable"));
        story(watched("sink", cyrus.imap()?.port()), &deliver, (&left, &aside), true)
            .with_context(|| cyrus.log())
    });
}

#[test]
fn courier_is_emptied() {
    or_skip(|| {
        let courier = Courier::start((SINK, PASSWORD), None)?;
        let mailbox = courier.mailbox();
        let left = || Ok(mailbox.inbox()?.len());
        let aside = || Ok(mailbox.folder("Undeliverable")?.unwrap_or_default().len());
        let deliver = |raw: &[u8]| courier.deliver("jane@example.test", raw);
        story(watched(SINK, courier.imap().port()), &deliver, (&left, &aside), true)
            .with_context(|| courier.log())
    });
}

/// Without UIDPLUS nothing can be expunged without what others have marked: messages are marked as deleted and passed
/// over.
#[test]
fn a_server_that_can_nothing_is_emptied_but_for_marked_mail() {
    or_skip(|| {
        let courier = Courier::start((SINK, PASSWORD), Some("IMAP4rev1 NAMESPACE"))?;
        let mailbox = courier.mailbox();
        // Somebody else marked a mail and may want it back.
        courier.deliver(ZOE, &mail("another's", "At three?"))?;
        let name = mailbox.inbox()?.into_iter().next().context("nothing was delivered")?;
        std::fs::rename(
            mailbox.path().join("new").join(&name),
            mailbox.path().join(format!("cur/{name}:2,T")),
        )?;
        let is_marked = |name: &String| name.rsplit_once(":2,").is_some_and(|(_, flags)| flags.contains('T'));
        let left = || Ok(mailbox.inbox()?.iter().filter(|name| !is_marked(name)).count());
        let aside = || Ok(mailbox.folder("Undeliverable")?.unwrap_or_default().len());
        let deliver = |raw: &[u8]| courier.deliver("jane@example.test", raw);
        story(watched(SINK, courier.imap().port()), &deliver, (&left, &aside), false)
            .with_context(|| courier.log())?;
        assert_eq!(mailbox.inbox()?.len(), 4, "{:?}", mailbox.inbox()?);
        Ok(())
    });
}

/// Session by session: what cannot be processed is kept in the house alone, for there is no other folder.
fn story_by_pop3(
    (user, port): (&str, u16),
    deliver: &dyn Fn(&[u8]) -> Result<()>,
    left: &dyn Fn() -> Result<usize>,
) -> Result<()> {
    let trace = "Received: from a.test by b.test; Mon, 23 Nov 2026 09:15:00 +0100\r\n".repeat(150);
    deliver(&[trace.as_bytes(), &mail("looped", "At three?")].concat())?;
    deliver(&forwarded("before"))?;
    let (house, _) = house();
    let server = MailServer {
        protocol: Spoken::Pop3,
        polling_interval: Some(1),
        ..MailServer::imap("localhost", port, (0, None))
    };
    let Request::AddMailbox(mailbox) = watched(user, port) else { anyhow::bail!("no mailbox") };
    house.command(Request::AddMailbox(AddMailbox { server, ..mailbox }))?;
    let becomes_empty = || {
        wait::until("an empty mailbox", || (left().ok()? == 0).then_some(()))
            .with_context(|| format!("{:?}", state(&house)))
    };
    becomes_empty()?;
    deliver(&forwarded("after"))?;
    let organization = house.organization("example")?;
    wait::until("the other mail", || (email_count(&organization) == 2).then_some(()))
        .with_context(|| format!("{:?}", state(&house)))?;
    becomes_empty()?;
    assert_eq!(organization.read(|read| read.open_undeliverables(9))?.len(), 1);
    wait::until("rest", || state(&house).ok().filter(|state| state.starts_with("well, 3 ")))
        .with_context(|| format!("{:?}", state(&house)))?;
    books_are_whole(&house);
    Ok(())
}

#[test]
fn cyrus_is_emptied_by_pop3() {
    or_skip(|| {
        let cyrus = Cyrus::start_giving_out()?;
        let deliver = |raw: &[u8]| {
            let mut client = Client::connect(cyrus.lmtp(), Protocol::Lmtp)?;
            ensure!(client.send(&Envelope::new("jane@example.test", SINK), raw)?.codes() == [250]);
            client.quit()
        };
        let left = || cyrus.count("sink", "");
        story_by_pop3(("sink", cyrus.pop3()?.port()), &deliver, &left).with_context(|| cyrus.log())
    });
}

#[test]
fn courier_is_emptied_by_pop3() {
    or_skip(|| {
        let courier = Courier::start((SINK, PASSWORD), None)?;
        let mailbox = courier.mailbox();
        let left = || Ok(mailbox.inbox()?.len());
        let deliver = |raw: &[u8]| courier.deliver("jane@example.test", raw);
        story_by_pop3((SINK, courier.pop3().port()), &deliver, &left).with_context(|| courier.log())
    });
}
