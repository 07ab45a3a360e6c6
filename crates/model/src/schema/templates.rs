//! Templates: texts with places for values, of which mails are made.

use super::column::{Kind::*, table};
use crate::language::LANGUAGES;
use crate::{Id, Timestamp};

table! {
    /// A template in one language. Those with one title and one owner are the same template.
    Template "template" set "templates" label "Template" key(templateid) clustered(false) {
        templateid: Id = Key, "Template";
        title: String = Text(200), "Title";
        languagecode: i32 = Choice(LANGUAGES), "Language";
        /// The logical name of the kind of record that it is for; `systemuser` where it is for any.
        templatetypecode: String = Text(100), "Template Type";
        ispersonal: bool = Bool, "Personal";
        /// The user whose own it is; all zeros where it is everybody's.
        ownerid: Id = Lookup("systemuser"), "Owner";
        /// `text/html`, or `text/plain` where there is no HTML.
        mimetype: String = Text(256), "MIME Type";
        subject: String = Memo, "Subject";
        body: String = Memo, "Body";
        /// The text beside the HTML; where there is none it is made of that.
        textbody: Option<String> = Memo, "Text";
        createdon: Timestamp = DateTime, "Created on";
        modifiedon: Timestamp = DateTime, "Modified on";
    }
    indexes { unique(title, ownerid, languagecode); }
}
