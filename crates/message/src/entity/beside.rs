//! The structure of real mails beside what two other readers wrote down for them: nesting, kinds, fields, and every
//! byte of the leaves. Read from the folder that `POSTROOM_CORPUS` names; skipped where it names none.

#![allow(clippy::print_stdout, reason = "a test tells what it skipped and compared")]

use std::path::{Path, PathBuf};

use super::*;
use crate::Header;

/// One entity as a line of comparison: how deep it stands, what it is, the names of its fields, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    depth: usize,
    kind: String,
    fields: Vec<String>,
    bytes: Vec<u8>,
}

fn corpus(folder: &str) -> Option<PathBuf> {
    let Some(corpus) = std::env::var_os("POSTROOM_CORPUS").map(PathBuf::from) else {
        println!("skipped: POSTROOM_CORPUS is not set");
        return None;
    };
    let folder = corpus.join(folder);
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

/// Our reading of a message, an attached message opened wherever there is one.
fn ours(raw: &[u8], depth: usize, rows: &mut Vec<Row>) {
    let Ok(message) = crate::read(raw) else {
        rows.push(Row { depth, kind: "unreadable".to_owned(), fields: Vec::new(), bytes: Vec::new() });
        return;
    };
    for entity in message.entities() {
        let depth = depth + parents(message.entities(), entity);
        let section = field::split(&message.raw()[entity.whole.clone()]);
        let fields = section.fields.iter().map(|field| field.name.to_ascii_lowercase()).collect();
        let is_leaf = entity.children.is_empty() && !entity.is_message();
        let bytes = if is_leaf { message.decoded(entity).into_owned() } else { Vec::new() };
        rows.push(Row { depth, kind: entity.mimetype.clone(), fields, bytes });
        if entity.is_message() {
            ours(&message.decoded(entity), depth + 1, rows);
        }
    }
}

/// How many entities stand around this one.
fn parents(entities: &[Entity], entity: &Entity) -> usize {
    std::iter::successors(entity.parent, |parent| entities[*parent].parent).count()
}

#[test]
fn mails_of_mime4j_have_the_structure_it_wrote_down() {
    let Some(folder) = corpus("mime4j/core/src/test/resources") else { return };
    let mut mails: Vec<PathBuf> = ["testmsgs", "mimetools-testmsgs"]
        .iter()
        .flat_map(|set| std::fs::read_dir(folder.join(set)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "msg"))
        .collect();
    mails.sort();
    let pairs = mails.iter().map(|path| {
        let mut found = Vec::new();
        ours(&std::fs::read(path).unwrap(), 0, &mut found);
        let found = found.into_iter().map(|row| Row { kind: coarse(&row.kind).to_owned(), ..row });
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, found.map(|row| tell(&row)).collect(), theirs(path).iter().map(tell).collect())
    });
    compare(pairs, &MIME4J_OTHERWISE);
}

const MIME4J_OTHERWISE: [(&str, &str); 15] = [
    ("badbound", NO_PART),
    ("missing-boundary", NO_PART),
    ("missing-inner-boundary", NO_PART),
    ("missing-inner-start-boundary", NO_PART),
    ("multipartnopart", NO_PART),
    ("frag", CUT),
    ("multi-frag", CUT),
    ("basic-plain-with-bad-header-separator", BLANK),
    ("hdr-fakeout", BLANK),
    ("malformedHeader-noheader", NO_HEADER),
    ("malformedHeaderStartsBody-noheader", NO_HEADER),
    (
        "malformedHeaderStartsBody-nocrlfcrlf",
        "a line between two fields is a broken fold for us, and the body for them",
    ),
    ("weird-boundary", FEWER_BLANKS),
    ("very-long-boundary", FEWER_BLANKS),
    ("very-very-long-boundary", FEWER_BLANKS),
];

const NO_PART: &str = "a multipart without a delimiter is text to us and shown, nothing to them";
const CUT: &str = "base64 that was cut off gives us the last whole bytes, which they drop";
const BLANK: &str =
    "a blank alone ends the header for us as an empty line does; they lose the text up to the next one";
const NO_HEADER: &str =
    "text without any field is no mail to us and kept for a person; theirs is an empty or bare text";
const FEWER_BLANKS: &str =
    "a line with one blank fewer than the boundary is a delimiter to us: transport loses such blanks";

/// Whether both say the same of each mail but of those named; tells how many do.
fn compare(pairs: impl Iterator<Item = (String, Vec<String>, Vec<String>)>, otherwise: &[(&str, &str)]) {
    let (mut agreed, mut compared, mut surprises) = (0, 0, Vec::new());
    for (name, ours, theirs) in pairs {
        compared += 1;
        agreed += usize::from(ours == theirs);
        let is_known = otherwise.iter().any(|(known, _)| *known == name);
        if (ours == theirs) == is_known {
            surprises.push(format!(
                "{name}\n ours   {}\n theirs {}",
                ours.join("\n        "),
                theirs.join("\n        ")
            ));
        }
    }
    println!("{agreed} of {compared} mails have the same structure; the others are argued");
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert!(compared > 30, "only {compared} mails were compared");
}

fn tell(row: &Row) -> String {
    let Row { depth, kind, fields, bytes } = row;
    // Quoted-printable text has the line ends of its source here, and CRLF there.
    let lines: Vec<u8> = bytes.iter().copied().filter(|byte| kind != "text" || *byte != b'\r').collect();
    let start: String = String::from_utf8_lossy(&lines).chars().take(30).collect();
    let digest = blake3::hash(&lines).to_hex();
    format!("{depth} {kind} {} {} bytes {start:?} {}", fields.join(" "), lines.len(), &digest[..16])
}

/// Theirs tells text from other leaves, and names no types.
fn coarse(mimetype: &str) -> &str {
    match mimetype.split_once('/') {
        Some((kind @ ("multipart" | "text"), _)) => kind,
        Some(("message", "rfc822" | "global")) => "message",
        _ => "binary",
    }
}

/// What stands in the XML beside a mail. Text in it holds no `<`.
fn theirs(mail: &Path) -> Vec<Row> {
    let xml = std::fs::read(
        mail.with_file_name(format!("{}_decoded.xml", mail.file_stem().unwrap().to_string_lossy())),
    );
    let xml = xml.unwrap();
    let xml = String::from_utf8_lossy(&xml);
    let mut rows: Vec<Row> = Vec::new();
    let mut fields: Vec<String> = Vec::new();
    let mut depth = 0;
    let mut is_root = true;
    for piece in xml.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap();
        let mut row = |kind: &str, fields: &mut Vec<String>, depth: usize, bytes: Vec<u8>| {
            rows.push(Row { depth, kind: kind.to_owned(), fields: std::mem::take(fields), bytes });
        };
        match tag.split(' ').next().unwrap_or_default() {
            "field" => {
                let name = text.trim_start().split(':').next().unwrap_or_default();
                fields.push(name.trim().to_ascii_lowercase());
            }
            "message" if is_root => is_root = false,
            "message" => {
                row("message", &mut fields, depth, Vec::new());
                depth += 1;
            }
            "multipart" => {
                row("multipart", &mut fields, depth, Vec::new());
                depth += 1;
            }
            "/message" | "/multipart" => depth = depth.saturating_sub(1),
            leaf @ ("text-body" | "binary-body") => {
                let name = tag.split('"').nth(1).unwrap();
                let bytes = std::fs::read(mail.with_file_name(name)).unwrap();
                row(leaf.trim_end_matches("-body"), &mut fields, depth, bytes);
            }
            _ => {}
        }
    }
    rows
}

#[test]
fn mailbox_files_of_mimekit_have_the_structure_it_wrote_down() {
    let Some(folder) = corpus("mimekit/UnitTests/TestData/mbox") else { return };
    let mut pairs = Vec::new();
    for name in ["content-length", "issue1189"] {
        let file = std::fs::read(folder.join(format!("{name}.mbox.txt"))).unwrap();
        let listed = std::fs::read_to_string(folder.join(format!("{name}.unix-offsets.json"))).unwrap();
        let listed: serde_json::Value = serde_json::from_str(listed.trim_start_matches('\u{feff}')).unwrap();
        let summary = std::fs::read_to_string(folder.join(format!("{name}-summary.txt"))).unwrap();
        let mut headers = summary.split("\nFrom ").map(listed_header);
        for mail in listed.as_array().unwrap() {
            let (begin, end) = (number(mail, "beginOffset"), number(mail, "endOffset"));
            let header = crate::read_header(&file[begin..end]).unwrap();
            let mut found = vec![said(&header)];
            let mut theirs = vec![headers.next().unwrap()];
            places(&file[begin..end], begin, 0, &mut found);
            listed_places(&mail["body"], 0, &mut theirs);
            pairs.push((format!("{name} {begin}"), found, theirs));
        }
    }
    compare(pairs.into_iter(), &MIMEKIT_OTHERWISE);
}

const MIMEKIT_OTHERWISE: [(&str, &str); 5] = [
    ("content-length 868896", "a line of a mailbox file before an attached mail is no part of it to us"),
    ("content-length 872524", "the same"),
    ("content-length 818971", "an address with two @ is kept as it stands; theirs ends before the second"),
    ("content-length 903951", "the zone `cst` in small letters is six hours west to us, none to them"),
    ("issue1189 588", "without an empty line behind the fields we find the file, and they a long header"),
];

/// What a header says, in words.
fn said(header: &Header) -> String {
    let Header { from, to, subject, date, .. } = header;
    format!("{from:?} {to:?} {subject:?} {date:?}")
}

/// The fields as they are listed, each decoded; the first line of a block is that of the mailbox file.
fn listed_header(block: &str) -> String {
    let fields: String = block.lines().skip(1).map(|line| format!("{}\r\n", line.trim())).collect();
    said(&crate::read_header(fields.as_bytes()).unwrap())
}

/// Each entity with its type, and where in the file it begins, its body begins, and it ends.
fn places(raw: &[u8], base: usize, depth: usize, rows: &mut Vec<String>) {
    let Ok(message) = crate::read(raw) else { return };
    let base = base + message.start();
    for entity in message.entities() {
        let Entity { whole, body, .. } = entity;
        let depth = depth + parents(message.entities(), entity);
        let place = format!("{} {} {}", base + whole.start, base + body.start, base + body.end);
        rows.push(format!("{depth} {} {place}", entity.mimetype));
        if entity.is_message() && entity.encoding == Encoding::Plain {
            places(message.encoded(entity), base + body.start, depth + 1, rows);
        }
    }
}

fn listed_places(entity: &serde_json::Value, depth: usize, rows: &mut Vec<String>) {
    let place = ["beginOffset", "headersEndOffset", "endOffset"].map(|name| number(entity, name).to_string());
    rows.push(format!("{depth} {} {}", entity["mimeType"].as_str().unwrap().to_lowercase(), place.join(" ")));
    for child in entity["children"].as_array().into_iter().flatten() {
        listed_places(child, depth + 1, rows);
    }
    if entity["message"].is_object() {
        listed_places(&entity["message"]["body"], depth + 1, rows);
    }
}

fn number(value: &serde_json::Value, name: &str) -> usize {
    usize::try_from(value[name].as_u64().unwrap()).unwrap()
}
