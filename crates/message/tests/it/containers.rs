//! Real `winmail.dat` streams and signed mails: what other readers list of them must be found in them too.

use std::path::{Path, PathBuf};

use message::content;

/// A stream as the only content of a mail.
fn mail_of(stream: &[u8]) -> Vec<u8> {
    [b"From: a@b.test\r\nContent-Type: application/ms-tnef\r\n\r\n", stream].concat()
}

#[test]
fn every_stream_gives_the_files_that_other_readers_list() {
    let Some(folder) = super::folder() else { return };
    let streams: Vec<PathBuf> = super::files(&folder)
        .into_iter()
        .filter(|path| {
            path.extension().is_some_and(|it| it == "tnef") && path.with_extension("list").is_file()
        })
        .collect();
    let (mut agreed, mut compared, mut surprises) = (0, 0, Vec::new());
    for path in &streams {
        let name = path.strip_prefix(&folder).unwrap().display().to_string();
        let (expected, found) = (listed(path), found(path));
        compared += 1;
        agreed += usize::from(expected == found);
        let is_known = DIFFERENT.iter().find(|(known, _)| name.ends_with(known));
        if (expected == found) == is_known.is_some() {
            surprises.push(format!("{name}: listed {expected:?}, found {found:?}"));
        }
    }
    println!("{agreed} of {compared} streams give what is listed; the others are argued");
    assert!(surprises.is_empty(), "{surprises:#?}");
}

/// Where we find other files than another reader lists, and why.
const DIFFERENT: [(&str, &str); 5] = [
    ("tnef/christmas.tnef", "theirs lists the files of the messages inside too, ours leaves messages whole"),
    ("tnef/long-filename.tnef", "the list leaves out a file that is in their folder"),
    ("datafiles/long-filename.tnef", "the list leaves out a file that the stream holds"),
    ("tnef/missing-filenames.tnef", "the list leaves out four files that are in their folder"),
    ("datafiles/missing-filenames.tnef", "the list leaves out four files that the stream holds"),
];

/// The files that the list beside a stream names, sorted; bodies stand in it under many names.
fn listed(path: &Path) -> Vec<String> {
    let list = std::fs::read_to_string(path.with_extension("list")).unwrap();
    let files = list.lines().map(str::trim).filter(|line| !line.is_empty());
    let files = files.filter(|line| !line.ends_with("body.rtf") && !line.ends_with("body.html"));
    let mut files: Vec<String> =
        files.filter(|line| !line.ends_with("body.txt")).map(str::to_owned).collect();
    files.sort();
    files
}

fn found(path: &Path) -> Vec<String> {
    let raw = mail_of(&std::fs::read(path).unwrap());
    let received = message::read(&raw).unwrap();
    let opened = content::open(&received);
    assert!(opened.is_opened(), "{}", path.display());
    let message = message::read(&opened.raw).unwrap();
    let mut names: Vec<String> = message.attachments().into_iter().map(|it| it.filename).collect();
    names.sort();
    names
}

#[test]
fn files_are_byte_for_byte_what_other_readers_took_out() {
    let Some(folder) = super::folder() else { return };
    let folder = folder.join("mimekit/UnitTests/TestData/tnef");
    if !folder.is_dir() {
        println!("skipped: the corpus has no streams of mimekit");
        return;
    }
    let (mut same, mut compared) = (0, 0);
    for path in super::files(&folder).iter().filter(|path| path.extension().is_some_and(|it| it == "tnef")) {
        let raw = mail_of(&std::fs::read(path).unwrap());
        let received = message::read(&raw).unwrap();
        let opened = content::open(&received);
        let message = message::read(&opened.raw).unwrap();
        for it in message.attachments() {
            let Ok(theirs) = std::fs::read(path.with_extension("").join(&it.filename)) else { continue };
            let encoded = &message.raw()[it.body_offset..it.body_offset + it.body_length];
            let ours = message::attachments::decode(encoded, it.encoding);
            // Their copies of text files have lost their CR, and that of an object begins with the id of its interface.
            let lines =
                |bytes: &[u8]| bytes.iter().copied().filter(|byte| *byte != b'\r').collect::<Vec<_>>();
            let is_same = lines(&ours) == lines(&theirs) || theirs.get(16..) == Some(&ours[..]);
            compared += 1;
            same += usize::from(is_same);
            if !is_same {
                println!("{} {}: {} bytes, theirs {}", path.display(), it.filename, ours.len(), theirs.len());
            }
        }
    }
    println!("{same} of {compared} files are the same");
    assert!(compared > 15 && same == compared);
}

#[test]
fn signed_mails_of_notmuch_are_read() {
    let Some(folder) = super::folder() else { return };
    let path = folder.join("notmuch/test/corpora/pkcs7/smime-onepart-signed.eml");
    let Ok(raw) = std::fs::read(&path) else {
        println!("skipped: the corpus has no signed mail of notmuch");
        return;
    };
    let received = message::read(&raw).unwrap();
    let opened = content::open(&received);
    assert!(opened.packing.signed && opened.is_opened());
    let message = message::read(&opened.raw).unwrap();
    assert!(message.text().starts_with("Bob, we need to cancel this contract."));
    assert!(message.attachments().is_empty());
}
