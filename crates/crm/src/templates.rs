//! Templates: texts with places for values, and the mails that are made of them.
//!
//! ```text
//! source ─▶ translate (classic fields) ─▶ render ◀─ fields (record, its relations, sender, organization)
//!                                           ▼
//!                             subject · HTML, cleaned · text · what was missing
//! ```
//!
//! *Invariant:* what a record holds is never read as a template, never becomes an element of the HTML, and never ends a line;
//! a template that cannot be rendered gives no half of a mail, but says where and why. What it may cost is bounded
//! ([`limits`](model::limits)); it reads no file, and knows no other template.

mod fields;
mod keep;
mod portable;
mod render;
mod sending;
mod translate;

#[cfg(test)]
mod tests;

use model::decision::RecordRef;
use model::schema::templates::Template;
use model::{EmailAddress, Id, Moment, Timestamp, language};
use store::{Organization, StoreError};

use crate::CrmError;

pub use fields::{Fields, gather, record_at, record_of};
pub use keep::{
    Brought, NewTemplate, Over, add_template, change_template, import_templates, offered, remove_template,
    templates, version,
};
pub use portable::{read_templates, write_templates};
pub use render::{Fault, Missing, Part, Rendered, Source, check, render};
pub use sending::{fill, send_from_template};

/// Of what a mail is to be made.
#[derive(Debug, Clone)]
pub struct Wish<'w> {
    /// The title of the template.
    pub title: &'w str,
    /// In which language; else in the one for any.
    pub language: Option<i32>,
    /// Who asks: his own template goes before everybody's.
    pub user: Option<Id>,
    /// The record whose values stand in it.
    pub regarding: Option<RecordRef>,
    /// Who writes.
    pub sender: Option<&'w EmailAddress>,
}

/// Makes subject and text of a mail, of a template and a record. Nothing is kept.
///
/// # Errors
/// [`CrmError::NotFound`] where there is no such template or record; [`CrmError::Invalid`] where the template is for other
/// records, or cannot be rendered: with the place in it.
pub fn instantiate_template(organization: &Organization, wish: &Wish<'_>) -> Result<Rendered, CrmError> {
    let (template, fields) = organization.read(|read| {
        let found = find(&read.templates_titled(wish.title)?, wish);
        Ok::<_, StoreError>((found, gather(read, organization.name(), (wish.regarding, wish.sender))?))
    })?;
    made(template.ok_or(CrmError::NotFound { what: "the template" })?, fields)
}

/// What a template would become that is not kept yet, for a record and for who writes.
///
/// # Errors
/// Those of [`add_template`] and of [`instantiate_template`].
pub fn try_template(
    organization: &Organization,
    new: NewTemplate,
    (regarding, sender): (Option<RecordRef>, Option<&EmailAddress>),
) -> Result<Rendered, CrmError> {
    let template = new.row(&Moment::new(Timestamp(0), 0))?;
    made(template, organization.read(|read| gather(read, organization.name(), (regarding, sender)))?)
}

fn made(template: Template, fields: Option<Fields>) -> Result<Rendered, CrmError> {
    let fields = fields.ok_or(CrmError::NotFound { what: "the record" })?;
    let kind = template.templatetypecode.as_str();
    if kind != keep::FOR_ANY && !fields.has(kind) {
        return Err(CrmError::Invalid(format!(
            "the template “{}” is for another kind of record: {kind}",
            template.title
        )));
    }
    let title = template.title.clone();
    render(&Source::of(template), &fields)
        .map_err(|fault| CrmError::Invalid(format!("the template “{title}”: {fault}")))
}

/// The one that is meant: the asking user's own before everybody's, then by language.
fn find(titled: &[Template], wish: &Wish<'_>) -> Option<Template> {
    let of = |owner: Id| titled.iter().filter(|row| row.ownerid == owner).collect::<Vec<_>>();
    let own = wish.user.map(of).unwrap_or_default();
    let all = if own.is_empty() { of(keep::EVERYBODY) } else { own };
    in_language(&all, wish.language.unwrap_or(language::ANY)).cloned()
}

/// The very language, else the same one of another region, else the one for any, else the first.
fn in_language<'t>(variants: &[&'t Template], wanted: i32) -> Option<&'t Template> {
    let find = |meets: &dyn Fn(i32) -> bool| variants.iter().find(|row| meets(row.languagecode)).copied();
    find(&|code| code == wanted)
        .or_else(|| find(&|code| wanted != language::ANY && language::is_same(code, wanted)))
        .or_else(|| find(&|code| code == language::ANY))
        .or_else(|| variants.first().copied())
}
