//! Power cuts during intake: a disk as it may be found after the power went is opened, and everything that was
//! answered before stands there once, with its source.
//!
//! `kill -9` proves less: it keeps what the kernel has not written yet.

use std::path::Path;
use std::sync::Arc;

use crm::intake::{self, Copy, EnvelopeRecipient, Proof, Source};
use crm::records::people::{self, NewUser, SinkNetworks};
use model::filter::IncomingFilter;
use model::{EmailAddress, Moment, Timestamp};
use store::{CrashImage, Organization, Recorded, Recorder, Store, StoreSettings};
use testkit::kept;
use testkit::letters::{Letter, Letters, mix};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const NOW: Timestamp = Timestamp(1_795_430_000_000);
const READER: &str = "reader0@load.test";
const SINK: &str = "sink@load.test";
/// Letters, so many at a time, so that they share commits.
const LETTERS: u64 = 120;
const AT_ONCE: usize = 12;

#[test]
fn what_was_answered_survives_a_power_cut() {
    let seeds = super::number("CRASH_SEEDS", 300);
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(folder.path()).unwrap();
    Runtime::new().unwrap().block_on(take_all_in(&recorder));
    let log = recorder.log();
    let cut_and_check = |seed: u64| {
        let cut = cut(seed, &log);
        let image = tempfile::tempdir().unwrap();
        CrashImage::at(recorder.root(), &log, cut, seed).write(image.path()).unwrap();
        check(image.path(), &log[..cut], seed)
    };
    let answered: usize = (0..seeds).map(cut_and_check).sum();
    assert!(answered > usize::try_from(seeds).unwrap(), "the cuts came too early to prove anything");
    println!("{seeds} power cuts, {answered} answers kept");
}

/// Cuts at all places alike; every fourth right after an answer, when the sync behind it is only just done.
fn cut(seed: u64, log: &[Recorded]) -> usize {
    let place = usize::try_from(mix(seed) >> 16).unwrap() % (log.len() + 1);
    let answer = log[..place].iter().rposition(|entry| matches!(entry, Recorded::Mark(_)));
    answer.filter(|_| seed.is_multiple_of(4)).map_or(place, |answer| answer + 1)
}

/// Takes letters in, several at a time, a few of them large, and marks each Message-ID when it is answered.
async fn take_all_in(recorder: &Arc<Recorder>) {
    let mut settings = StoreSettings::new(recorder.root());
    settings.recorder = Some(Arc::clone(recorder));
    let store = Store::open(settings).unwrap();
    let organization = people(&store).await;
    recorder.mark("people");
    let small = Arc::new(Letters::new(4_096, vec![SINK.to_owned()]));
    // Words compress well: so large a letter is kept in a file of its own.
    let large = Arc::new(Letters::new(1_500_000, vec![SINK.to_owned()]));
    let mut under_way = JoinSet::new();
    for number in 0..LETTERS {
        let letters = if number % 20 == 7 { &large } else { &small };
        let letter = letters.letter(number);
        under_way.spawn(take_in(Arc::clone(&organization), letter, (number, Arc::clone(recorder))));
        if under_way.len() >= AT_ONCE {
            under_way.join_next().await.unwrap().unwrap();
        }
        if number % 40 == 39 {
            organization.carry_log_over().unwrap();
        }
    }
    while let Some(ended) = under_way.join_next().await {
        ended.unwrap();
    }
}

async fn take_in(organization: Arc<Organization>, letter: Letter, (number, recorder): (u64, Arc<Recorder>)) {
    let moment = Moment::new(NOW, mix(number));
    let reader = EmailAddress::parse(READER).unwrap();
    let copy = Copy {
        copyid: moment.id(),
        source: Source::User(reader.clone()),
        arrived: NOW,
        has_envelope: true,
        mail_from: Some(letter.envelope.mail_from),
        recipients: vec![EnvelopeRecipient {
            address: reader.clone(),
            source: Source::User(reader.clone()),
            user: None,
        }],
        peer: None,
        trace: None,
        proof: Proof::None,
        raw: letter.raw.into(),
        has_bare_line_ends: false,
    };
    let receipt =
        intake::take_in(&organization, copy, Moment::new(NOW, mix(number + LETTERS))).await.unwrap();
    assert!(receipt.originals.iter().all(|original| original.email.is_some()), "{receipt:?}");
    recorder.mark(letter.message_id);
}

async fn people(store: &Store) -> Arc<Organization> {
    let organization = crm::records::add_organization(store, "load", &Moment::new(NOW, 1)).unwrap();
    let reader = NewUser {
        name: "Reader".to_owned(),
        address: EmailAddress::parse(READER).unwrap(),
        filter: IncomingFilter::All,
        is_administrator: false,
        password: None,
        key_seed: [7; 10],
    };
    people::add_user(store, &organization, reader, Moment::new(NOW, 2)).await.unwrap();
    let sink = (EmailAddress::parse(SINK).unwrap(), SinkNetworks::default());
    people::add_sink(store, &organization, sink, Moment::new(NOW, 3)).await.unwrap();
    organization
}

/// Opens the house after the cut; gives the number of answers it had to stand by.
fn check(image: &Path, log: &[Recorded], seed: u64) -> usize {
    let store = Store::open(StoreSettings::new(image)).unwrap();
    let mark = |entry: &Recorded| match entry {
        Recorded::Mark(mark) => Some(mark.clone()),
        _ => None,
    };
    let mut marks = log.iter().filter_map(mark);
    // Before the people were there nothing was answered.
    if marks.next().is_none() {
        return 0;
    }
    let organization = store.organization_by_name("load").unwrap();
    assert!(organization.is_sound().unwrap(), "seed {seed}");
    let verified = crm::accounting::verify(&organization).unwrap();
    assert_eq!(verified.faults, Vec::<String>::new(), "seed {seed}");
    let counts = kept::emails_by_id(&organization).unwrap();
    assert!(counts.values().all(|count| *count == 1), "seed {seed}: {counts:?}");
    sources_are_whole(&organization, seed);
    let answered: Vec<String> = marks.collect();
    for id in &answered {
        assert_eq!(counts.get(id), Some(&1), "seed {seed}: {id} was answered");
    }
    answered.len()
}

/// Every e-mail that is there has its source: files are on disk before the row that names them.
fn sources_are_whole(organization: &Organization, seed: u64) {
    let lines = organization.read(|read| read.latest_emails(None, 1_000)).unwrap();
    for line in lines {
        let email = organization.read(|read| read.email(line.id)).unwrap().unwrap();
        let source = organization.blob(&email.blobid).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(i64::try_from(source.len()).unwrap(), email.size, "seed {seed}");
    }
}
