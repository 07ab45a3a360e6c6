//! A folder out of which a mail server picks up mail, a file each, as Exchange and IIS do: `X-Sender` and `X-Receiver` on top are
//! its envelope.
//!
//! *Invariant:* under the name that the server looks for there is a whole mail or none, and it lies on the disk. A mail that is
//! tried again has the same name.

use std::fs::{self, File};
use std::future::Future;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use send::{Parcel, Tried};

use super::way::{TAKEN_BACK, all, not_sent, uncertain};

/// A pickup folder.
pub(super) struct Pickup {
    folder: Arc<Path>,
    /// Of files that are being written: nobody else has it.
    word: String,
}

const ENVELOPE: [&str; 2] = ["X-Sender", "X-Receiver"];

impl Pickup {
    /// The folder, where it is there.
    pub(super) fn at(folder: PathBuf, nonce: &[u8]) -> Result<Self, String> {
        match fs::metadata(&folder) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(format!("{} is no folder", folder.display())),
            Err(error) => {
                return Err(format!("the pickup folder {} is not there: {error}", folder.display()));
            }
        }
        let word = nonce.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Pickup { folder: folder.into(), word })
    }

    /// See [`send::Carrier::send`].
    pub(super) async fn send(&self, parcel: &Parcel, may_end: impl Future<Output = bool> + Send) -> Tried {
        if names_an_envelope(&parcel.raw) {
            return all(
                parcel,
                554,
                "5.6.0 The mail itself has a field that a pickup folder takes for its envelope",
            );
        }
        let begun = Begun(self.folder.join(format!(".{}.{}.tmp", parcel.name, self.word)));
        let (path, top, raw) = (begun.0.clone(), envelope(parcel), Arc::clone(&parcel.raw));
        if let Err(error) = on_disk(move || write(&path, [top.as_bytes(), &raw])).await {
            return not_sent(format!("nothing can be written to {}: {error}", self.folder.display()));
        }
        if !may_end.await {
            return not_sent(TAKEN_BACK);
        }
        let (from, to) = (begun.0.clone(), self.folder.join(format!("{}.eml", parcel.name)));
        if let Err(error) = on_disk(move || fs::rename(from, to)).await {
            let words = format!("no name can be given in {}: {error}", self.folder.display());
            // By a network the name may have been given, and the answer lost. Whoever removes the file under its first name knows better.
            let left = begun.0.clone();
            return match on_disk(move || fs::remove_file(left)).await {
                Ok(()) => not_sent(words),
                Err(_) => uncertain(words),
            };
        }
        let folder = Arc::clone(&self.folder);
        match on_disk(move || File::open(folder)?.sync_all()).await {
            Ok(()) => all(parcel, 250, &format!("2.0.0 lies there as {}.eml", parcel.name)),
            Err(error) => uncertain(format!("{} may forget the mail: {error}", self.folder.display())),
        }
    }
}

/// A file under a name that nobody looks for; it goes where it was not renamed.
struct Begun(PathBuf);

impl Drop for Begun {
    fn drop(&mut self) {
        // Renamed, mostly.
        drop(fs::remove_file(&self.0));
    }
}

/// A reader of mail may take a folder's time; others do not wait for it.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(io::Error::other("a fault of Postroom")))
}

fn write(path: &Path, parts: [&[u8]; 2]) -> io::Result<()> {
    let mut file = File::create(path)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.sync_all()
}

fn envelope(parcel: &Parcel) -> String {
    let sender = if parcel.mail_from.is_empty() { "<>" } else { &parcel.mail_from };
    let [from, to] = ENVELOPE;
    let recipients = parcel.recipients.iter().map(|address| format!("{to}: {address}\r\n"));
    [format!("{from}: {sender}\r\n")].into_iter().chain(recipients).collect()
}

/// Whether a field of the mail's own would be read as another recipient.
fn names_an_envelope(raw: &[u8]) -> bool {
    let mut lines = raw.split(|byte| *byte == b'\n').take_while(|line| !line.trim_ascii().is_empty());
    let is = |line: &[u8], name: &str| {
        let field = line.split(|byte| *byte == b':').next().unwrap_or_default();
        field.trim_ascii().eq_ignore_ascii_case(name.as_bytes())
    };
    lines.any(|line| ENVELOPE.iter().any(|name| is(line, name)))
}

#[cfg(test)]
mod tests;
