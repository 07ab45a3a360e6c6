//! Directions: doors → `crm` → `store` → `model` ← `message`. The table is that of ARCHITECTURE.md.
//!
//! *Invariant:* a new room is a new line in [`ROOMS`]; a room that stands in no line is a complaint.

use super::Complaints;
use super::tree::{Package, Tree};

/// What each room may be built from. Tests of a room may use more.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("message", &["model"]),
    ("store", &["model"]),
    ("crm", &["model", "message", "store"]),
    ("receive", &["model"]),
    ("connect", &["model"]),
    ("web", &["model"]),
    ("poll", &["model", "connect"]),
    ("send", &["model", "connect"]),
    ("trust", &["model", "message"]),
    ("postroom", &["model", "message", "store", "crm", "receive", "connect", "poll", "send", "trust", "web"]),
    (
        "testkit",
        &[
            "model",
            "message",
            "store",
            "crm",
            "receive",
            "connect",
            "web",
            "postroom",
            "trust",
            "bucketkit",
            "dnskit",
        ],
    ),
    ("bucketkit", &[]),
    ("dnskit", &[]),
    ("fuzz", &["model", "message", "receive", "connect", "trust", "dnskit"]),
    ("xtask", &[]),
];

/// Crates that a room was made for: what they are, and which rooms may be built from them.
const HEAVY: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("zstd", &["store"]),
    ("object_store", &["store"]),
    ("s3s-fs", &["bucketkit"]),
    ("mail-parser", &["message"]),
    ("mail-auth", &["trust"]),
    ("ammonia", &["message"]),
    ("axum", &["web", "postroom"]),
    ("minijinja", &["web", "crm"]),
    ("tokio-rustls", &["receive", "connect"]),
    ("argon2", &["crm"]),
];

/// Rooms depend only on rooms below them.
pub(crate) fn directions(tree: &Tree) -> Complaints {
    let mut complaints = Complaints::new();
    for package in &tree.packages {
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == package.name) else {
            complaints
                .push(format!("crates/{}: the table of directions does not know this room", package.name));
            continue;
        };
        let is_room = |name: &&String| tree.packages.iter().any(|other| other.name == **name);
        let upward =
            package.dependencies.iter().filter(is_room).filter(|name| !allowed.contains(&name.as_str()));
        complaints.extend(upward.map(|name| format!("crates/{}: may not depend on {name}", package.name)));
    }
    complaints
}

/// SQL stays in `store`, HTTP in `web`, MIME in `message`.
pub(crate) fn heavy_crates(tree: &Tree) -> Complaints {
    let strays = |package: &Package| {
        let is_stray = |name: &str| {
            HEAVY.iter().any(|(heavy, in_rooms)| *heavy == name && !in_rooms.contains(&package.name.as_str()))
        };
        let strays: Complaints = package
            .dependencies
            .iter()
            .filter(|name| is_stray(name))
            .map(|name| format!("crates/{}: {name} is not for this room", package.name))
            .collect();
        strays
    };
    tree.packages.iter().flat_map(strays).collect()
}

/// Folder name = crate name = member of the workspace.
pub(crate) fn members(tree: &Tree) -> Complaints {
    let manifests = tree.files.keys().filter_map(|path| {
        let folder = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        (!folder.contains('/')).then_some(folder)
    });
    let unknown = manifests.filter(|folder| !tree.packages.iter().any(|package| package.name == *folder));
    unknown.map(|folder| format!("crates/{folder}: no member of the workspace has this name")).collect()
}
