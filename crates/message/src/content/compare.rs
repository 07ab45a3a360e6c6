//! Whether the text beside a container and the text in it are one text. What passes through: both, decoded.
//!
//! Looks at letters and digits alone: wrapping, bullets and quotation marks are made anew by every program.

use std::collections::HashMap;

use mail_parser::decoders::html::html_to_text;

use super::parts::Body;

/// Whether a text says what a body says, or next to all of it: then showing both would show it twice.
pub(super) fn say_the_same(text: &str, body: &Body) -> bool {
    let inner = match (&body.plain, &body.html) {
        (Some(plain), _) if !plain.trim().is_empty() => words(plain),
        (_, Some(html)) => words(&html_to_text(html)),
        (_, None) => return false,
    };
    let outer = words(text);
    if outer.is_empty() || inner.is_empty() {
        return false;
    }
    let shared = shared(&outer, &inner);
    let is_shown_anyway = body.html.is_some();
    let missing = inner.len() - shared;
    shared * 10 >= outer.len() * 9 && (missing == 0 || (is_shown_anyway && missing * 10 <= inner.len()))
}

/// The words of a text without addresses of the web, which are written out in one form and hidden in another.
fn words(text: &str) -> Vec<String> {
    let words = text.split_whitespace().filter(|word| !word.contains("://") && !word.contains("mailto:"));
    let letters = |word: &str| word.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    words.map(letters).filter(|word| !word.is_empty()).collect()
}

/// How many words two texts have in common, in whatever order.
fn shared(a: &[String], b: &[String]) -> usize {
    let mut counts: HashMap<&str, usize> = HashMap::with_capacity(a.len());
    for word in a {
        *counts.entry(word).or_default() += 1;
    }
    let taken = b.iter().filter(|word| match counts.get_mut(word.as_str()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    });
    taken.count()
}
