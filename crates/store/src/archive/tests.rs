//! Archives, there and back: of an organization in which every table is filled.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::schema::catalogue::{Organization as Row, Route};
use model::schema::house::{Lease, Untold};
use model::schema::people::Session as SignedIn;
use model::schema::{Kind, Noun, ORGANIZATION_TABLES, Table, Value};
use model::{Id, Timestamp};

use super::{Archive, ArchiveError, Backup, Progress, RESTORING, Restored, Restoring};
use crate::{Cursor, Organization, Priority, Store, StoreError, StoreSettings};

mod others;
mod two;

const NOW: Timestamp = Timestamp(1_795_687_200_000);
/// The address of return paths.
const RETURNS_TO: &str = "b@bounces.contoso.test";

#[test]
fn a_restore_is_known_from_the_moment_it_is_asked_for() {
    let (from, to) = (Place::filled(), Place::new());
    from.back_up();
    assert!(!to.store.is_restoring().unwrap());
    std::thread::scope(|scope| {
        let another = crate::lock::locked(&to.store.archiving);
        let waits = scope.spawn(|| to.restore(&from.file(), None));
        while !to.store.is_restoring().unwrap() {
            std::thread::yield_now();
        }
        drop(another);
        waits.join().unwrap().unwrap();
    });
    assert!(!to.store.is_restoring().unwrap());
}

#[test]
fn all_of_it_comes_back_in_another_house() {
    let (from, to) = (Place::filled(), Place::new());
    let backup = from.back_up();
    assert_eq!(backup.lost, 0);
    let stay = [SignedIn::TABLE.name, Lease::TABLE.name];
    for table in ORGANIZATION_TABLES.iter().filter(|table| !stay.contains(&table.name)) {
        assert!(backup.digest.rows(table.name) > 0, "{} is empty, so nothing is proven of it", table.name);
    }
    let restored = to.restore(&from.file(), None).unwrap();
    assert_eq!((restored.routes, restored.taken), (4, NOW));
    assert_eq!(restored.digest, backup.digest);
    let organization = to.store.organization_by_name("contoso").unwrap();
    assert_eq!(organization.id(), from.organization().id());
    assert_eq!(to.store.digest(&organization, &Progress::default()).unwrap(), backup.digest);
    for address in ["crm@sink.test", RETURNS_TO] {
        assert_eq!(to.store.route(address).unwrap(), from.store.route(address).unwrap());
    }
    // What was filled in is nothing that can be opened; only one of those is in use.
    assert_eq!(organization.damaged_blobs().unwrap(), 1);
    assert_eq!(organization.blob(blake3::hash(&noise(300_000)).as_bytes()).unwrap(), noise(300_000));
    organization
        .read(|read| {
            assert_eq!(read.row_count(&SignedIn::TABLE)?, 0, "nobody is signed in");
            assert_eq!(read.row_count(&Lease::TABLE)?, 0, "nobody holds a lease");
            let lease = "select 1 from job where leaseuntil is not null or owner is not null";
            assert!(read.one(lease, &[], |_| Ok(()))?.is_none(), "nobody holds a job");
            assert_eq!(read.setting(RESTORING)?, None);
            Ok(())
        })
        .unwrap();
}

#[test]
fn from_engine_to_engine_and_back_it_is_the_same() {
    // The one in the middle is at the server, where tests have one.
    let (from, middle, to) = (Place::in_files().fill(), Place::new(), Place::in_files());
    let backup = from.back_up();
    middle.restore(&from.file(), None).unwrap();
    assert_eq!(middle.back_up().digest, backup.digest);
    let restored = to.restore(&middle.file(), None).unwrap();
    assert_eq!(restored.digest, backup.digest);
    // Whoever writes on meets no number that was given before.
    let organization = middle.organization();
    for number in 10..20 {
        let mut copy = organization.read(|read| read.copy(Id([1; 16]))).unwrap().unwrap();
        copy.copyid = Id([number; 16]);
        organization.unit(Priority::Intake, move |tx| tx.enter_copy(&copy)).wait().unwrap();
    }
    assert_eq!(organization.read(|read| read.copies_taken_out()).unwrap(), 0);
    let again = Place::new();
    middle.back_up();
    again.restore(&middle.file(), None).unwrap();
    let organization = again.organization();
    for number in 20..30 {
        let mut copy = organization.read(|read| read.copy(Id([1; 16]))).unwrap().unwrap();
        copy.copyid = Id([number; 16]);
        organization.unit(Priority::Intake, move |tx| tx.enter_copy(&copy)).wait().unwrap();
    }
    assert_eq!(organization.read(|read| read.copies_taken_out()).unwrap(), 0);
}

#[test]
fn events_are_numbered_anew_in_an_epoch_of_their_own() {
    let (from, to) = (Place::filled(), Place::new());
    from.back_up();
    let old = from.organization().read(|read| read.first_cursor()).unwrap();
    to.restore(&from.file(), None).unwrap();
    let organization = to.store.organization_by_name("contoso").unwrap();
    let told = organization.read(|read| read.events_after(old, 10));
    assert!(matches!(told, Err(StoreError::OtherEpoch)), "{told:?}");
    let all = |organization: &Organization| {
        organization.wait_for_events().unwrap();
        organization.read(|read| read.events_after(read.first_cursor()?, 10)).unwrap()
    };
    let (before, after) = (all(&from.organization()), all(&organization));
    assert_eq!(
        before.iter().map(|event| &event.operation).collect::<Vec<_>>(),
        after.iter().map(|event| &event.operation).collect::<Vec<_>>()
    );
    assert_ne!(before.first().map(|event| event.eventid), after.first().map(|event| event.eventid));
    assert!(after.is_sorted_by_key(|event| event.eventid));
}

#[test]
fn whoever_follows_events_goes_on_behind_the_same_ones() {
    let (from, to) = (Place::filled(), Place::new());
    let organization = from.organization();
    let at = |eventid| Cursor { epoch: organization.read(|read| read.epoch()).unwrap(), eventid };
    // He heard the first event, and was told the second in vain.
    let ids = |organization: &Organization| {
        organization.wait_for_events().unwrap();
        let events = organization.read(|read| read.events_after(read.first_cursor()?, 10)).unwrap();
        events.into_iter().map(|event| event.eventid).collect::<Vec<_>>()
    };
    let [heard, waiting, ..] = ids(&organization)[..] else { panic!("no two events") };
    let row = |eventid, state| Untold {
        follower: "a hook".to_owned(),
        epoch: at(eventid).epoch,
        eventid,
        activityid: Id([1; 16]),
        statecode: state,
        tries: 7,
        refusals: 3,
        refusedon: None,
        words: "no".to_owned(),
        createdon: NOW,
        modifiedon: NOW,
    };
    organization
        .write_alone(|tx| {
            tx.follow("a hook", at(heard))?;
            tx.follow("nobody", Cursor { epoch: Id([5; 16]), eventid: 1 })?;
            tx.note_untold(&row(waiting, 0))?;
            tx.note_untold(&row(heard, 1))
        })
        .unwrap();
    let backup = from.back_up();
    to.restore(&from.file(), None).unwrap();
    let restored = to.organization();
    let [first, second, ..] = ids(&restored)[..] else { panic!("no two events") };
    let epoch = Id([77; 16]);
    let (follower, nobody) = restored
        .read(|read| Ok::<_, StoreError>((read.followed("a hook")?, read.followed("nobody")?)))
        .unwrap();
    assert_eq!(follower, Some(Cursor { epoch, eventid: first }));
    assert_eq!(nobody.unwrap().epoch, Id([5; 16]), "of a place that counted nowhere nothing is known");
    let list = restored.read(|read| read.untold("a hook", 10)).unwrap();
    let waits = Untold { epoch, eventid: second, ..row(waiting, 0) };
    assert!(list.contains(&waits), "it waits as before: {list:?}");
    assert!(list.contains(&row(heard, 1)), "what was passed over keeps its name: {list:?}");
    assert_eq!(to.store.digest(&restored, &Progress::default()).unwrap(), backup.digest);
}

#[test]
fn a_dump_in_another_server_begins_an_epoch() {
    let place = Place::filled();
    let organization = place.organization();
    if !organization.is_at_server() {
        eprintln!("skipped: rows are in files, which nobody loads as a dump");
        return;
    }
    let old = organization.read(|read| read.first_cursor()).unwrap();
    let all = |organization: &Organization| {
        organization.wait_for_events().unwrap();
        organization
            .read(|read| read.rows("select operation from event order by eventid", &[], |row| row.take()))
    };
    let before: Vec<String> = all(&organization).unwrap();
    let first = organization.read(|read| read.events_after(read.first_cursor()?, 1)).unwrap().remove(0);
    let heard = Cursor { epoch: old.epoch, eventid: first.eventid + 1_000_000_000_000_000_000 };
    organization.write_alone(|tx| tx.follow("a hook", heard)).unwrap();
    // A server that has seen far fewer transactions than the one of the dump.
    let ahead = "update event set eventid = eventid + 1000000000000000000";
    organization.write_alone(|tx| tx.execute(ahead, &[]).map(drop)).unwrap();
    drop(organization);
    let Place { store, folder } = place;
    drop(store);
    let store = Store::open(StoreSettings::for_tests(folder.path().join("data"))).unwrap();
    let organization = store.organization(Id([1; 16])).unwrap();
    let told = organization.read(|read| read.events_after(old, 10));
    assert!(matches!(told, Err(StoreError::OtherEpoch)), "{told:?}");
    assert_eq!(all(&organization).unwrap(), before);
    let ids = organization
        .read(|read| read.rows("select eventid from event order by 1", &[], |row| row.take::<i64>()));
    assert!(ids.unwrap().into_iter().eq((1..).take(before.len())));
    let heard = organization.read(|read| read.followed("a hook")).unwrap().unwrap();
    let epoch = organization.read(|read| read.epoch()).unwrap();
    assert_eq!(heard, Cursor { epoch, eventid: 1 }, "he goes on behind the first");
}

#[test]
fn mail_goes_on_and_the_archive_is_of_one_moment() {
    let (from, to) = (Place::filled(), Place::new());
    let organization = from.organization();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                let unit = organization.unit(Priority::Intake, move |tx| {
                    tx.set_setting(&format!("a {number}"), "kept")?;
                    tx.set_setting(&format!("b {number}"), "kept")
                });
                unit.wait().unwrap();
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        from.back_up();
        is_done.store(true, Ordering::Relaxed);
    });
    to.restore(&from.file(), None).unwrap();
    let restored = to.store.organization_by_name("contoso").unwrap();
    let halves = "select count(*) from setting a where a.name like 'a %' and not exists
        (select 1 from setting b where b.name = 'b ' || substr(a.name, 3))";
    let halves = restored.read(|read| read.one(halves, &[], |row| row.take::<i64>())).unwrap();
    assert_eq!(halves, Some(0));
}

#[test]
fn what_is_there_is_never_written_over() {
    let (from, to) = (Place::filled(), Place::new());
    from.back_up();
    let refused = |place: &Place, name| place.restore(&from.file(), name).unwrap_err();
    assert!(matches!(refused(&from, None), ArchiveError::Exists));
    let ArchiveError::AddressesTaken(taken) = refused(&from, Some("copy")) else { panic!("not refused") };
    assert_eq!(taken, [RETURNS_TO, "crm@sink.test", "jane@contoso.test", "support@contoso.test"]);
    let other = Row { organizationid: Id([8; 16]), name: "contoso".to_owned(), createdon: NOW };
    to.store.create_organization(other).unwrap();
    assert!(matches!(refused(&to, None), ArchiveError::Exists));
    // Under another name, and the addresses stay where they are.
    let archive = from.store.open_archive(&from.file(), &Progress::default()).unwrap();
    let restoring = Restoring { with_routes: false, ..restoring(Some("copy")) };
    let copy = from.store.restore(archive, restoring, &Progress::default()).unwrap();
    assert_ne!(copy.organization.organizationid, from.organization().id());
    let route = from.store.route("crm@sink.test").unwrap().unwrap();
    assert_eq!(route.organizationid, from.organization().id());
}

#[test]
fn what_an_attempt_left_behind_is_made_anew() {
    let (from, to) = (Place::filled(), Place::new());
    let backup = from.back_up();
    // As a killed program leaves it: written in part, named nowhere.
    let row = from.organization().row().clone();
    let left = to.store.open_unnamed(&row).unwrap();
    left.write_alone(|tx| {
        tx.set_setting(RESTORING, "1")?;
        fill(tx, ORGANIZATION_TABLES.iter().copied().take(12))
    })
    .unwrap();
    left.blobs().put_frames(&[7; 32], b"left").unwrap();
    drop(left);
    assert!(matches!(to.store.organization_by_name("contoso"), Err(StoreError::NotFound)));
    let restored = to.restore(&from.file(), None).unwrap();
    assert_eq!(restored.digest, backup.digest);
    assert_eq!(blob_files(&to), 1, "nothing of the first attempt is left");
}

#[test]
fn data_that_no_restore_left_behind_are_left_alone() {
    let (from, to) = (Place::filled(), Place::new());
    from.back_up();
    let unnamed = to.store.open_unnamed(from.organization().row()).unwrap();
    unnamed.write_alone(|tx| fill(tx, ORGANIZATION_TABLES.iter().copied())).unwrap();
    drop(unnamed);
    assert!(matches!(to.restore(&from.file(), None), Err(ArchiveError::Unnamed)));
    let unnamed = to.store.open_unnamed(from.organization().row()).unwrap();
    assert!(unnamed.read(|read| read.has_events_after(read.first_cursor()?)).unwrap());
}

#[test]
fn an_organization_that_is_closed_takes_nothing_in_until_it_is_opened() {
    let from = Place::filled();
    let organization = from.organization();
    let set =
        |name: &'static str| organization.unit(Priority::Intake, move |tx| tx.set_setting(name, "kept"));
    let before = set("before");
    organization.close().unwrap();
    before.wait().unwrap();
    let refused = set("while").wait().unwrap_err();
    assert!(matches!(refused, StoreError::OrganizationClosed) && refused.is_temporary(), "{refused}");
    drop(organization);
    let Place { store, folder } = from;
    drop(store);
    let store = Store::open(StoreSettings::for_tests(folder.path().join("data"))).unwrap();
    let organization = store.organization(Id([1; 16])).unwrap();
    assert!(organization.is_closed(), "in another process too");
    organization.reopen().unwrap();
    organization.unit(Priority::Intake, |tx| tx.set_setting("after", "kept")).wait().unwrap();
    let held =
        organization.read(|read| Ok(["before", "while", "after"].map(|name| read.setting(name)))).unwrap();
    assert_eq!(held.map(|it| it.unwrap().is_some()), [true, false, true]);
}

#[test]
fn what_moves_away_may_come_back() {
    let (from, to) = (Place::filled(), Place::new());
    let there = from.organization();
    assert!(from.store.forget_organization(&there).is_err(), "it takes mail in");
    there.close().unwrap();
    let backup = from.back_up();
    to.restore(&from.file(), None).unwrap();
    from.store.forget_organization(&there).unwrap();
    drop(there);
    assert_eq!(from.store.organizations().unwrap(), []);
    assert_eq!(from.store.route("crm@sink.test").unwrap(), None);
    let moved = to.organization();
    assert!(!moved.is_closed(), "it is open where it is now");
    assert_eq!(moved.restored_digest().unwrap(), Some(backup.digest.hex()));
    moved.close().unwrap();
    to.back_up();
    let back = from.restore(&to.file(), None).unwrap();
    assert_eq!(back.digest, backup.digest);
    assert!(!from.organization().is_closed());
}

#[test]
fn an_archive_is_its_owner_s_alone_and_written_by_one_at_a_time() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let from = Place::filled();
    let part = from.file().with_extension("postroom.part");
    // A link that somebody laid there, and what a killed command left behind.
    let other = from.folder.path().join("other");
    fs::write(&other, "another's").unwrap();
    symlink(&other, &part).unwrap();
    from.back_up();
    assert_eq!(fs::read(&other).unwrap(), b"another's");
    fs::write(&part, "left").unwrap();
    from.back_up();
    assert_eq!(from.file().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let writing = fs::File::create(&part).unwrap();
    writing.lock().unwrap();
    let refused = from.store.back_up(&from.organization(), (&from.file(), NOW), &Progress::default());
    assert!(matches!(refused, Err(ArchiveError::BeingWritten)));
}

#[test]
fn what_is_stopped_leaves_nothing() {
    let (from, to) = (Place::filled(), Place::new());
    let stopped = Progress::default();
    stopped.stop();
    let old = b"an older archive";
    fs::write(from.file(), old).unwrap();
    let refused = from.store.back_up(&from.organization(), (&from.file(), NOW), &stopped);
    assert!(matches!(refused, Err(ArchiveError::Stopped)));
    assert_eq!(fs::read(from.file()).unwrap(), old);
    assert_eq!(fs::read_dir(from.file().parent().unwrap()).unwrap().count(), 1, "no copy, no part");
    from.back_up();
    let archive = to.store.open_archive(&from.file(), &Progress::default()).unwrap();
    assert!(matches!(to.store.restore(archive, restoring(None), &stopped), Err(ArchiveError::Stopped)));
    assert_nothing_in(&to);
}

#[test]
fn lost_bytes_hold_the_rest_up_nowhere() {
    let (from, to) = (Place::filled(), Place::new());
    let blobs = from.store.settings.data.join("organizations").join(from.organization().id().to_string());
    let folder = fs::read_dir(blobs.join("blobs")).unwrap().next().unwrap().unwrap().path();
    fs::remove_dir_all(folder).unwrap();
    let backup = from.back_up();
    assert_eq!(backup.lost, 1);
    let restored = to.restore(&from.file(), None).unwrap();
    assert_eq!(restored.digest, backup.digest);
    let organization = to.store.organization_by_name("contoso").unwrap();
    assert_eq!(organization.missing_blob_files().unwrap(), 1);
}

/// A house with a folder for archives beside it.
struct Place {
    store: Arc<Store>,
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Place::with(StoreSettings::for_tests)
    }

    /// On SQLite, whatever other tests use.
    fn in_files() -> Self {
        Place::with(StoreSettings::new)
    }

    fn with(settings: fn(PathBuf) -> StoreSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("archives")).unwrap();
        let store = Store::open(settings(folder.path().join("data"))).unwrap();
        Place { store, folder }
    }

    /// With an organization that has rows in every table.
    fn filled() -> Self {
        Place::new().fill()
    }

    fn fill(self) -> Self {
        let place = self;
        let id = Id([1; 16]);
        let row = Row { organizationid: id, name: "contoso".to_owned(), createdon: Timestamp(5) };
        let organization = place.store.create_organization(row).unwrap();
        organization.write_alone(|tx| fill(tx, ORGANIZATION_TABLES.iter().copied())).unwrap();
        for bytes in [b"a mail".to_vec(), noise(100_000), noise(300_000)] {
            let blob = organization.put_blob(&bytes).unwrap();
            organization.write_alone(|tx| tx.keep_blob(&blob)).unwrap();
        }
        // Return paths lead to the organization, and to no row of a table that happens to have its id.
        let gone = "delete from systemuser where systemuserid = ?1";
        organization.write_alone(|tx| tx.execute(gone, &[id.into()]).map(drop)).unwrap();
        let (first, second) = (Id([1; 16]), Id([2; 16]));
        let routes = [
            ("crm@sink.test", 1, first),
            ("support@contoso.test", 2, first),
            ("jane@contoso.test", 3, second),
            (RETURNS_TO, 4, id),
        ];
        for (address, kind, targetid) in routes {
            // Rows of each table have these ids; one address leads to something that is not there any more.
            let route = Route { address: address.to_owned(), organizationid: id, kind, targetid };
            place.store.publish_route(&route).unwrap();
        }
        let stale = Route {
            address: "gone@contoso.test".to_owned(),
            organizationid: id,
            kind: 3,
            targetid: Id([99; 16]),
        };
        place.store.publish_route(&stale).unwrap();
        place
    }

    fn organization(&self) -> Arc<Organization> {
        self.store.organization(Id([1; 16])).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("archives").join("contoso.postroom")
    }

    fn back_up(&self) -> Backup {
        let organization = self.organization();
        self.store.back_up(&organization, (&self.file(), NOW), &Progress::default()).unwrap()
    }

    fn restore(&self, file: &Path, name: Option<&str>) -> Result<Restored, ArchiveError> {
        let archive: Archive = self.store.open_archive(file, &Progress::default())?;
        self.store.restore(archive, restoring(name), &Progress::default())
    }
}

fn restoring(name: Option<&str>) -> Restoring {
    Restoring { name: name.map(str::to_owned), epoch: Id([77; 16]), with_routes: true }
}

/// No organization, and nothing of one.
fn assert_nothing_in(place: &Place) {
    assert_eq!(place.store.organizations().unwrap(), []);
    let left = fs::read_dir(place.store.settings.data.join("organizations")).unwrap().count();
    assert_eq!(left, 0);
}

fn blob_files(place: &Place) -> usize {
    let folder = place.store.settings.data.join("organizations").join(Id([1; 16]).to_string());
    fs::read_dir(folder.join("blobs")).unwrap().count()
}

/// Three rows in each of these tables, whatever its columns: optional ones are empty in the first. Blobs of these rows
/// lie in the rows and are nothing that can be opened.
fn fill(tx: &mut crate::Tx<'_>, tables: impl Iterator<Item = &'static Table>) -> Result<(), StoreError> {
    for table in tables {
        for number in 1..=3_u8 {
            let value = |column: &model::schema::Column| match column.kind {
                _ if !column.required && number == 1 => Value::Null,
                Kind::Key | Kind::Lookup(_) | Kind::AnyLookup => Value::Bytes(vec![number; 16]),
                Kind::Bytes => Value::Bytes(vec![number; 32]),
                Kind::Text(_) | Kind::Memo if column.name == "preview" => Value::Text("a\0b".to_owned()),
                Kind::Text(_) | Kind::Memo => Value::Text(format!("{} {number} ü", column.name)),
                Kind::Choice(choices) => Value::Int(choices[0].0),
                Kind::Int | Kind::Bool | Kind::DateTime => Value::Int(i64::from(number)),
            };
            let mut row: Vec<Value> = table.columns.iter().map(value).collect();
            if table.name == super::BLOB {
                row[3] = Value::Bytes(vec![number; 10]);
            }
            tx.insert_row(table, row)?;
        }
    }
    // So that numbers begin somewhere else in another house.
    tx.execute("delete from event where eventid = 1", &[]).map(drop)
}

/// Bytes that cannot be compressed (xorshift, Marsaglia 2003).
fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    })
    .take(length)
    .collect()
}
