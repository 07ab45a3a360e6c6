//! Searches at a server: an expression over words, and, of phrases, a look into the text.
//!
//! An index of PostgreSQL answers with all that it finds, in no order. So the newest few e-mails are searched first,
//! by the words that tell their stretches of time; where those do not fill the page, a longer stretch follows, by how
//! much was found, and then everything.
//!
//! *Invariant:* of what a person wrote only letters and digits reach the expression, inside quotation marks.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use model::limits;
use model::search::{Field, Search, Term};

use super::super::documents::{ATTACHED, BARE, first_of};
use super::super::find::words;
use super::documents::{Level, mark_of};
use super::{Hit, Span, hit};
use crate::StoreError;
use crate::rows::{Param, Read, RowValues};

pub(super) fn find(
    read: &Read<'_>,
    search: &Search,
    (span, limit): (Span, usize),
) -> Result<Vec<Hit>, StoreError> {
    let began = Instant::now();
    let first = span.since.map_or(i64::MIN, first_of);
    let end = span.before.map_or(i64::MAX, first_of).min(span.behind.unwrap_or(i64::MAX));
    let Some(wanted) = Wanted::of(search) else {
        let sql = "select activityid, docid
            from indexdocument
            where docid >= ?1 and docid < ?2
            order by docid desc
            limit ?3";
        return read.rows(sql, &[first.into(), end.into(), limit.into()], hit);
    };
    let mut size = FIRST_LOOK;
    loop {
        let newest = Newest::of(read, (first, end), size)?;
        let found = wanted.find(read, &newest, (first, end, limit))?;
        if newest.is_all || found.len() >= limit {
            return Ok(found);
        }
        if began.elapsed() >= Duration::from_secs(limits::SEARCH_SECONDS_MAX) {
            return Err(StoreError::TookTooLong);
        }
        size = next_size(size, found.len(), limit);
    }
}

/// How many e-mails are looked at next: twice as many as will do, if those behind are like those before; all of them,
/// where few are found or most would be looked at.
fn next_size(size: usize, found: usize, limit: usize) -> usize {
    match size.saturating_mul(2 * limit).checked_div(found) {
        Some(next) if next <= LOOK_MAX && next > size => next,
        _ => usize::MAX,
    }
}

/// The first look costs each search a millisecond, and fills the page for words in one of 40 e-mails.
const FIRST_LOOK: usize = 2_000;
/// More than this are not counted out: all e-mails are searched at once.
const LOOK_MAX: usize = 100_000;
/// So many stretches of time stand in one expression.
const STRETCHES_MAX: usize = 64;

/// The newest e-mails of a span.
struct Newest {
    /// An expression that holds for them and for none that is older than all of them; `None` for all e-mails.
    stretches: Option<String>,
    /// Whether they are all that the span has.
    is_all: bool,
}

impl Newest {
    fn of(read: &Read<'_>, (first, end): (i64, i64), size: usize) -> Result<Self, StoreError> {
        let all = Newest { stretches: None, is_all: true };
        if size > LOOK_MAX {
            return Ok(all);
        }
        let sql = "select w.docid >> 31, count(*)
            from (
                select docid from indexdocument where docid >= ?1 and docid < ?2 order by docid desc limit ?3) as w
            group by 1";
        let params = [first.into(), end.into(), size.into()];
        let row = |row: &mut RowValues<'_>| Ok((row.take::<i64>()?, row.take::<i64>()?));
        let (stretches, counts): (Vec<i64>, Vec<i64>) = read.rows(sql, &params, row)?.into_iter().unzip();
        let is_all = counts.iter().sum::<i64>() < i64::try_from(size).unwrap_or(i64::MAX);
        let wide_enough = Level::ALL.into_iter().find_map(|level| {
            let wide: BTreeSet<i64> = stretches.iter().map(|finest| level.around(*finest)).collect();
            (wide.len() <= STRETCHES_MAX).then_some((level, wide))
        });
        Ok(match wide_enough {
            Some((level, wide)) if !wide.is_empty() => {
                let words: Vec<String> =
                    wide.iter().map(|stretch| quoted("", &level.word_of(*stretch))).collect();
                Newest { stretches: Some(words.join(" | ")), is_all }
            }
            _ => Newest { stretches: None, is_all: true },
        })
    }
}

/// What is looked for.
struct Wanted {
    /// An expression that holds for every e-mail that is found.
    expression: String,
    /// Phrases of several words, which the expression tells nothing about: a line for each, `+` or `-` before the forms
    /// that it has in the parts of an e-mail, a tabulator between two.
    phrases: String,
}

impl Wanted {
    /// `None` where only time is asked for.
    fn of(search: &Search) -> Option<Self> {
        let mut room = limits::SEARCH_WORDS_MAX;
        let (mut all, mut phrases) = (Vec::new(), Vec::new());
        let mut is_anchored = search.has_attachment.is_some();
        for term in &search.terms {
            let words = words(term, &mut room);
            let fields = fields(term);
            if words.len() > 1 {
                let forms = fields.iter().map(|field| in_row(mark_of(*field), &words));
                let sign = if term.is_excluded { '-' } else { '+' };
                phrases.push(format!("{sign}{}", forms.collect::<Vec<_>>().join("\t")));
            }
            let ways = fields.iter().map(|field| {
                let words: Vec<String> = words.iter().map(|word| quoted(mark_of(*field), word)).collect();
                format!("({})", words.join(" & "))
            });
            let any = format!("({})", ways.collect::<Vec<_>>().join(" | "));
            match (words.len(), term.is_excluded) {
                (0, _) => {}
                (1, true) => all.push(format!("!{any}")),
                // The words may stand there apart.
                (_, true) => {}
                (_, false) => {
                    all.push(any);
                    is_anchored = true;
                }
            }
        }
        if all.is_empty() && phrases.is_empty() && search.has_attachment.is_none() {
            return None;
        }
        match search.has_attachment {
            Some(true) => all.push(quoted("", ATTACHED)),
            Some(false) => all.push(quoted("", BARE)),
            // An index of words knows no e-mail without one.
            None if !is_anchored => all.push(format!("({} | {})", quoted("", ATTACHED), quoted("", BARE))),
            None => {}
        }
        Some(Wanted { expression: all.join(" & "), phrases: phrases.join("\n") })
    }

    fn find(
        &self,
        read: &Read<'_>,
        newest: &Newest,
        (first, end, limit): (i64, i64, usize),
    ) -> Result<Vec<Hit>, StoreError> {
        let expression = match &newest.stretches {
            Some(stretches) => format!("({stretches}) & {}", self.expression),
            None => self.expression.clone(),
        };
        let mut params: Vec<Param<'_>> = vec![(&expression).into(), first.into(), end.into(), limit.into()];
        if self.phrases.is_empty() {
            return read.rows(WORDS, &params, hit);
        }
        params.push((&self.phrases).into());
        read.rows(PHRASES, &params, hit)
    }
}

/// Where a term may stand.
fn fields(term: &Term) -> Vec<Field> {
    match term.field {
        Field::Anywhere => [Field::Anywhere].into_iter().chain(Field::NAMED).collect(),
        field => vec![field],
    }
}

/// Words side by side, as they stand in the text of a document.
fn in_row(mark: &str, words: &[String]) -> String {
    let marked: Vec<String> = words.iter().map(|word| format!("{mark}{word}")).collect();
    format!(" {} ", marked.join(" "))
}

fn quoted(mark: &str, word: &str) -> String {
    format!("'{mark}{word}'")
}

/// The sums keep the planner from any index but that of words: it takes the most frequent word for a rare one.
const WORDS: &str = "select activityid, docid
    from indexdocument
    where array_to_tsvector(string_to_array(words, ' ')) @@ cast(cast(?1 as text) as tsquery)
        and docid + 0 >= ?2 and docid + 0 < ?3
    order by docid + 0 desc
    limit ?4";

/// The same, and from the newest on their texts are looked into until there are enough.
const PHRASES: &str = "select c.activityid, c.docid
    from (
        select activityid, docid, docid + 0 as place, words
        from indexdocument
        where array_to_tsvector(string_to_array(words, ' ')) @@ cast(cast(?1 as text) as tsquery)
            and docid + 0 >= ?2 and docid + 0 < ?3
        order by place desc
        offset 0) as c
    where not exists (
        select 1 from unnest(string_to_array(?5, E'\\n')) as p (line)
        where (left(p.line, 1) = '-') = exists (
            select 1 from unnest(string_to_array(substr(p.line, 2), E'\\t')) as f (form)
            where strpos(' ' || c.words || ' ', f.form) > 0))
    order by c.place desc
    limit ?4";
