//! A VFS of SQLite (<https://sqlite.org/vfs.html>) in front of the usual one: it hands everything on and records
//! what reaches the disk. The shared memory of the log (`xShm…`) is handed on unrecorded: SQLite makes it anew.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::mem::size_of;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::{ptr, slice};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_filename, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use super::{Recorded, Recorder};
use crate::StoreError;

/// An open file: SQLite sees `base`; the file of the VFS below follows in the same memory.
#[repr(C)]
struct RecordedFile {
    base: sqlite3_file,
    /// Made in `open`, freed in `close`.
    state: *mut State,
}

struct State {
    recorder: Arc<Recorder>,
    /// `None` for temporary files, which nobody looks for after a power cut.
    path: Option<PathBuf>,
}

/// Registers a VFS of the recorder's name.
pub(super) fn register(recorder: &Arc<Recorder>) -> Result<(), StoreError> {
    let refused = || StoreError::Io(std::io::Error::other("no VFS could be registered"));
    // SAFETY: called with a null name, it returns the default VFS, which lives as long as the program, or null.
    let usual = unsafe { ffi::sqlite3_vfs_find(ptr::null()).as_ref() }.ok_or_else(refused)?;
    let room = c_int::try_from(size_of::<RecordedFile>()).map_err(|_| refused())?;
    let vfs = Box::new(sqlite3_vfs {
        szOsFile: usual.szOsFile + room,
        pNext: ptr::null_mut(),
        zName: recorder.name.as_ptr(),
        // The VFS, its name and the recorder live as long as the program: a connection may always use them.
        pAppData: Arc::into_raw(Arc::clone(recorder)).cast::<c_void>().cast_mut(),
        xOpen: Some(open),
        xDelete: Some(delete),
        ..*usual
    });
    // SAFETY: the structure is leaked, so the pointer stays valid; it is not the default.
    match unsafe { ffi::sqlite3_vfs_register(Box::into_raw(vfs), 0) } {
        ffi::SQLITE_OK => Ok(()),
        _ => Err(refused()),
    }
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands over our VFS, a name that is null or ends with a zero byte, and `szOsFile` bytes of
    // memory for the file; on failure `pMethods` must be null.
    unsafe {
        (*file).pMethods = ptr::null();
        let Some(usual) = ffi::sqlite3_vfs_find(ptr::null()).as_ref() else { return ffi::SQLITE_CANTOPEN };
        let Some(open_below) = usual.xOpen else { return ffi::SQLITE_CANTOPEN };
        let opened = open_below(ptr::from_ref(usual).cast_mut(), name, below(file), flags, out_flags);
        if opened == ffi::SQLITE_OK {
            let recorder = recorder_of(vfs);
            let path = (!name.is_null()).then(|| path_of(name));
            if let Some(path) = &path {
                recorder.record(Recorded::Open(path.clone()));
            }
            (*file.cast::<RecordedFile>()).state = Box::into_raw(Box::new(State { recorder, path }));
            (*file).pMethods = &raw const METHODS;
        }
        opened
    }
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: SQLite hands over our VFS and a name that ends with a zero byte; the usual VFS lives on.
    unsafe {
        let Some(usual) = ffi::sqlite3_vfs_find(ptr::null()).as_ref() else { return ffi::SQLITE_IOERR };
        let Some(delete_below) = usual.xDelete else { return ffi::SQLITE_IOERR };
        let deleted = delete_below(ptr::from_ref(usual).cast_mut(), name, sync_folder);
        if deleted == ffi::SQLITE_OK {
            recorder_of(vfs).record(Recorded::Remove(path_of(name), sync_folder != 0));
        }
        deleted
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the file was opened by `open`, so its state is a box; SQLite closes it once.
    unsafe {
        drop(Box::from_raw((*file.cast::<RecordedFile>()).state));
        close_below(file)
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    offset: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite hands over an open file and `length` readable bytes.
    unsafe {
        let written = write_below(file, bytes, length, offset);
        record(file, written, |path| {
            let bytes = slice::from_raw_parts(bytes.cast::<u8>(), usize::try_from(length).unwrap_or(0));
            Recorded::Write(path, u64::try_from(offset).unwrap_or(0), bytes.into())
        });
        written
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: SQLite hands over an open file.
    unsafe {
        let cut = truncate_below(file, size);
        record(file, cut, |path| Recorded::Truncate(path, u64::try_from(size).unwrap_or(0)));
        cut
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: SQLite hands over an open file.
    unsafe {
        let synced = sync_below(file, flags);
        record(file, synced, Recorded::Sync);
        synced
    }
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: the file below was opened by the usual VFS, whose methods live as long as the program.
    unsafe {
        let file = below(file);
        if let Some(method) = (*file).pMethods.as_ref().and_then(|m| m.xShmBarrier) {
            method(file);
        }
    }
}

/// # Safety
/// The file must have been opened by [`open`].
unsafe fn record(file: *mut sqlite3_file, done: c_int, entry: impl FnOnce(PathBuf) -> Recorded) {
    // SAFETY: says the caller; the state lives until `close`.
    let state = unsafe { &*(*file.cast::<RecordedFile>()).state };
    if let (ffi::SQLITE_OK, Some(path)) = (done, &state.path) {
        state.recorder.record(entry(path.clone()));
    }
}

/// The file of the VFS below.
///
/// # Safety
/// The memory must be that of a [`RecordedFile`] with room behind it.
unsafe fn below(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: `szOsFile` asked for that room.
    unsafe { file.cast::<RecordedFile>().add(1).cast() }
}

/// # Safety
/// The VFS must have been made by [`register`].
unsafe fn recorder_of(vfs: *mut sqlite3_vfs) -> Arc<Recorder> {
    // SAFETY: `pAppData` came from `Arc::into_raw` and is never given back, so one more count is sound.
    unsafe {
        let recorder = (*vfs).pAppData.cast::<Recorder>();
        Arc::increment_strong_count(recorder);
        Arc::from_raw(recorder)
    }
}

/// # Safety
/// The name must end with a zero byte.
unsafe fn path_of(name: *const c_char) -> PathBuf {
    // SAFETY: says the caller.
    OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes()).into()
}

macro_rules! hand_on {
    ($($name:ident = $method:ident($($argument:ident: $type:ty),*);)+) => {$(
        unsafe extern "C" fn $name(file: *mut sqlite3_file, $($argument: $type),*) -> c_int {
            // SAFETY: the file below was opened by the usual VFS, whose methods live as long as the program;
            // the arguments are SQLite's own.
            unsafe {
                let file = below(file);
                match (*file).pMethods.as_ref().and_then(|m| m.$method) {
                    Some(method) => method(file, $($argument),*),
                    None => ffi::SQLITE_IOERR,
                }
            }
        }
    )+};
}

hand_on! {
    close_below = xClose();
    read_below = xRead(bytes: *mut c_void, length: c_int, offset: sqlite3_int64);
    write_below = xWrite(bytes: *const c_void, length: c_int, offset: sqlite3_int64);
    truncate_below = xTruncate(size: sqlite3_int64);
    sync_below = xSync(flags: c_int);
    file_size = xFileSize(size: *mut sqlite3_int64);
    lock = xLock(level: c_int);
    unlock = xUnlock(level: c_int);
    check_reserved_lock = xCheckReservedLock(reserved: *mut c_int);
    file_control = xFileControl(operation: c_int, argument: *mut c_void);
    sector_size = xSectorSize();
    device_characteristics = xDeviceCharacteristics();
    shm_map = xShmMap(page: c_int, size: c_int, extend: c_int, memory: *mut *mut c_void);
    shm_lock = xShmLock(offset: c_int, count: c_int, flags: c_int);
    shm_unmap = xShmUnmap(delete: c_int);
}

/// Version 2: the log works, memory-mapped reading (version 3) is not offered.
static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read_below),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
