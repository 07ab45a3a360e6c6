//! The hook before it is decided about a mail that came: what it is asked, and what it may say.
//!
//! It is asked between the door and the intake, as whoever verifies is: no unit of work waits for it.

use std::sync::Arc;

use crm::intake::{Heard, Verdicts};
use model::Id;
use model::decision::{ENTITIES, Entity, RecordRef};
use serde::{Deserialize, Serialize};

use super::contents::{Contents, NoContents, OfLong};
use super::{Call, Hook, NoAnswer};
use crate::house::House;
use crate::settings::OnError;

/// A copy that came.
pub(crate) struct Arriving<'a> {
    pub(crate) copyid: Id,
    pub(crate) organization: &'a str,
    /// Where it came in: the kind of its source.
    pub(crate) source: &'static str,
    pub(crate) mail_from: Option<&'a str>,
    pub(crate) recipients: Vec<String>,
    pub(crate) raw: &'a Arc<[u8]>,
}

#[derive(Debug, Serialize)]
struct Question<'q> {
    #[serde(rename = "type")]
    kind: &'static str,
    organization: &'q str,
    copy: String,
    source: &'static str,
    mail_from: Option<&'q str>,
    recipients: &'q [String],
    #[serde(flatten)]
    contents: Contents,
}

/// What it may say.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    /// It is decided about the mail.
    Continue {
        /// What it belongs to.
        #[serde(default)]
        hint: Option<Hint>,
    },
    /// The mail is kept apart, where somebody wants it.
    Stop {
        /// Why.
        #[serde(default)]
        reason: String,
    },
}

/// A record, by its logical name and id.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hint {
    entity: String,
    id: String,
}

/// What the hook says of a copy, beside who wrote it. Nothing at once where there is no hook.
///
/// # Errors
/// Where it does not answer, and the settings have the mail put off then.
pub(crate) async fn heard(
    house: &House,
    verdicts: &Arc<Verdicts>,
    arriving: Arriving<'_>,
) -> Result<Arc<Verdicts>, NoAnswer> {
    let Some(hook) = &house.hooks.pre_deliver else { return Ok(Arc::clone(verdicts)) };
    let copy = arriving.copyid;
    match ask(hook, arriving).await {
        Ok(heard) => Ok(Arc::new(Verdicts { heard, ..Verdicts::clone(verdicts) })),
        Err(no_answer) if hook.on_error == OnError::Ignore => {
            let words = no_answer.words;
            tracing::warn!(%copy, words, "the hook before delivery is passed over");
            Ok(Arc::clone(verdicts))
        }
        Err(no_answer) => Err(no_answer),
    }
}

async fn ask(hook: &Hook, arriving: Arriving<'_>) -> Result<Heard, NoAnswer> {
    let contents = match Contents::of(arriving.raw, (hook, OfLong::Beginning)).await {
        Ok(contents) => contents,
        // The intake sets it aside.
        Err(NoContents::Unreadable(_)) => return Ok(Heard::default()),
        Err(NoContents::NotNow(no_answer)) => return Err(no_answer),
    };
    let question = Question {
        kind: "pre_deliver",
        organization: arriving.organization,
        copy: arriving.copyid.to_string(),
        source: arriving.source,
        mail_from: arriving.mail_from,
        recipients: &arriving.recipients,
        contents,
    };
    let call = Call::new(format!("pre_deliver-{}", arriving.copyid), &question, 0)?;
    drop(question);
    hook.ask::<Said>(call).await?.heard()
}

impl Said {
    fn heard(self) -> Result<Heard, NoAnswer> {
        Ok(match self {
            Said::Continue { hint } => {
                Heard { hint: hint.map(|hint| hint.record()).transpose()?, stopped: None }
            }
            Said::Stop { reason } => Heard { stopped: Some(reason), hint: None },
        })
    }
}

impl Hint {
    fn record(&self) -> Result<RecordRef, NoAnswer> {
        let entity = ENTITIES.iter().find(|(_, name)| *name == self.entity).map(|(entity, _)| *entity);
        let entity = entity.filter(|entity| entity.is_customer() || *entity == Entity::Queue);
        match (entity, self.id.parse()) {
            (Some(entity), Ok(id)) => Ok(RecordRef { entity, id }),
            _ => Err(NoAnswer::after("the hook's hint is no account, contact, lead or queue with its id")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_may_say_is_read_and_nothing_else() {
        let said = |text: &str| {
            let said = serde_json::from_str::<Said>(text).map_err(|error| error.to_string())?;
            said.heard().map_err(|error| error.words)
        };
        assert_eq!(said(r#"{"action": "continue"}"#), Ok(Heard::default()));
        assert_eq!(said(r#"{"action": "stop", "reason": "a virus"}"#).unwrap().stopped.unwrap(), "a virus");
        let id = Id([7; 16]);
        let hint = |entity: &str| {
            format!(r#"{{"action": "continue", "hint": {{"entity": "{entity}", "id": "{id}"}}}}"#)
        };
        assert_eq!(said(&hint("lead")).unwrap().hint, Some(RecordRef { entity: Entity::Lead, id }));
        for wrong in [hint("email"), hint("order"), r#"{"action": "change", "subject": "x"}"#.to_owned()] {
            assert!(said(&wrong).is_err(), "{wrong}");
        }
    }
}
