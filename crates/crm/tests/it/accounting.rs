//! A recount finds every loss: each is made on purpose behind the store's back, and has words of its own.

use crm::accounting::{self, alarm, alarm::Alarm};
use crm::intake::{Copy, Proof, Source};
use expect_test::{Expect, expect};
use model::outcome::Outcome;

use crate::house::House;

const VISIT: &str = "From: Zoe <zoe@fabrikam.test>
To: jane@contoso.test
Cc: support@contoso.test
Subject: Visit
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <visit@fabrikam.test>

At three?
";

const PLAN: &str = "From: Zoe <zoe@fabrikam.test>
To: jane@contoso.test
Subject: Plan
Date: Fri, 6 Mar 2026 09:10:00 +0000
Message-ID: <plan@fabrikam.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=p

--p
Content-Type: text/plain

Here it is.
--p
Content-Type: text/plain
Content-Disposition: attachment; filename=plan.txt

First, second.
--p--
";

const SPARSE: &str = "From: Zoe <zoe@fabrikam.test>
To: jane@contoso.test
Subject: Neither id nor date

Page 1
";

const REPORT: &str = "From: Mail Delivery System <mailer-daemon@mail.fabrikam.test>
To: jane@contoso.test
Subject: Undelivered
Date: Fri, 6 Mar 2026 09:20:00 +0000
Message-ID: <report@mail.fabrikam.test>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=r

--r
Content-Type: text/plain

It could not be delivered.
--r
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.fabrikam.test

--r--
";

/// A house in which everything happens that can happen to a copy.
async fn full_house() -> House {
    let house = House::new().await;
    // Stored, duplicate, ignored.
    house.store(house.out_of_mailbox(house.jane, VISIT)).await;
    assert_eq!(house.take(house.out_of_mailbox(house.cleo, VISIT)).await.0, Outcome::Duplicate);
    let unwanted = VISIT.replace("visit@", "unwanted@").replace("jane", "ben").replace("support", "nobody");
    assert_eq!(house.take(house.out_of_mailbox(house.ben, &unwanted)).await.0, Outcome::Ignored);
    // A stripped source, then a fuller one with an attachment.
    let stripped = VISIT.replace("Visit", "Stripped").replace("Message-ID: <visit@fabrikam.test>\n", "");
    let email = house.store(house.out_of_mailbox(house.jane, &stripped)).await;
    let fuller = VISIT.replace("Visit", "Stripped").replace("visit@", "fuller@");
    assert_eq!(house.take(house.out_of_mailbox(house.cleo, &fuller)).await.2, Some(email));
    // A forward with two originals, one of them known.
    let receipt = house.take_in(house.out_of_mailbox(house.jane, &forward(&[PLAN, VISIT]))).await.unwrap();
    let outcomes: Vec<Outcome> = receipt.originals.iter().map(|original| original.outcome).collect();
    assert_eq!(outcomes, [Outcome::Stored, Outcome::Duplicate]);
    // A loop, the same loop again, and another.
    let circling = format!("{}{VISIT}", "Received: from a.test by b.test\n".repeat(101));
    for mail in [&circling, &circling, &circling.replace("Visit", "Round")] {
        assert_eq!(house.take(house.out_of_mailbox(house.jane, mail)).await.0, Outcome::Undeliverable);
    }
    // A large mail, and one without id and date.
    let large = VISIT.replace("visit@", "large@").replace("Visit", "Large").replace("At three?", &noise());
    house.store(house.out_of_mailbox(house.jane, &large)).await;
    house.store(house.out_of_mailbox(house.jane, SPARSE)).await;
    // Put in by hand, without an envelope: a report, and an ordinary mail.
    for mail in [REPORT, &VISIT.replace("visit@", "hand@").replace("Visit", "By hand")] {
        let copy = house.out_of_mailbox(house.jane, mail);
        let by_hand = Copy {
            source: Source::Track,
            has_envelope: false,
            proof: Proof::Hand,
            recipients: Vec::new(),
            ..copy
        };
        house.store(by_hand).await;
    }
    house
}

fn forward(mails: &[&str]) -> String {
    let parts: String =
        mails.iter().map(|mail| format!("--b\nContent-Type: message/rfc822\n\n{mail}\n")).collect();
    format!(
        "From: Jane <jane@contoso.test>\nTo: crm@sink.contoso.test\nSubject: Fwd: both\n\
         Date: Fri, 6 Mar 2026 09:40:00 +0000\nMessage-ID: <both@contoso.test>\nMIME-Version: 1.0\n\
         Content-Type: multipart/digest; boundary=b\n\n{parts}--b--\n"
    )
}

/// Text that does not compress into a row.
fn noise() -> String {
    let mut state = 1_u32;
    let mut line = |_| {
        let mut letter = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(state >> 26) as usize],
            )
        };
        (0..76).map(&mut letter).chain(['\n']).collect::<String>()
    };
    (0..4_000).map(&mut line).collect()
}

/// Makes a loss in a full house and compares what a recount says about it.
async fn check(loss: &str, faults: Expect) {
    let house = full_house().await;
    assert!(house.break_database(loss) > 0, "nothing was lost by {loss}");
    let verified = accounting::verify(&house.organization).unwrap();
    faults.assert_eq(&verified.faults.join("\n"));
}

#[tokio::test]
async fn a_sound_house_has_no_faults() {
    let house = full_house().await;
    let verified = accounting::verify_bytes(&house.organization).unwrap();
    assert_eq!((verified.emails, verified.faults), (7, vec![]));
}

/// What a sweep has condemned is a fault as before: whoever reads it has a day.
#[tokio::test]
async fn what_a_sweep_has_condemned_is_told_until_it_is_gone() {
    let house = full_house().await;
    house.break_database("delete from undeliverable where subject = 'Round'");
    let fault = ["1 kept sources belong to nothing: what named them is gone"];
    for (hours, condemned, expected) in [(0, 1, &fault[..]), (24, 0, &[])] {
        let at = crate::house::NOW.plus_seconds(hours * 3_600);
        let (organization, clock) = (house.organization.clone(), move || at);
        let swept = tokio::task::spawn_blocking(move || organization.sweep_blobs(&clock)).await.unwrap();
        assert_eq!(swept.unwrap().condemned, condemned);
        assert_eq!(accounting::verify(&house.organization).unwrap().faults, expected);
    }
}

#[tokio::test]
async fn a_lost_copy() {
    check(
        "delete from copy where copynumber % 4294967296 = 1",
        expect![[r#"
            2026-03-06: 12 copies were seen, and another number ended
            1 copies are missing from the ledger
            1 outcomes name a copy that no door saw"#]],
    )
    .await;
}

#[tokio::test]
async fn a_copy_lost_with_its_outcomes() {
    let house = full_house().await;
    let ignored = "select copyid from outcome where outcome = 1";
    house.break_database(&format!("delete from copy where copyid in ({ignored})"));
    house.break_database("delete from outcome where outcome = 1");
    let verified = accounting::verify(&house.organization).unwrap();
    assert_eq!(verified.faults, ["1 copies are missing from the ledger"]);
}

#[tokio::test]
async fn a_lost_outcome() {
    check(
        "delete from outcome where outcome = 1",
        expect!["2026-03-06: 1 of 13 copies seen have no outcome"],
    )
    .await;
}

#[tokio::test]
async fn a_lost_outcome_of_a_second_original() {
    check(
        "delete from outcome where originalnumber = 2",
        expect!["1 copies do not have one outcome for each original"],
    )
    .await;
}

#[tokio::test]
async fn a_lost_email() {
    check(
        "delete from email where subject = 'Large'",
        expect![[r#"
        1 outcomes name an e-mail that is not there
        1 kept sources belong to nothing: what named them is gone"#]],
    )
    .await;
}

#[tokio::test]
async fn a_lost_note_of_a_copy_with_its_email() {
    let loss =
        "delete from emailcopy where copyid in (select copyid from copy where copynumber % 4294967296 = 2)";
    check(loss, expect!["1 outcomes have no envelope noted with their e-mail"]).await;
}

#[tokio::test]
async fn a_lost_sender() {
    let loss = "delete from activityparty where participationtypemask = 1 and activityid in \
                (select activityid from email where subject = 'Visit')";
    check(loss, expect!["1 e-mails do not have all their parties"]).await;
}

#[tokio::test]
async fn all_parties_lost() {
    check("delete from activityparty", expect!["7 e-mails do not have all their parties"]).await;
}

#[tokio::test]
async fn a_lost_identity() {
    let loss = "delete from identity where hasmessageid = 1 and activityid in \
                (select activityid from email where subject = 'Visit')";
    check(loss, expect!["1 e-mails have lost a key by which they are known"]).await;
}

#[tokio::test]
async fn a_lost_identity_of_a_mail_without_id() {
    let loss =
        "delete from identity where activityid in (select activityid from email where messageid is null)";
    check(loss, expect!["1 e-mails have lost a key by which they are known"]).await;
}

#[tokio::test]
async fn lost_digests_of_a_mail_whose_claims_do_not_say_them() {
    let loss = "update email set rawdigest = null where subject = 'Visit'";
    check(loss, expect!["1 e-mails have lost a key by which they are known"]).await;
}

#[tokio::test]
async fn a_lost_attachment() {
    check("delete from activitymimeattachment", expect!["2 e-mails do not have all their attachments"]).await;
}

#[tokio::test]
async fn a_lost_source() {
    let loss = "delete from blob where blobid in (select blobid from email where subject = 'Visit')";
    check(loss, expect!["1 e-mails have no source kept"]).await;
}

#[tokio::test]
async fn a_lost_version() {
    let loss = "delete from emailversion where blobid not in (select blobid from email)";
    check(loss, expect!["1 kept sources belong to nothing: what named them is gone"]).await;
}

#[tokio::test]
async fn a_lost_source_of_a_version() {
    let loss = "delete from blob where blobid in (select blobid from emailversion) and blobid not in \
                (select blobid from email)";
    check(loss, expect!["1 other sources of e-mails are not kept"]).await;
}

#[tokio::test]
async fn a_lost_outer_mail() {
    let loss = "delete from blob where blobid in (select outerblobid from copy)";
    check(loss, expect!["1 copies have no outer mail kept"]).await;
}

#[tokio::test]
async fn a_lost_undeliverable() {
    check(
        "delete from undeliverable where subject = 'Round'",
        expect!["1 kept sources belong to nothing: what named them is gone"],
    )
    .await;
}

#[tokio::test]
async fn all_undeliverables_lost() {
    check(
        "delete from undeliverable",
        expect![[r#"
        3 mails were undeliverable, and none is kept
        2 kept sources belong to nothing: what named them is gone"#]],
    )
    .await;
}

#[tokio::test]
async fn a_lost_source_of_an_undeliverable() {
    let loss = "delete from blob where blobid in (select blobid from undeliverable where subject = 'Round')";
    check(loss, expect!["1 Undeliverables have no source kept"]).await;
}

#[tokio::test]
async fn a_lost_file() {
    let house = full_house().await;
    for file in house.blob_files() {
        std::fs::remove_file(file).unwrap();
    }
    let verified = accounting::verify(&house.organization).unwrap();
    assert_eq!(verified.faults, ["1 kept sources have lost their file"]);
}

#[tokio::test]
async fn a_damaged_file_is_found_by_its_bytes() {
    let house = full_house().await;
    for file in house.blob_files() {
        let mut bytes = std::fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&file, bytes).unwrap();
    }
    assert_eq!(accounting::verify(&house.organization).unwrap().faults, Vec::<String>::new());
    let verified = accounting::verify_bytes(&house.organization).unwrap();
    assert_eq!(verified.faults, ["1 kept sources are damaged"]);
}

#[tokio::test]
async fn damaged_bytes_in_a_row_are_found_by_reading_them() {
    let house = full_house().await;
    let other = "(select bytes from blob b join email e on e.blobid = b.blobid where e.subject = 'Plan')";
    let visit = "blobid in (select blobid from email where subject = 'Visit')";
    assert_eq!(house.break_database(&format!("update blob set bytes = {other} where {visit}")), 1);
    assert_eq!(accounting::verify(&house.organization).unwrap().faults, Vec::<String>::new());
    let verified = accounting::verify_bytes(&house.organization).unwrap();
    assert_eq!(verified.faults, ["1 kept sources are damaged"]);
}

/// Each loss that the sums of a day can show is an alarm; the alarm says the day and the source.
#[tokio::test]
async fn the_watcher_tells_a_loss_of_these_days() {
    for (loss, expected) in [
        ("select 1 where 0 = 1", vec![]),
        (
            "delete from outcome where outcome = 1",
            vec!["2026-03-06: 1 of the copies seen at sink:crm@sink.contoso.test have no end"],
        ),
        (
            "delete from copy where copynumber % 4294967296 = 1",
            vec!["2026-03-06: 1 more copies ended at sink:crm@sink.contoso.test than were seen"],
        ),
    ] {
        let house = full_house().await;
        if !loss.starts_with("select") {
            house.break_database(loss);
        }
        for (days_later, days) in [(0, 1), (3, 4)] {
            let now = crate::house::NOW.plus_seconds(days_later * 86_400);
            let alarms = alarm::look(&house.organization, now, days).unwrap();
            let told: Vec<String> = alarms.iter().map(Alarm::words).collect();
            assert_eq!(told, expected, "{loss}");
        }
        let later = crate::house::NOW.plus_seconds(3 * 86_400);
        assert_eq!(alarm::look(&house.organization, later, 3).unwrap(), [], "older days are for verify");
    }
}
