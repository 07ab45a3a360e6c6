//! Templates on paper: all variants as JSON, to be taken to another organization or kept beside the house. What was written
//! and read again is the same.

use std::collections::BTreeSet;

use model::decision::Entity;
use model::schema::templates::Template;
use model::{EmailAddress, Id, language};
use serde::{Deserialize, Serialize};
use store::Organization;

use super::keep::{Brought, FOR_ANY, NewTemplate, templates, version};
use super::render::Source;
use crate::CrmError;
use crate::records::people::user_by_address;

/// One variant, in the names of Dataverse; people are named by their addresses, languages by their tags.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Paper {
    title: String,
    languagecode: String,
    templatetypecode: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    html: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// What was there when it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

/// Writes all templates, or those of one title.
///
/// # Errors
/// [`CrmError::NotFound`] where there is none of that title; [`CrmError::Store`].
pub fn write_templates(organization: &Organization, title: Option<&str>) -> Result<String, CrmError> {
    let mut rows = templates(organization)?;
    rows.retain(|row| title.is_none_or(|title| row.title == title));
    if rows.is_empty() && title.is_some() {
        return Err(CrmError::NotFound { what: "the template" });
    }
    let papers = rows.into_iter().map(|row| paper(organization, row)).collect::<Result<Vec<_>, _>>()?;
    serde_json::to_string_pretty(&papers).map_err(|error| CrmError::Invalid(error.to_string()))
}

/// Reads what [`write_templates`] wrote; people have to be users here.
///
/// # Errors
/// [`CrmError::Invalid`], with what is wrong in it.
pub fn read_templates(organization: &Organization, json: &str) -> Result<Vec<Brought>, CrmError> {
    let papers: Vec<Paper> = serde_json::from_str(json)
        .map_err(|error| CrmError::Invalid(format!("these are no templates: {error}")))?;
    let mut seen = BTreeSet::new();
    let mut all = Vec::with_capacity(papers.len());
    for paper in papers {
        let key = (paper.title.clone(), paper.owner.clone(), paper.languagecode.clone());
        if !seen.insert(key) {
            return Err(CrmError::Invalid(format!(
                "“{}” ({}) is there twice",
                paper.title, paper.languagecode
            )));
        }
        let version = paper.version.clone();
        all.push(Brought { new: read(organization, paper)?, version });
    }
    Ok(all)
}

fn paper(organization: &Organization, row: Template) -> Result<Paper, CrmError> {
    let (kind, code) = (row.templatetypecode.clone(), row.languagecode);
    let version = Some(version(&row));
    let NewTemplate { title, owner, source: Source { subject, html, text }, .. } = NewTemplate::of(row);
    let address = |id: Id| organization.read(|read| read.user(id));
    let owner = owner.map(address).transpose()?.flatten().map(|user| user.internalemailaddress);
    let languagecode = language::tag(code).unwrap_or_default().to_owned();
    Ok(Paper { title, languagecode, templatetypecode: kind, owner, subject, html, text, version })
}

fn read(organization: &Organization, paper: Paper) -> Result<NewTemplate, CrmError> {
    let Paper { title, languagecode, templatetypecode, owner, subject, html, text, version: _ } = paper;
    let wrong =
        |what: &str, word: &str| CrmError::Invalid(format!("“{title}”: {what} “{word}” is not known"));
    let language = language::code(&languagecode).ok_or_else(|| wrong("the language", &languagecode))?;
    let kind = match templatetypecode.as_str() {
        FOR_ANY => None,
        name => Some(
            Entity::from_name(name)
                .filter(|kind| kind.is_customer())
                .ok_or_else(|| wrong("the kind of record", name))?,
        ),
    };
    let owner = match owner.as_deref() {
        Some(text) => {
            let address = EmailAddress::parse(text).ok_or_else(|| wrong("the user", text))?;
            let user = user_by_address(organization, &address).map_err(|_| wrong("the user", text))?;
            Some(user.systemuserid)
        }
        None => None,
    };
    Ok(NewTemplate { title, language, kind, owner, source: Source { subject, html, text } })
}
