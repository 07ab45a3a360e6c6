//! One word for each thing: what the glossary bans is said nowhere.
//!
//! *Invariant:* the list is the table in `docs/glossary.md` itself; there is no second one.

use super::Complaints;
use super::tree::Tree;

const GLOSSARY: &str = "docs/glossary.md";
const HEADING: &str = "## Not said here";

/// No banned word in code, pages and papers; whole words, in any case, with any hyphen or underscore.
pub(crate) fn banned(tree: &Tree) -> Complaints {
    let Some((_, table)) = tree.text(GLOSSARY).and_then(|text| text.split_once(HEADING)) else {
        return vec![format!("{GLOSSARY}: has no table under “{HEADING}”")];
    };
    let rows: Vec<(String, &str)> = table.lines().filter_map(row).collect();
    let mut complaints = Complaints::new();
    for (path, text) in tree.files.iter().filter(|(path, _)| is_ours(path)) {
        for (number, line) in text.lines().enumerate() {
            let line = plain(line);
            let said = rows.iter().filter(|(word, _)| line.contains(word.as_str()));
            complaints.extend(said.map(|(word, instead)| {
                format!("{path}:{}: says “{}”; the word is “{instead}”", number + 1, word.trim())
            }));
        }
    }
    complaints
}

/// A row of the table: the banned word with a space at both ends, and what to say.
fn row(line: &str) -> Option<(String, &str)> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let (banned, instead) = (cells.next()?, cells.next()?);
    let is_row = banned != "banned" && !banned.starts_with("---") && !banned.is_empty();
    is_row.then(|| (plain(banned), instead))
}

fn is_ours(path: &str) -> bool {
    let is_text = [".rs", ".md", ".html", ".css", ".js", ".toml"].iter().any(|ending| path.ends_with(ending));
    is_text && path != GLOSSARY
}

/// Lower case, words parted by single spaces, other signs kept: a phrase does not reach over a full stop.
fn plain(line: &str) -> String {
    let mut plain = String::from(" ");
    for c in line.chars() {
        match c {
            '-' | '_' => push_space(&mut plain),
            c if c.is_whitespace() => push_space(&mut plain),
            c if c.is_alphanumeric() => plain.extend(c.to_lowercase()),
            c => {
                push_space(&mut plain);
                plain.push(c);
                plain.push(' ');
            }
        }
    }
    push_space(&mut plain);
    plain
}

fn push_space(plain: &mut String) {
    if !plain.ends_with(' ') {
        plain.push(' ');
    }
}
