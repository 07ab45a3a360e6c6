//! Outgoing mail of the sample world, one of each kind.

use std::collections::HashMap;

use model::{Id, Timestamp};
use web::values::{OutboxChange, OutboxLine, OutboxStanding};

use super::{HOSTILE, id};

type Row = (u64, OutboxStanding, &'static str, &'static str, &'static str);

const ROWS: [Row; 8] = [
    (
        2,
        OutboxStanding::Waiting,
        "zoe@customer.test",
        "Re: Delivery of order 4711",
        "cannot be reached: connection refused",
    ),
    (10, OutboxStanding::Scheduled, "carla@adatum.test", "Our new price list", ""),
    (20, OutboxStanding::Sending, "li@east.test", "On its way", ""),
    (
        21,
        OutboxStanding::Failed,
        "no.such@customer.test, zoe@customer.test",
        "Our offer",
        "the relay says: 550 5.1.1 <no.such@customer.test>: Recipient address rejected: User unknown",
    ),
    (22, OutboxStanding::Uncertain, "adam.weber@northwind.test", "", "no answer came in time"),
    (23, OutboxStanding::Failed, HOSTILE, HOSTILE, HOSTILE),
    (24, OutboxStanding::Sent, "ana@very-long.example", "Thank you", ""),
    (25, OutboxStanding::Canceled, "ana@very-long.example", "Thank you", ""),
];

/// All of it, as somebody left it.
pub(crate) fn lines(now: Timestamp, changed: &HashMap<Id, OutboxChange>) -> Vec<OutboxLine> {
    ROWS.into_iter()
        .zip(1..)
        .map(|(row, place)| line(now.plus_seconds(-60 * place * place), row, changed))
        .collect()
}

fn line(
    time: Timestamp,
    (number, standing, to, subject, words): Row,
    changed: &HashMap<Id, OutboxChange>,
) -> OutboxLine {
    use OutboxStanding::{Canceled, Failed, Scheduled, Uncertain, Waiting};
    let id = id(number);
    let standing = match changed.get(&id) {
        Some(OutboxChange::Retry) => Waiting,
        Some(OutboxChange::Cancel | OutboxChange::Undo) => Canceled,
        None => standing,
    };
    let waits = matches!(standing, Scheduled | Waiting);
    OutboxLine {
        id,
        time,
        due: waits.then(|| time.plus_seconds(90_000)),
        standing,
        to: to.into(),
        recipients: 1 + u64::from(to.contains(',')),
        subject: subject.into(),
        words: words.into(),
        way: if number > 23 { String::new() } else { "main relay".into() },
        owner: (number > 22).then(|| HOSTILE.into()),
        can_retry: waits || matches!(standing, Failed | Uncertain),
        can_cancel: waits,
    }
}
