//! Search: what a form says, read by `crm`, answered by the text index and the rows of the e-mails it names.

use crm::CrmError;
use crm::search::{self, indexing, query};
use jiff::tz::TimeZone;
use model::search::{Field, Search};
use model::{Timestamp, limits};
use store::{Hit, Organization, Span, StoreError};
use web::Failure;
use web::values::{Found, List, MailLine, Page, SearchForm};

use super::names::Names;
use super::{failure, lines, store_failure};

/// Answers a form with one page of mails.
pub(super) fn found(organization: &Organization, form: &SearchForm, page: &Page) -> Result<Found, Failure> {
    let query::Asked { search, mut notes } = query::read(&line_of(form));
    let behind = page.after.as_deref().map(|key| key.parse().map_err(|_| Failure::NotFound)).transpose()?;
    let span = Span { since: search.since.map(midnight), before: search.before.map(midnight), behind };
    let list = if search.is_empty() {
        List { rows: Vec::new(), next: None }
    } else {
        match list(organization, &search, span)? {
            Some(list) => list,
            None => {
                notes
                    .push("The search took too long and was given up. Add a rarer word, or days.".to_owned());
                List { rows: Vec::new(), next: None }
            }
        }
    };
    let (left, up_to) = indexing::left(organization).map_err(failure)?;
    Ok(Found {
        line: query::line(&search),
        form: form_of(&search),
        notes,
        marked: marked(&search),
        list,
        left: u64::try_from(left).unwrap_or(0),
        up_to,
    })
}

/// Says what is not found where the index does not follow the mail: nothing of it is on the way.
pub(super) fn stands_still(mut found: Found) -> Found {
    if std::mem::take(&mut found.left) > 0 {
        let words = "Search does not follow the mail in this house: what came since the index was last made is not found.";
        found.notes.push(words.to_owned());
    }
    found
}

/// The form as one line of the search box.
fn line_of(form: &SearchForm) -> String {
    let mut line = [form.q.trim(), form.words.trim()].join(" ");
    query::add_field(&mut line, Field::From, &form.from);
    query::add_field(&mut line, Field::To, &form.to);
    query::add_field(&mut line, Field::Subject, &form.subject);
    for (name, value) in [("has", &form.has), ("after", &form.after), ("before", &form.before)] {
        if !value.trim().is_empty() {
            line.push_str(&format!(" {name}:{}", value.trim()));
        }
    }
    line.trim().to_owned()
}

/// A search as the fields of the form; what has no field stands among the words.
fn form_of(search: &Search) -> SearchForm {
    let part = |fields: &[Field]| {
        let terms = search.terms.iter().filter(|term| fields.contains(&term.field)).cloned();
        let alone = |mut term: model::search::Term| {
            if fields.len() == 1 {
                term.field = Field::Anywhere;
            }
            term
        };
        query::line(&Search { terms: terms.map(alone).collect(), ..Search::default() })
    };
    let has_none = search.has_attachment == Some(false);
    let day = |day: Option<i64>| day.and_then(query::date).map(|date| date.to_string()).unwrap_or_default();
    let mut words = part(&[Field::Anywhere, Field::File]);
    if has_none {
        words.push_str(" -has:attachment");
    }
    SearchForm {
        q: String::new(),
        words: words.trim().to_owned(),
        from: part(&[Field::From]),
        to: part(&[Field::To]),
        subject: part(&[Field::Subject]),
        has: if search.has_attachment == Some(true) { "attachment".to_owned() } else { String::new() },
        after: day(search.since),
        before: day(search.before),
    }
}

/// Words that may stand in a subject or a text.
fn marked(search: &Search) -> Vec<String> {
    let shows = |field: Field| matches!(field, Field::Anywhere | Field::Subject);
    let terms = search.terms.iter().filter(|term| !term.is_excluded && shows(term.field));
    terms.map(|term| term.words.clone()).collect()
}

/// `None` where it takes too long.
fn list(organization: &Organization, search: &Search, span: Span) -> Result<Option<List<MailLine>>, Failure> {
    let limit = limits::PAGE_ROWS_MAX + 1;
    let mut hits: Vec<Hit> = match search::find(organization, search, (span, limit)) {
        Err(CrmError::Store(StoreError::TookTooLong)) => return Ok(None),
        found => found.map_err(failure)?,
    };
    let has_more = hits.len() > limits::PAGE_ROWS_MAX;
    hits.truncate(limits::PAGE_ROWS_MAX);
    let next = hits.last().filter(|_| has_more).map(|hit| hit.docid.to_string());
    let rows = organization.read(|read| {
        let names = &mut Names::new(read);
        let mut rows = Vec::with_capacity(hits.len());
        for hit in &hits {
            if let Some(email) = read.email_line(hit.email)? {
                rows.push(lines::line(names, &email)?);
            }
        }
        Ok(rows)
    });
    Ok(Some(List { rows: rows.map_err(store_failure)?, next }))
}

/// The beginning of a day where the machine stands, as on every page; at the ends of the calendar that of UTC.
fn midnight(day: i64) -> Timestamp {
    let begins = query::date(day).and_then(|date| date.to_zoned(TimeZone::system()).ok());
    let millis = begins.map(|time| time.timestamp().as_millisecond());
    Timestamp(millis.unwrap_or_else(|| day.saturating_mul(86_400_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_that_can_be_written_begins_somewhere() {
        for text in ["after:0001", "after:1969-12-31", "after:9999-12-31"] {
            let day = query::read(text).search.since.unwrap_or_default();
            assert!(midnight(day).0.abs_diff(day * 86_400_000) < 86_400_000, "{text}");
        }
    }

    #[test]
    fn a_form_and_the_line_it_makes_say_the_same() {
        let form = SearchForm {
            q: "pallets".to_owned(),
            words: "\"net 30\" -file:offer.pdf".to_owned(),
            from: "jane \"van Beek\" -ben".to_owned(),
            to: "zoe@x.test".to_owned(),
            subject: "offer".to_owned(),
            has: "attachment".to_owned(),
            after: "2026-01-31".to_owned(),
            before: "2027-01-01".to_owned(),
        };
        let line = line_of(&form);
        let search = query::read(&line).search;
        let again = form_of(&search);
        assert_eq!(again.words, "pallets \"net 30\" -file:offer.pdf");
        assert_eq!(SearchForm { q: form.q.clone(), words: form.words.clone(), ..again.clone() }, form);
        assert_eq!(query::read(&line_of(&again)).search, search);
        assert_eq!(marked(&search), ["pallets", "net 30", "offer"]);
    }
}
