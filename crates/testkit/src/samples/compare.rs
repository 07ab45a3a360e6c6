//! Where what became of a mail is not what was expected, in words.

use std::collections::BTreeSet;

use super::seen::{CopySeen, OriginalSeen};
use super::{Expected, ExpectedOriginal};

/// Compares copies with what was expected of them; conversations are compared by the caller, who knows them.
pub(super) fn differences(expected: &Expected, seen: &[CopySeen]) -> Vec<String> {
    let copies = expected.copies();
    if copies.len() != seen.len() {
        return vec![format!("{} copies instead of {}", seen.len(), copies.len())];
    }
    let mut differences = Vec::new();
    for (organization, copy) in copies {
        let here = |seen: &&CopySeen| organization.is_none_or(|name| name == seen.organization);
        let Some(seen) = seen.iter().find(here) else {
            differences.push(format!("no copy at {}", organization.unwrap_or("any organization")));
            continue;
        };
        text(&mut differences, "outcome", copy.outcome.as_deref(), &seen.outcome);
        if copy.originals.len() != seen.originals.len() {
            let (there, wanted) = (seen.originals.len(), copy.originals.len());
            differences.push(format!("{there} originals instead of {wanted}"));
        }
        for (number, (expected, seen)) in (1..).zip(copy.originals.iter().zip(&seen.originals)) {
            let found = of_original(expected, seen);
            differences.extend(found.into_iter().map(|words| format!("original {number}: {words}")));
        }
    }
    differences
}

fn of_original(expected: &ExpectedOriginal, seen: &OriginalSeen) -> Vec<String> {
    let mut differences = Vec::new();
    let fields = [
        ("outcome", &expected.outcome, &seen.outcome),
        ("reason", &expected.reason, &seen.reason),
        ("unwrap", &expected.unwrap, &seen.unwrap),
        ("subject", &expected.subject, &seen.subject),
        ("direction", &expected.direction, &seen.direction),
        ("correlation", &expected.correlation, &seen.correlation),
    ];
    for (name, expected, seen) in fields {
        text(&mut differences, name, expected.as_deref(), seen);
    }
    // Addresses are compared without regard to case.
    let from = expected.from.as_ref().map(|from| from.to_lowercase());
    text(&mut differences, "from", from.as_deref(), &seen.from.to_lowercase());
    set(&mut differences, "on", expected.on.as_ref(), &seen.on);
    // What is not said to be ambiguous must not be, where the e-mail is looked at at all.
    let none = Vec::new();
    let ambiguous = expected.ambiguous.as_ref().or(expected.on.as_ref().map(|_| &none));
    set(&mut differences, "ambiguous", ambiguous, &seen.ambiguous);
    differences
}

fn text(differences: &mut Vec<String>, name: &str, expected: Option<&str>, seen: &str) {
    if let Some(expected) = expected.filter(|expected| *expected != seen) {
        differences.push(format!("{name} is “{seen}” instead of “{expected}”"));
    }
}

fn set(differences: &mut Vec<String>, name: &str, expected: Option<&Vec<String>>, seen: &BTreeSet<String>) {
    let Some(expected) = expected else { return };
    let expected: BTreeSet<String> = expected.iter().cloned().collect();
    if expected != *seen {
        let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        differences.push(format!("{name} is [{}] instead of [{}]", list(seen), list(&expected)));
    }
}
