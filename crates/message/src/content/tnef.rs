//! The Transport-Neutral Encapsulation Format of Outlook, `winmail.dat` ([MS-OXTNEF]). What passes through: a stream.
//!
//! Borrows what the stream holds; never fails: a stream that breaks off is as long as it could
//! be read, and says so.

mod letter;

use model::limits;

use super::bytes::Bytes;
use super::mapi::{self, Properties, Value, id};
use super::parts::Body;
use super::room::Room;
use super::rtf;
use crate::charset;
pub(super) use letter::letter;

/// The first bytes of a stream: 0x223e9f78, the lowest byte first.
pub(super) const SIGNATURE: [u8; 4] = [0x78, 0x9f, 0x3e, 0x22];

/// A stream that was read.
#[derive(Debug, Default)]
pub(super) struct Tnef<'x> {
    /// All of it.
    pub(super) stream: &'x [u8],
    /// The code page of its narrow texts.
    codepage: u32,
    /// attMsgProps, else what the older attributes say.
    properties: Properties<'x>,
    /// attBody.
    plain: Option<&'x [u8]>,
    /// attSubject.
    subject: Option<&'x [u8]>,
    /// attMessageClass.
    class: Option<&'x [u8]>,
    /// attRecipTable.
    recipients: Vec<Properties<'x>>,
    pub(super) attachments: Vec<Attached<'x>>,
    /// Whether it broke off: what was behind is not here.
    pub(super) is_cut: bool,
    /// Whether a checksum was wrong, as in streams that something changed on the way. All of it could be read.
    pub(super) is_changed: bool,
}

/// One attachment of a stream.
#[derive(Debug, Default)]
pub(super) struct Attached<'x> {
    /// attAttachTitle.
    title: Option<&'x [u8]>,
    /// attAttachData.
    data: Option<&'x [u8]>,
    /// attAttachment.
    properties: Properties<'x>,
    codepage: u32,
}

/// What an attachment is.
pub(super) enum Data<'x> {
    File(&'x [u8]),
    /// A message inside, as a stream of its own.
    Message(&'x [u8]),
    /// An object of another program, or nothing.
    None,
}

/// attRecipTable and its like ([MS-OXTNEF] §2.1.3.2): the lower half of the number; the upper one is its type.
mod attribute {
    pub(super) const SUBJECT: u16 = 0x8004;
    pub(super) const CLASS: u16 = 0x8008;
    pub(super) const BODY: u16 = 0x800c;
    pub(super) const DATA: u16 = 0x800f;
    pub(super) const TITLE: u16 = 0x8010;
    pub(super) const RENDERING: u16 = 0x9002;
    pub(super) const PROPERTIES: u16 = 0x9003;
    pub(super) const RECIPIENTS: u16 = 0x9004;
    pub(super) const ATTACHMENT: u16 = 0x9005;
    pub(super) const CODEPAGE: u16 = 0x9007;
}

/// Reads a stream.
pub(super) fn read(stream: &[u8]) -> Tnef<'_> {
    let mut tnef = Tnef { stream, codepage: DEFAULT_CODEPAGE, ..Tnef::default() };
    let mut bytes = Bytes::new(stream);
    if bytes.take(4) != Some(&SIGNATURE[..]) || bytes.u16().is_none() {
        tnef.is_cut = true;
        return tnef;
    }
    for _ in 0..limits::TNEF_ATTRIBUTES_MAX {
        // Mail systems add line ends and signatures behind it.
        if !matches!(bytes.rest().first(), Some(1 | 2)) {
            return tnef;
        }
        if tnef.attribute(&mut bytes).is_none() {
            tnef.is_cut = true;
            return tnef;
        }
    }
    tnef.is_cut |= !bytes.is_empty();
    tnef
}

const DEFAULT_CODEPAGE: u32 = 1_252;

impl<'x> Tnef<'x> {
    /// One attribute: level, number, length, value, checksum.
    fn attribute(&mut self, bytes: &mut Bytes<'x>) -> Option<()> {
        let _level = bytes.byte()?;
        let number = bytes.u16()?;
        let _kind = bytes.u16()?;
        let length = bytes.count()?;
        let value = bytes.take(length)?;
        let sum = value.iter().fold(0u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
        // Some writers put no checksum behind the last value, and some wrong ones.
        self.is_changed |= bytes.u16() != Some(sum);
        self.take(number, value);
        Some(())
    }

    fn take(&mut self, number: u16, value: &'x [u8]) {
        match number {
            attribute::CODEPAGE => self.codepage = Bytes::new(value).u32().unwrap_or(self.codepage),
            attribute::BODY => self.plain = Some(value),
            attribute::SUBJECT => self.subject = Some(value),
            attribute::CLASS => self.class = Some(value),
            attribute::PROPERTIES => {
                self.properties = Properties::read(&mut Bytes::new(value));
                self.is_cut |= self.properties.is_damaged;
            }
            attribute::RECIPIENTS => self.recipients = recipients(value),
            attribute::RENDERING => {
                let codepage = self.codepage;
                self.attachments.push(Attached { codepage, ..Attached::default() });
            }
            attribute::TITLE => self.attach(|it| it.title = Some(value)),
            attribute::DATA => self.attach(|it| it.data = Some(value)),
            attribute::ATTACHMENT => {
                let properties = Properties::read(&mut Bytes::new(value));
                self.is_cut |= properties.is_damaged;
                self.attach(|it| it.properties = properties);
            }
            _ => {}
        }
    }

    /// Changes the attachment that attributes belong to now.
    fn attach(&mut self, change: impl FnOnce(&mut Attached<'x>)) {
        if self.attachments.is_empty() {
            self.attachments.push(Attached { codepage: self.codepage, ..Attached::default() });
        }
        if let Some(last) = self.attachments.last_mut() {
            change(last);
        }
    }

    /// The class of the message, which says how it is signed: `IPM.Note.SMIME`.
    pub(super) fn class(&self) -> String {
        let old = || self.class.map(|class| narrow(class, self.codepage));
        self.properties.text(id::MESSAGE_CLASS, self.codepage).or_else(old).unwrap_or_default()
    }

    /// Its text in the forms that it has: HTML, also where it is wrapped in rich text ([MS-OXRTFEX]), and plain.
    pub(super) fn body(&self, room: &mut Room) -> Body {
        let properties = &self.properties;
        let rich = match properties.get(id::RTF) {
            Some(Value::Binary(compressed)) if !room.is_used_up() => rtf::decompressed(compressed)
                .filter(|rich| room.take(rich.len()))
                .map(|rich| rtf::read(&rich)),
            _ => None,
        };
        let (rich_html, rich_plain) = match rich {
            Some(rtf::Text::Html(html)) => (Some(html), None),
            Some(rtf::Text::Plain(plain)) => (None, Some(plain)),
            None => (None, None),
        };
        let html = match properties.get(id::HTML) {
            Some(Value::Binary(bytes)) => {
                let codepage = properties.number(id::INTERNET_CODEPAGE).and_then(|it| u32::try_from(it).ok());
                Some(charset::decode(bytes, codepage.map(mapi::label).as_deref()).into_owned())
            }
            Some(value) => mapi::text(value, self.codepage).map(String::from),
            None => None,
        };
        let narrow_body = || self.plain.map(|plain| narrow(plain, self.codepage));
        let plain = properties.text(id::BODY, self.message_codepage()).or_else(narrow_body);
        let is_said = |text: &String| !text.trim_matches(['\0', ' ', '\r', '\n', '\t']).is_empty();
        let html = html.filter(is_said).or(rich_html).filter(is_said);
        Body { html, plain: plain.filter(is_said).or(rich_plain).filter(is_said) }
    }

    fn message_codepage(&self) -> u32 {
        let given = self.properties.number(id::MESSAGE_CODEPAGE).and_then(|it| u32::try_from(it).ok());
        given.filter(|codepage| *codepage != 1200).unwrap_or(self.codepage)
    }
}

fn recipients(value: &[u8]) -> Vec<Properties<'_>> {
    let mut bytes = Bytes::new(value);
    let count = bytes.count().unwrap_or(0).min(limits::PARTIES_MAX);
    let mut all = Vec::new();
    for _ in 0..count {
        let row = Properties::read(&mut bytes);
        let is_damaged = row.is_damaged;
        all.push(row);
        if is_damaged {
            break;
        }
    }
    all
}

/// A narrow text up to its first NUL.
fn narrow(bytes: &[u8], codepage: u32) -> String {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    charset::decode(bytes, Some(&mapi::label(codepage))).into_owned()
}

/// PidTagAttachMethod 5: a message inside.
const EMBEDDED: i64 = 5;

impl<'x> Attached<'x> {
    /// Its name as given; may be empty.
    pub(super) fn name(&self) -> String {
        let given = |id| self.properties.text(id, self.codepage);
        let title = || self.title.map(|title| narrow(title, self.codepage)).filter(|title| !title.is_empty());
        given(id::ATTACH_LONG_FILENAME)
            .or_else(title)
            .or_else(|| given(id::ATTACH_FILENAME))
            .or_else(|| given(id::NAME))
            .unwrap_or_default()
    }

    /// Its type as given.
    pub(super) fn mimetype(&self) -> Option<String> {
        self.properties.text(id::ATTACH_MIME_TAG, self.codepage)
    }

    /// Its Content-ID as given.
    pub(super) fn content_id(&self) -> Option<String> {
        self.properties.text(id::ATTACH_CONTENT_ID, self.codepage)
    }

    /// What it holds.
    pub(super) fn data(&self) -> Data<'x> {
        let is_message = self.properties.number(id::ATTACH_METHOD).is_none_or(|method| method == EMBEDDED);
        match (self.properties.get(id::ATTACH_DATA), self.data) {
            (Some(Value::Object(stream)), _) if is_message && stream.starts_with(&SIGNATURE) => {
                Data::Message(stream)
            }
            (Some(Value::Binary(bytes)), _) | (_, Some(bytes)) => Data::File(bytes),
            (Some(Value::Object(bytes)), None) if !bytes.is_empty() => Data::File(bytes),
            _ => Data::None,
        }
    }
}
