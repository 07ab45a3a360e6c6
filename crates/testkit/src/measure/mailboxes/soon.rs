//! How soon a mail that comes into a mailbox is on the timeline of its customer.

use anyhow::Result;

use super::{Place, Table, dovecot, sink, states, watch};
use crate::client::{Client, Protocol};
use crate::measure::reader::{Reader, pages};
use crate::wait;

pub(super) fn measure(table: &mut Table<'_>, place: &Place, mails: usize) -> Result<()> {
    let dovecot = dovecot(&table.bench.scratch.join("dovecot-soon"), None)?;
    let pages = pages(&place.template.data(), 0)?;
    let visit = place.template.start(table.bench.scratch, &[])?;
    watch(&visit, &dovecot, ("soon", &sink()))?;
    wait::until("the mailbox being watched", || {
        states(&visit).ok()?.iter().all(|state| state.starts_with("well")).then_some(())
    })?;
    let client = Client::connect(dovecot.lmtp(), Protocol::Lmtp)?;
    let mut reader = Reader::new(&visit, client, (pages, place.recipients.clone()))?;
    let times = (0..mails).map(|_| reader.look_for_one()).collect::<Result<Vec<_>>>()?;
    table.add_times("from Dovecot's 250 to the timeline", times)?;
    visit.end(|_| Ok(()))
}
