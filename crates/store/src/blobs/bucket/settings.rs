//! Where a bucket is and who may use it.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use model::limits;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use super::trouble::BucketError;

/// A bucket of an S3-compatible store.
#[derive(Debug, Clone)]
pub struct BucketSettings {
    /// `https://s3.example.com`; empty for Amazon's own in the region.
    pub endpoint: String,
    /// The region, which every signature names.
    pub region: String,
    /// The bucket's name.
    pub bucket: String,
    /// What all keys begin with; it may be empty. Two houses never share one.
    pub prefix: String,
    /// Where the bucket's name stands in an address.
    pub addressing: Addressing,
    /// Whether plain HTTP is allowed beyond this machine.
    pub allow_http: bool,
    /// Who asks.
    pub credentials: Credentials,
    /// How long one request may take, tries again and all.
    pub patience: Duration,
    /// So long nobody waits again for a bucket that did not answer: else all who bring large mail would.
    pub pause: Duration,
}

/// Where the bucket's name stands in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// `https://s3.example.com/bucket/key`: what most servers of one's own want.
    Path,
    /// `https://bucket.s3.example.com/key`: what Amazon wants.
    VirtualHost,
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A key and its secret.
    Key {
        /// The access key id.
        id: String,
        /// The secret access key.
        secret: Secret,
        /// A session token, where the key is a temporary one.
        token: Option<Secret>,
    },
    /// The role of the machine or container, as Amazon gives it.
    Role,
}

/// What is shown to nobody, not even in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides it.
    pub fn new(secret: impl Into<String>) -> Self {
        Secret(secret.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl BucketSettings {
    /// A bucket at an endpoint, with the usual settings for the rest.
    pub fn new(endpoint: impl Into<String>, bucket: impl Into<String>, credentials: Credentials) -> Self {
        BucketSettings {
            endpoint: endpoint.into(),
            region: "us-east-1".to_owned(),
            bucket: bucket.into(),
            prefix: String::new(),
            addressing: Addressing::Path,
            allow_http: false,
            credentials,
            patience: Duration::from_secs(limits::BUCKET_SECONDS_MAX),
            pause: Duration::from_secs(limits::BUCKET_PAUSE_SECONDS),
        }
    }

    pub(super) fn client(&self) -> Result<AmazonS3, BucketError> {
        if !self.is_usable() {
            return Err(BucketError::Unusable);
        }
        let is_plain = self.endpoint.starts_with("http://");
        if is_plain && !self.allow_http && !is_loopback(&self.endpoint) {
            return Err(BucketError::NotEncrypted);
        }
        let options = ClientOptions::new()
            .with_allow_http(is_plain)
            .with_connect_timeout(Duration::from_secs(limits::BUCKET_CONNECT_SECONDS_MAX).min(self.patience))
            .with_timeout(self.patience)
            .with_pool_max_idle_per_host(limits::BUCKET_REQUESTS_MAX);
        let retry = RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() },
            max_retries: limits::BUCKET_RETRIES_MAX,
            retry_timeout: self.patience,
        };
        let builder = match &self.credentials {
            // Web identities and roles of containers are told in the environment.
            Credentials::Role => AmazonS3Builder::from_env(),
            Credentials::Key { id, secret, token } => {
                let builder = AmazonS3Builder::new().with_access_key_id(id).with_secret_access_key(&secret.0);
                match token {
                    Some(token) => builder.with_token(&token.0),
                    None => builder,
                }
            }
        };
        let builder = builder
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_virtual_hosted_style_request(self.addressing == Addressing::VirtualHost)
            // One object at a time: what every server knows.
            .with_disable_bulk_delete(true)
            .with_client_options(options)
            .with_retry(retry);
        let builder = match self.endpoint_of_bucket() {
            Some(endpoint) => builder.with_endpoint(endpoint),
            None => builder,
        };
        builder.build().map_err(|_| BucketError::Unusable)
    }

    /// An endpoint that is none must not lead to Amazon, nor one with a password in it into a log.
    fn is_usable(&self) -> bool {
        let host = self.endpoint.strip_prefix("https://").or_else(|| self.endpoint.strip_prefix("http://"));
        let is_host = |host: &str| !host.trim_matches('/').is_empty() && !host.contains(['@', '?', '#', ' ']);
        let is_named = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        (self.endpoint.is_empty() || host.is_some_and(is_host))
            && !self.bucket.is_empty()
            && self.bucket.bytes().all(is_named)
    }

    fn endpoint_of_bucket(&self) -> Option<String> {
        let endpoint = self.endpoint.trim_end_matches('/');
        let (scheme, host) = endpoint.split_once("://")?;
        Some(match self.addressing {
            Addressing::Path => endpoint.to_owned(),
            Addressing::VirtualHost => format!("{scheme}://{}.{host}", self.bucket),
        })
    }
}

/// Whether the host of an address is this machine by its own name or number.
fn is_loopback(endpoint: &str) -> bool {
    let authority = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(endpoint: &str) -> BucketSettings {
        let (id, secret) = ("key".to_owned(), Secret::new("hidden"));
        BucketSettings::new(endpoint, "mail", Credentials::Key { id, secret, token: None })
    }

    #[test]
    fn plain_http_goes_to_this_machine_alone_unless_it_is_allowed() {
        for near in ["http://127.0.0.1:9000", "http://localhost", "http://[::1]:9000/", "https://s3.example"]
        {
            assert!(settings(near).client().is_ok(), "{near}");
        }
        for far in ["http://s3.example", "http://127.0.0.1.example", "http://10.0.0.1:9000"] {
            assert!(matches!(settings(far).client(), Err(BucketError::NotEncrypted)), "{far}");
            assert!(BucketSettings { allow_http: true, ..settings(far) }.client().is_ok(), "{far}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for endpoint in
            ["s3.example", "ftp://s3.example", "https://", "HTTP://s3.example", "https://a:b@s3.example"]
        {
            assert!(matches!(settings(endpoint).client(), Err(BucketError::Unusable)), "{endpoint}");
        }
        for bucket in ["", "a/b", "a b", "a@b"] {
            let settings = BucketSettings { bucket: bucket.to_owned(), ..settings("https://s3.example") };
            assert!(matches!(settings.client(), Err(BucketError::Unusable)), "{bucket}");
        }
    }

    #[test]
    fn the_bucket_stands_in_the_host_where_that_is_wanted() {
        let virtual_host =
            BucketSettings { addressing: Addressing::VirtualHost, ..settings("https://s3.example/") };
        assert_eq!(virtual_host.endpoint_of_bucket().as_deref(), Some("https://mail.s3.example"));
        assert_eq!(
            settings("https://s3.example/").endpoint_of_bucket().as_deref(),
            Some("https://s3.example")
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", settings("https://s3.example"));
        assert!(!shown.contains("hidden"), "{shown}");
    }
}
