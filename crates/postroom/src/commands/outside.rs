//! Commands of outside senders: they pull mail that is due, say when they begin, and report.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crm::outbox::{self, Claimed, Ends, Loaded, Pull, RecipientReply, Reported, Settled, Ticket, Tried};
use serde::{Deserialize, Serialize};
use store::Organization;

use super::{CommandError, Reply, address, organization};
use crate::house::House;
use crate::outbox_runner::{Asker, By, Next};
use crate::signer;

/// What an outside sender asks or says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutsideRequest {
    /// Adds a way out by which mail is pulled.
    Add {
        /// The organization's name.
        organization: String,
        /// Its name.
        name: String,
        /// The domain of return paths, where each recipient is to have his own.
        return_domain: Option<String>,
    },
    /// Takes mails that are due.
    Pull {
        /// The organization's name.
        organization: String,
        /// The name of the way out.
        way: String,
        /// Mails at most.
        limit: usize,
        /// For so many seconds they are his.
        seconds: i64,
    },
    /// The end of a mail is about to go out.
    Begun(TicketName),
    /// What became of a mail.
    Report(TicketName, OutsideReport),
}

/// That somebody holds a mail.
#[derive(Serialize, Deserialize)]
pub struct TicketName {
    /// The organization's name.
    pub organization: String,
    /// The id of the e-mail.
    pub email: String,
    /// The attempt under which it was pulled.
    pub attempt: i32,
}

/// What became of a mail that was pulled.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutsideReport {
    /// The server's replies: address, code, words.
    Answered(Vec<(String, u16, String)>),
    /// It did not go, for this reason.
    NotSent(String),
    /// Nobody knows, for this reason.
    Uncertain(String),
    /// Nothing was tried.
    GivenBack,
}

/// A mail that was pulled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PulledRow {
    /// The id of the e-mail.
    pub email: String,
    /// The attempt; it is said with whatever is reported.
    pub attempt: i32,
    /// The sender in the envelope; empty for the null sender.
    pub from: String,
    /// The recipients in the envelope.
    pub to: Vec<String>,
    /// Whether its writer wants to hear that it was delivered (RFC 3461).
    pub wants_report: bool,
    /// The mail, signed, in base64.
    pub base64: String,
}

pub(super) async fn run(house: &Arc<House>, request: OutsideRequest) -> Result<Reply, CommandError> {
    match request {
        OutsideRequest::Add { organization: of, name, return_domain } => {
            let organization = organization(house, &of)?;
            let lead_back = |domain: String| outbox::lead_back(&house.store, &organization, &domain);
            let return_domain = return_domain.map(lead_back).transpose()?;
            outbox::add_outside(&organization, (&name, return_domain), house.moment()?).await?;
            Ok(Reply::Done)
        }
        OutsideRequest::Pull { organization, way, limit, seconds } => {
            pull(house, (&organization, &way), (limit, seconds)).await
        }
        OutsideRequest::Begun(of) => {
            let (organization, ticket) = (organization(house, &of.organization)?, ticket(&of)?);
            match outbox::begun(&organization, ticket, house.moment()?).await? {
                true => Ok(Reply::Done),
                false => Err(lost(of.email)),
            }
        }
        OutsideRequest::Report(of, outcome) => {
            let (organization, ticket) = (organization(house, &of.organization)?, ticket(&of)?);
            let reported = (ticket, reported(outcome)?);
            match outbox::report(&organization, reported, house.moment()?).await? {
                Settled::Lost => Err(lost(of.email)),
                Settled::Ended | Settled::Waits(_) | Settled::ForAPerson => Ok(Reply::Done),
            }
        }
    }
}

fn lost(email: String) -> CommandError {
    CommandError::NotNow {
        email,
        why: "is not held by that attempt any more: nothing may go out, and nothing was noted",
    }
}

async fn pull(
    house: &Arc<House>,
    (of, way): (&str, &str),
    (limit, seconds): (usize, i64),
) -> Result<Reply, CommandError> {
    let organization = organization(house, of)?;
    let way = outbox::way_named(&organization, way)?;
    let mut rows = Vec::new();
    let pull = Pull { way, limit, seconds };
    let handed = outbox::background_send(&organization, pull, house.moment()?).await?;
    for pulled in handed.mails {
        let claimed = Arc::clone(&pulled.claimed);
        let (loaded, raw) = match ready(house, &organization, pulled.loaded, &claimed).await {
            Ok(ready) => ready,
            Err(tried) => {
                let ends = Ends { tried: [(claimed, tried)].into(), ending: Vec::new() };
                // What else was pulled he is told of all the same.
                if let Err(error) = outbox::write_down(&organization, ends, house.moment()?).await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "what became of a mail was not written down"
                    );
                }
                continue;
            }
        };
        rows.push(PulledRow {
            email: pulled.ticket.email.to_string(),
            attempt: pulled.ticket.attempt,
            from: loaded.mail_from,
            to: pulled.recipients,
            wants_report: loaded.wants_report,
            base64: STANDARD.encode(&raw),
        });
    }
    // Whole ones: whoever comes too early waits again.
    let seconds = |left: Duration| left.as_secs() + u64::from(left.subsec_nanos() > 0);
    Ok(Reply::Pulled(rows, handed.more_in.map(seconds)))
}

/// A mail as it is handed out: the hook was asked, and it is signed. Else what became of it.
async fn ready(
    house: &Arc<House>,
    organization: &Arc<Organization>,
    mut loaded: Loaded,
    claimed: &Claimed,
) -> Result<(Loaded, Arc<[u8]>), Tried> {
    let not_sent = |words| Tried::NotSent { words, replies: Vec::new() };
    let asker = Asker { house, organization, by: By::Outside };
    match asker.next(claimed, &loaded).await.map_err(not_sent)? {
        Next::Goes(_, raw) => loaded.raw = raw,
        Next::Settled(tried) => return Err(tried),
    }
    let raw = signer::signed(house, organization, loaded.travelling()).await.map_err(not_sent)?;
    Ok((loaded, raw))
}

fn ticket(of: &TicketName) -> Result<Ticket, CommandError> {
    let email = of.email.parse().map_err(|_| CommandError::NoEmail(of.email.clone()))?;
    Ok(Ticket { email, attempt: of.attempt })
}

fn reported(outcome: OutsideReport) -> Result<Reported, CommandError> {
    Ok(match outcome {
        OutsideReport::Answered(replies) => {
            let one = |(recipient, code, text): (String, u16, String)| {
                Ok::<_, CommandError>((address(&recipient)?, RecipientReply { code, text }))
            };
            Reported::Answered(replies.into_iter().map(one).collect::<Result<_, _>>()?)
        }
        OutsideReport::NotSent(words) => Reported::NotSent(words),
        OutsideReport::Uncertain(words) => Reported::Uncertain(words),
        OutsideReport::GivenBack => Reported::GivenBack,
    })
}
