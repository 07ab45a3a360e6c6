use super::read;
use model::limits;
use proptest::prelude::*;

fn check(value: &str, expect: &[(&str, &str)]) {
    let found = read(value.as_bytes());
    let found: Vec<(&str, &str)> =
        found.iter().map(|m| (m.name.as_deref().unwrap_or(""), m.address.as_str())).collect();
    assert_eq!(found, expect, "{value:?}");
}

#[test]
fn mailboxes_are_read_with_their_names() {
    check("joe@x.test", &[("", "joe@x.test")]);
    check("Joe <Joe@X.test>", &[("Joe", "Joe@x.test")]);
    check("\"Doe, Jane\" <jane@x.test>, b@y.test", &[("Doe, Jane", "jane@x.test"), ("", "b@y.test")]);
    check("=?utf-8?q?Zo=C3=AB_M=C3=BCller?= <z@x.test>", &[("Zoë Müller", "z@x.test")]);
    check("=?utf-8?Q?Doe,_Joe?= <joe@x.test>", &[("Doe, Joe", "joe@x.test")]);
    check("\"=?utf-8?q?Zo=C3=AB?=\" <z@x.test>", &[("Zoë", "z@x.test")]);
    check("joe@x.test (Joe (the) Great)", &[("Joe (the) Great", "joe@x.test")]);
    check("zoë@münchen.test", &[("", "zoë@münchen.test")]);
    check("\"zoe m\"@x.test", &[("", "\"zoe m\"@x.test")]);
    check("\"O\\\"Neil\" <o@x.test>", &[("O\"Neil", "o@x.test")]);
}

#[test]
fn groups_are_flattened_and_routes_dropped() {
    check("Team: a@x.test, B <b@x.test>; c@y.test", &[("", "a@x.test"), ("B", "b@x.test"), ("", "c@y.test")]);
    check("undisclosed-recipients:;", &[]);
    check("Joe <@a.test,@b.test:joe@c.test>", &[("Joe", "joe@c.test")]);
    check("<@a.test:joe@c.test>", &[("", "joe@c.test")]);
    check("joe @ x . test", &[("", "joe@x.test")]);
    check("Pete <pete(his account)@silly.test(his host)>", &[("Pete", "pete@silly.test")]);
    check(
        "A Group(Some people) :Chris <c@(Chris's host.)x.test>, j@y.test;",
        &[("Chris", "c@x.test"), ("", "j@y.test")],
    );
    check("Michiel Buddingh' <m@x.test>", &[("Michiel Buddingh'", "m@x.test")]);
}

#[test]
fn broken_lists_are_read_as_far_as_they_make_sense() {
    check("a@x.test; b@x.test", &[("", "a@x.test"), ("", "b@x.test")]);
    check("a@x.test b@x.test", &[("", "a@x.test"), ("", "b@x.test")]);
    check("A <a@x.test> B <b@x.test>", &[("A", "a@x.test"), ("", "b@x.test")]);
    check("A <a@x.test, B <b@x.test>", &[("A", "a@x.test"), ("B", "b@x.test")]);
    check("A <a@x.test", &[("A", "a@x.test")]);
    check("\"A <a@x.test>, b@x.test", &[("A", "a@x.test"), ("", "b@x.test")]);
    check("Joe Doe joe@x.test", &[("Joe Doe", "joe@x.test")]);
    check("mailto:joe@x.test", &[("", "joe@x.test")]);
    check("<mailto:joe@x.test>", &[("", "joe@x.test")]);
    check("'joe@x.test' <joe@x.test>", &[("joe@x.test", "joe@x.test")]);
    check("<>, nobody, @, ,", &[]);
    check("", &[]);
}

/// A long field made of one thing again and again. Read in time that grows with the square of its length,
/// each of these would take many times longer.
#[test]
fn a_field_full_of_signs_is_read_in_one_go() {
    let size = limits::HEADER_BYTES_MAX / 4;
    let check = |start: &str, unit: &str, expect: usize| {
        let field = format!("{start}{}", unit.repeat((size - start.len()) / unit.len()));
        assert_eq!(read(field.as_bytes()).len(), expect, "{start:.10} {unit}");
    };
    check(&format!("{}@", "x".repeat(size / 2)), ":", 0);
    check("a@x.test ", ":", 1);
    check("", "<", 0);
    check("", "<,", 0);
    check("", "<@a.test,", 0);
    check("a@x.test <", "@b:", 0);
    check("", "(", 0);
    check("", "(()", 0);
    check("", "()", 0);
    check("", "\"", 0);
    check("", "\"\" ", 0);
    check("", "\"\\", 0);
    check("", "@", 0);
    check("", "a@x.test:", 0);
    check("", "=?", 0);
    check("", "a@x.test ", limits::PARTIES_MAX);
    check("", "<a@x.test>", limits::PARTIES_MAX);
}

proptest! {
    #[test]
    fn anything_is_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for mailbox in read(&bytes) {
            prop_assert!(mailbox.address.as_str().contains('@'));
        }
    }
}
