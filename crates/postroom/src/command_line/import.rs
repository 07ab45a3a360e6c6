//! `postroom import`: a CSV file in batches, a progress bar, each row's fault with its line.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use csv::{ByteRecord, Reader, ReaderBuilder};
use indicatif::{ProgressBar, ProgressStyle};
use model::limits;
use model::schema::Noun;
use model::schema::customers::{Account, Contact, Lead};
use postroom::commands::{CustomerKind, Import, Imported, Reply, Request};

use super::arguments::{Customers, ImportArguments};
use super::{Counter, End, read_file};

pub(super) async fn import(house: &mut Counter, arguments: ImportArguments) -> anyhow::Result<End> {
    let bytes = read_file(&arguments.file)?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut rows =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter(text)).from_reader(text);
    let mut record = ByteRecord::new();
    if !rows.read_byte_record(&mut record)? {
        bail!("{} is empty", arguments.file.display());
    }
    let heading = cells(&record).context("the first line is not written in UTF-8")?;
    let (kind, table) = match arguments.customers {
        Customers::Accounts => (CustomerKind::Accounts, &Account::TABLE),
        Customers::Contacts => (CustomerKind::Contacts, &Contact::TABLE),
        Customers::Leads => (CustomerKind::Leads, &Lead::TABLE),
    };
    let mut batch = Batch { file: &arguments.file, sum: Imported::default(), bar: bar(text.len()) };
    let ask = |rows| {
        let organization = arguments.org.clone();
        Request::Import(Import { organization, kind, heading: heading.clone(), rows })
    };
    // Without rows the heading is judged alone, before anything is added.
    batch.count(house.ask(ask(Vec::new())).await.with_context(|| arguments.file.display().to_string())?)?;
    let is_address = |title: &String| table.column(title).is_some_and(|it| it.name == "emailaddress1");
    let address = heading.iter().position(is_address);
    let mut is_under_way = false;
    loop {
        let load = batch.load(&mut rows, address)?;
        if load.is_empty() {
            break;
        }
        for rows in load.chunks(limits::ROWS_PER_UNIT_MAX) {
            house.hand_in(ask(rows.to_vec())).await?;
            // One is made ready here while the house is at the one before.
            if std::mem::replace(&mut is_under_way, true) {
                batch.count(house.reply().await?)?;
            }
        }
        batch.bar.set_position(rows.position().byte());
    }
    if is_under_way {
        batch.count(house.reply().await?)?;
    }
    batch.end()
}

/// Rows with their lines.
type Load = Vec<(u64, Vec<String>)>;

/// Rows that are brought into order together, in units of work.
const UNITS_PER_LOAD: usize = 100;

/// What became of the rows so far.
struct Batch<'f> {
    file: &'f Path,
    sum: Imported,
    bar: ProgressBar,
}

impl Batch<'_> {
    /// The next rows of the file, in the order of their addresses: neighbors lie on one page of the table of
    /// addresses, which is then written once for many of them.
    fn load(&mut self, rows: &mut Reader<&[u8]>, address: Option<usize>) -> anyhow::Result<Load> {
        let mut load = Load::new();
        let mut record = ByteRecord::new();
        while load.len() < UNITS_PER_LOAD * limits::ROWS_PER_UNIT_MAX && rows.read_byte_record(&mut record)? {
            let line = record.position().map_or(0, csv::Position::line);
            match cells(&record) {
                Some(cells) => load.push((line, cells)),
                None => self.fault(line, "the row is not written in UTF-8")?,
            }
        }
        if let Some(place) = address {
            load.sort_by_cached_key(|(_, cells)| cells.get(place).map(|cell| cell.to_lowercase()));
        }
        Ok(load)
    }

    fn count(&mut self, reply: Reply) -> anyhow::Result<()> {
        let Reply::Imported(imported) = reply else { bail!("the house answered something else") };
        self.sum.added += imported.added;
        self.sum.here_already += imported.here_already;
        self.sum.changed += imported.changed;
        for fault in imported.faults {
            self.fault(fault.line, &fault.words)?;
        }
        Ok(())
    }

    fn fault(&mut self, line: u64, words: &str) -> io::Result<()> {
        let words = words.to_owned();
        let text = format!("{}:{line}: {}", self.file.display(), super::show::printable(&words));
        self.bar.suspend(|| writeln!(io::stderr(), "{text}"))?;
        self.sum.faults.push(postroom::commands::ImportFault { line, words });
        Ok(())
    }

    fn end(self) -> anyhow::Result<End> {
        self.bar.finish_and_clear();
        let Imported { added, here_already, changed, faults } = self.sum;
        // Who wants mail is all that a table changes of a record that is here.
        let changed = if changed > 0 { format!(" ({changed} of them changed)") } else { String::new() };
        writeln!(
            io::stdout(),
            "{added} added, {here_already} already here{changed}, {} faults",
            faults.len()
        )?;
        Ok(if faults.is_empty() { End::Well } else { End::WithFaults })
    }
}

/// The character that parts the first line in the most cells; quoted cells are not looked into.
fn delimiter(text: &[u8]) -> u8 {
    let mut counts = BTreeMap::from([(b',', 0), (b';', 0), (b'\t', 0)]);
    let mut is_quoted = false;
    for byte in text {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' if !is_quoted => break,
            byte if !is_quoted => {
                if let Some(count) = counts.get_mut(byte) {
                    *count += 1;
                }
            }
            _ => {}
        }
    }
    let most = counts.iter().max_by_key(|(byte, count)| (**count, **byte == b','));
    most.map_or(b',', |(byte, _)| *byte)
}

fn cells(record: &ByteRecord) -> Option<Vec<String>> {
    record.iter().map(|cell| std::str::from_utf8(cell).ok().map(str::to_owned)).collect()
}

/// Shown on a terminal only.
fn bar(bytes: usize) -> ProgressBar {
    let bar = ProgressBar::new(bytes as u64);
    match ProgressStyle::with_template("{bar:40} {percent}% {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::delimiter;

    #[test]
    fn the_delimiter_is_found_in_the_heading() {
        let found = |text: &str| char::from(delimiter(text.as_bytes()));
        assert_eq!(found("name,emailaddress1\na;b;c;d"), ',');
        assert_eq!(found("name;emailaddress1\na,b,c,d"), ';');
        assert_eq!(found("name\temailaddress1"), '\t');
        assert_eq!(found("\"a;b;c\",d"), ',');
        assert_eq!(found("name"), ',');
        assert_eq!(found(""), ',');
    }
}
