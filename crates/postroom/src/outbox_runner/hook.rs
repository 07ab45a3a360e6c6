//! The hook before sending, where a mail's turn has come, here or at an outside sender: it is asked once a mail, and what it
//! says holds.

use std::sync::Arc;
use std::time::Duration;

use crm::CrmError;
use crm::outbox::{self, Claimed, PreSendAnswer, note_pre_send};
use send::Tried;
use store::{Organization, PreparedBlob};

use crate::hooks::pre_send::{self, Changed, Said};
use crate::hooks::{Hook, NoAnswer};
use crate::house::House;
use crate::settings::OnError;

/// By whom a mail goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// This node.
    Node,
    /// An outside sender: what he pulls he delivers, and no hook for him.
    Outside,
}

/// How a mail goes on.
pub(crate) enum Next {
    /// So, with these bytes.
    Goes(PreSendAnswer, Arc<[u8]>),
    /// Not at all.
    Settled(Tried),
}

/// Whoever brings an organization's mail out.
pub(crate) struct Asker<'a> {
    pub(crate) house: &'a House,
    pub(crate) organization: &'a Arc<Organization>,
    pub(crate) by: By,
}

impl Asker<'_> {
    /// What the hook says of a mail whose turn has come. It is asked where there is one and it was not asked yet.
    ///
    /// # Errors
    /// Why the mail has to wait, in words.
    pub(crate) async fn next(&self, claimed: &Claimed, loaded: &outbox::Loaded) -> Result<Next, String> {
        match (&self.house.hooks.pre_send, claimed.pre_send()) {
            (hook, Some(PreSendAnswer::Deliver))
                if (hook.is_none() || self.by == By::Outside) && may_be_out(claimed) =>
            {
                self.left_to_its_hook(claimed).map(Next::Settled)
            }
            (Some(hook), None) => self.by_hook(hook, claimed, loaded).await,
            (_, said) => Ok(Next::Goes(said.unwrap_or(PreSendAnswer::Continue), Arc::clone(&loaded.raw))),
        }
    }

    /// What the hook took over and may have delivered is its own to the end, for it knows what it has delivered: an outside sender, and
    /// a node that has none (it is not yet started with it, perhaps), leave it to others as long as the mail may wait.
    fn left_to_its_hook(&self, claimed: &Claimed) -> Result<Tried, String> {
        let email = claimed.mail.activityid;
        tracing::warn!(%email, by = ?self.by, "a hook may have delivered a mail, and none is asked here: it is left to one that has it");
        match self.house.now() < claimed.mail.expireson {
            true => Ok(Tried::Untouched(HOOK_ELSEWHERE)),
            false => Err("only its hook may deliver it".to_owned()),
        }
    }

    /// Asks the hook, and keeps what it said before anything goes.
    async fn by_hook(&self, hook: &Hook, claimed: &Claimed, loaded: &outbox::Loaded) -> Result<Next, String> {
        let organization = self.organization;
        let mail = (loaded.mail_from.as_str(), &loaded.raw);
        let said = match pre_send::ask(hook, organization.name(), claimed, mail).await {
            Ok(said) => self.understood(said, &loaded.raw).await,
            Err(no_answer) => Err(no_answer),
        };
        let (answer, blob, raw) = match said {
            Ok(Understood::Goes(answer)) => (answer, None, Arc::clone(&loaded.raw)),
            Ok(Understood::Changed(blob, raw)) => (PreSendAnswer::Change, Some(blob), raw),
            Ok(Understood::Settled(tried)) => return Ok(Next::Settled(tried)),
            Err(NoAnswer { words, .. }) if hook.on_error == OnError::Ignore => {
                let email = claimed.mail.activityid;
                tracing::warn!(%email, words, "the hook before sending is passed over");
                return Ok(Next::Goes(PreSendAnswer::Continue, Arc::clone(&loaded.raw)));
            }
            Err(NoAnswer { words, .. }) => return Err(words),
        };
        let moment = self.house.moment().map_err(|error| error.to_string())?;
        let noted = note_pre_send(organization, claimed, (answer, blob), moment).await;
        match noted.map_err(|error| error.to_string())? {
            true => Ok(Next::Goes(answer, raw)),
            false => Err("another node has it by now".to_owned()),
        }
    }

    async fn understood(&self, said: Said, raw: &Arc<[u8]>) -> Result<Understood, NoAnswer> {
        Ok(match said {
            Said::Continue {} => Understood::Goes(PreSendAnswer::Continue),
            Said::Deliver {} if self.by == By::Outside => {
                let words = "the hook wants to deliver it, and an outside sender does".to_owned();
                return Err(NoAnswer::before(words));
            }
            Said::Deliver {} => Understood::Goes(PreSendAnswer::Deliver),
            Said::Stop { reason } => {
                let words =
                    format!("a hook stopped it: {}", if reason.is_empty() { "no reason" } else { &reason });
                Understood::Settled(Tried::Stopped { words, is_failure: false })
            }
            Said::Abort { message } => {
                Understood::Settled(Tried::Stopped { words: message, is_failure: true })
            }
            Said::Change(changed) => return self.changed(*changed, raw).await,
        })
    }

    /// The bytes are kept before the row that names them.
    async fn changed(&self, changed: Changed, raw: &Arc<[u8]>) -> Result<Understood, NoAnswer> {
        let (organization, raw) = (Arc::clone(self.organization), Arc::clone(raw));
        let work = tokio::task::spawn_blocking(move || {
            let raw: Arc<[u8]> = outbox::rewritten(&raw, changed.fields()?)?.into();
            let blob = organization.put_blob(&raw)?;
            Ok::<_, CrmError>(Understood::Changed(blob, raw))
        });
        let done = work.await.map_err(|_| NoAnswer::before("a fault of Postroom"))?;
        done.map_err(|error| NoAnswer::before(format!("the hook's change cannot be made: {error}")))
    }
}

/// Whether somebody whose turn it is may have it already.
fn may_be_out(claimed: &Claimed) -> bool {
    claimed.mail.doton.is_some() || claimed.waiting().any(|recipient| recipient.doton.is_some())
}

/// What only a hook can bring to its end waits so long for a node that has it.
const HOOK_ELSEWHERE: Duration = Duration::from_secs(60);

/// What it said, made out.
enum Understood {
    Goes(PreSendAnswer),
    Changed(PreparedBlob, Arc<[u8]>),
    Settled(Tried),
}
