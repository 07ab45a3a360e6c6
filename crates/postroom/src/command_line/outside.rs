//! `postroom outbox pull`, `begun` and `report`: what a program says that sends mail of the outbox by its own means.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use postroom::commands::{
    OutboxRequest, OutsideReport, OutsideRequest, PulledRow, Reply, Request, TicketName,
};
use serde_json::json;

use super::{Counter, End};

#[derive(Args)]
pub(crate) struct PullArguments {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: String,
    /// The way out that `postroom relay outside` added.
    #[arg(long, value_name = "NAME")]
    relay: String,
    /// Hold them for so long: who has not said that he begins until then has lost them.
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 600)]
    seconds: i64,
    /// Mails at most. Where limits of speed allow less, the last line beside the mails is `Retry-After: SECONDS`.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    limit: usize,
    /// The folder where each mail becomes a file.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    into: PathBuf,
}

/// A mail that was pulled.
#[derive(Args)]
pub(crate) struct TicketArguments {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: String,
    /// The id of the e-mail, as `postroom outbox pull` printed it.
    email: String,
    /// The attempt beside it.
    attempt: i32,
}

#[derive(Args)]
pub(crate) struct ReportArguments {
    #[command(flatten)]
    of: TicketArguments,
    #[command(flatten)]
    outcome: OutcomeArguments,
}

/// One of them.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct OutcomeArguments {
    /// What the server said of a recipient, such as "zoe@customer.example 250 2.0.0 taken"; one for each.
    #[arg(long, value_name = "REPLY")]
    reply: Vec<String>,
    /// It did not go, for this reason, and is tried again.
    #[arg(long, value_name = "WORDS")]
    not_sent: Option<String>,
    /// Its end went out, and no answer came.
    #[arg(long, value_name = "WORDS")]
    uncertain: Option<String>,
    /// Nothing was tried: give it back.
    #[arg(long)]
    give_back: bool,
}

/// Pulls mails, writes them into files, and prints a line of JSON for each. Where limits of speed kept some back, it says beside that
/// after how many seconds there is more.
pub(super) async fn pull(house: &mut Counter, arguments: PullArguments) -> anyhow::Result<End> {
    let PullArguments { org, relay, seconds, limit, into } = arguments;
    ensure!(into.is_dir(), "{} is no folder", into.display());
    let pull = OutsideRequest::Pull { organization: org.clone(), way: relay, limit, seconds };
    let reply = house.ask(Request::Outbox(OutboxRequest::Outside(pull))).await?;
    let Reply::Pulled(rows, more_in) = reply else { return Ok(End::Well) };
    for (place, row) in rows.iter().enumerate() {
        if let Err(error) = save(row, &into) {
            give_back(house, &org, rows.get(place..).unwrap_or_default()).await?;
            return Err(error);
        }
    }
    if let Some(seconds) = more_in {
        writeln!(io::stderr(), "Retry-After: {seconds}")?;
    }
    Ok(End::Well)
}

/// Nobody could report on what is in no file: whoever comes next gets it.
async fn give_back(house: &mut Counter, org: &str, rows: &[PulledRow]) -> anyhow::Result<()> {
    for PulledRow { email, attempt, .. } in rows {
        let of = TicketName { organization: org.to_owned(), email: email.clone(), attempt: *attempt };
        let report = OutsideRequest::Report(of, OutsideReport::GivenBack);
        house.ask(Request::Outbox(OutboxRequest::Outside(report))).await?;
    }
    Ok(())
}

pub(super) fn begun(of: TicketArguments) -> OutsideRequest {
    OutsideRequest::Begun(of.name())
}

pub(super) fn report(report: ReportArguments) -> anyhow::Result<OutsideRequest> {
    let OutcomeArguments { reply, not_sent, uncertain, .. } = report.outcome;
    let outcome = match (not_sent, uncertain, reply.is_empty()) {
        (Some(words), ..) => OutsideReport::NotSent(words),
        (_, Some(words), _) => OutsideReport::Uncertain(words),
        (None, None, false) => {
            OutsideReport::Answered(reply.iter().map(|text| self::reply(text)).collect::<Result<_, _>>()?)
        }
        (None, None, true) => OutsideReport::GivenBack,
    };
    Ok(OutsideRequest::Report(report.of.name(), outcome))
}

impl TicketArguments {
    fn name(self) -> TicketName {
        TicketName { organization: self.org, email: self.email, attempt: self.attempt }
    }
}

/// An address, a code, and words.
fn reply(text: &str) -> anyhow::Result<(String, u16, String)> {
    let (address, rest) = text.split_once(' ').with_context(|| format!("“{text}” has no code"))?;
    let (code, words) = rest.split_once(' ').unwrap_or((rest, ""));
    let Ok(code) = code.parse() else { bail!("“{code}” is no code of a reply") };
    Ok((address.to_owned(), code, words.to_owned()))
}

/// A file that is there already is this mail.
fn save(row: &PulledRow, into: &Path) -> anyhow::Result<()> {
    let PulledRow { email, attempt, from, to, wants_report, base64 } = row;
    let file = into.join(format!("{email}-{attempt}.eml"));
    fs::write(&file, STANDARD.decode(base64)?)
        .with_context(|| format!("{} cannot be written", file.display()))?;
    let line = json!({
        "email": email, "attempt": attempt, "from": from, "to": to, "wants_report": wants_report, "file": file,
    });
    writeln!(io::stdout(), "{line}")?;
    Ok(())
}
