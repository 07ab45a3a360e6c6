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

/// Says anew what a template is, found by title, owner and language.
///
/// # Errors
/// [`CrmError::NotFound`] where there is none; else as [`add_template`].
pub async fn set_template(
    organization: &Arc<Organization>,
    new: NewTemplate,
    moment: Moment,
) -> Result<(), CrmError> {
    let row = new.row(&moment)?;
    let unit = organization.unit(Priority::Background, move |tx| set(tx, &row, &moment));
    let is_there: bool = unit.await.map_err(|error: StoreError| CrmError::from(error))?;
    if is_there { Ok(()) } else { Err(CrmError::NotFound { what: "the template" }) }
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

/// Adds templates, or says anew what they are: all of them, or none.
///
/// # Errors
/// As [`add_template`].
pub async fn import_templates(
    organization: &Arc<Organization>,
    all: Vec<NewTemplate>,
    moment: Moment,
) -> Result<usize, CrmError> {
    let count = all.len();
    if count > limits::ROWS_PER_UNIT_MAX {
        let most = limits::ROWS_PER_UNIT_MAX;
        return Err(CrmError::Invalid(format!("these are more than {most} templates: bring them in parts")));
    }
    let rows = all.into_iter().map(|new| new.row(&moment)).collect::<Result<Vec<_>, _>>()?;
    let unit = organization.unit(Priority::Background, move |tx| {
        if !has_room(tx, rows.len())? {
            return Ok(false);
        }
        for row in &rows {
            if !set(tx, row, &moment)? {
                tx.add_template(row)?;
                note(tx, &moment, row.templateid, "created")?;
            }
        }
        Ok(true)
    });
    let is_done: bool = unit.await.map_err(|error: StoreError| CrmError::from(error))?;
    if is_done { Ok(count) } else { Err(too_many()) }
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

/// Says anew what a template is. Says whether it is there.
fn set(tx: &mut Tx<'_>, row: &Template, moment: &Moment) -> Result<bool, StoreError> {
    let titled = tx.templates_titled(&row.title)?;
    let is_it = |known: &&Template| known.ownerid == row.ownerid && known.languagecode == row.languagecode;
    let Some(known) = titled.iter().find(is_it) else { return Ok(false) };
    tx.set_template(&Template { templateid: known.templateid, ..row.clone() })?;
    note(tx, moment, known.templateid, "changed")?;
    Ok(true)
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
