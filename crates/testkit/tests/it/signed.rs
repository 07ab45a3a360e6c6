//! Outgoing mail that is signed, as a verifier finds it that is not ours, behind a real Postfix.

use anyhow::{Context, Result, ensure};
use dnskit::NameServer;
use postroom::commands::{AddDomainKey, DkimRequest, DomainKeyRow, Reply, Request};
use testkit::House;
use testkit::missing::or_skip;
use testkit::peers::{Dovecot, DovecotSettings, NextHop, Postfix, verify_dkim};
use tokio::runtime::Runtime;

use super::house::{ZOE, house};
use super::outbox::{arrived, becomes, offer, relay, send};

fn add(house: &House, selector: &str, is_ed25519: bool) -> Result<DomainKeyRow> {
    let key = AddDomainKey {
        organization: "example".to_owned(),
        domain: "Example.test".to_owned(),
        selector: selector.to_owned(),
        pem: None,
        is_ed25519,
    };
    match house.command(Request::Dkim(DkimRequest::Add(key)))? {
        Reply::DomainKeys(rows) => rows.into_iter().next().context("its record"),
        other => anyhow::bail!("{other:?}"),
    }
}

#[test]
fn what_goes_out_carries_signatures_that_others_verify() {
    or_skip(|| {
        let customers = Dovecot::start(DovecotSettings::default())?;
        let postfix = Postfix::start(NextHop::Lmtp(customers.lmtp()))?;
        let runtime = Runtime::new()?;
        let dns = runtime.block_on(NameServer::start())?;
        let (house, _) = house();
        relay(&house, postfix.smtp().port())?;
        for (selector, is_ed25519) in [("rsa", false), ("ed", true)] {
            let row = add(&house, selector, is_ed25519)?;
            assert_eq!(row.name, format!("{selector}._domainkey.example.test"));
            dns.txt(&row.name, &row.record);
        }
        ensure!(add(&house, "rsa", false).is_err(), "the name is taken");
        let mut mail = offer();
        mail.text = "Fifty pallets?\n\nJane  \n   \n".to_owned();
        send(&house, mail)?;
        becomes(&house, "Sent")?;
        let kept = arrived(&customers.mailbox(ZOE))?;
        // As it came to the mailbox: Dovecot keeps lines as Unix does.
        let mail = kept.replace("\r\n", "\n").replace('\n', "\r\n");
        assert_eq!(verify_dkim(mail.as_bytes(), dns.address())?, ["pass", "pass"], "{mail}");
        let changed = mail.replacen("Fifty", "Sixty", 1);
        assert_ne!(changed, mail);
        assert_eq!(verify_dkim(changed.as_bytes(), dns.address())?, ["fail", "fail"]);
        let remove = DkimRequest::Remove {
            organization: "example".to_owned(),
            domain: "example.test".to_owned(),
            selector: "rsa".to_owned(),
        };
        house.command(Request::Dkim(remove))?;
        let Reply::DomainKeys(left) = house.command(Request::Dkim(DkimRequest::List(None)))? else {
            anyhow::bail!("no list")
        };
        assert_eq!(left.len(), 1);
        Ok(())
    });
}
