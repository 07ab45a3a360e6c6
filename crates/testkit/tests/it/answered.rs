//! What is sent here is answered in a real mailbox by a real client: the answer stands beside it by each sign alone, by none
//! in silence, and by no sign that a stranger writes.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use model::Id;
use model::schema::emails::Email;
use postroom::commands::{AddQueue, AddRelay, OutboxRequest, Request, SendMail, Setting};
use testkit::client::Envelope;
use testkit::missing::or_skip;
use testkit::peers::{Doors, Dovecot, DovecotSettings, Exim, Mutt, NextHop, OpenSmtpd, Postfix};
use testkit::{House, swaks, wait};

use super::house::{ZOE, books_are_whole, house, timeline};
use super::outbox::{arrived, becomes, send};

const SUPPORT: &str = "support@example.test";
const MALLORY: &str = "mallory@evil.test";

/// The customers' mail system: what is for us comes to the house, everything else to their mailboxes.
struct Customers {
    mailboxes: Dovecot,
    postfix: Postfix,
    house: House,
}

impl Customers {
    fn start() -> Result<Self> {
        let mailboxes = Dovecot::start(DovecotSettings::default())?;
        let (house, _) = house();
        let hop = NextHop::Lmtp(mailboxes.lmtp());
        let postfix = Postfix::start_returning(hop, ("example.test", house.smtp()?))?;
        let organization = "example".to_owned();
        house.command(Request::AddQueue(AddQueue {
            organization: organization.clone(),
            name: "Support".to_owned(),
            address: SUPPORT.to_owned(),
            filter: Some("all".to_owned()),
        }))?;
        house.command(Request::Set(organization.clone(), Setting::AnswerWords(true)))?;
        house.command(Request::Set(organization, Setting::SubjectTokens(Some(7))))?;
        Ok(Customers { mailboxes, postfix, house })
    }

    /// Mail goes out by this server, which may want TLS and to know who sends.
    fn relay(&self, smtp: SocketAddr, secure: Option<(String, &str)>) -> Result<()> {
        let (authority, password) = secure.unzip();
        self.house.command(Request::Outbox(OutboxRequest::AddRelay(AddRelay {
            organization: "example".to_owned(),
            name: "relay".to_owned(),
            kind: postroom::commands::SMTP,
            host: "localhost".to_owned(),
            port: smtp.port(),
            tls: i32::from(authority.is_some()),
            authority,
            login: password.map(|password| (SUPPORT.to_owned(), password.to_owned())),
            return_domain: None,
        })))?;
        Ok(())
    }

    /// Sends a mail by swaks, and gives the e-mail that it becomes.
    fn arrives(&self, mail: &Answer) -> Result<Email> {
        let (raw, here) = (mail.raw(), self.emails()?);
        let envelope = Envelope::new(&mail.from, &mail.to);
        ensure!(swaks::send(self.postfix.smtp(), &envelope, raw.as_bytes())? == 250, "{raw}");
        self.another_than(&here)
    }

    /// The e-mail that comes beside these.
    fn another_than(&self, here: &[Id]) -> Result<Email> {
        let another = || self.emails().ok()?.into_iter().find(|id| !here.contains(id));
        let id = wait::until("a mail to arrive here", another).with_context(|| self.postfix.log())?;
        self.email(id)
    }

    fn emails(&self) -> Result<Vec<Id>> {
        let organization = self.house.organization("example")?;
        let lines = organization.read(|read| read.latest_emails(None, 100))?;
        Ok(lines.into_iter().map(|line| line.id).collect())
    }

    fn email(&self, id: Id) -> Result<Email> {
        let organization = self.house.organization("example")?;
        organization.read(|read| read.email(id))?.context("the e-mail")
    }
}

/// The signs that an answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Token,
    InReplyTo,
    References,
    Address,
}

const SIGNS: [Sign; 4] = [Sign::Token, Sign::InReplyTo, Sign::References, Sign::Address];

/// An answer as a client wrote it, of which signs are taken away.
#[derive(Debug, Clone)]
struct Answer {
    from: String,
    to: String,
    subject: String,
    in_reply_to: Option<String>,
    references: Option<String>,
}

impl Answer {
    /// Of what a client sent.
    fn read(raw: &[u8]) -> Result<Self> {
        let header = message::read_header(raw)?;
        let named = |ids: &[model::MessageId]| ids.first().map(|id| format!("<{id}>"));
        Ok(Answer {
            from: ZOE.to_owned(),
            to: header.to.first().context("a recipient")?.address.to_string(),
            subject: header.subject.clone(),
            in_reply_to: named(&header.in_reply_to),
            references: named(&header.references),
        })
    }

    /// With this sign alone, or with none.
    fn with(&self, sign: Option<Sign>) -> Self {
        let only = |wanted: Sign, text: &Option<String>| text.clone().filter(|_| sign == Some(wanted));
        let plain = self.subject.split(" CRM:").next().unwrap_or_default();
        Answer {
            from: self.from.clone(),
            to: if sign == Some(Sign::Address) { self.to.clone() } else { SUPPORT.to_owned() },
            subject: match sign {
                Some(Sign::Token) => self.subject.replace("Re: Our", "An altogether other"),
                // Only under the same subject are References an answer.
                Some(Sign::References) => plain.to_owned(),
                _ => "Quite another thing".to_owned(),
            },
            in_reply_to: only(Sign::InReplyTo, &self.in_reply_to),
            references: only(Sign::References, &self.references),
        }
    }

    /// The same by somebody who never had the mail; the word in the address he has to make up.
    fn by_a_stranger(self, sign: Sign) -> Self {
        let to = match sign {
            Sign::Address => {
                let (local, domain) = self.to.split_once('@').unwrap_or_default();
                let last = if local.ends_with('a') { 'b' } else { 'a' };
                format!("{}{last}@{domain}", &local[..local.len() - 1])
            }
            _ => self.to,
        };
        Answer { from: MALLORY.to_owned(), to, ..self }
    }

    fn raw(&self) -> String {
        let field = |name: &str, value: &Option<String>| {
            value.as_ref().map_or_else(String::new, |value| format!("{name}: {value}\r\n"))
        };
        format!(
            "From: <{}>\r\nTo: <{}>\r\nSubject: {}\r\n{}{}\r\nYes, fifty.\r\n",
            self.from,
            self.to,
            self.subject,
            field("In-Reply-To", &self.in_reply_to),
            field("References", &self.references)
        )
    }
}

/// The whole of it, where mail has gone out by some server to Zoë's mailbox.
fn is_answered(customers: &Customers) -> Result<()> {
    let offer = SendMail {
        organization: "example".to_owned(),
        from: SUPPORT.to_owned(),
        to: vec![ZOE.to_owned()],
        subject: "Our offer".to_owned(),
        text: "Fifty pallets?\n".to_owned(),
        ..SendMail::default()
    };
    let id = send(&customers.house, offer)?;
    becomes(&customers.house, "Sent")?;
    let received = arrived(&customers.mailboxes.mailbox(ZOE))?;
    Mutt::of(ZOE, customers.postfix.smtp())?.reply(received.as_bytes())?;
    let by_mutt = customers.another_than(&[id])?;
    assert_eq!(by_mutt.correlatedactivityid, Some(id));
    let organization = customers.house.organization("example")?;
    let answer = Answer::read(&organization.blob(&by_mutt.blobid)?)?;
    ensure!(
        answer.subject.starts_with("Re: Our offer CRM:") && answer.to.starts_with("support+r"),
        "{answer:?}"
    );
    ensure!(answer.in_reply_to.is_some() && answer.references.is_some(), "{answer:?}");

    let sent = customers.email(id)?;
    for sign in SIGNS {
        let email = customers.arrives(&answer.with(Some(sign)))?;
        ensure!(email.conversationtrackingid == sent.conversationtrackingid, "{sign:?}: {email:?}");
        // Of those that bear a token the latest is meant.
        let meant = if sign == Sign::Token { by_mutt.activityid } else { id };
        ensure!(email.correlatedactivityid == Some(meant), "{sign:?}: {email:?}");
    }
    let stray = customers.arrives(&answer.with(None))?;
    ensure!(stray.correlatedactivityid.is_none(), "{stray:?}");
    ensure!(stray.conversationtrackingid != sent.conversationtrackingid, "it stands apart");
    let hers = timeline(&organization, ZOE).len();

    for sign in SIGNS {
        let forged = answer.with(Some(sign)).by_a_stranger(sign);
        let email = customers.arrives(&forged)?;
        ensure!(
            email.correlatedactivityid.is_none() && email.regardingobjectid.is_none(),
            "{sign:?}: {email:?}"
        );
        ensure!(email.conversationtrackingid != sent.conversationtrackingid, "{sign:?}");
    }
    assert_eq!(customers.email(id)?, sent, "nothing of it has changed");
    assert_eq!(timeline(&organization, ZOE).len(), hers);
    books_are_whole(&customers.house);
    Ok(())
}

#[test]
fn what_went_out_by_postfix_is_answered_by_each_sign_alone() {
    or_skip(|| {
        let customers = Customers::start()?;
        customers.relay(customers.postfix.smtp(), None)?;
        is_answered(&customers)
    });
}

#[test]
fn what_went_out_by_exim_is_answered_by_each_sign_alone() {
    or_skip(|| {
        let customers = Customers::start()?;
        let exim = Exim::start(customers.postfix.smtp())?;
        customers.relay(exim.smtp(), None)?;
        is_answered(&customers).with_context(|| exim.log())
    });
}

#[test]
fn what_went_out_by_opensmtpd_is_answered_by_each_sign_alone() {
    or_skip(|| {
        let customers = Customers::start()?;
        let opensmtpd = OpenSmtpd::start(customers.postfix.smtp())?;
        customers.relay(opensmtpd.smtp(), None)?;
        is_answered(&customers).with_context(|| opensmtpd.log())
    });
}

#[test]
fn what_was_submitted_to_dovecot_is_answered_by_each_sign_alone() {
    const PASSWORD: &str = "geheim";
    or_skip(|| {
        let customers = Customers::start()?;
        let dovecot = Dovecot::start(DovecotSettings {
            doors: Doors::Both,
            password: Some(PASSWORD),
            submission: Some(customers.postfix.smtp()),
            ..DovecotSettings::default()
        })?;
        let authority = String::from_utf8(dovecot.certificate().to_vec())?;
        customers.relay(dovecot.submission()?.0, Some((authority, PASSWORD)))?;
        is_answered(&customers).with_context(|| dovecot.log())
    });
}
