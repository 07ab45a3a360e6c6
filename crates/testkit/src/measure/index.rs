//! What the text index costs the mail: a house whose index follows, beside one whose index stands still.

use std::sync::Arc;

use anyhow::Result;

use super::book::{Book, Side};
use super::runs::{Bench, Sender, Template};
use crate::letters::{self, Letters};

const CASES: [(usize, usize); 2] = [(4096, 10), (4096, 100)];

pub(super) fn measure(bench: &Bench<'_>) -> Result<()> {
    let (template, made) = Template::make(bench.scratch.join("template"), &letters::world()?, None)?;
    let recipients = letters::recipients(&made)?;
    let mut book = Book::new(bench.files, bench.say);
    for (size_bytes, connections) in bench.plan.cases_or(&CASES) {
        let letters = Arc::new(Letters::new(size_bytes, recipients.clone()));
        let turn = |follows: &str, what: &str| {
            let visit = template.start(bench.scratch, &[("POSTROOM_SEARCH_FOLLOWS_MAIL", follows)])?;
            let (letters, duration) = (Arc::clone(&letters), bench.plan.duration);
            let sender =
                Sender { what: what.to_owned(), size_bytes, connections, duration, letters, from: 0 };
            let runs = visit.load(|door| Ok(vec![sender.send(door)?.0]))?;
            visit.end(|_| Ok(()))?;
            Ok(runs)
        };
        let mut sides: [Side<'_>; 2] = [
            Box::new(|| turn("true", "the index follows")),
            Box::new(|| turn("false", "the index stands still")),
        ];
        book.by_turns(bench.plan.runs, &mut sides)?;
    }
    book.show();
    Ok(())
}
