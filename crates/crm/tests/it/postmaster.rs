//! Mail to the postmaster of a domain of ours (RFC 5321 §4.5.1): kept for whoever runs the house, on no record.

use crm::intake::{self, Peer, Source, Welcome};
use crm::records::credentials::Vouching;
use model::Id;
use model::filter::IncomingFilter;
use model::outcome::{Outcome, Reason};
use model::schema::catalogue::Route;

use super::house::{House, address};

const FROM_ZOE: &str = "From: Zoë <zoe@fabrikam.test>\nTo: postmaster@sink.contoso.test\n\
    Subject: Your server\nMessage-ID: <help@fabrikam.test>\n\nIt loops.\n";

/// What RCPT hears: under what the mail would be accounted, or the refusal.
fn heard(welcome: Welcome) -> String {
    match welcome {
        Welcome::Yes(recipient) => recipient.envelope.source.name(),
        Welcome::Unknown => "unknown".to_owned(),
        Welcome::NotAllowed => "not allowed".to_owned(),
        Welcome::TryLater => "later".to_owned(),
    }
}

#[tokio::test]
async fn postmaster_is_welcome_at_every_domain_of_a_sink() {
    let house = House::new().await;
    let trusted = ["192.0.2.0/24".parse().unwrap()];
    let ask = |peer: &str, to: &str| {
        let peer = Peer { address: peer.parse().unwrap(), credential: None };
        heard(match to {
            "postmaster" => intake::welcome_postmaster(house.catalogue(), &trusted, peer, "mx.example"),
            to => intake::welcome(house.catalogue(), &trusted, peer, &address(to)),
        })
    };
    for peer in ["127.0.0.1", "192.0.2.7"] {
        let at_sink = "postmaster:postmaster@sink.contoso.test";
        // However it is written, it is one line of the accounting.
        assert_eq!(ask(peer, "PostMaster@Sink.Contoso.test"), at_sink);
        assert_eq!(ask(peer, "postmaster"), "postmaster:postmaster@mx.example");
        // Where nobody is a sink, somebody else runs the mail.
        assert_eq!(ask(peer, "postmaster@contoso.test"), "unknown");
        assert_eq!(ask(peer, "postmaster@contoso.test.evil"), "unknown");
        assert_eq!(ask(peer, "postmaster@test"), "unknown");
        assert_eq!(ask(peer, "postmaster+x@sink.contoso.test"), "unknown");
    }
    // Who may write to nobody here may not fill our disk by this name.
    assert_eq!(ask("198.51.100.9", "postmaster@sink.contoso.test"), "not allowed");
    assert_eq!(ask("198.51.100.9", "postmaster"), "not allowed");
    // Whoever has the address by name gets the mail.
    house.user("Pia Post", "postmaster@sink.contoso.test", IncomingFilter::All).await;
    assert_eq!(ask("127.0.0.1", "postmaster@sink.contoso.test"), "user:postmaster@sink.contoso.test");
}

#[tokio::test]
async fn postmaster_is_reached_by_whichever_sink_of_the_domain_is_open() {
    let house = House::new().await;
    house.sink("late@sink.contoso.test").await;
    let stale = Route {
        address: "a@sink.contoso.test".to_owned(),
        organizationid: Id::default(),
        kind: 1,
        targetid: Id::default(),
    };
    house.catalogue().publish_route(&stale).unwrap();
    let credential = house.credential("late@sink.contoso.test", "relay", Vouching::Nobody).await;
    let ask = |credential| {
        let peer = Peer { address: "198.51.100.9".parse().unwrap(), credential };
        ["postmaster@sink.contoso.test", "postmaster"].map(|to| {
            heard(match to {
                "postmaster" => intake::welcome_postmaster(house.catalogue(), &[], peer, "mx.example"),
                to => intake::welcome(house.catalogue(), &[], peer, &address(to)),
            })
        })
    };
    let accounted = ["postmaster:postmaster@sink.contoso.test", "postmaster:postmaster@mx.example"];
    assert_eq!(ask(Some(credential)), accounted);
    assert_eq!(ask(None), ["not allowed", "not allowed"]);
}

#[tokio::test]
async fn mail_to_postmaster_waits_for_a_person_and_is_on_no_record() {
    let house = House::new().await;
    let postmaster = address("postmaster@sink.contoso.test");
    let mut copy = house.to_support(FROM_ZOE);
    copy.source = Source::Postmaster(postmaster.clone());
    copy.recipients[0].source = copy.source.clone();
    copy.recipients[0].address = postmaster;
    let (outcome, reason, email) = house.take(copy).await;
    assert_eq!((outcome, reason, email), (Outcome::Undeliverable, Reason::Postmaster, None));
    assert_eq!(house.email_count(), 0);
    let waiting = house.organization.read(|read| read.open_undeliverables(9)).unwrap();
    let told: Vec<_> = waiting.iter().map(|it| (it.subject.as_str(), it.sender.as_deref())).collect();
    assert_eq!(told, [("Your server", Some("zoe@fabrikam.test"))]);
    // The same mail to the sink is the customer's, as if the other had never come.
    house.store(house.out_of_mailbox(house.jane, FROM_ZOE)).await;
}
