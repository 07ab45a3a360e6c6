//! The bucket for large mail: where it is, and who asks.
//!
//! What passes through: the section and the environment in, a bucket that is ready to be asked out. Secrets are shown
//! to nobody.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use store::{Addressing, Bucket, BucketSettings, Credentials, Secret, StoreError};

/// Where large mail is kept; see the sample.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobsSection {
    /// The bucket; empty for files.
    pub bucket: String,
    /// The store's address; empty for Amazon's.
    pub endpoint: String,
    /// The region.
    pub region: String,
    /// What the names of all objects begin with.
    pub prefix: String,
    /// Whether the bucket's name stands in the path.
    pub path_style: bool,
    /// Whether plain HTTP may leave this machine.
    pub allow_http: bool,
    /// A file with a key; empty for the environment.
    pub credentials: PathBuf,
}

/// Why there is no bucket though the settings name one.
#[derive(Debug, thiserror::Error)]
pub enum BlobsError {
    /// The file cannot be read.
    #[error("the credentials in {path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file names no key.
    #[error("{path} lacks {name}")]
    Lacks {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        name: &'static str,
    },
    /// Nobody is named who may ask.
    #[error(
        "there are no credentials: set blobs.credentials, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    Nobody,
    /// The bucket cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BlobsSection {
    /// The bucket, where one is named; `variable` tells the environment. Asks nothing of it yet.
    ///
    /// # Errors
    /// [`BlobsError`], naming the setting.
    pub fn bucket(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Arc<Bucket>>, BlobsError> {
        if self.bucket.is_empty() {
            return Ok(None);
        }
        let settings = BucketSettings {
            region: self.region.clone(),
            prefix: self.prefix.clone(),
            addressing: if self.path_style { Addressing::Path } else { Addressing::VirtualHost },
            allow_http: self.allow_http,
            ..BucketSettings::new(&self.endpoint, &self.bucket, self.asker(variable)?)
        };
        Ok(Some(Bucket::new(settings)?))
    }

    fn asker(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Credentials, BlobsError> {
        if !self.credentials.as_os_str().is_empty() {
            return from_file(&self.credentials);
        }
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        match given("AWS_ACCESS_KEY_ID").zip(given("AWS_SECRET_ACCESS_KEY")) {
            Some((id, secret)) => Ok(Credentials::Key {
                id,
                secret: Secret::new(secret),
                token: given("AWS_SESSION_TOKEN").map(Secret::new),
            }),
            None if self.endpoint.is_empty() => Ok(Credentials::Role),
            None => Err(BlobsError::Nobody),
        }
    }
}

/// `name = value` lines; sections are passed over, and the first of a name counts.
fn from_file(path: &Path) -> Result<Credentials, BlobsError> {
    let text =
        fs::read_to_string(path).map_err(|source| BlobsError::Read { path: path.to_owned(), source })?;
    let value = |name: &str| {
        let mut pairs = text.lines().filter_map(|line| line.split_once('='));
        let found = pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned());
        found.filter(|value| !value.is_empty())
    };
    let needed = |name| value(name).ok_or_else(|| BlobsError::Lacks { path: path.to_owned(), name });
    Ok(Credentials::Key {
        id: needed("aws_access_key_id")?,
        secret: Secret::new(needed("aws_secret_access_key")?),
        token: value("aws_session_token").map(Secret::new),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section() -> BlobsSection {
        let settings = crate::settings::Settings::built_in().unwrap();
        let (bucket, endpoint) = ("mail".to_owned(), "https://s3.example".to_owned());
        BlobsSection { bucket, endpoint, ..settings.blobs }
    }

    fn key_of(credentials: &Credentials) -> (String, bool) {
        match credentials {
            Credentials::Key { id, token, .. } => (id.clone(), token.is_some()),
            Credentials::Role => ("role".to_owned(), false),
        }
    }

    #[test]
    fn a_file_goes_before_the_environment_and_amazon_knows_roles() {
        let environment = |name: &str| match name {
            "AWS_ACCESS_KEY_ID" => Some("outside".to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some("x".to_owned()),
            _ => None,
        };
        assert_eq!(key_of(&section().asker(environment).unwrap()), ("outside".to_owned(), false));
        assert!(matches!(section().asker(|_| None), Err(BlobsError::Nobody)));
        let at_amazon = BlobsSection { endpoint: String::new(), ..section() };
        assert_eq!(key_of(&at_amazon.asker(|_| None).unwrap()).0, "role");

        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "[default]\naws_access_key_id = inside\naws_secret_access_key=a=b\naws_session_token = t\n\
                    [other]\naws_access_key_id = else\n";
        fs::write(file.path(), text).unwrap();
        let in_file = BlobsSection { credentials: file.path().to_owned(), ..section() };
        assert_eq!(key_of(&in_file.asker(environment).unwrap()), ("inside".to_owned(), true));
        fs::write(file.path(), "aws_access_key_id = inside\n").unwrap();
        let lacks = in_file.asker(environment).unwrap_err();
        assert!(lacks.to_string().ends_with("lacks aws_secret_access_key"), "{lacks}");
    }

    #[test]
    fn without_a_bucket_there_are_files() {
        let none = BlobsSection { bucket: String::new(), ..section() };
        assert!(none.bucket(|_| None).unwrap().is_none());
    }

    #[test]
    fn plain_http_beyond_this_machine_is_refused() {
        let plain = BlobsSection { endpoint: "http://s3.example".to_owned(), ..section() };
        let refused = plain.bucket(|_| Some("x".to_owned())).unwrap_err();
        assert!(!matches!(&refused, BlobsError::Store(error) if error.is_temporary()), "{refused}");
    }
}
