//! Commands about mail that goes out: relays, sending, and what waits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crm::outbox::{self, Change, NewRelay, Place};
pub use crm::outbox::{LMTP, PICKUP, PROGRAM, SMTP};
use crm::secrets::Cell;
use model::Id;
use model::schema::emails::EMAIL_STATUSES;
use model::schema::mailboxes::EmailServerProfile;
use model::schema::outbox::{OutboxMail, OutboxRecipient};
use serde::{Deserialize, Serialize};
use store::{Organization, SecretColumn, StoreError};

use super::mail::rfc_3339;
use super::outside::OutsideRequest;
use super::sending::{self, SendMail};
use super::ways::{self, SetWay};
use super::{CommandError, Reply, organization, organizations};
use crate::house::House;
use crate::outbox_runner::is_here;

/// Something about mail that goes out.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutboxRequest {
    /// Adds a relay.
    AddRelay(AddRelay),
    /// Says anew where the relay of this name is, and who signs in there: what waits for it goes by that.
    SetRelay(AddRelay),
    /// Says by which way out goes what is written as whom.
    SetWay(SetWay),
    /// Says how fast mail goes to a domain, or by a relay, or that it does not go at all for now.
    Limit(LimitRequest),
    /// What is limited or paused in one organization, or in all.
    Limits(Option<String>),
    /// The relays of one organization, or of all.
    Relays(Option<String>),
    /// A tracking token for a mail that is not sent yet.
    Token {
        /// The organization's name.
        organization: String,
        /// Its subject; one that carries a token keeps it.
        subject: String,
    },
    /// Something that an outside sender asks or says.
    Outside(OutsideRequest),
    /// Sends a mail.
    Send(Box<SendMail>),
    /// What was sent last in one organization, or in all.
    List(Option<String>),
    /// Cancels a mail that waits.
    Cancel {
        /// The organization's name.
        organization: String,
        /// The id of its e-mail.
        email: String,
    },
    /// Tries a mail again now, those who failed too.
    Retry {
        /// The organization's name.
        organization: String,
        /// The id of its e-mail.
        email: String,
    },
    /// The same by another way out, from now on.
    RetryBy {
        /// The organization's name.
        organization: String,
        /// The id of its e-mail.
        email: String,
        /// The name of the way out.
        relay: String,
    },
    /// Has all that waits for one way out go by another.
    Move {
        /// The organization's name.
        organization: String,
        /// The name of the way out that it waits for.
        from: String,
        /// The name of the other.
        to: String,
    },
}

/// A limit to be set, or a pause to begin or to end.
#[derive(Serialize, Deserialize)]
pub struct LimitRequest {
    /// The organization's name.
    pub organization: String,
    /// What it is about.
    pub of: LimitOf,
    /// Mails a minute; 0 for any number.
    pub per_minute: Option<i32>,
    /// Connections, or for a domain mails on their way, at a time over all nodes; 0 for any number.
    pub connections: Option<i32>,
    /// Whether nothing goes out.
    pub is_paused: Option<bool>,
}

/// What a limit is about.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitOf {
    /// All mail of the organization.
    All,
    /// All mail to many.
    Bulk,
    /// What goes by the relay of this name.
    Relay(String),
    /// What goes to this domain.
    Domain(String),
}

/// A limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitRow {
    /// The organization's name.
    pub organization: String,
    /// What it is about.
    pub of: String,
    /// Mails a minute.
    pub per_minute: Option<i32>,
    /// Connections, or mails on their way, at a time.
    pub connections: Option<i32>,
    /// Whether nothing goes out.
    pub is_paused: bool,
}

/// A relay to be added.
#[derive(Serialize, Deserialize)]
pub struct AddRelay {
    /// The organization's name.
    pub organization: String,
    /// Its name here.
    pub name: String,
    /// How it takes mail, of [`outbox::RELAY_KINDS`].
    pub kind: i32,
    /// Its host; the path of a socket, a program or a folder.
    pub host: String,
    /// Its port; 0 where it has none.
    pub port: u16,
    /// How the connection is protected, of `TLS_MODES`.
    pub tls: i32,
    /// PEM of the authorities that are believed instead of the machine's.
    pub authority: Option<String>,
    /// Who signs in there, and the password; nobody where it takes mail without.
    pub login: Option<(String, String)>,
    /// The domain of return paths, where each recipient is to have his own.
    pub return_domain: Option<String>,
}

/// A relay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RelayRow {
    /// The organization's name.
    pub organization: String,
    /// Its name.
    pub name: String,
    /// Its host and port, or how else it takes mail.
    pub place: String,
    /// The domain of return paths.
    pub return_domain: Option<String>,
    /// Whether all mail goes by it whose sender has no other way.
    pub is_default: bool,
    /// The addresses of queues and users whose own way it is.
    pub own_of: Vec<String>,
    /// What the node that answers lacks of it: the program or the folder.
    pub missing: Option<String>,
}

/// An outgoing mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// The organization's name.
    pub organization: String,
    /// The id of its e-mail.
    pub email: String,
    /// When it was put in, as RFC 3339 writes it.
    pub created: String,
    /// Its status reason.
    pub state: String,
    /// The name of the way out that it goes by.
    pub relay: String,
    /// Its subject.
    pub subject: String,
    /// Recipients who have it, as far as the relay says.
    pub sent: usize,
    /// Recipients who do not get it.
    pub failed: usize,
    /// Recipients who may have it: no answer came.
    pub uncertain: usize,
    /// Recipients of whom a report came afterwards that they do not get it.
    pub bounced: usize,
    /// All recipients.
    pub recipients: usize,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next, where it waits.
    pub next_try: Option<String>,
    /// Whether it goes on when somebody says so.
    pub waits_for_a_person: bool,
    /// What went wrong last.
    pub error: Option<String>,
}

pub(super) async fn run(house: &Arc<House>, request: OutboxRequest) -> Result<Reply, CommandError> {
    let mends = matches!(
        request,
        OutboxRequest::AddRelay(_)
            | OutboxRequest::SetRelay(_)
            | OutboxRequest::Retry { .. }
            | OutboxRequest::RetryBy { .. }
            | OutboxRequest::Move { .. }
    );
    let reply = match request {
        OutboxRequest::AddRelay(new) => add_relay(house, new).await,
        OutboxRequest::SetRelay(new) => set_relay(house, new).await,
        OutboxRequest::SetWay(set) => ways::set(house, set).await,
        OutboxRequest::Limit(limit) => set_limit(house, limit).await,
        OutboxRequest::Limits(name) => limits(&organizations(house, name)?),
        OutboxRequest::Relays(name) => relays(&organizations(house, name)?).await,
        OutboxRequest::Token { organization: of, subject } => {
            let organization = organization(house, &of)?;
            Ok(Reply::Token(outbox::tracking_token(&organization, &subject, &house.moment()?)?))
        }
        OutboxRequest::Outside(request) => super::outside::run(house, request).await,
        OutboxRequest::Send(mail) => sending::send(house, *mail).await,
        OutboxRequest::List(name) => list(&organizations(house, name)?),
        OutboxRequest::Cancel { organization: of, email } => {
            let (organization, id) = (organization(house, &of)?, id(&email)?);
            match outbox::cancel(&organization, id, house.moment()?).await? {
                true => Ok(Reply::Done),
                false => Err(not_canceled(&organization, (id, email))?),
            }
        }
        OutboxRequest::Retry { organization, email } => retry(house, &organization, (email, None)).await,
        OutboxRequest::RetryBy { organization, email, relay } => {
            retry(house, &organization, (email, Some(relay))).await
        }
        OutboxRequest::Move { organization: of, from, to } => {
            let organization = organization(house, &of)?;
            let ways = (outbox::way_named(&organization, &from)?, outbox::way_named(&organization, &to)?);
            Ok(Reply::Moved(outbox::move_waiting(&organization, ways, house.moment()?).await?))
        }
    }?;
    if mends {
        house.relays_away.forget();
    }
    // Something may be due now.
    house.outbox_bell.notify_one();
    Ok(reply)
}

/// Tries a mail again now, by the way out of this name where there is one.
async fn retry(
    house: &House,
    of: &str,
    (email, relay): (String, Option<String>),
) -> Result<Reply, CommandError> {
    let (organization, id) = (organization(house, of)?, id(&email)?);
    let way = relay.map(|name| outbox::way_named(&organization, &name)).transpose()?;
    match outbox::retry_by(&organization, (id, way), house.moment()?).await? {
        true => Ok(Reply::Done),
        false => Err(not_tried(&organization, (id, email))?),
    }
}

/// Why a mail is not taken back.
pub(super) fn not_canceled(
    organization: &Organization,
    (id, email): (Id, String),
) -> Result<CommandError, CommandError> {
    let why = match organization.read(|read| read.outbox_mail(id))? {
        None => NOT_OURS,
        Some(mail) if mail.endedon.is_some() => "has ended; `postroom outbox list` says how",
        Some(mail) if mail.owner.is_some() => HELD,
        Some(mail) if mail.doton.is_some() => "may have gone out already, and is not canceled any more",
        Some(_) => "waits for nobody's try, so there is nothing to cancel",
    };
    Ok(CommandError::NotNow { email, why })
}

fn not_tried(organization: &Organization, (id, email): (Id, String)) -> Result<CommandError, CommandError> {
    let why = match organization.read(|read| read.outbox_mail(id))? {
        None => NOT_OURS,
        Some(mail) if mail.owner.is_some() => HELD,
        Some(_) => "has nobody left who could be tried: all have it, or it was canceled",
    };
    Ok(CommandError::NotNow { email, why })
}

const NOT_OURS: &str = "did not go out from here, nor will it";
const HELD: &str = "is being sent at this moment; when that has ended, it can be said again";

async fn add_relay(house: &House, new: AddRelay) -> Result<Reply, CommandError> {
    let organization = organization(house, &new.organization)?;
    let moment = house.moment()?;
    let relay = sealed(house, (&organization, moment.again().id()), new)?;
    outbox::add_relay(&organization, relay, moment).await?;
    Ok(Reply::Done)
}

async fn set_relay(house: &House, new: AddRelay) -> Result<Reply, CommandError> {
    let organization = organization(house, &new.organization)?;
    let id = outbox::way_named(&organization, &new.name)?;
    let relay = sealed(house, (&organization, id), new)?;
    outbox::set_relay(&organization, id, relay).await?;
    Ok(Reply::Done)
}

async fn set_limit(house: &House, limit: LimitRequest) -> Result<Reply, CommandError> {
    let organization = organization(house, &limit.organization)?;
    let place = match limit.of {
        LimitOf::All => Place::All,
        LimitOf::Bulk => Place::Bulk,
        LimitOf::Domain(domain) => Place::domain(&domain)?,
        LimitOf::Relay(name) => Place::Relay(outbox::way_named(&organization, &name)?),
    };
    let LimitRequest { per_minute, connections, is_paused, .. } = limit;
    let change = Change { per_minute, connections, is_paused };
    outbox::set_limit(&organization, (place, change), house.moment()?).await?;
    house.gates.forget();
    Ok(Reply::Done)
}

fn limits(organizations: &[Arc<Organization>]) -> Result<Reply, CommandError> {
    let mut rows = Vec::new();
    for organization in organizations {
        let relays = outbox::relays(organization)?;
        let name_of = |place: &str| {
            let relay = relays.iter().find(|it| Place::Relay(it.emailserverprofileid).key() == place);
            relay.map(|relay| format!("relay {}", relay.name))
        };
        for limit in outbox::all_limits(organization)? {
            let of = match limit.place.as_str() {
                "" => "all mail".to_owned(),
                place if place == Place::Bulk.key() => "bulk mail".to_owned(),
                place => name_of(place).unwrap_or_else(|| model::EmailAddress::shown(place)),
            };
            rows.push(LimitRow {
                organization: organization.name().to_owned(),
                of,
                per_minute: limit.perminute,
                connections: limit.connections,
                is_paused: limit.ispaused,
            });
        }
    }
    Ok(Reply::OutboxLimits(rows))
}

/// A relay as it is kept: its password is sealed for its row.
fn sealed(
    house: &House,
    (organization, id): (&Organization, Id),
    new: AddRelay,
) -> Result<NewRelay, CommandError> {
    let AddRelay { name, kind, host, port, tls, authority, login, return_domain, .. } = new;
    let login = match login {
        Some((user, password)) => {
            Some((user, house.keyring.seal(relay_password_of(organization.id(), id), &password)?))
        }
        None => None,
    };
    let lead_back = |domain: String| outbox::lead_back(&house.store, organization, &domain);
    let return_domain = return_domain.map(lead_back).transpose()?;
    Ok(NewRelay { name, kind, host, port, tls, authority, login, return_domain })
}

/// The cell of a relay's password.
pub(crate) fn relay_password_of(organization: Id, relay: Id) -> Cell<'static> {
    let column = SecretColumn::RelayPassword;
    Cell { organization, table: column.table(), row: relay, column: column.column() }
}

async fn relays(organizations: &[Arc<Organization>]) -> Result<Reply, CommandError> {
    let mut rows = Vec::new();
    for organization in organizations {
        let ways = outbox::ways(organization)?;
        for profile in outbox::relays(organization)? {
            let id = profile.emailserverprofileid;
            let own = ways.own.iter().filter(|(way, _)| *way == id);
            let relay = outbox::relay(organization, id)?;
            // A folder of a network may take its time.
            let looked = tokio::task::spawn_blocking(move || relay.map(is_here)).await;
            rows.push(RelayRow {
                missing: looked.ok().flatten().and_then(Result::err),
                is_default: ways.default == Some(id),
                own_of: own.map(|(_, address)| address.clone()).collect(),
                organization: organization.name().to_owned(),
                place: place(&profile),
                name: profile.name,
                return_domain: profile.returndomain,
            });
        }
    }
    Ok(Reply::Relays(rows))
}

fn place(profile: &EmailServerProfile) -> String {
    let host = profile.outgoingserverlocation.as_deref().unwrap_or_default();
    let port = profile.outgoingportnumber.unwrap_or_default();
    match profile.servertype {
        outbox::OUTSIDE => "an outside sender".to_owned(),
        PROGRAM => format!("program {host}"),
        PICKUP => format!("pickup folder {host}"),
        LMTP if port == 0 => format!("lmtp {host}"),
        LMTP => format!("lmtp {host}:{port}"),
        _ => format!("{host}:{port}"),
    }
}

fn id(text: &str) -> Result<Id, CommandError> {
    text.parse().map_err(|_| CommandError::NoEmail(text.to_owned()))
}

fn list(organizations: &[Arc<Organization>]) -> Result<Reply, CommandError> {
    let mut rows = Vec::new();
    for organization in organizations {
        let all = organization.read(|read| {
            let mails = read.outbox(LISTED_MAX)?;
            let with = |mail: OutboxMail| {
                let recipients = read.outbox_recipients(mail.activityid)?;
                Ok((read.email(mail.activityid)?, mail, recipients))
            };
            mails.into_iter().map(with).collect::<Result<Vec<_>, StoreError>>()
        })?;
        let relays = outbox::relays(organization)?;
        let mut untaken: HashMap<(Id, i32), Option<String>> = HashMap::new();
        for (email, mail, recipients) in all {
            let Some(email) = email else { continue };
            let relay = relays.iter().find(|relay| relay.emailserverprofileid == mail.emailserverprofileid);
            let mut row = row(organization, (&email, &mail), &recipients);
            row.relay = relay.map(|relay| relay.name.clone()).unwrap_or_default();
            // What waits behind the first of its line waits for the same reason.
            if let (None, Some(lane), None) = (&row.error, mail.waitsin, mail.owner) {
                let line = (mail.emailserverprofileid, lane);
                if let Entry::Vacant(entry) = untaken.entry(line) {
                    entry.insert(outbox::untaken(organization, line)?);
                }
                row.error = untaken.get(&line).cloned().flatten();
            }
            rows.push(row);
        }
    }
    Ok(Reply::Outbox(rows))
}

/// Mails that one list shows.
const LISTED_MAX: usize = 200;

fn row(
    organization: &Organization,
    (email, mail): (&model::schema::emails::Email, &OutboxMail),
    recipients: &[OutboxRecipient],
) -> OutboxRow {
    let in_state = |state: i32| recipients.iter().filter(|recipient| recipient.statecode == state).count();
    let shown = i64::from(outbox::shown_status(email, Some(mail)));
    let status = EMAIL_STATUSES.iter().find(|(code, _)| *code == shown);
    OutboxRow {
        organization: organization.name().to_owned(),
        email: email.activityid.to_string(),
        created: rfc_3339(mail.createdon),
        state: status.map_or("", |(_, name)| name).to_owned(),
        relay: String::new(),
        subject: email.subject.clone(),
        sent: in_state(1),
        failed: in_state(2),
        uncertain: in_state(3),
        bounced: recipients
            .iter()
            .filter(|recipient| matches!(recipient.bouncekind, Some(1 | 2 | 5)))
            .count(),
        recipients: recipients.len(),
        attempts: mail.tries,
        next_try: mail.waitsin.map(|_| rfc_3339(mail.dueon)),
        waits_for_a_person: mail.waitsin.is_none() && mail.endedon.is_none(),
        error: mail.lasterror.clone(),
    }
}
