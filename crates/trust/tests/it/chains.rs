//! ARC: what servers that hand mail on vouch for.

use model::trust::{Check, Finding, Policy};
use trust::Way;

use crate::world::{MAIL, World, found, sealed, signed, signer};

const PASSED: &str = "list.example; dmarc=pass header.from=customer.example";

async fn vouched(world: &World, mail: &str, believed: &[&str]) -> (Vec<(Finding, String)>, bool) {
    let believed: Vec<String> = believed.iter().map(ToString::to_string).collect();
    let way = Way { believed_sealers: &believed, ..Way::default() };
    let verdict = trust::verify(mail.as_bytes(), way, &world.forgetful()).await;
    let chain = found(&verdict, Check::Arc).into_iter().map(|(it, domain)| (it, domain.to_owned()));
    (chain.collect(), verdict.dmarc == Finding::Fail && !verdict.fails_with(Policy::Reject))
}

/// What a list makes of a signed mail: the signature breaks, and the list seals what it has made.
async fn through_list(world: &World) -> String {
    world.wish("customer.example", "v=DMARC1; p=reject");
    let key = world.ed25519("a", "customer.example");
    let mail = signed(&signer(key, ("a", "customer.example")), MAIL);
    sealed(world, &mail.replace("Our offer", "[list] Our offer"), ("list.example", PASSED)).await
}

#[tokio::test]
async fn a_sealer_who_is_believed_vouches_for_mail_that_fails() {
    let world = World::new().await;
    let mail = through_list(&world).await;
    let chain = vec![(Finding::Pass, "list.example".to_owned())];
    assert_eq!(vouched(&world, &mail, &["LIST.example"]).await, (chain.clone(), true));
    assert_eq!(vouched(&world, &mail, &["other.example"]).await, (chain.clone(), false));
    assert_eq!(vouched(&world, &mail, &[]).await, (chain, false));
}

#[tokio::test]
async fn three_hands_and_a_broken_one() {
    let world = World::new().await;
    let mut mail = through_list(&world).await;
    for domain in ["second.example", "third.example"] {
        mail = sealed(&world, &mail, (domain, &PASSED.replace("list.example", domain))).await;
    }
    let chain = vec![(Finding::Pass, "third.example".to_owned())];
    assert_eq!(vouched(&world, &mail, &["third.example"]).await, (chain, true));
    let broken = mail.replacen("second.example; dmarc=pass", "second.example; dmarc=fail", 1);
    assert_ne!(broken, mail);
    let (chain, is_vouched) = vouched(&world, &broken, &["third.example"]).await;
    assert_eq!((chain[0].0, is_vouched), (Finding::Fail, false));
    let changed = mail.replacen("we agree", "we refuse", 1);
    let (chain, is_vouched) = vouched(&world, &changed, &["third.example"]).await;
    assert_eq!((chain[0].0, is_vouched), (Finding::Fail, false));
}

#[tokio::test]
async fn a_sealer_who_does_not_say_that_it_passed_vouches_for_nothing() {
    let world = World::new().await;
    world.wish("customer.example", "v=DMARC1; p=reject");
    let said = "list.example; dmarc=fail header.from=customer.example; spf=pass (dmarc=pass)";
    let mail = sealed(&world, MAIL, ("list.example", said)).await;
    let (chain, is_vouched) = vouched(&world, &mail, &["list.example"]).await;
    assert_eq!((chain[0].0, is_vouched), (Finding::Pass, false));
}

#[tokio::test]
async fn a_chain_of_too_many_hands_is_not_looked_at() {
    let world = World::new().await;
    let mut mail = MAIL.to_owned();
    for number in 1..=model::limits::SEALS_MAX + 1 {
        let set = format!(
            "ARC-Seal: i={number}; a=rsa-sha256; d=a.example; s=s; cv=none; b=AAAA\r\nARC-Message-Signature: i={number}; \
             a=rsa-sha256; d=a.example; s=s; h=from; bh=AAAA; b=AAAA\r\nARC-Authentication-Results: i={number}; a.example; none\r\n"
        );
        mail = set + &mail;
    }
    let (chain, _) = vouched(&world, &mail, &["a.example"]).await;
    assert_eq!(chain, [(Finding::PermError, String::new())]);
    assert!(!world.dns.asked().iter().any(|name| name.contains("_domainkey")));
}
