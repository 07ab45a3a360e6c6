//! An organization is made of an archive: written, read back and compared, and only then named in the catalogue.

use std::sync::Arc;

use blake3::Hasher;
use model::schema::{Kind as ColumnKind, Table, Value, catalogue};
use model::{Id, Timestamp, limits};

use super::content::Content;
use super::digest::{self, Columns, Digest, TableDigest};
use super::followers::Followers;
use super::format::{self, Kind};
use super::keep::RETURNS;
use super::open::Archive;
use super::turn::Turn;
use super::{
    ArchiveError, BLOB, CLOSED, MOVED, Progress, RESTORED, RESTORING, is_kept, kept_tables, place_of,
};
use crate::blobs::Blobs;
use crate::engine::{Asking, Checkpoint, Purpose, Session, Step};
use crate::{Organization, Read, Store, StoreError, Tx, migrations};

/// How an archive is restored.
#[derive(Debug, Clone)]
pub struct Restoring {
    /// Another name: then it becomes another organization, with an id of its own.
    pub name: Option<String>,
    /// The epoch that its events begin: nobody else has it.
    pub epoch: Id,
    /// Whether its addresses lead to it afterwards.
    pub with_routes: bool,
}

/// An organization that was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The organization.
    pub organization: catalogue::Organization,
    /// When the archive was taken.
    pub taken: Timestamp,
    /// What it holds: what the archive holds.
    pub digest: Digest,
    /// How many addresses lead to it.
    pub routes: usize,
}

pub(super) fn restore(
    store: &Store,
    mut archive: Archive,
    restoring: Restoring,
    progress: &Progress,
) -> Result<Restored, ArchiveError> {
    let row = named(&archive, restoring.name);
    let routes = if restoring.with_routes { routes_to(&row, &archive) } else { Vec::new() };
    let turn = Turn::take(store, row.organizationid, restoring.epoch)?;
    let place = Place { store, row: &row, routes: &routes, turn: &turn };
    let restored = turn.while_held(progress, || place.restore(&mut archive, (restoring.epoch, progress)));
    turn.give_back();
    let taken = archive.header().taken;
    Ok(Restored { digest: restored?, taken, routes: routes.len(), organization: row })
}

/// Where it is restored to.
pub(super) struct Place<'p> {
    pub(super) store: &'p Store,
    pub(super) row: &'p catalogue::Organization,
    pub(super) routes: &'p [catalogue::Route],
    pub(super) turn: &'p Turn<'p>,
}

impl Place<'_> {
    fn restore(
        &self,
        archive: &mut Archive,
        (epoch, progress): (Id, &Progress),
    ) -> Result<Digest, ArchiveError> {
        let Place { store, row, routes, turn } = *self;
        is_free(store, row, routes)?;
        let organization = make_room(store, row, turn)?;
        let filled = fill(&organization, archive, (turn, progress)).and_then(|digest| {
            let held = digest.hex();
            let places = organization.read(|read| read.followers_in(archive.header().epoch))?;
            let followers = Followers::count(places, archive)?;
            organization.write_alone(|tx| {
                turn.check(tx)?;
                tx.begin_epoch(epoch)?;
                followers.go_on(tx, epoch)?;
                tx.set_setting(RESTORED, &held)
            })?;
            organization.settle_numbers()?;
            Ok(digest)
        });
        let published = filled.and_then(|digest| self.publish().map(|()| digest));
        let digest = match published {
            Ok(digest) => digest,
            Err(error) => {
                self.undo(organization);
                return Err(error);
            }
        };
        let unmarked = organization.write_alone(|tx| {
            tx.execute("delete from setting where name = ?1", &[RESTORING.into()]).map(drop)
        });
        if let Err(error) = unmarked {
            // It is there all the same; of an organization that the catalogue names the mark says nothing.
            tracing::warn!(error = &error as &dyn std::error::Error, "the mark of a restore stays behind");
        }
        Ok(digest)
    }

    /// Removes what was written, where it is ours. What cannot be removed now is removed before the next attempt.
    pub(super) fn undo(&self, organization: Organization) {
        // A commit of the catalogue whose end nobody knows may have named it: then it stays. It holds the lease until it ends, so
        // only once that is renewed the catalogue says what came of it.
        if !self.turn.renew().unwrap_or(false) {
            return;
        }
        let there = self.store.catalogue.organization(self.row.organizationid);
        if matches!(there, Err(StoreError::NotFound)) {
            let _ = erase(self.store, organization, self.turn);
        }
    }

    pub(super) fn publish(&self) -> Result<(), ArchiveError> {
        let Place { store, row, routes, turn } = *self;
        match store.catalogue.add_with_routes(row, routes, turn.lease()) {
            Err(StoreError::Exists) => Err(ArchiveError::Exists),
            Err(StoreError::AddressTaken) => Err(ArchiveError::AddressesTaken(taken(store, routes)?)),
            published => Ok(published?),
        }
    }
}

/// The row of the catalogue. Under another name it is another organization; the same archive and name make the same
/// one, so that what an attempt before left behind is found.
fn named(archive: &Archive, name: Option<String>) -> catalogue::Organization {
    let was = &archive.header().organization;
    let Some(name) = name else { return was.clone() };
    let hash = Hasher::new().update(archive.digest()).update(name.as_bytes()).finalize();
    let (random, _) = hash.as_bytes().split_first_chunk::<10>().unwrap_or((&[0; 10], &[]));
    let organizationid = Id::from_parts(archive.header().taken, random);
    catalogue::Organization { organizationid, name, createdon: was.createdon }
}

fn routes_to(row: &catalogue::Organization, archive: &Archive) -> Vec<catalogue::Route> {
    let organizationid = row.organizationid;
    let here = |route: &catalogue::Route| {
        let targetid = if route.kind == RETURNS { organizationid } else { route.targetid };
        catalogue::Route { organizationid, targetid, ..route.clone() }
    };
    archive.routes().iter().map(here).collect()
}

/// Looks before all the work whether it can be published at its end.
fn is_free(
    store: &Store,
    row: &catalogue::Organization,
    routes: &[catalogue::Route],
) -> Result<(), ArchiveError> {
    let named = store.catalogue.organization_by_name(&row.name);
    for there in [store.catalogue.organization(row.organizationid), named] {
        match there {
            Ok(_) => return Err(ArchiveError::Exists),
            Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let taken = taken(store, routes)?;
    if taken.is_empty() { Ok(()) } else { Err(ArchiveError::AddressesTaken(taken)) }
}

fn taken(store: &Store, routes: &[catalogue::Route]) -> Result<Vec<String>, StoreError> {
    let mut taken = Vec::new();
    for route in routes {
        if store.catalogue.asked_route(&route.address)?.is_some() {
            taken.push(route.address.clone());
        }
    }
    Ok(taken)
}

/// An empty organization that nobody sees. What an attempt before left behind is removed, and what was left when the
/// organization moved away; anything else is not ours to remove.
pub(super) fn make_room(
    store: &Store,
    row: &catalogue::Organization,
    turn: &Turn<'_>,
) -> Result<Organization, ArchiveError> {
    store.remove_aside(row.organizationid)?;
    let there = store.open_unnamed(row)?;
    let (is_left, is_used) = {
        let session = there.writer().engine().open(Purpose::Read)?;
        let read = Read::new(session.as_ref());
        let is_left = read.setting(RESTORING)?.is_some() || read.setting(CLOSED)?.as_deref() == Some(MOVED);
        // Be it that what happened cannot be read yet, while others at the server are in the middle of something.
        (is_left, read.has_events_after(read.first_cursor()?)? || read.email_count()? > 0)
    };
    let organization = match (is_left, is_used) {
        (false, true) => return Err(ArchiveError::Unnamed),
        (false, false) => there,
        (true, _) => {
            erase(store, there, turn)?;
            store.open_unnamed(row)?
        }
    };
    organization.write_alone(|tx| {
        // Written before the turn is asked for: whoever takes it next waits for this row, and overwrites it.
        tx.set_setting(RESTORING, turn.mark())?;
        turn.surely(|_| Ok(()))
    })?;
    Ok(organization)
}

/// Removes an organization that nobody else is to make now: at a server in the transaction that makes sure of the turn.
pub(super) fn erase(store: &Store, organization: Organization, turn: &Turn<'_>) -> Result<(), StoreError> {
    let (id, engine) = (organization.id(), Arc::clone(organization.writer().engine()));
    // Its files are closed first.
    drop(organization);
    engine.forget_sessions();
    let erased = turn.surely(|tx| {
        if let (Some(tx), Some(script)) = (tx, engine.erasure()) {
            tx.script(&script)?;
        }
        store.set_aside(id)
    });
    engine.forget_sessions();
    erased?;
    store.remove_aside(id)
}

/// Writes everything, reads it back, and compares.
pub(super) fn fill(
    organization: &Organization,
    archive: &mut Archive,
    (turn, progress): (&Turn<'_>, &Progress),
) -> Result<Digest, ArchiveError> {
    let engine = organization.writer().engine();
    let session = engine.open(Purpose::Write)?;
    let mut writing = Writing {
        session: session.as_ref(),
        blobs: organization.blobs(),
        turn,
        progress,
        batch: Vec::new(),
        batch_bytes: 0,
        since_checkpoint: 0,
        columns: Columns::new(),
        said: Vec::new(),
    };
    writing.tables(archive)?;
    let Writing { columns, said, .. } = writing;
    drop(session);
    let session = engine.open(Purpose::Read)?;
    session.step(Step::BeginRead)?;
    let content = Content { read: Read::new(session.as_ref()), blobs: organization.blobs(), progress };
    let digest = digest::of_content(&content, columns.clone())?;
    let mut others = differing(&said, &digest);
    if !others.is_empty() {
        let with_places = differing(&said, &digest::of_content_with_places(&content, columns)?);
        others.retain(|table| with_places.contains(table));
    }
    if !others.is_empty() {
        return Err(ArchiveError::Differs(others));
    }
    catch_up(engine.open(Purpose::Write)?.as_ref(), archive.header().schema, turn)?;
    // Of the tables that the archive has, so that it is what the house said that wrote it, be it an older one.
    Ok(Digest::of_tables(said))
}

/// The tables that do not hold what the archive says of them.
fn differing(said: &[TableDigest], held: &Digest) -> Vec<&'static str> {
    said.iter().filter(|said| !held.tables.contains(said)).map(|said| said.table).collect()
}

/// As scripts, which may take as long as a migration does.
fn catch_up(session: &dyn Session, schema: i64, turn: &Turn<'_>) -> Result<(), StoreError> {
    session.step(Step::BeginWrite)?;
    turn.check(&mut Tx::new(session, None))?;
    for sql in migrations::catch_up(schema) {
        session.script(&format!("-- catching up\n{sql};"))?;
    }
    session.step(Step::Commit)
}

/// Rows on their way from the archive into the database.
struct Writing<'w> {
    session: &'w dyn Session,
    blobs: &'w Blobs,
    turn: &'w Turn<'w>,
    progress: &'w Progress,
    batch: Vec<Vec<Value>>,
    batch_bytes: usize,
    /// Bytes written since the log was carried over.
    since_checkpoint: usize,
    /// The columns that the archive has.
    columns: Columns,
    /// What the archive says that it holds.
    said: Vec<TableDigest>,
}

impl Writing<'_> {
    fn tables(&mut self, archive: &mut Archive) -> Result<(), ArchiveError> {
        let mut tables = kept_tables();
        loop {
            let content = match archive.records().next()? {
                (Kind::End, _) => return Ok(()),
                (Kind::Table, content) => content,
                _ => return Err(OTHER),
            };
            let names = names(&content)?;
            let (name, columns) = names.split_first().ok_or(OTHER)?;
            // In their order, each once; an older archive lacks those that came later.
            let table = tables.find(|table| table.name == name).ok_or(OTHER)?;
            let layout = Layout::new(table, columns)?;
            self.columns.insert(table.name, layout.names());
            let said = self.rows(archive, &layout)?;
            self.said.push(said);
        }
    }

    /// Takes the rows of a table; gives what the archive says of them.
    fn rows(&mut self, archive: &mut Archive, layout: &Layout) -> Result<TableDigest, ArchiveError> {
        let table = layout.table;
        loop {
            let (done, of) = (archive.records().done(), archive.records().length);
            match archive.records().next()? {
                (Kind::Row, content) => {
                    let row = layout.row(format::values(&content, layout.columns)?, self.blobs)?;
                    // Nothing of the house that wrote it.
                    if !is_kept(table, &row) {
                        return Err(OTHER);
                    }
                    self.batch_bytes += content.len();
                    self.batch.push(row);
                }
                (Kind::Frames, frames) if table.name == BLOB => self.frames(&frames)?,
                (Kind::TableEnd, content) => {
                    self.write(table)?;
                    return said(table, format::values(&content, 2)?);
                }
                _ => return Err(OTHER),
            }
            if self.batch.len() >= limits::RESTORE_ROWS_MAX || self.batch_bytes >= limits::RESTORE_BYTES_MAX {
                self.progress.at("writing", done, of)?;
                self.write(table)?;
            }
        }
    }

    /// Frames of the blob whose row came last.
    fn frames(&mut self, frames: &[u8]) -> Result<(), ArchiveError> {
        let row = self.batch.last().ok_or(OTHER)?;
        match (row.first(), row.get(3)) {
            (Some(Value::Bytes(blobid)), Some(Value::Null)) => Ok(self.blobs.put_frames(blobid, frames)?),
            _ => Err(OTHER),
        }
    }

    fn write(&mut self, table: &Table) -> Result<(), ArchiveError> {
        let rows = std::mem::take(&mut self.batch);
        self.session.step(Step::BeginWrite)?;
        self.turn.check(&mut Tx::new(self.session, None))?;
        if let Some(together) = self.session.together() {
            together.begin();
            together.begin_unit(Asking::Itself);
        }
        let mut tx = Tx::new(self.session, Some(self.blobs));
        let written = rows.into_iter().try_for_each(|row| tx.insert_row(table, row));
        // Two rows with one key are no database's.
        written.and_then(|()| self.session.step(Step::Commit)).map_err(|error| match error {
            StoreError::Conflict { .. } | StoreError::Overtaken { .. } => OTHER,
            error => error.into(),
        })?;
        self.since_checkpoint += std::mem::take(&mut self.batch_bytes);
        if self.since_checkpoint >= CHECKPOINT_BYTES {
            self.since_checkpoint = 0;
            self.session.checkpoint(Checkpoint::Passive)?;
        }
        Ok(())
    }
}

/// How the rows of an archive become rows of a table.
struct Layout {
    table: &'static Table,
    /// For each column of the table, where it stands in the archive.
    places: Vec<Option<usize>>,
    /// Columns in the archive.
    columns: usize,
}

impl Layout {
    fn new(table: &'static Table, columns: &[String]) -> Result<Self, ArchiveError> {
        let places = table.columns.iter().map(|column| columns.iter().position(|name| name == column.name));
        let places: Vec<Option<usize>> = places.collect();
        // Columns are added, never taken away, so each of an older archive is known.
        if places.iter().flatten().count() != columns.len() {
            return Err(ArchiveError::Damaged("a table has columns that this Postroom does not know"));
        }
        Ok(Layout { table, places, columns: columns.len() })
    }

    fn names(&self) -> Vec<&'static str> {
        let columns = self.table.columns.iter().zip(&self.places);
        columns.filter(|(_, place)| place.is_some()).map(|(column, _)| column.name).collect()
    }

    /// A row of the archive as a row of the table. What came later has the value of a row that was there before it.
    fn row(&self, values: Vec<Value>, blobs: &Blobs) -> Result<Vec<Value>, ArchiveError> {
        if values.len() != self.columns {
            return Err(OTHER);
        }
        let mut row = Vec::with_capacity(self.places.len());
        for (column, place) in self.table.columns.iter().zip(&self.places) {
            let value = match place.and_then(|place| values.get(place)) {
                Some(value) => value.clone(),
                None if column.required => empty(column.kind),
                None => Value::Null,
            };
            let is_too_large = self.table.name == BLOB
                && column.name == "size"
                && !matches!(value, Value::Int(size) if (0..=ARCHIVED_BYTES_MAX).contains(&size));
            if !fits(&value, column.kind, column.required) || is_too_large {
                return Err(OTHER);
            }
            row.push(value);
        }
        self.settle(&mut row, blobs);
        Ok(row)
    }

    /// What depends on the house that it is in from now on.
    fn settle(&self, row: &mut [Value], blobs: &Blobs) {
        let mut set = |column: &str, value: Value| {
            if let Some(slot) = place_of(self.table, column).and_then(|place| row.get_mut(place)) {
                *slot = value;
            }
        };
        match self.table.name {
            // Whoever held it is in another house.
            "job" => {
                set("leaseuntil", Value::Null);
                set("owner", Value::Null);
            }
            // It may have gone out since: somebody has to say that it is sent from here.
            "outboxmail" => {
                set("waitsin", Value::Null);
                set("owner", Value::Null);
            }
            BLOB => {
                let is_in_row = place_of(self.table, "bytes")
                    .and_then(|place| row.get(place))
                    .is_some_and(|bytes| *bytes != Value::Null);
                let place = if is_in_row { 0 } else { blobs.place_of_large() };
                if let Some(slot) = place_of(self.table, "place").and_then(|at| row.get_mut(at)) {
                    *slot = Value::Int(place);
                }
            }
            _ => {}
        }
    }
}

/// Plain bytes of one kept mail: twice what any door takes.
const ARCHIVED_BYTES_MAX: i64 = 2 * model::limits::MESSAGE_BYTES_MAX as i64;

fn empty(kind: ColumnKind) -> Value {
    match kind {
        ColumnKind::Text(_) | ColumnKind::Memo => Value::Text(String::new()),
        ColumnKind::Int | ColumnKind::Bool | ColumnKind::DateTime | ColumnKind::Choice(_) => Value::Int(0),
        ColumnKind::Key | ColumnKind::Lookup(_) | ColumnKind::AnyLookup | ColumnKind::Bytes => {
            Value::Bytes(Vec::new())
        }
    }
}

fn fits(value: &Value, kind: ColumnKind, is_required: bool) -> bool {
    match value {
        Value::Null => !is_required,
        value => std::mem::discriminant(value) == std::mem::discriminant(&empty(kind)),
    }
}

fn names(content: &[u8]) -> Result<Vec<String>, ArchiveError> {
    let name = |value| match value {
        Value::Text(name) => Ok(name),
        _ => Err(OTHER),
    };
    // The name of the table stands before them.
    format::values(content, 1 + limits::ARCHIVE_COLUMNS_MAX)?.into_iter().map(name).collect()
}

fn said(table: &'static Table, values: Vec<Value>) -> Result<TableDigest, ArchiveError> {
    let [Value::Int(rows), Value::Bytes(digest)] = values.as_slice() else { return Err(OTHER) };
    let digest = digest.as_slice().try_into().map_err(|_| OTHER)?;
    Ok(TableDigest { table: table.name, rows: u64::try_from(*rows).map_err(|_| OTHER)?, digest })
}

const OTHER: ArchiveError = ArchiveError::Damaged("its records are not those of an archive");
/// After so many bytes of rows the log is carried over.
const CHECKPOINT_BYTES: usize = 32 * 1024 * 1024;
