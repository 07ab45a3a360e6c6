//! Real mails, read from the folder that `POSTROOM_CORPUS` names (skipped where it names none), and damaged ones.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise and tell"
)]

mod bounces;
mod containers;
mod corpus;
mod damage;
mod forwards;
mod replies;

use std::path::{Path, PathBuf};

/// The folder of real mails, where there is one.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("POSTROOM_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: POSTROOM_CORPUS is not set");
    }
    folder
}

/// Every file below a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
