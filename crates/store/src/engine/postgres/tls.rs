//! Whom we believe when a database server shows its certificate.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;

use crate::StoreError;

/// Where Debian keeps the certificates that are believed by everybody.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The TLS of connections to a server whose certificate is signed by one of this file's.
pub(super) fn roots(file: &Path, mode: SslMode) -> Result<ClientConfig, StoreError> {
    let mut roots = RootCertStore::empty();
    if mode != SslMode::Disable {
        let file = if file.as_os_str().is_empty() { Path::new(SYSTEM) } else { file };
        let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unreadable(error.into()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| unreadable(error.into()))?;
            // One that is not understood helps nobody, and is in nobody's way.
            let _ = roots.add(certificate);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unreadable(error.into()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn unreadable(error: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::Refused {
        why: "TLS to it cannot be prepared: look at the file of certificate authorities",
        source: error,
    }
}
