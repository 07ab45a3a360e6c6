//! A bucket of an S3-compatible store for large frames, one for all organizations of a house.
//!
//! What passes through: requests, each with a time limit, on a small runtime of the store's own; callers wait on
//! their thread. A put that was answered is durable: that is what S3 promises. What went wrong comes out in the
//! words of [`BucketError`], without keys and secrets.

use std::fmt;
use std::future::{Future, ready};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures_util::TryStreamExt as _;
use futures_util::stream::StreamExt as _;
use model::{Id, Timestamp, limits};
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore as _, ObjectStoreExt as _, PutPayload};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use super::place::{Digest, Listed, Place, digest_of, names};
use crate::StoreError;
use crate::lock::locked;

mod owner;
mod settings;
mod trouble;

pub(crate) use owner::Mark;
use owner::Owning;
pub use settings::{Addressing, BucketSettings, Credentials, Secret};
use trouble::Asked;
pub use trouble::BucketError;

/// A bucket and the way to it.
pub struct Bucket {
    client: Arc<AmazonS3>,
    settings: BucketSettings,
    /// Taken out at the end alone.
    runtime: Option<Runtime>,
    requests: Arc<Semaphore>,
    /// Until then nobody waits for it again: it did not answer in time.
    silent_until: Mutex<Option<Instant>>,
    owning: Owning,
}

impl Bucket {
    /// Makes ready to ask; asks nothing yet.
    ///
    /// # Errors
    /// [`BucketError`], where the settings cannot be used; `Io` where there are no threads.
    pub fn new(settings: BucketSettings) -> Result<Arc<Bucket>, StoreError> {
        let client = Arc::new(settings.client()?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(limits::BUCKET_THREADS)
            .thread_name("postroom-bucket")
            .enable_all()
            .build()?;
        let requests = Arc::new(Semaphore::new(limits::BUCKET_REQUESTS_MAX));
        let (silent_until, owning, runtime) = (Mutex::default(), Owning::default(), Some(runtime));
        Ok(Arc::new(Bucket { client, settings, runtime, requests, silent_until, owning }))
    }

    /// Its name, and where it is: an address, or Amazon's region.
    pub fn name(&self) -> String {
        let BucketSettings { bucket, endpoint, region, .. } = &self.settings;
        let place = if endpoint.is_empty() { region } else { endpoint };
        format!("“{bucket}” at {place}")
    }

    /// Tries what the store will do with it: lists, writes an object, removes it.
    ///
    /// # Errors
    /// [`BucketError`]: [`StoreError::is_temporary`] where it did not answer, and not where it said no.
    pub fn check(&self) -> Result<(), StoreError> {
        *locked(&self.silent_until) = None;
        let (root, probe) = (self.root(), self.root().join(PROBE));
        let client = Arc::clone(&self.client);
        self.ask(Asked::List, async move { client.list(Some(&root)).take(1).try_collect::<Vec<_>>().await })?;
        let (client, put) = (Arc::clone(&self.client), probe.clone());
        self.ask(Asked::Put, async move { client.put(&put, PutPayload::from_static(b"probe")).await })?;
        let client = Arc::clone(&self.client);
        match self.ask(Asked::Remove, async move { client.delete(&probe).await }) {
            // Another node was checking too.
            Err(StoreError::NotFound) => Ok(()),
            removed => removed,
        }
    }

    /// The part of it that belongs to an organization.
    pub(super) fn of(self: Arc<Self>, organization: Id) -> Shelf {
        let root = self.root().join(organization.to_string());
        Shelf { bucket: self, root }
    }

    fn root(&self) -> Path {
        Path::from(self.settings.prefix.as_str())
    }

    /// Runs a request on the runtime of the store and waits for its end, no longer than patience lasts.
    fn ask<T, F>(&self, asked: Asked, request: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        let is_silent = locked(&self.silent_until).is_some_and(|until| Instant::now() < until);
        let Some(runtime) = self.runtime.as_ref() else { return Err(StoreError::Closed) };
        if is_silent {
            return Err(BucketError::Silent.into());
        }
        let (answer, answered) = sync_channel(1);
        let (requests, patience) = (Arc::clone(&self.requests), self.settings.patience);
        runtime.spawn(async move {
            let in_turn = async {
                // It is never closed; without a permit there would only be no turn.
                let _permit = requests.acquire().await;
                request.await
            };
            // Whoever asked may be gone.
            let _ = answer.send(tokio::time::timeout(patience, in_turn).await);
        });
        // A channel of std: whoever asks may stand on a thread of another runtime.
        let ended = match answered.recv() {
            Ok(Ok(ended)) => ended.map_err(|error| trouble::of(&error, asked, &self.settings)),
            Ok(Err(_)) => Err(BucketError::Silent.into()),
            Err(_) => Err(StoreError::Closed),
        };
        let is_silent = matches!(ended, Err(StoreError::Bucket(BucketError::Silent)));
        *locked(&self.silent_until) = is_silent.then(|| Instant::now() + self.settings.pause);
        if matches!(ended, Err(StoreError::Bucket(_))) {
            metrics::counter!("postroom_bucket_failures_total").increment(1);
        }
        ended
    }
}

impl Drop for Bucket {
    /// Without waiting: it may be dropped on a thread of another runtime, where that is forbidden.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The objects of one organization: `<prefix>/<organization>/ab/<the other 62 digits>.zst`.
pub(super) struct Shelf {
    bucket: Arc<Bucket>,
    root: Path,
}

impl Shelf {
    fn path(&self, digest: &Digest) -> Path {
        let (first, rest) = names(digest);
        self.root.clone().join(first).join(rest)
    }
}

/// An object below this path, where it has a name of ours.
fn listed(root: &Path, object: &ObjectMeta) -> Option<Listed> {
    let mut below = object.location.prefix_match(root)?;
    let (first, rest) = (below.next()?, below.next()?);
    let digest = digest_of(first.as_ref(), rest.as_ref())?;
    let written = Timestamp(object.last_modified.timestamp_millis());
    below.next().is_none().then_some(Listed { digest, written })
}

impl Place for Shelf {
    fn write(&self, digest: &Digest, frames: Vec<u8>) -> Result<(), StoreError> {
        self.bucket.claim()?;
        let (client, path) = (Arc::clone(&self.bucket.client), self.path(digest));
        let put = async move { client.put(&path, PutPayload::from(frames)).await };
        self.bucket.ask(Asked::Put, put).map(drop)
    }

    fn read(&self, digest: &Digest, start: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        let (client, path) = (Arc::clone(&self.bucket.client), self.path(digest));
        let range = start..start.saturating_add(length as u64);
        let get = async move { client.get_range(&path, range).await };
        let bytes = self.bucket.ask(Asked::Get, get)?;
        if bytes.len() == length { Ok(bytes.into()) } else { Err(StoreError::Corrupt) }
    }

    fn exists(&self, digest: &Digest) -> Result<bool, StoreError> {
        let (client, path) = (Arc::clone(&self.bucket.client), self.path(digest));
        match self.bucket.ask(Asked::Get, async move { client.head(&path).await }) {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn is_ours(&self) -> Result<(), StoreError> {
        self.bucket.claim_again()
    }

    fn remove(&self, digest: &Digest) -> Result<(), StoreError> {
        let (client, path) = (Arc::clone(&self.bucket.client), self.path(digest));
        match self.bucket.ask(Asked::Remove, async move { client.delete(&path).await }) {
            Ok(()) | Err(StoreError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn list(&self, after: Option<&Digest>, wanted: usize) -> Result<Vec<Listed>, StoreError> {
        let (client, root) = (Arc::clone(&self.bucket.client), self.root.clone());
        let offset = after.map(|digest| self.path(digest));
        let list = async move {
            let objects = match &offset {
                Some(offset) => client.list_with_offset(Some(&root), offset),
                None => client.list(Some(&root)),
            };
            let listed = objects.try_filter_map(|object| ready(Ok(listed(&root, &object))));
            listed.take(wanted).try_collect::<Vec<_>>().await
        };
        self.bucket.ask(Asked::List, list)
    }

    /// An object is there whole or not at all.
    fn clear_leftovers(&self, _: Timestamp) -> Result<usize, StoreError> {
        Ok(0)
    }
}

/// Written and removed by a check.
const PROBE: &str = "probe";
