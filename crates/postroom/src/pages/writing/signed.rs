//! The visitor's signature: kept on its page, and put where a letter begins.

use std::sync::Arc;

use crm::outbox;
use store::Organization;
use tokio::runtime::Handle;
use web::Failure;
use web::values::{Letter, Signature, Visitor};

use super::super::failure;
use super::{Asking, refusal};
use crate::house::House;

pub(in super::super) fn signature((organization, visitor): Asking<'_>) -> Result<Signature, Failure> {
    let kept = outbox::signature(organization, visitor.user).map_err(failure)?.unwrap_or_default();
    Ok(Signature { text: kept.text, html: kept.html.unwrap_or_default() })
}

/// Keeps it; says why it cannot be.
pub(in super::super) fn set(
    house: &House,
    (organization, visitor): (&Arc<Organization>, &Visitor),
    typed: Signature,
) -> Result<Option<String>, Failure> {
    let moment = house.moment().map_err(|_| Failure::TryLater)?;
    // Where there is HTML the text is made of it, as that of a letter is.
    let html = Some(typed.html).filter(|html| !html.trim().is_empty());
    let text = if html.is_some() { String::new() } else { typed.text };
    let kept = outbox::Signature { text, html };
    match Handle::current().block_on(outbox::set_signature(organization, visitor.user, (kept, moment))) {
        Ok(()) => Ok(None),
        Err(error) => refusal(error).map(Some),
    }
}

/// A letter that begins, with the signature above what it quotes.
pub(super) fn begun((organization, visitor): Asking<'_>, letter: Letter) -> Result<Letter, Failure> {
    let Some(signature) = outbox::signature(organization, visitor.user).map_err(failure)? else {
        return Ok(letter);
    };
    let quoted = letter.text.trim_start_matches('\n');
    let above = signature.below("");
    let has_html = signature.html.is_some() || !letter.html.is_empty();
    let html = format!("{}{}", signature.below_html("<div><br></div>"), letter.html);
    Ok(Letter {
        text: if quoted.is_empty() { above } else { format!("{above}\n\n{quoted}") },
        html: if has_html { html } else { String::new() },
        ..letter
    })
}
