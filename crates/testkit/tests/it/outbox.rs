//! Mail that is sent here: it goes out by a real Postfix to a mailbox of a real Dovecot, and its answer stands beside it.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Id;
use model::schema::emails::STATUS_SENT;
use postroom::commands::{
    AddRelay, OutboxRequest, OutboxRow, OutsideReport, OutsideRequest, Reply, Request, SendMail, SentFile,
    TicketName,
};
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::{Missing, or_skip};
use testkit::peers::{Dovecot, DovecotSettings, Maildir, NextHop, Postfix};
use testkit::{House, swaks, wait};

use super::house::{SINK, ZOE, books_are_whole, house, timeline};

fn at(port: u16) -> AddRelay {
    AddRelay {
        organization: "example".to_owned(),
        name: format!("relay {port}"),
        kind: postroom::commands::SMTP,
        host: "127.0.0.1".to_owned(),
        port,
        tls: 0,
        authority: None,
        login: None,
        return_domain: None,
    }
}

pub(super) fn relay(house: &House, port: u16) -> Result<()> {
    house.command(Request::Outbox(OutboxRequest::AddRelay(at(port))))?;
    Ok(())
}

pub(super) fn offer() -> SendMail {
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

pub(super) fn send(house: &House, mail: SendMail) -> Result<Id> {
    let Reply::SentMail(id) = house.command(Request::Outbox(OutboxRequest::Send(Box::new(mail))))? else {
        anyhow::bail!("no id")
    };
    id.parse().context("an id")
}

pub(super) fn rows(house: &House) -> Vec<OutboxRow> {
    match house.command(Request::Outbox(OutboxRequest::List(None))) {
        Ok(Reply::Outbox(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

pub(super) fn becomes(house: &House, state: &str) -> Result<OutboxRow> {
    wait::until(state, || rows(house).into_iter().next().filter(|row| row.state == state))
}

/// The one mail that came to a mailbox, as its server keeps it.
pub(super) fn arrived(mailbox: &Maildir) -> Result<String> {
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

/// A program of somebody's own: it pulls, hands to Postfix by swaks, and reports what that said.
#[test]
fn what_a_program_pulls_goes_out_by_its_own_means() {
    or_skip(|| {
        let customers = Dovecot::start(DovecotSettings::default())?;
        let postfix = Postfix::start(NextHop::Lmtp(customers.lmtp()))?;
        let (house, _) = house();
        let organization = || "example".to_owned();
        let outside = |request| house.command(Request::Outbox(OutboxRequest::Outside(request)));
        let name = "pulled".to_owned();
        outside(OutsideRequest::Add { organization: organization(), name, return_domain: None })?;
        let id = send(&house, SendMail { subject: "Our offer".to_owned(), ..offer() })?;
        let pull = || {
            let way = "pulled".to_owned();
            match outside(OutsideRequest::Pull { organization: organization(), way, limit: 9, seconds: 60 })?
            {
                Reply::Pulled(rows, _) => Ok(rows),
                other => anyhow::bail!("{other:?}"),
            }
        };
        let [mail] = pull()?.try_into().map_err(|rows| anyhow::anyhow!("{rows:?}"))?;
        ensure!(mail.email == id.to_string() && pull()?.is_empty(), "it is held");
        let ticket =
            || TicketName { organization: organization(), email: mail.email.clone(), attempt: mail.attempt };
        outside(OutsideRequest::Begun(ticket()))?;
        let mut replies = Vec::new();
        for to in &mail.to {
            let envelope = Envelope::new(&mail.from, to);
            let code = swaks::send(postfix.smtp(), &envelope, &STANDARD.decode(&mail.base64)?)?;
            replies.push((to.clone(), code, "so it said".to_owned()));
        }
        outside(OutsideRequest::Report(ticket(), OutsideReport::Answered(replies)))?;
        let row = becomes(&house, "Sent")?;
        assert_eq!((row.sent, row.failed, row.recipients), (2, 0, 2));
        for address in [ZOE, "bob@customer.test"] {
            ensure!(arrived(&customers.mailbox(address))?.contains("Fifty pallets?"), "{}", postfix.log());
        }
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

/// Read by the e-mail library of Python, which nobody here has written: structure, names, and what is in them.
const READER: &str = r"
import email, email.policy, sys
mail = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
def walk(part, depth):
    name = part.get_filename() or ''
    size = 0 if part.is_multipart() else len(part.get_content() if part.get_content_maintype() == 'text'
        and part.get_content_disposition() is None else part.get_payload(decode=True))
    print('  ' * depth + part.get_content_type(), name, size if name else '')
    for inner in part.iter_parts() if part.is_multipart() else []:
        walk(inner, depth + 1)
print(mail['subject'], '|', mail['to'], '|', mail['importance'])
walk(mail, 0)
html = mail.get_body(('html',)).get_content()
cids = [part['content-id'].strip('<>') for part in mail.walk() if part['content-id']]
print('shown', all('cid:' + cid in html for cid in cids), len(cids), '<b>pallets</b>' in html)
print('defects', [defect for part in mail.walk() for defect in part.defects])
";

#[test]
fn html_files_and_pictures_are_read_by_a_client_that_is_not_ours_and_the_answer_comes_back() {
    or_skip(|| {
        let customers = Dovecot::start(DovecotSettings::default())?;
        let postfix = Postfix::start(NextHop::Lmtp(customers.lmtp()))?;
        let (house, _) = house();
        relay(&house, postfix.smtp().port())?;
        let file = |name: &str, base64: &str| SentFile { name: name.to_owned(), base64: base64.to_owned() };
        let rich = SendMail {
            bcc: Vec::new(),
            text: String::new(),
            html: Some("<p>Fifty <b>pallets</b>? <img src=\"cid:logo.png\"></p>".to_owned()),
            files: vec![file("logo.png", "iVBORw0KGgo="), file("Preise für Zoë.csv", "YTtiDQpjDWQKZQ==")],
            importance: 1,
            ..offer()
        };
        let id = send(&house, rich)?;
        becomes(&house, "Sent")?;
        let mail = arrived(&customers.mailbox(ZOE))?;
        let read = python(READER, &mail)?;
        let expect = format!(
            "Grüße: our offer | Zoë Müller <{ZOE}> | high\nmultipart/mixed  \n  multipart/alternative  \n    \
             text/plain  \n    multipart/related  \n      text/html  \n      image/png logo.png 8\n  \
             text/csv Preise für Zoë.csv 10\nshown True 1 True\ndefects []\n"
        );
        assert_eq!(read, expect);

        let organization = house.organization("example")?;
        let answer = "import email, email.policy, email.message, sys\n\
            mail = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)\n\
            out = email.message.EmailMessage()\nout['From'] = mail['to']\nout['To'] = mail['from']\n\
            out['Subject'] = 'Re: ' + mail['subject']\nout['In-Reply-To'] = mail['message-id']\n\
            out['References'] = mail['message-id']\nout['Message-ID'] = '<yes@customer.test>'\n\
            out['Date'] = 'Fri, 27 Nov 2026 09:15:00 +0100'\nout.set_content('Yes, fifty.')\n\
            sys.stdout.buffer.write(out.as_bytes(policy=email.policy.SMTP))\n";
        let answer = python(answer, &mail)?;
        let mut client = Client::connect(house.smtp()?, Protocol::Smtp)?;
        assert_eq!(client.send(&Envelope::new(ZOE, SINK), answer.as_bytes())?.codes(), [250]);
        let asked = organization.read(|read| read.email(id))?.context("the e-mail")?;
        let conversation = organization.read(|read| read.conversation(asked.conversationtrackingid, 10))?;
        assert_eq!(conversation.len(), 2);
        ensure!(conversation.iter().any(|mail| mail.parentactivityid == Some(id)), "it answers");
        books_are_whole(&house);
        Ok(())
    });
}

/// What a program of Python says to a mail.
fn python(program: &str, mail: &str) -> Result<String> {
    Missing::unless("/usr/bin/python3", "python3")?;
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", program])
        .env("PYTHONUTF8", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    python.stdin.take().context("its input")?.write_all(mail.as_bytes())?;
    let said = python.wait_with_output()?;
    ensure!(said.status.success(), "{}", said.status);
    Ok(String::from_utf8(said.stdout)?)
}
