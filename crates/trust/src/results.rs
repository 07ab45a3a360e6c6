//! What another server found: the `Authentication-Results` field (RFC 8601), and that of a chain of seals (RFC 8617 §4.1.1).
//!
//! Anybody can write such a field. The only one that counts is the topmost of a mail that comes from the server named in
//! the settings, where it is that server's: it takes out of what comes from outside whatever bears its name (§5). One below
//! is somebody else's, and so is the topmost under another name.

use model::EmailAddress;
use model::trust::{Check, Finding, Looked, ProvenBy, Verdict};

/// The verdict of a server about a mail, where the topmost field is its own. `author` is whom the house reads in From.
pub fn of_server(raw: &[u8], server: &str, author: Option<EmailAddress>) -> Option<Verdict> {
    let fields = message::raw_fields(raw).ok()?;
    let text = String::from_utf8_lossy(fields.values("authentication-results").next()?);
    let (said_by, looked) = read(&text)?;
    if !said_by.eq_ignore_ascii_case(server) {
        return None;
    }
    Some(verdict(looked, (said_by, author)))
}

fn verdict(looked: Vec<Looked>, (said_by, author): (String, Option<EmailAddress>)) -> Verdict {
    let domain = author.as_ref().map(|author| author.domain_key()).unwrap_or_default();
    let domain = domain.trim_start_matches('@').to_owned();
    let of = |check: Check| looked.iter().filter(move |looked| looked.check == check);
    // A server that speaks of another From has read the mail in another way.
    let policy = of(Check::Dmarc).find(|looked| looked.domain.eq_ignore_ascii_case(&domain));
    let dmarc = policy.map_or(Finding::None, |looked| looked.finding);
    let passes = |check: Check| {
        let is_of_domain = |looked: &Looked| crate::verify::aligns(&looked.domain, &domain);
        of(check).any(|looked| looked.finding == Finding::Pass && is_of_domain(looked))
    };
    let proven_by = match dmarc {
        Finding::Pass if passes(Check::Dkim) => ProvenBy::Signature,
        Finding::Pass if passes(Check::Spf) => ProvenBy::Spf,
        _ => ProvenBy::Nothing,
    };
    let wish = policy.and_then(|looked| wished(&looked.why)).unwrap_or_default();
    // Which fields were signed the field does not say.
    Verdict { author, dmarc, proven_by, policy: wish, said_by: Some(said_by), looked, ..Verdict::default() }
}

/// What the domain wishes, where a server says so in a comment or property: `p=reject`, `policy.dmarc=quarantine`.
fn wished(why: &str) -> Option<model::trust::Policy> {
    use model::trust::Policy;
    let word = |word: &str| match word.to_ascii_lowercase().as_str() {
        "reject" => Some(Policy::Reject),
        "quarantine" => Some(Policy::Quarantine),
        _ => None,
    };
    let mut words = why.split([' ', ',', ';']);
    words.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let is_policy = name.eq_ignore_ascii_case("p") || name.eq_ignore_ascii_case("policy.dmarc");
        is_policy.then(|| word(value)).flatten()
    })
}

/// Whether a sealer noted that DMARC passed when the mail came to it. Its field begins with the number of the hand.
pub(crate) fn says_dmarc_passed(value: &[u8]) -> bool {
    let text = String::from_utf8_lossy(value);
    let Some((_, rest)) = text.split_once(';') else { return false };
    let found = read(rest).map(|(_, looked)| looked).unwrap_or_default();
    found.iter().any(|looked| looked.check == Check::Dmarc && looked.finding == Finding::Pass)
}

/// The name of the server, and what it found; `None` where it is no such field. What is unknown is left out.
pub fn read(value: &str) -> Option<(String, Vec<Looked>)> {
    let mut parts = parts(value).into_iter();
    let first = parts.next()?;
    // The name may be followed by a version (§2.2).
    let server = first.text.split_whitespace().next()?.to_owned();
    let looked = parts.take(RESULTS_MAX).filter_map(|part| part.looked()).collect();
    Some((server, looked))
}

/// Results of one field that are read.
const RESULTS_MAX: usize = 64;

/// What stands between two semicolons: its text, and what is said beside it in comments.
#[derive(Default)]
struct Part {
    text: String,
    comments: String,
}

impl Part {
    fn looked(&self) -> Option<Looked> {
        let mut words = self.text.split_whitespace();
        let (name, word) = words.next()?.split_once('=')?;
        // A method may have a version behind a slash.
        let check = Check::named(name.split('/').next()?)?;
        let finding = Finding::named(word)?;
        let (mut domain, mut why) = (String::new(), self.comments.trim().to_owned());
        for (property, value) in words.filter_map(|word| word.split_once('=')) {
            let of_domain = match check {
                Check::Dkim => ["header.d", "header.i"].as_slice(),
                Check::Spf => &["smtp.mailfrom", "smtp.helo"],
                Check::Arc => &["header.d"],
                Check::Dmarc => &["header.from"],
            };
            let property = property.to_ascii_lowercase();
            if domain.is_empty() && of_domain.contains(&property.as_str()) {
                let value = value.trim_end_matches('.');
                value.rsplit('@').next().unwrap_or_default().clone_into(&mut domain);
            } else if matches!(property.as_str(), "reason" | "policy.dmarc") {
                why = [why.as_str(), &format!("{property}={value}")].join(" ").trim().to_owned();
            }
        }
        let short = |text: String| text.chars().filter(|c| !c.is_control()).take(255).collect();
        Some(Looked { check, finding, domain: short(domain.to_lowercase()), why: short(why) })
    }
}

/// Splits at semicolons that stand neither in a quoted text nor in a comment (RFC 5322 §3.2), and takes both apart.
fn parts(value: &str) -> Vec<Part> {
    let mut parts = vec![Part::default()];
    let (mut depth, mut is_quoted, mut chars) = (0_u32, false, value.chars());
    while let Some(c) = chars.next() {
        let may_end = parts.len() <= RESULTS_MAX;
        let Some(part) = parts.last_mut() else { break };
        match c {
            '\\' if is_quoted || depth > 0 => {
                let escaped = chars.next().unwrap_or_default();
                if depth > 0 { part.comments.push(escaped) } else { part.text.push(escaped) }
            }
            '"' if depth == 0 => is_quoted = !is_quoted,
            '(' if !is_quoted => {
                depth += 1;
                // A comment parts words (§3.2.2).
                part.text.push(' ');
                part.comments.push(' ');
            }
            ')' if depth > 0 && !is_quoted => depth -= 1,
            _ if depth > 0 => part.comments.push(c),
            // A blank within a quoted text parts no words.
            _ if is_quoted => part.text.push(if c.is_whitespace() { '_' } else { c }),
            ';' if may_end => parts.push(Part::default()),
            _ => part.text.push(c),
        }
    }
    parts
}

#[cfg(test)]
mod tests;
