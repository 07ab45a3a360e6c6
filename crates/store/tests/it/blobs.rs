//! Kept bytes: small, large, in parts, twice, damaged.

use std::fs;
use std::path::PathBuf;

use model::limits::BLOB_FRAME_BYTES;
use store::{PreparedBlob, Priority, StoreError};

use crate::house::House;

#[test]
fn bytes_come_back_as_they_were() {
    let house = House::new();
    for bytes in [Vec::new(), b"a mail".to_vec(), noise(100_000), noise(140_000), noise(3 * BLOB_FRAME_BYTES)]
    {
        let blob = keep(&house, &bytes);
        assert_eq!(blob.size, i64::try_from(bytes.len()).unwrap());
        assert!(house.organization.blob(&blob.blobid).unwrap() == bytes, "{} bytes", bytes.len());
    }
    assert_eq!(files(&house).len(), 2);
}

#[test]
fn a_part_is_what_stands_there() {
    let house = House::new();
    let bytes = noise(2 * BLOB_FRAME_BYTES + 1_000);
    let blobid = keep(&house, &bytes).blobid;
    let frame = BLOB_FRAME_BYTES;
    for (offset, length) in [
        (0, 10),
        (frame - 5, 10),
        (frame, frame),
        (5, 2 * frame),
        (2 * frame + 990, 100),
        (3 * frame, 10),
        (7, 0),
    ] {
        let end = (offset + length).min(bytes.len());
        let part = house.organization.blob_range(&blobid, offset, length).unwrap();
        assert!(part == bytes[offset.min(end)..end], "{length} bytes at {offset}");
    }
}

#[test]
fn the_same_bytes_are_kept_once() {
    let house = House::new();
    let bytes = noise(300_000);
    let (first, second) = (keep(&house, &bytes), keep(&house, &bytes));
    assert_eq!(first.blobid, second.blobid);
    assert_eq!(files(&house).len(), 1);
    assert!(house.organization.blob(&first.blobid).unwrap() == bytes);
}

#[test]
fn bytes_that_no_unit_named_are_not_there() {
    let house = House::new();
    let blob = house.organization.put_blob(b"a mail").unwrap();
    assert!(matches!(house.organization.blob(&blob.blobid), Err(StoreError::NotFound)));
}

#[test]
fn damaged_bytes_are_never_handed_out() {
    let house = House::new();
    let blobid = keep(&house, &noise(300_000)).blobid;
    let path = files(&house).remove(0);
    let whole = fs::read(&path).unwrap();
    for place in [0, 9, 5_000, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        fs::write(&path, damaged).unwrap();
        assert!(matches!(house.organization.blob(&blobid), Err(StoreError::Corrupt)), "damaged at {place}");
    }
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(matches!(house.organization.blob(&blobid), Err(StoreError::Corrupt)));
}

#[test]
fn a_file_that_went_before_its_unit_is_noticed_by_the_unit() {
    let house = House::new();
    let blob = house.organization.put_blob(&noise(300_000)).unwrap();
    fs::remove_file(files(&house).remove(0)).unwrap();
    let kept = house.organization.unit(Priority::Intake, move |tx| tx.keep_blob(&blob)).wait();
    assert!(matches!(kept, Err(StoreError::Temporary { .. })));
}

fn keep(house: &House, bytes: &[u8]) -> PreparedBlob {
    let blob = house.organization.put_blob(bytes).unwrap();
    let named = blob.clone();
    house.organization.unit(Priority::Intake, move |tx| tx.keep_blob(&named)).wait().unwrap();
    blob
}

/// Bytes that cannot be compressed (xorshift, Marsaglia 2003).
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    })
    .take(length)
    .collect()
}

fn files(house: &House) -> Vec<PathBuf> {
    let folder = house.folder.path().join("organizations").join(house.organization.id().to_string());
    let folders = fs::read_dir(folder.join("blobs")).unwrap().map(|entry| entry.unwrap().path());
    folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())).collect()
}
