//! The hook before a mail goes: what it is asked, and what it may say.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crm::CrmError;
use crm::outbox::{Claimed, Fields};
use send::{Parcel, Reply, Tried};
use serde::{Deserialize, Serialize};

use super::contents::{Contents, OfLong};
use super::{Call, Hook, NoAnswer, apart};

/// What is asked before a mail goes, once a mail.
#[derive(Debug, Serialize)]
struct Question<'q> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    mail: Which<'q>,
    mail_from: &'q str,
    recipients: Vec<&'q str>,
    #[serde(flatten)]
    contents: Contents,
}

/// Which mail, and which try.
#[derive(Debug, Serialize)]
struct Which<'q> {
    organization: &'q str,
    email: String,
    attempt: i32,
    fence: i32,
    is_bulk: bool,
}

/// What it may say.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Said {
    /// The mail goes as it is.
    Continue {},
    /// It does not go, and is canceled.
    Stop {
        /// Why.
        #[serde(default)]
        reason: String,
    },
    /// It does not go, and has failed.
    Abort {
        /// What its writer reads.
        message: String,
    },
    /// It goes otherwise.
    Change(Box<Changed>),
    /// The hook delivers it itself.
    Deliver {},
}

/// What is to be otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Changed {
    subject: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    text: Option<String>,
    html: Option<String>,
    raw: Option<String>,
}

/// Asks about a mail.
pub(crate) async fn ask(
    hook: &Hook,
    organization: &str,
    claimed: &Claimed,
    (mail_from, raw): (&str, &Arc<[u8]>),
) -> Result<Said, NoAnswer> {
    let question = Question {
        kind: "pre_send",
        mail: which(organization, claimed),
        mail_from,
        recipients: claimed.recipients.iter().map(|recipient| recipient.address.as_str()).collect(),
        contents: Contents::of(raw, (hook, OfLong::Nothing)).await?,
    };
    let id = format!("pre_send-{}-{}", claimed.mail.activityid, claimed.mail.attempts);
    let call = Call::new(id, &question, raw.len())?;
    drop(question);
    hook.ask(call).await
}

fn which<'q>(organization: &'q str, claimed: &Claimed) -> Which<'q> {
    Which {
        organization,
        email: claimed.mail.activityid.to_string(),
        attempt: claimed.mail.tries.saturating_add(1),
        fence: claimed.mail.attempts,
        is_bulk: claimed.is_bulk(),
    }
}

impl Changed {
    /// As the outbox takes it.
    pub(crate) fn fields(self) -> Result<Fields, CrmError> {
        let raw = self.raw.map(|raw| STANDARD.decode(raw)).transpose();
        Ok(Fields {
            subject: self.subject,
            headers: self.headers.into_iter().collect(),
            text: self.text,
            html: self.html,
            raw: raw.map_err(|_| CrmError::Invalid("raw is no base64".to_owned()))?,
        })
    }
}

/// What is asked where the hook has taken delivery over, once a try.
#[derive(Debug, Serialize)]
struct Handover<'q> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    mail: Which<'q>,
    mail_from: &'q str,
    recipients: Vec<ToDeliver<'q>>,
    raw: String,
}

#[derive(Debug, Serialize)]
struct ToDeliver<'q> {
    /// The same for this mail and recipient at each try: who has delivered it says so again.
    key: String,
    address: &'q str,
}

/// What became of each recipient.
#[derive(Debug, Deserialize)]
struct Outcomes {
    recipients: Vec<OutcomeOf>,
}

#[derive(Debug, Deserialize)]
struct OutcomeOf {
    address: String,
    outcome: Outcome,
    #[serde(default)]
    words: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Delivered,
    Temporary,
    Permanent,
}

impl Outcome {
    /// In the numbers of a relay (RFC 5321 §4.2.1).
    fn code(self) -> u16 {
        match self {
            Outcome::Delivered => 250,
            Outcome::Temporary => 450,
            Outcome::Permanent => 550,
        }
    }
}

/// Has the hook deliver a mail. `may_end` is awaited when it is ready and before it hears anything of the mail.
pub(crate) async fn deliver(
    hook: &Hook,
    organization: &str,
    (claimed, parcel): (&Claimed, &Parcel),
    may_end: impl Future<Output = bool> + Send,
) -> Tried {
    let recipients = claimed.waiting().map(|recipient| ToDeliver {
        key: format!("{}-{}", claimed.mail.activityid, recipient.recipientnumber),
        address: &recipient.address,
    });
    let raw = Arc::clone(&parcel.raw);
    let Ok(raw) = apart(raw.len(), move || STANDARD.encode(&raw)).await else {
        return Tried::NotSent { words: "a fault of Postroom".to_owned(), replies: Vec::new() };
    };
    let handover = Handover {
        kind: "deliver",
        mail: which(organization, claimed),
        mail_from: &parcel.mail_from,
        recipients: recipients.collect(),
        raw,
    };
    let id = format!("deliver-{}-{}", claimed.mail.activityid, claimed.mail.attempts);
    let answered = match Call::new(id, &handover, 0) {
        Ok(call) => hook.ask_if::<Outcomes>(call, may_end).await,
        Err(no_answer) => Err(no_answer),
    };
    match answered {
        Ok(outcomes) => told(&parcel.recipients, &outcomes),
        Err(NoAnswer { words, may_be_done: true, .. }) => Tried::Uncertain { words, replies: Vec::new() },
        Err(NoAnswer { words, .. }) => Tried::NotSent { words, replies: Vec::new() },
    }
}

/// Of whom it says nothing nobody knows.
fn told(recipients: &[String], outcomes: &Outcomes) -> Tried {
    let reply = |recipient: &String| {
        let said = outcomes.recipients.iter().find(|said| said.address.eq_ignore_ascii_case(recipient))?;
        Some(Reply { code: said.outcome.code(), text: said.words.clone() })
    };
    let replies: Vec<Option<Reply>> = recipients.iter().map(reply).collect();
    let all: Option<Vec<Reply>> = replies.iter().cloned().collect();
    match all {
        Some(all) => Tried::TakenOver(all),
        None => Tried::Uncertain { words: "the hook does not tell of each recipient".to_owned(), replies },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_may_say_is_read_and_nothing_else() {
        let said = |text: &str| serde_json::from_str::<Said>(text);
        assert!(matches!(said(r#"{"action": "continue"}"#), Ok(Said::Continue {})));
        assert!(matches!(said(r#"{"action": "stop"}"#), Ok(Said::Stop { reason }) if reason.is_empty()));
        assert!(matches!(said(r#"{"action": "abort", "message": "no"}"#), Ok(Said::Abort { .. })));
        assert!(matches!(said(r#"{"action": "change", "subject": "x"}"#), Ok(Said::Change(_))));
        for wrong in [
            r#"{"action": "abort"}"#,
            r#"{"action": "explode"}"#,
            "{}",
            "[]",
            "",
            "continue",
            r#"{"action": "change", "headers": {"X-A": 1}}"#,
            r#"{"action": "change", "subjekt": "x"}"#,
        ] {
            assert!(said(wrong).is_err(), "{wrong}");
        }
        let Ok(Said::Change(changed)) = said(r#"{"action": "change", "raw": "%"}"#) else { panic!() };
        assert!(changed.fields().is_err());
    }

    #[test]
    fn a_recipient_who_is_not_told_of_is_uncertain() {
        let outcomes: Outcomes = serde_json::from_str(
            r#"{"recipients": [{"address": "Zoe@fabrikam.test", "outcome": "delivered"},
                {"address": "ben@fabrikam.test", "outcome": "permanent", "words": "no such person"}]}"#,
        )
        .unwrap();
        let recipients = ["zoe@fabrikam.test", "ben@fabrikam.test"].map(str::to_owned);
        let Tried::TakenOver(replies) = told(&recipients, &outcomes) else { panic!() };
        assert_eq!(replies.iter().map(|reply| reply.code).collect::<Vec<_>>(), [250, 550]);
        let more = [&recipients[..], &["tom@fabrikam.test".to_owned()]].concat();
        let Tried::Uncertain { replies, .. } = told(&more, &outcomes) else { panic!() };
        assert_eq!(replies.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false]);
    }
}
