//! Name servers that do not do as they should.

use std::time::Duration;

use dnskit::Manner;
use model::trust::{Check, Finding};

use crate::world::{MAIL, World, found, signed, signer};

const KEY: &str = "a._domainkey.customer.example";

async fn with(world: &World, manner: Manner) -> (Finding, Finding) {
    world.wish("customer.example", "v=DMARC1; p=reject");
    let mail = signed(&signer(world.ed25519("a", "customer.example"), ("a", "customer.example")), MAIL);
    world.dns.behave(KEY, manner);
    let verdict = world.verify(mail.as_bytes()).await;
    (found(&verdict, Check::Dkim)[0].0, verdict.dmarc)
}

#[tokio::test]
async fn what_cannot_be_told_now_is_no_failure() {
    for manner in [Manner::Silent, Manner::Fail, Manner::Lie] {
        let world = World::with_patience(Duration::from_millis(700)).await;
        let (signature, dmarc) = with(&world, manner).await;
        assert_eq!((signature, dmarc), (Finding::TempError, Finding::TempError), "{manner:?}");
    }
}

#[tokio::test]
async fn mails_within_one_are_asked_about_side_by_side() {
    let world = World::new().await;
    let of = |domain: &str| {
        world.wish(domain, "v=DMARC1; p=reject");
        let mail = MAIL.replace("customer.example", domain);
        signed(&signer(world.ed25519("a", domain), ("a", domain)), &mail).into_bytes()
    };
    let mails = [of("customer.example"), of("partner.example")];
    let verdicts = trust::verify_inner(&mails, &world.resolver).await;
    assert_eq!([verdicts[0].dmarc, verdicts[1].dmarc], [Finding::Pass, Finding::Pass]);
    let asked = world.dns.asked();
    let place = |name: &str| asked.iter().position(|asked| asked.contains(name)).unwrap();
    // What the first wishes for is asked when its key is there; by then the second is under way.
    assert!(place("a._domainkey.partner.example") < place("_dmarc.customer.example"), "{asked:?}");
}

#[tokio::test]
async fn an_answer_that_is_too_long_comes_by_tcp() {
    let world = World::new().await;
    assert_eq!(with(&world, Manner::Truncate).await, (Finding::Pass, Finding::Pass));
}

#[tokio::test]
async fn what_was_answered_is_not_asked_again() {
    let world = World::new().await;
    with(&world, Manner::Serve).await;
    let asked = world.dns.asked().len();
    assert!(asked > 0);
    let mail = MAIL.replace("Our offer", "Another");
    world.verify(mail.as_bytes()).await;
    assert_eq!(world.dns.asked().len(), asked);
}

#[tokio::test]
async fn a_name_server_that_is_not_there_costs_the_patience_and_no_more() {
    let world = World::with_patience(Duration::from_millis(300)).await;
    drop(world.dns);
    let verdict = trust::verify(MAIL.as_bytes(), trust::Way::default(), &world.resolver).await;
    assert_eq!(verdict.dmarc, Finding::TempError);
}
