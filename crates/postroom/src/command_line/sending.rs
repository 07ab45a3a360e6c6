//! `postroom send`: its arguments, and the request made of them.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use postroom::commands::{EarlierMail, OutboxRequest, Request, SendMail, SentFile, When};

use super::read_file;

#[derive(Args)]
pub(crate) struct SendArguments {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: String,
    /// Who writes: the address of a user or a queue.
    #[arg(long, value_name = "ADDRESS")]
    from: String,
    /// To whom, such as "Zoë <zoe@example.com>"; any number of times. An answer goes by itself to whoever wrote.
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<String>,
    /// Who else is to see it.
    #[arg(long, value_name = "ADDRESS")]
    cc: Vec<String>,
    /// Who else is to see it, unseen by the others.
    #[arg(long, value_name = "ADDRESS")]
    bcc: Vec<String>,
    /// Its subject; an answer and a forward have theirs.
    #[arg(long, value_name = "TEXT", default_value = "")]
    subject: String,
    /// The tracking token at the end of its subject, as `postroom outbox token` gave it; else one is drawn where
    /// `postroom org subject-tokens` is on.
    #[arg(long, value_name = "TOKEN", conflicts_with = "draft")]
    token: Option<String>,
    #[command(flatten)]
    earlier: EarlierArguments,
    /// The file with its HTML (UTF-8). What is active in it is left out. The text is made of it where none is given.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Make it of this template, by its title, with the values of the record that it is about, else of the e-mail that it
    /// answers. It goes to that record where nobody else is named.
    #[arg(long, value_name = "TITLE", conflicts_with_all = ["html", "text"])]
    template: Option<String>,
    /// The language of the template, such as de.
    #[arg(long, value_name = "TAG", requires = "template")]
    language: Option<String>,
    /// Put the signature of the user who writes below it: see `postroom user signature`.
    #[arg(long)]
    signature: bool,
    /// A file to attach; any number of times. A picture stands where the HTML has <img src="cid:NAME">.
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// The record that it is about, by its id; else that of the conversation.
    #[arg(long, value_name = "ID")]
    regarding: Option<String>,
    /// How much it matters.
    #[arg(long, value_enum, default_value = "normal")]
    importance: ImportanceName,
    /// Ask to be told that it was read, or delivered, or both.
    #[arg(long, value_enum, value_name = "WHICH")]
    receipt: Vec<Receipt>,
    /// It goes to many, though each has a mail of his own: behind what persons write, marked so that no program answers it, and
    /// not to those whose record says `donotbulkemail`.
    #[arg(long, conflicts_with_all = ["answers", "reply_all"])]
    bulk: bool,
    #[command(flatten)]
    when: WhenArguments,
    /// Keep it as a draft: `postroom draft send` sends it.
    #[arg(long, conflicts_with_all = ["at", "undo", "key"])]
    draft: bool,
    /// Under one key, such as "invoice 4711", it is sent once, however often this is called.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The file with its text (UTF-8); - for standard input.
    #[arg(required_unless_present_any = ["html", "template"])]
    text: Option<PathBuf>,
}

/// When a mail goes out.
#[derive(Args)]
pub(crate) struct WhenArguments {
    /// Send it at this time, such as "2026-11-28 09:00" or 2026-11-28T09:00:00+01:00.
    #[arg(long, value_name = "TIME", conflicts_with = "undo")]
    at: Option<String>,
    /// Send it in so many seconds: until then `postroom draft take-back` makes it a draft again.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(..=86_400))]
    undo: Option<u32>,
}

impl WhenArguments {
    pub(super) fn read(&self) -> anyhow::Result<Option<When>> {
        let in_seconds = self.undo.map(|seconds| When::In(i64::from(seconds)));
        Ok(self.at.as_deref().map(time).transpose()?.map(When::At).or(in_seconds))
    }
}

/// One earlier e-mail at most.
#[derive(Args)]
struct EarlierArguments {
    /// Answer this e-mail, by its id: to its Reply-To or its sender, with its text below.
    #[arg(long, value_name = "ID", group = "earlier")]
    answers: Option<String>,
    /// Answer all who are on this e-mail.
    #[arg(long, value_name = "ID", group = "earlier")]
    reply_all: Option<String>,
    /// Carry this e-mail on, with its files.
    #[arg(long, value_name = "ID", group = "earlier")]
    forward: Option<String>,
    /// Leave the text of that e-mail out.
    #[arg(long, requires = "earlier")]
    no_quote: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum ImportanceName {
    Low = -1,
    Normal = 0,
    High = 1,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Receipt {
    Read,
    Delivery,
}

pub(super) fn send(mail: SendArguments) -> anyhow::Result<Request> {
    let text = mail.text.as_deref().map(read_text).transpose()?.unwrap_or_default();
    let html = mail.html.as_deref().map(read_text).transpose()?;
    let when = mail.when.read()?;
    let EarlierArguments { answers, reply_all, forward, no_quote } = mail.earlier;
    let answered = answers.map(|id| (id, EarlierMail::Answered));
    let to_all = reply_all.map(|id| (id, EarlierMail::AnsweredToAll));
    let forwarded = forward.map(|id| (id, EarlierMail::Forwarded));
    Ok(Request::Outbox(OutboxRequest::Send(Box::new(SendMail {
        organization: mail.org,
        from: mail.from,
        to: mail.to,
        cc: mail.cc,
        bcc: mail.bcc,
        subject: mail.subject,
        token: mail.token,
        text,
        html,
        template: mail.template.map(|title| (title, mail.language)),
        is_signed: mail.signature,
        files: mail.attach.iter().map(|path| file(path)).collect::<anyhow::Result<_>>()?,
        earlier: answered.or(to_all).or(forwarded),
        is_without_quotation: no_quote,
        regarding: mail.regarding,
        importance: mail.importance as i32,
        wants_read_receipt: mail.receipt.contains(&Receipt::Read),
        wants_delivery_receipt: mail.receipt.contains(&Receipt::Delivery),
        when,
        is_bulk: mail.bulk,
        is_draft: mail.draft,
        key: mail.key,
    }))))
}

pub(super) fn read_text(path: &Path) -> anyhow::Result<String> {
    String::from_utf8(read_file(path)?).with_context(|| format!("{} is no UTF-8", path.display()))
}

fn file(path: &Path) -> anyhow::Result<SentFile> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(SentFile { name, base64: STANDARD.encode(read_file(path)?) })
}

/// A time with its zone, or one of this machine's, in milliseconds since 1970.
fn time(text: &str) -> anyhow::Result<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_millisecond());
    }
    let Ok(local) = text.parse::<DateTime>() else {
        bail!("“{text}” is no time: 2026-11-28 09:00 is one")
    };
    Ok(local.to_zoned(TimeZone::system())?.timestamp().as_millisecond())
}
