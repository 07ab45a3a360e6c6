//! Whom we believe when a mail server shows its certificate.
//!
//! What passes through: a connection, and an encrypted one comes out. What is believed is either the system's
//! certificates or those that the target names, never both.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_rustls::TlsConnector;

use crate::error::{ConnectError, Kind};
use crate::target::Target;
use crate::wire::Socket;

/// The handshake, as this target wishes.
///
/// # Errors
/// [`Kind::Tls`], where the certificate is not believed or there is nothing to believe.
pub(crate) async fn secure(
    socket: Box<dyn Socket>,
    target: &Target,
) -> Result<Box<dyn Socket>, ConnectError> {
    let config = config(target.authority.as_deref())?;
    let name = ServerName::try_from(target.host.clone()).map_err(failed)?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await.map_err(failed)?;
    Ok(Box::new(stream))
}

fn config(authority: Option<&[u8]>) -> Result<ClientConfig, ConnectError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let builder = match authority {
        None => builder.with_platform_verifier().map_err(failed)?,
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                roots.add(certificate.map_err(failed)?).map_err(failed)?;
            }
            builder.with_root_certificates(roots)
        }
    };
    let mut config = builder.with_no_client_auth();
    // One for each connection, so nothing would ever be resumed; and room for 256 sessions is what most of it takes.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn failed(error: impl std::fmt::Display) -> ConnectError {
    ConnectError::new(Kind::Tls, format!("TLS does not come about: {error}"))
}
