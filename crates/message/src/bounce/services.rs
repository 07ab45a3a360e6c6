//! What a service that sends for others notifies of in JSON: Amazon's (SNS with SES).

use model::{EmailAddress, limits};

use super::notice::Notice;
use super::{Bounce, Kind, Told};

/// The notice in JSON, in an envelope or without: its strings are escaped once more there.
pub(super) fn notified(notice: &Notice<'_>) -> Option<Bounce> {
    let text = notice.text.replace('\\', "");
    let kind = value(&text, "notificationType")?;
    let kind = match (kind, value(&text, "bounceType")) {
        ("Bounce", Some("Permanent")) => Kind::Hard,
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
    let addresses: Vec<&str> = match of.1 {
        None => listed.split('"').collect(),
        Some(name) => listed.split('{').filter_map(|one| value(one, name)).collect(),
    };
    let addresses = addresses.into_iter().filter_map(EmailAddress::parse).take(limits::RECIPIENTS_MAX);
    let told = |address| Told { address, kind, status: String::new(), words: words.clone() };
    Some(Bounce { kind, recipients: addresses.map(told).collect(), words: words.clone() })
}

/// A string by its name.
fn value<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("\"{name}\""))?;
    rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?.split('"').next()
}
