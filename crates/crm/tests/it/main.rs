//! The decisions of the CRM as tables: a mail, a small world, and what must become of it.
//!
//! `same`, `thread`, `want`, `unwanted`, `who` and `direction` ask the pure function `crm::correlate::decide`;
//! `gather` asks the same of a real store. The people are those of `mail/world.toml`. `UPDATE_EXPECT=1` rewrites
//! what is expected: read the difference before you believe it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a case that cannot go on fails, and one that measures tells"
)]

mod accounting;
mod advice;
mod answer_words;
mod answers;
mod composing;
mod conversations;
mod credentials;
mod direction;
mod drafts;
mod following;
mod gather;
mod heard;
mod hooked;
mod hostile;
mod house;
mod indexed;
mod ledger;
mod locks;
mod not_given;
mod offered;
mod outbox;
mod outbox_shown;
mod outside;
mod paced;
mod plans;
mod polled;
mod postmaster;
mod quoted;
mod retention;
mod returns;
mod same;
mod sent_copies;
mod signing;
mod story;
mod subject_tokens;
mod templates;
mod thread;
mod trusted;
mod undeliverables;
mod unwanted;
mod users_mailboxes;
mod want;
mod ways;
mod who;
mod withheld;
mod world;

use crm::correlate;
use expect_test::Expect;

use offered::{Offered, offer};
use story::Story;
use world::{World, world};

/// Decides about a mail in a world and compares the story of the decision.
fn check(offered: Offered, world: World, expect: Expect) {
    let offer = offered.into_offer(world.prefixes());
    let facts = world.facts(&offer);
    let verdict = correlate::decide(&offer, &facts);
    assert_eq!(correlate::check(&offer, &facts), verdict.decision);
    story::agrees_with_itself(&verdict);
    expect.assert_eq(&Story { world: &world, offer: &offer, facts: &facts, verdict: &verdict }.to_string());
}
