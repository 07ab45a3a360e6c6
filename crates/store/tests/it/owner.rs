//! A bucket belongs to one house: no other one writes there, and its sweep removes nothing there.

use std::fs;

use bucketkit::{BUCKET, BucketServer};
use store::{Bucket, BucketError, Store, StoreError, StoreSettings, Swept};

use crate::blobs::{keep, mails, noise, settings};
use crate::house::House;
use crate::sweep::now;

const DAY: i64 = 86_400;

fn house(server: &BucketServer) -> House {
    let bucket = Bucket::new(settings(server)).unwrap();
    House::with(|settings| settings.bucket = Some(bucket))
}

/// Sweeps for four days, by when what nothing names is gone.
fn sweep(house: &House) -> Result<Vec<Swept>, StoreError> {
    let days = (0..4).map(|day| now().plus_seconds(day * DAY + 1));
    days.map(|day| house.organization.sweep_blobs(&|| day)).collect()
}

fn is_anothers<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    match result {
        Err(StoreError::Bucket(BucketError::AnotherHouse { prefix, .. })) => prefix == "some/house",
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_second_house_leaves_the_bytes_of_the_first_alone() {
    let server = BucketServer::start().unwrap();
    let first = house(&server);
    let large = noise(300_000);
    let blobid = keep(&first, &large).blobid;
    // An organization with the same id, as a restored archive has: its rows do not name these bytes.
    let second = house(&server);
    assert!(is_anothers(second.store.look_at_bucket()));
    assert!(is_anothers(second.store.claim_bucket()));
    assert!(is_anothers(second.organization.put_blob(&large[1..])));
    assert!(is_anothers(sweep(&second)));
    assert!(first.organization.blob(&blobid).unwrap() == large);
    assert_eq!(mails(&server).len(), 1);
    sweep(&first).unwrap();
}

#[test]
fn a_house_whose_bucket_was_taken_removes_nothing_there_any_more() {
    let server = BucketServer::start().unwrap();
    let (first, second) = (house(&server), house(&server));
    keep(&first, &noise(300_000));
    second.store.take_bucket().unwrap();
    keep(&second, &noise(400_000));
    assert!(is_anothers(sweep(&first)));
    assert_eq!(mails(&server).len(), 2);
    // It has heard of it by now.
    assert!(is_anothers(first.organization.put_blob(&noise(500_000))));
}

#[test]
fn a_copy_of_a_house_is_told_from_the_house() {
    let server = BucketServer::start().unwrap();
    let house = house(&server);
    keep(&house, &noise(300_000));
    let named = fs::read_dir(server.folder().join(BUCKET).join("some/house")).unwrap();
    let named = named.map(|entry| entry.unwrap().path()).find(|path| path.ends_with("house")).unwrap();
    let text = fs::read_to_string(&named).unwrap();
    let (before, place) = text.split_once("place ").unwrap();
    assert!(place.len() > 5, "where the catalogue is can be told: {text}");
    // As if it had been written by the house that these rows were copied from.
    fs::write(&named, format!("{before}place elsewhere\n")).unwrap();
    for refused in [house.store.claim_bucket(), sweep(&house).map(drop)] {
        assert!(matches!(refused, Err(StoreError::Bucket(BucketError::Copied { .. }))), "{refused:?}");
    }
    assert_eq!(mails(&server).len(), 1);
    assert!(house.store.take_bucket().unwrap());
    house.store.claim_bucket().unwrap();
    assert_eq!(fs::read_to_string(&named).unwrap(), text);
}

/// A data folder that is copied while nobody has it, and both go on.
#[test]
fn a_data_folder_that_was_copied_is_another_place() {
    let server = BucketServer::start().unwrap();
    let open = |folder: &std::path::Path| {
        let bucket = Some(Bucket::new(settings(&server)).unwrap());
        Store::open(StoreSettings { bucket, ..StoreSettings::new(folder) }).unwrap()
    };
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    open(folder.path()).claim_bucket().unwrap();
    // It is the same house however often it is opened.
    open(folder.path()).claim_bucket().unwrap();
    for file in ["catalogue.db", "catalogue.db-wal"] {
        // The log is gone where the last connection carried it over.
        if folder.path().join(file).exists() {
            fs::copy(folder.path().join(file), copy.path().join(file)).unwrap();
        }
    }
    let refused = open(copy.path()).claim_bucket();
    assert!(matches!(refused, Err(StoreError::Bucket(BucketError::Copied { .. }))), "{refused:?}");
}

#[test]
fn a_bucket_that_was_emptied_is_the_houses_again() {
    let server = BucketServer::start().unwrap();
    let house = house(&server);
    keep(&house, &noise(300_000));
    let folder = server.folder().join(BUCKET);
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    assert_eq!(house.organization.missing_blob_objects().unwrap(), 1);
    sweep(&house).unwrap();
    assert_eq!(server.objects().len(), 1, "it says again whose it is");
    keep(&house, &noise(400_000));
    assert_eq!(mails(&server).len(), 1);
}
