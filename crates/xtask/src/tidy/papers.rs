//! The papers that a stranger reads first say what is true of the tree.

use super::Complaints;
use super::tree::Tree;

/// ARCHITECTURE.md names the folder of every room.
pub(crate) fn architecture(tree: &Tree) -> Complaints {
    let Some(text) = tree.text("ARCHITECTURE.md") else {
        return vec!["ARCHITECTURE.md: is missing".to_owned()];
    };
    let unnamed = tree.packages.iter().filter(|package| !text.contains(&format!("`{}`", package.name)));
    unnamed.map(|package| format!("ARCHITECTURE.md: does not name `{}`", package.name)).collect()
}

/// README.md shows `./demo` and `./test` before its first chapter.
pub(crate) fn readme(tree: &Tree) -> Complaints {
    let Some(text) = tree.text("README.md") else { return vec!["README.md: is missing".to_owned()] };
    let first = text.split("\n## ").next().unwrap_or(text);
    let missing = ["./demo", "./test"].into_iter().filter(|command| !first.contains(command));
    missing.map(|command| format!("README.md: {command} does not stand before the first chapter")).collect()
}
