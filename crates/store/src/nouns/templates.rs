//! Templates, a row for each language.

use model::Id;
use model::schema::templates::Template;

use crate::StoreError;
use crate::rows::{Read, Tx};

impl Read<'_> {
    /// The template with this id.
    pub fn template(&self, id: Id) -> Result<Option<Template>, StoreError> {
        self.noun("where templateid = ?1", &[id.into()])
    }

    /// All that are called so, whoever owns them, in whatever language.
    pub fn templates_titled(&self, title: &str) -> Result<Vec<Template>, StoreError> {
        self.nouns("where title = ?1 order by ownerid, languagecode", &[title.into()])
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
