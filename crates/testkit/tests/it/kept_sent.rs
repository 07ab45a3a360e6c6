//! What goes out from here lies in the folder of sent mail of whoever wrote it, once, and is not recorded a second time.

use anyhow::{Context, Result, ensure};
use model::schema::house::{Job, KEEP_SENT};
use model::{Id, Timestamp};
use postroom::commands::{AddUserMailbox, MailServer, MailboxRow, Reply, Request, SetMailboxPromises};
use store::Priority;
use testkit::missing::or_skip;
use testkit::peers::Dovecot;
use testkit::{House, wait};

use super::house::{books_are_whole, email_count, house, mail};
use super::outbox::{becomes, offer, send};
use super::sync::{JANE, PASSWORD, deliver, dovecot};
use super::ways_out::by;

fn with_jane(dovecot: &Dovecot, sent: Option<&str>) -> Result<House> {
    let (house, _) = house();
    let authority = Some(String::from_utf8(dovecot.certificate().to_vec())?);
    house.command(Request::AddUserMailbox(AddUserMailbox {
        organization: "example".to_owned(),
        name: "jane".to_owned(),
        server: MailServer::imap("localhost", dovecot.imap()?.port(), (1, authority)),
        user: JANE.to_owned(),
        password: PASSWORD.to_owned(),
        of: JANE.to_owned(),
        sent: sent.map(str::to_owned),
        others: Vec::new(),
        after: None,
    }))?;
    by(&house, postroom::commands::LMTP, (dovecot.lmtp().ip().to_string(), dovecot.lmtp().port()))?;
    house.command(Request::SetMailboxPromises(SetMailboxPromises {
        organization: "example".to_owned(),
        mailbox: "jane".to_owned(),
        is_exclusive: None,
        is_refusing: None,
        keeps_sent: Some(true),
    }))?;
    Ok(house)
}

fn row(house: &House) -> Option<MailboxRow> {
    match house.command(Request::Mailboxes(None)) {
        Ok(Reply::Mailboxes(rows)) => rows.into_iter().next(),
        _ => None,
    }
}

fn ends(house: &House) -> Result<()> {
    let ended = || row(house).filter(|row| row.sent_waiting == Some((0, None))).map(drop);
    wait::until("nothing to be kept", ended)
}

#[test]
fn a_mail_is_kept_once_and_recorded_once() {
    or_skip(|| {
        let dovecot = dovecot()?;
        let mailbox = dovecot.mailbox(JANE);
        mailbox.put(Some("Sent"), ("old", "S"), &mail("old", "At three?"))?;
        let house = with_jane(&dovecot, None)?;
        let id = send(&house, offer())?;
        becomes(&house, "Sent")?;
        let folder = || mailbox.folder("Sent").ok().flatten().filter(|names| names.len() == 2);
        let names = wait::until("the sent mail", folder)?;
        let name = names.iter().find(|name| !name.starts_with("old")).context("its file")?;
        ensure!(name.ends_with(":2,S"), "it was read: {name}");
        ends(&house)?;
        let organization = house.organization("example")?;
        let email = organization.read(|read| read.email(id))?.context("the e-mail")?;
        let file = ["new", "cur"].map(|part| mailbox.path().join(".Sent").join(part).join(name));
        let kept = file.iter().find_map(|file| std::fs::read_to_string(file).ok()).context("its bytes")?;
        ensure!(kept.contains(email.messageid.as_deref().context("a Message-ID")?), "{kept}");
        ensure!(kept.contains("Fifty pallets?") && !kept.contains("bob@customer.test"), "{kept}");

        // An answer that was lost: it is done once more, and it lies there already.
        let watched = organization.read(|read| read.mailbox_by_name("jane"))?.context("the mailbox")?;
        let again = Job {
            jobid: Id([7; 16]),
            kind: KEEP_SENT.to_owned(),
            jobkey: format!("{} {id}", watched.mailboxid),
            dueon: Timestamp(0),
            leaseuntil: None,
            attempts: 1,
            lasterror: None,
            owner: None,
        };
        organization.unit(Priority::Background, move |tx| tx.enqueue(&again)).wait()?;
        ends(&house)?;
        ensure!(mailbox.folder("Sent")?.is_some_and(|names| names.len() == 2), "{}", dovecot.log());

        // News of the inbox bring a look at the other folders: what was kept is seen there, and is the mail that stands here.
        deliver(&dovecot, &mail("newest", "At seven?"))?;
        let all_seen = || row(&house).filter(|row| row.state.starts_with("well, 3 taken in"));
        wait::until("three messages that were looked at", all_seen)?;
        assert_eq!(email_count(&organization), 3, "the offer, the old mail and the newest");
        books_are_whole(&house);
        Ok(())
    });
}

#[test]
fn where_it_cannot_be_kept_the_list_says_why() {
    or_skip(|| {
        let dovecot = dovecot()?;
        let house = with_jane(&dovecot, Some("Nowhere"))?;
        send(&house, offer())?;
        becomes(&house, "Sent")?;
        let told = || row(&house)?.sent_waiting.filter(|(_, words)| words.is_some());
        let (count, words) = wait::until("trouble", told)?;
        assert_eq!((count, words.as_deref()), (1, Some("there is no folder Nowhere")));
        // What nobody wants any more is let go of, and a sink's mailbox has no sent mail.
        let set = |mailbox: &str, keeps| {
            house.command(Request::SetMailboxPromises(SetMailboxPromises {
                organization: "example".to_owned(),
                mailbox: mailbox.to_owned(),
                is_exclusive: None,
                is_refusing: None,
                keeps_sent: Some(keeps),
            }))
        };
        set("jane", false)?;
        assert_eq!(row(&house).context("the mailbox")?.sent_waiting, None);
        ensure!(set("john", true).is_err());
        Ok(())
    });
}
