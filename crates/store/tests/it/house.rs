//! A fresh store in a folder of its own.

use std::sync::Arc;

use model::schema::catalogue;
use model::{Id, Timestamp};
use store::{Organization, Store, StoreSettings};

/// A store with one organization; the folder goes when it is dropped.
pub(crate) struct House {
    pub(crate) store: Arc<Store>,
    pub(crate) organization: Arc<Organization>,
    _folder: tempfile::TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut StoreSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = StoreSettings::new(folder.path());
        change(&mut settings);
        let store = Store::open(settings).unwrap();
        let organization = store.create_organization(organization(1)).unwrap();
        House { store, organization, _folder: folder }
    }
}

pub(crate) fn organization(number: u8) -> catalogue::Organization {
    catalogue::Organization {
        organizationid: id(number),
        name: format!("Organization {number}"),
        createdon: Timestamp(1_000),
    }
}

pub(crate) fn id(number: u8) -> Id {
    Id([number; 16])
}
