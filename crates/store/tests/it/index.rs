//! The text index: what is found, in which order, and what becomes of a file that is damaged.

use model::Timestamp;
use model::decision::Entity;
use model::search::{Field, Search, Term};
use store::{Cursor, Database, Document, Load, NamedRecord, Position, Span, StoreError};

use crate::house::{House, id};

const NOON: Timestamp = Timestamp::from_seconds(1_772_791_200);

fn document(number: u8, text: &str) -> Document {
    Document {
        activityid: id(number),
        sortdate: NOON.plus_seconds(i64::from(number) * 60),
        blobid: vec![number],
        text: text.to_owned(),
        ..Document::default()
    }
}

fn mails(documents: Vec<Document>) -> Load {
    Load { documents, records: Vec::new() }
}

fn term(field: Field, words: &str) -> Term {
    Term { field, words: words.to_owned(), is_excluded: false }
}

fn words(words: &str) -> Search {
    Search { terms: vec![term(Field::Anywhere, words)], ..Search::default() }
}

fn at(eventid: i64) -> Position {
    Position { cursor: Cursor { epoch: id(7), eventid }, createdon: NOON }
}

/// The numbers of the e-mails that are found.
#[track_caller]
fn found(house: &House, search: &Search) -> Vec<u8> {
    let hits = house.organization.index().find(search, Span::default(), 10).unwrap();
    hits.iter().map(|hit| hit.email.0[0]).collect()
}

#[test]
fn words_are_found_in_their_fields_newest_first() {
    let house = House::new();
    let one = Document {
        subject: "Offer for pallets".into(),
        sender: "Jane Doe\njane@contoso.test\n".into(),
        recipients: "Zoë Müller\nzoe@fabrikam.test\n".into(),
        files: "offer-4711.pdf\nlogo.png".into(),
        is_attached: true,
        ..document(1, "Dear Zoë, the price is net 30.")
    };
    let two = Document { sender: "zoe@fabrikam.test".into(), ..document(2, "Net of 30 pallets, please") };
    house.organization.index().write(mails(vec![two, one]), Position::default(), at(2)).unwrap();
    let index = house.organization.index();
    assert_eq!((index.position().unwrap(), index.count().unwrap()), (at(2), 2));

    let check = |field, text: &str, numbers: &[u8]| {
        let search = Search { terms: vec![term(field, text)], ..Search::default() };
        assert_eq!(found(&house, &search), numbers, "{field:?} {text}");
    };
    check(Field::Anywhere, "pallets", &[2, 1]);
    check(Field::Anywhere, "PALLETS", &[2, 1]);
    check(Field::Anywhere, "net 30", &[1]);
    check(Field::Anywhere, "zoe@fabrikam.test", &[2, 1]);
    check(Field::From, "zoe@fabrikam.test", &[2]);
    check(Field::From, "fabrikam", &[2]);
    check(Field::To, "muller", &[1]);
    check(Field::Subject, "pallets", &[1]);
    check(Field::File, "4711.pdf", &[1]);
    check(Field::File, "pallets", &[]);

    let without = |is_excluded| Term { is_excluded, ..term(Field::Anywhere, "jane") };
    let all = Search { has_attachment: Some(true), ..words("zoe") };
    assert_eq!(found(&house, &all), [1]);
    assert_eq!(found(&house, &Search { has_attachment: Some(false), ..words("zoe") }), [2]);
    assert_eq!(found(&house, &Search { terms: vec![without(true)], ..Search::default() }), [2]);
    let both = Search { terms: vec![term(Field::Anywhere, "pallets"), without(true)], ..Search::default() };
    assert_eq!(found(&house, &both), [2]);
    assert_eq!(found(&house, &Search::default()), [2, 1]);
}

#[test]
fn every_script_is_found_in_the_middle_of_its_text() {
    let house = House::new();
    let texts = [
        "東京都のホテルを予約しました。",
        "发票已经寄出，请查收。",
        "견적서를 보내 드립니다.",
        "ส่งใบแจ้งหนี้แล้ว",
        "Die Straße nach Mu\u{308}nchen",
        "Счёт оплачен",
        "תשלום חשבון",
        "हिन्दी में चालान",
    ];
    let load = texts.iter().zip(1..).map(|(text, number)| document(number, text)).collect();
    house.organization.index().write(mails(load), Position::default(), at(1)).unwrap();
    let cases = [
        ("京都", 1),
        ("ホテル", 1),
        ("寄出", 2),
        ("票", 2),
        ("견적서", 3),
        ("แจ้งหนี้", 4),
        ("strasse", 5),
        ("München", 5),
        ("munchen", 5),
        ("счёт", 6),
        ("חשבון", 7),
        ("चालान", 8),
    ];
    for (text, number) in cases {
        assert_eq!(found(&house, &words(text)), [number], "{text}");
    }
    assert_eq!(found(&house, &words("都京")), [0; 0]);
}

#[test]
fn nothing_that_is_written_is_an_error() {
    let house = House::new();
    house.organization.index().write(mails(vec![document(1, "a b")]), Position::default(), at(1)).unwrap();
    let long = "東".repeat(5_000);
    for text in [
        "",
        "\"",
        "a\" OR \"b",
        "*",
        "a*",
        "^a",
        "NEAR(a b)",
        "{x}:",
        "a - b",
        "\0",
        "\u{e001}",
        "ा",
        "😀",
        &long,
    ] {
        let _ = found(&house, &words(text));
        let excluded = Term { is_excluded: true, ..term(Field::From, text) };
        let _ = found(&house, &Search { terms: vec![excluded], ..words(text) });
    }
    assert_eq!(
        found(&house, &words("\u{e001}")),
        [1],
        "a mark is no word; without words everything is found"
    );
}

#[test]
fn a_span_of_time_and_pages_meet_at_their_ends() {
    let house = House::new();
    // All in one second, and the last one later.
    let mut load: Vec<Document> =
        (1..=5).map(|n| Document { sortdate: NOON, ..document(n, "word") }).collect();
    load.push(document(60, "word"));
    load.push(Document { sortdate: Timestamp(i64::MAX), ..document(61, "word") });
    load.push(Document { sortdate: Timestamp(-5), ..document(62, "word") });
    let index = house.organization.index();
    index.write(mails(load), Position::default(), at(1)).unwrap();
    for search in [words("word"), Search::default()] {
        let mut span = Span::default();
        let mut all = Vec::new();
        loop {
            let hits = index.find(&search, span, 3).unwrap();
            all.extend(hits.iter().map(|hit| hit.email.0[0]));
            let Some(last) = hits.last() else { break };
            span.behind = Some(last.docid);
        }
        assert_eq!(all, [61, 60, 5, 4, 3, 2, 1, 62]);
        let within = Span { since: Some(NOON), before: Some(NOON.plus_seconds(1)), behind: None };
        assert_eq!(index.find(&search, within, 10).unwrap().len(), 5);
    }
}

#[test]
fn a_fuller_source_takes_the_place_of_the_former() {
    let house = House::new();
    let index = house.organization.index();
    index.write(mails(vec![document(1, "short")]), Position::default(), at(1)).unwrap();
    assert_eq!(index.sources(&[id(1), id(2)]).unwrap(), [(id(1), vec![1])]);
    let fuller = Document { blobid: vec![9], ..document(1, "long") };
    index.write(mails(vec![fuller, document(2, "other")]), at(1), at(2)).unwrap();
    assert_eq!(found(&house, &words("short")), [0; 0]);
    assert_eq!(found(&house, &words("long")), [1]);
    assert_eq!(index.sources(&[id(1)]).unwrap(), [(id(1), vec![9])]);
    assert_eq!(index.count().unwrap(), 2);
}

#[test]
fn a_load_for_an_index_that_was_thrown_away_is_refused() {
    let house = House::new();
    let index = house.organization.index();
    index.write(mails(vec![document(1, "a")]), Position::default(), at(7)).unwrap();
    index.discard().unwrap();
    assert_eq!((index.position().unwrap(), index.count().unwrap()), (Position::default(), 0));
    let late = index.write(mails(vec![document(2, "b")]), at(7), at(8));
    assert!(matches!(late, Err(StoreError::Temporary { .. })), "{late:?}");
    assert_eq!(index.count().unwrap(), 0);
}

#[test]
fn a_damaged_file_is_begun_anew() {
    let house = House::with(|settings| settings.database = Database::Sqlite);
    let written = house.organization.index().write(mails(vec![document(1, "a")]), Position::default(), at(7));
    written.unwrap();
    let House { store, organization, folder } = house;
    let path = folder.path().join("organizations").join(organization.id().to_string()).join("search.db");
    drop(organization);
    store.close();
    drop(store);
    assert!(path.exists());
    std::fs::write(&path, "no database at all, but long enough to be taken for one".repeat(100)).unwrap();
    let store = store::Store::open(store::StoreSettings::new(folder.path())).unwrap();
    let organization = store.organization(id(1)).unwrap();
    assert_eq!(organization.index().position().unwrap(), Position::default());
    assert_eq!(organization.index().find(&words("a"), Span::default(), 1).unwrap(), []);
}

#[test]
fn records_are_found_by_the_beginnings_of_their_words() {
    let house = House::new();
    let record =
        |entity, number, words: &str| NamedRecord { entity, id: id(number), words: words.to_owned() };
    let records = vec![
        record(Entity::Contact, 1, "Zoë Müller zoe@fabrikam.test"),
        record(Entity::Contact, 2, "Zora Doe zora@contoso.test"),
        record(Entity::Account, 3, "Müller & Sons"),
        record(Entity::Contact, 4, "山田太郎"),
    ];
    let index = house.organization.index();
    let load = Load { documents: Vec::new(), records: records.clone() };
    index.write(load.clone(), Position::default(), at(1)).unwrap();
    index.write(load, at(1), at(2)).unwrap();
    let check = |entity, words: &str, numbers: &[u8]| {
        let found = index.find_records(entity, words, 10).unwrap();
        assert_eq!(found.iter().map(|id| id.0[0]).collect::<Vec<_>>(), numbers, "{words}");
    };
    check(Entity::Contact, "zo", &[2, 1]);
    check(Entity::Contact, "mull z", &[1]);
    check(Entity::Account, "mull", &[3]);
    check(Entity::Contact, "zoe@fabrikam.test", &[1]);
    check(Entity::Contact, "@conto", &[2]);
    check(Entity::Contact, "太郎", &[4]);
    check(Entity::Contact, "oë", &[]);
    check(Entity::Contact, "\" * OR -", &[]);
    check(Entity::Lead, "zo", &[]);
}
