//! The sweep: what nothing names goes, a day late; what somebody names stays, whatever comes in between.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;
use model::schema::intake::Undeliverable;
use model::schema::outbox::OutboxMail;
use model::schema::{Column, Kind, Noun, ORGANIZATION_TABLES, Table, Value};
use store::{Organization, PreparedBlob, Priority, StoreError, Swept, Tx};

use crate::blobs::{Keeping, everywhere, keep, noise};
use crate::house::{id, organization};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// The present by the clock of the disk, for bytes without a row are as old as their file.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}

/// Sweeps at a time; what it did.
fn sweep(house: &Keeping, at: Timestamp) -> Swept {
    house.organization.sweep_blobs(&|| at).unwrap()
}

const NOTHING: Swept = Swept { condemned: 0, revived: 0, removed: 0, orphans: 0, leftovers: 0 };

/// Keeps bytes in a unit together with something that names them.
fn name(organization: &Organization, blob: &PreparedBlob, number: u8) -> Result<(), StoreError> {
    let (blob, row) = (blob.clone(), naming(&blob.blobid, number));
    let unit = organization.unit(Priority::Intake, move |tx| {
        tx.keep_blob(&blob)?;
        tx.keep_undeliverable(&row)
    });
    unit.wait()
}

/// Its size is its number, by which it is forgotten again.
fn naming(blobid: &[u8; 32], number: u8) -> Undeliverable {
    Undeliverable { undeliverableid: id(number), size: i64::from(number), ..blank("blobid", blobid) }
}

fn forget_all(house: &Keeping) {
    house.organization.tamper("delete from undeliverable").unwrap();
}

fn rows(house: &Keeping) -> i64 {
    house.organization.blob_counts().unwrap().iter().map(|count| count.blobs).sum()
}

#[test]
fn what_is_named_stays_for_ever() {
    everywhere(|house| {
        for (number, length) in [(1, 100), (2, 200_000), (3, 300_000)] {
            let blob = house.organization.put_blob(&noise(length)).unwrap();
            name(&house.organization, &blob, number).unwrap();
        }
        for day in 0..5 {
            assert_eq!(sweep(house, now().plus_seconds(day * DAY + day)), NOTHING);
        }
        assert_eq!((rows(house), house.files().len()), (3, 2));
    });
}

#[test]
fn whatever_can_name_bytes_is_asked() {
    let names = |table: &Table| {
        let columns = table.columns.iter().filter(|column| column.name.ends_with("blobid"));
        columns.map(|column| format!("{}.{}", table.name, column.name)).collect::<Vec<_>>()
    };
    let known: Vec<String> =
        ORGANIZATION_TABLES.iter().filter(|table| table.name != "blob").flat_map(|t| names(t)).collect();
    // Another one has to be read by the look, in `store/src/blobs/sweep/look.rs`, and named below.
    let expected = [
        "email.blobid",
        "emailversion.blobid",
        "copy.outerblobid",
        "undeliverable.blobid",
        "presend.sentblobid",
    ];
    assert_eq!(known, expected);
    everywhere(|house| {
        let blobid = keep(house, &noise(300_000)).blobid;
        let tables: [(&str, Writing, &'static str); 5] = [
            ("email", |tx, id| tx.add_email(&blank("blobid", id)), "delete from email"),
            ("version", |tx, id| tx.add_version(&blank("blobid", id)).map(drop), "delete from emailversion"),
            (
                "undeliverable",
                |tx, id| tx.keep_undeliverable(&blank("blobid", id)),
                "delete from undeliverable",
            ),
            ("copy", |tx, id| tx.enter_copy(&blank("outerblobid", id)), "delete from copy"),
            ("sent", answered, "delete from presend"),
        ];
        for (name, write, delete) in tables {
            house.organization.unit(Priority::Intake, move |tx| write(tx, &blobid)).wait().unwrap();
            assert_eq!(sweep(house, now()), NOTHING, "{name}");
            house.organization.tamper(delete).unwrap();
            house.organization.tamper("delete from setting").unwrap();
        }
        assert_eq!(sweep(house, now()), Swept { condemned: 1, ..NOTHING });
    });
}

type Writing = fn(&mut Tx<'_>, &[u8; 32]) -> Result<(), StoreError>;

/// What a hook said of a mail that somebody has.
fn answered(tx: &mut Tx<'_>, blobid: &[u8; 32]) -> Result<(), StoreError> {
    let mail = OutboxMail { owner: Some(id(1)), ..blank("", blobid) };
    tx.put_into_outbox(&mail, &[])?;
    assert!(tx.note_pre_send(&mail, &blank("sentblobid", blobid))?);
    Ok(())
}

/// A row with nothing in it but the name of bytes.
fn blank<N: Noun>(naming: &str, blobid: &[u8; 32]) -> N {
    let value = |column: &Column| match column.kind {
        _ if column.name == naming => Value::Bytes(blobid.to_vec()),
        _ if !column.required => Value::Null,
        Kind::Key | Kind::Lookup(_) | Kind::AnyLookup => Value::Bytes(vec![1; 16]),
        Kind::Text(_) | Kind::Memo => Value::Text(String::new()),
        Kind::Bytes => Value::Bytes(Vec::new()),
        Kind::Int | Kind::Bool | Kind::DateTime | Kind::Choice(_) => Value::Int(0),
    };
    N::from_values(&mut N::TABLE.columns.iter().map(value)).unwrap()
}

#[test]
fn what_nothing_names_goes_a_day_later_and_its_name_an_hour_after() {
    everywhere(|house| {
        let (small, large) = (noise(100), noise(300_000));
        keep(house, &small);
        keep(house, &large);
        let begin = now();
        let at = |seconds: i64| begin.plus_seconds(seconds);
        assert_eq!(sweep(house, at(0)), Swept { condemned: 2, ..NOTHING });
        assert_eq!(sweep(house, at(DAY - 1)), NOTHING);
        // The small one stands in its row and goes with it.
        assert_eq!(sweep(house, at(DAY)), Swept { removed: 1, ..NOTHING });
        assert_eq!((rows(house), house.files().len()), (1, 1));
        assert_eq!(sweep(house, at(DAY + HOUR)), Swept { removed: 1, ..NOTHING });
        assert_eq!((rows(house), house.files().len()), (1, 0));
        assert_eq!(sweep(house, at(DAY + 2 * HOUR - 1)), NOTHING);
        assert_eq!(rows(house), 1);
        assert_eq!(sweep(house, at(DAY + 2 * HOUR)), NOTHING);
        assert_eq!(rows(house), 0);
    });
}

#[test]
fn what_is_named_again_lives_again_at_every_step() {
    everywhere(|house| {
        let bytes = noise(300_000);
        let begin = now();
        let at = |seconds: i64| begin.plus_seconds(seconds);
        keep(house, &bytes);
        let prepared = || house.organization.put_blob(&bytes).unwrap();
        let readable = || house.organization.blob(&prepared().blobid).unwrap() == bytes;
        let early = prepared();

        // Condemned: it lives again, and the next look sees what names it.
        sweep(house, at(0));
        name(&house.organization, &early, 1).unwrap();
        assert_eq!(sweep(house, at(DAY)), NOTHING);
        assert!(readable());

        // Condemned once more, until its bytes are to go: refused, before they are removed and after.
        forget_all(house);
        sweep(house, at(2 * DAY));
        sweep(house, at(3 * DAY));
        let refused = |blob: &PreparedBlob| {
            let error = name(&house.organization, blob, 2).unwrap_err();
            assert!(matches!(error, StoreError::Temporary { .. }), "{error}");
        };
        refused(&early);
        refused(&prepared());
        assert_eq!(sweep(house, at(3 * DAY + HOUR)).removed, 1);
        assert!(house.files().is_empty());
        refused(&early);
        // Written again after the removal: not named yet, and there when it is.
        let late = prepared();
        refused(&late);
        assert_eq!(sweep(house, at(3 * DAY + 2 * HOUR)), NOTHING);
        name(&house.organization, &late, 2).unwrap();
        assert!(readable());
        assert_eq!(sweep(house, at(4 * DAY + 2 * HOUR)), NOTHING);
    });
}

#[test]
fn what_was_condemned_beside_a_name_is_seen_by_the_next_look() {
    everywhere(|house| {
        let blob = keep(house, &noise(300_000));
        sweep(house, now());
        // As if the name had been written while the look was under way, behind the place it had reached.
        let row = naming(&blob.blobid, 1);
        house.organization.unit(Priority::Intake, move |tx| tx.keep_undeliverable(&row)).wait().unwrap();
        assert_eq!(sweep(house, now().plus_seconds(DAY + 1)), Swept { revived: 1, ..NOTHING });
        assert_eq!(house.organization.blob_counts().unwrap()[0].condemned, 0);
    });
}

#[test]
fn bytes_whose_unit_never_came_go_a_day_later() {
    everywhere(|house| {
        let lost = house.organization.put_blob(&noise(300_000)).unwrap();
        let kept = house.organization.put_blob(&noise(400_000)).unwrap();
        name(&house.organization, &kept, 1).unwrap();
        assert_eq!(sweep(house, now().plus_seconds(DAY - HOUR)), NOTHING);
        let found = now().plus_seconds(2 * DAY);
        assert_eq!(sweep(house, found), Swept { orphans: 1, ..NOTHING });
        assert_eq!(house.organization.damaged_blobs().unwrap(), 0);
        // Who comes with them now waits until the name is free.
        let refused = name(&house.organization, &lost, 2).unwrap_err();
        assert!(matches!(refused, StoreError::Temporary { .. }), "{refused}");
        assert_eq!(sweep(house, found.plus_seconds(HOUR)), Swept { removed: 1, ..NOTHING });
        assert_eq!((rows(house), house.files().len()), (2, 1));
        assert_eq!(sweep(house, found.plus_seconds(2 * HOUR)), NOTHING);
        assert_eq!(rows(house), 1);
        assert!(house.organization.blob(&kept.blobid).is_ok());
    });
}

#[test]
fn nobody_sweeps_the_bytes_of_another_organization() {
    everywhere(|house| {
        let other = house.store.create_organization(organization(2)).unwrap();
        let bytes = noise(300_000);
        name(&other, &other.put_blob(&bytes).unwrap(), 1).unwrap();
        other.put_blob(&bytes[1..]).unwrap();
        keep(house, &bytes);
        let later = now().plus_seconds(2 * DAY);
        assert_eq!(sweep(house, later), Swept { condemned: 1, ..NOTHING });
        sweep(house, later.plus_seconds(DAY));
        assert_eq!(sweep(house, later.plus_seconds(DAY + HOUR)).removed, 1);
        assert!(other.blob(blake3::hash(&bytes).as_bytes()).unwrap() == bytes);
        assert_eq!(other.sweep_blobs(&|| later).unwrap(), Swept { orphans: 1, ..NOTHING });
    });
}

#[test]
fn bytes_that_were_written_beside_those_that_are_kept_go_too() {
    let in_files = Keeping::in_files();
    let blob = in_files.organization.put_blob(&noise(300_000)).unwrap();
    name(&in_files.organization, &blob, 1).unwrap();
    // As if the house had kept them in a bucket before, and wrote them to a file again.
    in_files.organization.tamper("update blob set place = 0").unwrap();
    let swept = sweep(&in_files, now().plus_seconds(2 * DAY));
    assert_eq!(swept, Swept { orphans: 1, ..NOTHING });
    assert!(in_files.files().is_empty());
}

#[test]
fn remains_of_a_writer_that_broke_off_are_removed() {
    let house = Keeping::in_files();
    let blob = house.organization.put_blob(&noise(300_000)).unwrap();
    name(&house.organization, &blob, 1).unwrap();
    let remains = house.files()[0].with_extension("1-1.tmp");
    std::fs::write(&remains, b"half").unwrap();
    assert_eq!(sweep(&house, now()), NOTHING);
    assert_eq!(sweep(&house, now().plus_seconds(2 * DAY)), Swept { leftovers: 1, ..NOTHING });
    assert!(!remains.exists());
}

#[test]
fn a_place_that_does_not_answer_keeps_what_goes_for_another_time() {
    let house = Keeping::in_bucket();
    keep(&house, &noise(300_000));
    let begin = now();
    sweep(&house, begin);
    sweep(&house, begin.plus_seconds(DAY));
    let server = house.server.as_ref().unwrap();
    // It removes, and nobody hears of it.
    server.behave(bucketkit::Manner::CutAfterRemoval);
    let error = house.organization.sweep_blobs(&|| begin.plus_seconds(DAY + HOUR)).unwrap_err();
    assert!(error.is_temporary(), "{error}");
    assert_eq!(rows(&house), 1);
    server.behave(bucketkit::Manner::Serve);
    assert_eq!(sweep(&house, begin.plus_seconds(DAY + 2 * HOUR)).removed, 1);
    assert!(house.files().is_empty());
}

/// Writers bring the same few bytes again and again, and forget them, while days pass for the sweep.
#[test]
fn what_was_answered_is_readable_while_sweeps_run_beside() {
    let house = Keeping::in_files();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (house, is_over) = (&house, &is_over);
        scope.spawn(move || {
            let mut at = now();
            while !is_over.load(Ordering::SeqCst) {
                at = at.plus_seconds(DAY);
                for _ in 0..3 {
                    house.organization.sweep_blobs(&|| at).unwrap();
                    at = at.plus_seconds(HOUR);
                }
            }
        });
        let writers: Vec<_> = (1..4)
            .map(|writer: u8| {
                scope.spawn(move || {
                    let mut kept = 0;
                    for round in 0..60_usize {
                        let bytes = noise(150_000 + round % 3);
                        // A day passes for the sweep while the file is written, so it may be taken for remains.
                        let Ok(blob) = house.organization.put_blob(&bytes) else { continue };
                        match name(&house.organization, &blob, writer) {
                            Ok(()) => {
                                assert!(house.organization.blob(&blob.blobid).unwrap() == bytes);
                                kept += 1;
                                let sql = FORGET[usize::from(writer) - 1];
                                house.organization.tamper(sql).unwrap();
                            }
                            Err(error) => assert!(matches!(error, StoreError::Temporary { .. }), "{error}"),
                        }
                    }
                    kept
                })
            })
            .collect();
        let kept: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        is_over.store(true, Ordering::SeqCst);
        let kept: usize = kept.into_iter().map(Result::unwrap).sum();
        assert!(kept > 3, "hardly anything was kept: {kept}");
    });
}

const FORGET: [&str; 3] = [
    "delete from undeliverable where size = 1",
    "delete from undeliverable where size = 2",
    "delete from undeliverable where size = 3",
];
