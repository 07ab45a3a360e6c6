//! Power cuts: whatever was answered before the cut is there after it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use store::{CrashImage, Organization, Priority, Recorded, Recorder, Store, StoreError, StoreSettings};

use crate::blobs::noise;
use crate::house::organization;

const THREADS: usize = 4;
const UNITS_PER_THREAD: usize = 50;
const SEEDS: u64 = 300;

#[test]
fn whatever_was_answered_before_a_power_cut_is_there_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(folder.path()).unwrap();
    let blobs = work(&recorder);
    let log = recorder.log();
    let cut_and_check = &|seed: u64| {
        let cut = cut(seed, &log);
        let image = tempfile::tempdir().unwrap();
        CrashImage::at(recorder.root(), &log, cut, seed).write(image.path()).unwrap();
        check(image.path(), &log[..cut], &blobs, seed)
    };
    let promises: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| scope.spawn(move || (worker..SEEDS).step_by(4).map(cut_and_check).sum::<usize>()))
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert!(promises > THREADS * UNITS_PER_THREAD, "the cuts came too early to prove anything");
}

/// Cuts at all places alike; every fourth right after a promise, when the sync behind it is only just done.
fn cut(seed: u64, log: &[Recorded]) -> usize {
    let spread = usize::try_from(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16).unwrap();
    let place = spread % (log.len() + 1);
    let promise = log[..place].iter().rposition(|entry| matches!(entry, Recorded::Mark(_)));
    promise.filter(|_| seed.is_multiple_of(4)).map_or(place, |promise| promise + 1)
}

/// Four callers at once, so that units share commits; some keep large bytes, and the log is carried over between.
fn work(recorder: &Arc<Recorder>) -> BTreeMap<String, [u8; 32]> {
    let mut settings = StoreSettings::new(recorder.root());
    settings.recorder = Some(Arc::clone(recorder));
    let store = Store::open(settings).unwrap();
    let organization = store.create_organization(organization(1)).unwrap();
    recorder.mark("organization");
    let blobs = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (organization, blobs) = (&organization, &blobs);
            scope.spawn(move || {
                for number in 0..UNITS_PER_THREAD {
                    let name = format!("{thread}-{number}");
                    let blobid = one(organization, &name, number % 10 == 3).unwrap();
                    blobs.lock().unwrap().insert(name.clone(), blobid);
                    recorder.mark(name);
                    if thread == 0 && number % 8 == 7 {
                        organization.carry_log_over().unwrap();
                    }
                }
            });
        }
    });
    blobs.into_inner().unwrap()
}

fn one(organization: &Organization, name: &str, large: bool) -> Result<[u8; 32], StoreError> {
    let mut bytes = if large { noise(150_000) } else { Vec::new() };
    bytes.extend(name.bytes());
    let blob = organization.put_blob(&bytes)?;
    let (blobid, name) = (blob.blobid, name.to_owned());
    let unit = organization.unit(Priority::Intake, move |tx| {
        tx.keep_blob(&blob)?;
        tx.set_setting(&name, "kept")
    });
    unit.wait().map(|()| blobid)
}

/// Opens the house after the cut; gives the number of promises it had to keep.
fn check(image: &Path, log: &[Recorded], blobs: &BTreeMap<String, [u8; 32]>, seed: u64) -> usize {
    let store = Store::open(StoreSettings::new(image)).unwrap();
    let promised: Vec<&String> = log
        .iter()
        .filter_map(|entry| if let Recorded::Mark(mark) = entry { Some(mark) } else { None })
        .collect();
    if promised.is_empty() {
        return 0;
    }
    let organization = store.organization_by_name("Organization 1").unwrap();
    assert!(organization.is_sound().unwrap(), "seed {seed}");
    for name in promised.iter().filter_map(|name| blobs.get_key_value(*name)) {
        let (name, blobid) = name;
        let setting = organization.read(|read| read.setting(name)).unwrap();
        assert_eq!(setting.as_deref(), Some("kept"), "seed {seed}: {name}");
        assert!(organization.blob(blobid).unwrap().ends_with(name.as_bytes()), "seed {seed}: {name}");
    }
    promised.len()
}
