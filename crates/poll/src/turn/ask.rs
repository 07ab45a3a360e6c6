//! Asking: whether the header of a message is enough.

use super::look::Seen;
use super::{Trouble, Watched};
use crate::contract::{Advice, Intake, Offered};

/// A message with what is to be done about it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) seen: Seen,
    pub(super) advice: Advice,
}

/// Every message with the advice of the house. No advice is asked for what ended already, is gone, or is given up.
pub(super) async fn ask<S, I: Intake>(
    watched: &Watched<S>,
    intake: &I,
    seen: Vec<Seen>,
) -> Result<Vec<Asked>, Trouble> {
    let mut asked: Vec<Asked> = seen.into_iter().map(|seen| Asked { seen, advice: Advice::Fetch }).collect();
    let (mut offered, mut places) = (Vec::new(), Vec::new());
    for one in &mut asked {
        let entry = &one.seen.entry;
        let Some(header) = one.seen.header.clone() else { continue };
        if entry.ended.is_some() || one.seen.is_given_up() {
            continue;
        }
        let role = watched.folder.role;
        offered.push(Offered { copy: entry.copy, role, header, size: one.seen.size });
        places.push(&mut one.advice);
    }
    if !offered.is_empty() {
        let _at_work = watched.room.at_work().await;
        let advices = intake.check(watched.folder.pair, offered).await?;
        for (place, advice) in places.into_iter().zip(advices) {
            *place = advice;
        }
    }
    Ok(asked)
}
