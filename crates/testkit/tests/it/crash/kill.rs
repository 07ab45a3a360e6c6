//! kill -9 under load, again and again: the sender sends what was not answered 250 once more, as mail servers
//! do, and in the end every mail stands exactly once.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use store::Store;
use testkit::client::Protocol;
use testkit::kept;
use testkit::letters::{self, Letters, mix};
use testkit::load::{self, Log, Supply, Target};
use testkit::program::{self, Program};
use testkit::wait;
use tokio::runtime::Runtime;

const CONNECTIONS: usize = 20;

#[test]
fn what_was_answered_survives_being_killed() {
    let rounds = super::number("CRASH_ROUNDS", 20);
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let mut running = Program::start(folder.path()).unwrap();
    let world = letters::world().unwrap();
    let made = world.make(|request| running.command(request), |_| None).unwrap();
    let recipients = letters::recipients(&made).unwrap();
    let letters = Arc::new(Letters::new(4_096, recipients));
    let mut answered = BTreeSet::new();
    let mut open = Vec::new();
    let mut next = 0;
    for round in 0..rounds {
        // What the last round left open comes first, as from the queue of a mail server.
        let log = resend(&runtime, &running, &letters, std::mem::take(&mut open));
        note(log, &mut answered, &mut open);
        let (log, reached) = until_killed(&runtime, running, &letters, (next, round));
        assert!(!log.answered.is_empty(), "round {round}: it was killed before it answered anything");
        next = reached;
        note(log, &mut answered, &mut open);
        running = Program::start(folder.path()).unwrap();
    }
    let log = resend(&runtime, &running, &letters, std::mem::take(&mut open));
    note(log, &mut answered, &mut open);
    assert!(open.is_empty(), "not taken by a house that runs in peace: {open:?}");
    running.kill().unwrap();
    let found = inspect(&program::data(folder.path()), &letters, &answered);
    println!("{rounds} times killed, {} mails answered, {found} e-mails", answered.len());
}

/// Sends until the program is killed, when so many letters are under way as the number of the round says.
fn until_killed(
    runtime: &Runtime,
    program: Program,
    letters: &Arc<Letters>,
    (from, round): (u64, u64),
) -> (Log, u64) {
    let supply = Supply::for_duration(from, wait::PATIENCE);
    let target =
        Target { address: program.smtp().unwrap(), protocol: Protocol::Smtp, connections: CONNECTIONS };
    let sending = runtime.spawn(load::send(target, Arc::clone(letters), Arc::clone(&supply)));
    let moment = from + 100 + mix(round) % 500;
    wait::until("enough load", || (supply.handed_out() >= moment).then_some(())).unwrap();
    program.kill().unwrap();
    (runtime.block_on(sending).unwrap().unwrap(), supply.handed_out())
}

fn resend(runtime: &Runtime, program: &Program, letters: &Arc<Letters>, open: Vec<u64>) -> Log {
    let target = Target { address: program.smtp().unwrap(), protocol: Protocol::Smtp, connections: 1 };
    let mut log = Log::default();
    for number in open {
        let supply = Supply::of(number..number + 1);
        let one = runtime.block_on(load::send(target, Arc::clone(letters), supply)).unwrap();
        log.answered.extend(one.answered);
        log.open.extend(one.open);
    }
    log
}

fn note(log: Log, answered: &mut BTreeSet<u64>, open: &mut Vec<u64>) {
    answered.extend(log.answered.into_iter().map(|(number, _)| number));
    open.extend(log.open);
}

/// Counts in the store what the sender's log says was answered; the number of e-mails.
fn inspect(data: &Path, letters: &Letters, answered: &BTreeSet<u64>) -> i64 {
    let store = Store::open(testkit::database::store(data)).unwrap();
    let organization = store.organization_by_name(letters::ORGANIZATION).unwrap();
    assert!(organization.is_sound().unwrap());
    let verified = crm::accounting::verify(&organization).unwrap();
    assert_eq!(verified.faults, Vec::<String>::new());
    let counts = kept::emails_by_id(&organization).unwrap();
    for number in answered {
        let id = letters.letter(*number).message_id;
        assert_eq!(counts.get(&id), Some(&1), "letter {number} was answered 250");
    }
    // Everything was sent until it was answered, so there is nothing beside it, and nothing twice.
    assert_eq!(verified.emails, i64::try_from(answered.len()).unwrap());
    verified.emails
}
