//! Programs and web services of one's own that have a say in mail.

use std::path::PathBuf;

use model::limits;
use model::network::Network;
use serde::Deserialize;

use super::{SettingsError, networks};

/// Who is asked, and when.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HooksSection {
    /// Networks with private addresses that hooks may be in, and that may be asked without TLS.
    #[serde(deserialize_with = "networks")]
    pub private_networks: Vec<Network>,
    /// Before a mail goes to its relay.
    pub pre_send: HookSection,
    /// Before it is decided about a mail that came.
    pub pre_deliver: HookSection,
    /// After a mail that came stands on its records.
    pub post_deliver: HookSection,
}

/// One hook: a program, or a web service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookSection {
    /// The program and its arguments; empty for none.
    pub program: Vec<String>,
    /// The address that is asked; empty for none.
    pub url: String,
    /// The file with the secret that calls are signed with.
    pub secret_file: PathBuf,
    /// Certificates (PEM) of those who may have signed the service's; empty for those that this machine believes.
    pub certificate_authority: PathBuf,
    /// Seconds that it has for an answer.
    pub seconds: u64,
    /// What happens where it does not answer.
    pub onerror: OnError,
    /// Calls at a time.
    pub calls_max: usize,
    /// Bytes of a mail that goes along whole.
    pub raw_bytes_max: usize,
}

/// What happens to a mail where a hook does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// It goes on as if there were no hook.
    Ignore,
    /// It waits, and the hook is asked again.
    Abort,
}

impl HookSection {
    /// Whether there is one.
    pub fn is_given(&self) -> bool {
        !self.program.is_empty() || !self.url.is_empty()
    }
}

impl HooksSection {
    /// Each with the name of its section.
    pub(crate) fn all(&self) -> [(&'static str, &HookSection); 3] {
        let HooksSection { pre_send, pre_deliver, post_deliver, .. } = self;
        [("pre_send", pre_send), ("pre_deliver", pre_deliver), ("post_deliver", post_deliver)]
    }

    /// Those that are given, each as `name=digest` of whom it asks and what happens where he does not answer.
    pub(crate) fn words(&self) -> String {
        let given = self.all().into_iter().filter(|(_, hook)| hook.is_given());
        let word = |(name, hook): (&str, &HookSection)| {
            let asked = format!("{:?} {:?} {:?}", hook.program, hook.url, hook.onerror);
            format!("{name}={}", &blake3::hash(asked.as_bytes()).to_hex()[..8])
        };
        given.map(word).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        self.all().into_iter().try_for_each(|(name, hook)| {
            let wrong = |why: &str| SettingsError::Hook { name, why: why.to_owned() };
            if !hook.program.is_empty() && !hook.url.is_empty() {
                return Err(wrong("program and url are not given together"));
            }
            if !hook.url.is_empty() && hook.secret_file.as_os_str().is_empty() {
                return Err(wrong("url wants a secret_file: without it nobody there can tell who asks"));
            }
            if hook.program.first().is_some_and(|program| !program.starts_with('/')) {
                return Err(wrong("program is named with its whole path, from / on"));
            }
            let seconds = usize::try_from(hook.seconds).unwrap_or(usize::MAX);
            if !(1..=limits::HOOK_SECONDS_MAX).contains(&seconds) {
                return Err(wrong(&format!("seconds may be from 1 to {}", limits::HOOK_SECONDS_MAX)));
            }
            if !(1..=limits::HOOK_CALLS_MAX).contains(&hook.calls_max) {
                return Err(wrong(&format!("calls_max may be from 1 to {}", limits::HOOK_CALLS_MAX)));
            }
            Ok(())
        })
    }
}
