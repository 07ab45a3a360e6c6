//! Somebody who sends a mail and reloads the page of its writer until it is there.
//!
//! What passes through: letters by number, out by a client that may speak to any server on the way to the house; times back.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use model::Id;
use store::Store;

use super::runs::Visit;
use crate::browser::Browser;
use crate::client::Client;
use crate::letters::{self, DOMAIN, Letters, ORGANIZATION, WRITERS};
use crate::wait;

/// With which password the reader of the pages signs in.
pub(super) const PASSWORD: &str = "correct horse battery";
/// Letters that are looked for have numbers of their own.
const FIRST: u64 = 1 << 40;

pub(super) struct Reader {
    browser: Browser,
    client: Client,
    letters: Letters,
    /// The paths of the pages, by the address of the writer.
    pages: BTreeMap<String, String>,
    next: u64,
}

impl Reader {
    pub(super) fn new(
        visit: &Visit,
        client: Client,
        (pages, recipients): (BTreeMap<String, String>, Vec<String>),
    ) -> Result<Self> {
        let address = letters::reader(0, DOMAIN);
        Ok(Reader {
            browser: Browser::sign_in(visit.program.web()?, (&address, PASSWORD))?,
            client,
            letters: Letters::new(4096, recipients),
            pages,
            next: FIRST,
        })
    }

    /// Milliseconds from the 250 to the end of the page that shows the mail.
    pub(super) fn look_for_one(&mut self) -> Result<f64> {
        let (number, letter, page) = loop {
            let number = self.next;
            self.next += 1;
            let letter = self.letters.letter(number);
            if let (Some(page), false) = (self.pages.get(&letter.envelope.mail_from), number % 3 == 2) {
                break (number, letter, page.clone());
            }
        };
        let codes = self.client.send(&letter.envelope, &letter.raw)?.codes();
        let began = Instant::now();
        ensure!(codes == [250], "a mail was answered {codes:?}");
        let subject = format!("Offer {number} for the");
        while !self.browser.get(&page)?.contains(&subject) {
            if began.elapsed() > wait::PATIENCE {
                bail!("a mail is not on the timeline");
            }
        }
        Ok(millis(began.elapsed()))
    }
}

/// The pages of contacts from this one on, which the load does not write as.
pub(super) fn pages(data: &Path, from: u64) -> Result<BTreeMap<String, String>> {
    let store = Store::open(crate::database::store(data))?;
    let organization = store.organization_by_name(ORGANIZATION)?;
    let page = |number: u64| -> Result<(String, String)> {
        let address = letters::writer(number);
        let found = organization.read(|read| read.records_by_address(&address))?;
        let id: Id = found.first().context("a contact is not there")?.id;
        Ok((address, format!("/contacts/{id}")))
    };
    let pages = (from..WRITERS).step_by(2).map(page).collect();
    drop(organization);
    store.close();
    pages
}

pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
