//! Each rule can fail, and the house itself is tidy.

use super::tree::{Package, Tree};
use super::{Complaints, complaints, papers, rooms, samples, sizes, source, words};

fn tree(files: &[(&str, &str)]) -> Tree {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    Tree { files, packages: Vec::new() }
}

fn with_packages(packages: &[(&str, &[&str])]) -> Tree {
    let package = |(name, dependencies): &(&str, &[&str])| Package {
        name: (*name).to_owned(),
        dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
    };
    Tree { packages: packages.iter().map(package).collect(), ..Tree::default() }
}

#[track_caller]
fn complains(found: Complaints, of: &str) {
    assert!(found.iter().any(|complaint| complaint.contains(of)), "nobody complains of {of}: {found:?}");
}

#[track_caller]
fn is_content(found: Complaints) {
    assert_eq!(found, Complaints::new());
}

#[test]
fn the_house_is_tidy() {
    let root = crate::root().expect("a root");
    let found = complaints(&Tree::read(&root).expect("a tree"));
    let lines: Vec<String> = found.iter().map(|(rule, complaint)| format!("{complaint}  ({rule})")).collect();
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

#[test]
fn rooms_depend_only_downward() {
    is_content(rooms::directions(&with_packages(&[("model", &["jiff"]), ("store", &["model"])])));
    let upward = with_packages(&[("model", &["store"]), ("store", &[])]);
    complains(rooms::directions(&upward), "crates/model: may not depend on store");
    complains(rooms::directions(&with_packages(&[("cellar", &[])])), "crates/cellar");
    complains(rooms::directions(&with_packages(&[("web", &["receive"]), ("receive", &[])])), "receive");
}

#[test]
fn heavy_crates_stay_in_their_room() {
    is_content(rooms::heavy_crates(&with_packages(&[("store", &["rusqlite"]), ("web", &["axum"])])));
    complains(rooms::heavy_crates(&with_packages(&[("crm", &["rusqlite"])])), "rusqlite");
}

#[test]
fn a_room_outside_the_workspace_is_found() {
    let mut tree = tree(&[("crates/model/Cargo.toml", "")]);
    complains(rooms::members(&tree), "crates/model");
    tree.packages = with_packages(&[("model", &[])]).packages;
    is_content(rooms::members(&tree));
}

#[test]
fn a_module_says_what_it_is_in_a_few_lines() {
    is_content(source::openings(&tree(&[("crates/a/src/lib.rs", "//! It is.\n")])));
    complains(source::openings(&tree(&[("crates/a/src/lib.rs", "fn main() {}\n")])), "opens without");
    let long = "//! It is.\n".repeat(13);
    complains(source::openings(&tree(&[("crates/a/src/lib.rs", &long)])), "13 lines");
}

#[test]
fn leftovers_are_found() {
    let left = concat!("//! A.\nfn a() {\n    todo", "!()\n}\n");
    complains(source::leftovers(&tree(&[("crates/a/src/lib.rs", left)])), "lib.rs:3");
    is_content(source::leftovers(&tree(&[("crates/a/src/lib.rs", "//! A.\n")])));
}

#[test]
fn long_files_and_functions_are_found() {
    let long = "//! A.\n".repeat(801);
    complains(sizes::files(&tree(&[("crates/a/src/lib.rs", &long)])), "801 lines");
    let function = |lines: usize| {
        let inside = "        work();\n".repeat(lines - 2);
        format!("impl A {{\n    fn short(&self);\n    pub(crate) async fn a(\n{inside}    }}\n}}\n")
            .replace("a(\n", "a() {\n")
    };
    is_content(sizes::functions(&tree(&[("crates/a/src/lib.rs", &function(70))])));
    complains(sizes::functions(&tree(&[("crates/a/src/lib.rs", &function(71))])), "lib.rs:3");
    let scoped = function(71).replace("pub(crate)", "pub(in super::super)");
    complains(sizes::functions(&tree(&[("crates/a/src/lib.rs", &scoped)])), "lib.rs:3");
    is_content(sizes::functions(&tree(&[("crates/a/tests/it/a.rs", &function(71))])));
}

#[test]
fn a_sample_without_expectation_or_place_is_found() {
    let whole = [("mail/a/b.eml", ""), ("mail/a/b.expect", "{}"), ("mail/order.txt", "a/b\n")];
    is_content(samples::complete(&tree(&whole)));
    complains(samples::complete(&tree(&[whole[0], whole[2]])), "has no .expect");
    complains(samples::complete(&tree(&[whole[1], whole[2]])), "there is no mail");
    complains(samples::complete(&tree(&[whole[0], whole[1]])), "order.txt");
    let twice = ("mail/order.txt", "a/b\na/b\n");
    complains(samples::complete(&tree(&[whole[0], whole[1], twice])), "twice");
}

#[test]
fn banned_words_are_found_whole() {
    let glossary =
        ("docs/glossary.md", "## Not said here\n\n| banned | say |\n|---|---|\n| big box | sink |\n");
    let says = |text: &'static str| words::banned(&tree(&[glossary, ("crates/a/src/lib.rs", text)]));
    complains(says("//! The Big  Box is open."), "“sink”");
    complains(says("fn big_box() {}"), "“sink”");
    complains(says("// a big-box"), "“sink”");
    is_content(says("// It is big. Box it."));
    is_content(says("// a big boxer"));
    complains(words::banned(&tree(&[])), "no table");
}

#[test]
fn papers_name_rooms_and_commands() {
    let mut tree =
        tree(&[("ARCHITECTURE.md", "`model` holds nouns"), ("README.md", "./demo\n\n## Then\n\n./test")]);
    tree.packages = with_packages(&[("model", &[]), ("store", &[])]).packages;
    complains(papers::architecture(&tree), "`store`");
    complains(papers::readme(&tree), "./test");
    tree.files.insert("README.md".to_owned(), "./demo\n./test\n\n## Then".to_owned());
    is_content(papers::readme(&tree));
    complains(papers::readme(&Tree::default()), "is missing");
}
