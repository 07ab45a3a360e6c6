//! All samples through the real door, in order, as the demonstration sends them.

use std::path::{Path, PathBuf};

use testkit::House;
use testkit::samples::{self, Round, Sample};
use testkit::world::{Made, World};

#[test]
fn every_sample_ends_as_expected() {
    let (house, world, made) = house();
    let samples = samples::read(&folder()).unwrap();
    assert!(samples.len() >= 25, "there are only {} samples", samples.len());
    let mut round = Round::new(&house, &world, &made, false).unwrap();
    let mut differences = Vec::new();
    for sample in &samples {
        let ended = round.send(sample).unwrap();
        differences.extend(ended.differences.into_iter().map(|words| format!("{}: {words}", sample.name)));
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

#[test]
fn an_altered_sample_is_noticed() {
    let samples = samples::read(&folder()).unwrap();
    let sample = samples.iter().find(|sample| sample.name == "direct/sink-key").unwrap();
    assert_eq!(differences_of(sample), Vec::<String>::new());
    let altered = |from: &str, to: &str| {
        let raw = String::from_utf8(sample.raw.clone()).unwrap();
        assert!(raw.contains(from), "{raw}");
        Sample { raw: raw.replace(from, to).into_bytes(), ..sample.clone() }
    };
    let other_sender = differences_of(&altered("zoe@fabrikam.test", "zoe@stranger.test"));
    assert!(other_sender.iter().any(|words| words.contains("unknown-sender")), "{other_sender:?}");
    let other_subject = differences_of(&altered("Subject: ", "Subject: Not "));
    assert!(other_subject.iter().any(|words| words.contains("subject")), "{other_subject:?}");
    let mut expected = sample.clone();
    expected.expected.originals[0].on = Some(vec!["Tom Reed".to_owned()]);
    assert!(!differences_of(&expected).is_empty());
}

fn differences_of(sample: &Sample) -> Vec<String> {
    let (house, world, made) = house();
    let mut round = Round::new(&house, &world, &made, false).unwrap();
    round.send(sample).unwrap().differences
}

fn house() -> (House, World, Made) {
    let house = House::start().unwrap();
    let world = World::read(&folder().join("world.toml")).unwrap();
    let made = world.make(|request| house.command(request), |_| None).unwrap();
    (house, world, made)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../mail")
}
