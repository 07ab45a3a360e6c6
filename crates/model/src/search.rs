//! What is looked for among e-mails: words in their fields, attachments, a span of days.
//!
//! A [`Search`] is a plain value: `crm` reads it out of what a person wrote, `store` answers it.

/// A part of an e-mail that words are looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// Subject, text, addresses, names, file names.
    Anywhere,
    /// Name and address of the sender.
    From,
    /// Names and addresses of the recipients, in To, Cc and Bcc.
    To,
    /// The subject.
    Subject,
    /// The names of attachments.
    File,
}

impl Field {
    /// The fields that have a name, in the order in which they are offered.
    pub const NAMED: [Field; 4] = [Field::From, Field::To, Field::Subject, Field::File];

    /// What stands before the colon; empty for [`Field::Anywhere`].
    pub const fn name(self) -> &'static str {
        match self {
            Field::Anywhere => "",
            Field::From => "from",
            Field::To => "to",
            Field::Subject => "subject",
            Field::File => "file",
        }
    }
}

/// Words that stand side by side in one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Where.
    pub field: Field,
    /// One word, or several in this order. Any text: nothing in it is a sign of a query language.
    pub words: String,
    /// Whether e-mails that have them are left out.
    pub is_excluded: bool,
}

/// A search: all of it has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// The words.
    pub terms: Vec<Term>,
    /// Whether it must have attachments, or must not; `None` for both.
    pub has_attachment: Option<bool>,
    /// The first day, in days since 1970-01-01 of the reader's calendar.
    pub since: Option<i64>,
    /// The day behind the last one, counted in the same way.
    pub before: Option<i64>,
}

impl Search {
    /// Whether nothing at all is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Search::default()
    }
}
