use proptest::prelude::*;

use super::*;
use crate::body::bounded;
use crate::body::markup::{Markup, Piece};

/// How deep the tree of a parser is, and how many elements it has, seen in what it writes again.
fn built(html: &str) -> (usize, usize) {
    let (mut depth, mut deepest, mut count) = (0usize, 0usize, 0usize);
    for tag in html.split('<').skip(1) {
        let is_void = ["br", "img", "hr", "col>"].iter().any(|name| tag.starts_with(name));
        if tag.starts_with('/') {
            depth -= 1;
            continue;
        }
        count += 1;
        depth += usize::from(!is_void);
        deepest = deepest.max(depth);
    }
    (deepest, count)
}

/// Counts what is built of tags, and parses them.
fn compare(html: &str) -> Result<(), TestCaseError> {
    let mut room = Room::new(usize::MAX);
    let (mut growth, mut deepest, mut tags) = (Growth::default(), 0, 0);
    for piece in Markup::new(html) {
        let counted = match piece {
            Piece::Text(_) => growth.piece(&mut room),
            Piece::End(name) => Element::named(name).map_or(Ok(()), |it| growth.end(it, &mut room).map(drop)),
            Piece::Start(tag) => {
                let element = Element::named(tag.name);
                element.map_or(Ok(()), |it| {
                    growth
                        .start(it, Size { attributes: tag.attribute_names(), ..Size::default() }, &mut room)
                        .map(drop)
                })
            }
        };
        if counted.is_err() {
            // Shown as text.
            return Ok(());
        }
        tags += 1;
        // A table has a group of rows and a row as well; formatting that is opened again may stand in itself.
        let tables = growth.open.iter().filter(|open| open.element.kind == Kind::Table).count();
        deepest = deepest.max(growth.open.len() + 2 * tables + 2 * growth.formats.len());
    }
    let bounded = bounded::html(html, &mut Room::new(usize::MAX)).unwrap_or_default();
    let parsed = ammonia::Builder::default()
        .add_tags(["font", "big", "u", "tt", "address", "section", "main"])
        .link_rel(None)
        .clean(&bounded)
        .to_string();
    let (depth, count) = built(&parsed);
    // One more for an element without content.
    prop_assert!(depth <= deepest + 1, "{depth} > {deepest}\n{html}\n{bounded}\n{parsed}");
    let clones = CLONES_MAX - room.clones;
    // Up to two for every tag: the group of rows and the row around a cell.
    prop_assert!(count <= 3 * tags + clones, "{count} > 3 x {tags} + {clones}\n{html}\n{bounded}\n{parsed}");
    Ok(())
}

fn tags() -> impl Strategy<Value = String> {
    let names = prop::sample::select(vec![
        "a",
        "a href=y",
        "b",
        "font",
        "font size=1",
        "i",
        "span",
        "abbr",
        "p",
        "div",
        "address",
        "h1",
        "h2",
        "ul",
        "li",
        "dd",
        "dt",
        "table",
        "caption",
        "colgroup",
        "col",
        "tbody",
        "thead",
        "tr",
        "td",
        "th",
        "br",
        "hr",
        "ruby",
        "rt",
        "select",
        "svg",
    ]);
    let tag = (names, 0..7u8).prop_map(|(name, way)| match way {
        0 | 1 => format!("<{name}>x"),
        2 => format!("<{name}>"),
        3 => format!("</{name}>"),
        4 => format!("</{name}>").repeat(4),
        5 => format!("<{name}>").repeat(5),
        _ => format!("</{name}>x"),
    });
    prop::collection::vec(tag, 0..40).prop_map(|tags| tags.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// What is counted once is counted many times: a count that is too low by little is too low by any number.
    #[test]
    fn a_parser_builds_no_more_than_was_counted(tags in tags()) {
        compare(&tags)?;
        compare(&tags.repeat(40))?;
    }
}
