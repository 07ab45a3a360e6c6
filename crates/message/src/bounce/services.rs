//! What a service that sends for others notifies of in JSON: Amazon's (SNS with SES).

use model::{EmailAddress, limits};

use super::notice::Notice;
use super::reasons::Reason;
use super::{Bounce, Kind, Told};

/// The notice in JSON, in an envelope or without: its strings are escaped once more there.
pub(super) fn notified(notice: &Notice<'_>) -> Option<Bounce> {
    let text = notice.text.replace('\\', "");
    let kind = value(&text, "notificationType")?;
    let kind = match (kind, value(&text, "bounceType")) {
        ("Bounce", Some("Permanent")) => Kind::Hard,
        ("Bounce", Some("Undetermined")) => Kind::Unclear,
        ("Bounce", _) => Kind::Soft,
        ("Complaint", _) => Kind::Complaint,
        ("Delivery", _) => Kind::Receipt,
        _ => return None,
    };
    let words = format!("notificationType: {kind:?}");
    let of = match kind {
        Kind::Receipt => ("\"recipients\"", None),
        _ => ("edRecipients\"", Some("emailAddress")),
    };
    let listed = text.split_once(of.0).map(|(_, rest)| rest.split(']').next().unwrap_or_default())?;
    let told = |address, kind| Told { address, kind, status: String::new(), words: words.clone() };
    let recipients: Vec<Told> = match of.1 {
        None => {
            listed.split('"').filter_map(EmailAddress::parse).map(|address| told(address, kind)).collect()
        }
        Some(name) => {
            let listed =
                listed.split('{').filter_map(|one| Some((EmailAddress::parse(value(one, name)?)?, one)));
            listed.map(|(address, one)| told(address, by_reply(one, kind))).collect()
        }
    };
    let kind = recipients.iter().map(|told| told.kind).max().unwrap_or(kind);
    Some(Bounce { kind, recipients: recipients.into_iter().take(limits::RECIPIENTS_MAX).collect(), words })
}

/// What the server answered says more than Amazon, to whom a full mailbox may be one for good.
fn by_reply(one: &str, kind: Kind) -> Kind {
    let is_failure = matches!(kind, Kind::Hard | Kind::Soft | Kind::Unclear);
    let reason = value(one, "diagnosticCode").filter(|_| is_failure).and_then(Reason::somewhere);
    reason.map_or(kind, |reason| reason.kind)
}

/// A string by its name.
fn value<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("\"{name}\""))?;
    rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?.split('"').next()
}
