//! What cannot be delivered comes back: a real Postfix meets a real Dovecot that knows no such user, and says so to the return
//! path of that recipient.

use anyhow::{Context, Result, ensure};
use model::Id;
use model::schema::emails::{Email, mark};
use postroom::commands::{AddRelay, OutboxRequest, Reply, Request, SendMail, SuppressionRequest};
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{Dovecot, DovecotSettings, Maildir, NextHop, Postfix};
use testkit::{House, wait};

use super::house::{ZOE, books_are_whole, house, timeline};

const DOMAIN: &str = "bounces.example.test";
const JANE: &str = "jane@example.test";
const NOBODY: &str = "nobody@customer.test";

fn relay(house: &House, port: u16) -> Result<()> {
    house.command(Request::Outbox(OutboxRequest::AddRelay(AddRelay {
        organization: "example".to_owned(),
        name: "relay".to_owned(),
        kind: postroom::commands::SMTP,
        host: "127.0.0.1".to_owned(),
        port,
        tls: 0,
        authority: None,
        login: None,
        return_domain: Some(DOMAIN.to_owned()),
    })))?;
    Ok(())
}

fn send(house: &House, from: &str, to: &[&str]) -> Result<Id> {
    let mail = SendMail {
        organization: "example".to_owned(),
        from: from.to_owned(),
        to: to.iter().map(|one| (*one).to_owned()).collect(),
        subject: "Our offer".to_owned(),
        text: "Fifty pallets?\n".to_owned(),
        ..SendMail::default()
    };
    match house.command(Request::Outbox(OutboxRequest::Send(Box::new(mail))))? {
        Reply::SentMail(id) => id.parse().context("an id"),
        _ => anyhow::bail!("no id"),
    }
}

/// The one mail in a mailbox.
fn arrived(mailbox: &Maildir) -> Result<String> {
    wait::until("the mail to arrive", || {
        let name = mailbox.inbox().ok()?.into_iter().next()?;
        let file = ["new", "cur"].map(|folder| mailbox.path().join(folder).join(&name));
        file.iter().find_map(|file| std::fs::read_to_string(file).ok())
    })
}

/// Its return path, as its server noted it.
fn return_path(mailbox: &Maildir) -> Result<String> {
    let raw = arrived(mailbox)?;
    let line = raw.lines().find_map(|line| line.strip_prefix("Return-Path: "));
    Ok(line.context("a return path")?.trim_matches(['<', '>']).to_owned())
}

/// What stands in the conversation of an e-mail beside it.
fn beside(house: &House, id: Id, count: usize) -> Result<Vec<Email>> {
    let organization = house.organization("example")?;
    wait::until("what comes back", || {
        let found = organization.read(|read| {
            let Some(email) = read.email(id)? else { return Ok(Vec::new()) };
            let mut found = read.conversation(email.conversationtrackingid, 10)?;
            found.retain(|other| other.activityid != id);
            Ok::<_, store::StoreError>(found)
        });
        found.ok().filter(|found| found.len() == count)
    })
}

#[test]
fn what_postfix_cannot_deliver_comes_back_to_the_recipients_own_return_path() {
    or_skip(|| {
        let customers = Dovecot::start(DovecotSettings { known: Some(&[ZOE]), ..Default::default() })?;
        let (house, _) = house();
        let postfix = Postfix::start_returning(NextHop::Lmtp(customers.lmtp()), (DOMAIN, house.smtp()?))?;
        relay(&house, postfix.smtp().port())?;
        let id = send(&house, JANE, &[ZOE, NOBODY])?;

        let found = beside(&house, id, 1).with_context(|| postfix.log())?;
        let [report] = found.as_slice() else { anyhow::bail!("one report") };
        ensure!(report.marks & mark::REPORT != 0 && !report.directioncode, "{report:?}");
        let organization = house.organization("example")?;
        let parties = organization.read(|read| read.parties(report.activityid))?;
        ensure!(parties.is_empty(), "the daemon is no party: {parties:?}");
        ensure!(timeline(&organization, ZOE).len() == 1, "it is not about her");

        let suppressed = match house.command(Request::Suppression(SuppressionRequest::List(None)))? {
            Reply::Suppressions(rows) => rows,
            _ => anyhow::bail!("no list"),
        };
        ensure!(suppressed.len() == 1 && suppressed[0].address == NOBODY, "{suppressed:?}");
        ensure!(send(&house, JANE, &[NOBODY]).is_err(), "nothing is sent there any more");

        let path = return_path(&customers.mailbox(ZOE))?;
        ensure!(path.starts_with("b+") && path.ends_with(DOMAIN), "{path}");
        let mut client = Client::connect(house.smtp()?, Protocol::Smtp)?;
        let forged = path.replace("@", "a@").replacen("b+a", "b+", 1).replacen("b+0", "b+", 1);
        let words = b"From: MAILER-DAEMON@mx.customer.test\r\nSubject: Sorry\r\n\r\nNobody.\r\n";
        ensure!(client.send(&Envelope::new(ZOE, &forged), words)?.codes() == [550], "{forged}");
        let mut client = Client::connect(house.smtp()?, Protocol::Smtp)?;
        ensure!(client.send(&Envelope::new(ZOE, &path), words)?.codes() == [250], "{path}");
        beside(&house, id, 2)?;
        books_are_whole(&house);
        Ok(())
    });
}
