//! Putting a mail into a folder (APPEND), and looking whether it lies there.
//!
//! *Invariant:* an APPEND whose end is not known may have been done: whoever asks again looks first.

use model::Timestamp;

use super::answer::{Answer, Condition};
use super::names::quoted;
use super::session::{Heard, Session, deaf, refusal};
use super::words::Word;
use super::{FolderName, Imap};
use crate::error::{ConnectError, Kind};

/// Bytes that go out at once.
const PIECE_BYTES: usize = 64 * 1024;

impl Session {
    /// Whether the open folder has a mail with this Message-ID, of those that came at that time or later; days are those of the server, so
    /// one more is looked through.
    ///
    /// # Errors
    /// [`Kind::Here`], where the id cannot stand in a command; [`ConnectError`].
    pub async fn has_mail(&mut self, message_id: &str, since: Timestamp) -> Result<bool, ConnectError> {
        if !message_id.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(ConnectError::new(Kind::Here, "the Message-ID of the mail cannot be looked for"));
        }
        let mut is_there = false;
        let mut ear = |answer: Answer| {
            match answer {
                Answer::Data("SEARCH", words) => is_there |= words.iter().any(|word| word.number().is_some()),
                // RFC 9051 §7.3.4: without ALL there is none.
                Answer::Data("ESEARCH", words) => is_there |= words.iter().any(|word: &Word| word.is("ALL")),
                _ => {}
            }
            Ok(())
        };
        let day = time("%d-%b-%Y", since.plus_seconds(-2 * 86_400))?;
        let command = format!("UID SEARCH SINCE {day} HEADER Message-ID {}", quoted(message_id));
        self.command(&command, &mut ear).await?;
        Ok(is_there)
    }

    /// Puts a mail into a folder as one that was read, under the time at which it came. The folder is made where it is missing.
    ///
    /// # Errors
    /// [`ConnectError`]; where the session ended with it the mail may lie there.
    pub async fn append(
        &mut self,
        folder: &FolderName,
        (raw, arrived): (&[u8], Timestamp),
    ) -> Result<(), ConnectError> {
        match self.append_once(folder, (raw, arrived)).await {
            Err(error) if error.kind == Kind::NoFolder => {
                self.create(folder).await?;
                self.append_once(folder, (raw, arrived)).await
            }
            appended => appended,
        }
    }

    async fn append_once(
        &mut self,
        folder: &FolderName,
        (raw, arrived): (&[u8], Timestamp),
    ) -> Result<(), ConnectError> {
        let (name, arrived) = (folder.quoted(self.coding()), time("%d-%b-%Y %H:%M:%S +0000", arrived)?);
        self.begin()?;
        let tag = self.next_tag();
        let command = format!("{tag} APPEND {name} (\\Seen) \"{arrived}\" {{{}}}\r\n", raw.len());
        self.send(command.as_bytes()).await?;
        let mut is_sent = false;
        let status = loop {
            match self.next(&mut deaf).await? {
                Heard::Go(_) if !is_sent => {
                    is_sent = true;
                    for piece in raw.chunks(PIECE_BYTES) {
                        self.wire.send_on(piece).await?;
                    }
                    self.wire.send_on(b"\r\n").await?;
                }
                Heard::Go(_) => return Err(ConnectError::protocol("the server asks for more than there is")),
                Heard::End(ended, status) => break self.ended(&tag, &ended, status)?,
                Heard::Nothing => {}
            }
        };
        match status.condition {
            // What it did not understand, it may have understood in part.
            Condition::Bad => return Err(refusal(&status)),
            // It must not have said so without the mail.
            Condition::Ok if !is_sent => {
                return Err(ConnectError::protocol("the server took a mail that it has not"));
            }
            _ => self.free(),
        }
        if status.condition == Condition::Ok { Ok(()) } else { Err(refusal(&status)) }
    }
}

/// A time in UTC as IMAP writes it.
fn time(form: &str, time: Timestamp) -> Result<String, ConnectError> {
    let known = jiff::Timestamp::from_millisecond(time.0);
    let known = known.map_err(|_| ConnectError::new(Kind::Here, "the time of the mail is none"))?;
    Ok(known.strftime(form).to_string())
}
