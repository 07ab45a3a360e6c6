//! What is known about records, kept in memory: who has an address, whose a key is, what nobody wants logged.
//!
//! What passes through: answers that depend on records alone, each under the version of the records it was read
//! from (`Read::records_version`). Every mail asks the same few questions, and under load every commit makes the
//! page caches of reading connections worthless.
//!
//! *Invariant:* an answer is given only under the very version it was read from, and only what was committed is
//! remembered. Whoever acts on answers compares the version inside the unit of work that acts.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use model::limits;

use crate::lock::locked;

/// The kinds of questions whose answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    /// The rows of an address.
    Addresses,
    /// The rows of all addresses that are our own.
    OurAddresses,
    /// The records that have an address.
    RecordsByAddress,
    /// Never-log entries of an address or its domain.
    NeverLog,
    /// The user whose sink key it is.
    UserBySinkKey,
    /// The user with an id.
    User,
    /// The sink with an id.
    Sink,
    /// A setting that decisions depend on.
    Setting,
    /// How a queue acknowledges.
    Acknowledgement,
}

#[derive(Debug, Clone)]
struct Answer {
    what: Arc<dyn Any + Send + Sync>,
    bytes: usize,
}

/// What an answer takes of the memory, about.
pub(crate) trait Weighed {
    /// In bytes, what it is kept under left out.
    fn weight(&self) -> usize;
}

/// For an entry of the maps and what counts its holders.
const ENTRY_BYTES: usize = 100;
/// For the texts of a row: a name, a few addresses.
const TEXTS_BYTES: usize = 200;

impl<T> Weighed for Vec<T> {
    fn weight(&self) -> usize {
        self.len() * (size_of::<T>() + TEXTS_BYTES)
    }
}

impl<T> Weighed for Option<T> {
    fn weight(&self) -> usize {
        size_of::<T>() + TEXTS_BYTES
    }
}

/// When it was last seen that nobody else has changed what is remembered.
#[derive(Debug)]
pub(crate) enum Checked {
    /// Nobody else can.
    Always,
    /// Milliseconds since this process began, of the last look.
    At(AtomicU64),
}

impl Default for Checked {
    fn default() -> Self {
        Checked::always()
    }
}

impl Checked {
    /// For what this process alone writes.
    pub(crate) fn always() -> Self {
        Checked::Always
    }

    /// For what others write too; as of now.
    pub(crate) fn now_and_then() -> Self {
        Checked::At(AtomicU64::new(running_for()))
    }

    /// The present, as looks are noted by.
    pub(crate) fn present() -> u64 {
        running_for()
    }

    /// Notes a look that began then.
    pub(crate) fn note(&self, began: u64) {
        if let Checked::At(last) = self {
            last.fetch_max(began, Ordering::AcqRel);
        }
    }

    /// Whether what is remembered is believed. Where the server cannot be reached it soon is not.
    pub(crate) fn is_fresh(&self) -> bool {
        match self {
            Checked::Always => true,
            Checked::At(last) => {
                running_for().saturating_sub(last.load(Ordering::Acquire)) <= FRESH_MILLISECONDS
            }
        }
    }
}

/// A look that is late does no harm, two that are missing do.
const FRESH_MILLISECONDS: u64 = 2_500;

fn running_for() -> u64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(Duration::as_millis(&BEGAN.elapsed())).unwrap_or(u64::MAX)
}

/// The answers of one organization.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// When the version was last looked at.
    checked: Checked,
    /// The version of the records that was committed last.
    latest: AtomicI64,
    /// Questions about many records since then.
    asked: AtomicU64,
    answers: Mutex<Answers>,
}

#[derive(Debug, Default)]
struct Answers {
    version: i64,
    /// Asked since the old ones were put aside.
    young: HashMap<Question, HashMap<Box<str>, Answer>>,
    young_count: usize,
    young_bytes: usize,
    /// What nobody asks for again is forgotten with these.
    old: HashMap<Question, HashMap<Box<str>, Answer>>,
}

impl Memory {
    /// For an organization that other nodes write to as well.
    pub(crate) fn shared() -> Self {
        Memory { checked: Checked::now_and_then(), ..Memory::default() }
    }

    /// Notes the version that the database was seen to have, by a look that began then.
    pub(crate) fn check(&self, version: i64, began: u64) {
        self.advance(version);
        self.checked.note(began);
    }

    /// The version that answers may be given under; `None` where it has to be asked first.
    pub(crate) fn believed(&self) -> Option<i64> {
        self.checked.is_fresh().then(|| self.latest())
    }

    /// The version of the records that was committed last.
    pub(crate) fn latest(&self) -> i64 {
        self.latest.load(Ordering::Acquire)
    }

    /// Notes a version that was committed.
    pub(crate) fn advance(&self, version: i64) {
        if self.latest.fetch_max(version, Ordering::AcqRel) < version {
            self.asked.store(0, Ordering::Release);
        }
    }

    /// Whether an answer about many records is worth its price by now: it has been asked for so often since they changed.
    /// While somebody brings in a million contacts, each of his commits makes it worthless.
    pub(crate) fn is_calm(&self) -> bool {
        self.asked.fetch_add(1, Ordering::AcqRel) >= limits::QUESTIONS_BEFORE_ALL
    }

    /// Notes the version that a transaction holds: nobody makes a later one meanwhile. Where a later one is known, the
    /// server went back to a replica that had not heard of it, and whatever was remembered may never have been.
    pub(crate) fn held(&self, version: i64) {
        let before = self.latest.fetch_max(version, Ordering::AcqRel);
        if before < version {
            self.asked.store(0, Ordering::Release);
        }
        if before > version {
            *locked(&self.answers) = Answers::default();
            self.latest.store(version, Ordering::Release);
        }
    }

    /// The answer under this version.
    pub(crate) fn get<T: Clone + Send + Sync + 'static>(
        &self,
        version: i64,
        question: Question,
        about: &str,
    ) -> Option<T> {
        let mut answers = locked(&self.answers);
        if answers.version != version {
            return None;
        }
        let answer = match answers.young.get(&question).and_then(|known| known.get(about)) {
            Some(answer) => answer.clone(),
            None => {
                let (about, answer) = answers.old.get_mut(&question)?.remove_entry(about)?;
                answers.keep(question, about, answer.clone());
                answer
            }
        };
        drop(answers);
        answer.what.downcast_ref::<T>().cloned()
    }

    /// Keeps an answer that was read under this version.
    pub(crate) fn put<T: Weighed + Send + Sync + 'static>(
        &self,
        version: i64,
        (question, about): (Question, &str),
        answer: T,
    ) {
        let mut answers = locked(&self.answers);
        if answers.version < version {
            *answers = Answers { version, ..Answers::default() };
        }
        if answers.version == version {
            let bytes = ENTRY_BYTES + about.len() + answer.weight();
            answers.keep(question, about.into(), Answer { what: Arc::new(answer), bytes });
        }
    }
}

impl Answers {
    fn keep(&mut self, question: Question, about: Box<str>, answer: Answer) {
        let is_full =
            self.young_count >= limits::ANSWERS_MAX / 2 || self.young_bytes >= limits::ANSWERS_BYTES_MAX / 2;
        if is_full {
            self.old = std::mem::take(&mut self.young);
            (self.young_count, self.young_bytes) = (0, 0);
        }
        self.young_count += 1;
        self.young_bytes += answer.bytes;
        self.young.entry(question).or_default().insert(about, answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weighed for String {
        fn weight(&self) -> usize {
            self.len()
        }
    }

    impl Weighed for usize {
        fn weight(&self) -> usize {
            size_of::<usize>()
        }
    }

    #[test]
    fn strangers_with_long_addresses_take_no_more_memory() {
        let memory = Memory::default();
        let address = |number: usize| format!("{number}{}", "x".repeat(limits::ADDRESS_BYTES_MAX));
        for number in 0..limits::ANSWERS_MAX {
            memory.put(1, (Question::Addresses, &address(number)), Vec::<usize>::new());
        }
        let known = (0..limits::ANSWERS_MAX)
            .filter(|number| memory.get::<Vec<usize>>(1, Question::Addresses, &address(*number)).is_some());
        assert!(known.count() * limits::ADDRESS_BYTES_MAX <= limits::ANSWERS_BYTES_MAX);
    }

    #[test]
    fn an_answer_holds_under_its_own_version_alone() {
        let memory = Memory::default();
        memory.put(1, (Question::Setting, "a"), "one".to_owned());
        assert_eq!(memory.get::<String>(1, Question::Setting, "a").as_deref(), Some("one"));
        assert_eq!(memory.get::<String>(2, Question::Setting, "a"), None);
        assert_eq!(memory.get::<String>(1, Question::User, "a"), None);
        memory.put(2, (Question::Setting, "b"), "two".to_owned());
        memory.put(1, (Question::Setting, "a"), "late".to_owned());
        assert_eq!(memory.get::<String>(1, Question::Setting, "a"), None);
        assert_eq!(memory.get::<String>(2, Question::Setting, "b").as_deref(), Some("two"));
    }

    #[test]
    fn what_a_server_has_lost_is_forgotten() {
        let memory = Memory::default();
        memory.held(7);
        memory.put(7, (Question::Setting, "a"), "lost".to_owned());
        memory.held(6);
        assert_eq!(memory.latest(), 6);
        memory.advance(7);
        assert_eq!(memory.get::<String>(7, Question::Setting, "a"), None);
    }

    #[test]
    fn what_is_asked_again_stays_and_the_number_is_limited() {
        let memory = Memory::default();
        memory.put(1, (Question::Setting, "asked"), 0_usize);
        for number in 0..3 * limits::ANSWERS_MAX {
            memory.put(1, (Question::Setting, &number.to_string()), number);
            assert_eq!(memory.get::<usize>(1, Question::Setting, "asked"), Some(0));
        }
        let known = (0..3 * limits::ANSWERS_MAX)
            .filter(|number| memory.get::<usize>(1, Question::Setting, &number.to_string()).is_some());
        assert!(known.count() <= limits::ANSWERS_MAX);
    }
}
