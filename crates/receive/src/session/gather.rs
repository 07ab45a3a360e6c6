//! The message of a transaction, gathered between its first byte and its last: after DATA up to the final dot,
//! after BDAT in counted chunks (RFC 3030).
//!
//! What passes through: bytes of the wire; a whole message, or the reply that says why there is none.
//!
//! *Invariant:* what is announced is read to its end, kept or not, because peers send on before they read a
//! reply; else the rest of a message would be taken for commands.

use model::limits;

use crate::body::{Body, Large};
use crate::command::Chunk;
use crate::data::{DataReader, LineEnds};
use crate::in_flight::Claim;
use crate::intake::{Arrived, Intake};
use crate::listener::DoorProtocol;
use crate::replies::Reply;
use crate::session::{Event, Phase, Session, Transaction};
use crate::{measure, replies};

/// A message under way.
#[derive(Debug)]
pub(super) struct Gathering {
    form: Form,
    message: Vec<u8>,
    claim: Claim,
    /// Bytes that stand in a file, before those of `message`.
    filed_bytes: usize,
    filed_claim: Option<Claim>,
    /// Why the rest is read but thrown away; the peer hears it after the end.
    dropped: Option<Dropped>,
}

/// How the end of a message is told.
#[derive(Debug)]
enum Form {
    /// By a dot on a line of its own.
    Dotted(DataReader),
    /// By the chunk that is the last.
    Chunked(LineEnds),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dropped {
    TooLarge,
    NoRoom,
}

/// Bytes behind a BDAT that have not come yet.
#[derive(Debug, Clone)]
pub(super) struct Awaited {
    left: u64,
    is_last: bool,
    /// What the peer hears after bytes that belong to no message.
    refused: Option<Reply>,
}

impl<I: Intake> Session<I> {
    /// DATA.
    pub(super) fn data(&mut self) -> Option<Event<I::Recipient>> {
        if let Some(why) = self.not_ready() {
            return self.complain(&why);
        }
        let transaction = self.transaction.as_mut()?;
        if transaction.gathering.is_some() {
            // RFC 3030 §2: DATA and BDAT do not go together in one transaction.
            return self.complain(&replies::CHUNKS_ALREADY);
        }
        let form = Form::Dotted(DataReader::new());
        transaction.gathering = Some(Gathering::new(form, self.settings.in_flight.claim()));
        self.phase = Phase::Data;
        self.accept(&replies::GO_AHEAD)
    }

    /// BDAT. Its bytes stand behind it, wanted or not.
    pub(super) fn bdat(&mut self, chunk: Chunk) -> Option<Event<I::Recipient>> {
        let refused = self.not_ready();
        if let (None, Some(transaction)) = (&refused, &mut self.transaction) {
            let claim = || self.settings.in_flight.claim();
            let begun = || Gathering::new(Form::Chunked(LineEnds::default()), claim());
            transaction
                .gathering
                .get_or_insert_with(begun)
                .expect(chunk.bytes, self.settings.message_bytes_max);
        }
        if chunk.bytes > 0 && refused.is_none() {
            // As many chunks as a message wants; its bytes are counted, and its time.
            self.commands = self.commands.saturating_sub(1);
        }
        self.phase = Phase::Chunk(Awaited { left: chunk.bytes, is_last: chunk.is_last, refused });
        self.read_chunk(&mut [].as_slice())
    }

    /// What is missing before a message may come.
    fn not_ready(&self) -> Option<Reply> {
        match &self.transaction {
            None => Some(replies::MAIL_FIRST),
            Some(transaction) if transaction.recipients.is_empty() => Some(replies::NO_RECIPIENTS),
            Some(_) => None,
        }
    }

    pub(super) fn read_data(&mut self, input: &mut &[u8]) -> Option<Event<I::Recipient>> {
        let gathering = self.transaction.as_mut()?.gathering.as_mut()?;
        let end = gathering.read(input, self.settings.message_bytes_max);
        *input = input.get(end.unwrap_or(input.len())..).unwrap_or_default();
        end?;
        self.whole()
    }

    pub(super) fn read_chunk(&mut self, input: &mut &[u8]) -> Option<Event<I::Recipient>> {
        let Phase::Chunk(awaited) = &mut self.phase else { return None };
        let here = usize::try_from(awaited.left).unwrap_or(usize::MAX).min(input.len());
        let (piece, rest) = input.split_at_checked(here)?;
        *input = rest;
        awaited.left -= here as u64;
        let gathering = self.transaction.as_mut().and_then(|open| open.gathering.as_mut());
        if let (Some(gathering), None) = (gathering, &awaited.refused) {
            gathering.read(piece, self.settings.message_bytes_max);
        }
        if awaited.left > 0 {
            return None;
        }
        let awaited = awaited.clone();
        self.phase = Phase::Commands;
        match awaited.refused {
            Some(why) => self.complain(&why),
            None if awaited.is_last => self.whole(),
            None => self.chunk_taken(),
        }
    }

    /// RFC 3030 §2: each chunk is answered.
    fn chunk_taken(&mut self) -> Option<Event<I::Recipient>> {
        let gathering = self.transaction.as_ref()?.gathering.as_ref()?;
        match gathering.dropped {
            Some(dropped) => self.accept(&dropped.reply()),
            None => self.accept(&replies::CHUNK_OK),
        }
    }

    /// Bytes that are too many for the memory, to be written to a file behind as many as are told with them.
    pub(crate) fn spill(&mut self) -> Option<(usize, Vec<u8>)> {
        let large = self.settings.large.as_ref()?;
        self.transaction.as_mut()?.gathering.as_mut()?.spill(large)
    }

    /// They could not be written.
    pub(crate) fn cannot_spill(&mut self) {
        let gathering = self.transaction.as_mut().and_then(|open| open.gathering.as_mut());
        if let Some(gathering) = gathering {
            gathering.drop_for(Dropped::NoRoom);
        }
    }

    /// The message has ended.
    fn whole(&mut self) -> Option<Event<I::Recipient>> {
        self.phase = Phase::Commands;
        let mut transaction = self.transaction.take()?;
        let gathering = transaction.gathering.take()?;
        match gathering.dropped {
            None => Some(Event::Message(self.arrived(transaction, gathering))),
            Some(dropped) => self.turn_away(dropped, transaction.recipients.len()),
        }
    }

    fn arrived(&mut self, of: Transaction<I::Recipient>, gathering: Gathering) -> Arrived<I::Recipient> {
        self.messages += 1;
        self.commands = 0;
        let bare_line_ends = gathering.has_bare_line_ends();
        self.phase = Phase::Answering {
            recipients: of.recipients.len(),
            _claims: (gathering.claim, gathering.filed_claim),
        };
        let smtputf8 = of.parameters.smtputf8;
        let now = (self.settings.clock)();
        Arrived {
            trace_header: crate::trace::received(&self.peer, smtputf8, &self.settings.hostname, now),
            peer: self.peer.clone(),
            mail_from: of.mail_from,
            recipients: of.recipients,
            bare_line_ends,
            raw: Body::new(gathering.filed_bytes, gathering.message),
            smtputf8,
            body_8bit: of.parameters.body_8bit,
        }
    }

    fn turn_away(&mut self, dropped: Dropped, recipients: usize) -> Option<Event<I::Recipient>> {
        // RFC 2033 §4.2: as many replies as recipients, whatever they say.
        let times = if self.settings.protocol == DoorProtocol::Lmtp { recipients } else { 1 };
        for _ in 0..times {
            measure::message(dropped.label());
            self.say(&dropped.reply());
        }
        None
    }
}

impl Gathering {
    fn new(form: Form, claim: Claim) -> Self {
        Gathering { form, message: Vec::new(), claim, filed_bytes: 0, filed_claim: None, dropped: None }
    }

    /// So many bytes are announced: what will be too large is not gathered first.
    fn expect(&mut self, bytes: u64, bytes_max: usize) {
        let here = self.len() as u64;
        if self.dropped.is_none() && here.saturating_add(bytes) > bytes_max as u64 {
            self.drop_for(Dropped::TooLarge);
        }
    }

    /// Reads on; gives how many bytes belong to the message once a final dot has ended it.
    fn read(&mut self, input: &[u8], bytes_max: usize) -> Option<usize> {
        let end = match &mut self.form {
            Form::Dotted(reader) => reader.read(input, &mut self.message),
            Form::Chunked(ends) => {
                ends.look(input);
                self.message.extend_from_slice(input);
                None
            }
        };
        if self.dropped.is_none() {
            if self.len() > bytes_max {
                self.dropped = Some(Dropped::TooLarge);
            } else if !self.claim.grow_to(self.message.len()) {
                self.dropped = Some(Dropped::NoRoom);
            }
        }
        if let Some(dropped) = self.dropped {
            self.drop_for(dropped);
        }
        end
    }

    fn drop_for(&mut self, why: Dropped) {
        self.dropped = Some(why);
        self.message = Vec::new();
        self.claim.release();
        self.filed_bytes = 0;
        self.filed_claim = None;
    }

    fn spill(&mut self, large: &Large) -> Option<(usize, Vec<u8>)> {
        if self.message.len() < limits::LARGE_MESSAGE_BYTES {
            return None;
        }
        let claim = self.filed_claim.get_or_insert_with(|| large.room.claim());
        if !claim.grow_to(self.filed_bytes + self.message.len()) {
            self.drop_for(Dropped::NoRoom);
            return None;
        }
        let before = self.filed_bytes;
        self.filed_bytes += self.message.len();
        self.claim.release();
        Some((before, std::mem::take(&mut self.message)))
    }

    fn len(&self) -> usize {
        self.filed_bytes + self.message.len()
    }

    fn has_bare_line_ends(&self) -> bool {
        match &self.form {
            Form::Dotted(reader) => reader.bare_line_ends(),
            Form::Chunked(ends) => ends.bare(),
        }
    }
}

impl Dropped {
    fn reply(self) -> Reply {
        match self {
            Dropped::TooLarge => replies::TOO_LARGE,
            Dropped::NoRoom => replies::NO_ROOM,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Dropped::TooLarge => "too_large",
            Dropped::NoRoom => "no_room",
        }
    }
}
