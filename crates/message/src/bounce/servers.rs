//! Who writes notices: the names, subjects and openings by which mail servers are known.

use super::notice::{Notice, SHORT_BYTES};
use super::{addresses, folding};
use crate::message::start_of;

/// Whether a mail server wrote it, by the names that they give themselves, or by fields that only they write.
pub(super) fn is_by_server(notice: &Notice<'_>) -> bool {
    let header = notice.message.header();
    let by_name = |mailbox: &model::Mailbox| {
        let local = mailbox.address.local_part().to_ascii_lowercase();
        let name = mailbox.name.as_deref().unwrap_or_default().to_ascii_lowercase();
        SERVERS.iter().any(|server| local.contains(server))
            || NAMES.iter().any(|server| name.contains(server))
    };
    let is_nobody = header.from.is_empty() || header.marks.from_mail_system;
    let subject = folding::folded(&header.subject);
    let is_short = notice.text.len() < SHORT_BYTES;
    let says_so = SUBJECTS.iter().any(|words| subject.starts_with(words))
        || (is_short && ANYWHERE.iter().any(|words| subject.contains(words)) && !addresses::by_lines(notice).is_empty());
    let is_by_somebody = header.marks.list || !header.in_reply_to.is_empty();
    let has_field = notice.message.field("X-Failed-Recipients").is_some();
    let returns_it = !notice.returned.is_empty()
        && is_short
        && folding::folded(&notice.text).contains("could not be delivered");
    // What a list writes to who is no member; its posts have the field too.
    let begin = folding::folded(start_of(&notice.text, SHORT_BYTES));
    let begin = begin.trim_start_matches(['*', '-', '=', '#', ' ']);
    let is_list = notice.message.field("X-MLServer").is_some() && begin.starts_with("you are not a member");
    has_field
        || is_list
        || OPENINGS.iter().any(|words| begin.starts_with(words))
        || (returns_it && !is_by_somebody)
        || header.marks.report
        || is_nobody
        || header.from.iter().chain(&header.sender).any(by_name)
        || (says_so && !is_by_somebody)
}

const SERVERS: &[&str] = &[
    "mailer-daemon",
    "postmaster",
    "mailerdaemon",
    "post_master",
    "mail-daemon",
    "maildaemon",
    "mdaemon",
    "mailer_daemon",
    "bounce",
    "mailadm",
    "mail_delivery",
];
const NAMES: &[&str] = &[
    "mail delivery",
    "mailer-daemon",
    "postmaster",
    "mail administrator",
    "delivery subsystem",
    "mail system",
    "system administrator",
    "mail router",
    "mail server",
    "mail gateway",
    "email delivery",
    "microsoft exchange",
    "microsoft outlook",
    "internet mail",
    "message router",
    "mta",
];
const SUBJECTS: &[&str] = &[
    "undeliver",
    "delivery status notification",
    "delivery failure",
    "delivery failed",
    "delivery error",
    "delivery report",
    "delivery problem",
    "delivery notification",
    "mail delivery",
    "message delivery failure",
    "message undeliverable",
    "message not delivered",
    "mail not delivered",
    "mail could not be delivered",
    "mail undeliverable",
    "non-delivery",
    "nondeliver",
    "non delivery",
    "returned mail",
    "returned e-mail",
    "failure notice",
    "failure delivery",
    "failed mail",
    "mail failure",
    "mail error",
    "mail system error",
    "email bounce",
    "email delivery failure",
    "warning: message",
    "warning: could not send",
    "bounced mail",
    "user unknown",
    "unknown user",
    "unknown address",
    "address error",
    "your message could not",
    "your mail could not",
    "not delivered",
    "error sending",
    "could not deliver",
    "unable to deliver",
    "permanent delivery failure",
    "dsn:",
    "failed:",
    "ndn:",
    "notice: mail delivery status",
    "delivery has failed",
    "delivery unsuccessful",
    "delivery status:",
    "unable to send",
    "email undeliverable",
    "e-mail undeliverable",
    "undelivered",
    "nondelivery",
    "message status - undeliverable",
    "rejected mail",
    "rejected:",
    "mail rejected",
    "blocked mail",
    "nicht zugestellt",
    "unzustellbar",
    "non remis",
    "échec de",
    "no se puede entregar",
    "no entregado",
    "non recapitabile",
    "mancato recapito",
    "não é possível entregar",
    "não foi possível entregar",
    "falha na entrega",
    "niet te bezorgen",
    "onbestelbaar",
    "nie można dostarczyć",
    "niedostarczon",
    "olevererbar",
    "kunde inte levereras",
    "kan ikke leveres",
    "nedoručiteln",
    "не доставлено",
    "недоставлен",
    "配信不能",
    "配信できません",
    "送信できません",
    "退信",
    "系统退信",
    "無法傳送",
    "无法送达",
    "無法送達",
    "未傳遞",
    "未传递",
    "배달되지",
];

/// How servers begin, whoever they say they are.
const OPENINGS: &[&str] = &[
    "this message was created automatically by mail delivery software",
    "this message was created automatically by the mail",
    "this is the mail system at host",
    "this is the postfix ",
    "this is the mail delivery agent",
    "this is an automatically generated delivery status notification",
    "this is a delivery status notification",
    "this report relates to a message you sent",
    "hi. this is the qmail-send program",
    "hi. this is the mta program",
    "hi. this is the deliver program",
    "hi. this is the james mail server",
    "hi! this is the mailer-daemon",
    "the original message was received at ",
    "a message that you sent could not be delivered",
    "delivery has failed to these recipients",
    "delivery to the following recipient",
    "your message did not reach some or all of the intended recipients",
    "message from interscan",
    "sorry, we were unable to deliver your message",
    "unable to deliver message to the following address",
    "mailenable: message delivery failure",
];

/// The same behind other words, where little is said.
const ANYWHERE: &[&str] =
    &["delivery failed", "delivery failure", "undeliverable", "undelivered", "non remis", "nicht zugestellt"];
