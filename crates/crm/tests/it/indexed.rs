//! Mail and its index: what is taken in is found after a step, by its text, its parties and its files.

use crm::search::{self, indexing, query};
use model::Id;
use model::decision::Entity;
use store::{Cursor, Load, Position, Span};

use crate::house::House;

const OFFER: &str = "From: Zoë Müller <zoe@fabrikam.test>\nTo: Jane <jane@contoso.test>\nSubject: Offer for pallets\n\
                     Message-ID: <offer@fabrikam.test>\nDate: Fri, 6 Mar 2026 09:00:00 +0000\nMIME-Version: 1.0\n\
                     Content-Type: multipart/mixed; boundary=b\n\n\
                     --b\nContent-Type: text/plain; charset=utf-8\n\nThe price is firm until Easter.\n\
                     --b\nContent-Type: application/pdf; name=\"offer-4711.pdf\"\n\
                     Content-Disposition: attachment\n\nx\n--b--\n";

/// Brings the index up to date.
fn index(house: &House) {
    while indexing::step(&house.organization).unwrap() != indexing::Step::UpToDate {
        // At a server others may be writing, and what they began before ours is awaited.
        std::thread::yield_now();
    }
}

#[track_caller]
fn found(house: &House, line: &str) -> Vec<Id> {
    let search = query::read(line).search;
    let hits = search::find(&house.organization, &search, (Span::default(), 10)).unwrap();
    hits.iter().map(|hit| hit.email).collect()
}

#[tokio::test]
async fn what_is_taken_in_is_found_by_every_part_of_it() {
    let house = House::new().await;
    let offer = house.store(house.out_of_mailbox(house.jane, OFFER)).await;
    assert_eq!(found(&house, "pallets"), [], "the index follows behind");
    house.organization.wait_for_events().unwrap();
    assert_eq!(indexing::state(&house.organization).unwrap().left, 1);
    index(&house);
    for line in [
        "pallets",
        "\"firm until easter\"",
        "from:muller to:jane@contoso.test",
        "file:4711 has:attachment",
        "Zoë subject:offer -invoice",
    ] {
        assert_eq!(found(&house, line), [offer], "{line}");
    }
    for line in ["from:jane", "invoice", "-pallets", "-has:attachment", "subject:easter"] {
        assert_eq!(found(&house, line), [], "{line}");
    }
    let state = indexing::state(&house.organization).unwrap();
    assert_eq!((state.indexed, state.left), (1, 0));
}

#[tokio::test]
async fn a_fuller_source_is_indexed_anew_and_a_second_copy_is_not() {
    let house = House::new().await;
    let full =
        OFFER.replace("Easter.", "Easter. Until then the forklift is yours to use, and so is the yard.");
    let stripped = full.replace("Message-ID: <offer@fabrikam.test>\n", "");
    let email = house.store(house.out_of_mailbox(house.jane, &stripped)).await;
    index(&house);
    let before = house.organization.index().sources(&[email]).unwrap();
    house.take(house.out_of_mailbox(house.cleo, &full)).await;
    index(&house);
    let after = house.organization.index().sources(&[email]).unwrap();
    assert_ne!(before, after, "the fuller source is the one that is indexed");
    assert_eq!(found(&house, "forklift"), [email]);

    let another_trace =
        format!("Received: from mx.test by mail.test; Fri, 6 Mar 2026 09:00:01 +0000\n{full}");
    house.take(house.out_of_mailbox(house.ben, &another_trace)).await;
    index(&house);
    assert_eq!(house.organization.index().sources(&[email]).unwrap(), after);
    assert_eq!(indexing::state(&house.organization).unwrap().indexed, 1);
}

#[tokio::test]
async fn a_guess_made_certain_is_found_on_its_own_day() {
    let house = House::new().await;
    // By the clock of the quotation it was sent a day later.
    let quoted = "From: Jane <jane@contoso.test>\nTo: crm@sink.contoso.test\nSubject: FW: Offer\n\
                  Message-ID: <fw@contoso.test>\nDate: Fri, 6 Mar 2026 09:30:00 +0000\n\n\
                  From: Zoe <zoe@fabrikam.test>\nSent: 6 March 2026 00:30\nTo: Jane\nSubject: Offer\n\nFirm.\n";
    let certain = "From: Zoe <zoe@fabrikam.test>\nTo: jane@contoso.test\nSubject: Offer\n\
                   Message-ID: <offer@fabrikam.test>\nDate: Thu, 5 Mar 2026 23:30:20 +0000\n\nFirm.\n";
    let email = house.store(house.out_of_mailbox(house.jane, quoted)).await;
    index(&house);
    let since_friday = || {
        let friday = model::Timestamp::from_seconds(1_772_755_200);
        let span = Span { since: Some(friday), ..Span::default() };
        search::find(&house.organization, &query::read("firm").search, (span, 10)).unwrap().len()
    };
    assert_eq!(since_friday(), 1);
    assert_eq!(house.take(house.out_of_mailbox(house.cleo, certain)).await.2, Some(email));
    index(&house);
    assert_eq!(since_friday(), 0);
    assert_eq!(found(&house, "firm"), [email]);
    assert_eq!(indexing::state(&house.organization).unwrap().indexed, 1);
}

#[tokio::test]
async fn text_in_a_container_is_found() {
    let house = House::new().await;
    // A stream of TNEF whose attBody says "The forklift is yours".
    let (head, _) = OFFER.split_once("Content-Type").unwrap();
    let stream = "eJ8+IgEAAQyAAQAWAAAAVGhlIGZvcmtsaWZ0IGlzIHlvdXJzAAAI";
    let packed =
        format!("{head}Content-Type: application/ms-tnef\nContent-Transfer-Encoding: base64\n\n{stream}\n");
    let email = house.store(house.out_of_mailbox(house.jane, &packed)).await;
    index(&house);
    assert_eq!(found(&house, "forklift"), [email]);
}

#[tokio::test]
async fn an_index_that_is_thrown_away_comes_back_as_it_was() {
    let house = House::new().await;
    let offer = house.store(house.out_of_mailbox(house.jane, OFFER)).await;
    index(&house);
    indexing::discard(&house.organization).unwrap();
    assert_eq!(found(&house, "pallets"), []);
    index(&house);
    assert_eq!(found(&house, "pallets"), [offer]);
}

#[tokio::test]
async fn two_that_bring_it_forward_at_once_index_each_mail_once() {
    let house = House::new().await;
    for number in 0..60 {
        let mail = OFFER.replace("offer@", &format!("{number}@")).replace("Easter", &format!("day {number}"));
        house.take(house.out_of_mailbox(house.jane, &mail)).await;
    }
    let emails = house.email_count();
    let (other, _open) = house.at_other_node();
    std::thread::scope(|scope| {
        for organization in [&*house.organization, &*other] {
            scope.spawn(move || {
                while indexing::step(organization).unwrap() != indexing::Step::UpToDate {
                    std::thread::yield_now();
                }
            });
        }
    });
    let state = indexing::state(&other).unwrap();
    assert_eq!((state.indexed, state.left), (emails, 0));
}

#[tokio::test]
async fn an_index_ahead_of_its_mail_is_made_anew() {
    let house = House::new().await;
    let offer = house.store(house.out_of_mailbox(house.jane, OFFER)).await;
    let index_now = house.organization.index();
    let first = house.organization.read(|read| read.first_cursor()).unwrap();
    let cursor = Cursor { eventid: i64::MAX, ..first };
    let ahead = Position { cursor, createdon: crate::house::NOW };
    index_now.write(Load::default(), Position::default(), ahead).unwrap();
    index(&house);
    assert_eq!(found(&house, "pallets"), [offer]);
}

#[tokio::test]
async fn an_index_of_another_epoch_is_made_anew() {
    let house = House::new().await;
    let offer = house.store(house.out_of_mailbox(house.jane, OFFER)).await;
    let other = Position { cursor: Cursor { epoch: Id([9; 16]), eventid: 1 }, createdon: crate::house::NOW };
    house.organization.index().write(Load::default(), Position::default(), other).unwrap();
    house.organization.wait_for_events().unwrap();
    let state = indexing::state(&house.organization).unwrap();
    assert_eq!((state.up_to, state.left), (None, 1), "nothing of it counts");
    index(&house);
    assert_eq!(found(&house, "pallets"), [offer]);
    let first = house.organization.read(|read| read.first_cursor()).unwrap();
    assert_eq!(house.organization.index().position().unwrap().cursor.epoch, first.epoch);
}

#[tokio::test]
async fn a_mail_whose_bytes_are_lost_holds_nothing_up() {
    let house = House::new().await;
    let lost = house.store(house.out_of_mailbox(house.jane, OFFER)).await;
    assert_eq!(house.break_database("update blob set bytes = blobid"), 1);
    let other =
        OFFER.replace("offer@", "other@").replace("Easter", "Christmas").replace("09:00:00", "09:01:00");
    let whole = house.store(house.out_of_mailbox(house.jane, &other)).await;
    index(&house);
    assert_eq!(found(&house, "christmas"), [whole]);
    assert_eq!(found(&house, "subject:pallets"), [whole, lost], "its rows are indexed all the same");
}

#[tokio::test]
async fn records_are_found_before_and_after_they_are_indexed() {
    let house = House::new().await;
    let find = |words: &str| search::find_records(&house.organization, Entity::Contact, words).unwrap();
    let zoe = find("zo");
    assert_eq!(zoe.len(), 1, "made a moment ago");
    house.organization.wait_for_events().unwrap();
    index(&house);
    for words in ["zo", "MÜL zoe", "fabrik", "muller", "zoe@fabrikam.test"] {
        assert_eq!(find(words), zoe, "{words}");
    }
    for words in ["", "*", "oe", "zo jane", "support"] {
        assert_eq!(find(words), [], "{words}");
    }
    let accounts = search::find_records(&house.organization, Entity::Account, "zo").unwrap();
    assert_eq!(accounts, []);
}
