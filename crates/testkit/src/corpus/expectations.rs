//! The list of what must become of each file in each frame: `crates/testkit/corpus/expect.tsv`.
//!
//! What passes through: a line for each piece, parted by tabs: name, kind, and an outcome for each frame.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::pieces::Piece;
use super::run::Sent;

/// What is written down of one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What the file is.
    pub kind: String,
    /// What becomes of it, in the order of the frames.
    pub became: [String; 3],
}

/// The list, by the name of the piece.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations(pub BTreeMap<String, Line>);

const HEADING: &str = "file\tkind\tforward\tdirect\treport";

impl Expectations {
    /// Reads the list.
    ///
    /// # Errors
    /// When it is not there, or a line of it is none.
    pub fn read() -> Result<Self> {
        let path = path();
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let mut lines = BTreeMap::new();
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.split('\t').collect();
            ensure!(cells.len() == 5, "no line of the list: {line}");
            let cell = |at: usize| cells.get(at).map(|cell| (*cell).to_owned()).unwrap_or_default();
            lines.insert(cell(0), Line { kind: cell(1), became: [cell(2), cell(3), cell(4)] });
        }
        Ok(Expectations(lines))
    }

    /// Writes down what became of the pieces.
    pub fn of(pieces: &[Piece], sent: &[[Sent; 3]]) -> Self {
        let line = |(piece, sent): (&Piece, &[Sent; 3])| {
            let became = sent.each_ref().map(|sent| sent.became.clone());
            (piece.name.clone(), Line { kind: piece.kind.name().to_owned(), became })
        };
        Expectations(pieces.iter().zip(sent).map(line).collect())
    }

    /// Replaces the list.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self) -> Result<()> {
        let mut text = format!("{HEADING}\n");
        for (name, Line { kind, became }) in &self.0 {
            text.push_str(&format!("{name}\t{kind}\t{}\n", became.join("\t")));
        }
        let path = path();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text).context("the list of expectations")
    }

    /// Where what was found is not what is written here, in words.
    pub fn differences(&self, found: &Expectations) -> Vec<String> {
        let gone = self.0.keys().filter(|name| !found.0.contains_key(*name));
        let mut differences: Vec<String> = gone.map(|name| format!("{name}: is not there")).collect();
        for (name, line) in &found.0 {
            match self.0.get(name) {
                None => differences.push(format!("{name}: is not in the list")),
                Some(expected) if expected == line => {}
                Some(expected) => differences.push(format!("{name}: {line:?} instead of {expected:?}")),
            }
        }
        differences
    }

    /// How often what became of a mail, by frame; the most frequent first. `kinds` says which pieces count.
    pub fn table(&self, counts: impl Fn(&Line) -> bool) -> Vec<(String, [usize; 3])> {
        let mut table: BTreeMap<String, [usize; 3]> = BTreeMap::new();
        for line in self.0.values().filter(|line| counts(line)) {
            for (at, became) in line.became.iter().enumerate() {
                let key = if became.contains(" + ") { "several originals" } else { became };
                if let Some(count) = table.entry(key.to_owned()).or_default().get_mut(at) {
                    *count += 1;
                }
            }
        }
        let mut rows: Vec<(String, [usize; 3])> = table.into_iter().collect();
        rows.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.iter().sum::<usize>()));
        rows
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/expect.tsv")
}
