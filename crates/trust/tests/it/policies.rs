//! DMARC: what the domain of From wishes, and whether one of the others holds for it.

use model::trust::{Check, Finding, Policy, ProvenBy};

use crate::world::{MAIL, World, found, signed, signer};

#[tokio::test]
async fn what_the_domain_wishes() {
    for (record, policy) in [
        ("v=DMARC1; p=none", Policy::None),
        ("v=DMARC1; p=quarantine", Policy::Quarantine),
        ("v=DMARC1; p=reject", Policy::Reject),
        // In its test mode it wishes for one step less (RFC 9989 §4.7).
        ("v=DMARC1; p=reject; t=y", Policy::Quarantine),
    ] {
        let world = World::new().await;
        world.wish("customer.example", record);
        let verdict = world.verify(MAIL.as_bytes()).await;
        assert_eq!((verdict.dmarc, verdict.policy), (Finding::Fail, policy), "{record}");
        assert_eq!(found(&verdict, Check::Dmarc), [(Finding::Fail, "customer.example")]);
        assert_eq!(verdict.fails_with(Policy::Reject), policy == Policy::Reject);
    }
    let world = World::new().await;
    let verdict = world.verify(MAIL.as_bytes()).await;
    assert_eq!((verdict.dmarc, verdict.policy), (Finding::None, Policy::None));
}

#[tokio::test]
async fn a_domain_below_or_above_is_of_the_same_owner_and_another_is_not() {
    let world = World::new().await;
    world.wish("customer.example", "v=DMARC1; p=reject");
    world.wish("strict.example", "v=DMARC1; p=reject; adkim=s");
    let strict = MAIL.replace("zoe@customer.example", "zoe@strict.example");
    let below = MAIL.replace("zoe@customer.example", "zoe@sales.customer.example");
    for (mail, domain, expected) in [
        (MAIL, "mail.customer.example", Finding::Pass),
        (below.as_str(), "customer.example", Finding::Pass),
        (MAIL, "relay.example", Finding::Fail),
        (MAIL, "notcustomer.example", Finding::Fail),
        (strict.as_str(), "mail.strict.example", Finding::Fail),
        (strict.as_str(), "strict.example", Finding::Pass),
    ] {
        let mail = signed(&signer(world.ed25519("a", domain), ("a", domain)), mail);
        let verdict = world.verify(mail.as_bytes()).await;
        assert_eq!(found(&verdict, Check::Dkim), [(Finding::Pass, domain)]);
        assert_eq!(verdict.dmarc, expected, "{domain}");
    }
    // What lies below a domain without a wish of its own is bound by that of the domain.
    let verdict = world.verify(below.as_bytes()).await;
    assert!(verdict.fails_with(Policy::Reject));
}

#[tokio::test]
async fn of_several_authors_none_is_proven_and_the_first_is_failed() {
    let world = World::new().await;
    world.wish("customer.example", "v=DMARC1; p=reject");
    world.wish("evil.example", "v=DMARC1; p=none");
    let two = MAIL.replace("Zoe <zoe@customer.example>", "zoe@customer.example, max@evil.example");
    let mail = signed(&signer(world.ed25519("a", "evil.example"), ("a", "evil.example")), &two);
    let verdict = world.verify(mail.as_bytes()).await;
    assert!(verdict.fails_with(Policy::Reject) && verdict.author.is_none(), "{verdict:?}");
    let mail = signed(&signer(world.ed25519("a", "customer.example"), ("a", "customer.example")), &two);
    let verdict = world.verify(mail.as_bytes()).await;
    assert_eq!((verdict.dmarc, verdict.proven_by), (Finding::Neutral, ProvenBy::Nothing));
}

#[tokio::test]
async fn what_is_no_mail_says_nothing() {
    let world = World::new().await;
    for bytes in [&b""[..], b"\r\n\r\n", b"\xff\xfe\0\0", b"DKIM-Signature: v=1\r\n", b"From: <>\r\n\r\n"] {
        let verdict = world.verify(bytes).await;
        assert!(verdict.author.is_none() && verdict.dmarc != Finding::Pass && verdict.dmarc != Finding::Fail);
    }
}
