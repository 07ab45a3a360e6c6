//! Reads mail that was found, and hands it on in batches.
//!
//! What passes through: files, into [`Letter`]s with line ends as they travel. A file that goes away, cannot be
//! read or holds a mail too large is a [`Fault`] of the batch; the rest is read.

use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use message::identity::raw_digest;
use message::mbox::{self as lines, Form, Keeper, LeftOut, Marked};
use model::limits;

use super::mbox::{Mbox, Piece};
use super::places::{self, Found, Place};

/// One mail out of a file.
#[derive(Debug)]
pub struct Letter {
    /// The file, and the byte in it where it holds many; for people.
    pub place: String,
    /// The digest of its lasting place: file and byte, or folder and name.
    pub key: [u8; 32],
    /// Where among its neighbors it stands: copies that are near get ids that are near.
    pub order: i64,
    /// The mail.
    pub raw: Vec<u8>,
    /// Line ends other than CRLF are in it still.
    pub has_bare_line_ends: bool,
}

/// Something that could not be read.
#[derive(Debug)]
pub struct Fault {
    /// The file, and the byte in it.
    pub place: String,
    /// What is wrong with it.
    pub words: String,
}

/// What was read since the batch before.
#[derive(Debug, Default)]
pub struct Batch {
    /// Mails, in order.
    pub letters: Vec<Letter>,
    /// What could not be read.
    pub faults: Vec<Fault>,
    /// Mails and folders that were passed over, and why.
    pub left_out: Vec<LeftOut>,
    /// Mails that bear marks of deletion and the like which their senders may have written; they are among the others.
    pub doubtful: u64,
    /// Files that hold no mail.
    pub no_mail: u64,
    /// Bytes of files that lie behind.
    pub bytes: u64,
}

impl Batch {
    fn is_full(&self) -> bool {
        let bytes: usize = self.letters.iter().map(|letter| letter.raw.len()).sum();
        self.letters.len() >= limits::HISTORY_BATCH_MAX
            || bytes >= limits::HISTORY_BATCH_BYTES
            || self.faults.len() + self.left_out.len() >= limits::ROWS_PER_UNIT_MAX
    }

    fn is_empty(&self) -> bool {
        self.letters.is_empty() && self.faults.is_empty() && self.left_out.is_empty() && self.no_mail == 0
    }
}

/// A reading of a path and all that is below it.
#[derive(Debug, Clone)]
pub struct Reading {
    /// What to read.
    pub root: PathBuf,
    /// How mailbox files quote.
    pub form: Form,
}

impl Reading {
    /// Reads all of it and hands it on; ends early where `hand_on` says so. Blocks: for a thread of its own.
    pub fn read(&self, hand_on: &mut dyn FnMut(Batch) -> bool) {
        let mut desk = Desk { form: self.form, batch: Batch::default(), hand_on, goes_on: true };
        places::walk(&self.root, &mut |found| desk.take(found));
        desk.flush();
    }
}

struct Desk<'h> {
    form: Form,
    batch: Batch,
    hand_on: &'h mut dyn FnMut(Batch) -> bool,
    goes_on: bool,
}

impl Desk<'_> {
    fn take(&mut self, found: Found) -> bool {
        match found {
            Found::Mail(place) => {
                if let Err(error) = self.mail(&place) {
                    self.fault(place.path.display().to_string(), error.to_string());
                }
            }
            Found::Mbox(place) => {
                if let Err(error) = self.mbox(&place) {
                    self.fault(place.path.display().to_string(), error.to_string());
                }
            }
            Found::LeftOut(_, why) => self.batch.left_out.push(why),
            Found::NoMail(path) => self.no_mail(&path),
            Found::Fault(path, error) => self.fault(path.display().to_string(), error.to_string()),
        }
        if self.batch.is_full() {
            self.flush();
        }
        self.goes_on
    }

    fn no_mail(&mut self, path: &Path) {
        self.batch.no_mail += 1;
        // A file of this name should be one; silence would look like an empty one.
        let is_empty = path.metadata().is_ok_and(|metadata| metadata.len() == 0);
        let says_mbox = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("mbox"));
        if says_mbox && path.is_file() && !is_empty {
            let words = "it does not begin as a mailbox file does (“From ”, a sender, a date)";
            self.fault(path.display().to_string(), words.to_owned());
        }
    }

    fn mail(&mut self, place: &Place) -> io::Result<()> {
        let mut raw = Vec::new();
        let mut file = places::open(&place.path)?;
        let size = file.metadata()?.len();
        file.by_ref().take(limits::MESSAGE_BYTES_MAX as u64 + 1).read_to_end(&mut raw)?;
        self.batch.bytes += size;
        let shown = place.path.display().to_string();
        if raw.len() > limits::MESSAGE_BYTES_MAX {
            self.fault(shown, too_large(size));
            return Ok(());
        }
        if raw.is_empty() {
            self.batch.no_mail += 1;
            return Ok(());
        }
        let raw = if place.path.extension().is_some_and(|it| it.eq_ignore_ascii_case("emlx")) {
            out_of_emlx(raw)
        } else {
            raw
        };
        let key = raw_digest(place.lasting.as_os_str().as_bytes());
        self.letter(Letter {
            place: shown,
            key,
            order: place.delivered.saturating_mul(1_000),
            raw,
            has_bare_line_ends: false,
        });
        Ok(())
    }

    fn mbox(&mut self, place: &Place) -> io::Result<()> {
        let Some(mut mbox) = Mbox::open(places::open(&place.path)?, self.form)? else {
            self.no_mail(&place.path);
            return Ok(());
        };
        let (mut behind, mut keeper) = (0, Keeper::default());
        while self.goes_on
            && let Some(piece) = mbox.next_piece()?
        {
            self.batch.bytes += mbox.position() - behind;
            behind = mbox.position();
            match keeper.judge(&piece.raw) {
                Marked::LeftOut(why) => self.batch.left_out.push(why),
                marked => {
                    self.batch.doubtful += u64::from(marked == Marked::Doubtful);
                    self.piece(place, piece);
                }
            }
            if self.batch.is_full() {
                self.flush();
            }
        }
        Ok(())
    }

    fn piece(&mut self, place: &Place, piece: Piece) {
        let shown = format!("{} at byte {}", place.path.display(), piece.offset);
        if piece.is_too_large() {
            self.fault(shown, too_large(piece.size));
        } else {
            let mut key = place.lasting.as_os_str().as_bytes().to_vec();
            // No path holds a zero byte, so no other place has this key.
            key.push(0);
            key.extend_from_slice(&piece.offset.to_be_bytes());
            let order = i64::try_from(piece.offset).unwrap_or(i64::MAX);
            let key = raw_digest(&key);
            self.letter(Letter { place: shown, key, order, raw: piece.raw, has_bare_line_ends: false });
        }
    }

    fn letter(&mut self, letter: Letter) {
        let (raw, has_bare_line_ends) = lines::in_wire_form(letter.raw);
        if raw.len() > limits::MESSAGE_BYTES_MAX {
            return self.fault(letter.place, too_large(raw.len() as u64));
        }
        self.batch.letters.push(Letter { raw, has_bare_line_ends, ..letter });
    }

    fn fault(&mut self, place: String, words: String) {
        self.batch.faults.push(Fault { place, words });
    }

    fn flush(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if !batch.is_empty() || batch.bytes > 0 {
            self.goes_on = self.goes_on && (self.hand_on)(batch);
        }
    }
}

fn too_large(size: u64) -> String {
    format!("the mail has {size} bytes; no more than {} are taken", limits::MESSAGE_BYTES_MAX)
}

/// Apple Mail writes the length of the mail on a line before it, and notes of its own behind it.
fn out_of_emlx(raw: Vec<u8>) -> Vec<u8> {
    let line_end = raw.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let length =
        raw.get(..line_end).and_then(|line| std::str::from_utf8(line).ok()?.trim().parse::<usize>().ok());
    let mail = length.and_then(|length| raw.get(line_end + 1..(line_end + 1).checked_add(length)?));
    mail.map(<[u8]>::to_vec).unwrap_or(raw)
}

#[cfg(test)]
mod tests;
