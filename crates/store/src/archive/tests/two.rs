//! Two nodes that restore one archive into one house: one makes it, the other says so, and nothing is half.

use std::sync::Barrier;

use model::Id;

use super::super::restore::{Place as Target, fill, make_room};
use super::super::turn::Turn;
use super::super::{ArchiveError, Progress, Restored, Restoring};
use super::{Place, restoring};
use crate::{Store, StoreError, StoreSettings};

#[test]
fn of_two_at_the_same_moment_one_makes_it() {
    let from = Place::filled();
    let backup = from.back_up();
    for round in 0..4 {
        let Some((to, other)) = two_nodes() else { return };
        let begin = Barrier::new(2);
        let (one, two) = std::thread::scope(|scope| {
            let restore = |place: &Place, attempt| {
                begin.wait();
                restore(&place.store, &from, attempt)
            };
            let (to, other) = (&to, &other);
            let one = scope.spawn(move || restore(to, 1));
            let two = scope.spawn(move || restore(other, 2));
            (one.join().unwrap(), two.join().unwrap())
        });
        let (made, refused, place) = match (one, two) {
            (Ok(made), Err(refused)) => (made, refused, to),
            (Err(refused), Ok(made)) => (made, refused, other),
            both => panic!("round {round}: {both:?}"),
        };
        assert!(matches!(refused, ArchiveError::BeingRestored | ArchiveError::Exists), "{refused}");
        assert_eq!(made.digest, backup.digest);
        is_whole(&place, &backup.digest);
    }
}

#[test]
fn while_one_restores_it_another_is_told_so() {
    let from = Place::filled();
    let backup = from.back_up();
    let Some((to, other)) = two_nodes() else { return };
    let turn = Turn::take(&to.store, from.organization().id(), Id([1; 16])).unwrap();
    let refused = restore(&other.store, &from, 2).unwrap_err();
    assert!(matches!(refused, ArchiveError::BeingRestored), "{refused}");
    assert!(refused.to_string().contains("at this moment"), "{refused}");
    turn.give_back();
    restore(&other.store, &from, 3).unwrap();
    is_whole(&other, &backup.digest);
}

#[test]
fn a_node_that_was_away_too_long_leaves_it_to_the_other() {
    let from = Place::filled();
    let backup = from.back_up();
    let Some((to, other)) = two_nodes() else { return };
    let row = from.organization().row().clone();
    let turn = Turn::take(&to.store, row.organizationid, Id([1; 16])).unwrap();
    let target = Target { store: &to.store, row: &row, routes: &[], turn: &turn };
    let progress = Progress::default();
    let mut archive = to.store.open_archive(&from.file(), &progress).unwrap();
    let half = make_room(&to.store, &row, &turn).unwrap();
    let again = make_room(&to.store, &row, &turn).unwrap();
    fill(&half, &mut archive, (&turn, &progress)).unwrap();
    // Nothing was heard of it for longer than a lease lasts.
    let run_out = "update lease set leaseuntil = 0";
    to.store.catalogue.transact(|tx| tx.execute(run_out, &[]).map(drop)).unwrap();
    restore(&other.store, &from, 2).unwrap();

    let mut archive = to.store.open_archive(&from.file(), &progress).unwrap();
    let refused = fill(&again, &mut archive, (&turn, &progress)).unwrap_err();
    assert!(matches!(refused, ArchiveError::Store(StoreError::LeaseLost)), "{refused:?}");
    assert!(target.publish().is_err(), "it names nothing");
    target.undo(half);
    is_whole(&other, &backup.digest);
}

/// Two nodes at one server; none where rows are in files, for there one process has them.
fn two_nodes() -> Option<(Place, Place)> {
    let to = Place::new();
    if !to.store.is_at_server() {
        eprintln!("skipped: rows are in files, where no other node is");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let here = to.store.settings.database.clone();
    let settings = StoreSettings { database: here, ..StoreSettings::for_tests(folder.path().join("data")) };
    let store = Store::open(settings).unwrap();
    Some((to, Place { store, folder }))
}

fn restore(store: &Store, from: &Place, attempt: u8) -> Result<Restored, ArchiveError> {
    let progress = Progress::default();
    let archive = store.open_archive(&from.file(), &progress)?;
    let restoring = Restoring { epoch: Id([attempt; 16]), ..restoring(None) };
    store.restore(archive, restoring, &progress)
}

/// All of it is there, once; its large bytes in the folder of whoever made it.
fn is_whole(place: &Place, digest: &super::super::Digest) {
    let organization = place.store.organization_by_name("contoso").unwrap();
    assert_eq!(place.store.digest(&organization, &Progress::default()).unwrap().hex(), digest.hex());
    assert_eq!(place.store.organizations().unwrap().len(), 1);
}
