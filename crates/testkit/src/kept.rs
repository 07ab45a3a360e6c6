//! What stands in the books of an organization, looked at from beside.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use store::Organization;

/// How many e-mails have each Message-ID, counted one by one: no index of ids is asked.
///
/// # Errors
/// When the store cannot be read, or lists an e-mail that is not there.
pub fn emails_by_id(organization: &Organization) -> Result<BTreeMap<String, usize>> {
    let mut counts = BTreeMap::new();
    let mut behind = None;
    loop {
        let page = organization.read(|read| {
            let lines = read.latest_emails(behind, 500)?;
            lines
                .into_iter()
                .map(|line| Ok((line.sortdate, read.email(line.id)?)))
                .collect::<Result<Vec<_>, _>>()
        })?;
        for (sortdate, email) in &page {
            let email = email.as_ref().context("an e-mail is listed and not there")?;
            behind = Some((*sortdate, email.activityid));
            *counts.entry(email.messageid.clone().unwrap_or_default()).or_default() += 1;
        }
        if page.is_empty() {
            return Ok(counts);
        }
    }
}
