//! Text as the index takes it: letters and digits, everything else a gap.
//!
//! What passes through: any text, of an e-mail or of a search, by the same rules. What comes out is lower case without
//! accents, and has no character that the query language of either engine knows: both take it as it is.
//!
//! Scripts without gaps between words (Chinese, Japanese, Thai …) and Korean, where particles cling to words,
//! are laid out character by character; a part of such a text is then found as neighbors in a row.

use model::limits;
use unicode_normalization::char::{decompose_canonical, is_combining_mark};

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
        let begin = self.text.len();
        self.text.push_str(run);
        if let Some(added) = self.text.get_mut(begin..) {
            added.make_ascii_lowercase();
        }
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
        if is_letter(c) { self.letter(c) } else { self.gap() }
    }

    fn letter(&mut self, c: char) {
        self.text.push(plain(c));
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

/// A letter or a digit. Vowel signs of Indian scripts part words, as FTS5 has it: a word is found as the letters of it.
/// Letters in circles are pictures.
fn is_letter(c: char) -> bool {
    // Signs that were marks in the Unicode of FTS5 and are letters now: New Tai Lue, Vedic.
    let was_mark = matches!(c, '\u{19b0}'..='\u{19c0}' | '\u{19c8}'..='\u{19c9}' | '\u{1cf2}'..='\u{1cf3}');
    let is_picture = matches!(c, '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f189}');
    c.is_alphanumeric() && !is_combining_mark(c) && !was_mark && !is_picture
}

/// A letter in lower case; of the Latin alphabet without its accents.
fn plain(c: char) -> char {
    let mut lower = c.to_lowercase();
    let small = match (lower.next(), lower.next()) {
        (Some(small), None) => small,
        _ => c,
    };
    match small {
        _ if small.is_ascii() => small,
        'İ' => 'i',
        'ſ' | 'ẛ' => 's',
        'µ' => 'μ',
        'ς' => 'σ',
        'ϐ' => 'β',
        'ϑ' => 'θ',
        'ϕ' => 'φ',
        'ϖ' => 'π',
        'ϰ' => 'κ',
        'ϱ' => 'ρ',
        'ϵ' => 'ε',
        '\u{1fbe}' => 'ι',
        _ => without_accents(small),
    }
}

fn without_accents(c: char) -> char {
    let mut first = None;
    decompose_canonical(c, |part| {
        first.get_or_insert(part);
    });
    first.filter(char::is_ascii_alphabetic).unwrap_or(c)
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
    is_such_script && is_letter(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parted_and_the_rest_is_left_out() {
        let check = |text: &str, words: &str| assert_eq!(spread(text).trim_end(), words, "{text}");
        check("Re: Order no. 4711 (zoe@fabrikam.test)", "re order no 4711 zoe fabrikam test");
        check("\"a\" OR b* AND -c NEAR(d) ^e col:f", "a or b and c near d e col f");
        check("Straße co\u{ad}op Mu\u{308}ller Zoë ÅNGSTRÖM", "strasse coop muller zoe angstrom");
        check("ΟΔΟΣ οδός Ёлка ёлка", "οδοσ οδόσ ёлка ёлка");
        check("東京都のホテル A4", "東 京 都 の ホ テ ル a4");
        check("견적서를 보내", "견 적 서 를 보 내");
        check("ＡＢＣ１２３", "abc123");
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

    /// The engine of files has a tokenizer of its own, the one at a server has none: it must not matter.
    #[test]
    fn the_tokenizer_of_fts5_changes_nothing_of_it() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let tables = "create virtual table word using fts5(t, content = '',
                tokenize = \"unicode61 remove_diacritics 2\");
            create virtual table seen using fts5vocab(word, 'instance');";
        connection.execute_batch(tables).unwrap();
        connection.execute_batch("begin").unwrap();
        let letters = || ('\u{80}'..=char::MAX).filter(|c| c.is_alphanumeric());
        {
            let mut insert = connection.prepare("insert into word (rowid, t) values (?1, ?2)").unwrap();
            for c in letters() {
                insert.execute((i64::from(u32::from(c)), spread(&format!("x{c}y {c}")))).unwrap();
            }
        }
        let mut seen = std::collections::HashMap::<u32, Vec<String>>::new();
        let mut select = connection.prepare("select doc, term from seen order by doc, offset").unwrap();
        let mut rows = select.query(()).unwrap();
        while let Some(row) = rows.next().unwrap() {
            seen.entry(row.get(0).unwrap()).or_default().push(row.get(1).unwrap());
        }
        let taken = |c: char| seen.get(&u32::from(c)).map(|words| words.join(" ")).unwrap_or_default();
        let spread_out = |c: char| spread(&format!("x{c}y {c}")).trim_end().to_owned();
        let others: Vec<char> = letters().filter(|c| taken(*c) != spread_out(*c)).collect();
        assert!(others.is_empty(), "taken by FTS5 as something else: {others:?}");
        assert!(seen.len() > 130_000);
    }
}
