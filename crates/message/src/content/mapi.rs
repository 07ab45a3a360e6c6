//! Properties of MAPI as TNEF carries them ([MS-OXTNEF] §2.1.3.4). What passes through: lists of properties.
//!
//! Keeps only what a mail is made of; never fails: a list that breaks off is as long as it could be read.

use std::borrow::Cow;

use model::limits;

use super::bytes::Bytes;
use crate::charset;

/// Ids of properties ([MS-OXPROPS]).
pub(super) mod id {
    pub(in crate::content) const MESSAGE_CLASS: u16 = 0x001a;
    pub(in crate::content) const SUBJECT: u16 = 0x0037;
    pub(in crate::content) const SUBMITTED: u16 = 0x0039;
    pub(in crate::content) const REPRESENTING_NAME: u16 = 0x0042;
    pub(in crate::content) const REPRESENTING_ADDRESS: u16 = 0x0065;
    pub(in crate::content) const RECIPIENT_TYPE: u16 = 0x0c15;
    pub(in crate::content) const SENDER_NAME: u16 = 0x0c1a;
    pub(in crate::content) const SENDER_ADDRESS: u16 = 0x0c1f;
    pub(in crate::content) const DELIVERED: u16 = 0x0e06;
    pub(in crate::content) const BODY: u16 = 0x1000;
    pub(in crate::content) const RTF: u16 = 0x1009;
    pub(in crate::content) const HTML: u16 = 0x1013;
    pub(in crate::content) const MESSAGE_ID: u16 = 0x1035;
    pub(in crate::content) const REFERENCES: u16 = 0x1039;
    pub(in crate::content) const IN_REPLY_TO: u16 = 0x1042;
    pub(in crate::content) const NAME: u16 = 0x3001;
    pub(in crate::content) const ADDRESS: u16 = 0x3003;
    pub(in crate::content) const ATTACH_DATA: u16 = 0x3701;
    pub(in crate::content) const ATTACH_FILENAME: u16 = 0x3704;
    pub(in crate::content) const ATTACH_METHOD: u16 = 0x3705;
    pub(in crate::content) const ATTACH_LONG_FILENAME: u16 = 0x3707;
    pub(in crate::content) const ATTACH_MIME_TAG: u16 = 0x370e;
    pub(in crate::content) const ATTACH_CONTENT_ID: u16 = 0x3712;
    pub(in crate::content) const SMTP_ADDRESS: u16 = 0x39fe;
    pub(in crate::content) const INTERNET_CODEPAGE: u16 = 0x3fde;
    pub(in crate::content) const MESSAGE_CODEPAGE: u16 = 0x3ffd;
    pub(in crate::content) const SENDER_SMTP: u16 = 0x5d01;
    pub(in crate::content) const REPRESENTING_SMTP: u16 = 0x5d02;
}

/// What a property holds; of many values the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'x> {
    /// Whole numbers and truth values.
    Number(i64),
    /// 100 ns since 1601 (PtypTime).
    Time(u64),
    /// In the code page of the stream (PtypString8).
    Narrow(&'x [u8]),
    /// UTF-16 (PtypString).
    Wide(&'x [u8]),
    /// PtypBinary.
    Binary(&'x [u8]),
    /// PtypObject, without the id of its interface.
    Object(&'x [u8]),
    /// Anything else.
    Other,
}

/// A list of properties; named ones are left out, for no mail is made of them.
#[derive(Debug, Default)]
pub(super) struct Properties<'x> {
    all: Vec<(u16, Value<'x>)>,
    /// Whether the list broke off.
    pub(super) is_damaged: bool,
}

impl<'x> Properties<'x> {
    /// Reads a list and goes on behind it.
    pub(super) fn read(bytes: &mut Bytes<'x>) -> Self {
        let mut list = Properties::default();
        let Some(count) = bytes.count() else { return Properties { is_damaged: true, ..list } };
        for _ in 0..count {
            if list.all.len() >= limits::MAPI_PROPERTIES_MAX {
                list.is_damaged = true;
                break;
            }
            let Some((id, value)) = property(bytes) else {
                list.is_damaged = true;
                break;
            };
            list.all.push((id, value));
        }
        list
    }

    pub(super) fn get(&self, id: u16) -> Option<Value<'x>> {
        self.all.iter().find(|(known, _)| *known == id).map(|(_, value)| *value)
    }

    pub(super) fn number(&self, id: u16) -> Option<i64> {
        match self.get(id) {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    /// A text, without what stands behind its first NUL; `None` where it is empty.
    pub(super) fn text(&self, id: u16, codepage: u32) -> Option<String> {
        let text = text(self.get(id)?, codepage)?;
        let text = text.split('\0').next().unwrap_or_default();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// A value as text.
pub(super) fn text(value: Value<'_>, codepage: u32) -> Option<Cow<'_, str>> {
    match value {
        Value::Wide(bytes) => Some(Cow::Owned(utf16(bytes))),
        Value::Narrow(bytes) => {
            let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
            Some(charset::decode(bytes, Some(&label(codepage))))
        }
        _ => None,
    }
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| pair.try_into().map_or(0, u16::from_le_bytes));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// The name of a code page of Windows, as charsets are called.
pub(super) fn label(codepage: u32) -> String {
    let known = match codepage {
        932 => "shift_jis",
        936 => "gbk",
        949 => "euc-kr",
        950 => "big5",
        1200 => "utf-16le",
        10_000 => "macintosh",
        20_127 => "us-ascii",
        20_866 => "koi8-r",
        21_866 => "koi8-u",
        50_220..=50_222 => "iso-2022-jp",
        51_932 => "euc-jp",
        51_949 => "euc-kr",
        54_936 => "gb18030",
        65_000 => "utf-7",
        65_001 => "utf-8",
        28_591..=28_605 => return format!("iso-8859-{}", codepage - 28_590),
        874 | 1_250..=1_258 => return format!("windows-{codepage}"),
        437 | 737 | 775 | 850..=869 => return format!("cp{codepage}"),
        _ => "windows-1252",
    };
    known.to_owned()
}

/// Properties with this id and above have a name ([MS-OXTNEF] §2.1.3.4.2).
const NAMED_MIN: u16 = 0x8000;
const MANY: u16 = 0x1000;

/// One property. A named one is read and gets the id 0, which none has.
fn property<'x>(bytes: &mut Bytes<'x>) -> Option<(u16, Value<'x>)> {
    let kind = bytes.u16()?;
    let mut id = bytes.u16()?;
    if id >= NAMED_MIN {
        bytes.take(16)?;
        match bytes.u32()? {
            0 => drop(bytes.u32()?),
            _ => {
                let length = bytes.count()?;
                bytes.padded(length)?;
            }
        }
        id = 0;
    }
    let (is_many, kind) = (kind & MANY != 0, kind & !MANY);
    if !is_many && !is_variable(kind) {
        return Some((id, fixed(kind, bytes)?));
    }
    let count = bytes.count()?;
    let mut first = None;
    for _ in 0..count {
        let value = if is_variable(kind) {
            let length = bytes.count()?;
            variable(kind, bytes.padded(length)?)
        } else {
            fixed(kind, bytes)?
        };
        first = first.or(Some(value));
    }
    Some((id, first.unwrap_or(Value::Other)))
}

fn is_variable(kind: u16) -> bool {
    matches!(kind, 0x000d | 0x001e | 0x001f | 0x0102)
}

fn variable(kind: u16, value: &[u8]) -> Value<'_> {
    match kind {
        0x001e => Value::Narrow(value),
        0x001f => Value::Wide(value),
        0x0102 => Value::Binary(value),
        // The first 16 bytes say by which interface it was written.
        _ => Value::Object(value.get(16..).unwrap_or_default()),
    }
}

/// Values of a size that their type says ([MS-OXCDATA] §2.11.1), padded to four bytes.
fn fixed<'x>(kind: u16, bytes: &mut Bytes<'_>) -> Option<Value<'x>> {
    let size = match kind {
        0x0002 | 0x000b => 2,
        0x0000 | 0x0001 | 0x0003 | 0x0004 | 0x000a => 4,
        0x0005..=0x0007 | 0x0014 | 0x0040 => 8,
        0x0048 => 16,
        _ => return None,
    };
    let value = bytes.padded(size)?;
    let mut wide = [0; 8];
    wide.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
    let number = i64::from_le_bytes(wide);
    Some(match kind {
        0x0040 => Value::Time(u64::from_le_bytes(wide)),
        0x0002 | 0x000b | 0x0003 | 0x0014 => Value::Number(number),
        _ => Value::Other,
    })
}
