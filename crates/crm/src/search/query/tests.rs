//! Lines as people write them, and the searches they are.

use expect_test::{Expect, expect};
use model::search::Field;

use super::*;

/// The search as it is read, in one line, and what is said about it.
fn check(text: &str, expected: Expect) {
    let asked = read(text);
    let again = read(&line(&asked.search));
    assert_eq!(again.search, asked.search, "{} is read as another search", line(&asked.search));
    let notes: String = asked.notes.iter().map(|note| format!("\n! {note}")).collect();
    expected.assert_eq(&format!("{}{notes}", line(&asked.search)));
}

#[test]
fn words_fields_phrases_and_days() {
    check("invoice 4711", expect!["invoice 4711"]);
    check(
        "  Invoice FROM:jane to:zoe@x.test -draft subject:\"net 30\" has:attachment after:2026-01-31 before:2027",
        expect![[
            r#"Invoice from:jane to:zoe@x.test -draft subject:"net 30" has:attachment after:2026-01-31 before:2027-01-01"#
        ]],
    );
    check(
        "-from:\"Jane Doe\" file:offer.pdf -has:attachments",
        expect![[r#"-from:"Jane Doe" file:offer.pdf -has:attachment"#]],
    );
    check(
        "„große Lieferung“ 東京都 since:3.4.2026",
        expect![[r#""große Lieferung" 東京都 after:2026-04-03"#]],
    );
}

#[test]
fn the_narrower_of_two_days_counts() {
    check(
        "after:2026-01-01 after:2026-02 before:2026-12-24 before:2026-12",
        expect!["after:2026-02-01 before:2026-12-01"],
    );
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_looked_for() {
    check(
        "pallet before:yesterday has:fun from: - *",
        expect![[r#"
            pallet
            ! “before:yesterday” names no day; write before:2026-11-23.
            ! “has:fun” is not known; there is has:attachment.
            ! “from:” says nothing to look for; write a word behind it.
            ! “*” has no letter or digit, so it cannot be looked for."#]],
    );
    check(
        "after:2026-02-30",
        expect![[r#"

        ! “after:2026-02-30” names no day; write after:2026-11-23."#]],
    );
    check(
        "after:1/2/2026",
        expect![[r#"

        ! “after:1/2/2026” names no day; write after:2026-11-23."#]],
    );
    check("", expect![""]);
    check("\"never closed", expect![[r#""never closed""#]]);
}

#[test]
fn signs_of_query_languages_are_text() {
    check(
        "a\" OR 1=1 -- NEAR(x) ^y z* {b} https://x.test/?q=1",
        expect![[r#"a "OR 1=1 -- NEAR(x) ^y z* {b} https://x.test/?q=1""#]],
    );
    check("AND OR NOT", expect!["AND OR NOT"]);
}

#[test]
fn long_lines_are_cut() {
    let asked = read(&"wort ".repeat(1_000));
    assert_eq!(asked.search.terms.len(), limits::SEARCH_CHARS_MAX / 5);
    assert_eq!(asked.notes.len(), 2);
    assert_eq!(read(&"東".repeat(90)).notes.len(), 1);
    assert_eq!(read(&"東".repeat(60)).notes.len(), 0);
}

#[test]
fn a_field_of_a_form_is_many_words_of_the_line() {
    let mut line = String::new();
    add_field(&mut line, Field::From, "jane \"van Beek\" -x");
    add_field(&mut line, Field::Subject, "");
    assert_eq!(line, "from:jane from:\"van Beek\" -from:x");
}
