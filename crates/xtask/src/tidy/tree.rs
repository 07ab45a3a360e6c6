//! The tree of files and packages that rules look at.
//!
//! What passes through: `git ls-files` and `cargo metadata` in, texts and dependencies out. Files that are not
//! text have an empty one: only their names matter.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Files and packages.
#[derive(Default)]
pub(crate) struct Tree {
    /// Text by path, relative to the root.
    pub(crate) files: BTreeMap<String, String>,
    /// Members of the workspace.
    pub(crate) packages: Vec<Package>,
}

/// A member of the workspace.
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// What it is built from; what only its tests need is left out.
    pub(crate) dependencies: Vec<String>,
}

impl Tree {
    /// Reads what git knows or would add, and what cargo says of the workspace.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let listed = output(root, "git", &["ls-files", "-co", "--exclude-standard"])?;
        let mut files = BTreeMap::new();
        for path in listed.lines() {
            // A file that was deleted and not committed yet is listed, and gone.
            if let Ok(bytes) = std::fs::read(root.join(path)) {
                files.insert(path.to_owned(), String::from_utf8(bytes).unwrap_or_default());
            }
        }
        let metadata = output(root, env!("CARGO"), &["metadata", "--no-deps", "--format-version", "1"])?;
        Ok(Tree { files, packages: packages(&metadata)? })
    }

    /// The Rust files of all rooms.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_rust = |path: &str| path.starts_with("crates/") && path.ends_with(".rs");
        self.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .filter(move |(path, _)| is_rust(path))
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }
}

fn output(root: &Path, program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).current_dir(root).output();
    let output = output.with_context(|| format!("{program} cannot be started"))?;
    ensure!(output.status.success(), "{program} failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).with_context(|| format!("{program} speaks no UTF-8"))
}

fn packages(metadata: &str) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(metadata)?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    Ok(packages.iter().map(package).collect())
}

fn package(package: &Value) -> Package {
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    let built_from = dependencies.filter(|dependency| dependency["kind"] != "dev");
    let name = |of: &Value| of["name"].as_str().unwrap_or_default().to_owned();
    Package { name: name(package), dependencies: built_from.map(name).collect() }
}
