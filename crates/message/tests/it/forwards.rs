//! Forwards, redirects and reports as real clients write them: each gives exactly the originals it carries.

use std::path::Path;

use message::unwrap::{self, Unwrapped};
use message::{Header, read_header};

const MIXED: &str = "orig-4711@customer.test";
const PLAIN: &str = "q1@customer.test";

#[test]
fn forwards_give_exactly_their_originals() {
    let Some(folder) = super::folder() else { return };
    let folder = folder.join("forwarded");
    if !folder.is_dir() {
        println!("skipped: the corpus has no folder of forwards");
        return;
    }
    let expected = expected();
    for path in super::files(&folder) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let expect = expected.iter().find(|(known, _)| *known == name);
        let Some((_, expect)) = expect else { panic!("{name} has no expectation") };
        assert_eq!(found(&path), *expect, "{name}");
    }
}

/// Method and Message-ID of each original; the ids of the outer mails themselves are not told.
fn found(path: &Path) -> Vec<(String, String)> {
    let raw = std::fs::read(path).unwrap();
    let message = message::read(&raw).unwrap();
    let unwrapped = unwrap::originals(&message, true).unwrap();
    let Unwrapped { originals, .. } = unwrapped;
    originals
        .iter()
        .map(|original| {
            let header = read_header(&original.raw).unwrap();
            (original.method.name().to_owned(), label(&header))
        })
        .collect()
}

/// Which of the two mails it is. Sieve samples were made with an id of their own each.
fn label(header: &Header) -> String {
    let author = header.author().map(|author| author.address.to_string()).unwrap_or_default();
    let id = header.message_id.as_ref().map(ToString::to_string).unwrap_or_default();
    match (author.as_str(), id.as_str()) {
        ("zoe@customer.test", id) if id.starts_with("orig-") => "mixed".to_owned(),
        ("bob@customer.test", PLAIN) => "plain".to_owned(),
        (_, MIXED | PLAIN) => format!("stray {id}"),
        _ => "outer".to_owned(),
    }
}

type Expectation = (&'static str, Vec<(String, String)>);

fn expected() -> Vec<Expectation> {
    let one = |method: &str, label: &str| vec![(method.to_owned(), label.to_owned())];
    let two = |first: &str, second: &str| {
        vec![("attached".to_owned(), first.to_owned()), ("attached".to_owned(), second.to_owned())]
    };
    let mut all = vec![
        ("orig-mixed", one("direct", "mixed")),
        ("orig-plain", one("direct", "plain")),
        ("mblaze-attach-multi", two("mixed", "plain")),
        ("mutt-attach-multi", two("plain", "mixed")),
        ("nmh-attach-multi", two("plain", "mixed")),
        ("thunderbird-attach-multi", two("mixed", "plain")),
        // The inner mail begins with an escaped mbox line.
        ("thunderbird-attach-mboxfromline", one("attached", "mixed")),
        // Looks like a fresh mail: only who is one of us tells, and that is not known here.
        ("thunderbird-redirect", one("direct", "outer")),
        ("thunderbird-inline-html", one("inline", "mixed")),
    ];
    for name in
        ["mblaze-attach", "mutt-attach", "mutt-attach-decode", "neomutt-attach", "neomutt-attach-decode"]
    {
        all.push((name, one("attached", "mixed")));
    }
    all.push(("nmh-attach", one("attached", "mixed")));
    all.push(("thunderbird-attach", one("attached", "mixed")));
    for name in [
        "mutt-attach-plain",
        "mutt-attach-decode-plain",
        "neomutt-attach-plain",
        "neomutt-attach-decode-plain",
    ] {
        all.push((name, one("attached", "plain")));
    }
    for name in [
        "dovecot-sieve-copy",
        "dovecot-sieve-edit",
        "dovecot-sieve-redirect",
        "mutt-bounce",
        "neomutt-bounce",
        "nmh-dist",
    ] {
        all.push((name, one("redirected", "mixed")));
    }
    for name in ["mutt-bounce-plain", "neomutt-bounce-plain"] {
        all.push((name, one("redirected", "plain")));
    }
    for name in
        ["dovecot-sieve-fep", "dovecot-sieve-notify", "dovecot-sieve-reject", "dovecot-sieve-vacation"]
    {
        all.push((name, one("direct", "outer")));
    }
    for name in ["mutt-inline", "mutt-inline-quote", "neomutt-inline", "neomutt-inline-quote"] {
        all.push((name, one("inline", "mixed")));
    }
    for name in
        ["mutt-inline-plain", "mutt-inline-quote-plain", "neomutt-inline-plain", "neomutt-inline-quote-plain"]
    {
        all.push((name, one("inline", "plain")));
    }
    all
}
