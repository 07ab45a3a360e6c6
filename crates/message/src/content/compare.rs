//! Whether the text beside a container and the text in it are one text. What passes through: both, decoded.
//!
//! Looks at letters and digits alone: wrapping, bullets and quotation marks are made anew by every program. Looks at
//! no more of a text than [`limits::TEXT_BYTES_MAX`], for no more of it is shown.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};

use model::limits;

use super::parts::Body;
use crate::body::markup;

/// The words of a text, each as its hash: they are only compared, and a text has hundreds of thousands.
pub(super) struct Words(Vec<u64>);

impl Words {
    /// Without addresses of the web, which are written out in one form and hidden in another.
    pub(super) fn of(text: &str) -> Self {
        let text = start(text, limits::TEXT_BYTES_MAX);
        let words = text.split_whitespace().filter(|word| !word.contains("://") && !word.contains("mailto:"));
        Words(words.filter_map(hash).collect())
    }

    /// Whether these words say what a body says, or next to all of it: then showing both would show it twice.
    pub(super) fn say_the_same(&self, body: &Body) -> bool {
        let inner = match (&body.plain, &body.html) {
            (Some(plain), _) if !plain.trim().is_empty() => Words::of(plain),
            // Tags take room.
            (_, Some(html)) => Words::of(&markup::text(start(html, 4 * limits::TEXT_BYTES_MAX))),
            (_, None) => return false,
        };
        let (outer, inner) = (&self.0, &inner.0);
        if outer.is_empty() || inner.is_empty() {
            return false;
        }
        let shared = shared(outer, inner);
        let is_shown_anyway = body.html.is_some();
        let missing = inner.len() - shared;
        shared * 10 >= outer.len() * 9 && (missing == 0 || (is_shown_anyway && missing * 10 <= inner.len()))
    }
}

fn start(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default()
}

/// Of its letters and digits; `None` where it has none.
fn hash(word: &str) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    let mut is_word = false;
    for c in word.chars().filter(|c| c.is_alphanumeric()) {
        hasher.write_u32(u32::from(c));
        is_word = true;
    }
    is_word.then(|| hasher.finish())
}

/// How many words two texts have in common, in whatever order.
fn shared(a: &[u64], b: &[u64]) -> usize {
    let mut counts: HashMap<u64, usize> = HashMap::with_capacity(a.len());
    for word in a {
        *counts.entry(*word).or_default() += 1;
    }
    let taken = b.iter().filter(|word| match counts.get_mut(*word) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    });
    taken.count()
}
