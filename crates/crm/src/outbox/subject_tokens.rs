//! The token at the end of a subject: whatever else is lost on the way back, most programs keep the subject of what they
//! answer. What passes through: a draft that goes out, and its subject as it goes out.
//!
//! *Invariant:* a token that was drawn here stands on one e-mail and on those that carry on its conversation. It is drawn, not
//! counted: no node waits for another one, nobody reads in it how much goes out, and a wrong digit names no neighbor. It proves
//! nothing: whoever bears it has to have been on the earlier mail, too (decision 40).

use message::{identity, token};
use model::{Id, Moment};
use store::{Organization, StoreError};

use super::draft::What;
use crate::CrmError;
use crate::intake::outgoing::OwnToken;
use crate::settings::{self, OrganizationSettings};

/// Digits where nobody has said how many.
pub const DIGITS: usize = 9;

/// Which token a subject gets.
enum Token {
    /// None, or the one that stands there already: of the conversation that it carries on.
    AsItIs,
    /// One that a caller was given before.
    Given(String),
    /// A new one of so many digits.
    New(usize),
}

/// Gives the subject of a mail its token, where it is to have one; says which one that is, unless it stands there already.
///
/// # Errors
/// [`CrmError::Invalid`] where the token that it is to have is none.
pub(super) fn put(
    organization: &Organization,
    what: &mut What,
    email: Id,
) -> Result<Option<OwnToken>, CrmError> {
    let settings = organization.read(settings::read)?;
    let (token, own) = match wanted((&what.subject, what.token.as_deref()), &settings)? {
        Token::AsItIs => return Ok(None),
        Token::Given(token) => {
            let is_there = token::find(&what.subject, &settings.token_prefixes).contains(&token);
            (token.clone(), Some(OwnToken::Given(token)).filter(|_| !is_there))
        }
        Token::New(digits) => {
            let token = draw(organization, (&settings, digits), email)?;
            (token.clone(), Some(OwnToken::Drawn(token)))
        }
    };
    what.subject = with(&what.subject, &token, &settings);
    Ok(own)
}

/// The subject as it will be, with dots for the digits that are not drawn yet.
pub(super) fn shown(
    organization: &Organization,
    (subject, given): (&str, Option<&str>),
) -> Result<String, CrmError> {
    let settings = organization.read(settings::read)?;
    Ok(match wanted((subject, given), &settings)? {
        Token::AsItIs => subject.to_owned(),
        Token::Given(token) => with(subject, &token, &settings),
        Token::New(_) => format!("{} {}…", subject.trim(), prefix(&settings)).trim_start().to_owned(),
    })
}

/// A token for an e-mail that is not sent yet, to be put into its subject by [`What::token`] or by whoever sends it (Dataverse:
/// GetTrackingTokenEmail). A subject that carries a token keeps that one.
///
/// # Errors
/// Where the store cannot say which are taken.
pub fn tracking_token(
    organization: &Organization,
    subject: &str,
    moment: &Moment,
) -> Result<String, CrmError> {
    let settings = organization.read(settings::read)?;
    match token::find(subject, &settings.token_prefixes).into_iter().next_back() {
        Some(known) => Ok(known),
        None => {
            let digits = settings.subject_token_digits.unwrap_or(DIGITS);
            Ok(draw(organization, (&settings, digits), moment.id())?)
        }
    }
}

/// Whether a subject is this one as it was written, its token aside.
pub(super) fn is_subject(
    organization: &Organization,
    (sent, token): (&str, Option<&str>),
    written: &str,
) -> Result<bool, CrmError> {
    let settings = organization.read(settings::read)?;
    let tokened = token.map(|token| token::at_end_of(written, token, &settings.token_prefixes));
    Ok(sent.trim() == written.trim() || tokened.is_some_and(|tokened| sent.trim() == tokened.trim()))
}

fn wanted(
    (subject, given): (&str, Option<&str>),
    settings: &OrganizationSettings,
) -> Result<Token, CrmError> {
    let prefixes = &settings.token_prefixes;
    match (given, settings.subject_token_digits) {
        (Some(given), _) if token::is_one(given, prefixes) => Ok(Token::Given(given.to_owned())),
        (Some(given), _) => {
            Err(CrmError::Invalid(format!("“{given}” is no tracking token of this organization")))
        }
        (None, Some(digits)) if token::find(subject, prefixes).is_empty() => Ok(Token::New(digits)),
        (None, _) => Ok(Token::AsItIs),
    }
}

fn prefix(settings: &OrganizationSettings) -> &str {
    settings.token_prefixes.first().map_or("CRM:", String::as_str)
}

/// A subject that is too long is refused as it is, and not cut here.
fn with(subject: &str, token: &str, settings: &OrganizationSettings) -> String {
    if subject.chars().count() > model::limits::SUBJECT_CHARS_MAX {
        return subject.to_owned();
    }
    token::at_end_of(subject, token, &settings.token_prefixes)
}

/// So often one is drawn of a length; where all of these are taken they grow by a digit, and never begin again.
const TRIES: u32 = 16;

/// A token that nobody has. The unit that writes its e-mail looks once more.
fn draw(
    organization: &Organization,
    (settings, digits): (&OrganizationSettings, usize),
    id: Id,
) -> Result<String, StoreError> {
    organization.read(|read| {
        for digits in digits..=token::DIGITS_MAX {
            for number in 0..TRIES {
                let token = format!("{}{}", prefix(settings), number_of(id, (number, digits)));
                if read.emails_by_token(&token, 1)?.is_empty() {
                    return Ok(token);
                }
            }
        }
        Err(StoreError::Busy)
    })
}

/// Digits that an id was as good as drawn for.
fn number_of(id: Id, (number, digits): (u32, usize)) -> String {
    let seed = [b"tracking token".as_slice(), &id.0, &number.to_be_bytes()].concat();
    let digest = identity::raw_digest(&seed);
    let drawn = digest.iter().take(16).fold(0_u128, |all, byte| (all << 8) | u128::from(*byte));
    let below =
        u32::try_from(digits).ok().and_then(|digits| 10_u128.checked_pow(digits)).unwrap_or(u128::MAX);
    format!("{:0digits$}", drawn % below)
}
