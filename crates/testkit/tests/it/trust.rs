//! Who wrote a mail, found out at the door of a house that asks a name server.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use dnskit::{Manner, NameServer};
use model::schema::emails::{Email, mark};
use model::schema::intake::MailVerdict;
use model::trust::{Finding, ProvenBy};
use postroom::commands::{Reply, Request, UndeliverableRequest, UndeliverableRow};
use postroom::settings::QuarantineFrom;
use tempfile::TempDir;
use testkit::House;
use testkit::client::{Client, Envelope, Protocol};
use testkit::house::free_ports;
use testkit::world::Made;
use tokio::runtime::Runtime;
use trust::sign::{KeyKind, SigningKey, make};

use super::house::{SINK, ZOE, books_are_whole, mail, with_world};

/// Where a stranger's server is.
const FAR: &str = "192.0.2.7";

struct World {
    house: House,
    made: Made,
    dns: NameServer,
    _folder: TempDir,
    /// Of the name server.
    _runtime: Runtime,
}

/// A house that asks a name server, and believes on loopback that somebody else speaks.
fn world(results_of: &str) -> Result<World> {
    let folder = TempDir::new()?;
    let mut settings = free_ports(folder.path())?;
    let runtime = Runtime::new()?;
    let dns = runtime.block_on(NameServer::start())?;
    settings.trust.resolver = trust::Asked::At(dns.address());
    settings.trust.quarantine = QuarantineFrom::DmarcReject;
    settings.trust.results_of = results_of.to_owned();
    settings.receive.xclient_networks = vec!["127.0.0.1".parse().ok().context("a network")?];
    let house = House::start_in(folder.path(), settings)?;
    let made = with_world(&house);
    Ok(World { house, made, dns, _folder: folder, _runtime: runtime })
}

impl World {
    fn key(&self, domain: &str) -> Result<SigningKey> {
        let key = SigningKey::read(&make(KeyKind::Rsa)?)?;
        self.dns.txt(&format!("s1._domainkey.{domain}"), &key.record());
        self.dns.txt(&format!("_dmarc.{domain}"), "v=DMARC1; p=reject");
        Ok(key)
    }

    /// Sends a mail from this machine, or as a stranger who knows Jane's key.
    fn send(&self, from_far: bool, raw: &[u8]) -> Result<()> {
        let door: SocketAddr = self.house.smtp()?;
        let mut client = Client::connect(door, Protocol::Smtp)?;
        let mut to = SINK.to_owned();
        if from_far {
            client.speak_for(FAR.parse()?)?;
            let key = self.made.sink_key("jane@example.test").context("Jane's key")?;
            to = SINK.replace('@', &format!("+{key}@"));
        }
        let replies = client.send(&Envelope::new("someone@forwarder.test", to), raw)?;
        ensure!(replies.codes() == [250], "{replies:?}");
        client.quit()
    }

    fn newest(&self) -> Result<Email> {
        let organization = self.house.organization("example")?;
        organization
            .read(|read| match read.latest_emails(None, 1)?.first() {
                Some(line) => read.email(line.id),
                None => Ok(None),
            })?
            .context("no e-mail")
    }

    fn verdicts(&self, email: &Email) -> Result<Vec<MailVerdict>> {
        let organization = self.house.organization("example")?;
        let verdicts = organization.read(|read| match read.first_copy_of(email.activityid)? {
            Some(copy) => read.verdicts_of(copy),
            None => Ok(Vec::new()),
        });
        Ok(verdicts?)
    }

    fn quarantined(&self) -> Result<Vec<UndeliverableRow>> {
        let request = Request::Undeliverable(UndeliverableRequest::Quarantined(None));
        match self.house.command(request)? {
            Reply::Undeliverables(rows) => Ok(rows),
            other => anyhow::bail!("{other:?}"),
        }
    }
}

fn signed(key: &SigningKey, domain: &str, raw: &[u8]) -> Result<Vec<u8>> {
    Ok([key.sign(raw, (domain, "s1"))?.as_bytes(), raw].concat())
}

fn from_jane(id: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(&mail(id, "On Thursday.")).into_owned();
    text.replace(&format!("Zoe <{ZOE}>"), "Jane Doe <jane@example.test>")
        .replace("To: jane@example.test", &format!("To: {ZOE}"))
        .into_bytes()
}

#[test]
fn a_customer_and_one_of_us_are_proven_by_signatures_from_anywhere() -> Result<()> {
    let world = world("")?;
    let (customer, own) = (world.key("customer.test")?, world.key("example.test")?);
    world.send(true, &signed(&customer, "customer.test", &mail("one", "Fifty pallets?"))?)?;
    let email = world.newest()?;
    let [verdict] = &world.verdicts(&email)?[..] else { anyhow::bail!("one verdict") };
    assert_eq!((verdict.dmarc, verdict.provenby), (Finding::Pass as i32, ProvenBy::Signature as i32));
    assert!(verdict.results.contains("dkim=pass header.d=customer.test"), "{verdict:?}");
    // The server that brought it says nothing about customer.test.
    assert!(verdict.results.contains("spf=none smtp.mailfrom=forwarder.test"), "{verdict:?}");
    world.send(true, &from_jane("unsigned"))?;
    assert_eq!(world.quarantined()?.len(), 1);
    world.send(true, &signed(&own, "example.test", &from_jane("two"))?)?;
    let email = world.newest()?;
    assert!(email.directioncode && email.marks & mark::UNPROVEN_SENDER == 0, "{email:?}");
    books_are_whole(&world.house);
    Ok(())
}

#[test]
fn what_a_forger_writes_changes_nothing() -> Result<()> {
    let world = world("mx.example.test")?;
    world.dns.txt("_dmarc.example.test", "v=DMARC1; p=none");
    let results = "Authentication-Results: mx.example.test; dkim=pass header.d=example.test;\r\n dmarc=pass \
                   header.from=example.test\r\n";
    // By whoever knows a key: the field is his own.
    world.send(true, &[results.as_bytes(), &from_jane("one")].concat())?;
    let email = world.newest()?;
    assert!(!email.directioncode && email.marks & mark::UNPROVEN_SENDER != 0, "{email:?}");
    // By a server of ours, below the field that it wrote.
    let above = "Authentication-Results: relay.example.test; none\r\n";
    world.send(false, &[above.as_bytes(), results.as_bytes(), &from_jane("two")].concat())?;
    let email = world.newest()?;
    assert!(!email.directioncode && email.marks & mark::UNPROVEN_SENDER != 0, "{email:?}");
    // By that server, on top: its own word.
    world.send(false, &[results.as_bytes(), &from_jane("three")].concat())?;
    let email = world.newest()?;
    assert!(email.directioncode, "{email:?}");
    let [verdict] = &world.verdicts(&email)?[..] else { anyhow::bail!("one verdict") };
    assert_eq!(verdict.saidby.as_deref(), Some("mx.example.test"));
    Ok(())
}

#[test]
fn disowned_mail_waits_and_a_mail_within_a_forward_is_looked_at_by_itself() -> Result<()> {
    let world = world("")?;
    let customer = world.key("customer.test")?;
    world.send(false, &mail("forged", "Pay here."))?;
    let [row] = &world.quarantined()?[..] else { anyhow::bail!("one row") };
    assert_eq!(row.reason, "disowned");
    assert!(row.detail.contains("dmarc=fail (p=reject) header.from=customer.test"), "{row:?}");
    let release = Request::Undeliverable(UndeliverableRequest::Replay(row.id.clone()));
    world.house.command(release)?;
    assert_eq!(world.newest()?.messageid.as_deref(), Some("forged@customer.test"));
    let inner = signed(&customer, "customer.test", &mail("inner", "At three?"))?;
    let forward = format!(
        "From: Jane Doe <jane@example.test>\r\nTo: {SINK}\r\nSubject: Fwd: About inner\r\n\
         Message-ID: <fwd@example.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
         Content-Type: message/rfc822\r\n\r\n{}\r\n--b--\r\n",
        String::from_utf8_lossy(&inner)
    );
    // She hands it over herself, by a server of ours.
    let mut client = Client::connect(world.house.smtp()?, Protocol::Smtp)?;
    client.send(&Envelope::new("jane@example.test", SINK), forward.as_bytes())?;
    let email = world.newest()?;
    assert_eq!(
        (email.unwrapmethod.as_str(), email.messageid.as_deref()),
        ("attached", Some("inner@customer.test"))
    );
    let verdicts = world.verdicts(&email)?;
    let inner = verdicts.iter().find(|verdict| verdict.originalnumber == 1).context("its own verdict")?;
    assert_eq!((inner.dmarc, inner.author.as_deref()), (Finding::Pass as i32, Some(ZOE)));
    books_are_whole(&world.house);
    Ok(())
}

#[test]
fn a_name_server_that_is_silent_keeps_no_mail_away() -> Result<()> {
    let world = world("")?;
    world
        .dns
        .txt("_dmarc.customer.test", "v=DMARC1; p=reject")
        .behave("_dmarc.customer.test", Manner::Silent);
    world.send(false, &mail("one", "Fifty pallets?"))?;
    let email = world.newest()?;
    let [verdict] = &world.verdicts(&email)?[..] else { anyhow::bail!("one verdict") };
    assert_eq!(verdict.dmarc, Finding::TempError as i32);
    Ok(())
}
