//! The house is killed under load, and its power is cut: whatever was answered 250 is there, once.
//!
//! `cargo xtask crash` runs these stories with other numbers, given in `CRASH_ROUNDS` and `CRASH_SEEDS`.

mod kill;
mod power;

use std::collections::BTreeMap;

use store::Organization;

/// A number from the environment, or the usual one.
fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().expect("a number"))
}

/// How many e-mails have each Message-ID, counted one by one: no index of ids is asked.
fn emails_by_id(organization: &Organization) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let mut behind = None;
    loop {
        let page = organization.read(|read| {
            let lines = read.latest_emails(behind, 500)?;
            lines
                .into_iter()
                .map(|line| Ok((line.sortdate, read.email(line.id)?)))
                .collect::<Result<Vec<_>, _>>()
        });
        let page = page.unwrap();
        for (sortdate, email) in &page {
            let email = email.as_ref().expect("an e-mail in a list");
            behind = Some((*sortdate, email.activityid));
            *counts.entry(email.messageid.clone().unwrap_or_default()).or_default() += 1;
        }
        if page.is_empty() {
            return counts;
        }
    }
}
