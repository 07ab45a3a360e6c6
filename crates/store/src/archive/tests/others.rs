//! Archives that are damaged, cut short, of another release, or forged: each is refused in its own words, and nothing
//! is kept.

use std::fs;
use std::io::Write as _;

use blake3::Hasher;
use model::Id;
use model::schema::catalogue::Route;
use model::schema::emails::{Email, MessageReference};
use model::schema::{Noun, Value};
use zstd::stream::write::Encoder;

use super::super::content::Content;
use super::super::digest::{Columns, of_content_with_places};
use super::super::format::{self, DIGEST_BYTES, Kind};
use super::super::keep::freeze;
use super::super::{ArchiveError, Progress};
use super::{Place, assert_nothing_in, noise};

#[test]
fn no_byte_can_be_changed() {
    let (from, to) = (Place::filled(), Place::new());
    from.back_up();
    let whole = fs::read(from.file()).unwrap();
    let file = to.file();
    let spread = noise(8 * 150);
    let random = spread.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
    let random = random.map(|number| usize::try_from(number % whole.len() as u64).unwrap());
    let ends = (0..40).chain(whole.len() - 40..whole.len());
    for place in random.chain(ends) {
        let mut changed = whole.clone();
        changed[place] ^= 1 << (place % 8);
        fs::write(&file, &changed).unwrap();
        let refused = to.restore(&file, None).unwrap_err();
        let is_told = matches!(
            refused,
            ArchiveError::Damaged(_) | ArchiveError::NotAnArchive | ArchiveError::TooNew { .. }
        );
        assert!(is_told, "byte {place}: {refused}");
    }
    assert_nothing_in(&to);
}

#[test]
fn no_part_is_taken_for_the_whole() {
    let (from, to) = (Place::filled(), Place::new());
    from.back_up();
    let whole = fs::read(from.file()).unwrap();
    let file = to.file();
    let longer = [whole.as_slice(), b"x"].concat();
    let parts = [0, 10, 19, 40, 60, whole.len() / 2, whole.len() - 32, whole.len() - 1];
    for part in parts.iter().map(|end| &whole[..*end]).chain([longer.as_slice()]) {
        fs::write(&file, part).unwrap();
        let refused = to.restore(&file, None).unwrap_err();
        let is_told = matches!(refused, ArchiveError::Damaged(_) | ArchiveError::NotAnArchive);
        assert!(is_told, "{} bytes: {refused}", part.len());
    }
    assert_nothing_in(&to);
}

#[test]
fn an_archive_of_a_later_schema_is_left_to_its_program() {
    let (from, to) = (Place::filled(), Place::new());
    from.back_up();
    rewrite(&from, |kind, values| {
        if kind == Kind::Header {
            values[0] = Value::Int(1_000);
        }
    });
    let refused = to.restore(&from.file(), None).unwrap_err();
    assert!(matches!(refused, ArchiveError::TooNew { what: "schema", found: 1_000, .. }), "{refused}");
    assert!(refused.to_string().contains("later Postroom"), "{refused}");
    assert_nothing_in(&to);
}

#[test]
fn an_older_archive_lacks_what_came_later() {
    let (from, to) = (Place::filled(), Place::new());
    from.back_up();
    let table = MessageReference::TABLE;
    let mut is_it = false;
    rewrite(&from, |kind, values| {
        if kind == Kind::Table {
            is_it = values[0] == Value::Text(table.name.to_owned());
        }
        if is_it && matches!(kind, Kind::Table | Kind::Row) {
            values.pop();
        }
        if is_it && kind == Kind::TableEnd {
            values[1] = Value::Bytes(digest_without_last().to_vec());
        }
    });
    to.restore(&from.file(), None).unwrap();
    let organization = to.store.organization_by_name("contoso").unwrap();
    let positions = organization
        .read(|read| read.rows("select position from messagereference", &[], |row| row.take::<i64>()))
        .unwrap();
    assert_eq!(positions, [0, 0, 0]);
}

#[test]
fn an_archive_whose_digests_say_how_far_a_hook_has_heard_is_restored() {
    let (from, to) = (Place::filled(), Place::new());
    let organization = from.organization();
    let at = crate::Cursor { epoch: Id([9; 16]), eventid: 7 };
    organization.write_alone(|tx| tx.follow("a hook", at)).unwrap();
    from.back_up();
    let progress = Progress::default();
    let frozen = freeze(&organization, &from.folder.path().join("frozen.db"), &progress).unwrap();
    let content = Content { read: frozen.read(), blobs: organization.blobs(), progress: &progress };
    let held = of_content_with_places(&content, Columns::new()).unwrap();
    let mut table = String::new();
    rewrite(&from, |kind, values| match (kind, values.as_mut_slice()) {
        (Kind::Table, [Value::Text(name), ..]) => table.clone_from(name),
        (Kind::TableEnd, [_, digest]) => {
            let former = held.tables.iter().find(|former| former.table == table);
            *digest = former.map_or(digest.clone(), |former| Value::Bytes(former.digest.to_vec()));
        }
        _ => {}
    });
    to.restore(&from.file(), None).unwrap();
    let followed = to.organization().read(|read| read.followed("a hook")).unwrap();
    assert_eq!(followed, Some(at));
}

#[test]
fn what_was_forged_is_refused() {
    let text = |text: &str| Value::Text(text.to_owned());
    let is_damaged = |error: &ArchiveError| matches!(error, ArchiveError::Damaged(_));
    // A value that is another one, of another type, or too many of them; a table or column that nobody knows.
    forge(
        &|kind, values| {
            if kind == Kind::Row && values.len() == Email::TABLE.columns.len() {
                values[1] = text("another subject");
            }
        },
        &|error| matches!(error, ArchiveError::Differs(tables) if *tables == ["email"]),
    );
    forge(
        &|kind, values| {
            if kind == Kind::Row {
                values[0] = Value::Int(1);
            }
        },
        &is_damaged,
    );
    forge(
        &|kind, values| {
            if kind == Kind::Row {
                values.push(Value::Null);
            }
        },
        &is_damaged,
    );
    forge(
        &|kind, values| {
            if kind == Kind::Table && values[0] == text("email") {
                values[1] = text("subject) values (1); drop table email; --");
            }
        },
        &is_damaged,
    );
    forge(
        &|kind, values| {
            if kind == Kind::Table && values[0] == text("email") {
                values[0] = text("sqlite_master");
            }
        },
        &is_damaged,
    );
    forge(
        &|kind, values| {
            if kind == Kind::TableEnd && values.len() == 2 {
                values[1] = Value::Bytes(vec![0; 32]);
            }
        },
        &|error| matches!(error, ArchiveError::Differs(tables) if tables.len() > 20),
    );
}

#[test]
fn what_would_take_more_memory_than_it_has_bytes_is_refused() {
    let text = |text: &str| Value::Text(text.to_owned());
    let is_damaged = |error: &ArchiveError| matches!(error, ArchiveError::Damaged(_));
    // A byte in the archive, thirty in memory.
    forge(
        &|kind, values| {
            if kind == Kind::Row {
                values.resize(100_000, Value::Null);
            }
        },
        &|error| matches!(error, ArchiveError::Damaged(what) if what.contains("more values")),
    );
    let mut addresses = 0;
    let longer = std::cell::RefCell::new(&mut addresses);
    forge(
        &|kind, values| {
            if kind == Kind::Row && values.len() == Route::TABLE.columns.len() && values[2] == Value::Int(3) {
                values[0] = text(&"a".repeat(model::limits::ADDRESS_BYTES_MAX + 1));
                **longer.borrow_mut() += 1;
            }
        },
        &is_damaged,
    );
    assert!(addresses > 0, "there was an address to make longer");
}

/// Restores an archive that somebody changed; what is told of it.
fn forge(change: &dyn Fn(Kind, &mut Vec<Value>), told: &dyn Fn(&ArchiveError) -> bool) {
    let (from, to) = (Place::filled(), Place::new());
    from.back_up();
    rewrite(&from, change);
    let refused = to.restore(&from.file(), None).unwrap_err();
    assert!(told(&refused), "{refused}");
    assert_nothing_in(&to);
}

/// The digest of the three rows of references without their last column.
fn digest_without_last() -> [u8; 32] {
    use super::super::content::Part;
    use super::super::digest::{Columns, Digesting};
    let names = ["keyhash", "activityid", "isinreplyto"];
    let place = Place::filled();
    let table: &'static _ = model::schema::ORGANIZATION_TABLES
        .iter()
        .copied()
        .find(|table| table.name == MessageReference::TABLE.name)
        .unwrap();
    let mut digesting = Digesting::of(Columns::from([(table.name, names.to_vec())]));
    digesting.add(&Part::Table(table));
    let rows = place.organization().read(|read| read.page(table, None, 10)).unwrap();
    for row in &rows {
        digesting.add(&Part::Row(row));
    }
    digesting.add(&Part::End).unwrap().digest
}

/// Writes an archive anew with other values, and a digest that fits.
fn rewrite(place: &Place, mut change: impl FnMut(Kind, &mut Vec<Value>)) {
    let whole = fs::read(place.file()).unwrap();
    let line = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let compressed = &whole[line..whole.len() - usize::try_from(DIGEST_BYTES).unwrap()];
    let plain = zstd::stream::decode_all(compressed).unwrap();
    let mut records = plain.as_slice();
    let mut out = whole[..line].to_vec();
    let mut encoder = Encoder::new(&mut out, 1).unwrap();
    while !records.is_empty() {
        let (kind, content) = format::read(&mut records).unwrap();
        let mut changed = content.clone();
        if kind != Kind::Frames {
            let mut values = format::values(&content, usize::MAX).unwrap();
            change(kind, &mut values);
            changed.clear();
            format::put(&mut changed, &values);
        }
        format::write(&mut encoder, kind, &changed).unwrap();
    }
    encoder.finish().unwrap().flush().unwrap();
    out.extend(Hasher::new().update(&out).finalize().as_bytes());
    fs::write(place.file(), out).unwrap();
    let opened = place.store.open_archive(&place.file(), &Progress::default());
    assert!(!matches!(opened, Err(ArchiveError::NotAnArchive)));
}
