//! A decision told in a few lines, and what must hold of every decision.

use std::fmt;

use crm::correlate::{Facts, Participation, Party, Verdict, who};
use crm::intake::Offer;
use model::decision::{Candidate, CorrelationMethod};
use model::outcome::Outcome;

use crate::world::World;

/// Outcome first, then what it continues, who is on it, what was seen.
pub(crate) struct Story<'a> {
    pub(crate) world: &'a World,
    pub(crate) offer: &'a Offer,
    pub(crate) facts: &'a Facts,
    pub(crate) verdict: &'a Verdict,
}

impl fmt::Display for Story<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.outcome(f)?;
        self.conversation(f)?;
        self.verdict.parties.iter().try_for_each(|party| self.party(f, party))?;
        let decision = &self.verdict.decision;
        // What was seen of an address stands with its party.
        for signal in decision.signals.iter().filter(|signal| signal.kind != "address") {
            let mark = if signal.holds { '✓' } else { '?' };
            let record =
                signal.record.map_or_else(String::new, |record| format!(" {}", self.world.name(record.id)));
            writeln!(f, "{mark} {}{record}", signal.kind)?;
        }
        for candidate in decision.candidates.iter().filter(|candidate| candidate.address.is_none()) {
            writeln!(f, "perhaps it continues {}", self.world.name(candidate.record.id))?;
        }
        Ok(())
    }
}

impl Story<'_> {
    fn outcome(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision = &self.verdict.decision;
        write!(f, "{}", decision.outcome.name())?;
        match decision.duplicate_of {
            Some(email) => write!(f, " of {} ({})", self.world.name(email), decision.reason.code())?,
            None => write!(f, ": {} ({})", decision.reason.name(), decision.reason.code())?,
        }
        if decision.provisional {
            write!(f, ", perhaps")?;
        }
        if decision.outcome == Outcome::Stored {
            write!(f, ", {}", self.direction())?;
        }
        match decision.accepting {
            Some(accepting) => writeln!(f, ", for {}", self.world.name(accepting.id)),
            None => writeln!(f),
        }
    }

    fn direction(&self) -> &'static str {
        if who::is_outgoing(self.offer, self.facts) {
            "outgoing"
        } else if who::from_us(self.offer, self.facts) && !self.facts.sender_proven {
            "incoming and unproven"
        } else {
            "incoming"
        }
    }

    fn conversation(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision = &self.verdict.decision;
        if let Some(email) = decision.correlated {
            writeln!(f, "continues {} by {}", self.world.name(email), decision.correlation_method.name())?;
        }
        for email in self.verdict.joins.iter().filter(|email| decision.correlated != Some(**email)) {
            writeln!(f, "joins {}", self.world.name(*email))?;
        }
        Ok(())
    }

    fn party(&self, f: &mut fmt::Formatter<'_>, party: &Party) -> fmt::Result {
        let part = match party.participation {
            Participation::Sender => "from",
            Participation::To => "to",
            Participation::Cc => "cc",
            Participation::Bcc => "bcc",
        };
        write!(f, "{part} {} = ", party.address)?;
        match party.record {
            Some(record) => writeln!(f, "{} {}", record.entity.name(), self.world.name(record.id))?,
            None if party.is_ambiguous => writeln!(f, "one of")?,
            None => writeln!(f, "nobody")?,
        }
        for Candidate { rank, record, name, .. } in &party.candidates {
            writeln!(f, "  {rank} {} {name}", record.entity.name())?;
        }
        Ok(())
    }
}

/// What holds of every decision, whatever the case.
pub(crate) fn agrees_with_itself(verdict: &Verdict) {
    let decision = &verdict.decision;
    let is_stored = decision.outcome == Outcome::Stored;
    assert!(
        is_stored || (verdict.parties.is_empty() && verdict.joins.is_empty()),
        "only a stored mail has parties"
    );
    assert!(is_stored || decision.accepting.is_none(), "nobody accepts what is not stored");
    assert_eq!(decision.duplicate_of.is_some(), decision.outcome == Outcome::Duplicate);
    assert!(!decision.provisional || decision.duplicate_of.is_some(), "only a duplicate is provisional");
    assert_eq!(decision.correlated.is_none(), decision.correlation_method == CorrelationMethod::None);
    for signal in &decision.signals {
        assert!(signal.words.ends_with('.'), "a signal is a sentence: {}", signal.words);
    }
    for party in &verdict.parties {
        assert_eq!(party.signal.holds, party.record.is_some(), "{party:?}");
        assert_eq!(party.is_ambiguous, !party.candidates.is_empty(), "{party:?}");
        assert!(!party.is_ambiguous || party.record.is_none(), "a record is certain or ambiguous: {party:?}");
        assert!(party.candidates.iter().all(|candidate| decision.candidates.contains(candidate)));
        let ranks = party.candidates.iter().map(|candidate| candidate.rank);
        assert!(ranks.eq(1..=u32::try_from(party.candidates.len()).unwrap()), "{party:?}");
    }
    let linked = decision.correlated;
    let unlinked = decision.candidates.iter().filter(|candidate| candidate.address.is_none());
    for candidate in unlinked {
        assert_ne!(Some(candidate.record.id), linked, "what it continues is no candidate any more");
    }
}
