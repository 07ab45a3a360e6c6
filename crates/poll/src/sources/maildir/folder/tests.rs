use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;

fn maildir() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Maildir");
    for part in ["new", "cur", "tmp"] {
        fs::create_dir_all(path.join(part)).unwrap();
    }
    (folder, path)
}

fn names(folder: &Folder) -> Vec<String> {
    let mut names: Vec<String> =
        folder.list().unwrap().values().map(|found| found.name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn only_whole_plain_files_are_messages() {
    let (_folder, path) = maildir();
    fs::write(path.join("new/1.a.host"), "Subject: 1\n\n").unwrap();
    fs::write(path.join("cur/2.b.host:2,S"), "Subject: 2\r\n\r\nx\n").unwrap();
    fs::write(path.join("tmp/3.c.host"), "Subject: 3\n").unwrap();
    fs::write(path.join("new/.hidden"), "").unwrap();
    fs::create_dir(path.join("cur/folder")).unwrap();
    symlink("/etc/passwd", path.join("new/4.link")).unwrap();
    rustix::fs::mknodat(
        File::open(path.join("new")).unwrap(),
        "5.pipe",
        FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let folder = Folder::open(&path).unwrap();
    assert_eq!(names(&folder), ["1.a.host", "2.b.host:2,S"]);
    let all = folder.list().unwrap();
    let read =
        |is_header| all.values().map(|found| folder.read(found, is_header).unwrap()).collect::<Vec<_>>();
    assert!(read(false).contains(&b"Subject: 2\r\n\r\nx\r\n".to_vec()));
    assert!(read(true).contains(&b"Subject: 2\r\n\r\n".to_vec()));
    // A link that takes the place of a file is not followed.
    let found = all.values().find(|found| found.name == "1.a.host").unwrap();
    fs::remove_file(path.join("new/1.a.host")).unwrap();
    symlink("/etc/passwd", path.join("new/1.a.host")).unwrap();
    assert!(folder.read(found, false).is_err());
}

#[test]
fn a_maildir_behind_a_link_in_it_is_none() {
    let (_folder, path) = maildir();
    fs::remove_dir(path.join("new")).unwrap();
    symlink("/etc", path.join("new")).unwrap();
    assert!(Folder::open(&path).is_err());
}

#[test]
fn flags_are_no_part_of_a_key_and_what_is_removed_is_passed_over() {
    let key = |name: &str| key(OsStr::new(name));
    assert_eq!(key("1.a.host"), key("1.a.host:2,RS"));
    assert_ne!(key("1.a.host"), key("2.a.host"));
    assert_eq!((key(".a"), key(":2,S")), (None, None));
    let is_removed =
        |name: &str| Found { part: 1, name: name.into(), size: 0, arrived: None }.is_marked_as_removed();
    assert!(is_removed("1.a:2,ST") && !is_removed("1.T:2,S") && !is_removed("T"));
}

/// Who may write in the Maildir may put another name of any file there, or a pipe that nobody reads.
#[test]
fn a_mark_that_stands_there_is_not_opened() {
    let (_folder, path) = maildir();
    let aside = path.join(".Undeliverable");
    fs::create_dir(&aside).unwrap();
    let mark = aside.join("maildirfolder");
    rustix::fs::mknodat(rustix::fs::CWD, &mark, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    fs::write(path.join("cur/1.a:2,"), "first").unwrap();
    let folder = Folder::open(&path).unwrap();
    let all = folder.list().unwrap().into_iter().collect();
    let disposed = folder.dispose(all, Some(OsStr::new(".Undeliverable")));
    assert_eq!((disposed.gone.len(), disposed.refusal), (1, None));
    assert_eq!(fs::read(aside.join("new/1.a")).unwrap(), b"first");
}

#[test]
fn what_is_set_aside_is_never_written_over() {
    let (_folder, path) = maildir();
    let aside = OsStr::new(".Undeliverable");
    let put = |text: &str| fs::write(path.join("cur/1.a:2,"), text).unwrap();
    put("first");
    let folder = Folder::open(&path).unwrap();
    let all = || folder.list().unwrap().into_iter().collect::<Vec<_>>();
    let disposed = folder.dispose(all(), Some(aside));
    assert_eq!((disposed.gone.len(), disposed.refusal), (1, None));
    assert!(path.join(".Undeliverable/maildirfolder").is_file() && path.join(".Undeliverable/tmp").is_dir());
    assert!(all().is_empty());
    // Another mail under the same name.
    put("second");
    let disposed = folder.dispose(all(), Some(aside));
    assert!(disposed.gone.is_empty() && disposed.refusal.is_some());
    assert_eq!(fs::read(path.join(".Undeliverable/new/1.a")).unwrap(), b"first");
    assert_eq!(folder.dispose(all(), None).gone.len(), 1);
    assert!(all().is_empty());
}

#[test]
fn what_another_program_renames_meanwhile_is_taken_out_all_the_same() {
    for aside in [None, Some(OsStr::new(".Undeliverable"))] {
        let (_folder, path) = maildir();
        for name in ["1.a.host", "2.b.host", "3.c.host"] {
            fs::write(path.join("new").join(name), "Subject: 1\n\n").unwrap();
        }
        let folder = Folder::open(&path).unwrap();
        let listed: Vec<_> = folder.list().unwrap().into_iter().collect();
        fs::rename(path.join("new/1.a.host"), path.join("cur/1.a.host:2,S")).unwrap();
        fs::remove_file(path.join("new/2.b.host")).unwrap();
        let disposed = folder.dispose(listed, aside);
        assert_eq!((disposed.gone.len(), disposed.refusal), (3, None), "{aside:?}");
        assert!(names(&folder).is_empty(), "what is told to be gone is gone");
    }
}

#[test]
fn a_list_that_is_cut_off_says_of_no_message_that_it_is_gone() {
    let (_folder, path) = maildir();
    for name in ["1.a.host", "2.b.host"] {
        fs::write(path.join("new").join(name), "Subject: 1\n\n").unwrap();
    }
    let folder = Folder::open(&path).unwrap();
    let gone = [key(OsStr::new("9.gone.host")).unwrap()];
    assert_eq!(folder.look_again(&gone, 1).unwrap().1, []);
    assert_eq!(folder.look_again(&gone, 9).unwrap().1, gone);
}
