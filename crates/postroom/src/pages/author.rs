//! Who wrote an e-mail, as far as anything proved it when it came, in words for its page.

use message::Method;
use model::schema::emails::Email;
use model::schema::intake::MailVerdict;
use model::trust::{Check, Finding, Looked, Policy};
use store::{Read, StoreError};
use web::values::Fact;

/// The verdict on the bytes that are shown: that on the copy which brought them, and no other.
pub(super) fn verdict(read: &Read<'_>, email: &Email) -> Result<Option<MailVerdict>, StoreError> {
    let versions = read.email_versions(email.activityid)?;
    let brought = versions.into_iter().find(|version| version.blobid == email.blobid);
    let copyid = match brought {
        Some(version) => Some(version.copyid),
        None => read.first_copy_of(email.activityid)?,
    };
    let Some(copyid) = copyid else { return Ok(None) };
    let verdicts = read.verdicts_of(copyid)?;
    if verdicts.is_empty() {
        return Ok(None);
    }
    let is_outer =
        [Method::Direct, Method::Redirected].map(Method::name).contains(&email.unwrapmethod.as_str());
    let outcomes = read.outcomes(copyid)?;
    let number = outcomes.iter().find(|outcome| outcome.activityid == Some(email.activityid));
    let number = if is_outer { Some(0) } else { number.map(|outcome| outcome.originalnumber) };
    Ok(verdicts.into_iter().find(|verdict| Some(verdict.originalnumber) == number))
}

/// All that was looked at, in a line.
pub(super) fn fact(verdict: &Option<MailVerdict>) -> Option<Fact> {
    let verdict = verdict.as_ref()?;
    // As it stands in a field, behind the name of who says so.
    let (_, looked) = trust::results::read(&format!("here; {}", verdict.results))?;
    let found: Vec<String> = looked.iter().map(words).collect();
    let found =
        if found.is_empty() { "nothing was found that proves it".to_owned() } else { found.join(", ") };
    let author = verdict.author.as_deref().unwrap_or("nobody for certain");
    let said_by = verdict.saidby.as_ref().map(|server| format!(" (says {server})")).unwrap_or_default();
    Some(Fact::new("Written by", format!("{author}: {found}{said_by}")))
}

/// The same as sentences; none where nothing was looked at.
pub(super) fn words_of(verdict: &Option<MailVerdict>) -> String {
    let Some(known) = verdict else { return String::new() };
    let looked = fact(verdict).map(|fact| format!("Written by {}. ", fact.value)).unwrap_or_default();
    let fails = known.dmarc == Finding::Fail as i32;
    looked + disowned(known).filter(|_| fails).as_deref().unwrap_or_default()
}

/// What a reader should know before believing it. What one of us sent, who is proven otherwise, may be signed on its way out
/// only.
pub(super) fn caution(verdict: &Option<MailVerdict>, email: &Email) -> Option<String> {
    let fails = |verdict: &&MailVerdict| verdict.dmarc == Finding::Fail as i32 && !email.directioncode;
    disowned(verdict.as_ref().filter(fails)?)
}

fn disowned(verdict: &MailVerdict) -> Option<String> {
    let wish = match verdict.policy {
        policy if policy == Policy::Reject as i32 => "wishes to have such mail refused",
        policy if policy == Policy::Quarantine as i32 => "wishes to have such mail kept apart",
        _ => "wishes for nothing",
    };
    let vouched = verdict.vouchedby.as_ref().map(|sealer| format!(" {sealer} vouches for it all the same."));
    let words = format!("The domain of its sender disowns it (DMARC fails), and {wish}.");
    Some(words + vouched.as_deref().unwrap_or(""))
}

fn words(looked: &Looked) -> String {
    let name = looked.check.name().to_uppercase();
    let domain = if looked.check == Check::Dmarc { "" } else { looked.domain.as_str() };
    [name.as_str(), looked.finding.word(), domain].join(" ").trim_end().to_owned()
}
