//! The bytes of a message under way: in memory, or, where it is large, begun in a file on disk.
//!
//! What passes through: pieces that the session has gathered; the whole message comes out once, when its turn to
//! be read has come.
//!
//! *Invariant:* the file has no name, so nothing of a mail is left behind, however the program ends.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::in_flight::InFlight;

/// Where large messages stand while they arrive.
#[derive(Debug, Clone)]
pub struct Large {
    /// A folder that nobody else may look into.
    pub folder: PathBuf,
    /// Room on the disk for messages under way; give all doors of a house the same.
    pub room: Arc<InFlight>,
}

/// A message as received.
#[derive(Debug)]
pub struct Body {
    file: Option<File>,
    /// Bytes in the file, before the rest.
    filed_bytes: usize,
    rest: Vec<u8>,
}

impl Body {
    /// A message of which so many bytes were written to a file, and the rest is here.
    pub(crate) fn new(filed_bytes: usize, rest: Vec<u8>) -> Self {
        Body { file: None, filed_bytes, rest }
    }

    /// The file in which the message begins.
    pub(crate) fn begin_with(&mut self, file: File) {
        self.file = Some(file);
    }

    /// Whether the beginning of the message stands in a file.
    pub(crate) fn is_filed(&self) -> bool {
        self.filed_bytes > 0
    }

    /// All its bytes.
    pub fn len(&self) -> usize {
        self.filed_bytes + self.rest.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that stand in memory: all of a small message, the last of a large one.
    pub fn rest(&self) -> &[u8] {
        &self.rest
    }

    /// The whole message. Reads a file where it is large, so it may block and takes the memory only now.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(self) -> io::Result<Arc<[u8]>> {
        if self.filed_bytes == 0 {
            return Ok(self.rest.into());
        }
        let mut file = self.file.ok_or(io::ErrorKind::NotFound)?;
        file.seek(SeekFrom::Start(0))?;
        // Made in its place: a copy of a large message is what this spares.
        let mut whole: Arc<[u8]> = std::iter::repeat_n(0, self.filed_bytes + self.rest.len()).collect();
        let bytes = Arc::get_mut(&mut whole).ok_or(io::ErrorKind::Other)?;
        let (filed, rest) = bytes.split_at_mut_checked(self.filed_bytes).ok_or(io::ErrorKind::Other)?;
        file.read_exact(filed)?;
        rest.copy_from_slice(&self.rest);
        Ok(whole)
    }
}

/// A new file without a name, for its owner alone.
pub(crate) fn open_nameless(folder: &Path) -> io::Result<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!("arriving-{}-{number}.tmp", std::process::id()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_large_message_comes_back_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = open_nameless(folder.path()).unwrap();
        file.write_all(b"first and ").unwrap();
        let mut body = Body::new(10, b"last".to_vec());
        body.begin_with(file);
        assert_eq!((body.len(), body.rest()), (14, b"last".as_slice()));
        assert_eq!(&*body.read().unwrap(), b"first and last");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "it has no name");
        assert!(Body::new(10, Vec::new()).read().is_err());
        let mut short = Body::new(10, Vec::new());
        short.begin_with(open_nameless(folder.path()).unwrap());
        assert!(short.read().is_err());
    }
}
