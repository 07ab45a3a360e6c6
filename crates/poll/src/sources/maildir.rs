//! A Maildir as a source: a folder of this machine that other programs deliver to.
//!
//! What passes through: names of files as keys, without the flags behind them. Messages travel with CRLF at the ends of
//! their lines, as from any other source. There is no bell: it is looked again.
//!
//! *Invariant:* nothing in `tmp` is ever looked at, for it is being written. Only plain files are read, through no link,
//! and none is ever written over.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{MessageKey, limits};

use crate::source::{Disposal, Disposed, Fetched, Shown, Source, SourceError, SourceTrouble, Validity};
use folder::{Changed, Folder, Found};

mod folder;

/// An open Maildir to be emptied.
pub struct Maildir {
    path: PathBuf,
    /// The folder for undeliverable mail beside it, as Maildir++ has it: `.Undeliverable`.
    aside: OsString,
    folder: Arc<Folder>,
    /// What was found in it, in the order of keys.
    found: BTreeMap<MessageKey, Found>,
    /// When it was changed last, as of then.
    seen: Changed,
}

impl Maildir {
    /// Opens it. `aside` is the name of the folder for undeliverable mail.
    ///
    /// # Errors
    /// [`SourceError`], where it is no Maildir, or may not be looked into.
    pub async fn open(path: &Path, aside: &str) -> Result<Self, SourceError> {
        if aside.is_empty() || aside.contains(['/', '\0']) {
            let words = "the folder for undeliverable mail has a name that no folder can have".to_owned();
            return Err(SourceError { trouble: SourceTrouble::NotOffered, words });
        }
        let folder = reopen(path.to_owned()).await?;
        let (path, aside) = (path.to_owned(), OsString::from(format!(".{aside}")));
        Ok(Maildir { path, aside, folder, found: BTreeMap::new(), seen: Changed::default() })
    }

    /// The files of these messages, as they were found last.
    fn found(&self, keys: &[MessageKey]) -> Vec<(MessageKey, Found)> {
        keys.iter().filter_map(|key| Some((key.clone(), self.found.get(key)?.clone()))).collect()
    }

    /// Reads these, whole or their headers. What a mail program has shown or marked since has another name by now: it is
    /// looked for once more.
    async fn read_wherever(
        &mut self,
        keys: &[MessageKey],
        is_header: bool,
    ) -> Result<Vec<Fetched>, SourceError> {
        let mut fetched = self.read(keys, is_header).await?;
        let is_here = |key: &MessageKey| fetched.iter().any(|fetched| fetched.key == *key);
        let left_out: Vec<MessageKey> = keys.iter().filter(|key| !is_here(key)).cloned().collect();
        if !left_out.is_empty() {
            self.missing(&left_out).await?;
            fetched.extend(self.read(&left_out, is_header).await?);
        }
        Ok(fetched)
    }

    /// Reads these under the names by which they were found last.
    async fn read(&self, keys: &[MessageKey], is_header: bool) -> Result<Vec<Fetched>, SourceError> {
        let (folder, found) = (Arc::clone(&self.folder), self.found(keys));
        apart(move || {
            let mut fetched = Vec::new();
            for (key, found) in found {
                // What is gone or cannot be read is left out: whoever asks finds out which.
                if let Ok(bytes) = folder.read(&found, is_header) {
                    fetched.push(Fetched { key, bytes: bytes.into() });
                }
            }
            Ok(fetched)
        })
        .await
    }
}

impl Source for Maildir {
    fn validity(&self) -> Validity {
        // Names never return (https://cr.yp.to/proto/maildir.html).
        Validity(0)
    }

    async fn list(&mut self, after: Option<&MessageKey>) -> Result<Vec<Shown>, SourceError> {
        if after.is_none() {
            // Anew: somebody may have made the folder again.
            self.folder = reopen(self.path.clone()).await?;
            let folder = Arc::clone(&self.folder);
            (self.seen, self.found) = apart(move || Ok((folder.changed(), folder.list()?))).await?;
        }
        let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let there =
            self.found.range::<MessageKey, _>(behind).filter(|(_, found)| !found.is_marked_as_removed());
        let shown =
            there.map(|(key, found)| Shown { key: key.clone(), size: found.size, arrived: found.arrived });
        Ok(shown.take(limits::POLL_TURN_MESSAGES_MAX).collect())
    }

    async fn headers(&mut self, keys: &[MessageKey]) -> Result<Vec<Fetched>, SourceError> {
        self.read_wherever(keys, true).await
    }

    async fn bodies(&mut self, keys: &[MessageKey]) -> Result<Vec<Fetched>, SourceError> {
        self.read_wherever(keys, false).await
    }

    async fn missing(&mut self, keys: &[MessageKey]) -> Result<Vec<MessageKey>, SourceError> {
        let (folder, keys) = (Arc::clone(&self.folder), keys.to_vec());
        let (found, missing) = apart(move || folder.look_again(&keys, limits::MAILDIR_MESSAGES_MAX)).await?;
        self.found = found;
        Ok(missing)
    }

    async fn dispose(&mut self, keys: &[MessageKey], how: Disposal) -> Result<Disposed, SourceError> {
        let (folder, found, aside) = (Arc::clone(&self.folder), self.found(keys), self.aside.clone());
        let disposed =
            apart(move || Ok(folder.dispose(found, (how == Disposal::SetAside).then_some(&*aside)))).await?;
        for key in &disposed.gone {
            self.found.remove(key);
        }
        Ok(disposed)
    }

    async fn wait(&mut self, at_most: Duration) -> Result<(), SourceError> {
        let began = Instant::now();
        let at_most = at_most.min(Duration::from_secs(limits::MAILDIR_WAIT_SECONDS));
        while began.elapsed() < at_most {
            let folder = Arc::clone(&self.folder);
            if apart(move || Ok(folder.changed())).await? != self.seen {
                break;
            }
            let pause = Duration::from_secs(limits::MAILDIR_LOOK_SECONDS);
            tokio::time::sleep(pause.min(at_most)).await;
        }
        Ok(())
    }
}

async fn reopen(path: PathBuf) -> Result<Arc<Folder>, SourceError> {
    apart(move || Folder::open(&path).map(Arc::new)).await
}

/// On a thread that may wait for a disk.
async fn apart<T, F>(work: F) -> Result<T, SourceError>
where
    T: Send + 'static,
    F: FnOnce() -> std::io::Result<T> + Send + 'static,
{
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(std::io::Error::other("a fault of Postroom"))).map_err(trouble)
}

fn trouble(error: std::io::Error) -> SourceError {
    use std::io::ErrorKind::{NotADirectory, PermissionDenied};
    let trouble = match error.kind() {
        PermissionDenied | NotADirectory => SourceTrouble::NotOffered,
        // It may be mounted later.
        _ => SourceTrouble::Away,
    };
    SourceError { trouble, words: format!("the Maildir cannot be read: {error}") }
}
