//! The elements that a shown mail may have, and how a parser of HTML treats each (HTML Living Standard §13.2.4.2).
//!
//! Ruby, forms and their like are not among them: their text is shown, their tags are not.

/// An element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name in lower case.
    pub(super) name: &'static str,
    /// How it is parsed.
    pub(super) kind: Kind,
}

impl Element {
    /// The element of a name, in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        let known = |names: &[&'static str]| names.iter().copied().find(|it| it.eq_ignore_ascii_case(name));
        KINDS.iter().find_map(|(kind, names)| known(names).map(|name| Element { name, kind: *kind }))
    }
}

/// How elements are parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Without content.
    Void,
    /// Without content, ends a paragraph.
    Rule,
    /// Opened again where a block ends it.
    Formatting,
    /// Without a rule of its own.
    Plain,
    /// Ends a paragraph.
    Block,
    /// `h1` to `h6`: ends a paragraph and another heading.
    Heading,
    /// `p`.
    Paragraph,
    /// `li`.
    Item,
    /// `dt` and `dd`.
    Term,
    /// `table`, and its parts:
    Table,
    Caption,
    Column,
    Section,
    Row,
    Cell,
}

impl Kind {
    /// Whether it is a table or a part of one.
    pub(super) fn is_of_table(self) -> bool {
        matches!(self, Kind::Table | Kind::Caption | Kind::Column | Kind::Section | Kind::Row | Kind::Cell)
    }

    /// Whether elements inside cannot end elements outside.
    pub(super) fn is_boundary(self) -> bool {
        matches!(self, Kind::Table | Kind::Caption | Kind::Cell)
    }
}

const KINDS: [(Kind, &[&str]); 15] = [
    (Kind::Cell, &["td", "th"]),
    (Kind::Row, &["tr"]),
    (Kind::Paragraph, &["p"]),
    (Kind::Void, &["br", "img", "wbr", "area"]),
    (
        Kind::Formatting,
        &["a", "b", "big", "code", "em", "font", "i", "s", "small", "strike", "strong", "tt", "u"],
    ),
    (
        Kind::Plain,
        &[
            "span", "abbr", "acronym", "bdi", "bdo", "cite", "data", "del", "dfn", "ins", "kbd", "map",
            "mark", "q", "samp", "sub", "sup", "time", "var",
        ],
    ),
    (
        Kind::Block,
        &[
            "div",
            "address",
            "article",
            "aside",
            "blockquote",
            "center",
            "details",
            "dl",
            "figcaption",
            "figure",
            "footer",
            "header",
            "hgroup",
            "main",
            "nav",
            "ol",
            "pre",
            "section",
            "summary",
            "ul",
        ],
    ),
    (Kind::Table, &["table"]),
    (Kind::Section, &["tbody", "thead", "tfoot"]),
    (Kind::Item, &["li"]),
    (Kind::Heading, &["h1", "h2", "h3", "h4", "h5", "h6"]),
    (Kind::Rule, &["hr"]),
    (Kind::Term, &["dt", "dd"]),
    (Kind::Caption, &["caption"]),
    (Kind::Column, &["col", "colgroup"]),
];
