//! HTML of strangers made safe by an allow-list (ammonia). What passes through: one HTML part.
//!
//! Never lets through script, frames, forms, SVG, remote styles; remote images only where they are allowed.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ammonia::{Builder, UrlRelative, UrlRelativeEvaluate};
use model::limits;

use super::growth::Room;
use super::markup::{self, Markup, Piece};
use super::{ShownOptions, bounded, plain};

/// What may still go into one page, over all its parts.
pub(super) struct Budget {
    growth: Room,
    pictures: Arc<AtomicUsize>,
    plain: plain::Budget,
}

impl Budget {
    /// All of what one page may hold.
    pub(super) fn new() -> Self {
        Budget {
            growth: Room::new(BUILT_BYTES_MAX),
            pictures: Arc::new(AtomicUsize::new(limits::SHOWN_PICTURES_BYTES_MAX)),
            plain: plain::Budget::default(),
        }
    }

    /// Plain text as HTML.
    pub(super) fn plain(&mut self, text: &str) -> String {
        plain::html(text, &mut self.plain)
    }

    /// Cleans HTML. What would grow beyond the budget is shown as text.
    pub(super) fn html(&mut self, text: &str, options: &ShownOptions) -> Safe {
        let before = self.pictures.load(Ordering::Relaxed);
        if let Ok(bounded) = bounded::html(text, &mut self.growth) {
            let safe = cleaned(&bounded, options, &self.pictures);
            let pictures = before - self.pictures.load(Ordering::Relaxed);
            if safe.html.len() - pictures.min(safe.html.len()) <= BUILT_BYTES_MAX {
                return safe;
            }
        }
        Safe { html: self.plain(&markup::characters(text)), remote_images: 0 }
    }
}

/// Bytes of HTML made of the body of one mail, pictures not counted: escaping makes it longer, and elements that
/// the sender forgot to close are closed and opened again.
const BUILT_BYTES_MAX: usize = 4 * limits::SHOWN_BODY_BYTES_MAX;

pub(super) struct Safe {
    pub(super) html: String,
    pub(super) remote_images: usize,
}

/// How many images of other hosts a part names; nothing is built to know it.
pub(super) fn remote_images(text: &str) -> usize {
    let sources = Markup::new(text).filter_map(|piece| match piece {
        Piece::Start(tag) if tag.name.eq_ignore_ascii_case("img") => tag.attribute("src"),
        _ => None,
    });
    sources.filter(|source| is_remote(source.trim_ascii())).count()
}

fn cleaned(text: &str, options: &ShownOptions, pictures: &Arc<AtomicUsize>) -> Safe {
    let left_out = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&left_out);
    let pictures = Arc::clone(pictures);
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
            ("img", "src") => image(value, &options, (&pictures, &counter)),
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

fn image<'v>(
    source: &'v str,
    options: &ShownOptions,
    (room, left_out): (&AtomicUsize, &AtomicUsize),
) -> Option<Cow<'v, str>> {
    if scheme_is(source, "cid:") {
        let url = options.cid_urls.get(source.get(4..).unwrap_or_default())?;
        // Its address may hold the whole picture, so every use of it counts.
        let take = |left: usize| left.checked_sub(url.len());
        room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        return Some(Cow::Owned(url.clone()));
    }
    let is_remote = is_remote(source);
    if is_remote && options.remote_images {
        return Some(Cow::Borrowed(source));
    }
    left_out.fetch_add(usize::from(is_remote), Ordering::Relaxed);
    None
}

fn is_remote(source: &str) -> bool {
    ["http:", "https:", "//"].iter().any(|start| scheme_is(source, start))
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
