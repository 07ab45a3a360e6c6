//! Entering and asking: messages get their copies, and the house says whether the header of each is enough.

use model::MessageKey;

use super::look::{self, Headed, Seen};
use super::{AtHand, House, Trouble};
use crate::contract::{Advice, Intake, Offered};
use crate::ledger::{Ledger, Told};
use crate::room::Held;

/// A message with what is to be done about it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) seen: Seen,
    pub(super) advice: Advice,
}

/// Messages in the ledger, and what is to be done about each.
#[derive(Debug, Default)]
pub(super) struct Entered {
    pub(super) asked: Vec<Asked>,
    /// An attempt at these is counted.
    pub(super) tried: Vec<MessageKey>,
    /// Room for their bodies.
    pub(super) held: Vec<Held>,
}

impl Entered {
    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    pub(super) fn add(&mut self, other: Entered) {
        self.asked.extend(other.asked);
        self.tried.extend(other.tried);
        if !self.asked.is_empty() {
            self.held.extend(other.held);
        }
    }
}

/// Enters these into the ledger with what is to be told, and asks about them. What is still to be told comes back.
pub(super) async fn enter<I: Intake, L: Ledger>(
    at_hand: AtHand,
    house: &House<I, L>,
    headed: Option<(Headed, Told)>,
) -> (Result<Entered, Trouble>, Told) {
    let Some((headed, mut told)) = headed else { return (Ok(Entered::default()), Told::default()) };
    let seen_up_to = headed.listed_to.or(told.seen_up_to.clone());
    if headed.shown.is_empty() && told.absent.is_empty() {
        // Nothing of the list is to be entered: it is told with the next.
        told.seen_up_to = seen_up_to;
        return (Ok(Entered::default()), told);
    }
    let with_these = Told { seen_up_to, ..told.clone() };
    let seen = match look::see(&at_hand, &house.ledger, (headed.shown, headed.headers, with_these)).await {
        Ok(seen) => seen,
        Err(trouble) => return (Err(trouble), told),
    };
    let tried: Vec<MessageKey> = seen.iter().map(|seen| seen.entry.key.clone()).collect();
    match ask(&at_hand, &house.intake, seen).await {
        Ok(asked) => (Ok(Entered { asked, tried, held: vec![headed.held] }), Told::default()),
        Err(trouble) => (Err(trouble), Told { survived: tried, ..Told::default() }),
    }
}

/// Every message with the advice of the house. No advice is asked for what ended already, is gone, or is given up.
async fn ask<I: Intake>(at_hand: &AtHand, intake: &I, seen: Vec<Seen>) -> Result<Vec<Asked>, Trouble> {
    let mut asked: Vec<Asked> = seen.into_iter().map(|seen| Asked { seen, advice: Advice::Fetch }).collect();
    let (mut offered, mut places) = (Vec::new(), Vec::new());
    for one in &mut asked {
        let entry = &one.seen.entry;
        let Some(header) = one.seen.header.clone() else { continue };
        if entry.ended.is_some() || one.seen.is_given_up() {
            continue;
        }
        let role = at_hand.folder.role;
        offered.push(Offered { copy: entry.copy, role, header, size: one.seen.size });
        places.push(&mut one.advice);
    }
    if !offered.is_empty() {
        let _at_work = at_hand.room.at_work().await;
        let advices = intake.check(at_hand.folder.pair, offered).await?;
        for (place, advice) in places.into_iter().zip(advices) {
            *place = advice;
        }
    }
    Ok(asked)
}
