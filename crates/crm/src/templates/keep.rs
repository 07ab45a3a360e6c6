//! Keeping templates: added, said anew, taken away. What is kept can be rendered.

use std::sync::Arc;

use model::decision::Entity;
use model::schema::house::Event;
use model::schema::templates::Template;
use model::{Id, Moment, Timestamp, language, limits};
use store::{Organization, Priority, StoreError, TemplateLine, Tx};

use super::render::{HTML, PLAIN, Source, check};
use crate::CrmError;

/// The owner of what is everybody's.
pub(super) const EVERYBODY: Id = Id([0; 16]);
/// What a template is for that is for any record, as Dynamics says it.
pub(super) const FOR_ANY: &str = "systemuser";
/// The number of templates among the kinds of records (Dynamics).
const TEMPLATE_CODE: i32 = 2010;

/// A template to be kept, in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTemplate {
    /// Its title.
    pub title: String,
    /// Its language, of `LANGUAGES`.
    pub language: i32,
    /// The kind of record that it is for; any where none is said.
    pub kind: Option<Entity>,
    /// Whose own it is; else everybody's.
    pub owner: Option<Id>,
    /// What it says.
    pub source: Source,
}

impl NewTemplate {
    /// That of a row.
    pub fn of(row: Template) -> Self {
        NewTemplate {
            title: row.title.clone(),
            language: row.languagecode,
            kind: Entity::from_name(&row.templatetypecode).filter(|kind| kind.is_customer()),
            owner: row.ispersonal.then_some(row.ownerid),
            source: Source::of(row),
        }
    }

    pub(super) fn row(self, moment: &Moment) -> Result<Template, CrmError> {
        let title = self.title.trim().to_owned();
        let is_plain = !title.is_empty() && !title.contains(char::is_control);
        if !is_plain || title.chars().count() > limits::NAME_CHARS_MAX {
            let most = limits::NAME_CHARS_MAX;
            return Err(CrmError::Invalid(format!("a title has 1 to {most} characters")));
        }
        if language::tag(self.language).is_none() {
            return Err(CrmError::Invalid("the language is not known".to_owned()));
        }
        if self.kind.is_some_and(|kind| !kind.is_customer()) {
            return Err(CrmError::Invalid("a template is for accounts, contacts, leads or any".to_owned()));
        }
        if self.source.html.is_none() && self.source.text.is_none() {
            return Err(CrmError::Invalid(format!("the template “{title}” has neither HTML nor text")));
        }
        check(&self.source).map_err(|fault| CrmError::Invalid(format!("the template “{title}”: {fault}")))?;
        let Source { subject, html, text } = self.source;
        let (mimetype, body, textbody) = match html {
            Some(html) => (HTML, html, text),
            None => (PLAIN, text.unwrap_or_default(), None),
        };
        Ok(Template {
            templateid: moment.id(),
            title,
            languagecode: self.language,
            templatetypecode: self.kind.map_or(FOR_ANY, Entity::name).to_owned(),
            ispersonal: self.owner.is_some(),
            ownerid: self.owner.unwrap_or(EVERYBODY),
            mimetype: mimetype.to_owned(),
            subject,
            body,
            textbody,
            createdon: moment.now,
            modifiedon: moment.now,
        })
    }
}

/// Adds a template.
///
/// # Errors
/// [`CrmError::Taken`] where there is one of this title, owner and language; [`CrmError::Invalid`] with the place in it where
/// it cannot be rendered.
pub async fn add_template(
    organization: &Arc<Organization>,
    new: NewTemplate,
    moment: Moment,
) -> Result<Id, CrmError> {
    let row = new.row(&moment)?;
    let (id, title) = (row.templateid, row.title.clone());
    let unit = organization.unit(Priority::Background, move |tx| {
        if !has_room(tx, 1)? {
            return Ok(false);
        }
        tx.add_template(&row)?;
        note(tx, &moment, row.templateid, "created")?;
        Ok(true)
    });
    match unit.await {
        Ok(true) => Ok(id),
        Ok(false) => Err(too_many()),
        Err(StoreError::Conflict { .. }) => {
            Err(CrmError::Taken { what: format!("the template “{title}” in this language") })
        }
        Err(other) => Err(other.into()),
    }
}

/// Says anew what a template is, found by its id, if nobody has changed it since a moment. Says whether it was so: else nothing
/// is kept. Its title, owner and language stay.
///
/// # Errors
/// [`CrmError::NotFound`] where it is not there any more; else as [`add_template`].
pub async fn change_template(
    organization: &Arc<Organization>,
    (id, modifiedon): (Id, Timestamp),
    new: NewTemplate,
    moment: Moment,
) -> Result<bool, CrmError> {
    let row = Template { templateid: id, ..new.row(&moment)? };
    let unit = organization.unit(Priority::Background, move |tx| {
        // Compared where it is written: of two who keep it at the same time one is told.
        let Some(known) = tx.template_held(id)? else { return Ok(None) };
        if known.modifiedon != modifiedon {
            return Ok(Some(false));
        }
        tx.set_template(&row)?;
        note(tx, &moment, id, "changed")?;
        Ok(Some(true))
    });
    let is_kept: Option<bool> = unit.await.map_err(|error: StoreError| CrmError::from(error))?;
    is_kept.ok_or(CrmError::NotFound { what: "the template" })
}

/// A template that is brought, as [`read_templates`](super::read_templates) reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// What it says.
    pub new: NewTemplate,
    /// The [`version`] of the one that it was made of, where that is known.
    pub version: Option<String>,
}

/// What a template that is brought may take the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Of the one that it was made of.
    Seen,
    /// Of whatever is there.
    Anything,
}

/// Tells what a template says apart from what it said before, and says the same wherever it is kept.
pub fn version(row: &Template) -> String {
    let said = (&row.templatetypecode, &row.mimetype, &row.subject, &row.body, &row.textbody);
    let digest = message::identity::raw_digest(format!("{said:?}").as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Adds templates, or says anew what they are: all of them, or none. What is there already as it is brought stays untouched.
///
/// # Errors
/// As [`add_template`]; [`CrmError::Invalid`] with their titles where some may not take the place of what is there.
pub async fn import_templates(
    organization: &Arc<Organization>,
    (all, over): (Vec<Brought>, Over),
    moment: Moment,
) -> Result<usize, CrmError> {
    let count = all.len();
    if count > limits::ROWS_PER_UNIT_MAX {
        let most = limits::ROWS_PER_UNIT_MAX;
        return Err(CrmError::Invalid(format!("these are more than {most} templates: bring them in parts")));
    }
    let row = |brought: Brought| Ok::<_, CrmError>((brought.new.row(&moment)?, brought.version));
    let rows = all.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let unit = organization.unit(Priority::Background, move |tx| {
        let overtaken = overtaken(tx, &rows)?;
        if over == Over::Seen && !overtaken.is_empty() {
            return Ok(Err(changed_since(&overtaken)));
        }
        if !has_room(tx, rows.len())? {
            return Ok(Err(too_many()));
        }
        rows.iter().try_for_each(|(row, _)| bring(tx, row, &moment))?;
        Ok(Ok(()))
    });
    let done: Result<(), CrmError> = unit.await.map_err(|error: StoreError| CrmError::from(error))?;
    done.map(|()| count)
}

/// The titles of those that are there, say something else, and are not what the others were made of.
fn overtaken(tx: &Tx<'_>, rows: &[(Template, Option<String>)]) -> Result<Vec<String>, StoreError> {
    let mut titles = Vec::new();
    for (row, seen) in rows {
        let Some(known) = same(tx, row)? else { continue };
        let by_now = version(&known);
        if by_now != version(row) && seen.as_ref() != Some(&by_now) {
            let tag = language::tag(row.languagecode).unwrap_or_default();
            titles.push(format!("“{}” ({tag})", row.title));
        }
    }
    Ok(titles)
}

fn changed_since(titles: &[String]) -> CrmError {
    let shown: Vec<&str> = titles.iter().take(5).map(String::as_str).collect();
    let more = titles.len().saturating_sub(shown.len());
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    CrmError::Invalid(format!(
        "what is there is not what these were made of, for somebody has changed it since: {}{more}. Nothing was brought: \
         export them and compare, or bring them with --over",
        shown.join(", ")
    ))
}

fn bring(tx: &mut Tx<'_>, row: &Template, moment: &Moment) -> Result<(), StoreError> {
    match same(tx, row)? {
        Some(known) if version(&known) == version(row) => Ok(()),
        Some(known) => {
            tx.set_template(&Template { templateid: known.templateid, ..row.clone() })?;
            note(tx, moment, known.templateid, "changed")
        }
        None => {
            tx.add_template(row)?;
            note(tx, moment, row.templateid, "created")
        }
    }
}

/// Takes a template away: in one language, or in all of them.
///
/// # Errors
/// [`CrmError::NotFound`] where there is none.
pub async fn remove_template(
    organization: &Arc<Organization>,
    (title, owner, language): (String, Option<Id>, Option<i32>),
    moment: Moment,
) -> Result<(), CrmError> {
    let owner = owner.unwrap_or(EVERYBODY);
    let unit = organization.unit(Priority::Background, move |tx| {
        let mut rows = tx.templates_titled(&title)?;
        rows.retain(|row| row.ownerid == owner && language.is_none_or(|code| code == row.languagecode));
        for row in &rows {
            tx.remove_template(row.templateid)?;
            note(tx, &moment, row.templateid, "removed")?;
        }
        Ok::<_, StoreError>(rows.len())
    });
    let removed: usize = unit.await?;
    if removed == 0 { Err(CrmError::NotFound { what: "the template" }) } else { Ok(()) }
}

/// All templates, by title.
///
/// # Errors
/// Where the store cannot say.
pub fn templates(organization: &Organization) -> Result<Vec<Template>, CrmError> {
    Ok(organization.read(|read| read.templates(limits::TEMPLATES_MAX))?)
}

/// Those that a user may write with, everybody's and his own, by title, without what they say.
///
/// # Errors
/// Where the store cannot say.
pub fn offered(organization: &Organization, user: Id) -> Result<Vec<TemplateLine>, CrmError> {
    Ok(organization.read(|read| read.template_lines([EVERYBODY, user], limits::TEMPLATES_SHOWN_MAX))?)
}

/// The one that is there under a title, owner and language.
fn same(tx: &Tx<'_>, row: &Template) -> Result<Option<Template>, StoreError> {
    let titled = tx.templates_titled(&row.title)?;
    let is_it = |known: &Template| known.ownerid == row.ownerid && known.languagecode == row.languagecode;
    Ok(titled.into_iter().find(is_it))
}

fn has_room(tx: &Tx<'_>, more: usize) -> Result<bool, StoreError> {
    Ok(tx.template_count()?.saturating_add(more) <= limits::TEMPLATES_MAX)
}

fn too_many() -> CrmError {
    CrmError::Invalid(format!("an organization has at most {} templates", limits::TEMPLATES_MAX))
}

fn note(tx: &mut Tx<'_>, moment: &Moment, template: Id, operation: &str) -> Result<(), StoreError> {
    tx.append_event(&Event {
        eventid: 0,
        createdon: moment.now,
        systemuserid: None,
        objectid: template,
        objecttypecode: TEMPLATE_CODE,
        operation: operation.to_owned(),
        detail: None,
    })
}
