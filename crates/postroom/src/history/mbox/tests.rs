use std::io::Cursor;

use super::*;

const PARTING: &str = "From jane@contoso.test Fri Mar  6 10:00:00 2026\n";

fn read(file: &str) -> Vec<String> {
    read_as(file, Form::Rd)
}

fn read_as(file: &str, form: Form) -> Vec<String> {
    let Some(mut mbox) = Mbox::open(Cursor::new(file.as_bytes()), form).unwrap() else { return Vec::new() };
    let mut found = Vec::new();
    let mut last = 0;
    while let Some(piece) = mbox.next_piece().unwrap() {
        assert!(file[usize::try_from(piece.offset).unwrap()..].starts_with("From "), "{}", piece.offset);
        assert_eq!(piece.size, piece.raw.len() as u64);
        assert!(piece.offset >= last && mbox.position() > piece.offset);
        last = piece.offset;
        found.push(String::from_utf8(piece.raw).unwrap());
    }
    assert_eq!(mbox.position(), file.len() as u64);
    found
}

#[test]
fn messages_part_at_their_lines() {
    let file = format!("{PARTING}Subject: 1\n\nOne\n\n{PARTING}Subject: 2\n\nTwo\n\n");
    assert_eq!(read(&file), ["Subject: 1\n\nOne\n", "Subject: 2\n\nTwo\n\n"]);
    let crlf = file.replace('\n', "\r\n");
    assert_eq!(read(&crlf), ["Subject: 1\r\n\r\nOne\r\n", "Subject: 2\r\n\r\nTwo\r\n\r\n"]);
}

#[test]
fn files_of_mozilla_part_without_a_blank_line() {
    let netscape = "From - \nSubject: 1\n\nOne\nFrom - Fri Mar  6 10:00:00 2026\nSubject: 2\n\nTwo\n\nFrom - \nSubject: 3\n\n";
    assert_eq!(read(netscape), ["Subject: 1\n\nOne\n", "Subject: 2\n\nTwo\n", "Subject: 3\n\n"]);
    // Other programs leave such a line in a text as it is.
    let others = format!("{PARTING}Subject: 1\n\nOne\nFrom - Fri Mar  6 10:00:00 2026\nSubject: 2\n\nTwo\n");
    assert_eq!(read(&others).len(), 1);
    let dated = format!("From - \nSubject: 1\n\nOne\n{PARTING}Subject: 2\n\nTwo\n");
    assert_eq!(read(&dated).len(), 1);
}

#[test]
fn prose_does_not_part() {
    for line in [
        "From what I hear it is fine\n",
        // By its form it parts; what follows is no header.
        PARTING,
        "From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\nFrom: Jane\n",
    ] {
        let file = format!("{PARTING}Subject: 1\n\nOne\n\n{line}\nand on\n");
        assert_eq!(read(&file).len(), 1, "{line}");
        assert!(read(&file)[0].ends_with(&format!("One\n\n{line}\nand on\n")), "{line}");
    }
    // No blank line before it.
    let file = format!("{PARTING}Subject: 1\n\nOne\n{PARTING}Subject: no\n\n");
    assert_eq!(read(&file).len(), 1);
}

#[test]
fn a_file_may_part_without_dates() {
    let file = "From -\nSubject: 1\n\nFrom Russia with love\nYear: 1963\n\nFrom -\nSubject: 2\n\nTwo\n";
    let expect = ["Subject: 1\n\nFrom Russia with love\nYear: 1963\n", "Subject: 2\n\nTwo\n"];
    assert_eq!(read(file), expect);
    let dated = format!("{PARTING}Subject: 1\n\nOne\n\nFrom jane@contoso.test\nSubject: no\n\n");
    assert_eq!(read(&dated).len(), 1);
}

#[test]
fn quoting_is_undone_in_bodies() {
    let file = format!("{PARTING}>From: a field\n\n>From here\n>>From there\n{PARTING}");
    assert_eq!(read(&file), [format!(">From: a field\n\nFrom here\n>From there\n{PARTING}")]);
    assert_eq!(read_as(&file, Form::O), [format!(">From: a field\n\nFrom here\n>>From there\n{PARTING}")]);
}

#[test]
fn a_length_that_fits_is_believed() {
    let inner = format!("One\n\n{PARTING}Subject: inside\n\n>From x\n");
    for between in ["\n", "", "\n\n"] {
        let length = inner.len();
        let file =
            format!("{PARTING}Content-Length: {length}\n\n{inner}{between}{PARTING}Subject: 2\n\nTwo\n");
        let expect = [format!("Content-Length: {length}\n\n{inner}"), "Subject: 2\n\nTwo\n".to_owned()];
        assert_eq!(read(&file), expect, "{between:?}");
    }
    let last = format!("{PARTING}content-length: {}\n\n{inner}\n", inner.len());
    assert_eq!(read(&last).len(), 1);
}

#[test]
fn within_a_length_quoting_is_undone_unless_the_file_has_none() {
    let message = |body: &str| {
        let length = body.len();
        format!("{PARTING}Content-Length: {length}\n\n{body}\n")
    };
    let last = |file: &str, form| read_as(file, form).pop().unwrap();
    let quoted = message("One\n>From here\n");
    for form in [Form::Rd, Form::O] {
        assert!(last(&quoted, form).ends_with("\n\nOne\nFrom here\n"), "{form:?}");
    }
    assert!(last(&quoted, Form::Cl2).ends_with("\n>From here\n"));
    let unquoted = message("From there\n>From here\n");
    assert!(last(&unquoted, Form::Rd).ends_with("From there\n>From here\n"));
    assert!(last(&(unquoted + &quoted), Form::Rd).ends_with("\n>From here\n"), "another message told");
}

#[test]
fn a_length_that_does_not_fit_is_no_evidence() {
    for length in ["0", "3", "5", "7", "40", "4000", "99999999999999999999", "-1", "x"] {
        let file = format!("{PARTING}Content-Length: {length}\n\nOne\nor so\n\n{PARTING}Subject: 2\n\nTwo\n");
        let expect = [format!("Content-Length: {length}\n\nOne\nor so\n"), "Subject: 2\n\nTwo\n".to_owned()];
        assert_eq!(read(&file), expect, "{length}");
    }
}

#[test]
fn a_file_that_was_cut_off_gives_what_is_there() {
    let file = format!("{PARTING}Subject: 1\n\nOne\n\n{PARTING}Subject: 2\n\nTwo and");
    assert_eq!(read(&file), ["Subject: 1\n\nOne\n", "Subject: 2\n\nTwo and"]);
    // Wherever it is cut, nothing that was whole is lost.
    for end in PARTING.len() + 17..file.len() {
        assert!(read(&file[..end])[0].starts_with("Subject: 1\n\nOne"), "{end}");
    }
    // Only a header.
    assert_eq!(read(&format!("{PARTING}Subject: 1\n")), ["Subject: 1\n"]);
    assert_eq!(read(PARTING), Vec::<String>::new());
}

#[test]
fn what_does_not_begin_as_one_is_no_mailbox_file() {
    for file in ["", "\n\n", "Subject: 1\n\nOne\n", "From here on\n\n", "\u{0}\u{1}\u{2}"] {
        assert!(Mbox::open(Cursor::new(file.as_bytes()), Form::Rd).unwrap().is_none(), "{file:?}");
    }
    assert_eq!(read(&format!("\n\n{PARTING}Subject: 1\n\nOne\n")).len(), 1);
}

#[test]
fn a_message_that_is_too_large_is_cut_and_the_next_one_is_whole() {
    let line = "x".repeat(99) + "\n";
    let large = line.repeat(limits::MESSAGE_BYTES_MAX / 100 + 1_000);
    let file = format!("{PARTING}Subject: 1\n\n{large}\n{PARTING}Subject: 2\n\nTwo\n");
    let mut mbox = Mbox::open(Cursor::new(file.into_bytes()), Form::Rd).unwrap().unwrap();
    let first = mbox.next_piece().unwrap().unwrap();
    assert!(first.is_too_large() && first.raw.len() == limits::MESSAGE_BYTES_MAX + 1);
    assert_eq!(first.size, 12 + large.len() as u64 + 1);
    assert_eq!(mbox.next_piece().unwrap().unwrap().raw, b"Subject: 2\n\nTwo\n");
    assert_eq!(mbox.next_piece().unwrap(), None);
}

#[test]
fn a_line_without_end_is_read_in_parts() {
    let long = "From x".to_owned() + &"y".repeat(limits::LINE_BYTES_MAX * 3) + ">From z";
    let file = format!("{PARTING}Subject: 1\n\n{long}\n\n{PARTING}Subject: 2\n\nTwo\n");
    assert_eq!(read(&file), [format!("Subject: 1\n\n{long}\n"), "Subject: 2\n\nTwo\n".to_owned()]);
}
