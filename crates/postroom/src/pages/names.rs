//! Records by name: each is looked up once for a page, however often it is named there.

use std::collections::HashMap;

use model::Id;
use model::decision::{Entity, RecordRef};
use store::{Read, StoreError};
use web::values::{RecordKind, RecordLink};

/// The names that one page needs.
pub(super) struct Names<'r, 'c> {
    pub(super) read: &'r Read<'c>,
    known: HashMap<RecordRef, Option<String>>,
}

impl<'r, 'c> Names<'r, 'c> {
    pub(super) fn new(read: &'r Read<'c>) -> Self {
        Names { read, known: HashMap::new() }
    }

    /// The name of a record; `None` where it is gone, or has none.
    pub(super) fn name(&mut self, record: RecordRef) -> Result<Option<String>, StoreError> {
        if let Some(known) = self.known.get(&record) {
            return Ok(known.clone());
        }
        let (read, id) = (self.read, record.id);
        let name = match record.entity {
            Entity::Account => read.account(id)?.map(|it| it.name),
            Entity::Contact => read.contact(id)?.map(|it| it.fullname),
            Entity::Lead => read.lead(id)?.map(|it| it.fullname),
            Entity::SystemUser => read.user(id)?.map(|it| it.fullname),
            Entity::Queue => read.queue(id)?.map(|it| it.name),
            Entity::Email => None,
        };
        self.known.insert(record, name.clone());
        Ok(name)
    }

    /// The name of a user.
    pub(super) fn user(&mut self, id: Id) -> Result<Option<String>, StoreError> {
        self.name(RecordRef { entity: Entity::SystemUser, id })
    }

    /// A link to a customer; `None` for records without a page.
    pub(super) fn link(&mut self, record: RecordRef) -> Result<Option<RecordLink>, StoreError> {
        let Some(kind) = kind(record.entity) else { return Ok(None) };
        Ok(self.name(record)?.map(|name| RecordLink { kind, id: record.id, name }))
    }
}

/// The record that two columns name, where they name one.
pub(super) fn record(id: Option<Id>, typecode: Option<i32>) -> Option<RecordRef> {
    let entity = Entity::from_code(i64::from(typecode?))?;
    Some(RecordRef { entity, id: id? })
}

/// The kind of a customer's page.
pub(super) fn kind(entity: Entity) -> Option<RecordKind> {
    match entity {
        Entity::Account => Some(RecordKind::Account),
        Entity::Contact => Some(RecordKind::Contact),
        Entity::Lead => Some(RecordKind::Lead),
        Entity::SystemUser | Entity::Queue | Entity::Email => None,
    }
}
