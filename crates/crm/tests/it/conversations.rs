//! Conversations of real threads, with one sign after the other taken away and in many orders of arrival.
//!
//! What is true is what In-Reply-To and References of the whole set say, read without looking at anything else. A
//! wrong link is two mails of two true threads in one conversation: there may be none, whatever is missing. How
//! many true links are found is told by `--no-capture`, and stands in `docs/measured.md`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crm::intake::{self, Copy, OldMail, OldMailbox};
use message::mbox;
use model::{Id, Moment};
use tokio::task::JoinSet;

use crate::house::{House, NOW, is_at_server};

/// A mail of a thread.
#[derive(Clone)]
struct Letter {
    id: String,
    /// The ids it names, the nearest first.
    named: Vec<String>,
    raw: Vec<u8>,
    thread: usize,
}

/// Where a mail stands: the conversation by the least id in it, its parent, what it continues and how.
type Standing = BTreeMap<String, (String, Option<String>, Option<String>, i32)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_in_any_order() {
    let Some(mut letters) = letters() else { return };
    // Whoever stands alone stands alone in any order.
    let mut sizes: HashMap<usize, usize> = HashMap::new();
    letters.iter().for_each(|letter| *sizes.entry(letter.thread).or_default() += 1);
    letters.retain(|letter| sizes[&letter.thread] > 1);
    let expect = standing(&letters).await;
    assert_eq!(expect.len(), letters.len(), "each mail is stored once");
    assert_eq!(wrong(&letters, &expect), 0);
    let orders = if is_at_server() { ORDERS_AT_SERVER } else { ORDERS };
    for seed in 0..orders {
        let mut shuffled = letters.clone();
        shuffle(&mut shuffled, seed);
        if seed == 0 {
            shuffled = letters.iter().rev().cloned().collect();
        }
        let found = standing(&shuffled).await;
        let differing: Vec<_> = expect.iter().filter(|(id, stands)| found.get(*id) != Some(stands)).collect();
        let others: Vec<_> = differing.iter().map(|(id, _)| found.get(*id)).collect();
        assert!(differing.is_empty(), "order {seed}: {differing:#?} became {others:#?}");
    }
}

const ORDERS: u64 = 51;
/// What an order does to a conversation is decided where rows are in files too, and seen there in all orders; here it is seen
/// that a server's answers are no others, backwards and in some orders.
const ORDERS_AT_SERVER: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_wrong_link_whatever_sign_is_missing() {
    let Some(letters) = letters() else { return };
    println!("| {:<53} | links found | wrong |", "signs");
    // In files each case comes in both orders; at a server every other one comes, in one of them.
    let (first, one_of) = if is_at_server() { (1, 2) } else { (0, 1) };
    for (case, (words, change)) in CASES.iter().enumerate().skip(first).step_by(one_of) {
        let changed: Vec<Letter> = letters.iter().map(change).collect();
        let mut shuffled = changed.clone();
        shuffle(&mut shuffled, 7);
        let both = [("oldest first", changed), ("shuffled", shuffled)];
        for (order, changed) in both.iter().skip(first * case / 2 % 2).step_by(one_of) {
            let found = standing(changed).await;
            let (links, wrong) = (links(&letters, &found), wrong(&letters, &found));
            println!("| {:<53} | {links:>11} | {wrong:>5} |", format!("{words}, {order}"));
            assert_eq!(wrong, 0, "{words}, {order}");
        }
    }
}

type Change = fn(&Letter) -> Letter;

/// The signs that are there.
const CASES: &[(&str, Change)] = &[
    ("as they came", Letter::clone),
    ("without In-Reply-To", |it| it.without(&["in-reply-to"])),
    ("without References", |it| it.without(&["references"])),
    ("subjects without prefix", |it| it.subject(|subject, _| plain(subject))),
    ("every subject another", |it| it.subject(|_, it| it.id.clone())),
    ("References alone, every subject another", |it| {
        it.without(&["in-reply-to"]).subject(|_, it| it.id.clone())
    }),
    ("all, with a token and Thread-Index", |it| it.token().thread_index()),
    ("token and Thread-Index alone", |it| it.without(IDS).token().thread_index()),
    ("a token alone", |it| it.without(IDS).token()),
    ("a token alone, subjects without prefix", |it| {
        it.without(IDS).subject(|subject, _| plain(subject)).token()
    }),
    ("Thread-Index alone", |it| it.without(IDS).thread_index()),
    ("a subject alone", |it| it.without(IDS)),
];

const IDS: &[&str] = &["in-reply-to", "references"];

fn plain(subject: &str) -> String {
    let start = subject.to_lowercase();
    let rest = start.strip_prefix("re:").map_or(subject, |_| subject.get(3..).unwrap_or_default());
    rest.trim().to_owned()
}

impl Letter {
    fn of(raw: Vec<u8>) -> Option<Letter> {
        let header = message::read_header(&raw).ok()?;
        let id = header.message_id.as_ref()?.to_string();
        header.author()?;
        let nearest = header.in_reply_to.iter().chain(header.references.iter().rev());
        let named = nearest.map(ToString::to_string).filter(|named| *named != id).collect();
        Some(Letter { id, named, raw, thread: 0 })
    }

    fn header(&self, each: impl Fn(&str, &[u8]) -> Option<Vec<u8>>) -> Letter {
        let mut raw = Vec::new();
        let mut is_body = false;
        let mut fields: Vec<Vec<u8>> = Vec::new();
        for line in self.raw.split_inclusive(|byte| *byte == b'\n') {
            if is_body {
                raw.extend_from_slice(line);
            } else if line.trim_ascii_end().is_empty() {
                for field in fields.drain(..) {
                    let name = field.split(|byte| *byte == b':').next().unwrap_or_default();
                    let name = String::from_utf8_lossy(name).trim().to_lowercase();
                    raw.extend(each(&name, &field).unwrap_or_default());
                }
                raw.extend_from_slice(line);
                is_body = true;
            } else if line.starts_with(b" ") || line.starts_with(b"\t") {
                fields.last_mut().unwrap().extend_from_slice(line);
            } else {
                fields.push(line.to_vec());
            }
        }
        Letter { raw, ..self.clone() }
    }

    fn without(&self, names: &[&str]) -> Letter {
        self.header(|name, field| (!names.contains(&name)).then(|| field.to_vec()))
    }

    fn subject(&self, new: impl Fn(&str, &Letter) -> String) -> Letter {
        let header = message::read_header(&self.raw).unwrap();
        let subject = new(&header.subject, self).replace(['\r', '\n'], " ");
        self.header(|name, field| {
            Some(if name == "subject" {
                format!("Subject: {subject}\r\n").into_bytes()
            } else {
                field.to_vec()
            })
        })
    }

    fn token(&self) -> Letter {
        self.subject(|subject, it| format!("{subject} CRM:{:07}", 1_000_000 + it.thread))
    }

    fn thread_index(&self) -> Letter {
        let mut index = vec![1; 22];
        index[6..14].copy_from_slice(&(self.thread as u64).to_be_bytes());
        let mut raw = format!("Thread-Index: {}\r\n", STANDARD.encode(index)).into_bytes();
        raw.extend_from_slice(&self.raw);
        Letter { raw, ..self.clone() }
    }
}

/// Mails of the notmuch and mimekit corpora with an id and an author, each id once, by date.
fn letters() -> Option<Vec<Letter>> {
    let Some(folder) = std::env::var_os("POSTROOM_CORPUS").map(PathBuf::from) else {
        println!("skipped: POSTROOM_CORPUS is not set");
        return None;
    };
    let mut raws = Vec::new();
    files(&folder.join("notmuch/test/corpora"), &mut |raw| raws.push(raw));
    files(&folder.join("mimekit/UnitTests/TestData/messages"), &mut |raw| raws.push(raw));
    files(&folder.join("mimekit/UnitTests/TestData/mbox"), &mut |raw| raws.extend(parted(&raw)));
    let mut ids = HashSet::new();
    let raws = raws.into_iter().map(|raw| mbox::in_wire_form(raw).0);
    let mut letters: Vec<Letter> = raws.filter_map(Letter::of).collect();
    letters.retain(|letter| ids.insert(letter.id.clone()));
    letters.sort_by_key(|letter| message::read_header(&letter.raw).unwrap().date.map(|date| date.0));
    let mut threads = Threads::default();
    for letter in &letters {
        let own = threads.of(&letter.id);
        for named in &letter.named {
            let other = threads.of(named);
            threads.join(own, other);
        }
    }
    for letter in &mut letters {
        let own = threads.of(&letter.id);
        letter.thread = threads.root(own);
    }
    assert!(letters.len() > 250, "{} letters", letters.len());
    Some(letters)
}

fn files(folder: &Path, each: &mut dyn FnMut(Vec<u8>)) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { files(&path, each) } else { each(std::fs::read(&path).unwrap()) }
    }
}

/// The messages of a mailbox file, as far as this test needs them.
fn parted(raw: &[u8]) -> Vec<Vec<u8>> {
    let mut parted: Vec<Vec<u8>> = Vec::new();
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        if mbox::is_from_line(line) || mbox::is_undated_from_line(line) {
            parted.push(Vec::new());
        } else if let Some(last) = parted.last_mut() {
            last.extend_from_slice(line);
        }
    }
    parted
}

/// Which ids belong together.
#[derive(Default)]
struct Threads {
    places: HashMap<String, usize>,
    above: Vec<usize>,
}

impl Threads {
    fn of(&mut self, id: &str) -> usize {
        let next = self.above.len();
        let place = *self.places.entry(id.to_owned()).or_insert(next);
        if place == next {
            self.above.push(next);
        }
        place
    }

    fn root(&self, mut place: usize) -> usize {
        while self.above[place] != place {
            place = self.above[place];
        }
        place
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.above[one.max(other)] = one.min(other);
    }
}

fn shuffle(letters: &mut [Letter], seed: u64) {
    let moment = Moment::new(NOW, seed);
    for last in (1..letters.len()).rev() {
        let [.., a, b] = moment.id().0;
        letters.swap(last, usize::from(u16::from_be_bytes([a, b])) % (last + 1));
    }
}

/// Takes the mails into a house of their own, so many side by side, and looks where each stands.
async fn standing(letters: &[Letter]) -> Standing {
    let house = House::new().await;
    let mut ids = BTreeSet::new();
    for flight in letters.chunks(IN_FLIGHT) {
        let mut set = JoinSet::new();
        for letter in flight {
            let (organization, copy, moment) =
                (Arc::clone(&house.organization), copy(letter), moment(letter));
            set.spawn(async move { intake::take_in(&organization, copy, moment).await.unwrap() });
        }
        let receipts = set.join_all().await;
        ids.extend(receipts.iter().flat_map(|receipt| &receipt.originals).filter_map(|it| it.email));
    }
    let emails: Vec<_> = ids.into_iter().map(|id| house.email(id)).collect();
    let names: HashMap<Id, String> =
        emails.iter().map(|it| (it.activityid, it.messageid.clone().unwrap())).collect();
    let mut least: HashMap<Id, &String> = HashMap::new();
    for email in &emails {
        let name = &names[&email.activityid];
        let known = least.entry(email.conversationtrackingid).or_insert(name);
        *known = name.min(known);
    }
    let name = |id: Option<Id>| id.map(|id| names[&id].clone());
    let stands = emails.iter().map(|it| {
        let conversation = least[&it.conversationtrackingid].clone();
        let (parent, correlated) = (name(it.parentactivityid), name(it.correlatedactivityid));
        assert_eq!(it.regardingobjectid, None);
        (names[&it.activityid].clone(), (conversation, parent, correlated, it.correlationmethod))
    });
    stands.collect()
}

const IN_FLIGHT: usize = 16;

fn copy(letter: &Letter) -> Copy {
    let mailbox = OldMailbox { name: "corpus".to_owned(), user: None, is_filtered: false };
    let key = message::identity::raw_digest(letter.id.as_bytes());
    let raw = Arc::from(letter.raw.as_slice());
    mailbox.copy(OldMail { key, order: 0, raw, has_bare_line_ends: false }, NOW)
}

fn moment(letter: &Letter) -> Moment {
    let digest = message::identity::raw_digest(letter.id.as_bytes());
    Moment::new(NOW, u64::from_be_bytes(digest[..8].try_into().unwrap()))
}

/// Conversations that hold mails of more than one true thread.
fn wrong(letters: &[Letter], standing: &Standing) -> usize {
    let mut threads: HashMap<&String, BTreeSet<usize>> = HashMap::new();
    for letter in letters {
        if let Some((conversation, ..)) = standing.get(&letter.id) {
            threads.entry(conversation).or_default().insert(letter.thread);
        }
    }
    threads.values().filter(|threads| threads.len() > 1).count()
}

/// Of the mails whose nearest ancestor is here, how many stand in one conversation with it.
fn links(letters: &[Letter], standing: &Standing) -> String {
    let (mut all, mut found) = (0, 0);
    for letter in letters {
        let nearest = letter.named.iter().find_map(|named| standing.get(named));
        if let (Some(parent), Some(own)) = (nearest, standing.get(&letter.id)) {
            all += 1;
            found += usize::from(parent.0 == own.0);
        }
    }
    format!("{found} of {all}")
}
