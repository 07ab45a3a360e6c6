//! SPF, which says who may bring the mail of a domain.

use model::trust::{Check, Finding, ProvenBy};

use crate::world::{MAIL, World, found};

const ZOE: &str = "zoe@customer.example";

async fn spf(world: &World, from: (&str, Option<&str>)) -> Finding {
    let verdict = world.brought(MAIL.as_bytes(), from).await;
    found(&verdict, Check::Spf)[0].0
}

#[tokio::test]
async fn each_word_of_the_standard() {
    let world = World::new().await;
    let records = [
        ("pass.example", "v=spf1 ip4:192.0.2.0/24 -all", Finding::Pass),
        ("fail.example", "v=spf1 ip4:198.51.100.1 -all", Finding::Fail),
        ("soft.example", "v=spf1 ~all", Finding::SoftFail),
        ("neutral.example", "v=spf1 ?all", Finding::Neutral),
        ("error.example", "v=spf1 ip4:1.2.3 -all", Finding::PermError),
        ("nobody.example", "v=DMARC1", Finding::None),
    ];
    for (domain, record, expected) in records {
        world.dns.txt(domain, record);
        assert_eq!(spf(&world, ("192.0.2.1", Some(&format!("x@{domain}")))).await, expected, "{domain}");
    }
    assert_eq!(spf(&world, ("192.0.2.1", Some("x@unheard.example"))).await, Finding::None);
}

#[tokio::test]
async fn names_are_looked_up_and_not_without_end() {
    let world = World::new().await;
    world.dns.txt("customer.example", "v=spf1 a:a.customer.example mx include:other.example -all");
    world.dns.ip("a.customer.example", "192.0.2.1".parse().unwrap());
    world.dns.mx("customer.example", "in.customer.example");
    world.dns.ip("in.customer.example", "192.0.2.2".parse().unwrap());
    world.dns.txt("other.example", "v=spf1 ip6:2001:db8::/32 -all");
    for (ip, expected) in [
        ("192.0.2.1", Finding::Pass),
        ("192.0.2.2", Finding::Pass),
        ("2001:db8::1", Finding::Pass),
        ("192.0.2.3", Finding::Fail),
    ] {
        assert_eq!(spf(&world, (ip, Some(ZOE))).await, expected, "{ip}");
    }
    world.dns.txt("round.example", "v=spf1 include:round.example -all");
    assert_eq!(spf(&world, ("192.0.2.1", Some("x@round.example"))).await, Finding::PermError);
    let many: Vec<String> = (0..20).map(|i| format!("a:{i}.many.example")).collect();
    world.dns.txt("many.example", &format!("v=spf1 {} -all", many.join(" ")));
    assert_eq!(spf(&world, ("192.0.2.1", Some("x@many.example"))).await, Finding::PermError);
    let asked = world.dns.asked().iter().filter(|name| name.contains(".many.example")).count();
    // Ten look-ups at most (RFC 7208 §4.6.4), each of one kind of address.
    assert!(asked <= 10, "{asked}");
}

#[tokio::test]
async fn a_report_is_asked_about_by_its_servers_name() {
    let world = World::new().await;
    world.dns.txt("mail.customer.example", "v=spf1 ip4:192.0.2.1 -all");
    assert_eq!(spf(&world, ("192.0.2.1", None)).await, Finding::Pass);
    assert_eq!(spf(&world, ("192.0.2.9", None)).await, Finding::Fail);
}

#[tokio::test]
async fn whoever_hands_mail_on_proves_nobody_by_it() {
    let world = World::new().await;
    world.wish("customer.example", "v=DMARC1; p=reject");
    world.dns.txt("customer.example", "v=spf1 ip4:192.0.2.1 -all");
    let verdict = world.brought(MAIL.as_bytes(), ("192.0.2.1", Some(ZOE))).await;
    assert_eq!((verdict.dmarc, verdict.proven_by), (Finding::Pass, ProvenBy::Spf));
    assert!(!verdict.proves(&model::EmailAddress::parse(ZOE).unwrap()));
    // The forwarder rewrote the envelope: it proves itself, and From is somebody else.
    world.dns.txt("forwarder.example", "v=spf1 ip4:192.0.2.7 -all");
    let verdict = world.brought(MAIL.as_bytes(), ("192.0.2.7", Some("srs0@forwarder.example"))).await;
    assert_eq!(found(&verdict, Check::Spf), [(Finding::Pass, "forwarder.example")]);
    assert_eq!(verdict.dmarc, Finding::Fail);
}
