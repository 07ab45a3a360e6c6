//! What was set aside out of a sink mailbox is replayed once its cause is gone, and stands on the record once.

use anyhow::{Context, Result, ensure};
use postroom::commands::{
    AddMailbox, MailServer, ReplayedRow, Reply, Request, SetMailboxPromises, UndeliverableRequest,
    UndeliverableRow,
};
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{Doors, Dovecot, DovecotSettings};
use testkit::{House, wait};

use super::house::{SINK, ZOE, books_are_whole, email_count, house, mail, timeline};

const PASSWORD: &str = "geheim";

/// What Jane forwards as an attachment.
fn forwarded() -> Vec<u8> {
    let inner = String::from_utf8_lossy(&mail("inner", "At three?")).into_owned();
    format!(
        "From: Jane Doe <jane@example.test>\r\nTo: {SINK}\r\nSubject: Fwd: About inner\r\n\
         Message-ID: <fwd@example.test>\r\nDate: Mon, 23 Nov 2026 09:20:00 +0100\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--\r\n"
    )
    .into_bytes()
}

/// A mailbox of which nobody has said that it refuses forged mail.
fn mailbox(dovecot: &Dovecot) -> Result<Request> {
    let authority = Some(String::from_utf8(dovecot.certificate().to_vec())?);
    Ok(Request::AddMailbox(AddMailbox {
        organization: "example".to_owned(),
        name: "crm".to_owned(),
        server: MailServer::imap("localhost", dovecot.imap()?.port(), (1, authority)),
        user: SINK.to_owned(),
        password: PASSWORD.to_owned(),
        sink: SINK.to_owned(),
        is_refusing: false,
    }))
}

fn waiting(house: &House) -> Result<Vec<UndeliverableRow>> {
    match house.command(Request::Undeliverables(None))? {
        Reply::Undeliverables(rows) => Ok(rows),
        other => anyhow::bail!("{other:?}"),
    }
}

fn replay(house: &House, id: &str) -> Result<ReplayedRow> {
    match house.command(Request::Undeliverable(UndeliverableRequest::Replay(id.to_owned())))? {
        Reply::Replayed(replayed) => Ok(*replayed),
        other => anyhow::bail!("{other:?}"),
    }
}

#[test]
fn what_was_not_believed_at_a_mailbox_is_replayed_once_its_promise_is_made() {
    or_skip(|| {
        let dovecot = Dovecot::start(DovecotSettings {
            doors: Doors::Both,
            password: Some(PASSWORD),
            ..DovecotSettings::default()
        })?;
        let mut client = Client::connect(dovecot.lmtp(), Protocol::Lmtp)?;
        let replies = client.send(&Envelope::new("jane@example.test", SINK), &forwarded())?;
        ensure!(replies.codes() == [250], "{replies:?}");
        client.quit()?;
        let (house, _) = house();
        house.command(mailbox(&dovecot)?)?;
        let row = wait::until("what is set aside", || waiting(&house).ok()?.into_iter().next())?;
        assert_eq!((row.source.as_str(), row.reason.as_str()), ("mailbox:crm", "unproven"), "{row:?}");
        wait::until("an empty INBOX", || {
            dovecot.mailbox(SINK).inbox().is_ok_and(|names| names.is_empty()).then_some(())
        })?;
        books_are_whole(&house);

        let again = replay(&house, &row.id)?;
        assert_eq!((again.tracked, again.row.attempts), (None, 1), "its cause is there still");
        books_are_whole(&house);
        let organization = house.organization("example")?;
        house.command(Request::SetMailboxPromises(SetMailboxPromises {
            organization: "example".to_owned(),
            mailbox: "crm".to_owned(),
            is_exclusive: None,
            is_refusing: Some(true),
            keeps_sent: None,
        }))?;
        let again = replay(&house, &row.id)?;
        let tracked = again.tracked.context("it waits on")?;
        assert_eq!(tracked.outcome, "stored");
        assert_eq!(replay(&house, &row.id)?.tracked, None, "twice replayed is once");
        assert_eq!((email_count(&organization), timeline(&organization, ZOE).len()), (1, 1));
        assert!(waiting(&house)?.is_empty());
        books_are_whole(&house);
        Ok(())
    });
}
