//! What real mails report, against what a reader said of each before anything read them: `tests/bounces/`.
//!
//! Rules are written by all of these mails but the `held-out` of `seventh.tsv`: each that is read wrongly is named here. Of those counts alone
//! are told, unless `POSTROOM_MISREAD` is set.

use std::path::Path;

use message::bounce::{self, Bounce, Kind};

struct Label {
    /// Of the file in its folder.
    path: String,
    kind: Kind,
    addresses: Vec<String>,
    half: String,
    /// Where it comes from, as far as that is told.
    source: String,
    remark: String,
}

impl Label {
    fn is_twin(&self) -> bool {
        self.remark.contains("same mail as ")
    }

    fn is(&self, half: &str) -> bool {
        self.half == half && !self.is_twin()
    }
}

/// The labels of a file, whose remark stands in a column of its own; others may stand before it.
fn labels(text: &str, remark: usize) -> Vec<Label> {
    text.lines()
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let named = fields[2].split(' ').filter(|address| *address != "-");
            Label {
                path: fields[0].to_owned(),
                kind: kind(fields[1]),
                addresses: named.map(str::to_owned).collect(),
                half: fields[3].to_owned(),
                source: fields.get(4).map(ToString::to_string).unwrap_or_default(),
                remark: fields.get(remark).map(ToString::to_string).unwrap_or_default(),
            }
        })
        .collect()
}

fn kind(name: &str) -> Kind {
    match name {
        "hard" => Kind::Hard,
        "unclear" => Kind::Unclear,
        "soft" => Kind::Soft,
        "delayed" => Kind::Delayed,
        "complaint" => Kind::Complaint,
        "receipt" => Kind::Receipt,
        "auto" => Kind::Auto,
        "none" => Kind::Nothing,
        other => panic!("{other}"),
    }
}

/// What is read in a mail of the corpus, and whether its header says that it is worth it. One that is no message tells nothing.
fn read(folder: &Path, path: &str) -> (Bounce, bool) {
    let (file, is_mbox) = path.split_once('#').map_or((path, false), |(file, _)| (file, true));
    let raw = std::fs::read(folder.join(file)).unwrap();
    let begin = if is_mbox { raw.iter().position(|byte| *byte == b'\n').unwrap() + 1 } else { 0 };
    match message::read(&raw[begin..]) {
        Ok(message) => {
            let header = message.header();
            (bounce::read(&message), bounce::may_be(header.from.first(), header.marks, true))
        }
        Err(_) => (Bounce { kind: Kind::Nothing, recipients: Vec::new(), words: String::new() }, false),
    }
}

/// What stands in place of an address of people who never meant to be read by us: the first half of its BLAKE3.
fn digest(address: &str) -> String {
    let digest = message::identity::raw_digest(address.as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A mail, as it was labelled and as it was read.
struct Case {
    label: Label,
    told: Kind,
    /// Whether the addresses are right.
    is_named: bool,
    /// Whether it is read where it came to no return path.
    may_be: bool,
}

impl Case {
    fn is_right(&self) -> bool {
        self.told == self.label.kind
    }
}

/// Reads the labelled mails of a folder. What is read wrongly is printed where it may be looked at.
fn cases(folder: &Path, labels: Vec<Label>, may_be_looked_at: fn(&Label) -> bool) -> Vec<Case> {
    let is_all_shown = std::env::var_os("POSTROOM_MISREAD").is_some();
    let read = labels.into_iter().map(|label| {
        let (bounce, may_be) = read(folder, &label.path);
        let mut named: Vec<String> = bounce.gravest().map(|told| told.address.key()).collect();
        named.sort();
        let mut wanted = label.addresses.clone();
        wanted.sort();
        if wanted.iter().any(|address| !address.contains('@')) {
            named = named.iter().map(|address| digest(address)).collect();
            named.sort();
        }
        let case = Case { told: bounce.kind, is_named: named == wanted, may_be, label };
        let is_wrong = !case.is_right() || (!case.is_named && is_about_mail(case.label.kind));
        if is_wrong && (is_all_shown || may_be_looked_at(&case.label)) {
            let words: String = bounce.words.chars().take(100).collect();
            let (path, kind) = (&case.label.path, case.label.kind);
            println!("{path}: {kind:?} {wanted:?}, read as {:?} {named:?}: {words}", case.told);
        }
        case
    });
    read.collect()
}

#[test]
fn what_real_mails_report_is_told() {
    let Some(folder) = super::folder() else { return };
    let all = labels(include_str!("../bounces/labels.tsv"), 4);
    let cases = cases(&folder, all, |label| !label.is_twin());
    tell("all", cases.iter());
    let right = tell("all, each once", cases.iter().filter(|case| !case.label.is_twin()));
    tell("open, each once", cases.iter().filter(|case| case.label.is("open")));
    tell("held-out at first, each once", cases.iter().filter(|case| case.label.is("held-out")));
    assert!(right >= LEAST, "of 1,000 reports {right} are read as what they are");
}

/// The mails of a collection that lies in no folder of ours; none where nobody fetched them.
fn fetched(text: &str, may_be_looked_at: fn(&Label) -> bool) -> Option<Vec<Case>> {
    let Some(folder) = std::env::var_os("POSTROOM_FRESH_BOUNCES") else {
        println!("skipped: POSTROOM_FRESH_BOUNCES names no folder");
        return None;
    };
    let mut all = labels(text, 5);
    all.iter_mut().for_each(|label| label.path.push_str(".eml"));
    Some(cases(Path::new(&folder), all, may_be_looked_at))
}

/// Tells of both halves, and holds that of the second enough is read.
fn tell_halves(name: &str, cases: &[Case]) {
    let half = |half| cases.iter().filter(move |case| case.label.is(half));
    tell(&format!("{name}, dev"), half("dev"));
    let right = tell(&format!("{name}, held-out"), half("held-out"));
    assert!(right >= LEAST, "of 1,000 reports {right} are read as what they are");
}

#[test]
fn what_the_reports_of_the_second_collection_say_is_told() {
    if let Some(cases) = fetched(include_str!("../bounces/fresh.tsv"), |label| !label.is_twin()) {
        tell_halves("fresh", &cases);
    }
}

#[test]
fn what_the_reports_of_the_third_collection_say_is_told() {
    if let Some(cases) = fetched(include_str!("../bounces/third.tsv"), |label| !label.is_twin()) {
        tell("third", cases.iter());
        tell_halves("third", &cases);
    }
}

#[test]
fn what_the_reports_of_the_fourth_collection_say_is_told() {
    if let Some(cases) = fetched(include_str!("../bounces/fourth.tsv"), |label| !label.is_twin()) {
        tell("fourth", cases.iter());
        tell_halves("fourth", &cases);
    }
}

#[test]
fn what_the_reports_of_the_fifth_collection_say_is_told() {
    let Some(cases) = fetched(include_str!("../bounces/fifth.tsv"), |label| !label.is_twin()) else { return };
    tell("fifth", cases.iter());
    for source in ["made", "public", "quoted"] {
        tell(&format!("fifth, {source}"), cases.iter().filter(|case| case.label.source.starts_with(source)));
    }
    tell_halves("fifth", &cases);
}

#[test]
fn what_the_reports_of_the_sixth_collection_say_is_told() {
    let Some(cases) = fetched(include_str!("../bounces/sixth.tsv"), |label| !label.is_twin()) else { return };
    tell("sixth", cases.iter());
    for source in ["made", "public, new", "public, left", "quoted"] {
        tell(&format!("sixth, {source}"), cases.iter().filter(|case| case.label.source.starts_with(source)));
    }
    tell_halves("sixth", &cases);
}

#[test]
fn what_the_reports_of_the_seventh_collection_say_is_told() {
    let Some(cases) = fetched(include_str!("../bounces/seventh.tsv"), |label| label.is("dev")) else {
        return;
    };
    tell("seventh", cases.iter());
    for source in ["made", "public, new", "public, left", "quoted"] {
        tell(
            &format!("seventh, {source}"),
            cases.iter().filter(|case| case.label.source.starts_with(source)),
        );
    }
    tell_halves("seventh", &cases);
}

/// Rules that are changed may not read fewer.
const LEAST: usize = 890;

/// Prints a table of a part; of a thousand mails that are about ours, those whose kind is told.
fn tell<'c>(name: &str, cases: impl Iterator<Item = &'c Case>) -> usize {
    let cases: Vec<&Case> = cases.collect();
    println!(
        "\n| {name} | labelled | told | right | addresses right | precision | recall |\n|---|---|---|---|---|---|---|"
    );
    for kind in [
        Kind::Hard,
        Kind::Soft,
        Kind::Unclear,
        Kind::Delayed,
        Kind::Complaint,
        Kind::Receipt,
        Kind::Auto,
        Kind::Nothing,
    ] {
        line(&format!("{kind:?}"), &cases, |known| known == kind, Case::is_right);
    }
    line("about our mail, kind right", &cases, is_about_mail, Case::is_right);
    let is_failure = |kind| matches!(kind, Kind::Hard | Kind::Soft | Kind::Unclear | Kind::Delayed);
    line("not delivered, kind right", &cases, is_failure, Case::is_right);
    line("about our mail, whatever it says", &cases, is_about_mail, |case| is_about_mail(case.told));
    let about: Vec<_> = cases.iter().filter(|case| is_about_mail(case.label.kind)).collect();
    let told_wrongly = cases.iter().filter(|case| is_about_mail(case.told) && !case.is_right());
    println!(
        "read where they come to no return path: {} of {} that are about our mail, {} of {} that are told wrongly",
        about.iter().filter(|case| case.may_be).count(),
        about.len(),
        told_wrongly.clone().filter(|case| case.may_be).count(),
        told_wrongly.count(),
    );
    about.iter().filter(|case| case.is_right()).count() * 1_000 / about.len().max(1)
}

fn is_about_mail(kind: Kind) -> bool {
    !matches!(kind, Kind::Auto | Kind::Nothing)
}

/// One line about the kinds that are of a sort. An answer that leaves open whether an address works is not wrong where that is known,
/// and not right either.
fn line(name: &str, cases: &[&Case], is_of_sort: impl Fn(Kind) -> bool, is_right: fn(&Case) -> bool) {
    let labelled: Vec<_> = cases.iter().filter(|case| is_of_sort(case.label.kind)).collect();
    let is_open =
        |case: &Case| case.told == Kind::Unclear && matches!(case.label.kind, Kind::Hard | Kind::Soft);
    let told =
        cases.iter().filter(|case| is_of_sort(case.told) && (!is_open(case) || is_right(case))).count();
    let right: Vec<_> = labelled.iter().filter(|case| is_right(case)).collect();
    let named = right.iter().filter(|case| case.is_named).count();
    let share = |of: usize| format!("{:.1} %", 100.0 * right.len() as f64 / of.max(1) as f64);
    let counts = [labelled.len(), told, right.len(), named].map(|count| count.to_string()).join(" | ");
    if labelled.len() + told > 0 {
        println!("| {name} | {counts} | {} | {} |", share(told), share(labelled.len()));
    }
}
