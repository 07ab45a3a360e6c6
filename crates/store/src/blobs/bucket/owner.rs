//! Whose a bucket is: the object `house` below the prefix names one house and the place of its catalogue.
//!
//! What passes through: the mark of a house, into the object where there is none, compared with it where there is one.
//! A house writes nothing to a bucket, and its sweep removes nothing there, unless the object names this house: two
//! houses would take each other's bytes for forgotten ones. The place tells a house from a copy of it.

use std::sync::{Arc, Mutex, OnceLock};

use object_store::path::Path;
use object_store::{Error, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};

use super::trouble::{self, Asked};
use super::{Bucket, BucketError};
use crate::StoreError;
use crate::lock::locked;

/// By what a bucket knows a house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The id of the house.
    pub(crate) house: String,
    /// Where its catalogue is, the same for all nodes and another one for a copy; empty where nobody can tell.
    pub(crate) place: String,
}

/// What a bucket knows of its house.
#[derive(Debug, Default)]
pub(super) struct Owning {
    /// The house that uses it.
    mark: OnceLock<Mark>,
    /// Whether the object named this house when it was read last.
    is_ours: Mutex<bool>,
}

impl Mark {
    fn to_text(&self) -> String {
        format!("{NAME}\nid {}\nplace {}\n", self.house, self.place)
    }

    /// `None` where no program of this kind wrote it.
    fn of_text(text: &[u8]) -> Option<Mark> {
        let mut lines = str::from_utf8(text).ok()?.lines();
        let (name, house, place) = (lines.next()?, lines.next()?, lines.next()?);
        (name == NAME).then_some(())?;
        let (house, place) = (house.strip_prefix("id ")?, place.strip_prefix("place ")?);
        Some(Mark { house: house.to_owned(), place: place.to_owned() })
    }
}

impl Bucket {
    /// From now on it is used by this house. `AnotherHouse` where it was used by another one before.
    pub(crate) fn serve(&self, mark: Mark) -> Result<(), StoreError> {
        if *self.owning.mark.get_or_init(|| mark.clone()) == mark {
            Ok(())
        } else {
            Err(self.another_house())
        }
    }

    /// Makes it this house's, where it is nobody's. Asks once, until it is asked again.
    ///
    /// # Errors
    /// [`BucketError::AnotherHouse`], [`BucketError::Copied`].
    pub(crate) fn claim(&self) -> Result<(), StoreError> {
        if *locked(&self.owning.is_ours) { Ok(()) } else { self.claim_again() }
    }

    /// The same, and asks whatever it answered before.
    pub(crate) fn claim_again(&self) -> Result<(), StoreError> {
        let claimed = self.look_or_write();
        *locked(&self.owning.is_ours) = claimed.is_ok();
        claimed
    }

    /// Makes it this house's, whoever had it.
    pub(crate) fn take_over(&self) -> Result<(), StoreError> {
        let (client, path, mark) = (Arc::clone(&self.client), self.house_path(), self.mark()?.to_text());
        self.ask(Asked::Put, async move { client.put(&path, PutPayload::from(mark)).await })?;
        self.claim_again()
    }

    /// Whether it names this house; `false` where it names nobody.
    ///
    /// # Errors
    /// [`BucketError::AnotherHouse`], [`BucketError::Copied`].
    pub(crate) fn names_us(&self) -> Result<bool, StoreError> {
        let ours = self.mark()?;
        let (client, path) = (Arc::clone(&self.client), self.house_path());
        let get = async move {
            let found = client.get(&path).await?;
            // Whatever is larger is none of ours.
            if found.meta.size > MARK_BYTES_MAX { Ok(None) } else { found.bytes().await.map(Some) }
        };
        let theirs = match self.ask(Asked::Get, get) {
            Ok(text) => text.and_then(|text| Mark::of_text(&text)),
            Err(StoreError::NotFound) => return Ok(false),
            Err(error) => return Err(error),
        };
        match theirs {
            Some(theirs) if theirs.house == ours.house => {
                let is_known = !theirs.place.is_empty() && !ours.place.is_empty();
                if is_known && theirs.place != ours.place { Err(self.copied()) } else { Ok(true) }
            }
            _ => Err(self.another_house()),
        }
    }

    fn look_or_write(&self) -> Result<(), StoreError> {
        if self.names_us()? {
            return Ok(());
        }
        let (client, path, mark) = (Arc::clone(&self.client), self.house_path(), self.mark()?.to_text());
        self.ask(Asked::Put, async move {
            let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            match client.put_opts(&path, PutPayload::from(mark.clone()), create).await {
                // Another node was first, or another house: who it was is read below.
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(()),
                // A store that knows no conditions. Two houses that begin at the same moment both read what stands in
                // the end, and the sweep reads it again.
                Err(error) if trouble::is_unknown(&error) => {
                    client.put(&path, PutPayload::from(mark)).await.map(drop)
                }
                written => written.map(drop),
            }
        })?;
        if self.names_us()? {
            return Ok(());
        }
        Err(BucketError::Refused { code: "what was written is not there".to_owned() }.into())
    }

    /// Every store that is opened with it has said whose it is.
    fn mark(&self) -> Result<&Mark, StoreError> {
        self.owning.mark.get().ok_or(StoreError::Closed)
    }

    fn house_path(&self) -> Path {
        self.root().join(HOUSE)
    }

    fn another_house(&self) -> StoreError {
        BucketError::AnotherHouse { place: self.name(), prefix: self.settings.prefix.clone() }.into()
    }

    fn copied(&self) -> StoreError {
        BucketError::Copied { place: self.name(), prefix: self.settings.prefix.clone() }.into()
    }
}

/// The name of the object.
const HOUSE: &str = "house";
/// Its first line.
const NAME: &str = "postroom house 1";
/// More than its three lines ever have.
const MARK_BYTES_MAX: u64 = 1_024;

#[cfg(test)]
mod tests {
    use bucketkit::{BUCKET, BucketServer, KEY, Manner, SECRET};

    use super::*;
    use crate::{BucketSettings, Credentials, Secret};

    fn bucket(server: &BucketServer, house: &str) -> Arc<Bucket> {
        let secret = Secret::new(SECRET);
        let credentials = Credentials::Key { id: KEY.to_owned(), secret, token: None };
        let bucket = Bucket::new(BucketSettings::new(server.endpoint(), BUCKET, credentials)).unwrap();
        bucket.serve(Mark { house: house.to_owned(), place: "a".to_owned() }).unwrap();
        bucket
    }

    #[test]
    fn of_many_nodes_that_begin_at_once_those_of_one_house_get_it() {
        let server = BucketServer::start().unwrap();
        let buckets: Vec<_> = (0..8).map(|node| bucket(&server, ["one", "two"][node % 2])).collect();
        let claims: Vec<_> = std::thread::scope(|scope| {
            let nodes: Vec<_> = buckets.iter().map(|bucket| scope.spawn(|| bucket.claim())).collect();
            nodes.into_iter().map(|node| node.join().unwrap()).collect()
        });
        let of = |house: usize| (0..8).filter(|node| node % 2 == house && claims[*node].is_ok()).count();
        assert!([of(0), of(1)] == [4, 0] || [of(0), of(1)] == [0, 4], "{claims:?}");
    }

    #[test]
    fn a_store_that_knows_no_conditions_serves_one_house_as_well() {
        let server = BucketServer::start().unwrap();
        server.behave(Manner::Unconditional);
        bucket(&server, "one").claim().unwrap();
        bucket(&server, "one").claim().unwrap();
        let refused = bucket(&server, "two").claim();
        assert!(matches!(refused, Err(StoreError::Bucket(BucketError::AnotherHouse { .. }))), "{refused:?}");
    }

    #[test]
    fn a_mark_is_read_back_and_nothing_else_is_a_mark() {
        for place in ["", "some where"] {
            let mark = Mark { house: "ab12".to_owned(), place: place.to_owned() };
            assert_eq!(Mark::of_text(mark.to_text().as_bytes()), Some(mark));
        }
        for other in [&b""[..], b"postroom house 1", b"postroom house 2\nid a\nplace b\n", b"\xff\n\n\n"] {
            assert_eq!(Mark::of_text(other), None);
        }
    }
}
