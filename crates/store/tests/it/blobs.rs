//! Kept bytes: small, large, in parts, twice, damaged; in files and in a bucket.

use std::fs;
use std::ops::Deref;
use std::path::PathBuf;

use bucketkit::{BUCKET, BucketServer, KEY, SECRET};
use model::limits::BLOB_FRAME_BYTES;
use store::{Bucket, BucketError, BucketSettings, Credentials, PreparedBlob, Priority, Secret, StoreError};

use crate::house::House;

/// A house that keeps large bytes in files or in a bucket.
pub(crate) struct Keeping {
    house: House,
    pub(crate) server: Option<BucketServer>,
}

impl Keeping {
    pub(crate) fn in_files() -> Self {
        Keeping { house: House::new(), server: None }
    }

    pub(crate) fn in_bucket() -> Self {
        let server = BucketServer::start().unwrap();
        let bucket = Bucket::new(settings(&server)).unwrap();
        let house = House::with(|settings| settings.bucket = Some(bucket));
        Keeping { house, server: Some(server) }
    }

    /// The files or objects of large bytes.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        match &self.server {
            None => files(&self.house),
            Some(server) => {
                assert_eq!(files(&self.house), Vec::<PathBuf>::new());
                mails(server)
            }
        }
    }
}

impl Deref for Keeping {
    type Target = House;

    fn deref(&self) -> &House {
        &self.house
    }
}

/// The objects of mail, without the one that names the house.
pub(crate) fn mails(server: &BucketServer) -> Vec<PathBuf> {
    let mut objects = server.objects();
    objects.retain(|path| path.extension().is_some_and(|ending| ending == "zst"));
    objects
}

/// How a server of bucketkit is reached.
pub(crate) fn settings(server: &BucketServer) -> BucketSettings {
    let secret = Secret::new(SECRET);
    let credentials = Credentials::Key { id: KEY.to_owned(), secret, token: None };
    BucketSettings {
        prefix: "some/house".to_owned(),
        ..BucketSettings::new(server.endpoint(), BUCKET, credentials)
    }
}

/// Tells a story with files, then with a bucket.
pub(crate) fn everywhere(story: impl Fn(&Keeping)) {
    story(&Keeping::in_files());
    story(&Keeping::in_bucket());
}

#[test]
fn bytes_come_back_as_they_were() {
    everywhere(|house| {
        for bytes in
            [Vec::new(), b"a mail".to_vec(), noise(100_000), noise(140_000), noise(3 * BLOB_FRAME_BYTES)]
        {
            let blob = keep(house, &bytes);
            assert_eq!(blob.size, i64::try_from(bytes.len()).unwrap());
            assert!(house.organization.blob(&blob.blobid).unwrap() == bytes, "{} bytes", bytes.len());
        }
        assert_eq!(house.files().len(), 2);
    });
}

#[test]
fn a_part_is_what_stands_there() {
    everywhere(|house| {
        let bytes = noise(2 * BLOB_FRAME_BYTES + 1_000);
        let blobid = keep(house, &bytes).blobid;
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
    });
}

#[test]
fn the_same_bytes_are_kept_once() {
    everywhere(|house| {
        let bytes = noise(300_000);
        let (first, second) = (keep(house, &bytes), keep(house, &bytes));
        assert_eq!(first.blobid, second.blobid);
        assert_eq!(house.files().len(), 1);
        assert!(house.organization.blob(&first.blobid).unwrap() == bytes);
    });
}

#[test]
fn bytes_that_no_unit_named_are_not_there() {
    let house = House::new();
    let blob = house.organization.put_blob(b"a mail").unwrap();
    assert!(matches!(house.organization.blob(&blob.blobid), Err(StoreError::NotFound)));
}

#[test]
fn damaged_bytes_are_never_handed_out() {
    everywhere(|house| {
        let blobid = keep(house, &noise(300_000)).blobid;
        let path = house.files().remove(0);
        let whole = fs::read(&path).unwrap();
        for place in [0, 9, 5_000, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            fs::write(&path, damaged).unwrap();
            assert!(
                matches!(house.organization.blob(&blobid), Err(StoreError::Corrupt)),
                "damaged at {place}"
            );
        }
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(matches!(house.organization.blob(&blobid), Err(StoreError::Corrupt)));
    });
}

#[test]
fn a_file_that_went_before_its_unit_is_noticed_by_the_unit() {
    let house = House::new();
    let blob = house.organization.put_blob(&noise(300_000)).unwrap();
    fs::remove_file(files(&house).remove(0)).unwrap();
    let kept = house.organization.unit(Priority::Intake, move |tx| tx.keep_blob(&blob)).wait();
    assert!(matches!(kept, Err(StoreError::Temporary { .. })));
}

#[test]
fn both_places_are_read_side_by_side() {
    let in_files = Keeping::in_files();
    let large = noise(300_000);
    let before = keep(&in_files, &large).blobid;
    let Keeping { house: House { store, organization, folder }, .. } = in_files;
    drop((store, organization));
    let server = BucketServer::start().unwrap();
    let open = |bucket| {
        let settings = store::StoreSettings { bucket, ..store::StoreSettings::for_tests(folder.path()) };
        let store = store::Store::open(settings).unwrap();
        let organization = store.organization_by_name("Organization 1").unwrap();
        (store, organization)
    };
    let (store, organization) = open(Some(Bucket::new(settings(&server)).unwrap()));
    assert!(organization.blob(&before).unwrap() == large);
    // The same bytes again stay where they are; others go to the bucket.
    let again = organization.put_blob(&large).unwrap();
    let other = organization.put_blob(&large[1..]).unwrap();
    let (after, unit) = (other.blobid, other.clone());
    organization
        .unit(Priority::Intake, move |tx| tx.keep_blob(&again).and_then(|()| tx.keep_blob(&unit)))
        .wait()
        .unwrap();
    assert!(organization.blob(&before).unwrap() == large);
    assert!(organization.blob(&after).unwrap() == large[1..]);
    let counts = organization.blob_counts().unwrap();
    let counts: Vec<_> = counts.iter().map(|count| (count.place, count.blobs, count.condemned)).collect();
    assert_eq!(counts, [("in a file", 1, 0), ("in the bucket", 1, 0)]);
    drop((store, organization));

    // Back to files: what lies in the bucket cannot be read, and the error says why.
    let (_store, organization) = open(None);
    assert!(organization.blob(&before).unwrap() == large);
    let error = organization.blob(&after).unwrap_err();
    assert!(matches!(error, StoreError::Bucket(BucketError::NotSet)), "{error}");
}

#[test]
fn lost_and_damaged_bytes_are_counted() {
    everywhere(|house| {
        for length in [100, 200_000, 300_000, 400_000] {
            keep(house, &noise(length));
        }
        let missing = || {
            let organization = &house.organization;
            (organization.missing_blob_files().unwrap(), organization.missing_blob_objects().unwrap())
        };
        assert_eq!((missing(), house.organization.damaged_blobs().unwrap()), ((0, 0), 0));
        let paths = house.files();
        fs::remove_file(&paths[0]).unwrap();
        fs::write(&paths[1], b"other bytes").unwrap();
        let expected = if house.server.is_some() { (0, 1) } else { (1, 0) };
        assert_eq!((missing(), house.organization.damaged_blobs().unwrap()), (expected, 1));
    });
}

pub(crate) fn keep(house: &House, bytes: &[u8]) -> PreparedBlob {
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
