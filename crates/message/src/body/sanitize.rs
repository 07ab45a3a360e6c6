//! HTML of strangers made safe by an allow-list (ammonia). What passes through: one HTML part.
//!
//! Never lets through script, frames, forms, SVG, remote styles; remote images only where they are allowed.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ammonia::{Builder, UrlRelative, UrlRelativeEvaluate};
use mail_parser::decoders::html::html_to_text;

use super::{ShownOptions, plain};

pub(super) struct Safe {
    pub(super) html: String,
    pub(super) remote_images: usize,
}

/// Cleans HTML. Nested deeper than [`NESTING_MAX`] it is shown as text: building such a tree takes time that
/// grows with the square of its depth.
pub(super) fn html(text: &str, options: &ShownOptions) -> Safe {
    if nesting(text) > NESTING_MAX {
        return Safe { html: plain::html(&html_to_text(text)), remote_images: 0 };
    }
    cleaned(text, options)
}

/// Mail of the worst editors stays below 200.
const NESTING_MAX: usize = 1_000;

/// How deep elements may be nested: tags that are opened and not closed. Errs to the high side.
fn nesting(text: &str) -> usize {
    let mut open: HashMap<String, usize> = HashMap::new();
    let (mut depth, mut deepest) = (0usize, 0usize);
    for tag in text.split('<').skip(1) {
        let closes = tag.starts_with('/');
        let name = tag.trim_start_matches('/');
        let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
        let name = name.get(..end.min(NAME_BYTES_MAX)).unwrap_or_default().to_ascii_lowercase();
        if name.is_empty() || CLOSES_ITSELF.contains(&name.as_str()) {
            continue;
        }
        let count = open.entry(name).or_default();
        if !closes {
            *count += 1;
            depth += 1;
        } else if *count > 0 {
            *count -= 1;
            depth -= 1;
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// No element of HTML has a longer name.
const NAME_BYTES_MAX: usize = 16;

/// Elements without an end tag, or ended by their like.
const CLOSES_ITSELF: [&str; 12] =
    ["br", "img", "hr", "input", "meta", "link", "col", "wbr", "p", "li", "td", "tr"];

fn cleaned(text: &str, options: &ShownOptions) -> Safe {
    let left_out = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&left_out);
    let served: HashSet<String> = options.cid_urls.values().cloned().collect();
    let options = options.clone();
    let mut builder = Builder::default();
    builder
        .add_tags(["font", "big", "u", "tt", "address", "section", "main"])
        .add_clean_content_tags(["title", "head", "svg", "math", "object", "noscript", "template"])
        .add_generic_attributes(["style", "dir", "align", "valign"])
        .add_tag_attributes("table", ["width", "border", "cellpadding", "cellspacing", "bgcolor"])
        .add_tag_attributes("td", ["width", "height", "bgcolor", "nowrap"])
        .add_tag_attributes("th", ["width", "height", "bgcolor", "nowrap"])
        .add_tag_attributes("tr", ["bgcolor"])
        .add_tag_attributes("font", ["color", "size", "face"])
        .filter_style_properties(HashSet::from(STYLES))
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel", "cid"]))
        .url_relative(UrlRelative::Custom(Box::new(Served(served))))
        .link_rel(Some("noopener noreferrer"))
        .set_tag_attribute_value("a", "target", "_blank")
        .attribute_filter(move |element, attribute, value| match (element, attribute) {
            ("img", "src") => image(value, &options, &counter),
            // Only a picture may point into the message.
            (_, "href" | "cite") if scheme_is(value, "cid:") => None,
            _ => Some(Cow::Borrowed(value)),
        });
    let html = builder.clean(text).to_string();
    Safe { html, remote_images: left_out.load(Ordering::Relaxed) }
}

/// Properties that change how text looks, and none that place it or fetch anything.
const STYLES: [&str; 14] = [
    "color",
    "background-color",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "text-align",
    "text-decoration",
    "vertical-align",
    "white-space",
    "margin-left",
    "padding-left",
    "border-left",
    "border-collapse",
];

fn image<'v>(source: &'v str, options: &ShownOptions, left_out: &AtomicUsize) -> Option<Cow<'v, str>> {
    if scheme_is(source, "cid:") {
        let id = source.get(4..).unwrap_or_default();
        return options.cid_urls.get(id).map(|url| Cow::Owned(url.clone()));
    }
    let is_remote = ["http:", "https:", "//"].iter().any(|start| scheme_is(source, start));
    if is_remote && options.remote_images {
        return Some(Cow::Borrowed(source));
    }
    left_out.fetch_add(usize::from(is_remote), Ordering::Relaxed);
    None
}

/// Relative addresses would point into our own pages: only those that we put there ourselves stay.
struct Served(HashSet<String>);

impl UrlRelativeEvaluate<'_> for Served {
    fn evaluate<'u>(&self, url: &'u str) -> Option<Cow<'u, str>> {
        self.0.contains(url).then_some(Cow::Borrowed(url))
    }
}

fn scheme_is(url: &str, scheme: &str) -> bool {
    url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}
