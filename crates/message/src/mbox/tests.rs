use super::*;

#[test]
fn a_parting_line_has_a_date() {
    let parts = |line: &str| is_from_line(line.as_bytes());
    for line in [
        "From jane@contoso.test Fri Mar  6 10:00:00 2026",
        "From jane@contoso.test Fri Mar  6 10:00:00 2026\r\n",
        "From - Fri Mar 06 10:00:00 2026",
        "From jane@contoso.test Fri Mar  6 10:00 2026",
        "From jane@contoso.test Fri Mar  6 10:00:00 MET 2026",
        "From jane@contoso.test Fri Mar  6 10:00:00 MET DST 2026",
        "From 1699@xxx Fri Mar 06 10:00:00 +0000 2026",
        "From jane@contoso.test Fri Mar  6 10:00:00 2026 remote from contoso",
        "From \"Jane Doe\"@contoso.test Fri Mar  6 10:00:00 2026",
        "From Jane Doe Fri Mar  6 10:00:00 2026",
        "From jane@contoso.test Fri, 06 Mar 2026 10:00:00 +0100",
        "From Fri Mar  6 10:00:00 2026",
    ] {
        assert!(parts(line), "{line}");
    }
    for line in [
        "From Monday at 10:30 on everything is 2026",
        "From what I hear, Friday is fine.",
        "From: jane@contoso.test",
        ">From jane@contoso.test Fri Mar  6 10:00:00 2026",
        "from jane@contoso.test Fri Mar  6 10:00:00 2026",
        "From jane@contoso.test Fri Mar  6 10:00:00",
        "From jane@contoso.test Fri Mar 36 10:00:00 2026",
        "From Fri Mar the 6th",
        "From ",
    ] {
        assert!(!parts(line), "{line}");
    }
}

#[test]
fn some_files_part_without_a_date() {
    for line in ["From -", "From - \r\n", "From 1844347792267117879@xxx\n"] {
        assert!(is_undated_from_line(line.as_bytes()) && !is_from_line(line.as_bytes()), "{line}");
    }
    for line in ["From Russia with love", "From home", "From ", "From jane@contoso.test to you"] {
        assert!(!is_undated_from_line(line.as_bytes()), "{line}");
    }
}

#[test]
fn a_patch_is_no_message() {
    let line = format!("From {} Mon Sep 17 00:00:00 2001\n", "0123456789abcdef0123456789abcdef01234567");
    assert!(is_patch_line(line.as_bytes()) && is_from_line(line.as_bytes()));
    assert!(!is_patch_line(b"From jane@contoso.test Mon Sep 17 00:00:00 2001"));
}

#[test]
fn quoting_is_undone_by_its_form() {
    let table: [(&str, [&str; 3]); 5] = [
        (">From here", ["From here", "From here", ">From here"]),
        (">>From here", [">From here", ">>From here", ">>From here"]),
        ("> From here", ["> From here"; 3]),
        ("From here", ["From here"; 3]),
        (">From", [">From"; 3]),
    ];
    for (line, expect) in table {
        let found = [Form::Rd, Form::O, Form::Cl2].map(|form| unquoted(line.as_bytes(), form));
        assert_eq!(found, expect.map(str::as_bytes), "{line}");
    }
}

#[test]
fn a_header_begins_with_a_field() {
    for line in ["Received: by x", "X-Odd : y", ">From jane Fri", "Return-Path:<>"] {
        assert!(is_field_line(line.as_bytes()), "{line}");
    }
    for line in ["", "Hello Jane,", "I said: yes", "\tfolded: line", ": x"] {
        assert!(!is_field_line(line.as_bytes()), "{line}");
    }
}

#[test]
fn line_ends_become_those_of_the_wire() {
    let check = |raw: &[u8], wire: &[u8], is_bare| {
        assert_eq!(in_wire_form(raw.to_vec()), (wire.to_vec(), is_bare));
    };
    check(b"a: b\n\nc\n", b"a: b\r\n\r\nc\r\n", false);
    check(b"a: b\r\n\r\nc\r\n", b"a: b\r\n\r\nc\r\n", false);
    check(b"a: b\r\n\nc", b"a: b\r\n\nc", true);
    check(b"a: b", b"a: b", false);
}
