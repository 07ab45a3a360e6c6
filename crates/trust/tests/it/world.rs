//! A name server, domains with keys, and mail that they sign.

use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use dnskit::NameServer;
use mail_auth::arc::ArcSealer;
use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256, SigningKey};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{DkimSigner, Done};
use mail_auth::hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use mail_auth::{AuthenticatedMessage, AuthenticationResults, MessageAuthenticator};
use model::trust::{Check, Finding, Verdict};
use trust::{Asked, Peer, Resolver, Way};

pub(crate) const FIELDS: [&str; 7] = ["From", "To", "Cc", "Subject", "Date", "Content-Type", "Message-ID"];

pub(crate) struct World {
    pub(crate) dns: NameServer,
    pub(crate) resolver: Resolver,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_patience(Duration::from_secs(20)).await
    }

    pub(crate) async fn with_patience(patience: Duration) -> Self {
        let dns = NameServer::start().await.unwrap();
        let resolver = Resolver::new(Asked::At(dns.address()), patience).unwrap().unwrap();
        World { dns, resolver }
    }

    /// A resolver that has heard nothing yet.
    pub(crate) fn forgetful(&self) -> Resolver {
        Resolver::new(Asked::At(self.dns.address()), Duration::from_secs(20)).unwrap().unwrap()
    }

    /// A new RSA key of a domain, which is published.
    pub(crate) fn rsa(&self, selector: &str, domain: &str) -> RsaKey<Sha256> {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(
            pair.public_key(),
        )
        .unwrap();
        self.publish(
            (selector, domain),
            &format!("v=DKIM1; k=rsa; p={}", BASE64_STANDARD.encode(public.as_ref())),
        );
        let private =
            aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        RsaKey::from_key_der(mail_auth_key(private.as_ref())).unwrap()
    }

    /// A new Ed25519 key of a domain, which is published.
    pub(crate) fn ed25519(&self, selector: &str, domain: &str) -> Ed25519Key {
        let key = Ed25519Key::from_pkcs8_der(&Ed25519Key::generate_pkcs8().unwrap()).unwrap();
        let record = format!("v=DKIM1; k=ed25519; p={}", BASE64_STANDARD.encode(key.public_key()));
        self.publish((selector, domain), &record);
        key
    }

    pub(crate) fn publish(&self, (selector, domain): (&str, &str), record: &str) {
        self.dns.txt(&format!("{selector}._domainkey.{domain}"), record);
    }

    pub(crate) fn wish(&self, domain: &str, record: &str) {
        self.dns.txt(&format!("_dmarc.{domain}"), record);
    }

    fn for_sealers(&self) -> (ResolverConfig, ResolverOpts) {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = self.dns.address().port();
            connection
        });
        let mut server = NameServerConfig::udp_and_tcp(self.dns.address().ip());
        server.connections = connections.into();
        (ResolverConfig::from_parts(None, Vec::new(), vec![server]), ResolverOpts::default())
    }

    /// Verified as it comes out of a forward, or from a server of ours.
    pub(crate) async fn verify(&self, mail: &[u8]) -> Verdict {
        trust::verify(mail, Way::default(), &self.resolver).await
    }

    /// Verified as a stranger brings it.
    pub(crate) async fn brought(&self, mail: &[u8], (ip, mail_from): (&str, Option<&str>)) -> Verdict {
        let peer = Peer {
            ip: ip.parse::<IpAddr>().unwrap(),
            helo: "mail.customer.example",
            mail_from,
            our_name: "crm.contoso.example",
        };
        trust::verify(mail, Way { peer: Some(peer), ..Way::default() }, &self.resolver).await
    }
}

fn mail_auth_key(pkcs8: &[u8]) -> rustls_pki_types::PrivateKeyDer<'_> {
    rustls_pki_types::PrivateKeyDer::Pkcs8(pkcs8.into())
}

pub(crate) const MAIL: &str = "From: Zoe <zoe@customer.example>\r\nTo: jane@contoso.example\r\nSubject: Our offer\r\n\
    Date: Fri, 27 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1@customer.example>\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\r\nHello Jane,\r\n\r\nwe agree.\r\n";

pub(crate) fn signer<K: SigningKey>(key: K, (selector, domain): (&str, &str)) -> DkimSigner<K, Done> {
    DkimSigner::from_key(key).domain(domain).selector(selector).headers(FIELDS)
}

/// A mail with this signature on top.
pub(crate) fn signed<K: SigningKey>(signer: &DkimSigner<K, Done>, mail: &str) -> String {
    signer.sign(mail.as_bytes()).unwrap().to_header() + mail
}

/// A mail sealed by one more hand, which says what it found.
pub(crate) async fn sealed(world: &World, mail: &str, (domain, results): (&str, &str)) -> String {
    let selector = "seal";
    let key = world.rsa(selector, domain);
    let sealer = ArcSealer::from_key(key).domain(domain).selector(selector).headers(FIELDS);
    let (config, options) = world.for_sealers();
    let authenticator = MessageAuthenticator::new(config, options).unwrap();
    let message = AuthenticatedMessage::parse(mail.as_bytes()).unwrap();
    let before = authenticator.verify_arc(&message).await;
    let found = AuthenticationResults::new(results);
    let set = sealer.seal(&message, &found, &before).unwrap();
    set.to_header() + mail
}

pub(crate) fn found(verdict: &Verdict, check: Check) -> Vec<(Finding, &str)> {
    let of = verdict.looked.iter().filter(|looked| looked.check == check);
    of.map(|looked| (looked.finding, looked.domain.as_str())).collect()
}
