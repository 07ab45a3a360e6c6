//! Every link of every page leads somewhere.

use std::collections::{BTreeSet, VecDeque};

use crate::site::{PAGES, Site};

#[tokio::test]
async fn every_link_leads_somewhere() {
    let site = Site::of_administrator();
    let mut known: BTreeSet<String> = PAGES.map(str::to_owned).into();
    let mut waiting: VecDeque<String> = known.iter().cloned().collect();
    let mut days = 0;
    while let Some(path) = waiting.pop_front() {
        let answer = site.get(&path).await;
        // What a button does is no page, and is there.
        if answer.status == 405 {
            continue;
        }
        assert_eq!(answer.status, 200, "{path}");
        if !answer.header("content-type").starts_with("text/html") || path.ends_with("/body") {
            continue;
        }
        let found = ["href", "src", "action"].into_iter().flat_map(|name| answer.attributes(name));
        for link in found {
            assert!(link.starts_with('/') || stays_or_leaves(&link), "{path} leads to {link:?}");
            // Days go on for ever in both directions; a few are enough.
            days += usize::from(link.starts_with("/?day="));
            let is_followed =
                link.starts_with('/') && link != "/sign-out" && (!link.starts_with("/?day=") || days < 20);
            if is_followed && known.insert(link.clone()) {
                waiting.push_back(link);
            }
        }
    }
    assert!(known.iter().any(|path| path.contains("after=")), "lists go on");
    assert!(known.len() > 60, "{} pages", known.len());
}

/// Links within the page, and those that the text of a mail brings along.
fn stays_or_leaves(link: &str) -> bool {
    link.starts_with('#') || link == "https://customer.test/terms" || link == "http://evil.test/"
}
