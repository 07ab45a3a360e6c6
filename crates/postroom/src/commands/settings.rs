//! What an organization has set: how its mail is told apart.

use model::EmailAddress;
use serde::{Deserialize, Serialize};
use store::Organization;

use super::{CommandError, Reply, address};

/// Something that is set.
#[derive(Debug, Serialize, Deserialize)]
pub enum Setting {
    /// The prefixes of tracking tokens: the present one first, former ones behind it.
    TokenPrefixes(Vec<String>),
    /// Digits of the token at the end of outgoing subjects; `None` for no token.
    SubjectTokens(Option<usize>),
    /// Whether answers to mail of queues come to an address with a word of ours.
    AnswerWords(bool),
    /// The addresses from which journal reports come.
    JournalSenders(Vec<String>),
}

pub(super) async fn set(organization: &Organization, setting: Setting) -> Result<Reply, CommandError> {
    match setting {
        Setting::TokenPrefixes(prefixes) => {
            crm::settings::set_token_prefixes(organization, prefixes).await?;
        }
        Setting::SubjectTokens(digits) => {
            crm::settings::set_subject_tokens(organization, digits).await?;
        }
        Setting::AnswerWords(has_words) => {
            crm::settings::set_answer_words(organization, has_words).await?;
        }
        Setting::JournalSenders(senders) => {
            let senders: Result<Vec<EmailAddress>, CommandError> =
                senders.iter().map(|text| address(text)).collect();
            crm::settings::set_journal_senders(organization, senders?).await?;
        }
    }
    Ok(Reply::Done)
}
