//! What a bucket answers when it does not do what it is asked, in words that say the next step.
//!
//! The crate that speaks S3 keeps the answer's status and body to itself, so both are read out of the text of its
//! error. Of that text nothing else comes out: it may name keys.

use std::error::Error;

use object_store::client::{HttpError, HttpErrorKind};

use super::settings::BucketSettings;
use crate::StoreError;

/// What is wrong with the bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BucketError {
    /// No connection came about, or it broke off.
    #[error("the bucket's server cannot be reached: see blobs.endpoint and the network")]
    Unreachable,
    /// It did not answer in time.
    #[error("the bucket's server does not answer in time")]
    Silent,
    /// It cannot answer now, or says something that has no place here.
    #[error("the bucket's server refuses for now ({code})")]
    Refused {
        /// The error code of S3, or how the answer could not be read.
        code: String,
    },
    /// There is no such bucket.
    #[error("there is no bucket “{bucket}”: make it, or set blobs.bucket")]
    Missing {
        /// Its name.
        bucket: String,
    },
    /// Nobody, or somebody who may not.
    #[error(
        "the bucket “{bucket}” refuses these credentials ({code}): see blobs.credentials, and whether they may \
         read, write, list and delete there"
    )]
    Forbidden {
        /// Its name.
        bucket: String,
        /// The error code of S3.
        code: String,
    },
    /// The bucket lies in another region.
    #[error("the bucket “{bucket}” lies in another region than “{region}”: set blobs.region")]
    WrongRegion {
        /// Its name.
        bucket: String,
        /// The region that was named.
        region: String,
    },
    /// The mail of another house lies there.
    #[error(
        "the bucket {place} belongs to another house under the prefix “{prefix}”: set another blobs.prefix; only if that \
         house is gone for good, `postroom check --take-bucket`"
    )]
    AnotherHouse {
        /// Its name, and where it is.
        place: String,
        /// What all keys begin with.
        prefix: String,
    },
    /// The mail of this very house lies there, but its catalogue is a copy.
    #[error(
        "the bucket {place} belongs, under the prefix “{prefix}”, to this house as it stands elsewhere: these rows are a \
         copy. To try a copy, set another blobs.prefix; if this is the house from now on (moved, or put back), stop the \
         other one for good and give `postroom check --take-bucket`"
    )]
    Copied {
        /// Its name, and where it is.
        place: String,
        /// What all keys begin with.
        prefix: String,
    },
    /// Requests are signed with the time.
    #[error("the bucket's server has another time: set the clock of this machine")]
    WrongClock,
    /// Mail would cross the network for all to read.
    #[error("blobs.endpoint is plain HTTP beyond this machine: use https, or set blobs.allow_http")]
    NotEncrypted,
    /// The settings make no address.
    #[error("blobs.endpoint or blobs.bucket cannot be used: an endpoint is like https://s3.example.com")]
    Unusable,
    /// Bytes lie in a bucket, and the settings name none.
    #[error("these bytes lie in a bucket, and blobs.bucket is empty: set it as it was")]
    NotSet,
}

impl BucketError {
    /// Whether the same request may succeed later without anybody's help.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable | Self::Silent | Self::Refused { .. })
    }
}

/// What was asked: the same answer may mean another thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Put,
    Get,
    List,
    Remove,
}

/// The error in our words.
pub(super) fn of(error: &object_store::Error, asked: Asked, settings: &BucketSettings) -> StoreError {
    if let Some(kind) = http_kind(error) {
        return match kind {
            HttpErrorKind::Timeout => BucketError::Silent,
            HttpErrorKind::Decode => {
                BucketError::Refused { code: "an answer that cannot be read".to_owned() }
            }
            _ => BucketError::Unreachable,
        }
        .into();
    }
    let text = with_sources(error);
    let bucket = settings.bucket.clone();
    let code = code(&text).unwrap_or_default();
    let wrong_region = || {
        let region = settings.region.clone();
        BucketError::WrongRegion { bucket: settings.bucket.clone(), region }
    };
    let said = match (code.as_str(), status(&text)) {
        ("NoSuchBucket", _) => BucketError::Missing { bucket },
        ("NoSuchKey", _) => return StoreError::NotFound,
        ("InvalidRange", _) => return StoreError::Corrupt,
        ("RequestTimeTooSkewed", _) => BucketError::WrongClock,
        ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _) => {
            wrong_region()
        }
        // Not all of these come with 403.
        ("ExpiredToken" | "InvalidToken" | "NotSignedUp", _) | (_, Some(401 | 403)) => {
            BucketError::Forbidden { bucket, code }
        }
        (_, Some(404)) => match asked {
            // Of a key that is not there, neither speaks.
            Asked::Put | Asked::List => BucketError::Missing { bucket },
            Asked::Get | Asked::Remove => return StoreError::NotFound,
        },
        (_, Some(301 | 307 | 308)) => wrong_region(),
        (_, Some(416)) => return StoreError::Corrupt,
        // A redirect that says nothing of where to.
        _ if text.contains("redirect without LOCATION") => wrong_region(),
        _ => BucketError::Refused { code: if code.is_empty() { "no code".to_owned() } else { code } },
    };
    said.into()
}

/// Whether the store does not know this kind of request at all.
pub(super) fn is_unknown(error: &object_store::Error) -> bool {
    let text = with_sources(error);
    matches!(error, object_store::Error::NotImplemented { .. })
        || code(&text).is_some_and(|code| code == "NotImplemented")
        || status(&text) == Some(501)
}

/// How the connection failed, where it was the connection.
fn http_kind(error: &object_store::Error) -> Option<HttpErrorKind> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return Some(error.kind());
        }
        next = error.source();
    }
    None
}

fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}

/// The status of the answer.
fn status(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// The error code in the body of an answer: letters, digits and dots of at most 64.
fn code(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_code = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    is_code.then(|| code.to_owned())
}
