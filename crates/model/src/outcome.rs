//! What became of a copy or an original, and why. The table stands in `docs/outcomes.md`.

/// The one end of a copy or an original, from the lightest to the gravest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum Outcome {
    /// Nobody wanted it: only id, reason and time are kept.
    Ignored = 1,
    /// It is an e-mail that is already here.
    Duplicate = 2,
    /// It became an e-mail.
    Stored = 3,
    /// Kept apart, because it could not be trusted.
    Quarantined = 4,
    /// Kept whole for a person to look at, because it could not be processed.
    Undeliverable = 5,
}

/// Every outcome with its name.
pub const OUTCOMES: [(Outcome, &str); 5] = [
    (Outcome::Ignored, "ignored"),
    (Outcome::Duplicate, "duplicate"),
    (Outcome::Stored, "stored"),
    (Outcome::Quarantined, "quarantined"),
    (Outcome::Undeliverable, "undeliverable"),
];

impl Outcome {
    /// The name, as pages, logs, metrics and the simulator write it.
    pub fn name(self) -> &'static str {
        OUTCOMES.iter().find(|(outcome, _)| *outcome == self).map_or("", |(_, name)| name)
    }

    /// The outcome with this number.
    pub fn from_code(code: i64) -> Option<Self> {
        OUTCOMES.iter().find(|(outcome, _)| *outcome as i64 == code).map(|(outcome, _)| *outcome)
    }
}

/// Why, in our own fine grain. [`Reason::code`] gives Dynamics' `ReasonCode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Reason {
    /// A recipient keeps everything.
    AcceptAll = 10,
    /// It answers or continues mail of the CRM.
    Reply = 11,
    /// The sender (of an incoming mail) is a known account, contact or lead.
    KnownSender = 12,
    /// A recipient (of an outgoing mail) is a known account, contact or lead.
    KnownRecipient = 13,
    /// A person handed it over by hand, past all filters.
    ByHand = 14,
    /// The sender is another record with an e-mail address.
    EnabledRecord = 15,
    /// It was written here, and goes out.
    Composed = 16,
    /// It came to the return path of a mail that went out from here.
    Returned = 17,
    /// The same mail is already here.
    Duplicate = 20,
    /// No user or queue of the organisation is among its recipients.
    NoRecipient = 30,
    /// The recipients' filters let only known customers in, and the sender is none.
    UnknownSender = 31,
    /// The recipients' filters let only answers in, and it answers nothing here.
    NoReply = 32,
    /// The recipients' filters let nothing in.
    FilterNone = 33,
    /// A colleague writes to colleagues.
    Internal = 34,
    /// An address of it stands on the never-log list.
    NeverLog = 35,
    /// A mailing list or bulk mail that answers nothing here.
    List = 36,
    /// An automatic mail that answers nothing here and comes from nobody known.
    Automatic = 37,
    /// A delivery or disposition report that belongs to none of our mails.
    Report = 38,
    /// The sender is missing or is no address.
    InvalidSender = 39,
    /// It was taken out of its mailbox, or numbered anew there, before it was read.
    Vanished = 40,
    /// It has been round too often.
    Loop = 50,
    /// It broke a limit of the house.
    Limit = 51,
    /// It could not be read as a message.
    Unreadable = 52,
    /// Our own processing failed on it.
    Fault = 53,
    /// One of us forwarded it to a sink, and no original can be found in it.
    NoOriginal = 54,
    /// It says that one of us hands it over, and nothing proves it.
    Unproven = 55,
    /// It was written to the postmaster, who is no user, queue or sink.
    Postmaster = 56,
    /// It lies in a mailbox whose server does not give it out.
    Unfetchable = 57,
    /// The domain of its sender disowns it: DMARC fails.
    Disowned = 60,
    /// A hook of ours stopped it.
    Stopped = 61,
}

/// Every reason: name, Dynamics' `ReasonCode` (reference of `CheckIncomingEmailResponse`), words for a person.
pub const REASONS: [(Reason, &str, i32, &str); 30] = [
    (Reason::AcceptAll, "accept-all", 6, "A recipient keeps all mail."),
    (Reason::Reply, "reply", 2, "It answers mail of the CRM."),
    (Reason::KnownSender, "known-sender", 5, "The sender is a known customer."),
    (Reason::KnownRecipient, "known-recipient", 5, "It was written to a known customer."),
    (Reason::ByHand, "by-hand", 5, "Somebody put it here by hand."),
    (Reason::EnabledRecord, "enabled-record", 5, "The sender is a record with an e-mail address."),
    (Reason::Composed, "composed", 5, "It was written here."),
    (Reason::Returned, "returned", 2, "It came to the return path of a mail that went out from here."),
    (Reason::Duplicate, "duplicate", 0, "The same mail is already here."),
    (Reason::NoRecipient, "no-recipient", 3, "None of its recipients is a user or queue."),
    (Reason::UnknownSender, "unknown-sender", 1, "Its recipients keep mail of known customers only."),
    (Reason::NoReply, "no-reply", 1, "Its recipients keep answers to CRM mail only."),
    (Reason::FilterNone, "filter-none", 1, "Its recipients keep no mail."),
    (Reason::Internal, "internal", 4, "It is mail between colleagues."),
    (Reason::NeverLog, "never-log", 1, "One of its addresses is on the never-log list."),
    (Reason::List, "list", 1, "It is list or bulk mail and answers nothing here."),
    (Reason::Automatic, "automatic", 1, "It is automatic mail from nobody known."),
    (Reason::Report, "report", 1, "It is a report about a mail that is not ours."),
    (Reason::InvalidSender, "invalid-sender", 7, "Its sender is missing or no address."),
    (
        Reason::Vanished,
        "vanished",
        1,
        "It was no longer in its mailbox, or under another number, when it was to be read.",
    ),
    (Reason::Loop, "loop", -1, "It has been round in a loop."),
    (Reason::Limit, "limit", -1, "It is beyond a limit of the house."),
    (Reason::Unreadable, "unreadable", -1, "It cannot be read as a message."),
    (Reason::Fault, "fault", -1, "Postroom failed on it; it is kept for another try."),
    (Reason::NoOriginal, "no-original", -1, "It was forwarded to the sink, and no mail can be read in it."),
    (Reason::Unproven, "unproven", -1, "It says that one of us hands it over, and nothing proves it."),
    (Reason::Postmaster, "postmaster", -1, "It was written to whoever runs this house."),
    (Reason::Unfetchable, "unfetchable", -1, "It lies in its mailbox, whose server does not give it out."),
    (Reason::Disowned, "disowned", -1, "The domain of its sender disowns it."),
    (Reason::Stopped, "stopped", -1, "A hook stopped it."),
];

impl Reason {
    fn row(self) -> &'static (Reason, &'static str, i32, &'static str) {
        REASONS.iter().find(|row| row.0 == self).unwrap_or(&REASONS[0])
    }

    /// The name, as logs and the simulator write it.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// Dynamics' `ReasonCode`.
    pub fn code(self) -> i32 {
        self.row().2
    }

    /// A sentence for a person.
    pub fn words(self) -> &'static str {
        self.row().3
    }

    /// The reason with this number of ours.
    pub fn from_code(code: i64) -> Option<Self> {
        REASONS.iter().find(|row| row.0 as i64 == code).map(|row| row.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_outcome_is_the_greatest() {
        let all = [Outcome::Duplicate, Outcome::Undeliverable, Outcome::Stored, Outcome::Ignored];
        assert_eq!(all.iter().max(), Some(&Outcome::Undeliverable));
        assert_eq!([Outcome::Ignored, Outcome::Duplicate].iter().max(), Some(&Outcome::Duplicate));
    }

    #[test]
    fn every_reason_has_its_own_number_and_name() {
        for (i, a) in REASONS.iter().enumerate() {
            for b in &REASONS[i + 1..] {
                assert!(a.0 as i32 != b.0 as i32 && a.1 != b.1);
            }
            assert_eq!(Reason::from_code(a.0 as i64), Some(a.0));
        }
    }
}
