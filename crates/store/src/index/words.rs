//! Text as the index takes it: letters and digits, everything else a gap.
//!
//! What passes through: any text, of an e-mail or of a search, by the same rules. What comes out has no character
//! that the query language of FTS5 knows.
//!
//! Scripts without gaps between words (Chinese, Japanese, Thai …) and Korean, where particles cling to words,
//! are laid out character by character; a part of such a text is then found as neighbors in a row.

use model::limits;

/// The words of a text, a gap between each two.
pub(super) fn spread(text: &str) -> String {
    let mut out = Spread { text: String::with_capacity(text.len() + text.len() / 8), word: 0, chars: 0 };
    let mut rest = text;
    loop {
        let end = rest.bytes().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(end);
        out.ascii_letters(run);
        let mut chars = behind.chars();
        match chars.next() {
            None => break,
            Some(c) if c.is_ascii() => out.gap(),
            Some(c) => out.other(c),
        }
        rest = chars.as_str();
    }
    out.gap();
    out.text
}

struct Spread {
    text: String,
    /// Where the last word begins.
    word: usize,
    /// How many characters it has so far.
    chars: usize,
}

impl Spread {
    /// Most of most text.
    fn ascii_letters(&mut self, run: &str) {
        self.text.push_str(run);
        self.chars += run.len();
    }

    /// Whatever is no ASCII.
    fn other(&mut self, c: char) {
        match c {
            'ß' | 'ẞ' => self.ascii_letters("ss"),
            c if is_silent(c) => {}
            // Full-width forms of ASCII, as Japanese mail writes numbers and addresses.
            '\u{ff01}'..='\u{ff5e}' => {
                self.letter_or_gap(char::from_u32(u32::from(c) - 0xfee0).unwrap_or(' '));
            }
            c if stands_alone(c) => {
                self.gap();
                self.letter(c);
                self.gap();
            }
            c => self.letter_or_gap(c),
        }
    }

    fn letter_or_gap(&mut self, c: char) {
        if c.is_alphanumeric() { self.letter(c) } else { self.gap() }
    }

    fn letter(&mut self, c: char) {
        self.text.push(c);
        self.chars += 1;
    }

    fn gap(&mut self) {
        if self.chars > limits::INDEXED_WORD_CHARS_MAX {
            self.text.truncate(self.word);
        } else if self.chars > 0 {
            self.text.push(' ');
        }
        self.word = self.text.len();
        self.chars = 0;
    }
}

/// Marks that readers leave out when they type: combining accents, Arabic and Hebrew vowel points, and what is not
/// seen at all. A soft hyphen parts no word.
fn is_silent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{64b}'..='\u{652}' | '\u{670}'
        | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Letters of scripts that are laid out one by one.
fn stands_alone(c: char) -> bool {
    let is_such_script = matches!(u32::from(c),
        0x0e00..=0x0eff        // Thai, Lao
        | 0x1000..=0x109f      // Myanmar
        | 0x1780..=0x17ff      // Khmer
        | 0x3005..=0x3007 | 0x3040..=0x30ff | 0x31f0..=0x31ff | 0xff66..=0xff9f // Kana
        | 0x3100..=0x312f | 0x31a0..=0x31bf                                     // Bopomofo
        | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff // Han
        | 0xac00..=0xd7a3); // Hangul
    is_such_script && c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parted_and_the_rest_is_left_out() {
        let check = |text: &str, words: &str| assert_eq!(spread(text).trim_end(), words, "{text}");
        check("Re: Order no. 4711 (zoe@fabrikam.test)", "Re Order no 4711 zoe fabrikam test");
        check("\"a\" OR b* AND -c NEAR(d) ^e col:f", "a OR b AND c NEAR d e col f");
        check("Straße co\u{ad}op Mu\u{308}ller", "Strasse coop Muller");
        check("東京都のホテル A4", "東 京 都 の ホ テ ル A4");
        check("견적서를 보내", "견 적 서 를 보 내");
        check("ＡＢＣ１２３", "ABC123");
        check("", "");
        check("…!?", "");
        check("\u{e000}attached", "attached");
    }

    #[test]
    fn long_runs_are_left_out() {
        let long = "x".repeat(limits::INDEXED_WORD_CHARS_MAX + 1);
        assert_eq!(spread(&format!("a {long} b")).trim_end(), "a b");
        let whole = "x".repeat(limits::INDEXED_WORD_CHARS_MAX);
        assert_eq!(spread(&whole).trim_end(), whole);
    }
}
