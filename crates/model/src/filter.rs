//! Which incoming mail a user or queue keeps (`incomingemailfilteringmethod`, Dynamics usersettings).

use std::str::FromStr;

/// The filter of one user or queue over incoming mail. The numbers are those of Dynamics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(i32)]
pub enum IncomingFilter {
    /// Every mail.
    All = 0,
    /// Mail that answers mail in the CRM.
    Replies = 1,
    /// Mail from known accounts, contacts and leads, and answers.
    #[default]
    KnownCustomers = 2,
    /// Mail from any record with an e-mail address, users and queues included, and answers.
    EnabledRecords = 3,
    /// No mail.
    None = 4,
}

/// Name and number of every filter, in the order of the numbers.
pub const FILTERS: [(IncomingFilter, &str); 5] = [
    (IncomingFilter::All, "all"),
    (IncomingFilter::Replies, "replies"),
    (IncomingFilter::KnownCustomers, "known-customers"),
    (IncomingFilter::EnabledRecords, "enabled-records"),
    (IncomingFilter::None, "none"),
];

impl IncomingFilter {
    /// The filter with this number.
    pub fn from_code(code: i64) -> Option<Self> {
        FILTERS.iter().find(|(filter, _)| *filter as i64 == code).map(|(filter, _)| *filter)
    }

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        FILTERS.iter().find(|(filter, _)| *filter == self).map_or("", |(_, name)| name)
    }
}

/// The name is none of [`FILTERS`].
#[derive(Debug, thiserror::Error)]
#[error("unknown filter: use all, replies, known-customers, enabled-records or none")]
pub struct UnknownFilter;

impl FromStr for IncomingFilter {
    type Err = UnknownFilter;

    fn from_str(name: &str) -> Result<Self, UnknownFilter> {
        FILTERS.iter().find(|(_, known)| *known == name).map(|(filter, _)| *filter).ok_or(UnknownFilter)
    }
}
