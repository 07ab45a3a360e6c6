//! What real mails report, against what a reader said of each before anything read them: `tests/bounces/labels.tsv`.
//!
//! Rules are written by the half that is open. Of the held-out half no mail is named here, and only counts are told.

use std::collections::BTreeMap;
use std::path::Path;

use message::bounce::{self, Bounce, Kind};

struct Label {
    path: String,
    kind: Kind,
    addresses: Vec<String>,
    is_open: bool,
    is_twin: bool,
}

fn labels() -> Vec<Label> {
    let lines = include_str!("../bounces/labels.tsv").lines();
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let named = fields[2].split(' ').filter(|address| *address != "-");
            Label {
                path: fields[0].to_owned(),
                kind: kind(fields[1]),
                addresses: named.map(str::to_owned).collect(),
                is_open: fields[3] == "open",
                is_twin: fields.get(4).is_some_and(|remark| remark.contains("same mail as ")),
            }
        })
        .collect()
}

fn kind(name: &str) -> Kind {
    match name {
        // The rules know no third answer yet.
        "hard" | "unclear" => Kind::Hard,
        "soft" => Kind::Soft,
        "delayed" => Kind::Delayed,
        "complaint" => Kind::Complaint,
        "receipt" => Kind::Receipt,
        "auto" => Kind::Auto,
        "none" => Kind::Nothing,
        other => panic!("{other}"),
    }
}

/// What is read in a mail of the corpus. One that is no message tells nothing.
fn read(folder: &Path, path: &str) -> Bounce {
    let (file, is_mbox) = path.split_once('#').map_or((path, false), |(file, _)| (file, true));
    let raw = std::fs::read(folder.join(file)).unwrap();
    let begin = if is_mbox { raw.iter().position(|byte| *byte == b'\n').unwrap() + 1 } else { 0 };
    match message::read(&raw[begin..]) {
        Ok(message) => bounce::read(&message),
        Err(_) => Bounce { kind: Kind::Nothing, recipients: Vec::new(), words: String::new() },
    }
}

/// Counts of one kind in one part of the corpus.
#[derive(Default)]
struct Count {
    labelled: usize,
    told: usize,
    right: usize,
    /// Of those, whose addresses are right too.
    named: usize,
}

/// Which labels belong to a part.
type Part = fn(&Label) -> bool;

#[test]
fn what_real_mails_report_is_told() {
    let Some(folder) = super::folder() else { return };
    let parts: [(&str, Part); 5] = [
        ("all", |_| true),
        ("all, each once", |label| !label.is_twin),
        ("open, each once", |label| label.is_open && !label.is_twin),
        ("held-out", |label| !label.is_open),
        ("held-out, each once", |label| !label.is_open && !label.is_twin),
    ];
    let mut counts: BTreeMap<(usize, Kind), Count> = BTreeMap::new();
    // Whether it is about mail of ours at all, whatever it says: by the reader, by the rules, by both.
    let mut found = [[0; 4]; 5];
    for label in labels() {
        let bounce = read(&folder, &label.path);
        let mut named: Vec<String> = bounce.gravest().map(|told| told.address.key()).collect();
        named.sort();
        let mut wanted = label.addresses.clone();
        wanted.sort();
        let (is_right, is_named) = (bounce.kind == label.kind, named == wanted);
        if label.is_open && !label.is_twin && (!is_right || (!is_named && is_about_mail(&label.kind))) {
            let words: String = bounce.words.chars().take(100).collect();
            println!(
                "{}: {:?} {wanted:?}, read as {:?} {named:?}: {words}",
                label.path, label.kind, bounce.kind
            );
        }
        for (number, _) in parts.iter().enumerate().filter(|(_, (_, is_in))| is_in(&label)) {
            counts.entry((number, label.kind)).or_default().labelled += 1;
            let told = counts.entry((number, bounce.kind)).or_default();
            told.told += 1;
            told.right += usize::from(is_right);
            told.named += usize::from(is_right && is_named);
            let (wanted, read) = (is_about_mail(&label.kind), is_about_mail(&bounce.kind));
            let more = [wanted, read, wanted && read, wanted && read && is_named].map(usize::from);
            found[number].iter_mut().zip(more).for_each(|(sum, one)| *sum += one);
        }
    }
    for (number, (name, _)) in parts.iter().enumerate() {
        let of = |counted: fn(&Kind) -> bool, count: fn(&Count) -> usize| -> usize {
            let kinds = counts.iter().filter(|((part, kind), _)| *part == number && counted(kind));
            kinds.map(|(_, counted)| count(counted)).sum()
        };
        println!(
            "\n| {name} | labelled | told | right | addresses right | precision | recall |\n|---|---|---|---|---|---|---|"
        );
        for kind in
            [Kind::Hard, Kind::Soft, Kind::Delayed, Kind::Complaint, Kind::Receipt, Kind::Auto, Kind::Nothing]
        {
            if let Some(count) = counts.get(&(number, kind)) {
                line(&format!("{kind:?}"), [count.labelled, count.told, count.right, count.named]);
            }
        }
        let all = [|c: &Count| c.labelled, |c: &Count| c.told, |c: &Count| c.right, |c: &Count| c.named];
        line("about our mail, kind right", all.map(|count| of(is_about_mail, count)));
        let failures = |count: fn(&Count) -> usize| {
            of(|kind| matches!(kind, Kind::Hard | Kind::Soft | Kind::Delayed), count)
        };
        line("not delivered, kind right", all.map(failures));
        line("about our mail, whatever it says", found[number]);
    }
    let bounces = tell(&counts, 0);
    assert!(bounces >= LEAST, "of 1,000 reports {bounces} are read as what they are");
}

/// Of a thousand mails that are about ours in a part, those whose kind is told.
fn tell(counts: &BTreeMap<(usize, Kind), Count>, part: usize) -> usize {
    let of = counts.iter().filter(|((number, kind), _)| *number == part && is_about_mail(kind));
    let (right, labelled) =
        of.fold((0, 0), |(right, all), (_, count)| (right + count.right, all + count.labelled));
    right * 1_000 / labelled.max(1)
}

/// Rules that are changed may not read fewer.
const LEAST: usize = 890;

fn is_about_mail(kind: &Kind) -> bool {
    !matches!(kind, Kind::Auto | Kind::Nothing)
}

fn line(name: &str, [labelled, told, right, named]: [usize; 4]) {
    let share = |of: usize| format!("{:.1} %", 100.0 * right as f64 / of.max(1) as f64);
    println!("| {name} | {labelled} | {told} | {right} | {named} | {} | {} |", share(told), share(labelled));
}
