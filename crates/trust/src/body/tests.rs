//! Against the forms that another project wrote down (`POSTROOM_CORPUS`).
#![allow(clippy::print_stdout, reason = "what is skipped says so")]

use std::fs;
use std::path::PathBuf;

use mail_auth::common::headers::Writable;

use super::*;

#[test]
fn the_canonical_forms_are_those_of_flanker() {
    let corpus = std::env::var_os("POSTROOM_CORPUS").map(PathBuf::from);
    let folder = corpus.map(|corpus| corpus.join("flanker/tests/fixtures/messages/dkim"));
    let Some(folder) = folder.filter(|folder| folder.is_dir()) else {
        return println!("skipped: POSTROOM_CORPUS names no canonical forms of flanker");
    };
    let forms = [(Canonicalization::Simple, "simple"), (Canonicalization::Relaxed, "relaxed")];
    let mut compared = 0;
    for number in 1..=25 {
        let Ok(mail) = fs::read(folder.join(format!("email.{number:02}"))) else { continue };
        let mail = with_crlf(&mail);
        // The first is empty, which is no mail.
        let Some(message) = AuthenticatedMessage::parse(&mail) else { continue };
        for (form, name) in &forms {
            // Its body is one of blanks; what is written down keeps one at the end of a line, against §3.4.4.
            // The last holds CR alone, which no mail may (RFC 5322 §2.3); see `Headers::author`.
            if (*name, number) == ("relaxed", 24) || number == 25 {
                continue;
            }
            let expected = fs::read(folder.join(format!("{name}.expected.{number:02}"))).unwrap();
            let canonical = canonical(&message, *form);
            assert_eq!(
                String::from_utf8_lossy(&canonical),
                String::from_utf8_lossy(&expected),
                "{name} of {number}"
            );
            compared += 1;
        }
    }
    assert!(compared > 0);
}

/// As it was before it was kept in a file of lines.
fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.collect::<Vec<_>>().join(&b"\r\n"[..])
}

fn canonical(message: &AuthenticatedMessage<'_>, form: Canonicalization) -> Vec<u8> {
    let mut canonical = Vec::new();
    form.canonicalize_headers(message.headers.iter().copied(), &mut canonical);
    canonical.extend(b"\r\n");
    let body = message.raw_body();
    let is_mended = form == Canonicalization::Relaxed && ends_with_blanks(body);
    let body = if is_mended { without_blanks(body) } else { body };
    form.canonical_body(body, 0).write(&mut canonical);
    canonical
}
