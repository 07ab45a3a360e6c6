//! Templates that are written on pages: begun, tried, kept, taken away.
//!
//! *Invariant:* a visitor changes his own; everybody's only an administrator does.

use std::sync::Arc;

use crm::CrmError;
use crm::templates::{self, NewTemplate, Source};
use model::decision::Entity;
use model::schema::templates::Template;
use model::{EmailAddress, Id, language};
use store::Organization;
use tokio::runtime::Handle;
use web::Failure;
use web::values::{TemplateBeginning, TemplateDraft, TemplateEnd, TemplateTry, Visitor};

use super::super::names::Names;
use super::super::writing::{Asking, refusal};
use super::super::{failure, store_failure};
use super::{found, named, shown};
use crate::house::House;

/// Whether a visitor may change a template that he may write with.
pub(super) fn may_change(visitor: &Visitor, row: &Template) -> bool {
    row.ispersonal || visitor.is_administrator
}

fn changeable(asking: Asking<'_>, id: Id) -> Result<Template, Failure> {
    let row = found(asking, id)?;
    if may_change(asking.1, &row) { Ok(row) } else { Err(Failure::NotFound) }
}

/// One as it begins. A variant has the owner of the other one: else it would be none of it.
pub(in super::super) fn begin(
    asking: Asking<'_>,
    beginning: TemplateBeginning,
) -> Result<TemplateDraft, Failure> {
    let any = || "any".to_owned();
    match beginning {
        TemplateBeginning::New => {
            Ok(TemplateDraft { language: any(), kind: any(), is_own: true, ..TemplateDraft::default() })
        }
        TemplateBeginning::Variant(id) => {
            let draft = draft_of(changeable(asking, id)?);
            Ok(TemplateDraft { id: None, language: any(), version: String::new(), ..draft })
        }
        TemplateBeginning::Change(id) => Ok(draft_of(changeable(asking, id)?)),
    }
}

fn draft_of(row: Template) -> TemplateDraft {
    let (id, version) = (row.templateid, version(&row));
    let NewTemplate { title, language, kind, owner, source } = NewTemplate::of(row);
    TemplateDraft {
        id: Some(id),
        title,
        language: language::tag(language).unwrap_or_default().to_owned(),
        kind: kind.map_or("any", Entity::name).to_owned(),
        is_own: owner.is_some(),
        subject: source.subject,
        html: source.html.unwrap_or_default(),
        text: source.text.unwrap_or_default(),
        version,
    }
}

fn version(row: &Template) -> String {
    row.modifiedon.0.to_string()
}

/// What was typed as a template; one that is changed stays the one that it is.
fn new(asking: Asking<'_>, draft: TemplateDraft) -> Result<Result<NewTemplate, CrmError>, Failure> {
    let known = draft.id.map(|id| changeable(asking, id)).transpose()?.map(NewTemplate::of);
    if known.is_none() && !draft.is_own && !asking.1.is_administrator {
        return Err(Failure::NotFound);
    }
    let part = |text: String| Some(text).filter(|text| !text.trim().is_empty());
    let (html, text) = (part(draft.html), part(draft.text));
    let source = Source { subject: draft.subject.trim().to_owned(), html, text };
    let kind = Entity::from_name(&draft.kind).filter(|kind| kind.is_customer());
    Ok(match known {
        Some(known) => Ok(NewTemplate { kind, source, ..known }),
        None => language::code(&draft.language)
            .ok_or_else(|| CrmError::Invalid(format!("the language “{}” is not known", draft.language)))
            .map(|language| {
                let owner = draft.is_own.then_some(asking.1.user);
                NewTemplate { title: draft.title, language, kind, owner, source }
            }),
    })
}

/// What one becomes that is not kept yet.
pub(in super::super) fn tried(
    asking: Asking<'_>,
    draft: TemplateDraft,
    record: &str,
) -> Result<TemplateTry, Failure> {
    let regarding = named(asking, record).map_err(store_failure)?;
    if !record.is_empty() && regarding.is_none() {
        return Ok(TemplateTry {
            note: format!("There is no record “{record}”."), ..TemplateTry::default()
        });
    }
    let link = asking.0.read(|read| regarding.map(|found| Names::new(read).link(found)).transpose());
    let record = link.map_err(store_failure)?.flatten();
    let sender = EmailAddress::parse(&asking.1.address);
    let tried = new(asking, draft)?
        .and_then(|new| templates::try_template(asking.0, new, (regarding, sender.as_ref())));
    match tried {
        Ok(rendered) => Ok(TemplateTry { record, made: Some(shown(rendered)), note: String::new() }),
        Err(error) => Ok(TemplateTry { record, note: refusal(error)?, made: None }),
    }
}

/// Keeps one.
pub(in super::super) fn keep(
    house: &House,
    (organization, visitor): (&Arc<Organization>, &Visitor),
    draft: TemplateDraft,
) -> Result<TemplateEnd, Failure> {
    let asking: Asking<'_> = (organization, visitor);
    let id = draft.id;
    let known = id.map(|id| changeable(asking, id)).transpose()?;
    let now = known.as_ref().map(version).unwrap_or_default();
    if !draft.version.is_empty() && draft.version != now {
        return Ok(TemplateEnd::Changed(now));
    }
    let moment = house.moment().map_err(|_| Failure::TryLater)?;
    let new = match new(asking, draft)? {
        Ok(new) => new,
        Err(error) => return refusal(error).map(TemplateEnd::Refused),
    };
    let kept = Handle::current().block_on(async {
        match known {
            Some(row) => {
                let seen = (row.templateid, row.modifiedon);
                let is_kept = templates::change_template(organization, seen, new, moment).await?;
                Ok(is_kept.then_some(row.templateid))
            }
            None => templates::add_template(organization, new, moment).await.map(Some),
        }
    });
    match kept {
        Ok(Some(id)) => Ok(TemplateEnd::Kept(id)),
        // Between the look above and the unit.
        Ok(None) => {
            let by_now = id.map(|id| changeable(asking, id)).transpose()?;
            Ok(TemplateEnd::Changed(by_now.as_ref().map(version).unwrap_or_default()))
        }
        Err(CrmError::NotFound { .. }) => Err(Failure::NotFound),
        Err(CrmError::Taken { what }) => Ok(TemplateEnd::Refused(format!("there is {what} already"))),
        Err(error) => refusal(error).map(TemplateEnd::Refused),
    }
}

/// Takes one away, in its language.
pub(in super::super) fn remove(
    house: &House,
    (organization, visitor): (&Arc<Organization>, &Visitor),
    id: Id,
) -> Result<(), Failure> {
    let row = changeable((organization, visitor), id)?;
    let moment = house.moment().map_err(|_| Failure::TryLater)?;
    let which = (row.title, row.ispersonal.then_some(row.ownerid), Some(row.languagecode));
    Handle::current().block_on(templates::remove_template(organization, which, moment)).map_err(failure)
}
