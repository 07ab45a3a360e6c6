//! The form of a letter as it came, field by field, and the letter that it is.
//!
//! *Invariant:* whatever a browser sends, memory is bounded: each field has a limit, and so has the whole.

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use axum::http::StatusCode;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::{Timestamp, limits};
use serde::Serialize;

use crate::values::{EarlierKind, Letter, LetterFile, LetterImportance, RecordKey, RecordKind};

/// Every field as text, ready to stand in the form once more.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Typed {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) cc: String,
    pub(super) bcc: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
    /// `2026-11-27T09:30`, as browsers say a time of the clock on the wall.
    pub(super) at: String,
    pub(super) importance: String,
    pub(super) receipt: String,
    /// What is done with an earlier e-mail, and which: `reply 019a…`.
    pub(super) earlier: String,
    /// The e-mail whose files go along.
    pub(super) carries: String,
    /// The e-mail whose pictures it shows.
    pub(super) shows: String,
    /// Whether the last mail server is asked to say that it was delivered.
    pub(super) delivered: String,
    /// The record that it is about: `contacts/019a…`.
    pub(super) about: String,
    pub(super) key: String,
    /// Which state of the kept draft it began with.
    pub(super) version: String,
    /// The key under which it is kept beside that, where somebody changed it meanwhile.
    pub(super) apart: String,
    /// The name of somebody who is looked for.
    pub(super) who: String,
    /// The template that it is to be filled with.
    pub(super) template: String,
    /// Proves that the form was given to somebody who was signed in.
    pub(super) stamp: String,
    /// Which button was pressed.
    #[serde(skip)]
    pub(super) verb: String,
    /// Whoever was chosen among those who were found.
    #[serde(skip)]
    pub(super) chosen: Vec<String>,
    #[serde(skip)]
    pub(super) files: Vec<LetterFile>,
    /// Whether the end of a text was not read: what is here may not take the place of all of it.
    #[serde(skip)]
    pub(super) is_cut: bool,
    /// Whether everything but the files was read.
    #[serde(skip)]
    pub(super) is_read: bool,
}

/// Why a form was not read.
pub(super) enum Unread {
    /// It breaks off, or is none.
    Broken,
    /// It is larger than forms of letters may be.
    TooLarge,
}

impl From<MultipartError> for Unread {
    fn from(error: MultipartError) -> Self {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE { Unread::TooLarge } else { Unread::Broken }
    }
}

/// Reads a form, with its files; what was read of one that is not read to its end is there all the same.
pub(super) async fn read(form: Multipart) -> (Typed, Result<(), Unread>) {
    let mut typed = Typed::default();
    let read = read_on(form, &mut typed, (limits::WRITTEN_TEXT_BYTES_MAX, Files::Taken)).await;
    (typed, read)
}

/// Reads the form of somebody who is signed in no more, without its files. Of one that breaks off what came is there.
pub(super) async fn read_expired(form: Multipart) -> Result<Typed, Unread> {
    let mut typed = Typed::default();
    match read_on(form, &mut typed, (limits::WRITTEN_TEXT_BYTES_MAX, Files::Passed)).await {
        Err(unread) if !typed.is_cut && typed.text.is_empty() => Err(unread),
        _ => Ok(typed.ended()),
    }
}

/// Reads the beginning of the form of a stranger, up to where it was cut off: too large where its text is not in it.
pub(super) async fn read_beginning(form: Multipart) -> Result<Typed, Unread> {
    let mut typed = Typed::default();
    match read_on(form, &mut typed, (limits::WRITTEN_BY_STRANGERS_BYTES_MAX, Files::Passed)).await {
        Err(_) if typed.text.is_empty() => Err(Unread::TooLarge),
        _ => {
            // It proved nothing.
            typed.stamp.clear();
            Ok(typed.ended())
        }
    }
}

/// The stamp in the first bytes of a form: its first field.
pub(super) fn stamp_in(first: &[u8]) -> Option<&str> {
    let first = first.get(..first.len().min(STAMP_WITHIN))?;
    // The bytes may be cut within a letter further down.
    let text = match std::str::from_utf8(first) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(first.get(..error.valid_up_to())?).ok()?,
    };
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let (stamp, _) = rest.split_once("\r\n")?;
    head.contains(" name=\"stamp\"").then_some(stamp)
}

/// The stamp, its boundary and its header are shorter.
pub(super) const STAMP_WITHIN: usize = 1024;

/// What is done with the files of a form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Files {
    /// They are taken.
    Taken,
    /// They are read to their end all the same: a browser that is cut off shows no answer.
    Passed,
}

async fn read_on(
    mut form: Multipart,
    typed: &mut Typed,
    (mut room, files): (usize, Files),
) -> Result<(), Unread> {
    let mut fields = 0;
    while let Some(mut field) = form.next_field().await? {
        fields += 1;
        if fields > limits::WRITTEN_FIELDS_MAX {
            return Err(Unread::TooLarge);
        }
        if let Some(name) = field.file_name().map(str::to_owned) {
            // They are the last that somebody chose.
            typed.is_read = true;
            match files {
                Files::Passed => while field.chunk().await?.is_some() {},
                Files::Taken => {
                    let mut bytes = Vec::new();
                    taken(&mut field, limits::WRITTEN_FILES_BYTES_MAX, &mut bytes).await?;
                    // A browser sends a nameless one where nothing was chosen.
                    if !name.is_empty() {
                        typed.files.push(LetterFile { name, bytes });
                    }
                }
            }
            continue;
        }
        let name = field.name().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        let read = taken(&mut field, room, &mut bytes).await;
        room -= bytes.len();
        typed.put(&name, text(&bytes));
        if read.is_err() {
            typed.is_cut = true;
            return read;
        }
    }
    typed.is_read = true;
    Ok(())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n")
}

/// Puts the bytes of a field behind others, as far as there is room.
async fn taken(field: &mut Field<'_>, most: usize, bytes: &mut Vec<u8>) -> Result<(), Unread> {
    while let Some(chunk) = field.chunk().await? {
        let room = most.saturating_sub(bytes.len());
        bytes.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            return Err(Unread::TooLarge);
        }
    }
    Ok(())
}

impl Typed {
    /// What was read of a form that may have broken off.
    fn ended(self) -> Self {
        Typed { is_cut: self.is_cut || !self.is_read, ..self }
    }

    fn put(&mut self, name: &str, value: String) {
        let place = match name {
            "from" => &mut self.from,
            "to" => &mut self.to,
            "cc" => &mut self.cc,
            "bcc" => &mut self.bcc,
            "subject" => &mut self.subject,
            "text" => &mut self.text,
            "html" => &mut self.html,
            "at" => &mut self.at,
            "importance" => &mut self.importance,
            "receipt" => &mut self.receipt,
            "earlier" => &mut self.earlier,
            "carries" => &mut self.carries,
            "shows" => &mut self.shows,
            "delivered" => &mut self.delivered,
            "about" => &mut self.about,
            "key" => &mut self.key,
            "version" => &mut self.version,
            "apart" => &mut self.apart,
            "who" => &mut self.who,
            "template" => &mut self.template,
            "stamp" => &mut self.stamp,
            "do" => &mut self.verb,
            "chosen" => return self.chosen.push(value),
            // Of another form than ours.
            _ => return,
        };
        *place = value;
    }

    /// The letter in the words of the form.
    pub(super) fn of(letter: Letter) -> Self {
        let earlier = letter.earlier.map(|(kind, id)| format!("{} {id}", kind.name()));
        let about = letter.about.map(|key| format!("{}/{}", key.kind.path(), key.id));
        Typed {
            from: letter.from,
            to: letter.to,
            cc: letter.cc,
            bcc: letter.bcc,
            subject: letter.subject,
            text: letter.text,
            html: letter.html,
            at: letter.at.map(clock).unwrap_or_default(),
            importance: letter.importance.name().to_owned(),
            receipt: ticked(letter.wants_receipt),
            delivered: ticked(letter.wants_delivery_receipt),
            earlier: earlier.unwrap_or_default(),
            carries: letter.carries.map(|id| id.to_string()).unwrap_or_default(),
            shows: letter.shows.map(|id| id.to_string()).unwrap_or_default(),
            about: about.unwrap_or_default(),
            key: letter.key,
            version: letter.version,
            ..Typed::default()
        }
    }

    /// The letter without its files; `None` where a time was typed that is none.
    pub(super) fn letter(&self) -> Option<Letter> {
        let at = match self.at.trim() {
            "" => None,
            at => Some(instant(at)?),
        };
        Some(Letter {
            from: self.from.clone(),
            to: self.to.clone(),
            cc: self.cc.clone(),
            bcc: self.bcc.clone(),
            subject: self.subject.clone(),
            text: self.text.clone(),
            html: self.html.clone(),
            // What our own forms do not hold is left out.
            earlier: self
                .earlier
                .split_once(' ')
                .and_then(|(kind, id)| Some((EarlierKind::from_name(kind)?, id.parse().ok()?))),
            carries: self.carries.parse().ok(),
            shows: self.shows.parse().ok(),
            about: record(&self.about),
            at,
            importance: LetterImportance::from_name(&self.importance),
            wants_receipt: !self.receipt.is_empty(),
            wants_delivery_receipt: !self.delivered.is_empty(),
            key: self.key.clone(),
            version: self.version.clone(),
            files: Vec::new(),
        })
    }

    /// Puts whoever was chosen behind those who stand in a field.
    pub(super) fn add_chosen(&mut self, field: &str) {
        let place = match field {
            "cc" => &mut self.cc,
            "bcc" => &mut self.bcc,
            _ => &mut self.to,
        };
        for chosen in self.chosen.drain(..) {
            let so_far = place.trim_end().trim_end_matches([',', ';']);
            *place = if so_far.is_empty() { chosen } else { format!("{so_far}, {chosen}") };
        }
        self.who.clear();
    }
}

/// What a box that is ticked, or not, sends.
fn ticked(is_ticked: bool) -> String {
    if is_ticked { "yes".to_owned() } else { String::new() }
}

/// A record as an address of the pages names it.
pub(super) fn record(text: &str) -> Option<RecordKey> {
    let (path, id) = text.split_once('/')?;
    let kinds = [RecordKind::Contact, RecordKind::Account, RecordKind::Lead];
    let kind = kinds.into_iter().find(|kind| kind.path() == path)?;
    Some(RecordKey { kind, id: id.parse().ok()? })
}

/// A time of the clock where this machine stands, as on all pages.
fn instant(text: &str) -> Option<Timestamp> {
    let time: DateTime = text.parse().ok()?;
    let time = time.to_zoned(TimeZone::system()).ok()?.timestamp();
    Some(Timestamp(time.as_millisecond()))
}

fn clock(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.0).unwrap_or_default();
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%dT%H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_survives_its_form() {
        let id = model::Id([7; 16]);
        let letter = Letter {
            to: "Zoë <zoe@x.test>".to_owned(),
            earlier: Some((EarlierKind::ReplyAll, id)),
            carries: Some(id),
            shows: Some(id),
            wants_delivery_receipt: true,
            about: Some(RecordKey { kind: RecordKind::Lead, id }),
            at: Some(Timestamp(1_795_425_300_000)),
            importance: LetterImportance::High,
            wants_receipt: true,
            version: "3f".to_owned(),
            ..Letter::default()
        };
        let again = Typed::of(letter.clone()).letter().unwrap();
        assert_eq!((again.to, again.earlier, again.carries), (letter.to, letter.earlier, letter.carries));
        assert!(again.shows == letter.shows && again.wants_delivery_receipt);
        assert_eq!(again.version, letter.version);
        assert_eq!((again.about, again.at), (letter.about, letter.at));
        assert_eq!((again.importance, again.wants_receipt), (letter.importance, letter.wants_receipt));
        assert!(Typed { at: "soon".to_owned(), ..Typed::default() }.letter().is_none());
        for odd in ["contacts", "contacts/x", "users/0199", "/", ""] {
            assert_eq!(record(odd), None, "{odd}");
        }
    }

    #[test]
    fn who_is_chosen_stands_behind_the_others() {
        let mut typed = Typed { to: "a@x.test;\n".to_owned(), ..Typed::default() };
        typed.chosen = vec!["B <b@x.test>".to_owned(), "c@x.test".to_owned()];
        typed.add_chosen("to");
        assert_eq!(typed.to, "a@x.test, B <b@x.test>, c@x.test");
        typed.chosen = vec!["d@x.test".to_owned()];
        typed.add_chosen("bcc");
        assert_eq!(typed.bcc, "d@x.test");
    }
}
