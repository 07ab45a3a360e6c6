//! `postroom check` and `postroom track`: mails from files, one answer each.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postroom::commands::{CheckMail, CheckedHouse, CheckedMail, KeptRow, Reply, Request, TrackMail, Tracked};
use serde_json::{Value, json};

use super::arguments::{CheckArguments, TrackArguments};
use super::show::{printable, table};
use super::{Counter, End, history, read_file};

/// Checks each file, whatever would become of it is no fault; without files the house itself.
pub(super) async fn check(house: &mut Counter, arguments: CheckArguments) -> anyhow::Result<End> {
    let (org, mail_from, rcpt) = match (arguments.org, arguments.mail_from, arguments.rcpt) {
        (Some(org), Some(mail_from), Some(rcpt)) => (org, mail_from, rcpt),
        (org, ..) => {
            if arguments.take_bucket {
                house.ask(Request::TakeBucket).await?;
            }
            let Reply::CheckedHouse(checked) = house.ask(Request::CheckHouse(org)).await? else {
                bail!("the house answered something else")
            };
            return checked_house(&checked, arguments.json);
        }
    };
    for file in &arguments.files {
        let request = Request::Check(CheckMail {
            organization: org.clone(),
            mail_from: mail_from.clone(),
            recipient: rcpt.clone(),
            mail: STANDARD.encode(read_file(file)?),
        });
        let reply = house.ask(request).await.with_context(|| file.display().to_string())?;
        let Reply::Checked(checked) = reply else { bail!("the house answered something else") };
        if arguments.json {
            print_json(&file.display().to_string(), serde_json::to_value(&checked)?, json!({}))?;
        } else {
            print_checked(file, &checked)?;
        }
    }
    Ok(End::Well)
}

fn checked_house(checked: &CheckedHouse, is_json: bool) -> anyhow::Result<End> {
    let trouble = checked.bucket.as_ref().and_then(|bucket| bucket.trouble.as_ref());
    if is_json {
        writeln!(io::stdout(), "{}", serde_json::to_string(checked)?)?;
    } else {
        let line = match (&checked.bucket, trouble) {
            (None, _) => "large mail is kept in files".to_owned(),
            (Some(bucket), None) => format!("large mail is kept in the bucket {}, which works", bucket.name),
            (Some(bucket), Some(trouble)) => {
                format!("large mail is kept in the bucket {}, but: {trouble}", bucket.name)
            }
        };
        writeln!(io::stdout(), "{line}")?;
        for words in &checked.undone {
            writeln!(io::stdout(), "{words}")?;
        }
        table(checked.kept.iter().map(kept))?;
    }
    Ok(if trouble.is_none() && checked.undone.is_empty() { End::Well } else { End::WithFaults })
}

fn kept(row: &KeptRow) -> Vec<String> {
    let condemned = match row.condemned {
        0 => String::new(),
        count => format!("{count} of them named by nothing"),
    };
    let amount = format!("{} mails, {} bytes", row.mails, row.bytes);
    vec![row.organization.clone(), row.place.clone(), amount, condemned]
}

/// Takes each file in, or the mails of whole mailboxes. One that ends as Undeliverable is a fault.
pub(super) async fn track(house: &mut Counter, arguments: TrackArguments) -> anyhow::Result<End> {
    if history::is_meant(&arguments) {
        return history::track(house, arguments).await;
    }
    let mut tally: BTreeMap<String, u64> = BTreeMap::new();
    for file in &arguments.files {
        let mail = STANDARD.encode(read_file(file)?);
        let request = Request::Track(TrackMail { organization: arguments.org.clone(), mail });
        let reply = house.ask(request).await.with_context(|| file.display().to_string())?;
        let Reply::Tracked(tracked) = reply else { bail!("the house answered something else") };
        if arguments.json {
            print_json(&file.display().to_string(), serde_json::to_value(&tracked)?, json!({}))?;
        } else {
            print_tracked(file, &tracked)?;
        }
        *tally.entry(tracked.outcome).or_default() += 1;
    }
    if !arguments.json {
        let words: Vec<String> = tally.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
        writeln!(io::stdout(), "{}", words.join(", "))?;
    }
    Ok(if tally.contains_key("undeliverable") { End::WithFaults } else { End::Well })
}

/// The object of one file on one line, with the file's name before all else.
pub(super) fn print_json(file: &str, answer: Value, more: Value) -> anyhow::Result<()> {
    let mut object = json!({ "file": file });
    for part in [answer, more] {
        if let (Value::Object(object), Value::Object(part)) = (&mut object, part) {
            object.extend(part);
        }
    }
    writeln!(io::stdout(), "{object}")?;
    Ok(())
}

fn print_tracked(file: &Path, tracked: &Tracked) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}: {}", file.display(), tracked.outcome)?;
    for original in &tracked.originals {
        let email = original.email.as_deref().map_or(String::new(), |id| format!(", e-mail {id}"));
        writeln!(out, "  {}, {}{email}", original.outcome, original.reason)?;
    }
    Ok(())
}

fn print_checked(file: &Path, checked: &CheckedMail) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}: {}", file.display(), checked.outcome)?;
    for found in &checked.offers {
        let (offer, decision) = (&found.offer, &found.decision);
        writeln!(
            out,
            "  {} (depth {}): “{}”",
            found.unwrap.method,
            found.unwrap.depth,
            printable(&offer.subject)
        )?;
        let none = || "–".to_owned();
        writeln!(out, "    from      {}", offer.from.clone().unwrap_or_else(none))?;
        writeln!(out, "    to        {}", [offer.to.as_slice(), &offer.cc].concat().join(", "))?;
        writeln!(out, "    id        {}", offer.message_id.as_deref().map_or_else(none, printable))?;
        let (reason, code) = (&decision.reason, decision.reason_code);
        writeln!(out, "    would be  {}, because {reason} (ReasonCode {code})", decision.outcome)?;
        if let Some(email) = &decision.correlated {
            writeln!(out, "    continues e-mail {email}, by {}", decision.correlation_method)?;
        }
        if let Some(email) = &decision.duplicate_of {
            writeln!(out, "    is        e-mail {email}")?;
        }
        for signal in &decision.signals {
            writeln!(out, "    {} {}", if signal.holds { '✓' } else { '?' }, printable(&signal.words))?;
        }
        for candidate in &decision.candidates {
            let (name, why) = (printable(&candidate.name), printable(&candidate.why));
            writeln!(out, "    {}. {} “{name}”: {why}", candidate.rank, candidate.record.entity)?;
        }
        for party in &found.parties {
            let tied = match &party.record {
                Some(record) => format!("{} {}", record.entity, record.id),
                None if party.is_ambiguous => "several records, left open".to_owned(),
                None => "no record".to_owned(),
            };
            writeln!(out, "    {:<9} {} → {tied}", party.participation, party.address)?;
        }
    }
    Ok(())
}
