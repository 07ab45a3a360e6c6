//! What the program that keeps a mailbox file wrote into its messages: marks of deleted mail, of drafts, of junk.
//!
//! What passes through: the headers of a file's messages, in their order. Whoever writes a mail can write the same
//! fields into it, so a mark counts only where that program puts it, in a file that is that program's. In doubt a
//! message is a mail.

/// Why a message of a mailbox file is none that was sent or received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// Its owner deleted it, and the file was not tidied since.
    Deleted,
    /// It is not sent yet.
    Draft,
    /// It was marked as junk.
    Junk,
    /// The mail program keeps notes of its own in it.
    Internal,
}

/// What the marks of a message say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// It is a mail.
    No,
    /// It is to be left out: the keeper of the file says so.
    LeftOut(LeftOut),
    /// It bears marks that its sender may have written: a mail, to be told of.
    Doubtful,
}

/// The program that keeps a mailbox file, as far as the first message tells.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keeper {
    has_begun: bool,
    /// Gmail's export.
    is_takeout: bool,
    /// It numbers its messages, as c-client and Dovecot do.
    has_numbers: bool,
}

impl Keeper {
    /// Judges the next message of the file; the first one tells who keeps it.
    pub fn judge(&mut self, raw: &[u8]) -> Marked {
        let header = Header::read(raw);
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        if is_first {
            self.is_takeout = header.is_takeout();
            self.has_numbers = header.last(b"x-imap").or(header.last(b"x-imapbase")).is_some();
        }
        let found = (is_first && header.is_note() && header.value(b"received").is_none())
            .then_some(LeftOut::Internal)
            .or_else(|| header.first(b"x-mozilla-status").and_then(|flags| by_mozilla(&flags)))
            .or_else(|| self.by_labels(&header))
            .or_else(|| self.by_status(&header));
        match found {
            Some(why) => Marked::LeftOut(why),
            None if header.is_marked() => Marked::Doubtful,
            None => Marked::No,
        }
    }

    /// Gmail's export writes its two fields before all others of every message.
    fn by_labels(&self, header: &Header<'_>) -> Option<LeftOut> {
        let labels = header.first(b"x-gmail-labels").filter(|_| self.is_takeout && header.is_takeout())?;
        by_labels(&labels)
    }

    /// c-client and Dovecot write the state of every message behind all other fields, with its number.
    fn by_status(&self, header: &Header<'_>) -> Option<LeftOut> {
        header.last(b"x-uid").filter(|_| self.has_numbers)?;
        by_flags(&header.last(b"x-status")?)
    }
}

/// The fields of a header, those of the keeper's own before and behind the mail's told apart.
struct Header<'x> {
    fields: Vec<(&'x [u8], String)>,
    leading: usize,
    trailing: usize,
}

impl<'x> Header<'x> {
    fn read(raw: &'x [u8]) -> Self {
        let lines = raw.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).take(HEADER_LINES_MAX);
        let mut fields: Vec<(&[u8], String)> = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            if line.first().is_some_and(u8::is_ascii_whitespace) {
                if let Some((_, value)) = fields.last_mut() {
                    value.push_str(&String::from_utf8_lossy(line));
                }
            } else if let Some(colon) = line.iter().position(|byte| *byte == b':') {
                let (name, value) = line.split_at(colon);
                let value = value.get(1..).unwrap_or_default();
                fields.push((name.trim_ascii_end(), String::from_utf8_lossy(value).trim().to_owned()));
            }
        }
        let is_one = |(name, _): &(&[u8], String), names: &[&str]| {
            names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        };
        let leading = fields.iter().take_while(|field| is_one(field, &LEADING)).count();
        let trailing = fields.iter().rev().take_while(|field| is_one(field, &TRAILING)).count();
        Header { fields, leading, trailing }
    }

    fn value(&self, name: &[u8]) -> Option<&str> {
        find(&self.fields, name)
    }

    /// Of the keeper's fields before the mail's own.
    fn first(&self, name: &[u8]) -> Option<String> {
        find(self.fields.get(..self.leading)?, name).map(str::to_owned)
    }

    /// Of the keeper's fields behind the mail's own.
    fn last(&self, name: &[u8]) -> Option<String> {
        let start = self.fields.len().saturating_sub(self.trailing);
        find(self.fields.get(start..)?, name).map(str::to_owned)
    }

    fn is_takeout(&self) -> bool {
        self.first(b"x-gm-thrid").is_some() && self.first(b"x-gmail-labels").is_some()
    }

    /// The folder notes of c-client.
    fn is_note(&self) -> bool {
        let is_named = self.value(b"subject").is_some_and(|subject| subject.contains("FOLDER INTERNAL DATA"));
        is_named && (self.value(b"x-imap").is_some() || self.value(b"x-imapbase").is_some())
    }

    /// Whether any mark is on it, whoever wrote it.
    fn is_marked(&self) -> bool {
        let marks = self.fields.iter().map(|(name, value)| match name.to_ascii_lowercase().as_slice() {
            b"x-mozilla-status" => by_mozilla(value),
            b"x-gmail-labels" => by_labels(value),
            b"x-status" => by_flags(value),
            _ => None,
        });
        self.is_note() || marks.flatten().next().is_some()
    }
}

fn find<'h>(fields: &'h [(&[u8], String)], name: &[u8]) -> Option<&'h str> {
    fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// What Thunderbird and Gmail's export write before the fields of a mail.
const LEADING: [&str; 7] = [
    "x-account-key",
    "x-uidl",
    "x-mozilla-status",
    "x-mozilla-status2",
    "x-mozilla-keys",
    "x-gm-thrid",
    "x-gmail-labels",
];
/// What c-client, Dovecot and mutt write behind them.
const TRAILING: [&str; 8] =
    ["status", "x-status", "x-keywords", "x-uid", "x-imap", "x-imapbase", "content-length", "lines"];
/// Lines of a header that are looked through for marks.
const HEADER_LINES_MAX: usize = 2_000;
/// `nsMsgMessageFlags::Expunged`.
const MOZILLA_EXPUNGED: u32 = 0x0008;

fn by_mozilla(status: &str) -> Option<LeftOut> {
    let flags = u32::from_str_radix(status, 16).ok()?;
    (flags & MOZILLA_EXPUNGED != 0).then_some(LeftOut::Deleted)
}

fn by_flags(flags: &str) -> Option<LeftOut> {
    match (flags.contains('D'), flags.contains('T')) {
        (true, _) => Some(LeftOut::Deleted),
        (false, true) => Some(LeftOut::Draft),
        (false, false) => None,
    }
}

fn by_labels(labels: &str) -> Option<LeftOut> {
    labels.split(',').find_map(|label| match label.trim() {
        "Trash" | "Bin" => Some(LeftOut::Deleted),
        "Drafts" | "Draft" => Some(LeftOut::Draft),
        "Spam" => Some(LeftOut::Junk),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges a message behind the first of its file.
    fn judge(first: &str, next: &str) -> Marked {
        let mut keeper = Keeper::default();
        let body = "\n\nX-Status: D\n";
        assert_eq!(keeper.judge(format!("{first}{body}").as_bytes()), Marked::No, "{first}");
        keeper.judge(format!("{next}{body}").as_bytes())
    }

    const PLAIN: &str = "Received: by x\nSubject: x\nStatus: RO";
    const TAKEOUT: &str = "X-GM-THRID: 17\nX-Gmail-Labels: Inbox,Opened\nReceived: by x\nSubject: x";
    const NUMBERED: &str = "Received: by x\nSubject: x\nX-IMAPbase: 1 2\nStatus: RO\nX-Status: A\nX-UID: 1";

    #[test]
    fn the_keeper_of_a_file_marks_where_it_always_writes() {
        let deleted = Marked::LeftOut(LeftOut::Deleted);
        let by_mozilla =
            |flags| format!("X-Account-Key: a\nX-Mozilla-Status: {flags}\nReceived: by x\nSubject: x");
        assert_eq!(judge(PLAIN, &by_mozilla("0009")), deleted);
        assert_eq!(judge(PLAIN, &by_mozilla("0001")), Marked::No);
        assert_eq!(judge(TAKEOUT, &TAKEOUT.replace("Inbox", "Spam")), Marked::LeftOut(LeftOut::Junk));
        assert_eq!(judge(TAKEOUT, &TAKEOUT.replace("Inbox", "Inbox,\n Trash")), deleted);
        assert_eq!(judge(TAKEOUT, TAKEOUT), Marked::No);
        let numbered = |flags| format!("Received: by x\nSubject: x\nStatus: RO\nX-Status: {flags}\nX-UID: 2");
        assert_eq!(judge(NUMBERED, &numbered("AD")), deleted);
        assert_eq!(judge(NUMBERED, &numbered("T")), Marked::LeftOut(LeftOut::Draft));
        assert_eq!(judge(NUMBERED, &numbered("A")), Marked::No);
    }

    #[test]
    fn what_a_sender_may_have_written_leaves_nothing_out() {
        for (first, next) in [
            (PLAIN, "Received: by x\nX-Mozilla-Status: 0009\nSubject: x"),
            (PLAIN, "X-GM-THRID: 17\nX-Gmail-Labels: Spam\nReceived: by x"),
            (TAKEOUT, "Received: by x\nX-GM-THRID: 17\nX-Gmail-Labels: Spam"),
            (TAKEOUT, "X-GM-THRID: 17\nX-Gmail-Labels: Inbox\nReceived: by x\nX-Gmail-Labels: Spam"),
            (PLAIN, "Received: by x\nSubject: x\nStatus: RO\nX-Status: D\nX-UID: 2"),
            (NUMBERED, "Received: by x\nX-Status: D\nSubject: x\nStatus: RO\nX-UID: 2"),
            (NUMBERED, "Received: by x\nSubject: x\nX-Status: D"),
            (PLAIN, "Subject: FOLDER INTERNAL DATA\nX-IMAP: 1 2"),
        ] {
            assert_eq!(judge(first, next), Marked::Doubtful, "{next}");
        }
    }

    #[test]
    fn the_notes_of_a_program_are_its_first_message() {
        let note = "From: MAILER-DAEMON\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\n";
        assert_eq!(Keeper::default().judge(note.as_bytes()), Marked::LeftOut(LeftOut::Internal));
        let sent = format!("Received: by x\n{note}");
        assert_eq!(Keeper::default().judge(sent.as_bytes()), Marked::Doubtful);
        assert_eq!(Keeper::default().judge(b"X-IMAPbase: 1 2\nSubject: First\n\n"), Marked::No);
    }
}
