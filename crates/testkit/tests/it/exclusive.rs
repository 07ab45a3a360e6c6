//! Sink mailboxes at poor servers: one that removes all marked messages or none, and one that stalls.

use anyhow::{Context, Result, ensure};
use postroom::commands::{AddMailbox, MailServer, Reply, Request, SetMailboxPromises};
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{Doors, Dovecot, DovecotSettings, Script};
use testkit::{House, wait};

use super::house::{SINK, books_are_whole, email_count, house, mail};

fn deliver(dovecot: &Dovecot, id: &str) -> Result<()> {
    let mut client = Client::connect(dovecot.lmtp(), Protocol::Lmtp)?;
    let replies = client.send(&Envelope::new("zoe@customer.test", SINK), &mail(id, "At three?"))?;
    ensure!(replies.codes() == [250], "{replies:?}");
    client.quit()
}

fn watched(name: &str, server: MailServer) -> Request {
    Request::AddMailbox(AddMailbox {
        organization: "example".to_owned(),
        name: name.to_owned(),
        server,
        user: SINK.to_owned(),
        password: "geheim".to_owned(),
        sink: SINK.to_owned(),
        is_refusing: true,
    })
}

fn state(house: &House) -> Option<String> {
    let Ok(Reply::Mailboxes(rows)) = house.command(Request::Mailboxes(None)) else { return None };
    rows.into_iter().next().map(|row| row.state)
}

#[test]
fn messages_are_marked_and_go_once_the_mailbox_is_ours_alone() {
    or_skip(|| {
        let dovecot = Dovecot::start(DovecotSettings {
            doors: Doors::Both,
            password: Some("geheim"),
            capabilities: Some("IMAP4rev1 SASL-IR LITERAL+ IDLE NAMESPACE"),
            ..DovecotSettings::default()
        })?;
        let mailbox = dovecot.mailbox(SINK);
        deliver(&dovecot, "one")?;
        mailbox.put(None, ("foreign", "ST"), &mail("foreign", "Somebody else has marked it."))?;
        let (house, _) = house();
        let authority = Some(String::from_utf8(dovecot.certificate().to_vec())?);
        let port = dovecot.imap()?.port();
        house.command(watched("crm", MailServer::imap("localhost", port, (1, authority))))?;
        wait::until("a remark", || state(&house).filter(|state| state.contains("no UIDPLUS")))?;
        let organization = house.organization("example")?;
        assert_eq!(email_count(&organization), 1);
        let is_marked = |name: &String| name.rsplit(':').next().is_some_and(|flags| flags.contains('T'));
        let names = mailbox.inbox()?;
        assert_eq!((names.len(), names.iter().filter(|name| is_marked(name)).count()), (2, 2), "{names:?}");
        house.command(Request::SetMailboxPromises(SetMailboxPromises {
            organization: "example".to_owned(),
            mailbox: "crm".to_owned(),
            is_exclusive: Some(true),
            is_refusing: None,
            keeps_sent: None,
        }))?;
        deliver(&dovecot, "two")?;
        wait::until("an empty INBOX", || mailbox.inbox().is_ok_and(|names| names.is_empty()).then_some(()))?;
        // What somebody else had marked was read before it went.
        assert_eq!(email_count(&organization), 3);
        books_are_whole(&house);
        let told = state(&house).context("no mailbox")?;
        ensure!(!told.contains("UIDPLUS"), "{told}");
        Ok(())
    });
}

/// Signs in, shows one large message, and never gives its header.
const STALLS: &str = r"
    S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi
    C: AUTHENTICATE PLAIN
    S: $tag OK [CAPABILITY IMAP4rev1] in
    C: SELECT
    S: * 1 EXISTS
    S: * OK [UIDVALIDITY 9] x
    S: $tag OK [READ-WRITE] done
    C: FETCH 1
    S: * 1 FETCH (UID 5 FLAGS () RFC822.SIZE 4000000)
    S: $tag OK done
    C: HEADER
    hang
";

#[test]
fn a_server_that_signs_in_and_stalls_holds_up_nobody_elses_mailbox() {
    or_skip(|| {
        const MAILBOXES: usize = 40;
        let script = Script::start(STALLS)?;
        let dovecot = Dovecot::start(DovecotSettings {
            doors: Doors::Both,
            password: Some("geheim"),
            ..DovecotSettings::default()
        })?;
        let (house, _) = house();
        for number in 0..MAILBOXES {
            let server = MailServer::imap("127.0.0.1", script.address().port(), (0, None));
            house.command(watched(&format!("stalls {number}"), server))?;
        }
        let has_stalled = |line: &String| line.contains("HEADER");
        wait::until("many that stall", || {
            let heard = script.heard();
            let asked = heard.iter().filter(|line| line.contains("FETCH 1")).count();
            (asked >= MAILBOXES && heard.iter().any(has_stalled)).then_some(())
        })?;
        // Of one host only so many hold room for a message as may.
        let waiting = script.heard().iter().filter(|line| has_stalled(line)).count();
        assert!(waiting < 5, "{waiting}");
        deliver(&dovecot, "well")?;
        let authority = Some(String::from_utf8(dovecot.certificate().to_vec())?);
        let server = MailServer::imap("localhost", dovecot.imap()?.port(), (1, authority));
        house.command(watched("crm", server))?;
        let organization = house.organization("example")?;
        wait::until("a mail that is taken in", || (email_count(&organization) == 1).then_some(()))?;
        wait::until("an empty INBOX", || {
            dovecot.mailbox(SINK).inbox().is_ok_and(|names| names.is_empty()).then_some(())
        })?;
        Ok(())
    });
}
