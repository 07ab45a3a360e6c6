//! Checks what the compiler does not see. One rule, one function, one line in [`RULES`].
//!
//! What passes through: the [`Tree`] of files and packages in, complaints out; each names a file and says
//! what would be right.
//!
//! *Invariant:* a rule looks at the tree it is given and at nothing else, so its test can make one up.

mod papers;
mod rooms;
mod samples;
mod sizes;
mod source;
#[cfg(test)]
mod tests;
mod tree;
mod words;

use std::path::Path;

use anyhow::Result;
use tree::Tree;

/// What a rule found: a sentence that begins with the file.
type Complaints = Vec<String>;

/// A rule: it looks at a tree and complains.
type Rule = fn(&Tree) -> Complaints;

/// Every rule with its name.
const RULES: &[(&str, Rule)] = &[
    ("rooms depend only downward", rooms::directions),
    ("heavy crates stay in their room", rooms::heavy_crates),
    ("every room is in the workspace", rooms::members),
    ("every module opens with what it is", source::openings),
    ("nothing is left over", source::leftovers),
    ("files have at most 800 lines", sizes::files),
    ("functions have at most 70 lines", sizes::functions),
    ("each sample has its expectation and its place", samples::complete),
    ("one word for each thing", words::banned),
    ("ARCHITECTURE.md names every room", papers::architecture),
    ("README.md begins with the two commands", papers::readme),
];

/// Checks the tree at `root`, prints what it found, and says whether it is tidy.
pub(crate) fn run(root: &Path) -> Result<bool> {
    let tree = Tree::read(root)?;
    let found = complaints(&tree);
    for (rule, complaint) in &found {
        println!("{complaint}\n    ({rule})");
    }
    match found.len() {
        0 => println!("tidy: {} rules, {} files", RULES.len(), tree.files.len()),
        many => println!("tidy: {many} complaints"),
    }
    Ok(found.is_empty())
}

fn complaints(tree: &Tree) -> Vec<(&'static str, String)> {
    let of_rule = |(name, rule): &(&'static str, Rule)| {
        let name = *name;
        rule(tree).into_iter().map(move |complaint| (name, complaint))
    };
    RULES.iter().flat_map(of_rule).collect()
}
