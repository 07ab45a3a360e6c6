//! Rich text of Outlook: decompressed ([MS-OXRTFCP]), and the HTML or plain text that it wraps ([MS-OXRTFEX]).
//!
//! What passes through: the property PidTagRtfCompressed. Grows to no more than `RTF_BYTES_MAX`; formatting that
//! wraps no HTML is left out, for the text is what counts.

mod token;

use std::collections::HashMap;

use model::limits;

use super::bytes::Bytes;
use super::mapi;
use crate::charset;
use token::{Token, Tokens};

/// What every dictionary begins with ([MS-OXRTFCP] §2.1.2.1).
const PRELOADED: &[u8] =
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \
\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \
\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

const DICTIONARY_BYTES: usize = 4096;
/// "LZFu", and "MELA" for text that is not compressed.
const COMPRESSED: u32 = 0x7546_5a4c;
const UNCOMPRESSED: u32 = 0x414c_454d;

/// The rich text of a compressed one, as far as it goes; `None` where it is none.
pub(super) fn decompressed(compressed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Bytes::new(compressed);
    let (_size, plain_size, kind, _checksum) = (bytes.count()?, bytes.count()?, bytes.u32()?, bytes.u32()?);
    let size_max = plain_size.min(limits::RTF_BYTES_MAX);
    match kind {
        UNCOMPRESSED => {
            let plain = bytes.rest();
            Some(plain.get(..size_max).unwrap_or(plain).to_vec())
        }
        COMPRESSED => {
            let mut out = Dictionary::new(size_max);
            let _ends_early = out.expand(&mut bytes);
            Some(out.written)
        }
        _ => None,
    }
}

/// What was written, and the last 4,096 bytes of it, to which references point.
struct Dictionary {
    ring: [u8; DICTIONARY_BYTES],
    at: usize,
    written: Vec<u8>,
    size_max: usize,
}

impl Dictionary {
    fn new(size_max: usize) -> Self {
        let mut ring = [0; DICTIONARY_BYTES];
        ring.iter_mut().zip(PRELOADED).for_each(|(to, from)| *to = *from);
        Dictionary { ring, at: PRELOADED.len(), written: Vec::new(), size_max }
    }

    fn put(&mut self, byte: u8) -> Option<()> {
        *self.ring.get_mut(self.at)? = byte;
        self.at = (self.at + 1) % DICTIONARY_BYTES;
        self.written.push(byte);
        (self.written.len() < self.size_max).then_some(())
    }

    /// Runs until the reference that means the end; `None` where the bytes or the room end before.
    fn expand(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        loop {
            let flags = bytes.byte()?;
            for bit in 0..8 {
                if flags >> bit & 1 == 0 {
                    self.put(bytes.byte()?)?;
                    continue;
                }
                let reference = u16::from_be_bytes([bytes.byte()?, bytes.byte()?]);
                let (from, length) = (usize::from(reference >> 4), usize::from(reference & 0xf) + 2);
                if from == self.at {
                    return Some(());
                }
                for step in 0..length {
                    let byte = self.ring.get((from + step) % DICTIONARY_BYTES).copied()?;
                    self.put(byte)?;
                }
            }
        }
    }
}

/// What a rich text says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// The HTML that it was made of.
    Html(String),
    /// Its characters.
    Plain(String),
}

/// Reads rich text.
pub(super) fn read(rich: &[u8]) -> Text {
    let mut reader = Reader::new();
    for token in Tokens::new(rich) {
        if reader.take(token).is_none() {
            break;
        }
    }
    reader.flush();
    if reader.is_html { Text::Html(reader.out) } else { Text::Plain(reader.out) }
}

/// What holds inside one group.
#[derive(Clone, Copy)]
struct Group {
    /// Nothing in it is text.
    is_left_out: bool,
    /// `\*\htmltag`: a tag, copied as it is.
    is_tag: bool,
    /// `\htmlrtf`: what only readers of rich text see.
    is_for_rich: bool,
    is_font_table: bool,
    codepage: u32,
    font: i32,
    /// Bytes that stand for the same character behind a `\u`.
    replacement: usize,
}

struct Reader {
    group: Group,
    outer: Vec<Group>,
    fonts: HashMap<i32, u32>,
    codepage: u32,
    is_html: bool,
    /// The last token was `\*`.
    is_optional: bool,
    /// Bytes still to be left out behind a `\u`.
    replaced: usize,
    high_surrogate: Option<u16>,
    narrow: Vec<u8>,
    out: String,
}

const DEFAULT_CODEPAGE: u32 = 1_252;
/// Fonts of one text; Word names a few hundred.
const FONTS_MAX: usize = 4_096;

impl Reader {
    fn new() -> Self {
        let group = Group {
            is_left_out: false,
            is_tag: false,
            is_for_rich: false,
            is_font_table: false,
            codepage: DEFAULT_CODEPAGE,
            font: 0,
            replacement: 1,
        };
        Reader {
            group,
            outer: Vec::new(),
            fonts: HashMap::new(),
            codepage: DEFAULT_CODEPAGE,
            is_html: false,
            is_optional: false,
            replaced: 0,
            high_surrogate: None,
            narrow: Vec::new(),
            out: String::new(),
        }
    }

    /// `None` ends the reading.
    fn take(&mut self, token: Token<'_>) -> Option<()> {
        match token {
            Token::Open => {
                self.flush();
                self.replaced = 0;
                if self.outer.len() >= limits::RTF_DEPTH_MAX {
                    return None;
                }
                self.outer.push(self.group);
            }
            Token::Close => {
                self.flush();
                self.replaced = 0;
                self.group = self.outer.pop()?;
            }
            Token::Optional => {
                self.is_optional = true;
                return Some(());
            }
            Token::Byte(byte) => self.narrow_byte(byte),
            Token::Bytes(bytes) => bytes.iter().for_each(|byte| self.narrow_byte(*byte)),
            Token::Symbol(symbol) => self.symbol(symbol),
            Token::Word(name, number) => self.word(name, number),
        }
        self.is_optional = false;
        Some(())
    }

    fn is_shown(&self) -> bool {
        !self.group.is_left_out && (self.group.is_tag || !(self.is_html && self.group.is_for_rich))
    }

    fn narrow_byte(&mut self, byte: u8) {
        if self.replaced > 0 {
            self.replaced -= 1;
        } else if self.is_shown() {
            self.narrow.push(byte);
        }
    }

    fn symbol(&mut self, symbol: char) {
        match symbol {
            '~' => self.put('\u{a0}'),
            '_' => self.put('\u{2011}'),
            '-' => {}
            '\r' | '\n' => self.line_end(),
            other => self.put(other),
        }
    }

    fn put(&mut self, c: char) {
        if self.is_shown() {
            self.flush();
            self.out.push(c);
        }
    }

    fn line_end(&mut self) {
        if self.is_shown() {
            self.flush();
            self.out.push_str("\r\n");
        }
    }

    /// Bytes gathered so far, as characters of their code page.
    fn flush(&mut self) {
        if !self.narrow.is_empty() {
            let codepage = if self.group.is_tag { self.codepage } else { self.group.codepage };
            self.out.push_str(&charset::decode(&self.narrow, Some(&mapi::label(codepage))));
            self.narrow.clear();
        }
    }

    fn word(&mut self, name: &str, number: Option<i32>) {
        match name {
            "htmltag" if self.is_optional => self.group.is_tag = true,
            _ if self.is_optional => self.group.is_left_out = true,
            "fromhtml" => self.is_html = number.unwrap_or(1) == 1,
            "htmlrtf" => {
                self.flush();
                self.group.is_for_rich = number.unwrap_or(1) != 0;
            }
            "fonttbl" => {
                self.group.is_font_table = true;
                self.group.is_left_out = true;
            }
            "colortbl" | "stylesheet" | "info" | "pict" | "object" | "header" | "headerl" | "headerr"
            | "headerf" | "footer" | "footerl" | "footerr" | "footerf" | "listtable"
            | "listoverridetable" | "revtbl" | "xe" | "tc" | "themedata" | "datastore" => {
                self.group.is_left_out = true;
            }
            "ansicpg" => {
                self.codepage = number.and_then(|it| u32::try_from(it).ok()).unwrap_or(DEFAULT_CODEPAGE);
                self.group.codepage = self.codepage;
            }
            "f" => self.font(number.unwrap_or(0)),
            "plain" if !self.group.is_font_table => {
                self.flush();
                self.group.codepage = self.codepage;
            }
            "fcharset" if self.group.is_font_table && self.fonts.len() < FONTS_MAX => {
                let codepage = of_charset(number.unwrap_or(0)).unwrap_or(self.codepage);
                self.fonts.insert(self.group.font, codepage);
            }
            "uc" => self.group.replacement = usize::try_from(number.unwrap_or(1)).unwrap_or(1).min(16),
            "u" => self.unicode(number.unwrap_or(0)),
            _ => self.character(name),
        }
    }

    fn font(&mut self, font: i32) {
        self.flush();
        self.group.font = font;
        if !self.group.is_font_table {
            self.group.codepage = self.fonts.get(&font).copied().unwrap_or(self.codepage);
        }
    }

    /// A UTF-16 unit as a signed number; the bytes behind it are for readers that do not know it.
    fn unicode(&mut self, number: i32) {
        self.replaced = self.group.replacement;
        let unit = u16::try_from(number & 0xffff).unwrap_or(0);
        let high = self.high_surrogate.take();
        let units: Vec<u16> = high.into_iter().chain([unit]).collect();
        if (0xd800..0xdc00).contains(&unit) {
            self.high_surrogate = Some(unit);
            return;
        }
        for c in char::decode_utf16(units).flatten() {
            self.put(c);
        }
    }

    /// Words that stand for a character.
    fn character(&mut self, name: &str) {
        match name {
            "par" | "line" | "sect" | "page" | "row" => self.line_end(),
            "tab" | "cell" | "nestcell" => self.put('\t'),
            "lquote" => self.put('\u{2018}'),
            "rquote" => self.put('\u{2019}'),
            "ldblquote" => self.put('\u{201c}'),
            "rdblquote" => self.put('\u{201d}'),
            "bullet" => self.put('\u{2022}'),
            "endash" => self.put('\u{2013}'),
            "emdash" => self.put('\u{2014}'),
            "enspace" | "emspace" => self.put(' '),
            _ => {}
        }
    }
}

/// The code page of a font's character set.
fn of_charset(charset: i32) -> Option<u32> {
    let codepage = match charset {
        0 => 1_252,
        77 => 10_000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1_253,
        162 => 1_254,
        163 => 1_258,
        177 => 1_255,
        178 => 1_256,
        186 => 1_257,
        204 => 1_251,
        222 => 874,
        238 => 1_250,
        254 => 437,
        _ => return None,
    };
    Some(codepage)
}

#[cfg(test)]
mod tests;
