//! Credentials of sinks: what they open, and whom they make believed.

use crm::intake::{Copy, Proof};
use crm::records::credentials::{self, Vouching};
use crm::records::people;
use model::EmailAddress;
use model::outcome::{Outcome, Reason};

use crate::house::House;

const SINK: &str = "crm@sink.contoso.test";
const OTHER: &str = "other@sink.contoso.test";

const FROM_JANE: &str = "From: Jane Doe <jane@contoso.test>
To: Zoë <zoe@fabrikam.test>
Subject: Visit
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <visit@contoso.test>

On Thursday.
";

fn jane() -> Vouching {
    Vouching::User(EmailAddress::parse("jane@contoso.test").unwrap())
}

#[tokio::test]
async fn a_credential_opens_its_own_sink_alone() {
    let house = House::new().await;
    house.sink(OTHER).await;
    assert_eq!(house.welcome_at(SINK, None), None);
    let relay = house.credential(SINK, "relay", Vouching::Nobody).await;
    assert_eq!(house.welcome_at(SINK, Some(relay)), Some(Proof::None));
    assert_eq!(house.welcome_at(OTHER, Some(relay)), None);
    assert_eq!(house.welcome_at("jane@contoso.test", Some(relay)), None);
    let refusing = house.credential(SINK, "refusing", Vouching::AllOfUs).await;
    assert_eq!(house.welcome_at(SINK, Some(refusing)), Some(Proof::Network));
    let own = house.credential(SINK, "own", jane()).await;
    assert_eq!(house.welcome_at(SINK, Some(own)), Some(Proof::User(house.jane)));
}

#[tokio::test]
async fn one_taken_away_opens_nothing_in_open_sessions_either() {
    let house = House::new().await;
    let sink = EmailAddress::parse(SINK).unwrap();
    let relay = house.credential(SINK, "relay", Vouching::Nobody).await;
    credentials::remove(&house.organization, &sink, "relay").await.unwrap();
    assert_eq!(house.welcome_at(SINK, Some(relay)), None);
    assert!(credentials::remove(&house.organization, &sink, "relay").await.is_err());
    let again = house.credential(SINK, "relay", Vouching::Nobody).await;
    assert_eq!(
        (house.welcome_at(SINK, Some(relay)), house.welcome_at(SINK, Some(again))),
        (None, Some(Proof::None))
    );
}

#[tokio::test]
async fn what_belongs_to_a_disabled_user_opens_nothing() {
    let house = House::new().await;
    let own = house.credential(SINK, "own", jane()).await;
    let key = house.organization.read(|read| read.user(house.jane)).unwrap().unwrap().sinkkey;
    let mailbox = SINK.replace('@', &format!("+{key}@"));
    assert_eq!(house.welcome_at(&mailbox, None), Some(Proof::None));
    people::disable_user(&house.organization, house.jane, house.moment()).await.unwrap();
    assert_eq!(house.welcome_at(SINK, Some(own)), None);
    assert_eq!(house.welcome_at(&mailbox, None), None);
    // A network that vouches makes her no author who hands things over, either.
    let forward = "From: jane@contoso.test\nTo: crm@sink.contoso.test\nSubject: Fwd: Sand\n\n\
                   ---------- Forwarded message ---------\nFrom: zoe@fabrikam.test\nSubject: Sand\n\nTwo tons.\n";
    let copy = Copy { proof: Proof::Network, ..house.out_of_mailbox(house.jane, forward) };
    let (outcome, reason, _) = house.take(copy).await;
    assert_eq!((outcome, reason), (Outcome::Quarantined, Reason::Unproven));
}

#[tokio::test]
async fn names_lead_to_their_credential() {
    let house = House::new().await;
    let relay = house.credential(SINK, "relay", Vouching::Nobody).await;
    assert_eq!(house.find_credential("CRM+Relay@Sink.Contoso.test"), Some(relay));
    for nobody in
        ["relay", "crm@sink.contoso.test", "crm+x@sink.contoso.test", "jane+relay@contoso.test", "", "x@y"]
    {
        assert_eq!(house.find_credential(nobody), None, "{nobody}");
    }
    let sink = EmailAddress::parse(SINK).unwrap();
    for bad in ["", "Relay", "a b", "a+b", "a@b", &"x".repeat(41)] {
        assert!(credentials::full_name(&sink, bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_user_s_own_credential_proves_that_user_alone() {
    let house = House::new().await;
    let own = Proof::User(house.jane);
    let copy = Copy { proof: own, mail_from: None, ..house.out_of_mailbox(house.jane, FROM_JANE) };
    let email = house.email(house.store(copy).await);
    assert!(email.directioncode, "proven, so it is outgoing");
    let as_ben = FROM_JANE.replace("Jane Doe <jane@", "Ben Ode <ben@").replace("visit@", "other@");
    let copy = Copy { proof: own, ..house.out_of_mailbox(house.jane, &as_ben) };
    let email = house.email(house.store(copy).await);
    assert!(!email.directioncode, "Ben proves nothing by what is Jane's");
    people::disable_user(&house.organization, house.jane, house.moment()).await.unwrap();
    let handed_over = FROM_JANE.replace("Zoë <zoe@fabrikam.test>", SINK).replace("visit@", "third@");
    let copy = Copy { proof: own, ..house.out_of_mailbox(house.jane, &handed_over) };
    let (outcome, reason, _) = house.take(copy).await;
    assert_eq!((outcome, reason), (Outcome::Quarantined, Reason::Unproven));
}
