//! Who wrote a mail, as far as DKIM, SPF, DMARC and ARC prove it: a value that is shown, kept, and asked before
//! anything acts by what a mail says of itself.

use std::fmt;

use crate::EmailAddress;

/// A result, in the words of RFC 8601 §2.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(i32)]
pub enum Finding {
    /// Nothing was there to look at.
    #[default]
    None = 0,
    /// It holds.
    Pass = 1,
    /// It does not hold.
    Fail = 2,
    /// The owner of the domain thinks that it does not (SPF).
    SoftFail = 3,
    /// It says nothing, either way.
    Neutral = 4,
    /// It holds by itself, and is not believed all the same: it signs too little, or with what nobody should use.
    Policy = 5,
    /// It could not be told now.
    TempError = 6,
    /// It could not be told, and never will be.
    PermError = 7,
}

/// Every finding with its word.
pub const FINDINGS: [(Finding, &str); 8] = [
    (Finding::None, "none"),
    (Finding::Pass, "pass"),
    (Finding::Fail, "fail"),
    (Finding::SoftFail, "softfail"),
    (Finding::Neutral, "neutral"),
    (Finding::Policy, "policy"),
    (Finding::TempError, "temperror"),
    (Finding::PermError, "permerror"),
];

impl Finding {
    /// The word of RFC 8601.
    pub fn word(self) -> &'static str {
        FINDINGS.iter().find(|(finding, _)| *finding == self).map_or("", |(_, word)| word)
    }

    /// The finding of this word, in any case. `hardfail` is an old word for *fail* (RFC 7601 §2.7.2).
    pub fn named(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        let word = if word == "hardfail" { "fail" } else { &word };
        FINDINGS.iter().find(|(_, known)| *known == word).map(|(finding, _)| *finding)
    }

    /// The finding with this number.
    pub fn from_code(code: i64) -> Option<Self> {
        FINDINGS.iter().find(|(finding, _)| *finding as i64 == code).map(|(finding, _)| *finding)
    }
}

/// How something was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// A signature of RFC 6376.
    Dkim,
    /// Who may send for the domain of MAIL FROM (RFC 7208).
    Spf,
    /// What those vouch for who handed it on (RFC 8617).
    Arc,
    /// Whether one of the first two holds for the domain of From (RFC 7489, RFC 9989).
    Dmarc,
}

impl Check {
    /// The name, as RFC 8601 registers it.
    pub fn name(self) -> &'static str {
        match self {
            Check::Dkim => "dkim",
            Check::Spf => "spf",
            Check::Arc => "arc",
            Check::Dmarc => "dmarc",
        }
    }

    /// The property that names the domain (RFC 8601 §2.7).
    fn property(self) -> &'static str {
        match self {
            Check::Dkim => "header.d",
            Check::Spf => "smtp.mailfrom",
            Check::Arc => "header.d",
            Check::Dmarc => "header.from",
        }
    }

    /// The check of this name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        [Check::Dkim, Check::Spf, Check::Arc, Check::Dmarc]
            .into_iter()
            .find(|check| check.name().eq_ignore_ascii_case(name))
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// How.
    pub check: Check,
    /// What was found.
    pub finding: Finding,
    /// The domain it is about; empty where none is named.
    pub domain: String,
    /// Why it is so, for a person; empty where there is no more to say.
    pub why: String,
}

/// What the owner of a domain wishes for mail that fails (RFC 7489 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(i32)]
pub enum Policy {
    /// No wish, or no record at all.
    #[default]
    None = 0,
    /// To be kept apart.
    Quarantine = 1,
    /// To be refused.
    Reject = 2,
}

impl Policy {
    /// The word in the record.
    pub fn word(self) -> &'static str {
        match self {
            Policy::None => "none",
            Policy::Quarantine => "quarantine",
            Policy::Reject => "reject",
        }
    }
}

/// By what the domain of From is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(i32)]
pub enum ProvenBy {
    /// By nothing.
    #[default]
    Nothing = 0,
    /// By the address that the mail came from alone. A server that hands on mail proves itself so, and nobody else.
    Spf = 1,
    /// By a signature of that domain.
    Signature = 2,
}

/// Who wrote a mail, as far as anything proves it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// The address that From names, where it names one alone: whom the verdict is about.
    pub author: Option<EmailAddress>,
    /// Whether the domain of From is proven, as DMARC counts it.
    pub dmarc: Finding,
    /// By what.
    pub proven_by: ProvenBy,
    /// What that domain wishes for mail of which this is not so.
    pub policy: Policy,
    /// Whether that signature holds all that says to whom and about what was written: nobody could address the mail anew.
    pub signs_all: bool,
    /// The domain of a server that vouches for it though it fails: one that the settings believe, and that says that it
    /// did not fail when it came there.
    pub vouched_by: Option<String>,
    /// The server whose word this is; `None` where it was verified here.
    pub said_by: Option<String>,
    /// All that was looked at.
    pub looked: Vec<Looked>,
}

impl Verdict {
    /// Whether this very address has written the mail, as far as its domain's signature says. The address that a mail came
    /// from is not enough: whoever hands mail on is let through with the sender that it had.
    pub fn proves(&self, address: &EmailAddress) -> bool {
        let is_author = self.author.as_ref().is_some_and(|author| author.key() == address.key());
        is_author && self.dmarc == Finding::Pass && self.proven_by == ProvenBy::Signature
    }

    /// Whether the domain of From wishes at least this for the mail, which it disowns.
    pub fn fails_with(&self, least: Policy) -> bool {
        self.dmarc == Finding::Fail && self.policy >= least && self.vouched_by.is_none()
    }

    /// All of it in the words of an `Authentication-Results` field (RFC 8601 §2.2), without the name of who says so.
    pub fn results(&self) -> String {
        let all: Vec<String> = self.looked.iter().map(ToString::to_string).collect();
        all.join("; ")
    }
}

impl Policy {
    /// The policy with this number.
    pub fn from_code(code: i64) -> Option<Self> {
        [Policy::None, Policy::Quarantine, Policy::Reject].into_iter().find(|policy| *policy as i64 == code)
    }
}

impl ProvenBy {
    /// What has this number.
    pub fn from_code(code: i64) -> Option<Self> {
        [ProvenBy::Nothing, ProvenBy::Spf, ProvenBy::Signature].into_iter().find(|by| *by as i64 == code)
    }
}

impl fmt::Display for Looked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.check.name(), self.finding.word())?;
        if !self.why.is_empty() {
            let clean: String = self.why.chars().filter(|c| !matches!(c, '(' | ')' | '\\' | ';')).collect();
            write!(f, " ({clean})")?;
        }
        if !self.domain.is_empty() {
            write!(f, " {}={}", self.check.property(), self.domain)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(dmarc: Finding, proven_by: ProvenBy) -> Verdict {
        Verdict {
            author: EmailAddress::parse("Jane@Contoso.example"),
            dmarc,
            proven_by,
            ..Verdict::default()
        }
    }

    #[test]
    fn an_author_is_proven_by_a_signature_alone() {
        let jane = EmailAddress::parse("jane@contoso.example").unwrap();
        let ben = EmailAddress::parse("ben@contoso.example").unwrap();
        assert!(verdict(Finding::Pass, ProvenBy::Signature).proves(&jane));
        assert!(!verdict(Finding::Pass, ProvenBy::Signature).proves(&ben));
        assert!(!verdict(Finding::Pass, ProvenBy::Spf).proves(&jane));
        assert!(!verdict(Finding::Fail, ProvenBy::Signature).proves(&jane));
        assert!(!Verdict::default().proves(&jane));
    }

    #[test]
    fn a_wish_of_the_domain_holds_for_mail_that_fails_and_that_nobody_vouches_for() {
        let fails = Verdict { policy: Policy::Quarantine, ..verdict(Finding::Fail, ProvenBy::Nothing) };
        assert!(fails.fails_with(Policy::Quarantine) && !fails.fails_with(Policy::Reject));
        let vouched = Verdict { vouched_by: Some("list.example".to_owned()), ..fails };
        assert!(!vouched.fails_with(Policy::Quarantine));
        let unknown = Verdict { policy: Policy::Reject, ..verdict(Finding::TempError, ProvenBy::Nothing) };
        assert!(!unknown.fails_with(Policy::Quarantine));
    }

    #[test]
    fn it_is_told_in_the_words_of_the_standard() {
        let looked = vec![
            Looked { check: Check::Dkim, finding: Finding::Pass, domain: "a.example".into(), why: "".into() },
            Looked {
                check: Check::Spf,
                finding: Finding::Fail,
                domain: "".into(),
                why: "not (ours); x".into(),
            },
        ];
        let verdict = Verdict { looked, ..Verdict::default() };
        assert_eq!(verdict.results(), "dkim=pass header.d=a.example; spf=fail (not ours x)");
        for (finding, word) in FINDINGS {
            assert_eq!(Finding::named(&word.to_uppercase()), Some(finding));
            assert_eq!(Finding::from_code(finding as i64), Some(finding));
        }
    }
}
