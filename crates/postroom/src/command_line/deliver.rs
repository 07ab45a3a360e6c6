//! `postroom deliver`: a mail on standard input goes to the house that serves, by LMTP over its socket.
//!
//! What passes through: what a mail server or filter pipes to a program, into an answer in the words of sysexits.h.
//!
//! *Invariant:* it opens no database, and whatever goes wrong on our side is 75: the mail stays where it is and comes
//! again. 0 only after the house has said that the mail is kept for every recipient.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use connect::lmtp::{Envelope, Lmtp, Reply};
use connect::{ConnectError, Patience};
use model::limits;
use postroom::Settings;

#[derive(Args)]
pub(crate) struct DeliverArguments {
    /// The envelope sender; nothing, <> or MAILER-DAEMON for the null sender. Without it the one of a leading
    /// "From " line, as filters write it, else the null sender.
    #[arg(long, short = 'f', value_name = "ADDRESS", allow_hyphen_values = true)]
    sender: Option<String>,
    /// A recipient; may be given several times, and as arguments too.
    #[arg(long = "recipient", value_name = "ADDRESS", allow_hyphen_values = true)]
    recipients: Vec<String>,
    /// Take sender and recipient from the variables SENDER and RECIPIENT, as Exim sets them: it puts no address that
    /// came from outside into arguments.
    #[arg(long, conflicts_with_all = ["sender", "recipients", "more"])]
    environment: bool,
    /// The socket of the house; else as the settings say.
    #[arg(long, value_name = "FILE")]
    socket: Option<PathBuf>,
    /// Recipients. They are best written behind --.
    #[arg(value_name = "RECIPIENT")]
    more: Vec<String>,
}

/// How it ended: sysexits.h, which mail servers read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Exit {
    Kept = 0,
    UnknownRecipient = 67,
    Unavailable = 69,
    NotAllowed = 77,
    TryAgain = 75,
}

/// The words, and how it ended. They may be told to the sender.
type Failed = (Exit, String);

/// Whether the arguments of this process are those of `postroom deliver`.
pub(super) fn is_meant(arguments: impl Iterator<Item = String>) -> bool {
    let mut arguments = arguments.skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--settings" => drop(arguments.next()),
            option if option.starts_with('-') => {}
            command => return command == "deliver",
        }
    }
    false
}

/// What a mail server's configuration gets wrong must not send mail back to people.
pub(super) fn misused(error: &clap::Error) -> ExitCode {
    super::complain(&anyhow::anyhow!("{error}"));
    ExitCode::from(Exit::TryAgain as u8)
}

/// Reads a mail and hands it over.
pub(super) fn deliver(arguments: DeliverArguments, settings: Option<&Path>) -> ExitCode {
    let delivered = catch_unwind(AssertUnwindSafe(|| hand_over(arguments, settings)));
    let exit = match delivered {
        Ok(Ok(())) => Exit::Kept,
        Ok(Err((exit, words))) => {
            super::complain(&anyhow::anyhow!(words));
            exit
        }
        Err(_) => Exit::TryAgain,
    };
    ExitCode::from(exit as u8)
}

fn hand_over(arguments: DeliverArguments, settings: Option<&Path>) -> Result<(), Failed> {
    let DeliverArguments { mut sender, mut recipients, environment, socket, more } = arguments;
    // Read first: whoever writes to us would be told of a broken pipe.
    let raw = read_mail(&mut io::stdin().lock())?;
    recipients.extend(more);
    if environment {
        sender = std::env::var("SENDER").ok();
        recipients.extend(std::env::var("RECIPIENT").ok().filter(|recipient| !recipient.is_empty()));
    }
    if recipients.is_empty() {
        return Err((Exit::TryAgain, "no recipient was given".to_owned()));
    }
    let socket = match socket {
        Some(socket) => socket,
        None => {
            let settings = Settings::read(settings, |name| std::env::var(name).ok());
            settings.map_err(|error| later(&format!("{:#}", anyhow::Error::from(error))))?.lmtp_socket()
        }
    };
    let (noted, mail) = without_from_line(&raw);
    let sender = null_or(sender.or(noted).unwrap_or_default());
    let envelope = Envelope::new(sender, recipients.iter().cloned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| later(&error))?;
    let replies = runtime.block_on(send(&socket, &envelope, mail)).map_err(|error| later(&error))?;
    ended(&recipients, &replies)
}

async fn send(socket: &Path, envelope: &Envelope, mail: &[u8]) -> Result<Vec<Reply>, ConnectError> {
    // RFC 5321 §4.5.3.2.6: whoever hands mail over waits ten minutes for the answer.
    let patience = Patience { answer: Duration::from_secs(600), ..Patience::default() };
    let mut lmtp = Lmtp::at_socket(socket, patience).await?;
    let replies = lmtp.hand_over(envelope, mail).await?;
    // The mail is kept, whatever becomes of the farewell: nobody waits for it.
    Ok(replies)
}

fn later(why: &dyn std::fmt::Display) -> Failed {
    (Exit::TryAgain, why.to_string())
}

/// A mail within the limit.
fn read_mail(input: &mut impl Read) -> Result<Vec<u8>, Failed> {
    // Room for a "From " line, which does not count.
    let most = limits::MESSAGE_BYTES_MAX + FROM_LINE_BYTES_MAX;
    let mut raw = Vec::new();
    input.by_ref().take(most as u64 + 1).read_to_end(&mut raw).map_err(|error| later(&error))?;
    if raw.len() > most {
        // The rest is taken too, so that the writer hears our answer and not of a broken pipe.
        io::copy(input, &mut io::sink()).map_err(|error| later(&error))?;
        return Err((Exit::Unavailable, "the mail is too large".to_owned()));
    }
    if raw.is_empty() {
        // No mail server delivers that: one that died does.
        return Err((Exit::TryAgain, "there is no mail on standard input".to_owned()));
    }
    Ok(raw)
}

/// A leading line of mbox, as programs that filter mail write it.
const FROM_LINE_BYTES_MAX: usize = 2 * limits::ENVELOPE_ADDRESS_BYTES_MAX;

/// The sender that a leading "From " line names, and the mail behind it.
fn without_from_line(raw: &[u8]) -> (Option<String>, &[u8]) {
    let Some(line) = raw.strip_prefix(b"From ") else { return (None, raw) };
    let Some(end) = line.iter().take(FROM_LINE_BYTES_MAX).position(|byte| *byte == b'\n') else {
        return (None, raw);
    };
    let (line, mail) = line.split_at(end + 1);
    let line = String::from_utf8_lossy(line);
    (line.split_ascii_whitespace().next().map(str::to_owned), mail)
}

/// The ways in which mail servers write the null sender.
fn null_or(sender: String) -> String {
    match sender.as_str() {
        "<>" | "MAILER-DAEMON" => String::new(),
        address => {
            address.strip_prefix('<').and_then(|it| it.strip_suffix('>')).unwrap_or(address).to_owned()
        }
    }
}

/// One answer for all recipients: as long as one may be tried again, all are; the house knows what it has.
fn ended(recipients: &[String], replies: &[Reply]) -> Result<(), Failed> {
    let said = |(recipient, reply): (&String, &Reply)| {
        (exit(reply), format!("{recipient}: {} {}", reply.code, reply.text.replace('\n', " ")))
    };
    let failed = recipients.iter().zip(replies).map(said).filter(|(exit, _)| *exit != Exit::Kept);
    let failed: Vec<Failed> = failed.collect();
    if replies.len() != recipients.len() {
        return Err(later(&"the house did not answer for every recipient"));
    }
    let Some(worst) = failed.iter().map(|(exit, _)| *exit).find(|exit| *exit == Exit::TryAgain) else {
        let Some((exit, _)) = failed.first() else { return Ok(()) };
        return Err((*exit, words(&failed)));
    };
    Err((worst, words(&failed)))
}

fn words(failed: &[Failed]) -> String {
    failed.iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>().join("; ")
}

fn exit(reply: &Reply) -> Exit {
    match reply {
        reply if reply.is_positive() => Exit::Kept,
        reply if !reply.is_lasting() => Exit::TryAgain,
        Reply { text, .. } if text.starts_with("5.1.1 ") => Exit::UnknownRecipient,
        Reply { text, .. } if text.starts_with("5.7.") => Exit::NotAllowed,
        _ => Exit::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, text: &str) -> Reply {
        Reply { code, text: text.to_owned(), is_ours: false }
    }

    #[test]
    fn a_mail_is_kept_only_where_all_are_and_tried_again_where_one_may_be() {
        let to = |count: usize| vec!["a@b.test".to_owned(); count];
        let kept = || reply(250, "2.0.0 kept");
        let (unknown, later) = (reply(550, "5.1.1 No such recipient here"), reply(451, "4.3.0 later"));
        let exit = |replies: &[Reply]| {
            ended(&to(replies.len()), replies).map_or_else(|(exit, _)| exit, |()| Exit::Kept)
        };
        assert_eq!(exit(&[kept(), kept()]), Exit::Kept);
        assert_eq!(exit(&[kept(), unknown.clone()]), Exit::UnknownRecipient);
        assert_eq!(exit(&[unknown, later]), Exit::TryAgain);
        assert_eq!(exit(&[reply(550, "5.7.1 Not allowed")]), Exit::NotAllowed);
        assert_eq!(exit(&[reply(552, "5.3.4 Message too large")]), Exit::Unavailable);
        assert_eq!(ended(&to(2), &[kept()]).unwrap_err().0, Exit::TryAgain);
    }

    #[test]
    fn a_from_line_is_no_part_of_the_mail() {
        let mail = b"From zoe@customer.test  Mon Nov 23 09:15:00 2026\nSubject: a\n\nFrom b\n";
        assert_eq!(
            without_from_line(mail),
            (Some("zoe@customer.test".to_owned()), &b"Subject: a\n\nFrom b\n"[..])
        );
        assert_eq!(without_from_line(b"From: a@b.test\n"), (None, &b"From: a@b.test\n"[..]));
        assert_eq!(null_or("<>".to_owned()) + &null_or("MAILER-DAEMON".to_owned()), "");
        assert_eq!(null_or("<a@b.test>".to_owned()), "a@b.test");
    }

    #[test]
    fn the_command_is_found_whatever_is_wrong_with_it() {
        let is_meant = |line: &str| is_meant(line.split(' ').map(str::to_owned));
        assert!(is_meant("postroom deliver --what") && is_meant("postroom --settings a deliver"));
        assert!(!is_meant("postroom org add deliver") && !is_meant("postroom --settings deliver"));
    }
}
