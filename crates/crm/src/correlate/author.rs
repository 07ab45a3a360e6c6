//! Who wrote it? What DKIM, SPF, DMARC and ARC say, in words; and mail that its own domain disowns.

use model::decision::Signal;
use model::trust::{Check, Finding, ProvenBy};

use super::facts::Facts;
use super::{signal, who};
use crate::intake::offer::Offer;

/// Whether it is kept apart, for the domain of From disowns it. Of one of us who is proven otherwise that says nothing:
/// what is on its way out may not be signed yet.
pub(super) fn is_disowned(offer: &Offer, facts: &Facts) -> bool {
    facts.is_disowned && !is_proven_otherwise(offer, facts)
}

fn is_proven_otherwise(offer: &Offer, facts: &Facts) -> bool {
    who::from_us(offer, facts) && facts.sender_proven
}

/// What the verdict is in a sentence; none where there is nothing to say.
pub(super) fn said(offer: &Offer, facts: &Facts) -> Option<Signal> {
    let verdict = facts.verdict.as_ref()?;
    if verdict.dmarc == Finding::Fail && is_proven_otherwise(offer, facts) {
        return None;
    }
    let domain = verdict.author.as_ref().map_or("The domain of the sender", |author| author.domain());
    let by = verdict.said_by.as_ref().map(|server| format!(", says {server}")).unwrap_or_default();
    let (holds, words) = match (verdict.dmarc, verdict.proven_by) {
        (Finding::Pass, ProvenBy::Signature) => {
            (true, format!("A signature of {domain} proves who wrote it (DMARC passes{by})."))
        }
        (Finding::Pass, _) => (
            true,
            format!(
                "It was brought by a server that may send for {domain}; no signature proves who wrote it{by}."
            ),
        ),
        (Finding::Fail, _) => match &verdict.vouched_by {
            Some(sealer) => (
                false,
                format!("{domain} disowns it as it is; {sealer} vouches that it did not when it came there."),
            ),
            None => (false, format!("{domain} disowns it: DMARC fails{by} (p={}).", verdict.policy.word())),
        },
        (Finding::TempError, _) => (false, "Who wrote it could not be verified when it came.".to_owned()),
        _ => {
            let signed =
                verdict.looked.iter().find(|it| it.check == Check::Dkim && it.finding == Finding::Pass)?;
            let signer = &signed.domain;
            (true, format!("It is signed by {signer}; of {domain} nothing says who may write for it{by}."))
        }
    };
    Some(signal("author", holds, words))
}
