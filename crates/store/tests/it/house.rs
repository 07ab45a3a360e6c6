//! A fresh store in a folder of its own, and units that wait for each other.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use model::schema::catalogue;
use model::{Id, Timestamp};
use store::{Organization, PendingUnit, Priority, Store, StoreError, StoreSettings};

/// A store with one organization; the folder goes when it is dropped.
pub(crate) struct House {
    pub(crate) store: Arc<Store>,
    pub(crate) organization: Arc<Organization>,
    pub(crate) folder: tempfile::TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut StoreSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = StoreSettings::for_tests(folder.path());
        // A batch ends when nothing waits, never by the clock: how units share it is the story's to say.
        settings.batch_time_max = Duration::from_secs(3_600);
        settings.batches_max = 1;
        change(&mut settings);
        let store = Store::open(settings).unwrap();
        let organization = store.create_organization(organization(1)).unwrap();
        House { store, organization, folder }
    }

    /// Begins a batch that goes on when the gate is opened; what is handed in before is in the same batch.
    pub(crate) fn gate(&self) -> (Gate, PendingUnit<(), StoreError>) {
        let (open, opened) = channel::<()>();
        let (begun, began) = channel::<()>();
        let unit = self.organization.unit(Priority::Intake, move |_| {
            // The gate is gone at a second run; then there is nothing to wait for.
            let _ = begun.send(());
            let _ = opened.recv();
            Ok(())
        });
        began.recv().unwrap();
        (Gate(open), unit)
    }

    pub(crate) fn set(&self, name: &str) -> PendingUnit<(), StoreError> {
        let name = name.to_owned();
        self.organization.unit(Priority::Intake, move |tx| tx.set_setting(&name, "kept"))
    }

    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.organization.read(|read| read.setting(name)).unwrap().is_some()
    }
}

/// Opens when it is dropped.
pub(crate) struct Gate(#[expect(dead_code, reason = "dropping it is its use")] Sender<()>);

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

/// Says that a story was not told, on standard error and in the file that `POSTROOM_SKIPPED` names.
pub(crate) fn skip(what: &str) {
    eprintln!("skipped: {what}");
    let Some(path) = std::env::var_os("POSTROOM_SKIPPED") else { return };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, format!("skipped: {what}\n").as_bytes()).unwrap();
}
