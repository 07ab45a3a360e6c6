//! What a parser of HTML would build of a mail, counted before it builds it: the stack of open elements and the
//! list of formatting elements (HTML Living Standard §13.2.4). What passes through: tags, one by one.
//!
//! A few bytes of tags may grow to millions of elements: formatting that is not closed is opened again in every
//! block. Tags that the parser would ignore, and elements with rules too odd to follow, are refused, so that the
//! count holds: nothing is open in the parser's stack that is not on this one.

use super::elements::{Element, Kind};

/// What may still be built for one page.
#[derive(Debug, Clone)]
pub(super) struct Room {
    tags: usize,
    clones: usize,
    bytes: usize,
    fostered: usize,
    scanned: u64,
}

impl Room {
    /// Room for one page whose tags and clones together make at most so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Room { tags: TAGS_MAX, clones: CLONES_MAX, bytes, fostered: FOSTERED_MAX, scanned: SCANNED_BYTES_MAX }
    }

    /// A text or tag of so many bytes with so many signs to escape, written so many times.
    pub(super) fn scan(&mut self, written: &Written, times: usize) -> Result<(), Spent> {
        let bytes = (written.bytes as u64).saturating_mul(written.escapes as u64);
        self.scanned = self.scanned.checked_sub(bytes.saturating_mul(times as u64)).ok_or(Spent)?;
        Ok(())
    }
}

/// What the writer of HTML looks at: behind every sign to escape it looks at the rest of the text again.
#[derive(Default)]
pub(super) struct Written {
    bytes: usize,
    escapes: usize,
}

impl Written {
    /// More of the same text or tag.
    pub(super) fn add(&mut self, text: &str) {
        self.bytes += text.len();
        // 0xC2 begins the no-break space, and signs that the writer takes for it.
        self.escapes += text.bytes().filter(|byte| matches!(byte, b'&' | 0xc2)).count();
    }
}

/// There is no room for more: the mail is better read as text.
#[derive(Debug)]
pub(super) struct Spent;

/// Tags of one page: the largest newsletters stay below 20,000.
const TAGS_MAX: usize = 50_000;
/// Elements that the parser opens again by itself; a mail of a sloppy editor has some hundreds.
const CLONES_MAX: usize = 50_000;
/// Pieces inside a table and outside its cells: the parser looks for the place of each in time that grows with
/// their number.
const FOSTERED_MAX: usize = 2_000;
/// Bytes that the writer of HTML looks at: some tenths of a second.
const SCANNED_BYTES_MAX: u64 = 4_000_000_000;
/// Elements inside each other. Mail of the worst editors stays below 200; every tag is checked against all.
const NESTING_MAX: usize = 1_000;
/// Formatting elements that are open at a time; further ones are left out.
const FORMATS_MAX: usize = 32;
/// Formatting elements that are open and alike; the parser would forget the first of more (§13.2.4.3). Those
/// with the same attributes count, whatever their values are.
const LIKE_MAX: usize = 3;
/// The parser moves a formatting element out of this many blocks and gives up (§13.2.6.4.7).
const ADOPTIONS_MAX: usize = 8;

/// What a start tag adds.
#[derive(Default)]
pub(super) struct Size {
    /// Its bytes as they are written.
    pub(super) written: Written,
    /// The names of its attributes, in one order.
    pub(super) attributes: String,
}

/// The parser's state as far as it decides what is built.
#[derive(Default)]
pub(super) struct Growth {
    open: Vec<Open>,
    formats: Vec<Format>,
}

#[derive(Clone, Copy)]
struct Open {
    element: Element,
    /// How many formatting elements were listed before it.
    formats: usize,
    /// Of a table: the group of rows that is open, and whether a row is.
    section: Option<&'static str>,
    has_row: bool,
}

struct Format {
    name: &'static str,
    size: Size,
    /// Elements that were open before it, at most.
    height: usize,
    /// Whether it left the stack and comes back where text follows.
    is_loose: bool,
}

impl Growth {
    /// A start tag of some size: what must be closed before it, if anything; `None` where it is left out.
    pub(super) fn start(
        &mut self,
        element: Element,
        size: Size,
        room: &mut Room,
    ) -> Result<Option<Before>, Spent> {
        room.tags = room.tags.checked_sub(1).ok_or(Spent)?;
        room.bytes = room.bytes.checked_sub(size.written.bytes).ok_or(Spent)?;
        room.scan(&size.written, 1)?;
        if element.kind.is_of_table() {
            return self.start_of_table(element, room).map(|is_kept| is_kept.then_some(Before::Nothing));
        }
        self.piece(room)?;
        let mut before = Before::Nothing;
        match element.kind {
            Kind::Void => return Ok(Some(before)),
            Kind::Rule => {
                self.close_paragraph(room)?;
                return Ok(Some(before));
            }
            Kind::Formatting => {
                return self.start_format(element, size, room);
            }
            Kind::Plain => {}
            Kind::Heading => {
                self.close_paragraph(room)?;
                // Whether the parser closes the heading depends on what stands between; so it is told to.
                if let Some(top) = self.inner().last().filter(|top| top.element.kind == Kind::Heading) {
                    before = Before::Close(top.element.name);
                    self.cut(self.open.len() - 1, room)?;
                }
            }
            Kind::Item | Kind::Term => {
                self.close_like(element.kind, room)?;
                self.close_paragraph(room)?;
            }
            _ => self.close_paragraph(room)?,
        }
        self.push(element)?;
        Ok(Some(before))
    }

    /// An end tag: whether it ends anything.
    pub(super) fn end(&mut self, element: Element, room: &mut Room) -> Result<bool, Spent> {
        room.tags = room.tags.checked_sub(1).ok_or(Spent)?;
        let base = self.base();
        let at = match element.kind {
            Kind::Void | Kind::Rule | Kind::Column => None,
            Kind::Formatting => return self.end_format(element.name, room),
            // The parser may have closed it with something else; only the nearest is surely meant.
            Kind::Plain => {
                let is_top = self.inner().last().is_some_and(|top| top.element.name == element.name);
                is_top.then(|| self.open.len() - 1)
            }
            Kind::Heading => self.nearest(|open| open.element.kind == Kind::Heading),
            Kind::Item => {
                let list = self.nearest(|open| matches!(open.element.name, "ul" | "ol"));
                self.nearest(|open| open.element.kind == Kind::Item)
                    .filter(|at| list.is_none_or(|list| list < *at))
            }
            Kind::Block | Kind::Paragraph | Kind::Term => {
                self.nearest(|open| open.element.name == element.name)
            }
            Kind::Table => self.table(),
            Kind::Cell | Kind::Caption => {
                base.checked_sub(1).filter(|at| self.open.get(*at).is_some_and(|it| it.element == element))
            }
            Kind::Row | Kind::Section => return self.end_of_rows(element, room),
        };
        let Some(at) = at else {
            // The end of a paragraph that was never begun makes an empty one.
            return self.piece(room).map(|()| element.kind == Kind::Paragraph);
        };
        self.cut(at, room)?;
        Ok(true)
    }

    /// Something that stands inside a table and outside its cells is moved before it (§13.2.6.1).
    pub(super) fn piece(&mut self, room: &mut Room) -> Result<(), Spent> {
        let boundary = self.base().checked_sub(1).and_then(|at| self.open.get(at));
        if boundary.is_some_and(|open| open.element.kind == Kind::Table) {
            room.fostered = room.fostered.checked_sub(1).ok_or(Spent)?;
            self.charge(1, room)?;
        }
        Ok(())
    }

    /// Where the innermost table, cell or caption begins to hold elements: none outside is reached from inside.
    fn base(&self) -> usize {
        self.open.iter().rposition(|open| open.element.kind.is_boundary()).map_or(0, |at| at + 1)
    }

    fn inner(&self) -> &[Open] {
        self.open.get(self.base()..).unwrap_or_default()
    }

    fn nearest(&self, is_meant: impl Fn(&Open) -> bool) -> Option<usize> {
        self.inner().iter().rposition(is_meant).map(|at| self.base() + at)
    }

    fn table(&self) -> Option<usize> {
        self.open.iter().rposition(|open| open.element.kind == Kind::Table)
    }

    fn push(&mut self, element: Element) -> Result<(), Spent> {
        if self.open.len() >= NESTING_MAX {
            return Err(Spent);
        }
        self.open.push(Open { element, formats: self.formats.len(), section: None, has_row: false });
        Ok(())
    }

    /// Closes everything from one element on. Formatting that was opened inside comes back behind it, unless a
    /// cell or caption ends, which keeps its own.
    fn cut(&mut self, at: usize, room: &mut Room) -> Result<(), Spent> {
        let closed = self.open.get(at..).unwrap_or_default();
        if closed.is_empty() {
            return Ok(());
        }
        let cell = closed.iter().find(|open| matches!(open.element.kind, Kind::Cell | Kind::Caption));
        if let Some(cell) = cell {
            self.formats.truncate(cell.formats);
        }
        self.open.truncate(at);
        for format in &mut self.formats {
            format.is_loose |= format.height > at;
            format.height = format.height.min(at);
        }
        self.charge(1, room)
    }

    /// Every loose formatting element may be built again, so many times; those outside a cell not inside it.
    fn charge(&self, times: usize, room: &mut Room) -> Result<(), Spent> {
        for format in self.formats.iter().skip(self.marker()).filter(|format| format.is_loose) {
            room.clones = room.clones.checked_sub(times).ok_or(Spent)?;
            room.bytes = room.bytes.checked_sub(times * format.size.written.bytes).ok_or(Spent)?;
            room.scan(&format.size.written, times)?;
        }
        Ok(())
    }

    /// The first formatting element of the innermost cell or caption.
    fn marker(&self) -> usize {
        let cell = self.open.iter().rfind(|it| matches!(it.element.kind, Kind::Cell | Kind::Caption));
        cell.map_or(0, |open| open.formats)
    }

    fn close_paragraph(&mut self, room: &mut Room) -> Result<(), Spent> {
        self.nearest(|open| open.element.kind == Kind::Paragraph).map_or(Ok(()), |at| self.cut(at, room))
    }

    /// An item of a list ends the one before, unless something else than these stands between (§13.2.6.4.7).
    fn close_like(&mut self, kind: Kind, room: &mut Room) -> Result<(), Spent> {
        let is_passed = |open: &Open| {
            matches!(open.element.kind, Kind::Plain | Kind::Paragraph)
                || matches!(open.element.name, "address" | "div")
        };
        let stop = self.nearest(|open| !is_passed(open));
        let like = stop.filter(|at| self.open.get(*at).is_some_and(|open| open.element.kind == kind));
        like.map_or(Ok(()), |at| self.cut(at, room))
    }

    fn start_format(
        &mut self,
        element: Element,
        size: Size,
        room: &mut Room,
    ) -> Result<Option<Before>, Spent> {
        let mut before = Before::Nothing;
        // A link ends the link before; where that one cannot be ended, the new one is left out.
        if element.name == "a" && self.formats.iter().skip(self.marker()).any(|format| format.name == "a") {
            let count = self.formats.len();
            before = Before::Close("a");
            if !self.end_format("a", room)? || self.formats.len() == count {
                return Ok(None);
            }
        }
        let inner = self.formats.iter().skip(self.marker());
        let like =
            inner.filter(|it| it.name == element.name && it.size.attributes == size.attributes).count();
        if like >= LIKE_MAX || self.formats.len() >= FORMATS_MAX {
            return Ok(None);
        }
        self.formats.push(Format { name: element.name, size, height: self.open.len(), is_loose: false });
        Ok(Some(before))
    }

    /// The "adoption agency": the element ends, and what was opened inside goes on without it.
    fn end_format(&mut self, name: &str, room: &mut Room) -> Result<bool, Spent> {
        let first =
            self.base().checked_sub(1).and_then(|at| self.open.get(at)).map_or(0, |open| open.formats);
        let at = self.formats.iter().rposition(|format| format.name == name).filter(|at| *at >= first);
        let Some(at) = at else { return Ok(false) };
        let Some(format) = self.formats.get(at) else { return Ok(false) };
        let blocks = self.open.len().saturating_sub(format.height);
        let is_ended = blocks < ADOPTIONS_MAX;
        if blocks > 0 || at + 1 < self.formats.len() {
            self.formats.iter_mut().skip(at).for_each(|format| format.is_loose = true);
            self.charge(1 + blocks.min(ADOPTIONS_MAX), room)?;
        }
        if is_ended {
            self.formats.remove(at);
        }
        Ok(true)
    }

    /// A part of a table ends the cell or caption before it; outside of tables it is nothing.
    fn start_of_table(&mut self, element: Element, room: &mut Room) -> Result<bool, Spent> {
        if element.kind == Kind::Table {
            let boundary = self.base().checked_sub(1);
            let is_table = |at: &usize| self.open.get(*at).is_some_and(|it| it.element.kind == Kind::Table);
            // A table that stands in no cell ends the table around it.
            if let Some(at) = boundary.filter(is_table) {
                self.cut(at, room)?;
            }
            self.close_paragraph(room)?;
            return self.push(element).map(|()| true);
        }
        let Some(table) = self.table() else { return Ok(false) };
        self.cut(table + 1, room)?;
        let Some(open) = self.open.get_mut(table) else { return Ok(false) };
        match element.kind {
            Kind::Section => (open.section, open.has_row) = (Some(element.name), false),
            Kind::Row | Kind::Cell => {
                open.section.get_or_insert("tbody");
                open.has_row = true;
            }
            _ => (open.section, open.has_row) = (None, false),
        }
        match element.kind {
            Kind::Cell | Kind::Caption => self.push(element).map(|()| true),
            _ => Ok(true),
        }
    }

    fn end_of_rows(&mut self, element: Element, room: &mut Room) -> Result<bool, Spent> {
        let in_caption = self.base().checked_sub(1).and_then(|at| self.open.get(at));
        let in_caption = in_caption.is_some_and(|open| open.element.kind == Kind::Caption);
        let Some(table) = self.table().filter(|_| !in_caption) else { return Ok(false) };
        let Some(open) = self.open.get_mut(table) else { return Ok(false) };
        let ends = match element.kind {
            Kind::Row => open.has_row,
            _ => open.section == Some(element.name),
        };
        if ends {
            open.has_row = false;
            open.section = open.section.filter(|_| element.kind == Kind::Row);
            self.cut(table + 1, room)?;
        }
        Ok(ends)
    }
}

/// What is written before a start tag.
pub(super) enum Before {
    Nothing,
    /// The end tag of this element.
    Close(&'static str),
}

#[cfg(test)]
mod tests;
