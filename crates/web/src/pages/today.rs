//! Today: the books of a day, and the alarm when they do not add up.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::desk::{Desk, Sheet};
use crate::session::Signed;
use crate::values::{Accounting, Day, Failure, OutboxTroubles, Tally};

const SHEET: Sheet = Sheet { template: "today.html", section: "today" };

/// The day in the address.
#[derive(Debug, Deserialize)]
pub(crate) struct Chosen {
    day: Option<String>,
}

#[derive(Debug, Serialize)]
struct Today {
    books: Accounting,
    before: Day,
    after: Day,
    bar: Vec<Stretch>,
    /// Outgoing mail that failed lately, or of which nobody knows.
    troubles: OutboxTroubles,
}

/// One outcome's stretch of the bar, in thousandths of its length.
#[derive(Debug, Serialize)]
struct Stretch {
    name: &'static str,
    count: u64,
    start: u64,
    length: u64,
}

pub(crate) async fn today(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(chosen): Query<Chosen>,
) -> Result<Response, Failure> {
    let day = match chosen.day {
        Some(text) => Some(text.parse::<Day>().map_err(|_| Failure::NotFound)?),
        None => None,
    };
    desk.show(signed, SHEET, move |house, visitor| {
        let books = house.today(visitor, day)?;
        Ok(Today {
            before: books.day.before(),
            after: books.day.after(),
            bar: bar(&books.total),
            troubles: house.outbox_troubles(visitor)?,
            books,
        })
    })
    .await
}

fn bar(tally: &Tally) -> Vec<Stretch> {
    let counts = [
        ("stored", tally.stored),
        ("duplicate", tally.duplicate),
        ("ignored", tally.ignored),
        ("quarantined", tally.quarantined),
        ("undeliverable", tally.undeliverable),
        ("waiting", tally.waiting),
        ("gap", tally.gap.unsigned_abs()),
    ];
    let sum = counts.iter().map(|(_, count)| count).sum::<u64>().max(1);
    let mut before = 0;
    counts
        .map(|(name, count)| {
            let (start, end) = (before * 1000 / sum, (before + count) * 1000 / sum);
            before += count;
            Stretch { name, count, start, length: end - start }
        })
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_filled_from_end_to_end() {
        let bar = bar(&Tally { seen: 9, stored: 3, duplicate: 3, ignored: 1, gap: 2, ..Tally::default() });
        assert_eq!(bar.iter().map(|stretch| stretch.length).sum::<u64>(), 1000);
        for (a, b) in bar.iter().zip(bar.iter().skip(1)) {
            assert_eq!(a.start + a.length, b.start);
        }
        assert!(super::bar(&Tally::default()).iter().all(|stretch| stretch.length == 0));
    }
}
