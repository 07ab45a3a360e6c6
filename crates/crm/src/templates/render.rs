//! One template and the values for it become subject, HTML and text. Pure.
//!
//! minijinja renders, within limits: so many steps and bytes, so many blocks in each other. It has no loader, so a template
//! reads nothing; few filters, no functions and no lists, so that nothing grows but what its fuel is charged for.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use message::compose::safe_html;
use minijinja::value::{Object, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, HtmlEscape, Output, filters, tests};
use model::limits;
use model::schema::templates::Template;

use super::fields::{self, Fields, ROOTS};
use super::translate::{MARK, Translated, translate, unknown_field};

/// What a template says, before it is rendered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// The subject.
    pub subject: String,
    /// The HTML, where there is any.
    pub html: Option<String>,
    /// The text; where there is HTML alone it is made of that.
    pub text: Option<String>,
}

impl Source {
    /// That of a row.
    pub(super) fn of(row: Template) -> Self {
        match row.mimetype.as_str() {
            HTML => Source { subject: row.subject, html: Some(row.body), text: row.textbody },
            _ => Source { subject: row.subject, html: None, text: Some(row.body) },
        }
    }
}

/// The type of a template that has HTML.
pub(super) const HTML: &str = "text/html";
/// The type of one that has text alone.
pub(super) const PLAIN: &str = "text/plain";

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The subject.
    Subject,
    /// The HTML.
    Html,
    /// The text.
    Text,
}

/// What a template became.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    /// The subject, in one line that is no longer than one may be.
    pub subject: String,
    /// The HTML, made safe.
    pub html: Option<String>,
    /// The text.
    pub text: Option<String>,
    /// The values that were asked for and are not there, in their order.
    pub missing: Vec<Missing>,
}

/// A value that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Where it was to stand.
    pub part: Part,
    /// The field: `contact.firstname`.
    pub field: String,
    /// What the record is called that does not have it; `None` where there is no such record.
    pub record: Option<String>,
    /// What stands instead; empty where nothing does.
    pub instead: String,
}

/// Why a template cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part}, line {line}, column {column}: {words}")]
pub struct Fault {
    /// In which part.
    pub part: Part,
    /// In which line, from 1.
    pub line: usize,
    /// At which character of it, from 1.
    pub column: usize,
    /// What is wrong.
    pub words: String,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Subject => "subject",
            Part::Html => "HTML",
            Part::Text => "text",
        })
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.record {
            Some(record) => write!(f, "{} of {record} is empty", self.field)?,
            None => write!(f, "{}: there is no such record", self.field)?,
        }
        match self.instead.as_str() {
            "" => write!(f, "; nothing stands instead ({})", self.part),
            instead => write!(f, "; “{instead}” stands instead ({})", self.part),
        }
    }
}

/// Renders all parts of a template.
///
/// # Errors
/// [`Fault`]: the first thing that is wrong, and then there is no mail at all.
pub fn render(source: &Source, fields: &Fields) -> Result<Rendered, Fault> {
    let mut rendered = Rendered::default();
    let missing = &mut rendered.missing;
    let subject = render_part((Part::Subject, &source.subject), fields, missing)?;
    let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
    rendered.subject = subject.chars().take(limits::SUBJECT_CHARS_MAX).collect();
    if let Some(html) = &source.html {
        let html = render_part((Part::Html, html), fields, missing)?;
        rendered.html = Some(safe_html(&html, HashMap::new()));
    }
    if let Some(text) = &source.text {
        rendered.text = Some(render_part((Part::Text, text), fields, missing)?);
    }
    Ok(rendered)
}

/// Looks at a template before it is kept: whether it can be read, names fields that there are, and can be rendered with no
/// value at all and with all of them.
///
/// # Errors
/// [`Fault`]: the first thing that is wrong.
pub fn check(source: &Source) -> Result<(), Fault> {
    let parts = [
        (Part::Subject, Some(&source.subject)),
        (Part::Html, source.html.as_ref()),
        (Part::Text, source.text.as_ref()),
    ];
    for (part, text) in parts.into_iter().filter_map(|(part, text)| Some((part, text?))) {
        check_names((part, text))?;
    }
    render(source, &Fields::default())?;
    render(source, &Fields::all("x")).map(drop)
}

fn check_names((part, source): (Part, &str)) -> Result<(), Fault> {
    let translated = translated((part, source))?;
    let environment = environment(part, &Arc::default());
    let template = environment
        .template_from_named_str(name(part), &translated.text)
        .map_err(|error| fault(&error, (part, source), &translated))?;
    let mut unknown: Vec<(usize, String)> = Vec::new();
    for name in template.undeclared_variables(true) {
        let (root, field) =
            name.split_once('.').map_or((name.as_str(), None), |(root, field)| (root, Some(field)));
        let is_known =
            ROOTS.contains(&root) && field.is_none_or(|field| fields::names(root).contains(&field));
        if !is_known && root != MARK {
            unknown.push((source.find(&name).unwrap_or_default(), name));
        }
    }
    match unknown.into_iter().min() {
        Some((at, name)) => Err(at_place((part, source), at, unknown_field(&name))),
        None => Ok(()),
    }
}

fn render_part(
    (part, source): (Part, &str),
    fields: &Fields,
    missing: &mut Vec<Missing>,
) -> Result<String, Fault> {
    if source.len() > limits::TEMPLATE_BYTES_MAX {
        let most = limits::TEMPLATE_BYTES_MAX;
        return Err(at_place((part, source), 0, format!("it is longer than {most} bytes")));
    }
    let translated = translated((part, source))?;
    let asked = Arc::<Asked>::default();
    let environment = environment(part, &asked);
    let values: BTreeMap<&str, Value> = ROOTS
        .into_iter()
        .map(|root| {
            let values = fields.of(root).map(|known| known.values.clone()).unwrap_or_default();
            (root, Value::from_object(Record { root, values, asked: Arc::clone(&asked) }))
        })
        .chain([(MARK, Value::from_object(Mark))])
        .collect();
    let rendered = environment
        .template_from_named_str(name(part), &translated.text)
        .and_then(|template| template.render(Value::from(values)))
        .map_err(|error| fault(&error, (part, source), &translated))?;
    if rendered.len() > limits::RENDERED_BYTES_MAX {
        return Err(at_place((part, source), 0, TOO_MUCH.to_owned()));
    }
    for (root, field, instead) in asked.lock().found.drain(..) {
        let record = fields.of(root).map(|known| known.record.clone());
        missing.push(Missing { part, field: format!("{root}.{field}"), record, instead });
    }
    Ok(rendered)
}

/// By the name it is known what captured text is: HTML already, or text.
fn name(part: Part) -> &'static str {
    if part == Part::Html { HTML_NAME } else { "text" }
}

const HTML_NAME: &str = "html";

/// What a template may do with a value: nothing that makes a list, lets a value pass for HTML, or makes much of little.
fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("d", filters::default);
    environment.add_filter("default", filters::default);
    environment.add_filter("length", filters::length);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("title", filters::title);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("upper", filters::upper);
    // All is escaped where it is shown.
    environment.add_filter("e", |value: Value| value);
    environment.add_filter("escape", |value: Value| value);
    environment.add_test("defined", tests::is_defined);
    environment.add_test("undefined", tests::is_undefined);
    environment.add_test("endingwith", tests::is_endingwith);
    environment.add_test("startingwith", tests::is_startingwith);
}

fn environment(part: Part, asked: &Arc<Asked>) -> Environment<'static> {
    let mut environment = Environment::empty();
    add_filters(&mut environment);
    environment.set_auto_escape_callback(|name| match name {
        HTML_NAME => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    environment.set_fuel(Some(limits::TEMPLATE_FUEL));
    environment.set_recursion_limit(limits::TEMPLATE_DEPTH_MAX);
    // Else a fault has no place.
    environment.set_debug(true);
    let asked = Arc::clone(asked);
    environment.set_formatter(move |out, _, value| show(out, (part, value), &asked));
    environment
}

/// Shows a value: escaped in HTML, whatever the template says of that.
fn show(out: &mut Output<'_>, (part, value): (Part, &Value), asked: &Asked) -> Result<(), Error> {
    if value.downcast_object_ref::<Mark>().is_some() {
        asked.lock().pending.clear();
        return Ok(());
    }
    let text = match value.kind() {
        ValueKind::Undefined | ValueKind::None => String::new(),
        ValueKind::String | ValueKind::Number | ValueKind::Bool => value.to_string(),
        _ => return Err(Error::new(ErrorKind::InvalidOperation, "only texts and numbers can be shown")),
    };
    asked.stands_instead(&text);
    match part == Part::Html && !value.is_safe() {
        true => out.write_fmt(format_args!("{}", HtmlEscape(&text)))?,
        false => out.write_str(&text)?,
    }
    Ok(())
}

/// Stands before each place where a value is shown.
#[derive(Debug)]
struct Mark;

impl Object for Mark {}

/// A record, as a template sees it.
#[derive(Debug)]
struct Record {
    root: &'static str,
    values: BTreeMap<&'static str, String>,
    asked: Arc<Asked>,
}

impl Object for Record {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let value = self.values.get(name);
        if value.is_none()
            && let Some(name) = fields::field(self.root, name)
        {
            self.asked.lock().pending.push((self.root, name));
        }
        value.map(|value| Value::from(value.as_str()))
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.values.is_empty()
    }
}

/// What was asked for and is not there.
#[derive(Debug, Default)]
struct Asked(Mutex<Asking>);

#[derive(Debug, Default)]
struct Asking {
    /// Since the last mark.
    pending: Vec<(&'static str, &'static str)>,
    /// With what stands instead.
    found: Vec<(&'static str, &'static str, String)>,
}

/// So many are told of one part.
const MISSING_MAX: usize = 100;
/// Characters of what stands instead, as far as it is told.
const INSTEAD_CHARS_MAX: usize = 60;

impl Asked {
    fn lock(&self) -> MutexGuard<'_, Asking> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stands_instead(&self, text: &str) {
        let mut asking = self.lock();
        let pending = std::mem::take(&mut asking.pending);
        for (root, field) in pending {
            if asking.found.len() < MISSING_MAX {
                asking.found.push((root, field, text.chars().take(INSTEAD_CHARS_MAX).collect()));
            }
        }
    }
}

fn translated((part, source): (Part, &str)) -> Result<Translated, Fault> {
    translate(source).map_err(|wrong| at_place((part, source), wrong.at, wrong.words))
}

const TOO_MUCH: &str = "the template does too much: it is too long, or goes round too often";

fn fault(error: &Error, (part, source): (Part, &str), translated: &Translated) -> Fault {
    let words = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => TOO_MUCH.to_owned(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    };
    match (error.range(), error.line()) {
        (Some(range), _) => at_place((part, source), translated.place(range.start), words),
        (None, line) => Fault { part, line: line.unwrap_or(1), column: 1, words },
    }
}

fn at_place((part, source): (Part, &str), at: usize, words: String) -> Fault {
    let before = source.get(..at).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Fault { part, line, column, words }
}
