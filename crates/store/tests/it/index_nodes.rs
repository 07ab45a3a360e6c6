//! The text index at a server: it finds what the index of a file finds, and several nodes share it.

use std::sync::Arc;

use model::search::{Field, Search, Term};
use model::{Id, Timestamp};
use store::{
    Cursor, Database, Document, Hit, Load, NamedRecord, Organization, Position, Span, Store, StoreError,
    StoreSettings,
};

use crate::house::{House, id, skip};

const NOON: Timestamp = Timestamp::from_seconds(1_772_791_200);

/// A house at the server of the tests; `None`, and said so, where there is none.
fn house_at_server() -> Option<House> {
    let house = House::new();
    if house.organization.is_at_server() {
        return Some(house);
    }
    skip("the text index at a server: POSTROOM_TEST_DATABASE names none");
    None
}

/// The same organization, opened by another node with a folder of its own.
struct Node {
    _store: Arc<Store>,
    organization: Arc<Organization>,
    _folder: tempfile::TempDir,
}

impl Node {
    fn beside(house: &House) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = StoreSettings::for_tests(folder.path());
        settings.database = Database::for_tests(house.folder.path());
        let store = Store::open(settings).unwrap();
        let organization = store.organization(house.organization.id()).unwrap();
        Node { _store: store, organization, _folder: folder }
    }
}

fn at(eventid: i64) -> Position {
    Position { cursor: Cursor { eventid, ..Cursor::default() }, createdon: NOON }
}

fn document(number: u8, text: &str) -> Document {
    Document {
        activityid: id(number),
        sortdate: NOON.plus_seconds(i64::from(number)),
        blobid: vec![number],
        text: text.to_owned(),
        ..Document::default()
    }
}

fn mails(documents: Vec<Document>) -> Load {
    Load { documents, records: Vec::new() }
}

fn words(words: &str) -> Search {
    let term = Term { field: Field::Anywhere, words: words.to_owned(), is_excluded: false };
    Search { terms: vec![term], ..Search::default() }
}

fn found(organization: &Organization, text: &str) -> usize {
    organization.index().find(&words(text), Span::default(), 10).unwrap().len()
}

/// Numbers that are the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap() % end
    }

    /// A few words, the first ones of the list most often.
    fn words(&mut self, count: usize) -> String {
        const WORDS: [&str; 16] = [
            "offer",
            "PALLETS",
            "Müller",
            "net",
            "30",
            "東京都",
            "Straße",
            "chalân",
            "invoice",
            "forklift",
            "zoe@fabrikam.test",
            "Ёлка",
            "yard",
            "easter",
            "4711",
            "rare",
        ];
        let mut word = || WORDS[self.below(WORDS.len()).min(self.below(WORDS.len()))];
        (0..count).map(|_| word()).collect::<Vec<_>>().join(" ")
    }

    fn document(&mut self, number: u64) -> Document {
        let mut activityid = [0; 16];
        activityid[..8].copy_from_slice(&number.to_be_bytes());
        // Most in one busy week, the others over ten years, some in the same second.
        let seconds = if self.below(4) > 0 { self.below(600_000) / 7 * 7 } else { self.below(300_000_000) };
        let length = self.below(12);
        Document {
            activityid: Id(activityid),
            sortdate: NOON.plus_seconds(-i64::try_from(seconds).unwrap()),
            blobid: number.to_be_bytes().to_vec(),
            subject: self.words(2),
            text: self.words(length),
            sender: self.words(1),
            recipients: self.words(2),
            files: self.words(1),
            is_attached: self.below(3) == 0,
        }
    }

    fn search(&mut self) -> Search {
        let count = self.below(4);
        let terms = (0..count).map(|_| {
            let field =
                [Field::Anywhere, Field::Anywhere, Field::From, Field::To, Field::Subject, Field::File]
                    [self.below(6)];
            let length = 1 + self.below(3);
            Term { field, words: self.words(length), is_excluded: self.below(3) == 0 }
        });
        let terms = terms.collect();
        let has_attachment = [None, None, Some(true), Some(false)][self.below(4)];
        Search { terms, has_attachment, ..Search::default() }
    }

    fn span(&mut self) -> Span {
        let mut time = || NOON.plus_seconds(-i64::try_from(self.below(900_000)).unwrap());
        let (one, other) = (time(), time());
        match self.below(4) {
            0 => Span { since: Some(one.min(other)), before: Some(one.max(other)), behind: None },
            1 => Span { before: Some(one), ..Span::default() },
            _ => Span::default(),
        }
    }
}

/// Three pages.
fn pages(organization: &Organization, search: &Search, mut span: Span) -> Vec<Hit> {
    let mut all = Vec::new();
    for _ in 0..3 {
        let hits = organization.index().find(search, span, 20).unwrap();
        let Some(last) = hits.last() else { break };
        span.behind = Some(last.docid);
        all.extend(hits);
    }
    all
}

#[test]
fn both_indexes_find_the_same_in_the_same_order() {
    let Some(server) = house_at_server() else { return };
    let file = House::with(|settings| settings.database = Database::Sqlite);
    let mut dice = Dice(7);
    let documents: Vec<Document> = (0..4_000).map(|number| dice.document(number)).collect();
    for house in [&server, &file] {
        let index = house.organization.index();
        let (first, second) = documents.split_at(1_500);
        index.write(mails(first.to_vec()), Position::default(), at(1)).unwrap();
        // Some of them a second time.
        let again = second.iter().chain(documents.iter().step_by(9)).cloned().collect();
        index.write(mails(again), at(1), at(2)).unwrap();
        assert_eq!(index.count().unwrap(), 4_000);
    }
    let mut hits = 0;
    for _ in 0..400 {
        let (search, span) = (dice.search(), dice.span());
        let expected = pages(&file.organization, &search, span);
        hits += expected.len();
        assert_eq!(pages(&server.organization, &search, span), expected, "{search:?} {span:?}");
    }
    assert!(hits > 4_000, "{hits} hits are too few to tell");
}

#[test]
fn what_one_node_indexes_every_node_finds_once() {
    let Some(house) = house_at_server() else { return };
    let other = Node::beside(&house);
    let (here, there) = (house.organization.index(), other.organization.index());
    here.write(mails(vec![document(1, "pallets")]), Position::default(), at(1)).unwrap();
    assert_eq!((there.position().unwrap(), found(&other.organization, "pallets")), (at(1), 1));
    // Both read the same events; the second to write is refused.
    let load = mails(vec![document(2, "pallets"), document(1, "pallets")]);
    there.write(load.clone(), at(1), at(2)).unwrap();
    let late = here.write(load, at(1), at(2));
    assert!(matches!(late, Err(StoreError::Temporary { .. })), "{late:?}");
    assert_eq!((here.count().unwrap(), found(&house.organization, "pallets")), (2, 2));

    there.discard().unwrap();
    assert_eq!((here.position().unwrap(), here.count().unwrap()), (Position::default(), 0));
    let late = here.write(mails(vec![document(3, "late")]), at(2), at(3));
    assert!(matches!(late, Err(StoreError::Temporary { .. })), "{late:?}");
    here.write(mails(vec![document(3, "anew")]), Position::default(), at(1)).unwrap();
    assert_eq!(found(&other.organization, "anew"), 1);
}

#[test]
fn one_node_at_a_time_brings_it_forward_and_a_dead_one_is_followed() {
    let Some(house) = house_at_server() else { return };
    let other = Node::beside(&house);
    let (here, there) = (house.organization.index(), other.organization.index());
    let mut turn = here.turn().unwrap().unwrap();
    assert!(there.turn().unwrap().is_none());
    turn.keep().unwrap();
    drop(turn);
    drop(there.turn().unwrap().unwrap());

    // A node that dies gives nothing back: as if its time had run out.
    std::mem::forget(there.turn().unwrap().unwrap());
    assert!(here.turn().unwrap().is_none());
    assert_eq!(house.organization.tamper("update lease set leaseuntil = 1").unwrap(), 1);
    assert!(here.turn().unwrap().is_some());
}

#[test]
fn nodes_that_begin_at_once_make_one_index() {
    let Some(house) = house_at_server() else { return };
    let nodes: Vec<Node> = (0..3).map(|_| Node::beside(&house)).collect();
    let barrier = std::sync::Barrier::new(nodes.len());
    std::thread::scope(|scope| {
        for (node, number) in nodes.iter().zip(1..) {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                // Whoever is not the first is told so.
                let load = mails(vec![document(number, "pallets")]);
                let _ = node.organization.index().write(load, Position::default(), at(i64::from(number)));
            });
        }
    });
    assert_eq!((house.organization.index().count().unwrap(), found(&house.organization, "pallets")), (1, 1));
}

#[test]
fn the_largest_mails_fit() {
    let Some(house) = house_at_server() else { return };
    let many = |letter: char, count: u32| {
        (0..count).map(|number| format!("{letter}{number:x}")).collect::<Vec<_>>().join(" ")
    };
    let large = Document {
        recipients: many('r', 60_000),
        files: many('f', 60_000),
        subject: "東".repeat(100_000),
        ..document(1, &many('t', 90_000))
    };
    let record = NamedRecord { entity: model::decision::Entity::Contact, id: id(2), words: many('n', 5_000) };
    let index = house.organization.index();
    index.write(Load { documents: vec![large], records: vec![record] }, Position::default(), at(1)).unwrap();
    for text in ["t0", "t150 t151", "r0", "東東東"] {
        assert_eq!(found(&house.organization, text), 1, "{text}");
    }
}
