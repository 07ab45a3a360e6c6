//! Certificates for STARTTLS: from PEM files, or a self-signed one made once.
//!
//! What passes through: files; a configuration for [`crate::DoorSettings::tls`] comes out.
//!
//! *Invariant:* a key this module makes is readable by its owner only, from its first byte on.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Certificate and key of a door that was given none, in one file.
const SELF_SIGNED_FILE: &str = "door.pem";

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM, or is missing.
    #[error("the certificate or key in {path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: pem::Error,
    },
    /// Certificate and key are no use together.
    #[error("certificate and key cannot be used")]
    Unusable(#[from] rustls::Error),
    /// No certificate can be made for this name.
    #[error("a self-signed certificate cannot be made")]
    Make(#[from] rcgen::Error),
    /// The certificate made cannot be kept.
    #[error("the self-signed certificate cannot be written to {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// What a door takes for [`crate::DoorSettings::tls`].
pub type Configuration = Arc<ServerConfig>;

/// TLS 1.2 and 1.3 with a certificate chain and its key; both may stand in one file.
///
/// # Errors
/// When a file cannot be read, or the key does not belong to the certificate.
pub fn from_pem(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::Read { path, source }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(unreadable(certificate))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

/// TLS with a certificate that only says `hostname` of itself: enough for peers that encrypt without
/// checking (RFC 7435). Made at the first call, in `folder`; later calls use it again.
///
/// # Errors
/// When the folder cannot be written, or `hostname` cannot stand in a certificate.
pub fn self_signed(folder: &Path, hostname: &str) -> Result<Arc<ServerConfig>, TlsError> {
    let path = folder.join(SELF_SIGNED_FILE);
    if !path.exists() {
        let made = rcgen::generate_simple_self_signed([hostname.to_owned()])?;
        let text = made.cert.pem() + &made.signing_key.serialize_pem();
        keep(&path, &text).map_err(|source| TlsError::Write { path: path.clone(), source })?;
    }
    from_pem(&path, &path)
}

/// Writes a secret file whole or not at all.
fn keep(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_file(&unfinished)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_kept_secret() {
        let folder = tempfile::tempdir().unwrap();
        self_signed(folder.path(), "sink.example").unwrap();
        let path = folder.path().join(SELF_SIGNED_FILE);
        let made = fs::read(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        self_signed(folder.path(), "sink.example").unwrap();
        assert_eq!(fs::read(&path).unwrap(), made);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none.pem");
        let error = from_pem(&path, &path).unwrap_err();
        assert!(matches!(&error, TlsError::Read { path: named, .. } if *named == path));
        fs::write(&path, "no PEM").unwrap();
        assert!(from_pem(&path, &path).is_err());
        assert!(self_signed(&folder.path().join("missing"), "x").is_err());
    }
}
