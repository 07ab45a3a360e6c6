//! What the text index costs the mail: a house whose index follows, beside one whose index stands still.
//!
//! What passes through: runs by turns; and, since an index may wait while mail pours in, how long each house takes
//! afterwards until all of it is in the index.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;

use super::book::{Book, Side};
use super::figures::median;
use super::runs::{Bench, Sender, Template};
use crate::letters::{self, Letters, ORGANIZATION};

const CASES: [(usize, usize); 2] = [(4096, 10), (4096, 100)];

pub(super) fn measure(bench: &Bench<'_>) -> Result<()> {
    let (template, made) = Template::make(bench.scratch.join("template"), &letters::world()?, None)?;
    let recipients = letters::recipients(&made)?;
    let mut book = Book::new(bench.files, bench.say);
    for (size_bytes, connections) in bench.plan.cases_or(&CASES) {
        let letters = Arc::new(Letters::new(size_bytes, recipients.clone()));
        let (follows, stands_still) = (RefCell::default(), RefCell::default());
        let turn = |follows: &str, (what, left): (&str, &RefCell<Vec<f64>>)| {
            let visit = template.start(bench.scratch, &[("POSTROOM_SEARCH_FOLLOWS_MAIL", follows)])?;
            let (letters, duration) = (Arc::clone(&letters), bench.plan.duration);
            let sender =
                Sender { what: what.to_owned(), size_bytes, connections, duration, letters, from: 0 };
            let runs = visit.load(|door| Ok(vec![sender.send(door)?.0]))?;
            let began = Instant::now();
            visit.program.index(ORGANIZATION)?;
            left.borrow_mut().push(began.elapsed().as_secs_f64());
            visit.end(|_| Ok(()))?;
            Ok(runs)
        };
        let mut sides: [Side<'_>; 2] = [
            Box::new(|| turn("true", ("the index follows", &follows))),
            Box::new(|| turn("false", ("the index stands still", &stands_still))),
        ];
        book.by_turns(bench.plan.runs, &mut sides)?;
        drop(sides);
        for (what, left) in [("follows", follows), ("stands still", stands_still)] {
            let what = format!("{connections} connections, the index {what}: seconds until it is up to date");
            book.fact(what, median(left.into_inner(), |seconds| seconds))?;
        }
    }
    book.show();
    Ok(())
}
