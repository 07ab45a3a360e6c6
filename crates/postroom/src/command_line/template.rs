//! `postroom template`: its arguments, requests made of them, and templates in words.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use postroom::commands::{
    PreviewTemplate, Reply, Request, SetTemplate, TemplateName, TemplateRequest, TemplateRow, TemplateText,
};
use serde_json::Value;

use super::show::printable;
use super::{Counter, End, read_file, show};

#[derive(Subcommand)]
pub(crate) enum TemplateCommand {
    /// Add a template. Fields stand in it as {{ contact.firstname or "Customer" }} or {!contact:firstname;Customer}: of
    /// account, contact, lead, email, sender, organization, and of record, whichever it is.
    Add(TemplateArguments),
    /// Say anew what a template is; what is not given stays.
    Set {
        #[command(flatten)]
        new: TemplateArguments,
        /// Set it if it is still this version, as an export says it; else nothing is done.
        #[arg(long, value_name = "VERSION")]
        seen: Option<String>,
    },
    /// List the templates.
    List {
        /// One organization; else all.
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
    },
    /// Print a template.
    Show(NameArguments),
    /// Take a template away, in all languages or in one.
    Remove(NameArguments),
    /// Print the mail that would be made of it, with the values of a record, and what is missing there.
    Preview {
        #[command(flatten)]
        name: NameArguments,
        /// The record: the id of an account, contact, lead or e-mail, or the address of a customer.
        #[arg(long, value_name = "ID")]
        regarding: Option<String>,
        /// Who would write: the address of a user or a queue.
        #[arg(long, value_name = "ADDRESS")]
        from: Option<String>,
    },
    /// Write templates, in all their languages, to a JSON file, or into a folder that is there: a file for each title.
    Export {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// One title; else all.
        #[arg(long, value_name = "TITLE")]
        title: Option<String>,
        /// The file, or the folder; - for standard output.
        path: PathBuf,
    },
    /// Bring templates that were exported. Those that are there become as they are brought, if they are still what was exported:
    /// all, or where one is wrong none.
    Import {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// Also in place of what somebody has changed since, or wrote himself.
        #[arg(long)]
        over: bool,
        /// The file, or the folder; - for standard input.
        path: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct NameArguments {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: String,
    /// The language, such as de or pt-BR; else the one for any.
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// The user whose own it is; else it is everybody's.
    #[arg(long, value_name = "ADDRESS")]
    owner: Option<String>,
    /// Its title.
    title: String,
}

#[derive(Args)]
pub(crate) struct TemplateArguments {
    #[command(flatten)]
    name: NameArguments,
    /// The kind of record it is for: account, contact, lead or any.
    #[arg(long = "for", value_name = "KIND")]
    kind: Option<String>,
    /// Its subject.
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// The file with its HTML (UTF-8); - for standard input.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The file with its text (UTF-8); where there is HTML alone it is made of that.
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
}

pub(super) async fn template(house: &mut Counter, command: TemplateCommand) -> anyhow::Result<End> {
    let request = match command {
        TemplateCommand::Add(new) => TemplateRequest::Add(set(new)?),
        TemplateCommand::Set { new, seen } => TemplateRequest::Set(SetTemplate { seen, ..set(new)? }),
        TemplateCommand::List { org } => TemplateRequest::List(org),
        TemplateCommand::Show(of) => TemplateRequest::Show(name(of)),
        TemplateCommand::Remove(of) => TemplateRequest::Remove(name(of)),
        TemplateCommand::Preview { name: of, regarding, from } => {
            TemplateRequest::Preview(PreviewTemplate { name: name(of), regarding, from })
        }
        TemplateCommand::Export { org: organization, title, path } => {
            let reply = ask(house, TemplateRequest::Export { organization, title }).await?;
            let Reply::Templates(json) = reply else { bail!("the house answered something else") };
            write(&path, &json)?;
            return Ok(End::Well);
        }
        TemplateCommand::Import { org: organization, over, path } => {
            TemplateRequest::Import { organization, json: read(&path)?, over }
        }
    };
    show::reply(&ask(house, request).await?)
}

async fn ask(house: &mut Counter, request: TemplateRequest) -> anyhow::Result<Reply> {
    house.ask(Request::Template(request)).await
}

fn name(of: NameArguments) -> TemplateName {
    TemplateName { organization: of.org, title: of.title, language: of.language, owner: of.owner }
}

fn set(new: TemplateArguments) -> anyhow::Result<SetTemplate> {
    let TemplateArguments { name: of, kind, subject, html, text } = new;
    let (html, text) = (html.as_deref().map(text_of).transpose()?, text.as_deref().map(text_of).transpose()?);
    Ok(SetTemplate { name: name(of), kind, subject, html, text, seen: None })
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    String::from_utf8(read_file(path)?).with_context(|| format!("{} is no UTF-8", path.display()))
}

/// What was exported: one file, or all files of a folder that end with `.json`, by name.
fn read(path: &Path) -> anyhow::Result<String> {
    if !path.is_dir() {
        return text_of(path);
    }
    let cannot = || format!("{} cannot be read", path.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(path).with_context(cannot)? {
        let file = entry.with_context(cannot)?.path();
        files.extend(Some(file).filter(|file| file.extension().is_some_and(|ending| ending == "json")));
    }
    files.sort();
    let mut all = Vec::new();
    for file in &files {
        let list: Vec<Value> =
            serde_json::from_str(&text_of(file)?).with_context(|| format!("{}", file.display()))?;
        all.extend(list);
    }
    Ok(serde_json::to_string(&all)?)
}

fn write(path: &Path, json: &str) -> anyhow::Result<()> {
    if path == Path::new("-") {
        return Ok(writeln!(io::stdout(), "{json}")?);
    }
    if !path.is_dir() {
        return fs::write(path, format!("{json}\n"))
            .with_context(|| format!("{} cannot be written", path.display()));
    }
    let mut files: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for variant in serde_json::from_str::<Vec<Value>>(json)? {
        let title = variant.get("title").and_then(Value::as_str).unwrap_or_default();
        files.entry(file_name(title)).or_default().push(variant);
    }
    for (name, variants) in files {
        let file = path.join(name);
        let json = serde_json::to_string_pretty(&variants)?;
        fs::write(&file, format!("{json}\n"))
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(())
}

/// Bytes of a file's name that come of a title; most systems take 255 in all.
const NAME_BYTES_MAX: usize = 120;

/// A title as the name of a file: what may lead elsewhere is written as %2F, and titles that begin alike are told apart.
fn file_name(title: &str) -> String {
    let mut name = String::new();
    for byte in title.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b' ' | b'-' => name.push(char::from(byte)),
            // Some systems know no capital letters.
            b'A'..=b'Z' => name.push_str(&format!("+{}", char::from(byte).to_ascii_lowercase())),
            other => name.push_str(&format!("%{other:02x}")),
        }
    }
    if name.len() > NAME_BYTES_MAX {
        let digest = message::identity::raw_digest(title.as_bytes());
        let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        name.truncate(NAME_BYTES_MAX);
        name = format!("{name}~{digest}");
    }
    format!("{}.json", name.trim_end())
}

pub(super) fn cells(row: &TemplateRow) -> Vec<String> {
    let owner = row.owner.clone().unwrap_or_default();
    let (organization, title, language) = (row.organization.clone(), row.title.clone(), row.language.clone());
    vec![organization, title, language, row.kind.clone(), owner, printable(&row.subject)]
}

/// A template or a mail that was made of it; what is missing goes beside it.
pub(super) fn text(text: &TemplateText) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "Subject: {}", printable(&text.subject))?;
    let parts = [("HTML", &text.html), ("Text", &text.text)];
    for (name, part) in parts.into_iter().filter_map(|(name, part)| Some((name, part.as_ref()?))) {
        writeln!(out, "\n--- {name}\n{}", part.trim_end_matches('\n'))?;
    }
    out.flush()?;
    let mut beside = io::stderr().lock();
    text.cautions.iter().try_for_each(|caution| writeln!(beside, "postroom: {}", printable(caution)))
}

pub(super) fn imported(count: usize) -> io::Result<()> {
    writeln!(io::stdout(), "{count} templates")
}
