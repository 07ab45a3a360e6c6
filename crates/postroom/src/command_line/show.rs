//! Replies as lines for people.

use std::io::{self, Write};

use postroom::commands::{
    NewSinkCredential, NodeRow, QueueRow, Reply, SinkCredentialRow, SinkRow, TestedMailbox, UserRow,
    VerifiedRow, faults,
};

use super::End;

/// Shows a reply; books that do not add up are faults.
pub(super) fn reply(reply: &Reply) -> anyhow::Result<End> {
    match reply {
        Reply::Organizations(rows) => table(rows.iter().map(|row| vec![row.name.clone(), row.id.clone()])),
        Reply::Nodes(rows) => return nodes(rows),
        Reply::Mailboxes(rows) => table(rows.iter().map(super::mailbox::cells)),
        Reply::Servers(rows) => table(rows.iter().map(super::mailbox::server_cells)),
        Reply::TestedMailbox(tested) => return tested_mailbox(tested),
        Reply::Keys(rows) => return super::secrets::keys(rows),
        Reply::Rotated(rotated) => return super::secrets::rotated(rotated),
        Reply::Users(rows) => users(rows),
        Reply::Queues(rows) => table(rows.iter().map(queue)),
        Reply::Sinks(rows) => table(rows.iter().map(sink)),
        Reply::NewSinkCredential(made) => new_credential(made),
        Reply::SinkCredentials(rows) => table(rows.iter().map(credential)),
        Reply::Verified(rows) => return verified(rows),
        Reply::SentMail(id) => super::outbox::sent(id),
        Reply::Token(token) => super::outbox::sent(token),
        Reply::Signature(text, html) => super::drafts::signature_text(text, html.as_deref()),
        Reply::Senders(rows) => table(rows.iter().map(super::drafts::cells)),
        Reply::Moved(mails) => writeln!(io::stdout(), "{mails} mails go by the other way out now"),
        Reply::Outbox(rows) => table(rows.iter().map(super::outbox::cells)),
        Reply::OutboxLimits(rows) => table(rows.iter().map(super::outbox::limit_cells)),
        Reply::Relays(rows) => table(rows.iter().map(super::outbox::relay_cells)),
        Reply::TemplateList(rows) => table(rows.iter().map(super::template::cells)),
        Reply::Template(text) => super::template::text(text),
        Reply::ImportedTemplates(count) => super::template::imported(*count),
        Reply::Suppressions(rows) => table(rows.iter().map(super::suppression::cells)),
        Reply::Untold(rows) => table(rows.iter().map(super::hooks::cells)),
        Reply::ToldAgain(count) => super::hooks::told(*count),
        Reply::Indexes(rows) => table(rows.iter().map(super::index::cells)),
        Reply::Done
        | Reply::DomainKeys(_)
        | Reply::Imported(_)
        | Reply::ConsentStep(_)
        | Reply::Consent(_)
        | Reply::CheckedHouse(_)
        | Reply::Checked(_)
        | Reply::Tracked(_)
        | Reply::Templates(_)
        | Reply::Undeliverables(_)
        | Reply::Undeliverable(_)
        | Reply::Mail(_)
        | Reply::Pulled(..)
        | Reply::Replayed(_)
        | Reply::ReplayedAll(_)
        | Reply::TrackedMailbox(_)
        | Reply::BackedUp(_)
        | Reply::Restored(_)
        | Reply::Held(_)
        | Reply::Stage(_)
        | Reply::Origin(_) => Ok(()),
    }?;
    Ok(End::Well)
}

/// The nodes, what none of them does and wherein they differ: faults, for they wait for nobody.
fn nodes(rows: &[NodeRow]) -> anyhow::Result<End> {
    table(rows.iter().map(super::node::cells))?;
    let faults = faults(rows);
    for words in &faults {
        writeln!(io::stdout(), "{words}")?;
    }
    Ok(if faults.is_empty() { End::Well } else { End::WithFaults })
}

/// What servers say is written by strangers.
fn tested_mailbox(tested: &TestedMailbox) -> anyhow::Result<End> {
    table(tested.lines.iter().map(|line| vec![line.clone()]))?;
    Ok(if tested.is_well { End::Well } else { End::WithFaults })
}

/// A password that was made is shown this once.
pub(super) fn new_password(password: Option<&str>) -> io::Result<()> {
    match password {
        Some(password) => writeln!(io::stdout(), "password  {password}"),
        None => Ok(()),
    }
}

fn users(rows: &[UserRow]) -> io::Result<()> {
    if let [user] = rows {
        let mut out = io::stdout().lock();
        writeln!(out, "user      {} <{}>, keeps {}", user.name, user.address, user.filter)?;
        writeln!(out, "sink key  {}", user.sink_key)?;
        for address in &user.sink_addresses {
            writeln!(out, "forward   {address}")?;
        }
        return out.flush();
    }
    table(rows.iter().map(|row| {
        let sign_in = if row.has_password { "signs in" } else { "no password" };
        let admin = if row.is_administrator { "administrator" } else { "user" };
        let (name, address, filter) = (row.name.clone(), row.address.clone(), row.filter.clone());
        vec![name, address, filter, admin.to_owned(), sign_in.to_owned(), row.sink_key.clone()]
    }))
}

fn queue(row: &QueueRow) -> Vec<String> {
    let acknowledges = row.acknowledges.as_ref().map(|title| format!("acknowledges: {title}"));
    vec![row.name.clone(), row.address.clone(), row.filter.clone(), acknowledges.unwrap_or_default()]
}

fn sink(row: &SinkRow) -> Vec<String> {
    let networks = if row.networks.is_empty() { "this machine".to_owned() } else { row.networks.join(" ") };
    let believed = match row.refusing_networks.as_slice() {
        [] => String::new(),
        all => format!("believed: {}", all.join(" ")),
    };
    vec![row.address.clone(), networks, believed]
}

/// The secret is shown this once.
fn new_credential(made: &NewSinkCredential) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "name    {}\nsecret  {}", made.name, made.secret)?;
    out.flush()
}

fn credential(row: &SinkCredentialRow) -> Vec<String> {
    let believed = match (&row.user, row.is_refusing) {
        (Some(user), _) => format!("believed: {user}"),
        (None, true) => "believed: all of us".to_owned(),
        (None, false) => String::new(),
    };
    vec![row.name.clone(), row.created.clone(), believed]
}

fn verified(rows: &[VerifiedRow]) -> anyhow::Result<End> {
    let mut out = io::stdout().lock();
    for row in rows {
        let end = if row.faults.is_empty() { "all is well" } else { "with faults:" };
        writeln!(out, "{}: {} copies seen, {} e-mails, {end}", row.organization, row.seen, row.emails)?;
        for fault in &row.faults {
            writeln!(out, "  {fault}")?;
        }
    }
    Ok(if rows.iter().all(|row| row.faults.is_empty()) { End::Well } else { End::WithFaults })
}

/// Columns as wide as their widest cell. What strangers wrote has its control characters taken out.
pub(super) fn table(rows: impl Iterator<Item = Vec<String>>) -> io::Result<()> {
    let rows: Vec<Vec<String>> = rows.map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell: &String| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = io::stdout().lock();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    out.flush()
}

/// A terminal obeys control characters, and subjects are written by strangers.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
