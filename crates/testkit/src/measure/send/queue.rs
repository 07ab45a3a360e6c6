//! An outbox full of mail: rows like those of one mail that was sent by the program, with ids of their own and the same bytes.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use model::schema::emails::Email;
use model::schema::outbox::{OutboxMail, OutboxRecipient};
use model::{Id, Timestamp};
use postroom::commands::{AddRelay, OutboxRequest, Reply, Request, SendMail};
use store::{Priority, Store, StoreError, Tx};

use crate::database;
use crate::letters::{self, DOMAIN, ORGANIZATION};
use crate::measure::runs::{Bench, Template};
use crate::program::{self, Program};

/// A house with mail that waits.
pub(super) struct Queue {
    pub(super) template: Template,
    /// All of it.
    pub(super) mails: usize,
}

/// Rows in a unit.
const ROWS_AT_ONCE: usize = 500;

impl Queue {
    /// Makes a house whose mail goes to this relay, and lets so many mails of about this size wait.
    pub(super) fn fill(
        bench: &Bench<'_>,
        (relay, size_bytes): (SocketAddr, usize),
        mails: usize,
    ) -> Result<Self> {
        let folder = bench.scratch.join("template");
        let (template, _) = Template::make(folder.clone(), &letters::world_with(1)?, None)?;
        let house = Program::start_with(&folder, &[("POSTROOM_NODE_ROLES", "receive,web,jobs")])?;
        house.command(Request::Outbox(OutboxRequest::AddRelay(AddRelay {
            return_domain: None,
            organization: ORGANIZATION.to_owned(),
            name: "sink".to_owned(),
            host: relay.ip().to_string(),
            port: relay.port(),
            tls: 0,
            authority: None,
            login: None,
        })))?;
        let Reply::SentMail(model) =
            house.command(Request::Outbox(OutboxRequest::Send(Box::new(mail(size_bytes)))))?
        else {
            bail!("a mail was sent, and something else came")
        };
        house.kill()?;
        let model: Id = model.parse().context("the id of the mail")?;
        multiply(&program::data(&folder), model, mails)?;
        Ok(Queue { template, mails })
    }

    /// Takes its rows away.
    pub(super) fn forget(self) -> Result<()> {
        database::forget(&self.template.data())
    }
}

/// The mail that all are like.
fn mail(size_bytes: usize) -> SendMail {
    let lines = size_bytes.saturating_sub(450) / LINE.len();
    SendMail {
        organization: ORGANIZATION.to_owned(),
        from: letters::reader(0, DOMAIN),
        to: vec![letters::writer(0)],
        subject: "Our offer".to_owned(),
        text: LINE.repeat(lines),
        ..SendMail::default()
    }
}

const LINE: &str = "Fifty pallets of the green ones until Friday, as you said.\n";

/// Whether nothing waits any more, and nobody has anything.
pub(super) fn is_settled(data: &Path) -> Result<()> {
    let store = Store::open(database::store(data))?;
    let left = store.organization_by_name(ORGANIZATION)?.read(|read| {
        let relay = read.outbox(1)?.first().map(|mail| mail.emailserverprofileid).unwrap_or_default();
        let is_due = read.is_outbox_due((relay, 0), Timestamp(i64::MAX / 2))?;
        Ok::<_, StoreError>((is_due, read.outbox_owners()?))
    })?;
    store.close();
    ensure!(left == (false, Vec::new()), "mail was counted as settled, and is not: {left:?}");
    Ok(())
}

struct Model {
    email: Email,
    mail: OutboxMail,
    recipients: Vec<OutboxRecipient>,
}

/// Until so many wait, that one included. Nobody else has the house open.
fn multiply(data: &Path, model: Id, mails: usize) -> Result<()> {
    let store = Store::open(database::store(data))?;
    let organization = store.organization_by_name(ORGANIZATION)?;
    let (email, mail, recipients) = organization.read(|read| {
        Ok::<_, StoreError>((read.email(model)?, read.outbox_mail(model)?, read.outbox_recipients(model)?))
    })?;
    let (email, mail) = email.zip(mail).context("the mail is not in the outbox")?;
    let model = Arc::new(Model { email, mail, recipients });
    for first in (1..mails).step_by(ROWS_AT_ONCE) {
        let (model, numbers) = (Arc::clone(&model), first..mails.min(first + ROWS_AT_ONCE));
        let unit = organization.unit(Priority::Background, move |tx| {
            numbers.clone().try_for_each(|number| put(tx, &model, number))
        });
        unit.wait()?;
    }
    drop(organization);
    store.close();
    Ok(())
}

fn put(tx: &mut Tx<'_>, model: &Model, number: usize) -> Result<(), StoreError> {
    let since = i64::try_from(number).unwrap_or_default();
    let mut random = [7; 10];
    random.iter_mut().zip(number.to_le_bytes()).for_each(|(byte, digit)| *byte = digit);
    let activityid = Id::from_parts(Timestamp(model.mail.createdon.0 + since / 10), &random);
    tx.add_email(&Email { activityid, ..model.email.clone() })?;
    let recipient = |of: &OutboxRecipient| OutboxRecipient {
        activityid,
        address: format!("zoe.{number}@customer.test"),
        ..of.clone()
    };
    let recipients: Vec<OutboxRecipient> = model.recipients.iter().map(recipient).collect();
    tx.put_into_outbox(&OutboxMail { activityid, ..model.mail.clone() }, &recipients)
}
