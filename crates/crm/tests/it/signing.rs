//! Whose keys sign a mail.

use crm::signing::{self, NewDomainKey};

use crate::house::{House, address};

async fn add(house: &House, domain: &str, selector: &str) -> Result<(), crm::CrmError> {
    let new = NewDomainKey {
        domain: domain.to_owned(),
        selector: selector.to_owned(),
        record: "v=DKIM1; p=x".to_owned(),
        sealed: vec![1],
    };
    signing::add(&house.organization, new, house.moment()).await
}

fn of(house: &House, author: &str) -> Vec<String> {
    let keys = signing::of_author(&house.organization, &address(author)).unwrap();
    keys.into_iter().map(|key| format!("{}._domainkey.{}", key.selector, key.domain)).collect()
}

#[tokio::test]
async fn the_keys_of_the_nearest_domain_sign() {
    let house = House::new().await;
    add(&house, "Contoso.TEST", "One").await.unwrap();
    add(&house, "contoso.test", "two").await.unwrap();
    add(&house, "sales.contoso.test", "s").await.unwrap();
    add(&house, "münchen.test", "m").await.unwrap();
    assert_eq!(
        of(&house, "jane@contoso.test"),
        ["one._domainkey.contoso.test", "two._domainkey.contoso.test"]
    );
    assert_eq!(of(&house, "jane@eu.contoso.test").len(), 2);
    assert_eq!(of(&house, "jane@sales.contoso.test"), ["s._domainkey.sales.contoso.test"]);
    assert_eq!(of(&house, "ida@xn--mnchen-3ya.test"), ["m._domainkey.xn--mnchen-3ya.test"]);
    assert_eq!(of(&house, "jane@notcontoso.test"), Vec::<String>::new());
    signing::remove(&house.organization, "contoso.test", "ONE").await.unwrap();
    assert_eq!(of(&house, "jane@contoso.test"), ["two._domainkey.contoso.test"]);
    assert!(signing::remove(&house.organization, "contoso.test", "one").await.is_err());
}

#[tokio::test]
async fn what_is_no_name_and_what_is_taken_is_refused() {
    let house = House::new().await;
    add(&house, "contoso.test", "one").await.unwrap();
    assert!(add(&house, "contoso.test", "one").await.is_err());
    for (domain, selector) in [
        ("test", "a"),
        ("", "a"),
        ("a b.test", "a"),
        ("contoso.test", ""),
        ("contoso.test", "a;b"),
        ("x..test", "a"),
    ] {
        assert!(add(&house, domain, selector).await.is_err(), "{domain} {selector}");
    }
}
