//! A round of the samples through a door: each is sent, looked up in the store, and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Result;
use model::{Id, Timestamp};
use store::Organization;

use super::seen::{self, CopySeen};
use super::{Sample, compare};
use crate::House;
use crate::client::{Client, Envelope, Protocol};
use crate::swaks;
use crate::world::{Made, World};

/// Samples on their way through one house.
pub struct Round<'h> {
    house: &'h House,
    made: &'h Made,
    organizations: Vec<Arc<Organization>>,
    known: BTreeMap<Id, BTreeSet<Id>>,
    conversations: BTreeMap<String, BTreeSet<Id>>,
    with_swaks: bool,
}

/// Who sent a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// swaks, a client that people use.
    Swaks,
    /// Our own, where every byte matters: swaks mends line ends, for one.
    Ours,
}

/// What became of a sample.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Who sent it.
    pub sender: Sender,
    /// With which envelope.
    pub envelope: Envelope,
    /// The code that decided for the sender.
    pub answer: u16,
    /// What became of it, in each organization.
    pub copies: Vec<CopySeen>,
    /// Where that is not what was expected.
    pub differences: Vec<String>,
}

impl<'h> Round<'h> {
    /// A round through a house with this world in it, in which mail may stand already. `with_swaks` sends what swaks sends
    /// unchanged by swaks.
    ///
    /// # Errors
    /// When an organization of the world is not in the house.
    pub fn new(house: &'h House, world: &World, made: &'h Made, with_swaks: bool) -> Result<Self> {
        let names = world.organization.iter().map(|organization| organization.name.as_str());
        let organizations = names.map(|name| house.organization(name)).collect::<Result<_>>()?;
        let (known, conversations) = (BTreeMap::new(), BTreeMap::new());
        let mut round = Round { house, made, organizations, known, conversations, with_swaks };
        round.look()?;
        Ok(round)
    }

    /// Sends one sample and says what became of it.
    ///
    /// # Errors
    /// When the door breaks off, or the store cannot be read.
    pub fn send(&mut self, sample: &Sample) -> Result<Ended> {
        let templates = &sample.expected.envelope;
        let recipients = templates.rcpt_to.iter().map(|template| self.made.recipient(template));
        let rcpt_to = recipients.collect::<Result<_>>()?;
        let envelope = Envelope { mail_from: templates.mail_from.clone(), rcpt_to };
        let (sender, answer) = self.hand_over(&envelope, &sample.raw)?;
        let copies = self.look()?;
        let mut differences = Vec::new();
        if !answer.to_string().starts_with(&sample.expected.answer) {
            differences.push(format!("answered {answer} instead of {}", sample.expected.answer));
        }
        differences.extend(compare::differences(&sample.expected, &copies));
        differences.extend(self.compare_conversations(sample, &copies));
        Ok(Ended { sender, envelope, answer, copies, differences })
    }

    fn hand_over(&self, envelope: &Envelope, raw: &[u8]) -> Result<(Sender, u16)> {
        let door = self.house.smtp()?;
        if self.with_swaks && swaks::sends_unchanged(envelope, raw) {
            return Ok((Sender::Swaks, swaks::send(door, envelope, raw)?));
        }
        let mut client = Client::connect(door, Protocol::Smtp)?;
        let replies = client.send(envelope, raw)?;
        client.quit()?;
        // The gravest is what the sender goes by.
        Ok((Sender::Ours, replies.codes().into_iter().max().unwrap_or_default()))
    }

    fn look(&mut self) -> Result<Vec<CopySeen>> {
        let mut copies = Vec::new();
        for organization in &self.organizations {
            let known = self.known.entry(organization.id()).or_default();
            copies.extend(seen::new_copies(organization, known, now())?);
        }
        Ok(copies)
    }

    fn compare_conversations(&mut self, sample: &Sample, copies: &[CopySeen]) -> Vec<String> {
        let originals = copies.iter().flat_map(|copy| &copy.originals);
        let here: BTreeSet<Id> = originals.filter_map(|original| original.conversation).collect();
        let named = sample.expected.copies();
        let named = named.iter().flat_map(|(_, copy)| &copy.originals);
        let named: Vec<String> = named.filter_map(|original| original.conversation.clone()).collect();
        self.conversations.insert(sample.name.clone(), here.clone());
        let is_apart =
            |other: &&String| self.conversations.get(*other).is_none_or(|there| there.is_disjoint(&here));
        let apart = named.iter().filter(is_apart);
        apart.map(|other| format!("does not stand in the conversation of {other}")).collect()
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
