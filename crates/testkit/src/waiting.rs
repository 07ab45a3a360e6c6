//! An outbox full of mail: rows like those of one mail that was sent by the program, with ids of their own and the same bytes.

use std::ops::Range;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use model::schema::emails::Email;
use model::schema::outbox::{OutboxMail, OutboxRecipient};
use model::{Id, Timestamp};
use postroom::commands::{AddRelay, OutboxRequest, Reply, Request, SendMail};
use store::{Priority, Store, StoreError, StoreSettings, Tx};

use crate::letters::{self, DOMAIN, ORGANIZATION};
use crate::program::Program;

/// Rows in a unit.
const ROWS_AT_ONCE: usize = 500;

/// Has the organization of [`letters`] send its mail to this relay, which nobody does who lacks the role, and one mail of about this
/// size wait: its id.
///
/// # Errors
/// When it was not done.
pub fn one(house: &Program, relay: std::net::SocketAddr, size_bytes: usize) -> Result<Id> {
    house.command(Request::Outbox(OutboxRequest::AddRelay(AddRelay {
        organization: ORGANIZATION.to_owned(),
        name: "relay".to_owned(),
        kind: postroom::commands::SMTP,
        host: relay.ip().to_string(),
        port: relay.port(),
        tls: 0,
        authority: None,
        login: None,
        return_domain: None,
    })))?;
    let lines = size_bytes.saturating_sub(450) / LINE.len();
    let mail = SendMail {
        organization: ORGANIZATION.to_owned(),
        from: letters::reader(0, DOMAIN),
        to: vec![recipient(0)],
        subject: "Our offer".to_owned(),
        text: LINE.repeat(lines),
        ..SendMail::default()
    };
    let Reply::SentMail(id) = house.command(Request::Outbox(OutboxRequest::Send(Box::new(mail))))? else {
        bail!("a mail was sent, and something else came")
    };
    id.parse().context("the id of the mail")
}

const LINE: &str = "Fifty pallets of the green ones until Friday, as you said.\n";

/// Whom the mail with this number goes to; that of [`one`] has none.
pub fn recipient(number: usize) -> String {
    format!("zoe.{number}@customer.test")
}

struct Model {
    email: Email,
    mail: OutboxMail,
    recipients: Vec<OutboxRecipient>,
}

/// Has mails with these numbers wait as that one did.
///
/// # Errors
/// Where it is not there, or the store cannot do it.
pub fn more(settings: StoreSettings, model: Id, numbers: Range<usize>) -> Result<()> {
    let store = Store::open(settings)?;
    let organization = store.organization_by_name(ORGANIZATION)?;
    let (email, mail, recipients) = organization.read(|read| {
        Ok::<_, StoreError>((read.email(model)?, read.outbox_mail(model)?, read.outbox_recipients(model)?))
    })?;
    let (email, mail) = email.zip(mail).context("the mail is not in the outbox")?;
    let waitsin = Some(mail.lane);
    let dueon = mail.createdon;
    // Somebody may have sent that one by now, or be at it.
    let mail =
        OutboxMail { waitsin, dueon, owner: None, doton: None, dotattempt: None, endedon: None, ..mail };
    let model = Arc::new(Model { email, mail, recipients });
    for first in numbers.clone().step_by(ROWS_AT_ONCE) {
        let (model, numbers) = (Arc::clone(&model), first..numbers.end.min(first + ROWS_AT_ONCE));
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
    let to = |of: &OutboxRecipient| OutboxRecipient {
        activityid,
        address: recipient(number),
        statecode: 0,
        settledon: None,
        ..of.clone()
    };
    let recipients: Vec<OutboxRecipient> = model.recipients.iter().map(to).collect();
    tx.put_into_outbox(&OutboxMail { activityid, ..model.mail.clone() }, &recipients)
}
