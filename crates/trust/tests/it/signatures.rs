//! DKIM.

use model::trust::{Check, Finding, ProvenBy};

use mail_auth::common::headers::HeaderWriter;

use crate::world::{MAIL, World, found, signed, signer};

const DOMAIN: &str = "customer.example";

async fn world() -> World {
    let world = World::new().await;
    world.wish(DOMAIN, "v=DMARC1; p=reject");
    world
}

#[tokio::test]
async fn a_signature_of_the_authors_domain_proves_the_author() {
    let world = world().await;
    let rsa = signed(&signer(world.rsa("a", DOMAIN), ("a", DOMAIN)), MAIL);
    let ed25519 = signed(&signer(world.ed25519("b", DOMAIN), ("b", DOMAIN)), MAIL);
    for mail in [rsa, ed25519] {
        let verdict = world.verify(mail.as_bytes()).await;
        assert_eq!(found(&verdict, Check::Dkim), [(Finding::Pass, DOMAIN)], "{verdict:?}");
        assert_eq!((verdict.dmarc, verdict.proven_by), (Finding::Pass, ProvenBy::Signature));
        assert!(verdict.signs_all && verdict.proves(&"zoe@customer.example".address()));
        assert!(found(&verdict, Check::Spf).is_empty());
    }
}

trait Addressed {
    fn address(&self) -> model::EmailAddress;
}

impl Addressed for str {
    fn address(&self) -> model::EmailAddress {
        model::EmailAddress::parse(self).unwrap()
    }
}

#[tokio::test]
async fn what_was_changed_fails() {
    let world = world().await;
    let mail = signed(&signer(world.ed25519("a", DOMAIN), ("a", DOMAIN)), MAIL);
    let changes =
        [("we agree", "we refuse"), ("Our offer", "Your offer"), ("zoe@", "max@"), ("jane@", "ben@")];
    for (before, after) in changes {
        let verdict = world.verify(mail.replacen(before, after, 1).as_bytes()).await;
        assert_eq!(found(&verdict, Check::Dkim), [(Finding::Fail, DOMAIN)], "{after}");
        assert_eq!(verdict.dmarc, Finding::Fail);
    }
}

#[tokio::test]
async fn a_key_that_is_another_or_gone_or_taken_back_proves_nothing() {
    let world = world().await;
    let key = world.ed25519("a", DOMAIN);
    world.dns.forget("a._domainkey.customer.example");
    let mail = signed(&signer(key, ("a", DOMAIN)), MAIL);
    let looked = |verdict| found(&verdict, Check::Dkim)[0].0;
    assert_eq!(looked(world.verify(mail.as_bytes()).await), Finding::PermError);
    world.ed25519("a", DOMAIN);
    let resolver = world.forgetful();
    let verdict = trust::verify(mail.as_bytes(), trust::Way::default(), &resolver).await;
    assert_eq!((looked(verdict.clone()), verdict.dmarc), (Finding::Fail, Finding::Fail));
    world.dns.forget("a._domainkey.customer.example");
    world.publish(("a", DOMAIN), "v=DKIM1; k=ed25519; p=");
    let resolver = world.forgetful();
    let verdict = trust::verify(mail.as_bytes(), trust::Way::default(), &resolver).await;
    assert_ne!(looked(verdict), Finding::Pass);
}

#[tokio::test]
async fn a_signature_past_its_time_proves_nothing() {
    let world = world().await;
    let signer = signer(world.ed25519("a", DOMAIN), ("a", DOMAIN));
    let fresh = signed(&signer.expiration(600), MAIL);
    assert_eq!(world.verify(fresh.as_bytes()).await.dmarc, Finding::Pass);
    let signer = crate::world::signer(world.ed25519("b", DOMAIN), ("b", DOMAIN)).expiration(600);
    let mut signature = signer.sign(MAIL.as_bytes()).unwrap();
    (signature.t, signature.x) = (1_000, 1_600);
    let verdict = world.verify((signature.to_header() + MAIL).as_bytes()).await;
    assert_eq!(found(&verdict, Check::Dkim), [(Finding::Fail, DOMAIN)]);
}

#[tokio::test]
async fn a_signature_of_a_part_of_the_body_is_none() {
    let world = world().await;
    let signer = signer(world.ed25519("a", DOMAIN), ("a", DOMAIN)).body_length(true);
    let mail = signed(&signer, MAIL);
    assert!(mail.contains("l="), "{mail}");
    let longer = mail.clone() + "And buy our pills.\r\n";
    for mail in [mail, longer] {
        let verdict = world.verify(mail.as_bytes()).await;
        assert_ne!(found(&verdict, Check::Dkim)[0].0, Finding::Pass);
        assert_eq!(verdict.dmarc, Finding::Fail);
    }
}

#[tokio::test]
async fn a_signature_that_leaves_from_out_is_not_believed() {
    let world = world().await;
    let signer =
        mail_auth::dkim::DkimSigner::from_key(world.ed25519("a", DOMAIN)).domain(DOMAIN).selector("a");
    let mail = signed(&signer.headers(["Subject", "Date"]), MAIL);
    let verdict = world.verify(mail.as_bytes()).await;
    assert_eq!(found(&verdict, Check::Dkim), [(Finding::Policy, DOMAIN)]);
    assert_eq!(verdict.dmarc, Finding::Fail);
}

#[tokio::test]
async fn of_several_signatures_one_of_the_domain_is_enough_and_too_many_are_left() {
    let world = world().await;
    let own = signed(&signer(world.ed25519("a", DOMAIN), ("a", DOMAIN)), MAIL);
    let several = signed(&signer(world.ed25519("x", "relay.example"), ("x", "relay.example")), &own);
    let verdict = world.verify(several.as_bytes()).await;
    assert_eq!(found(&verdict, Check::Dkim), [(Finding::Pass, "relay.example"), (Finding::Pass, DOMAIN)]);
    assert!(verdict.signs_all);
    let foreign = signer(world.ed25519("y", "relay.example"), ("y", "relay.example"));
    let mut many = own;
    for _ in 0..model::limits::SIGNATURES_MAX {
        many = signed(&foreign, &many);
    }
    let verdict = world.verify(many.as_bytes()).await;
    assert_eq!(found(&verdict, Check::Dkim).len(), model::limits::SIGNATURES_MAX + 1);
    assert_eq!(verdict.dmarc, Finding::Fail);
}

#[tokio::test]
async fn nothing_is_put_into_a_signed_mail_that_we_read_and_the_signature_does_not() {
    let world = world().await;
    let mail = signed(&signer(world.ed25519("a", DOMAIN), ("a", DOMAIN)), MAIL);
    let zoe = "zoe@customer.example".address();
    assert!(world.verify(mail.as_bytes()).await.proves(&zoe));
    let changed = [
        // A second author, above and below.
        format!("From: max@customer.example\r\n{mail}"),
        mail.replacen("\r\nTo:", "\r\nFrom: max@customer.example\r\nTo:", 1),
        // A line that is a field to some, and the text to others.
        mail.replacen("\r\n\r\n", "\r\nSend the money to me\r\n\r\n", 1),
        format!("\r\n{mail}"),
        mail.replacen("we agree", "we\r agree", 1),
        mail.replacen("\r\nTo:", "\r\nFrom : max@customer.example\r\nTo:", 1),
    ];
    for mail in changed {
        let verdict = world.verify(mail.as_bytes()).await;
        assert!(!verdict.proves(&zoe) && !verdict.proves(&"max@customer.example".address()), "{mail}");
    }
    // Another recipient is seen, though the author is proven.
    let mail = mail.replacen("\r\nTo:", "\r\nCc: crm@sink.contoso.example\r\nTo:", 1);
    let verdict = world.verify(mail.as_bytes()).await;
    assert!(!verdict.signs_all);
}

#[tokio::test]
async fn what_we_sign_holds_however_its_body_ends() {
    let world = world().await;
    let bodies = [
        "",
        "\r\n",
        "Hello.\r\n",
        "Hello.\r\n\r\n\r\n",
        "Hello.\r\n   \r\n",
        " \t\r\n",
        "Hello.\r\n-- \r\nZoe",
        "a  b \t\r\n",
    ];
    for kind in [trust::sign::KeyKind::Rsa, trust::sign::KeyKind::Ed25519] {
        let key = trust::sign::SigningKey::read(&trust::sign::make(kind).unwrap()).unwrap();
        let selector = format!("{kind:?}").to_lowercase();
        world.publish((&selector, DOMAIN), &key.record());
        for body in bodies {
            let mail = format!(
                "From: zoe@customer.example\r\nTo: jane@contoso.example\r\nSubject: =?utf-8?q?Z?=\r\n folded\r\n\r\n{body}"
            );
            let signed = key.sign(mail.as_bytes(), (DOMAIN, &selector)).unwrap() + &mail;
            let verdict = world.verify(signed.as_bytes()).await;
            assert!(
                verdict.proves(&"zoe@customer.example".address()) && verdict.signs_all,
                "{body:?}: {verdict:?}"
            );
            let above = format!("Subject: another\r\n{signed}");
            assert_eq!(world.verify(above.as_bytes()).await.dmarc, Finding::Fail);
        }
    }
}
