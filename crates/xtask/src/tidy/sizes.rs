//! What is too long to be read in one go.

use super::Complaints;
use super::tree::Tree;

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;

/// Files of code and tests have at most 800 lines.
pub(crate) fn files(tree: &Tree) -> Complaints {
    let lines = tree.rust().map(|(path, text)| (path, text.lines().count()));
    let long = lines.filter(|(_, lines)| *lines > FILE_LINES_MAX);
    long.map(|(path, lines)| format!("{path}: {lines} lines; split it by what passes through")).collect()
}

/// Functions outside tests have at most 70 lines, braces included, the signature not.
pub(crate) fn functions(tree: &Tree) -> Complaints {
    let is_test = |path: &str| path.contains("/tests/") || path.ends_with("/tests.rs");
    let mut complaints = Complaints::new();
    for (path, text) in tree.rust().filter(|(path, _)| !is_test(path)) {
        let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text);
        let long = spans(code).into_iter().filter(|(_, lines)| *lines > FUNCTION_LINES_MAX);
        complaints.extend(long.map(|(line, lines)| {
            format!("{path}:{line}: a function of {lines} lines; {FUNCTION_LINES_MAX} are the most")
        }));
    }
    complaints
}

/// First line and length of each function. The code is formatted: a function ends at the first brace that
/// stands as far left as it begins.
fn spans(code: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let begins = lines.iter().enumerate().filter(|(_, line)| is_function(line));
    let span = |(start, line): (usize, &&str)| {
        let end = format!("{}}}", indentation(line));
        let rest = lines.iter().skip(start);
        // A declaration in a trait ends before any brace.
        let signature_ends = rest
            .clone()
            .position(|line| line.ends_with('{') || line.ends_with(';') || line.ends_with('}'))?;
        if !lines.get(start + signature_ends)?.ends_with('{') {
            return None;
        }
        let length = rest.skip(signature_ends).position(|line| *line == end)? + 1;
        Some((start + 1, length))
    };
    begins.filter_map(span).collect()
}

fn is_function(line: &str) -> bool {
    const BEFORE: [&str; 5] = ["pub", "const", "async", "unsafe", "extern"];
    // `pub(in super::super)` is more words than one.
    let scoped = line.trim_start().strip_prefix("pub(").and_then(|scope| scope.split_once(')'));
    let rest = scoped.map_or(line, |(_, rest)| rest);
    let mut words = rest.split_whitespace().skip_while(|word| BEFORE.contains(word));
    words.next() == Some("fn")
}

fn indentation(line: &str) -> &str {
    line.split(|c: char| !c.is_whitespace()).next().unwrap_or_default()
}
