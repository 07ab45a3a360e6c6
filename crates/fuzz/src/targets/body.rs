//! A body as it is shown: safe HTML, previews.

use message::body::{self, ShownOptions};

/// Tags that never come through.
const NEVER: &[&str] = &["<script", "<iframe", "<object", "<embed", "<form", "<meta", "<base", "<link"];

/// Nothing that acts is shown.
pub(super) fn read(raw: &[u8]) {
    let Ok(message) = message::read(raw) else { return };
    let shown = body::shown(&message, &ShownOptions::default());
    let html = shown.html.to_ascii_lowercase();
    for tag in NEVER {
        assert!(!html.contains(tag), "{tag} is shown");
    }
    body::remote_images(&message);
    body::preview(&message, &message.readable());
}
