//! A sink mailbox at a server that can remove all marked messages or none.

use anyhow::{Context, Result, ensure};
use postroom::commands::{AddMailbox, ImapServer, Reply, Request};
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{Doors, Dovecot, DovecotSettings};
use testkit::{House, wait};

use super::house::{SINK, books_are_whole, email_count, house, mail};

fn deliver(dovecot: &Dovecot, id: &str) -> Result<()> {
    let mut client = Client::connect(dovecot.lmtp(), Protocol::Lmtp)?;
    let replies = client.send(&Envelope::new("zoe@customer.test", SINK), &mail(id, "At three?"))?;
    ensure!(replies.codes() == [250], "{replies:?}");
    client.quit()
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
        house.command(Request::AddMailbox(AddMailbox {
            organization: "example".to_owned(),
            name: "crm".to_owned(),
            server: ImapServer { host: "localhost".to_owned(), port, tls: 1, authority },
            user: SINK.to_owned(),
            password: "geheim".to_owned(),
            sink: SINK.to_owned(),
            is_refusing: true,
        }))?;
        wait::until("a remark", || state(&house).filter(|state| state.contains("no UIDPLUS")))?;
        let organization = house.organization("example")?;
        assert_eq!(email_count(&organization), 1);
        let is_marked = |name: &String| name.rsplit(':').next().is_some_and(|flags| flags.contains('T'));
        let names = mailbox.inbox()?;
        assert_eq!((names.len(), names.iter().filter(|name| is_marked(name)).count()), (2, 2), "{names:?}");
        house.command(Request::SetMailboxExclusive {
            organization: "example".to_owned(),
            mailbox: "crm".to_owned(),
            is_exclusive: true,
        })?;
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
