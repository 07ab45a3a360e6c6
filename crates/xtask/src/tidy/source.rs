//! What every Rust file has, and what none may have.

use super::Complaints;
use super::tree::Tree;

/// Lines an opening may have: it says what the module is, what passes through, what it never does.
const OPENING_LINES_MAX: usize = 12;

/// What a finished line does not contain. Written in pieces, so that this file does not complain of itself.
const LEFTOVERS: &[&str] = &[
    concat!("todo", "!("),
    concat!("dbg", "!("),
    concat!("unimplemented", "!("),
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("XX", "X"),
];

/// Every module opens with `//!`, in at most twelve lines. A `tests.rs` belongs to the module beside it.
pub(crate) fn openings(tree: &Tree) -> Complaints {
    let complaint = |(path, text): (&str, &str)| {
        let lines = text.lines().take_while(|line| line.starts_with("//!")).count();
        match lines {
            0 => Some(format!("{path}:1: opens without `//!`: say what passes through it")),
            1..=OPENING_LINES_MAX => None,
            many => Some(format!("{path}:1: opens with {many} lines; {OPENING_LINES_MAX} are enough")),
        }
    };
    tree.rust().filter(|(path, _)| !path.ends_with("/tests.rs")).filter_map(complaint).collect()
}

/// No notes to oneself, no holes.
pub(crate) fn leftovers(tree: &Tree) -> Complaints {
    let mut complaints = Complaints::new();
    for (path, text) in tree.rust() {
        for (number, line) in text.lines().enumerate() {
            let left = LEFTOVERS.iter().filter(|leftover| line.contains(**leftover));
            complaints.extend(left.map(|leftover| format!("{path}:{}: {leftover} is left over", number + 1)));
        }
    }
    complaints
}
