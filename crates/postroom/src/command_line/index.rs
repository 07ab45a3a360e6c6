//! `postroom index`: how far the text index is, and making it anew with a bar.

use std::io::{self, Write};

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use postroom::commands::{IndexRequest, IndexRow, LEFT_MAX, Reply, Request};

use super::arguments::IndexCommand;
use super::{Counter, End, show};

pub(super) async fn index(house: &mut Counter, command: IndexCommand) -> anyhow::Result<End> {
    match command {
        IndexCommand::Status { org } => {
            show::reply(&house.ask(Request::Index(IndexRequest::State(org))).await?)
        }
        IndexCommand::Rebuild { org } => rebuild(house, org).await,
    }
}

async fn rebuild(house: &mut Counter, org: String) -> anyhow::Result<End> {
    let before = one(house.ask(Request::Index(IndexRequest::State(Some(org.clone())))).await?)?;
    house.ask(Request::Index(IndexRequest::Discard(org.clone()))).await?;
    let bar = bar(before.indexed.max(before.left));
    loop {
        let row = one(house.ask(Request::Index(IndexRequest::Fill(org.clone()))).await?)?;
        bar.set_position(u64::try_from(row.indexed).unwrap_or(0));
        if row.left == 0 {
            bar.finish_and_clear();
            writeln!(io::stdout(), "{}: {} e-mails indexed", row.organization, row.indexed)?;
            return Ok(End::Well);
        }
    }
}

fn one(reply: Reply) -> anyhow::Result<IndexRow> {
    match reply {
        Reply::Indexes(rows) => match rows.into_iter().next() {
            Some(row) => Ok(row),
            None => bail!("the house told of no index"),
        },
        _ => bail!("the house answered something else"),
    }
}

/// Shown on a terminal only.
fn bar(emails: i64) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(emails).unwrap_or(0));
    match ProgressStyle::with_template("{bar:40} {pos} e-mails {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A line of the list.
pub(super) fn cells(row: &IndexRow) -> Vec<String> {
    let left = match row.left {
        0 => "up to date".to_owned(),
        LEFT_MAX.. => format!("{LEFT_MAX} or more to go"),
        left => format!("{left} to go"),
    };
    let up_to =
        row.up_to.clone().map_or_else(|| "nothing yet".to_owned(), |time| format!("indexed up to {time}"));
    vec![row.organization.clone(), format!("{} e-mails", row.indexed), left, up_to]
}
