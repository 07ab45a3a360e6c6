//! Commands about templates: kept, shown, tried with a record, taken along.

use std::sync::Arc;

use crm::CrmError;
use crm::templates::{self, NewTemplate, Over, Rendered, Source, Wish};
use model::decision::{Entity, RecordRef};
use model::schema::templates::Template;
use model::{EmailAddress, Id, language};
use serde::{Deserialize, Serialize};
use store::Organization;

use super::{CommandError, Reply, address, organization, organizations};
use crate::house::House;

/// Something about templates.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TemplateRequest {
    /// Adds one.
    Add(SetTemplate),
    /// Says anew what one is; what is not given stays.
    Set(SetTemplate),
    /// Those of one organization, or of all.
    List(Option<String>),
    /// What one says.
    Show(TemplateName),
    /// Takes one away, in one language or in all.
    Remove(TemplateName),
    /// What a mail would be that is made of it.
    Preview(PreviewTemplate),
    /// All of an organization's, or one, as JSON.
    Export {
        /// The organization's name.
        organization: String,
        /// One of them.
        title: Option<String>,
    },
    /// Brings what was exported.
    Import {
        /// The organization's name.
        organization: String,
        /// What was exported.
        json: String,
        /// Whether it takes the place of what somebody wrote there since, too.
        #[serde(default)]
        over: bool,
    },
}

/// Which template is meant.
#[derive(Clone, Serialize, Deserialize)]
pub struct TemplateName {
    /// The organization's name.
    pub organization: String,
    /// Its title.
    pub title: String,
    /// The tag of its language; any where none is given.
    pub language: Option<String>,
    /// The address of the user whose own it is; else it is everybody's.
    pub owner: Option<String>,
}

/// A template to be kept.
#[derive(Serialize, Deserialize)]
pub struct SetTemplate {
    /// Which one.
    pub name: TemplateName,
    /// The logical name of the kind of record it is for, or `any`.
    pub kind: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// Its HTML.
    pub html: Option<String>,
    /// Its text.
    pub text: Option<String>,
    /// The version that it has to have, where it is one that is there.
    #[serde(default)]
    pub seen: Option<String>,
}

/// A template to be tried.
#[derive(Serialize, Deserialize)]
pub struct PreviewTemplate {
    /// Which one.
    pub name: TemplateName,
    /// The id of a record.
    pub regarding: Option<String>,
    /// Who would write.
    pub from: Option<String>,
}

/// A template in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemplateRow {
    /// The organization's name.
    pub organization: String,
    /// Its title.
    pub title: String,
    /// The tag of its language.
    pub language: String,
    /// The kind of record it is for.
    pub kind: String,
    /// The address of the user whose own it is.
    pub owner: Option<String>,
    /// Its subject.
    pub subject: String,
}

/// What a template says, or what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemplateText {
    /// The subject.
    pub subject: String,
    /// The HTML.
    pub html: Option<String>,
    /// The text.
    pub text: Option<String>,
    /// What was missing, in words.
    pub cautions: Vec<String>,
}

pub(super) async fn run(house: &Arc<House>, request: TemplateRequest) -> Result<Reply, CommandError> {
    match request {
        TemplateRequest::Add(new) => add(house, new).await,
        TemplateRequest::Set(new) => set(house, new).await,
        TemplateRequest::List(name) => list(&organizations(house, name)?),
        TemplateRequest::Show(name) => {
            let found = find(organization(house, &name.organization)?.as_ref(), &name)?;
            Ok(Reply::Template(shown(found)))
        }
        TemplateRequest::Remove(name) => {
            let organization = organization(house, &name.organization)?;
            let language = name.language.as_deref().map(tag).transpose()?;
            let which = (name.title.clone(), owner(&organization, &name)?, language);
            templates::remove_template(&organization, which, house.moment()?).await?;
            Ok(Reply::Done)
        }
        TemplateRequest::Preview(of) => preview(house, &of),
        TemplateRequest::Export { organization: of, title } => {
            let organization = organization(house, &of)?;
            Ok(Reply::Templates(templates::write_templates(&organization, title.as_deref())?))
        }
        TemplateRequest::Import { organization: of, json, over } => {
            let organization = organization(house, &of)?;
            let all = templates::read_templates(&organization, &json)?;
            let over = if over { Over::Anything } else { Over::Seen };
            let count = templates::import_templates(&organization, (all, over), house.moment()?).await?;
            Ok(Reply::ImportedTemplates(count))
        }
    }
}

async fn add(house: &House, new: SetTemplate) -> Result<Reply, CommandError> {
    let organization = organization(house, &new.name.organization)?;
    let SetTemplate { name, kind, subject, html, text, seen: _ } = new;
    let new = NewTemplate {
        language: language_of(&name)?,
        kind: kind.as_deref().map(kind_of).transpose()?.flatten(),
        owner: owner(&organization, &name)?,
        title: name.title,
        source: Source { subject: subject.unwrap_or_default(), html, text },
    };
    templates::add_template(&organization, new, house.moment()?).await?;
    Ok(Reply::Done)
}

async fn set(house: &House, new: SetTemplate) -> Result<Reply, CommandError> {
    let organization = organization(house, &new.name.organization)?;
    let row = find(&organization, &new.name)?;
    let SetTemplate { kind, subject, html, text, seen, .. } = new;
    if seen.is_some_and(|seen| seen != templates::version(&row)) {
        return Err(changed_since());
    }
    let known = (row.templateid, row.modifiedon);
    let before = NewTemplate::of(row);
    let source = Source {
        subject: subject.unwrap_or(before.source.subject),
        html: html.or(before.source.html),
        text: text.or(before.source.text),
    };
    let kind = kind.as_deref().map(kind_of).transpose()?.unwrap_or(before.kind);
    let new = NewTemplate { kind, source, ..before };
    // What is not given stays as it was read above, so it has to be that one still.
    let is_set = templates::change_template(&organization, known, new, house.moment()?).await?;
    if is_set { Ok(Reply::Done) } else { Err(changed_since()) }
}

fn changed_since() -> CommandError {
    let words = "somebody has changed the template since. Nothing was set: look at what it says by now";
    CrmError::Invalid(words.to_owned()).into()
}

fn list(organizations: &[Arc<Organization>]) -> Result<Reply, CommandError> {
    let mut rows = Vec::new();
    for organization in organizations {
        for row in templates::templates(organization)? {
            let user = organization.read(|read| read.user(row.ownerid))?;
            rows.push(TemplateRow {
                organization: organization.name().to_owned(),
                title: row.title,
                language: language::tag(row.languagecode).unwrap_or_default().to_owned(),
                kind: Entity::from_name(&row.templatetypecode)
                    .filter(|kind| kind.is_customer())
                    .map_or("any", Entity::name)
                    .to_owned(),
                owner: user.map(|user| user.internalemailaddress),
                subject: row.subject,
            });
        }
    }
    Ok(Reply::TemplateList(rows))
}

fn preview(house: &House, of: &PreviewTemplate) -> Result<Reply, CommandError> {
    let organization = organization(house, &of.name.organization)?;
    let from = of.from.as_deref().map(address).transpose()?;
    let wish = wish(&organization, (&of.name, of.regarding.as_deref()), from.as_ref())?;
    let Rendered { subject, html, text, missing } = templates::instantiate_template(&organization, &wish)?;
    let cautions = missing.iter().map(ToString::to_string).collect();
    Ok(Reply::Template(TemplateText { subject, html, text, cautions }))
}

/// What is asked of a template.
fn wish<'w>(
    organization: &Organization,
    (name, regarding): (&'w TemplateName, Option<&str>),
    sender: Option<&'w EmailAddress>,
) -> Result<Wish<'w>, CommandError> {
    Ok(Wish {
        title: &name.title,
        language: name.language.as_deref().map(tag).transpose()?,
        user: owner(organization, name)?,
        regarding: regarding.map(|id| record(organization, id)).transpose()?,
        sender,
    })
}

/// The record with an id, or the customer with an address.
fn record(organization: &Organization, text: &str) -> Result<RecordRef, CommandError> {
    let found = match (text.parse::<Id>(), EmailAddress::parse(text)) {
        (Ok(id), _) => organization.read(|read| templates::record_of(read, id))?,
        (Err(_), Some(address)) => organization.read(|read| templates::record_at(read, &address))?,
        (Err(_), None) => None,
    };
    found.ok_or_else(|| CommandError::NoRecord(text.to_owned()))
}

fn find(organization: &Organization, name: &TemplateName) -> Result<Template, CommandError> {
    let (language, owner) = (language_of(name)?, owner(organization, name)?);
    let mut rows = organization.read(|read| read.templates_titled(&name.title))?;
    rows.retain(|row| row.languagecode == language && row.ispersonal.then_some(row.ownerid) == owner);
    Ok(rows.into_iter().next().ok_or(CrmError::NotFound { what: "the template" })?)
}

fn shown(row: Template) -> TemplateText {
    let Source { subject, html, text } = NewTemplate::of(row).source;
    TemplateText { subject, html, text, cautions: Vec::new() }
}

fn owner(organization: &Organization, name: &TemplateName) -> Result<Option<Id>, CommandError> {
    let user = |text: &str| -> Result<Id, CommandError> {
        Ok(crm::records::people::user_by_address(organization, &address(text)?)?.systemuserid)
    };
    name.owner.as_deref().map(user).transpose()
}

fn language_of(name: &TemplateName) -> Result<i32, CommandError> {
    name.language.as_deref().map_or(Ok(language::ANY), tag)
}

pub(super) fn tag(text: &str) -> Result<i32, CommandError> {
    language::code(text)
        .ok_or_else(|| CrmError::Invalid(format!("the language “{text}” is not known")).into())
}

fn kind_of(text: &str) -> Result<Option<Entity>, CommandError> {
    match (text, Entity::from_name(text).filter(|kind| kind.is_customer())) {
        ("any", _) => Ok(None),
        (_, Some(kind)) => Ok(Some(kind)),
        (_, None) => {
            Err(CrmError::Invalid(format!("“{text}” is none of account, contact, lead, any")).into())
        }
    }
}
