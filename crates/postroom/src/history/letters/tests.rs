use std::fs;

use super::*;

const MBOX: &str = "From jane@contoso.test Fri Mar  6 10:00:00 2026\nSubject: 1\n\nOne\n\n\
                    From jane@contoso.test Fri Mar  6 11:00:00 2026\nX-Mozilla-Status: 0009\nSubject: 2\n\nTwo\n\n\
                    From jane@contoso.test Fri Mar  6 12:00:00 2026\nSubject: 3\n\nThree\n";

fn read(root: &Path) -> Batch {
    let mut all = Batch::default();
    Reading { root: root.to_owned(), form: Form::Rd }.read(&mut |batch| {
        assert!(batch.letters.len() <= limits::HISTORY_BATCH_MAX);
        all.letters.extend(batch.letters);
        all.faults.extend(batch.faults);
        all.left_out.extend(batch.left_out);
        all.doubtful += batch.doubtful;
        all.no_mail += batch.no_mail;
        all.bytes += batch.bytes;
        true
    });
    all
}

#[test]
fn a_mail_has_the_same_key_at_every_reading() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("M/cur")).unwrap();
    fs::create_dir_all(folder.path().join("M/new")).unwrap();
    fs::write(folder.path().join("M/new/17.M1.host"), "Subject: 1\n\nOne\n").unwrap();
    fs::write(folder.path().join("box"), MBOX).unwrap();
    let keys = || read(folder.path()).letters.iter().map(|letter| letter.key).collect::<Vec<_>>();
    let first = keys();
    assert_eq!(first.len(), 3);
    // It is opened, answered, and the folder named another way.
    fs::rename(folder.path().join("M/new/17.M1.host"), folder.path().join("M/cur/17.M1.host:2,RS")).unwrap();
    assert_eq!(keys(), first);
    let by_another_way = read(&folder.path().join("M/../M")).letters;
    assert!(first.contains(&by_another_way[0].key) && by_another_way.len() == 1);
}

#[test]
fn a_mailbox_file_gives_its_mails_as_they_travelled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("box");
    fs::write(&path, MBOX).unwrap();
    let batch = read(&path);
    let raws: Vec<&[u8]> = batch.letters.iter().map(|letter| letter.raw.as_slice()).collect();
    assert_eq!(raws, [&b"Subject: 1\r\n\r\nOne\r\n"[..], b"Subject: 3\r\n\r\nThree\r\n"]);
    assert_eq!((batch.left_out.as_slice(), batch.faults.len()), (&[LeftOut::Deleted][..], 0));
    assert_eq!(batch.bytes, MBOX.len() as u64);
    assert!(batch.letters[1].place.ends_with("box at byte 153"), "{}", batch.letters[1].place);
}

#[test]
fn marks_of_a_sender_are_told_and_leave_nothing_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("box");
    let marked = MBOX.replace("Subject: 3\n", "Subject: 3\nX-Status: D\nX-Gmail-Labels: Spam\n");
    fs::write(&path, marked).unwrap();
    let batch = read(&path);
    assert_eq!((batch.letters.len(), batch.left_out.len(), batch.doubtful), (2, 1, 1));
}

#[test]
fn what_is_no_mailbox_file_or_too_large_is_named_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.mbox"), [0, 1, 2, 10].repeat(5_000)).unwrap();
    fs::write(folder.path().join("b.mbox"), "").unwrap();
    let large = fs::File::create(folder.path().join("c.eml")).unwrap();
    large.set_len(60 * 1024 * 1024).unwrap();
    fs::write(folder.path().join("d.eml"), "Subject: 1\n\nOne\n").unwrap();
    fs::write(folder.path().join("e.eml"), "").unwrap();
    let batch = read(folder.path());
    assert_eq!(batch.letters.len(), 1);
    let words: Vec<&str> = batch.faults.iter().map(|fault| fault.words.as_str()).collect();
    assert!(words[0].starts_with("it does not begin as a mailbox file"), "{words:?}");
    assert!(words[1].starts_with("the mail has 62914560 bytes"), "{words:?}");
    assert_eq!((words.len(), batch.no_mail), (2, 3));
}

#[test]
fn apple_writes_a_length_before_a_mail() {
    let raw = b"15   \nSubject: 1\n\nOne<?xml version=\"1.0\"?>".to_vec();
    assert_eq!(out_of_emlx(raw), b"Subject: 1\n\nOne");
    assert_eq!(out_of_emlx(b"99\nSubject: 1\n".to_vec()), b"99\nSubject: 1\n");
}
