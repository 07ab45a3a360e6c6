//! Who wrote it, as somebody found before the unit: what that lets a mail do, and what it does not.

use std::sync::Arc;

use crm::intake::{self, Copy, Proof, Verdicts};
use crm::undeliverables::{self, Replayed};
use model::outcome::{Outcome, Reason};
use model::schema::emails::mark;
use model::trust::{Finding, Policy, ProvenBy, Verdict};

use crate::house::{House, address};

const FROM_JANE: &str = "From: Jane Doe <jane@contoso.test>
To: Zoë <zoe@fabrikam.test>
Subject: Visit
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <visit@contoso.test>

On Thursday.
";

const FROM_ZOE: &str = "From: Zoë Müller <zoe@fabrikam.test>
To: jane@contoso.test
Subject: Sand
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <sand@fabrikam.test>

Two tons.
";

/// Zoë's mail as Jane forwards it.
fn forward(inner: &str) -> String {
    format!(
        "From: jane@contoso.test\nTo: crm@sink.contoso.test\nSubject: Fwd: Sand\nMessage-ID: <fwd@contoso.test>\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nSee.\n--b\n\
         Content-Type: message/rfc822\n\n{inner}\n--b--\n"
    )
}

fn signed_by(author: &str) -> Verdict {
    Verdict {
        author: Some(address(author)),
        dmarc: Finding::Pass,
        proven_by: ProvenBy::Signature,
        signs_all: true,
        ..Verdict::default()
    }
}

fn failed(author: &str, policy: Policy) -> Verdict {
    Verdict { author: Some(address(author)), dmarc: Finding::Fail, policy, ..Verdict::default() }
}

fn outer(verdict: Verdict) -> Verdicts {
    Verdicts { outer: Some(verdict), apart_from: Some(Policy::Reject), ..Verdicts::default() }
}

fn unproven(house: &House, mail: &str) -> Copy {
    Copy { proof: Proof::None, ..house.out_of_mailbox(house.jane, mail) }
}

type Taken = (Outcome, Reason, Option<model::Id>);

async fn take(house: &House, copy: Copy, verdicts: Verdicts) -> Taken {
    let verified = (copy, Arc::new(verdicts));
    let receipt = intake::take_in_verified(&house.organization, verified, house.moment()).await.unwrap();
    let [original] = receipt.originals.as_slice() else { panic!("one original: {receipt:?}") };
    (original.outcome, original.reason, original.email)
}

#[tokio::test]
async fn one_of_us_is_believed_where_a_signature_proves_it() {
    let house = House::new().await;
    let (_, _, email) =
        take(&house, unproven(&house, FROM_JANE), outer(signed_by("jane@contoso.test"))).await;
    let email = house.email(email.unwrap());
    assert!(email.directioncode && email.marks & mark::UNPROVEN_SENDER == 0);
    assert!(email.decision.contains("A signature of contoso.test proves who wrote it"), "{}", email.decision);
    house.books_are_right();
}

#[tokio::test]
async fn and_by_nothing_less() {
    let by_spf = Verdict { proven_by: ProvenBy::Spf, ..signed_by("jane@contoso.test") };
    let of_ben = signed_by("ben@contoso.test");
    let ambiguous = Verdict { author: None, ..signed_by("jane@contoso.test") };
    let vouched =
        Verdict { vouched_by: Some("list.example".to_owned()), ..failed("jane@contoso.test", Policy::None) };
    for verdict in [by_spf, of_ben, ambiguous, vouched, Verdict::default()] {
        let house = House::new().await;
        let (_, _, email) = take(&house, unproven(&house, FROM_JANE), outer(verdict.clone())).await;
        let email = house.email(email.unwrap());
        assert!(!email.directioncode && email.marks & mark::UNPROVEN_SENDER != 0, "{verdict:?}");
    }
}

#[tokio::test]
async fn a_user_who_is_disabled_speaks_no_more() {
    let house = House::new().await;
    crm::records::people::disable_user(&house.organization, house.jane, house.moment()).await.unwrap();
    let copy = Copy { proof: Proof::None, ..house.out_of_mailbox(house.cleo, FROM_JANE) };
    let (_, _, email) = take(&house, copy, outer(signed_by("jane@contoso.test"))).await;
    assert!(!house.email(email.unwrap()).directioncode);
}

#[tokio::test]
async fn a_forward_is_opened_where_all_that_makes_it_one_is_signed() {
    let house = House::new().await;
    let mail = forward(FROM_ZOE);
    let (outcome, reason, email) =
        take(&house, unproven(&house, &mail), outer(signed_by("jane@contoso.test"))).await;
    assert_eq!((outcome, reason), (Outcome::Stored, Reason::KnownSender));
    assert_eq!(house.email(email.unwrap()).unwrapmethod, "attached");
    // Jane's mail to somebody, addressed anew by whoever had it.
    let other = mail.replace("fwd@", "other@").replace("sand@", "planted@").replace("Two tons", "Ten tons");
    let part = Verdict { signs_all: false, ..signed_by("jane@contoso.test") };
    let (outcome, reason, _) = take(&house, unproven(&house, &other), outer(part)).await;
    assert_eq!((outcome, reason), (Outcome::Quarantined, Reason::Unproven));
    // What was found stays with it: to replay it opens nothing.
    let [waiting] = undeliverables::waiting(&house.organization).unwrap()[..] else { panic!("one") };
    let replayed = undeliverables::replay(&house.organization, waiting, house.moment()).await.unwrap();
    assert_eq!(replayed, Replayed::Waits);
}

#[tokio::test]
async fn a_mail_within_a_forward_has_a_verdict_of_its_own() {
    let house = House::new().await;
    let mail = forward(FROM_ZOE);
    let copy = house.out_of_mailbox(house.jane, &mail);
    let inner = FROM_ZOE.replace('\n', "\r\n");
    let digest = message::identity::raw_digest(inner.as_bytes());
    let mut verdicts = outer(failed("jane@contoso.test", Policy::Reject));
    verdicts.inner.push((digest, signed_by("zoe@fabrikam.test")));
    let (outcome, _, email) = take(&house, copy, verdicts).await;
    assert_eq!(outcome, Outcome::Stored);
    let email = house.email(email.unwrap());
    assert!(email.decision.contains("A signature of fabrikam.test proves"), "{}", email.decision);
    // A broken signature within a forward says nothing: forwarding breaks it.
    let house = House::new().await;
    let mut verdicts = outer(signed_by("jane@contoso.test"));
    verdicts.inner.push((digest, failed("zoe@fabrikam.test", Policy::Reject)));
    let (outcome, ..) = take(&house, house.out_of_mailbox(house.jane, &mail), verdicts).await;
    assert_eq!(outcome, Outcome::Stored);
}

#[tokio::test]
async fn what_its_domain_disowns_is_kept_apart_until_a_person_lets_it_in() {
    let house = House::new().await;
    let copy = unproven(&house, FROM_ZOE);
    let copyid = copy.copyid;
    let (outcome, reason, email) =
        take(&house, copy, outer(failed("zoe@fabrikam.test", Policy::Reject))).await;
    assert_eq!((outcome, reason, email), (Outcome::Quarantined, Reason::Disowned, None));
    assert_eq!(house.email_count(), 0);
    // To take all in again lets nothing in that nobody has looked at.
    assert_eq!(undeliverables::waiting(&house.organization).unwrap(), []);
    let row = house.organization.read(|read| read.undeliverables_of(copyid)).unwrap().remove(0);
    let id = row.undeliverableid;
    let released = undeliverables::replay(&house.organization, id, house.moment()).await.unwrap();
    let Replayed::Ended(receipt) = released else { panic!("{released:?}") };
    assert_eq!(receipt.outcome(), Outcome::Stored);
    let email = house.email(receipt.originals[0].email.unwrap());
    assert!(email.decision.contains("fabrikam.test disowns it"), "{}", email.decision);
    house.books_are_right();
}

#[tokio::test]
async fn what_is_kept_apart_is_what_the_settings_say() {
    let zoe = "zoe@fabrikam.test";
    let vouched = Verdict { vouched_by: Some("list.example".to_owned()), ..failed(zoe, Policy::Reject) };
    let unknown = Verdict { dmarc: Finding::TempError, ..failed(zoe, Policy::Reject) };
    let cases = [
        (failed(zoe, Policy::Reject), None, Outcome::Stored),
        (failed(zoe, Policy::Quarantine), Some(Policy::Reject), Outcome::Stored),
        (failed(zoe, Policy::Quarantine), Some(Policy::Quarantine), Outcome::Quarantined),
        (vouched, Some(Policy::Quarantine), Outcome::Stored),
        (unknown, Some(Policy::Quarantine), Outcome::Stored),
    ];
    for (verdict, apart_from, expected) in cases {
        let house = House::new().await;
        let verdicts = Verdicts { outer: Some(verdict.clone()), apart_from, ..Verdicts::default() };
        let (outcome, ..) = take(&house, unproven(&house, FROM_ZOE), verdicts).await;
        assert_eq!(outcome, expected, "{verdict:?}");
    }
    // What nobody wants is no work for a person.
    let house = House::new().await;
    let stranger = FROM_ZOE.replace("zoe@fabrikam.test", "sam@stranger.test");
    let verdicts = outer(failed("sam@stranger.test", Policy::Reject));
    let (outcome, ..) = take(&house, unproven(&house, &stranger), verdicts).await;
    assert_eq!(outcome, Outcome::Ignored);
    // One of us who is proven by the network: his mail is signed on its way out only.
    let copy = house.out_of_mailbox(house.jane, FROM_JANE);
    let (outcome, _, email) = take(&house, copy, outer(failed("jane@contoso.test", Policy::Reject))).await;
    assert_eq!(outcome, Outcome::Stored);
    assert!(!house.email(email.unwrap()).decision.contains("disowns"));
}

#[tokio::test]
async fn a_verdict_is_kept_with_its_copy_and_not_of_what_nobody_wanted() {
    let house = House::new().await;
    let (stored, ignored) = (unproven(&house, FROM_ZOE), FROM_ZOE.replace("zoe@fabrikam", "sam@stranger"));
    let ignored = unproven(&house, &ignored.replace("sand@", "other@"));
    let ids = [stored.copyid, ignored.copyid];
    take(&house, stored, outer(signed_by("zoe@fabrikam.test"))).await;
    take(&house, ignored, outer(signed_by("sam@stranger.test"))).await;
    let kept = ids.map(|id| house.organization.read(|read| read.verdicts_of(id)).unwrap());
    let [row] = kept[0].as_slice() else { panic!("{kept:?}") };
    assert_eq!((row.author.as_deref(), row.originalnumber), (Some("zoe@fabrikam.test"), 0));
    assert!(row.signsall && kept[1].is_empty());
}
