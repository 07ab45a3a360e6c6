//! The key file: what the secrets in the database are sealed with, kept apart from them.
//!
//! What passes through: a secret in, a sealed record out, and back; `crm::secrets` does the sealing. A line of the file is
//! `<key id> <key in base64>`, the first one seals, all of them open. Blank lines and those behind `#` say nothing.
//!
//! *Invariant:* a file that is there is never written to (a new key comes by a file that takes its place), and one that the
//! settings name is never made. No key is kept in
//! memory between two calls, so whoever puts a file back need not restart anything. Nothing is logged.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crm::secrets::{self, Cell, KEY_BYTES, KeyId, Nonce, SealingKey, SecretError};
use model::{Id, limits};
use store::TokenKey;
use zeroize::Zeroizing;

use crate::house::{NoRandom, random};
use crate::settings::SecretsSection;

/// The key file in the data folder, where the settings name no other.
pub const KEY_FILE: &str = "secret.keys";

/// Where systemd puts what a service alone may read (systemd.exec(5), “Credentials”).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// What the group may not do with the file, and others neither: writing, and for others everything.
const NOT_PRIVATE: u32 = 0o027;

/// What tells one state of the file from another: the file, its size, and when it was written to.
pub(crate) type FileState = (u64, u64, u64, i64, i64);

/// Seals and opens the secrets of a house.
#[derive(Debug)]
pub struct Keyring {
    path: PathBuf,
    /// Whether the file is made where it is missing.
    is_ours: bool,
    /// Whether this process knows the file to be on the disk. Held while it is made.
    is_synced: Mutex<bool>,
}

/// Why a secret cannot be sealed or opened. What is said is fit for the log: no key and no secret stands in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The settings speak of credentials of a service, and there are none.
    #[error(
        "secrets.key_file is in $CREDENTIALS_DIRECTORY, which only the service has: run the command while it serves"
    )]
    NoCredentials,
    /// The file that the settings name is not there.
    #[error("the key file {path} is not there; `postroom settings` says at secrets.key_file how one is made")]
    NoFile {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("the key file {path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It cannot be made.
    #[error("the key file {path} cannot be made")]
    Make {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Others may read it, or the group may write to it.
    #[error("the key file {path} is open to others; `chmod 600` it")]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// It does not say what a key file says.
    #[error("the key file {path}: line {line} {why}")]
    Line {
        /// The file.
        path: PathBuf,
        /// In which line.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It is no file, has no key, or is too long.
    #[error("{path} is no key file: {why}")]
    NoKeys {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The secret was sealed with a key that is not here.
    #[error(
        "its key {key} is missing in {path}: put back the key file that it was sealed with, or give the password anew: `postroom mailbox password`"
    )]
    KeyMissing {
        /// The key.
        key: KeyId,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It cannot be sealed or opened.
    #[error(transparent)]
    Secret(SecretError),
    /// The operating system gives no random numbers.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

impl KeyringError {
    /// Whether the same call may succeed later without anybody's doing.
    pub fn is_temporary(&self) -> bool {
        matches!(self, KeyringError::Read { .. } | KeyringError::Make { .. } | KeyringError::Random(_))
    }
}

impl Keyring {
    /// The keyring of a house with this data folder; `variable` tells the environment. Nothing is read or made yet.
    ///
    /// # Errors
    /// [`KeyringError::NoCredentials`].
    pub fn new(
        section: &SecretsSection,
        data: &Path,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, KeyringError> {
        let named = &section.key_file;
        let is_ours = named.as_os_str().is_empty();
        let path = if is_ours {
            data.join(KEY_FILE)
        } else if let Ok(name) = named.strip_prefix(format!("${CREDENTIALS}")) {
            let folder = variable(CREDENTIALS).filter(|folder| !folder.is_empty());
            Path::new(&folder.ok_or(KeyringError::NoCredentials)?).join(name)
        } else {
            named.clone()
        };
        Ok(Keyring { path, is_ours, is_synced: Mutex::new(false) })
    }

    /// The key file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Seals a secret with the present key, for its cell. The first time the key file is made, and on the disk before
    /// this returns. Never within a unit of work: it reads a file and draws random bytes.
    ///
    /// # Errors
    /// [`KeyringError`]; then nothing may be kept.
    pub fn seal(&self, cell: Cell<'_>, secret: &str) -> Result<Vec<u8>, KeyringError> {
        let keys = self.present()?;
        let first = keys.first().ok_or_else(|| self.no_keys(NO_KEY))?;
        secrets::seal(first, cell, secret, Nonce::new(random()?)).map_err(KeyringError::Secret)
    }

    /// The ids of the keys, the one that seals first; none where there is no file yet.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn ids(&self) -> Result<Vec<KeyId>, KeyringError> {
        Ok(self.read()?.unwrap_or_default().iter().map(SealingKey::id).collect())
    }

    /// Whether the file is ours to make, and not one that the settings name.
    pub fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Puts a new key in front of those that are there. The file is replaced, whole, by one that has all its lines.
    ///
    /// # Errors
    /// [`KeyringError`]; then the file is as it was. [`KeyringError::NoFile`] where there is none yet.
    pub fn renew(&self) -> Result<KeyId, KeyringError> {
        let mut is_synced = self.is_synced.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |source| KeyringError::Make { path: self.path.clone(), source };
        // It is read as keys first: nothing else is carried over.
        self.read()?.ok_or_else(|| KeyringError::NoFile { path: self.path.clone() })?;
        let former = Zeroizing::new(fs::read_to_string(&self.path).map_err(failed)?);
        let id = KeyId(random()?);
        let mut text = new_file(id, &Zeroizing::new(random()?));
        text.reserve(former.len());
        let lines = former.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        // Nobody could open anything with it.
        if text.len() > limits::KEY_FILE_BYTES_MAX {
            return Err(self.no_keys("with another key it would be too long"));
        }
        write_unfinished(&self.path, &text).map_err(failed)?;
        fs::rename(self.path.with_extension("unfinished"), &self.path).map_err(failed)?;
        sync(&self.path).map_err(failed)?;
        *is_synced = true;
        Ok(id)
    }

    /// Opens a record that was sealed for this cell.
    ///
    /// # Errors
    /// [`KeyringError`]. Where the record's key is missing, or its file, it names the key.
    pub fn open(&self, cell: Cell<'_>, record: &[u8]) -> Result<Zeroizing<String>, KeyringError> {
        let keys = self.read()?.unwrap_or_default();
        secrets::open(&keys, cell, record).map_err(|error| match error {
            SecretError::KeyMissing(key) => KeyringError::KeyMissing { key, path: self.path.clone() },
            error => KeyringError::Secret(error),
        })
    }

    /// Which state of the file this is: whoever derived keys of an older one derives them anew. `None` where there is none.
    pub(crate) fn state(&self) -> Option<FileState> {
        let about = fs::metadata(&self.path).ok()?;
        Some((about.dev(), about.ino(), about.len(), about.mtime(), about.mtime_nsec()))
    }

    /// The keys for an organization's tokens, that of the first line first; the file is made where it may be.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub(crate) fn token_keys(&self, organization: Id) -> Result<Arc<[TokenKey]>, KeyringError> {
        Ok(self.present()?.iter().map(|key| crm::tokens::key_for(key, organization)).collect())
    }

    /// The keys to seal with: those of the file, which is made where it may be.
    fn present(&self) -> Result<Vec<SealingKey>, KeyringError> {
        if !self.is_ours {
            return self.read()?.ok_or_else(|| KeyringError::NoFile { path: self.path.clone() });
        }
        let mut is_synced = self.is_synced.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |source| KeyringError::Make { path: self.path.clone(), source };
        let found = match self.read()? {
            Some(keys) => keys,
            None => {
                let text = new_file(KeyId(random()?), &Zeroizing::new(random()?));
                // Where it was put there meanwhile, that one counts: it may have sealed something.
                make(&self.path, &text).map_err(failed)?;
                *is_synced = false;
                self.read()?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?
            }
        };
        // A process before this one may have made it and ended before it was on the disk.
        if !*is_synced {
            sync(&self.path).map_err(failed)?;
            *is_synced = true;
        }
        Ok(found)
    }

    /// The keys of the file; none where there is no file.
    fn read(&self) -> Result<Option<Vec<SealingKey>>, KeyringError> {
        let failed = |source| KeyringError::Read { path: self.path.clone(), source };
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let about = file.metadata().map_err(failed)?;
        if !about.is_file() {
            return Err(self.no_keys("it is something else"));
        }
        if about.permissions().mode() & NOT_PRIVATE != 0 {
            return Err(KeyringError::Open { path: self.path.clone() });
        }
        // More room than is ever filled: a buffer that moves would leave keys where it was.
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * limits::KEY_FILE_BYTES_MAX));
        let most = limits::KEY_FILE_BYTES_MAX as u64 + 1;
        file.take(most).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() > limits::KEY_FILE_BYTES_MAX {
            return Err(self.no_keys("it is too long"));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| self.no_keys("it is no text"))?;
        self.parse(text).map(Some)
    }

    fn parse(&self, text: &str) -> Result<Vec<SealingKey>, KeyringError> {
        let mut keys: Vec<SealingKey> = Vec::new();
        for (at, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |why| KeyringError::Line { path: self.path.clone(), line: at + 1, why };
            let key = key_of_line(line).map_err(wrong)?;
            if keys.iter().any(|other| other.id() == key.id()) {
                return Err(wrong("has the id of a line before it"));
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(self.no_keys(NO_KEY)) } else { Ok(keys) }
    }

    fn no_keys(&self, why: &'static str) -> KeyringError {
        KeyringError::NoKeys { path: self.path.clone(), why }
    }
}

const NO_KEY: &str = "it has no key";

/// The key of a line, or what is wrong with it. The line itself is not repeated: it holds a key.
fn key_of_line(line: &str) -> Result<SealingKey, &'static str> {
    let mut words = line.split_whitespace();
    let (Some(id), Some(key), None) = (words.next(), words.next(), words.next()) else {
        return Err("is not an id and a key");
    };
    let id = id.parse().map_err(|_| "begins with no id of eight hexadecimal digits")?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(line.len()));
    STANDARD.decode_vec(key, &mut bytes).map_err(|_| "has a key that is no base64")?;
    let bytes = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map(Zeroizing::new);
    Ok(SealingKey::new(id, bytes.map_err(|_| "has a key that is not 32 bytes long")?))
}

/// What stands in a key file that is new.
fn new_file(id: KeyId, key: &[u8; KEY_BYTES]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(512));
    text.push_str(
        "# Postroom seals passwords and tokens for other mail systems with these keys.\n\
         # Keep a copy apart from the data: without it they have to be set anew.\n",
    );
    text.push_str(&id.to_string());
    text.push(' ');
    STANDARD.encode_string(key, &mut text);
    text.push('\n');
    text
}

/// Makes a file for its owner alone, whole or not at all; one that is there stays.
fn make(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    write_unfinished(path, text)?;
    // Not renamed: that would take the place of a file that came meanwhile.
    let linked = match fs::hard_link(&unfinished, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    };
    fs::remove_file(&unfinished)?;
    linked
}

/// Writes beside a file what it shall be.
fn write_unfinished(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Brings the file and its name to the disk.
fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()?;
    match path.parent() {
        Some(folder) if folder != Path::new("") => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests;
