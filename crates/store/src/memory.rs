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
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use model::limits;

use crate::lock::locked;

/// The kinds of questions whose answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    /// The rows of an address.
    Addresses,
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
}

type Answer = Arc<dyn Any + Send + Sync>;

/// The answers of one organization.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The version of the records that was committed last.
    latest: AtomicI64,
    answers: Mutex<Answers>,
}

#[derive(Debug, Default)]
struct Answers {
    version: i64,
    /// Asked since the old ones were put aside.
    young: HashMap<Question, HashMap<Box<str>, Answer>>,
    young_count: usize,
    /// What nobody asks for again is forgotten with these.
    old: HashMap<Question, HashMap<Box<str>, Answer>>,
}

impl Memory {
    /// The version of the records that was committed last.
    pub(crate) fn latest(&self) -> i64 {
        self.latest.load(Ordering::Acquire)
    }

    /// Notes a version that was committed.
    pub(crate) fn advance(&self, version: i64) {
        self.latest.fetch_max(version, Ordering::AcqRel);
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
            Some(answer) => Arc::clone(answer),
            None => {
                let (about, answer) = answers.old.get_mut(&question)?.remove_entry(about)?;
                answers.keep(question, about, Arc::clone(&answer));
                answer
            }
        };
        drop(answers);
        answer.downcast_ref::<T>().cloned()
    }

    /// Keeps an answer that was read under this version.
    pub(crate) fn put<T: Send + Sync + 'static>(
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
            answers.keep(question, about.into(), Arc::new(answer));
        }
    }
}

impl Answers {
    fn keep(&mut self, question: Question, about: Box<str>, answer: Answer) {
        if self.young_count >= limits::ANSWERS_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_count = 0;
        }
        self.young_count += 1;
        self.young.entry(question).or_default().insert(about, answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
