//! A bucket that does not do what it should: each trouble has its words, and mail that needs no bucket flows on.

use std::time::Duration;

use bucketkit::{BUCKET, BucketServer, KEY, Manner, SECRET};
use store::{Bucket, BucketError, BucketSettings, Credentials, Priority, Secret, StoreError};

use crate::blobs::{Keeping, everywhere, keep, noise, settings};
use crate::house::House;

fn checked(settings: BucketSettings) -> Result<(), BucketError> {
    match Bucket::new(settings).unwrap().check() {
        Ok(()) => Ok(()),
        Err(StoreError::Bucket(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

/// A request ends soon, so that nobody waits for one that never does.
fn impatient(server: &BucketServer) -> BucketSettings {
    BucketSettings { patience: Duration::from_millis(300), pause: Duration::ZERO, ..settings(server) }
}

fn key(id: &str, secret: &str) -> Credentials {
    Credentials::Key { id: id.to_owned(), secret: Secret::new(secret), token: None }
}

#[test]
fn a_check_leaves_nothing_behind() {
    let server = BucketServer::start().unwrap();
    for prefix in ["", "house", "/a/b/"] {
        let settings = BucketSettings { prefix: prefix.to_owned(), ..settings(&server) };
        assert_eq!(checked(settings), Ok(()));
    }
    assert!(server.objects().is_empty());
}

#[test]
fn what_is_wrong_is_said_and_whether_it_may_pass() {
    let server = BucketServer::start().unwrap();
    let bucket = BUCKET.to_owned();
    let of = |credentials| BucketSettings { credentials, ..settings(&server) };
    let missing = BucketSettings { bucket: "letters".to_owned(), ..settings(&server) };
    assert_eq!(checked(missing), Err(BucketError::Missing { bucket: "letters".to_owned() }));
    for (credentials, code) in
        [(key("nobody", SECRET), "NotSignedUp"), (key(KEY, "guess"), "SignatureDoesNotMatch")]
    {
        let (bucket, code) = (bucket.clone(), code.to_owned());
        assert_eq!(checked(of(credentials)), Err(BucketError::Forbidden { bucket, code }));
    }
    server.behave(Manner::OtherRegion);
    let region = "us-east-1".to_owned();
    assert_eq!(checked(settings(&server)), Err(BucketError::WrongRegion { bucket, region }));
    server.behave(Manner::WrongTime);
    assert_eq!(checked(settings(&server)), Err(BucketError::WrongClock));
    for (manner, expected) in [
        (Manner::Busy, BucketError::Refused { code: "SlowDown".to_owned() }),
        (Manner::Cut, BucketError::Unreachable),
        (Manner::Silent, BucketError::Silent),
    ] {
        server.behave(manner);
        // Tries again included: only one that never answers takes all the time there is.
        let settings = if manner == Manner::Silent { impatient(&server) } else { settings(&server) };
        assert_eq!(checked(settings), Err(expected), "{manner:?}");
    }
}

#[test]
fn a_server_that_is_not_there_is_unreachable() {
    let gone = BucketServer::start().unwrap();
    // A port that is taken, so that no other test gets it, and where nobody answers a handshake.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let unreachable = BucketSettings { endpoint: format!("http://127.0.0.1:{port}"), ..settings(&gone) };
    assert_eq!(checked(unreachable), Err(BucketError::Unreachable));
}

#[test]
fn small_mail_flows_while_the_bucket_is_away_and_large_mail_is_put_off() {
    for manner in [Manner::Cut, Manner::CutAfter, Manner::Silent, Manner::Busy] {
        let server = BucketServer::start().unwrap();
        let bucket = Bucket::new(impatient(&server)).unwrap();
        let house = House::with(|settings| settings.bucket = Some(bucket));
        let large = noise(300_000);
        let before = keep(&house, &large).blobid;
        server.behave(manner);
        keep(&house, b"a small mail");
        let refused = house.organization.put_blob(&large[1..]).unwrap_err();
        assert!(refused.is_temporary(), "{manner:?}: {refused}");
        assert!(house.organization.blob(&before).unwrap_err().is_temporary(), "{manner:?}");

        server.behave(Manner::Serve);
        let blob = house.organization.put_blob(&large[1..]).unwrap();
        let (blobid, unit) = (blob.blobid, blob);
        house.organization.unit(Priority::Intake, move |tx| tx.keep_blob(&unit)).wait().unwrap();
        assert!(house.organization.blob(&blobid).unwrap() == large[1..], "{manner:?}");
        assert!(house.organization.blob(&before).unwrap() == large, "{manner:?}");
    }
}

#[test]
fn a_body_that_never_ends_is_given_up() {
    let server = BucketServer::start().unwrap();
    let bucket = Bucket::new(impatient(&server)).unwrap();
    let house = House::with(|settings| settings.bucket = Some(bucket));
    let blobid = keep(&house, &noise(300_000)).blobid;
    server.behave(Manner::Drip);
    let error = house.organization.blob(&blobid).unwrap_err();
    assert!(error.is_temporary(), "{error}");
}

#[test]
fn nobody_waits_again_for_a_bucket_that_was_silent() {
    let server = BucketServer::start().unwrap();
    let pause = Duration::from_secs(3_600);
    let bucket = Bucket::new(BucketSettings { pause, ..impatient(&server) }).unwrap();
    let house = House::with(|settings| settings.bucket = Some(bucket));
    server.behave(Manner::Silent);
    assert!(house.organization.put_blob(&noise(300_000)).is_err());
    let requests = server.requests();
    for _ in 0..20 {
        let refused = house.organization.put_blob(&noise(300_000)).unwrap_err();
        assert!(matches!(refused, StoreError::Bucket(BucketError::Silent)), "{refused}");
    }
    assert_eq!(server.requests(), requests);
}

#[test]
fn bytes_are_asked_for_on_any_thread() {
    everywhere(|house| {
        let bytes = noise(300_000);
        let blobid = keep(house, &bytes).blobid;
        for runtime in
            [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()]
        {
            let mut runtime = runtime;
            let runtime = runtime.build().unwrap();
            let read = runtime.block_on(async { house.organization.blob(&blobid) });
            assert!(read.unwrap() == bytes);
        }
    });
}

#[test]
fn a_house_may_end_on_a_thread_of_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let house = Keeping::in_bucket();
    runtime.block_on(async move { drop(house) });
}
