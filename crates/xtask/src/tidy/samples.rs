//! Each sample is a mail, an expectation and a place in the order of arrival.

use std::collections::BTreeSet;

use super::Complaints;
use super::tree::Tree;

/// Where samples lie.
const FOLDER: &str = "mail/";

/// Each mail has its expectation and stands in `mail/order.txt` exactly once, and the other way round.
pub(crate) fn complete(tree: &Tree) -> Complaints {
    let mails = named(tree, ".eml");
    let expectations = named(tree, ".expect");
    let order: Vec<&str> = tree.text("mail/order.txt").unwrap_or_default().lines().map(str::trim).collect();
    let ordered: BTreeSet<&str> = order.iter().copied().filter(|name| !name.is_empty()).collect();
    let mut complaints = Complaints::new();
    let mut miss = |having: &BTreeSet<&str>, wanting: &BTreeSet<&str>, words: &str| {
        complaints.extend(having.difference(wanting).map(|name| format!("{FOLDER}{name}: {words}")));
    };
    miss(&mails, &expectations, "has no .expect");
    miss(&expectations, &mails, "is expected, and there is no mail");
    miss(&mails, &ordered, "does not stand in order.txt");
    miss(&ordered, &mails, "stands in order.txt, and there is no mail");
    if order.iter().filter(|name| !name.is_empty()).count() != ordered.len() {
        complaints.push("mail/order.txt: a sample stands there twice".to_owned());
    }
    complaints
}

fn named<'t>(tree: &'t Tree, ending: &str) -> BTreeSet<&'t str> {
    tree.files.keys().filter_map(|path| path.strip_prefix(FOLDER)?.strip_suffix(ending)).collect()
}
