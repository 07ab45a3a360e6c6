//! The names of records in the index: people, companies and leads by the beginnings of their words.

use model::Id;
use model::decision::Entity;

use super::words::spread;
use crate::StoreError;
use crate::engine::Session;
use crate::rows::Read;

/// A record as it is indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRecord {
    /// Its kind.
    pub entity: Entity,
    /// Its id.
    pub id: Id,
    /// Its name and addresses, as they were written.
    pub words: String,
}

/// The mark of a kind, a word of its own: a private character, as those of e-mails.
pub(super) fn mark(entity: Entity) -> &'static str {
    match entity {
        Entity::Account => "\u{e011}",
        Entity::Contact => "\u{e012}",
        Entity::Lead => "\u{e013}",
        Entity::SystemUser | Entity::Queue | Entity::Email => "\u{e014}",
    }
}

/// Writes records inside a transaction; one that is there stays as it is.
pub(super) fn write(session: &dyn Session, records: &[NamedRecord]) -> Result<(), StoreError> {
    for record in records {
        let sql = "insert into record (objectid, objecttypecode) values (?1, ?2)
            on conflict do nothing
            returning recordid";
        let params = [record.id.into(), (record.entity as i32).into()];
        let number = Read::new(session).one(sql, &params, |row| row.take::<i64>())?;
        if let Some(number) = number {
            let words = format!("{} {}", mark(record.entity), spread(&record.words));
            let sql = "insert into name (rowid, words) values (?1, ?2)";
            session.execute(sql, &[number.into(), (&words).into()])?;
        }
    }
    Ok(())
}

/// Records of a kind whose name or address has a word that begins so, for every word that is given; the latest
/// first. Nobody, where no word is given.
pub(super) fn find(
    read: &Read<'_>,
    entity: Entity,
    (words, limit): (&str, usize),
) -> Result<Vec<Id>, StoreError> {
    let spread = spread(words);
    let beginnings: Vec<String> =
        spread.split_whitespace().take(WORDS_MAX).map(|word| format!("\"{word}\" *")).collect();
    if beginnings.is_empty() {
        return Ok(Vec::new());
    }
    let expression = format!("\"{}\" AND {}", mark(entity), beginnings.join(" AND "));
    let sql = "select r.objectid
        from name n cross join record r on r.recordid = n.rowid
        where n.name match ?1
        order by n.rowid desc
        limit ?2";
    read.rows(sql, &[(&expression).into(), limit.into()], |row| row.take())
}

/// Words of a name that are looked for; nobody has more.
pub(super) const WORDS_MAX: usize = 16;
