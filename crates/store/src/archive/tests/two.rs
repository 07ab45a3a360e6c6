//! Two nodes that restore one archive into one house: one makes it, the other says so, and nothing is half.

use std::sync::Barrier;

use model::Id;

use super::super::restore::{Place as Target, erase, fill, make_room};
use super::super::turn::Turn;
use super::super::{ArchiveError, Progress, RESTORING, Restored, Restoring};
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
    assert!(other.store.is_restoring().unwrap(), "whoever asks which house has it is told to wait");
    turn.give_back();
    assert!(!other.store.is_restoring().unwrap());
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
    run_out(&to);
    restore(&other.store, &from, 2).unwrap();

    let mut archive = to.store.open_archive(&from.file(), &progress).unwrap();
    let refused = fill(&again, &mut archive, (&turn, &progress)).unwrap_err();
    assert!(matches!(refused, ArchiveError::Store(StoreError::LeaseLost)), "{refused:?}");
    assert!(target.publish().is_err(), "it names nothing");
    target.undo(half);
    is_whole(&other, &backup.digest);
}

#[test]
fn a_node_that_stood_still_before_it_made_room_removes_and_marks_nothing() {
    let from = Place::filled();
    let backup = from.back_up();
    for by_then in ["nothing", "the mark of another", "a whole organization"] {
        let Some((to, other)) = two_nodes() else { return };
        let row = from.organization().row().clone();
        let take = |place, attempt| Turn::take(place, row.organizationid, Id([attempt; 16])).unwrap();
        if by_then != "nothing" {
            // What one that broke off has left behind, which the first has seen.
            let broken_off = take(&to.store, 1);
            make_room(&to.store, &row, &broken_off).unwrap();
            broken_off.give_back();
        }
        let turn = take(&to.store, 2);
        run_out(&to);
        let others = (by_then != "a whole organization").then(|| take(&other.store, 3));
        match &others {
            Some(others) if by_then != "nothing" => drop(make_room(&other.store, &row, others).unwrap()),
            Some(_) => {}
            None => drop(restore(&other.store, &from, 3).unwrap()),
        }
        let mark = || other.store.open_unnamed(&row).unwrap().read(|read| read.setting(RESTORING)).unwrap();
        let before = mark();

        let erased = erase(&to.store, to.store.open_unnamed(&row).unwrap(), &turn).unwrap_err();
        assert!(matches!(erased, StoreError::LeaseLost), "{by_then}: {erased:?}");
        let refused = turn.while_held(&Progress::default(), || make_room(&to.store, &row, &turn).map(drop));
        assert!(matches!(refused, Err(ArchiveError::BeingRestored)), "{by_then}: {refused:?}");
        assert_eq!(mark(), before, "{by_then}");
        if others.is_none() {
            is_whole(&other, &backup.digest);
        }
    }
}

#[test]
fn what_a_commit_without_an_answer_has_named_stays() {
    let from = Place::filled();
    from.back_up();
    let Some((to, other)) = two_nodes() else { return };
    let row = from.organization().row().clone();
    let turn = Turn::take(&to.store, row.organizationid, Id([1; 16])).unwrap();
    let target = Target { store: &to.store, row: &row, routes: &[], turn: &turn };
    let made = make_room(&to.store, &row, &turn).unwrap();
    std::thread::scope(|scope| {
        // What the server still has in hand when the node hears no more of it.
        let naming = other.store.catalogue.transact(|tx| {
            assert!(tx.is_held(turn.lease().unwrap())?);
            tx.insert(&row)?;
            scope.spawn(|| target.undo(made));
            let is_awaited = "select 1 from pg_locks
                where not granted and locktype = 'transactionid' and transactionid = pg_current_xact_id()::xid";
            while tx.one(is_awaited, &[], |_| Ok(()))?.is_none() {
                std::thread::yield_now();
            }
            Ok(())
        });
        naming.unwrap();
    });
    let there = other.store.organization(row.organizationid).unwrap();
    there.write_alone(|tx| turn.check(tx)).expect("all of it is there");
}

/// Nothing was heard of whoever has a lease for longer than one lasts.
fn run_out(place: &Place) {
    let sql = "update lease set leaseuntil = 0";
    place.store.catalogue.transact(|tx| tx.execute(sql, &[]).map(drop)).unwrap();
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
