//! Settings of one organisation that decisions depend on.

use message::token;
use model::{EmailAddress, Timestamp};
use store::{Organization, Priority, Read, StoreError, Tx};

use crate::CrmError;

/// What an organisation has set, or the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationSettings {
    /// Prefixes of classic tracking tokens, former ones too (Dynamics `trackingprefix`).
    pub token_prefixes: Vec<String>,
    /// Digits of the token that the subject of a mail gets when it goes out; `None` where it gets none.
    pub subject_token_digits: Option<usize>,
    /// Addresses from which the mail system of the organisation reports its journal, as they are compared.
    pub journal_senders: Vec<String>,
    /// Whether answers to mail of queues are to come to an address with a word of ours.
    pub has_answer_words: bool,
    /// Whether an e-mail was ever known only as somebody quoted it: where none was, none is looked for.
    pub has_guesses: bool,
    /// Mail of earlier dates may have claimed a content key of the former form; `None` where no mail has.
    pub former_keys_until: Option<Timestamp>,
    /// Mail of before the fifth schema names others without a note at the key that it names.
    pub has_former_names: bool,
}

impl Default for OrganizationSettings {
    fn default() -> Self {
        OrganizationSettings {
            token_prefixes: vec!["CRM:".to_owned()],
            subject_token_digits: None,
            journal_senders: Vec::new(),
            has_answer_words: false,
            has_guesses: false,
            former_keys_until: None,
            has_former_names: false,
        }
    }
}

const TRACKING_PREFIX: &str = "trackingprefix";
const SUBJECT_TOKENS: &str = "subjecttokens";
const JOURNAL_SENDERS: &str = "journalsenders";
const ANSWER_WORDS: &str = "answerwords";
const HAS_GUESSES: &str = "hasguesses";
/// Written by the fifth migration, where there is mail.
const FORMER_KEYS_UNTIL: &str = "formerkeysuntil";
/// The same, where there are references.
const FORMER_NAMES: &str = "formernames";

/// Reads the settings.
pub fn read(read: &Read<'_>) -> Result<OrganizationSettings, StoreError> {
    let default = OrganizationSettings::default();
    let words = |text: String| text.split_whitespace().map(str::to_owned).collect();
    Ok(OrganizationSettings {
        token_prefixes: read.deciding_setting(TRACKING_PREFIX)?.map_or(default.token_prefixes, words),
        subject_token_digits: read.deciding_setting(SUBJECT_TOKENS)?.and_then(|digits| digits.parse().ok()),
        journal_senders: read.deciding_setting(JOURNAL_SENDERS)?.map_or(default.journal_senders, words),
        has_answer_words: read.deciding_setting(ANSWER_WORDS)?.as_deref() == Some("on"),
        has_guesses: read.deciding_setting(HAS_GUESSES)?.is_some(),
        former_keys_until: read
            .deciding_setting(FORMER_KEYS_UNTIL)?
            .and_then(|at| at.parse().ok())
            .map(Timestamp),
        has_former_names: read.deciding_setting(FORMER_NAMES)?.is_some(),
    })
}

/// Notes that there is a guess from now on. Whoever looked before has to look again.
pub fn note_guess(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    tx.set_setting(HAS_GUESSES, "1")?;
    tx.bump_records_version()
}

/// Sets the addresses from which journal reports come; none of them is a user's, whose forwards are opened anyway.
pub async fn set_journal_senders(
    organization: &Organization,
    senders: Vec<EmailAddress>,
) -> Result<(), CrmError> {
    let keys: Vec<String> = senders.iter().map(EmailAddress::key).collect();
    let unit = organization.unit(Priority::Background, move |tx| {
        tx.set_setting(JOURNAL_SENDERS, &keys.join(" "))?;
        tx.bump_records_version()
    });
    Ok(unit.await?)
}

/// Sets the prefixes of classic tracking tokens: the present one first, former ones behind it.
///
/// # Errors
/// [`CrmError::Invalid`] where a prefix is empty, longer than 20 characters (Dynamics), or holds white space.
pub async fn set_token_prefixes(organization: &Organization, prefixes: Vec<String>) -> Result<(), CrmError> {
    let is_plain = |prefix: &String| (1..=20).contains(&prefix.chars().count());
    let is_whole = |prefix: &String| !prefix.contains(char::is_whitespace);
    if prefixes.is_empty() || !prefixes.iter().all(|prefix| is_plain(prefix) && is_whole(prefix)) {
        return Err(CrmError::Invalid("a prefix has 1 to 20 characters and no blanks".to_owned()));
    }
    let unit = organization.unit(Priority::Background, move |tx| {
        tx.set_setting(TRACKING_PREFIX, &prefixes.join(" "))?;
        tx.bump_records_version()
    });
    Ok(unit.await?)
}

/// Has subjects of outgoing mail end with a token of so many digits from now on, or with none. What went out before is known all
/// the same.
///
/// # Errors
/// [`CrmError::Invalid`] where a token would have fewer than four digits or more than eighteen.
pub async fn set_subject_tokens(organization: &Organization, digits: Option<usize>) -> Result<(), CrmError> {
    let (least, most) = (token::DIGITS_MIN, token::DIGITS_MAX);
    if digits.is_some_and(|digits| !(least..=most).contains(&digits)) {
        return Err(CrmError::Invalid(format!("a token has {least} to {most} digits")));
    }
    let value = digits.map_or_else(|| "off".to_owned(), |digits| digits.to_string());
    let unit = organization.unit(Priority::Background, move |tx| {
        tx.set_setting(SUBJECT_TOKENS, &value)?;
        tx.bump_records_version()
    });
    Ok(unit.await?)
}

/// Has answers to mail of queues come to an address with a word of ours, or to the queue's own from now on. What went out before
/// is known all the same.
///
/// # Errors
/// Where the store cannot do it.
pub async fn set_answer_words(organization: &Organization, has_words: bool) -> Result<(), CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| {
        tx.set_setting(ANSWER_WORDS, if has_words { "on" } else { "off" })?;
        tx.bump_records_version()
    });
    Ok(unit.await?)
}
