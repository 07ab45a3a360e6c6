//! Real mail servers and clients hand mail to the house, as they do at any company.

use std::net::SocketAddr;
use std::process::Output;
use std::sync::Arc;

use anyhow::bail;
use postroom::commands::{AddSinkCredential, Reply, Request, SinkCredentialName};
use store::Organization;
use testkit::Missing;
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{
    Burst, Cyrus, Dovecot, DovecotSettings, Exim, NextHop, OpenSmtpd, Postfix, smtp_source,
};
use testkit::{House, swaks, wait};

use super::house::{ZOE, books_are_whole, email_count, house, mail, newest_source, timeline};

#[test]
fn postfix_relays_by_smtp() {
    or_skip(|| {
        let (house, made) = house();
        let postfix = Postfix::start(NextHop::Smtp(house.smtp()?))?;
        let recipient = made.recipient("sink+{key:jane@example.test}@router.test")?;
        relay(&house, postfix.smtp(), &recipient, &|| postfix.log())
    });
}

/// Its client is the one of Cyrus SASL (Debian package libsasl2-modules).
#[test]
fn postfix_proves_a_credential_by_scram() {
    or_skip(|| {
        let mut libraries = std::fs::read_dir("/usr/lib")?.flatten();
        if !libraries.any(|folder| folder.path().join("sasl2/libscram.so").exists()) {
            return Err(Missing::new("libsasl2-modules").into());
        }
        let (house, _) = house();
        let of = SinkCredentialName {
            organization: "example".to_owned(),
            sink: "sink@router.test".to_owned(),
            name: "postfix".to_owned(),
        };
        let request = Request::AddSinkCredential(AddSinkCredential { of, user: None, is_refusing: false });
        let Reply::NewSinkCredential(made) = house.command(request)? else { bail!("no credential") };
        let postfix = Postfix::start_proving(house.smtps()?, (&made.name, &made.secret))?;
        relay(&house, postfix.smtp(), "jane@example.test", &|| postfix.log())?;
        let organization = house.organization("example")?;
        let trace = organization.read(|read| {
            let newest = read.latest_emails(None, 1)?;
            let copies = newest.first().map(|email| read.email_copies(email.id)).transpose()?;
            let copy = copies.unwrap_or_default().first().map(|copy| read.copy(copy.copyid)).transpose()?;
            Ok(copy.flatten().and_then(|copy| copy.trace).unwrap_or_default())
        })?;
        assert!(trace.contains("with ESMTPSA;"), "{trace}");
        Ok(())
    });
}

#[test]
fn postfix_delivers_by_lmtp() {
    or_skip(|| {
        let (house, _) = house();
        let postfix = Postfix::start(NextHop::Lmtp(house.lmtp()?))?;
        relay(&house, postfix.smtp(), "jane@example.test", &|| postfix.log())
    });
}

#[test]
fn exim_relays_by_smtp() {
    or_skip(|| {
        let (house, made) = house();
        let exim = Exim::start(house.smtp()?)?;
        let recipient = made.recipient("sink+{key:jane@example.test}@router.test")?;
        relay(&house, exim.smtp(), &recipient, &|| exim.log())?;
        // It writes its line after the answer to the last chunk.
        let sent = wait::until("exim's own line", || exim.deliveries().pop())?;
        assert!(sent.split(' ').any(|word| word == "K"), "not by BDAT: {sent}");
        Ok(())
    });
}

#[test]
fn exim_carries_international_mail() {
    or_skip(|| {
        let (house, made) = house();
        let exim = Exim::start(house.smtp()?)?;
        let organization = house.organization("example")?;
        let recipient = made.recipient("sink+{key:jane@example.test}@router.test")?;
        let raw = String::from_utf8(mail("angebote", "Schöne Grüße."))?.replace("About", "Über");
        let mut client = Client::connect(exim.smtp(), Protocol::Smtp)?;
        // RFC 6531: the envelope has an address outside ASCII, and the header is UTF-8 as it stands.
        let replies = client.send(&Envelope::new("zoë@customer.test", recipient), raw.as_bytes())?;
        assert_eq!(replies.codes(), [250], "{replies:?}");
        let arrived = wait::until("the mail arriving", || (email_count(&organization) > 0).then_some(()));
        assert!(arrived.is_ok(), "{}", exim.log());
        assert_eq!(stands(&organization), ["Über angebote"]);
        assert!(newest_source(&organization).ends_with(raw.as_bytes()), "the mail was changed on its way");
        books_are_whole(&house);
        Ok(())
    });
}

#[test]
fn opensmtpd_relays_by_smtp() {
    or_skip(|| {
        let (house, made) = house();
        let opensmtpd = OpenSmtpd::start(house.smtp()?)?;
        let recipient = made.recipient("sink+{key:jane@example.test}@router.test")?;
        relay(&house, opensmtpd.smtp(), &recipient, &|| opensmtpd.log())
    });
}

/// A server takes the mail, and it arrives once, with nothing but trace fields added.
fn relay(house: &House, server: SocketAddr, recipient: &str, log: &dyn Fn() -> String) -> anyhow::Result<()> {
    let raw = mail("relayed", "A line.\r\n.\r\n..two dots\r\nThe end.");
    let mut client = Client::connect(server, Protocol::Smtp)?;
    let replies = client.send(&Envelope::new(ZOE, recipient), &raw)?;
    assert_eq!(replies.codes(), [250], "{replies:?}");
    let organization = house.organization("example")?;
    let arrived = wait::until("the mail arriving", || (email_count(&organization) > 0).then_some(()));
    assert!(arrived.is_ok(), "{}", log());
    assert_eq!(stands(&organization), ["About relayed"]);
    assert!(newest_source(&organization).ends_with(&raw), "the mail was changed on its way");
    books_are_whole(house);
    Ok(())
}

#[test]
fn swaks_speaks_with_every_door() {
    or_skip(|| {
        let (house, _) = house();
        let organization = house.organization("example")?;
        let say = |door, id: &str, more: &[&str]| -> anyhow::Result<Output> {
            let file = tempfile::NamedTempFile::new()?;
            std::fs::write(file.path(), mail(id, "By swaks."))?;
            let data = format!("@{}", file.path().display());
            let more: Vec<&str> = ["--data", &data].into_iter().chain(more.iter().copied()).collect();
            let said = swaks::run(door, &Envelope::new(ZOE, "jane@example.test"), &more)?;
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
            Ok(said)
        };
        say(house.smtp()?, "plain", &[])?;
        say(house.smtp()?, "pipelined", &["--pipeline"])?;
        say(house.smtp()?, "encrypted", &["--tls"])?;
        say(house.lmtp()?, "local", &["--protocol", "LMTP"])?;
        let mut subjects = stands(&organization);
        subjects.sort();
        assert_eq!(subjects, ["About encrypted", "About local", "About pipelined", "About plain"]);
        books_are_whole(&house);
        Ok(())
    });
}

#[test]
fn smtp_source_sends_many_at_once() {
    or_skip(|| {
        let (house, made) = house();
        let organization = house.organization("example")?;
        let recipient = made.recipient("sink+{key:jane@example.test}@router.test")?;
        let envelope = Envelope::new(ZOE, recipient);
        let protocol = Protocol::Smtp;
        smtp_source(
            house.smtp()?,
            &envelope,
            Burst { messages: 200, connections: 10, protocol, bytes: None },
        )?;
        let protocol = Protocol::Lmtp;
        smtp_source(house.lmtp()?, &envelope, Burst { messages: 50, connections: 5, protocol, bytes: None })?;
        // It gives each message an id of its own, so none is another's duplicate.
        assert_eq!(email_count(&organization), 250);
        assert_eq!(timeline(&organization, ZOE).len(), 250);
        books_are_whole(&house);
        Ok(())
    });
}

#[test]
fn a_sieve_rule_redirects_to_the_sink() {
    or_skip(|| {
        let (house, _) = house();
        let settings =
            DovecotSettings { relay: Some(house.smtp()?), sieve: Some(RULE), ..DovecotSettings::default() };
        let dovecot = Dovecot::start(settings)?;
        let source = redirect(&house, dovecot.lmtp(), "redirected", &|| dovecot.log())?;
        assert!(source.contains("X-Sieve-Redirected-From: jane@example.test"), "{source}");
        Ok(())
    });
}

#[test]
fn a_sieve_rule_of_cyrus_redirects_to_the_sink() {
    or_skip(|| {
        let (house, _) = house();
        let cyrus = Cyrus::start(house.smtp()?, RULE)?;
        // Cyrus says in no field that it redirected: the mail looks as if it had come straight.
        let source = redirect(&house, cyrus.lmtp(), "direct", &|| cyrus.log())?;
        assert!(source.contains("with LMTPA"), "{source}");
        Ok(())
    });
}

const RULE: &str = "require [\"copy\"];\nredirect :copy \"sink@router.test\";\n";

/// A mail to Jane's mailbox comes by its rule to the sink, as the same mail. Gives its source.
fn redirect(
    house: &House,
    lmtp: SocketAddr,
    method: &str,
    log: &dyn Fn() -> String,
) -> anyhow::Result<String> {
    let organization = house.organization("example")?;
    let mut client = Client::connect(lmtp, Protocol::Lmtp)?;
    let raw = mail("redirected", "To Jane's mailbox.");
    let replies = client.send(&Envelope::new(ZOE, "jane@example.test"), &raw)?;
    assert_eq!(replies.codes(), [250], "{}", log());
    let arrived = wait::until("the mail arriving", || (email_count(&organization) > 0).then_some(()));
    assert!(arrived.is_ok(), "{}", log());
    assert_eq!(stands(&organization), ["About redirected"]);
    let line = organization.read(|read| Ok(read.latest_emails(None, 1)?.remove(0)))?;
    let email = organization.read(|read| read.email(line.id))?.map(|email| email.unwrapmethod);
    assert_eq!(email.as_deref(), Some(method));
    books_are_whole(house);
    Ok(String::from_utf8_lossy(&newest_source(&organization)).into_owned())
}

/// Subjects on the timeline of the customer.
fn stands(organization: &Arc<Organization>) -> Vec<String> {
    timeline(organization, ZOE).into_iter().map(|(_, subject)| subject).collect()
}
