use std::os::unix::ffi::OsStringExt;

use super::*;

const MBOX: &str = "From jane@contoso.test Fri Mar  6 10:00:00 2026\nSubject: 1\n\nOne\n";
const MAIL: &str = "Subject: 1\n\nOne\n";

/// Makes files below a folder and tells what is found, one line each.
fn found(files: &[(&str, &str)], root: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    walked(&folder.path().join(root), &folder.path().canonicalize().unwrap())
}

fn walked(root: &Path, from: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    walk(root, &mut |found| {
        let name = |path: &Path| path.strip_prefix(from).unwrap_or(path).to_string_lossy().into_owned();
        lines.push(match found {
            Found::Mail(place) => format!("mail {} is {}", name(&place.path), name(&place.lasting)),
            Found::Mbox(place) => format!("mbox {}", name(&place.path)),
            Found::LeftOut(path, why) => format!("{why:?} {}", name(&path)),
            Found::NoMail(path) => format!("none {}", name(&path)),
            Found::Fault(path, error) => format!("fault {}: {:?}", name(&path), error.kind()),
        });
        true
    });
    lines
}

#[test]
fn a_maildir_is_read_with_its_folders() {
    let files = [
        ("Maildir/cur/1772791200.M1.host:2,S", MAIL),
        ("Maildir/cur/1772791201.M2.host:2,ST", MAIL),
        ("Maildir/cur/1772791202.M3.host:2,DS", MAIL),
        ("Maildir/cur/.hidden", MAIL),
        ("Maildir/new/1772791203.M4.host", MAIL),
        ("Maildir/tmp/1772791204.M5.host", MAIL),
        ("Maildir/dovecot-uidlist", "3 V1 N6\n"),
        ("Maildir/.Sent/cur/1772791205.M6.host!2,S", MAIL),
        ("Maildir/.Sent/new/x", MAIL),
        ("Maildir/.Drafts/cur/x", MAIL),
        ("Maildir/.INBOX.Trash/cur/x", MAIL),
    ];
    assert_eq!(
        found(&files, "Maildir"),
        [
            "Draft Maildir/.Drafts",
            "Deleted Maildir/.INBOX.Trash",
            "mail Maildir/.Sent/cur/1772791205.M6.host!2,S is Maildir/.Sent/1772791205.M6.host",
            "mail Maildir/.Sent/new/x is Maildir/.Sent/x",
            "mail Maildir/cur/1772791200.M1.host:2,S is Maildir/1772791200.M1.host",
            "Deleted Maildir/cur/1772791201.M2.host:2,ST",
            "Draft Maildir/cur/1772791202.M3.host:2,DS",
            "none Maildir/dovecot-uidlist",
            "mail Maildir/new/1772791203.M4.host is Maildir/1772791203.M4.host",
        ],
    );
}

#[test]
fn folders_of_files_are_sorted_by_what_is_in_them() {
    let files = [
        ("a/1.eml", MAIL),
        ("a/Inbox", MBOX),
        ("a/Inbox.msf", "// <!-- <mdb:mork:z v=\"1.4\"/> -->"),
        ("a/Inbox.sbd/Kunden", MBOX),
        ("a/Trash", MBOX),
        ("a/notes.txt", "Subject: no mail\n"),
        ("a/17", MAIL),
        ("a/photo.bin", "\u{0}\u{1}"),
        ("a/empty.mbox", ""),
    ];
    let expect = [
        "mail a/1.eml is a/1.eml",
        "mail a/17 is a/17",
        "mbox a/Inbox",
        "none a/Inbox.msf",
        "mbox a/Inbox.sbd/Kunden",
        "Deleted a/Trash",
        "none a/empty.mbox",
        "none a/notes.txt",
        "none a/photo.bin",
    ];
    assert_eq!(found(&files, "a"), expect);
    // What is named is meant.
    assert_eq!(found(&files, "a/Trash"), ["mbox a/Trash"]);
    assert_eq!(found(&files, "a/notes.txt"), ["mail a/notes.txt is a/notes.txt"]);
    assert_eq!(found(&[("junk.mbox", "\u{0}\u{1}")], "junk.mbox"), ["none junk.mbox"]);
}

#[test]
fn no_link_below_the_path_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().canonicalize().unwrap();
    fs::write(top.join("1.eml"), MAIL).unwrap();
    fs::create_dir(top.join("cur")).unwrap();
    fs::create_dir(top.join("new")).unwrap();
    let links = [
        ("again", top.clone()),
        ("loop", "loop".into()),
        ("2.eml", "1.eml".into()),
        ("cur/3", top.join("1.eml")),
    ];
    for (name, target) in links {
        std::os::unix::fs::symlink(target, top.join(name)).unwrap();
    }
    let lines = walked(&top, &top);
    let expect = [
        "mail 1.eml is 1.eml",
        "fault 2.eml: Other",
        "fault again: Other",
        "fault cur/3: Other",
        "fault loop: Other",
    ];
    assert_eq!(lines, expect);
    assert!(open(&top.join("2.eml")).is_err() && open(&top.join("cur")).is_err());
    assert!(open(&top.join("1.eml")).is_ok());
    // What somebody names himself may be a link.
    assert_eq!(walked(&top.join("2.eml"), &top), ["mail 1.eml is 1.eml"]);
}

/// Somebody who may write there puts a link in a folder's place while its neighbor is read.
#[test]
fn no_link_that_takes_a_folders_place_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().canonicalize().unwrap();
    for name in ["secret/cur", "mail/a", "mail/b/cur", "mail/b/new", "mail/c"] {
        fs::create_dir_all(top.join(name)).unwrap();
    }
    for name in ["secret/cur/1", "secret/2.eml", "mail/a/1.eml", "mail/b/cur/1", "mail/c/2.eml"] {
        fs::write(top.join(name), MAIL).unwrap();
    }
    let swap = |name: &str| {
        fs::rename(top.join(name), top.join("aside")).unwrap();
        std::os::unix::fs::symlink(top.join("secret"), top.join(name)).unwrap();
        fs::remove_dir_all(top.join("aside")).unwrap();
    };
    let mut faults = 0;
    walk(&top.join("mail"), &mut |found| {
        match found {
            Found::Mail(place) if place.path.ends_with("a/1.eml") => swap("mail/b"),
            Found::Mail(place) if place.path.ends_with("c/2.eml") => {
                swap("mail/c");
                assert!(open(&place.path).is_err());
            }
            Found::Fault(path, _) => faults += usize::from(path.ends_with("b")),
            other => panic!("{other:?}"),
        }
        true
    });
    assert_eq!(faults, 1);
}

#[test]
fn a_name_that_is_no_text_is_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let name = std::ffi::OsString::from_vec(b"f\xfcr-Jane.eml".to_vec());
    fs::write(folder.path().join(&name), MAIL).unwrap();
    let lines = walked(folder.path(), &folder.path().canonicalize().unwrap());
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("mail f"), "{lines:?}");
}

#[test]
fn what_is_not_there_is_a_fault() {
    let lines = walked(Path::new("/nowhere/at/all"), Path::new("/"));
    assert_eq!(lines, ["fault nowhere/at/all: NotFound"]);
}
