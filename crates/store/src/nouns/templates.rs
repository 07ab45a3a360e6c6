//! Templates, a row for each language.

use model::Id;
use model::schema::templates::Template;

use crate::StoreError;
use crate::rows::{Read, Tx};

/// A template without what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateLine {
    /// The template.
    pub id: Id,
    /// Its title.
    pub title: String,
    /// Its language.
    pub languagecode: i32,
    /// The kind of record that it is for.
    pub templatetypecode: String,
    /// Whether it is its owner's alone.
    pub is_personal: bool,
    /// Whose it is.
    pub owner: Id,
    /// Its subject.
    pub subject: String,
}

impl Read<'_> {
    /// The template with this id.
    pub fn template(&self, id: Id) -> Result<Option<Template>, StoreError> {
        self.noun("where templateid = ?1", &[id.into()])
    }

    /// All that are called so, whoever owns them, in whatever language.
    pub fn templates_titled(&self, title: &str) -> Result<Vec<Template>, StoreError> {
        self.nouns("where title = ?1 order by ownerid, languagecode", &[title.into()])
    }

    /// Those of two owners, by title, without what they say: all bodies together may be large.
    pub fn template_lines(&self, owners: [Id; 2], limit: usize) -> Result<Vec<TemplateLine>, StoreError> {
        let sql = "select templateid, title, languagecode, templatetypecode, ispersonal, ownerid, subject \
                   from template where ownerid in (?1, ?2) order by title, ownerid, languagecode limit ?3";
        let [one, other] = owners;
        self.rows(sql, &[one.into(), other.into(), limit.into()], |row| {
            Ok(TemplateLine {
                id: row.take()?,
                title: row.take()?,
                languagecode: row.take()?,
                templatetypecode: row.take()?,
                is_personal: row.take()?,
                owner: row.take()?,
                subject: row.take()?,
            })
        })
    }

    /// All templates, by title.
    pub fn templates(&self, limit: usize) -> Result<Vec<Template>, StoreError> {
        self.nouns("order by title, ownerid, languagecode limit ?1", &[limit.into()])
    }

    /// How many there are.
    pub fn template_count(&self) -> Result<usize, StoreError> {
        let count: Option<i64> = self.one("select count(*) from template", &[], |row| row.take())?;
        Ok(usize::try_from(count.unwrap_or_default()).unwrap_or(usize::MAX))
    }
}

impl Tx<'_> {
    /// One template, which nobody else changes until this unit ends.
    pub fn template_held(&self, id: Id) -> Result<Option<Template>, StoreError> {
        self.noun("where templateid = ?1 /*pg for update*/", &[id.into()])
    }

    /// Adds a template. `Conflict` where one of this title, owner and language is there.
    pub fn add_template(&mut self, template: &Template) -> Result<(), StoreError> {
        self.insert(template)
    }

    /// Says anew what a template holds. Says whether it is there.
    pub fn set_template(&mut self, template: &Template) -> Result<bool, StoreError> {
        let sql = "update template set templatetypecode = ?2, mimetype = ?3, subject = ?4, body = ?5, textbody = ?6, \
                   modifiedon = ?7 where templateid = ?1";
        let params = [
            template.templateid.into(),
            template.templatetypecode.as_str().into(),
            template.mimetype.as_str().into(),
            template.subject.as_str().into(),
            template.body.as_str().into(),
            template.textbody.as_ref().into(),
            template.modifiedon.into(),
        ];
        Ok(self.execute(sql, &params)? == 1)
    }

    /// Takes a template away. Says whether it was there.
    pub fn remove_template(&mut self, id: Id) -> Result<bool, StoreError> {
        Ok(self.execute("delete from template where templateid = ?1", &[id.into()])? == 1)
    }
}
