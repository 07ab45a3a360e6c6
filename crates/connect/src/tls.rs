//! Whom we believe when a mail server shows its certificate.
//!
//! What passes through: a connection, and an encrypted one comes out. What is believed is either the system's
//! certificates or those that the target names, never both. Thousands of connections believe the same: it is read once.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
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
    let config = shared(target.authority.as_deref(), Instant::now())?;
    let name = ServerName::try_from(target.host.clone()).map_err(failed)?;
    let shaken = TlsConnector::from(config).connect(name, socket).await;
    let stream = shaken.map_err(|error| match reason(&error) {
        Some(words) => failed(words),
        None => failed(error),
    })?;
    Ok(Box::new(stream))
}

/// By the digest of whom it believes; `None` for the system's.
type Shared = HashMap<Option<Vec<u8>>, (Arc<ClientConfig>, Instant)>;

static SHARED: Mutex<Option<Shared>> = Mutex::new(None);

/// What the system believes may change while we run.
const FRESH: Duration = Duration::from_secs(3600);

/// Read before, where that is not long ago.
fn shared(authority: Option<&[u8]>, now: Instant) -> Result<Arc<ClientConfig>, ConnectError> {
    let key = authority.map(|pem| digest(&SHA256, pem).as_ref().to_vec());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let shared = shared.get_or_insert_default();
    shared.retain(|_, (_, read)| now.saturating_duration_since(*read) < FRESH);
    if let Some((config, _)) = shared.get(&key) {
        return Ok(Arc::clone(config));
    }
    let config = Arc::new(config(authority)?);
    shared.insert(key, (Arc::clone(&config), now));
    Ok(config)
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
    // Lines stand for hours: what would be kept to resume them takes more than it spares.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Why a certificate is not believed, where an administrator can mend it.
fn reason(error: &io::Error) -> Option<&'static str> {
    let told = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(why)) = told else { return None };
    match why {
        CertificateError::UnknownIssuer => Some(
            "the server's certificate is signed by nobody who is believed here; --authority names others",
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            Some("the server's certificate has expired")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Some("the server's certificate is for another name")
        }
        // An error of the library that checks, which is not among our own.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => Some(
            "the server's certificate is one that signs others (CA:TRUE); it needs one of its own, or CA:FALSE",
        ),
        _ => None,
    }
}

fn failed(error: impl std::fmt::Display) -> ConnectError {
    ConnectError::new(Kind::Tls, format!("TLS does not come about: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_in_words() {
        let told = |why| reason(&io::Error::other(rustls::Error::InvalidCertificate(why)));
        assert!(told(CertificateError::UnknownIssuer).unwrap().contains("--authority"));
        assert!(told(CertificateError::NotValidForName).unwrap().contains("another name"));
        assert_eq!(told(CertificateError::BadSignature), None);
        assert_eq!(reason(&io::ErrorKind::ConnectionReset.into()), None);
    }

    /// What openssl req -x509 makes unless it is told otherwise.
    #[tokio::test]
    async fn a_certificate_that_signs_others_is_named_as_such() {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().unwrap())
            .unwrap();
        let (ours, theirs) = tokio::io::duplex(16_384);
        let server = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(theirs);
        let pem = certificate.pem();
        let believing = super::config(Some(pem.as_bytes())).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let client = TlsConnector::from(Arc::new(believing)).connect(name, ours);
        let (error, _) = tokio::join!(client, server);
        assert!(reason(&error.unwrap_err()).unwrap().contains("CA:TRUE"));
    }

    #[test]
    fn what_is_believed_is_read_once_and_again_after_a_while() {
        let pem = rcgen::generate_simple_self_signed(vec!["imap.test".to_owned()]).unwrap().cert.pem();
        let other = rcgen::generate_simple_self_signed(vec!["imap.test".to_owned()]).unwrap().cert.pem();
        let now = Instant::now();
        let first = shared(Some(pem.as_bytes()), now).unwrap();
        assert!(Arc::ptr_eq(&first, &shared(Some(pem.as_bytes()), now).unwrap()));
        assert!(!Arc::ptr_eq(&first, &shared(Some(other.as_bytes()), now).unwrap()));
        assert!(!Arc::ptr_eq(&first, &shared(Some(pem.as_bytes()), now + FRESH).unwrap()));
        assert!(
            shared(Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), now).is_err()
        );
    }
}
