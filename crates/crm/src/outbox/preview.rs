//! The final form of a mail before it is sent. What passes through: a draft, into what its recipients will see; keeps nothing.

use message::body::{self, ShownOptions};
use model::{EmailAddress, Id, Moment};
use store::{Organization, StoreError};

use super::draft::Draft;
use super::{opt_outs, subject_tokens, suppression, ways, writing};
use crate::CrmError;

/// A mail as it would go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Its final subject.
    pub subject: String,
    /// Its HTML, safe to show; made of the text where it has none. Pictures stand under `cid:`.
    pub html: String,
    /// Its text.
    pub text: String,
    /// Its files: name and bytes.
    pub files: Vec<(String, usize)>,
    /// Bytes of all of it.
    pub size: usize,
    /// What stands against sending it, in words. It is refused for each of these.
    pub obstacles: Vec<String>,
    /// What its writer may have forgotten. It is sent all the same.
    pub cautions: Vec<String>,
}

/// Shows a draft as it would go out.
///
/// # Errors
/// [`CrmError::NotFound`] where what it answers is not here, and where the store cannot say.
pub fn preview(organization: &Organization, draft: &Draft, moment: &Moment) -> Result<Preview, CrmError> {
    let mut preview = Preview {
        subject: draft.what.subject.clone(),
        html: String::new(),
        text: String::new(),
        files: Vec::new(),
        size: 0,
        obstacles: obstacles(organization, draft)?,
        cautions: Vec::new(),
    };
    if draft.what.subject.trim().is_empty() {
        preview.cautions.push("it has no subject".to_owned());
    }
    let raw = match writing::write(organization, draft, (Id::default(), moment)) {
        Ok(raw) => raw,
        Err(CrmError::Invalid(words)) => {
            preview.obstacles.push(words);
            return Ok(preview);
        }
        Err(error) => return Err(error),
    };
    let message = message::read(&raw).map_err(|_| CrmError::Store(StoreError::Corrupt))?;
    let rows = message.attachments();
    let ids = rows.iter().filter_map(|row| row.content_id.clone());
    let cid_urls = ids.map(|id| (id.clone(), format!("cid:{id}"))).collect();
    preview.html = body::shown(&message, &ShownOptions { cid_urls, remote_images: true }).html;
    preview.text = message.text().into_owned();
    let subject = (message.header().subject.as_str(), draft.what.token.as_deref());
    preview.subject = subject_tokens::shown(organization, subject)?;
    preview.size = raw.len();
    preview.files = rows.into_iter().map(|row| (row.filename, row.size_bytes)).collect();
    if preview.text.trim().is_empty() && preview.files.is_empty() {
        preview.cautions.push("it says nothing".to_owned());
    }
    Ok(preview)
}

/// What stands against sending it, but for how it is written.
fn obstacles(organization: &Organization, draft: &Draft) -> Result<Vec<String>, CrmError> {
    let mut obstacles = Vec::new();
    let mut note = |outcome: Result<(), CrmError>| match outcome {
        Err(CrmError::Invalid(words)) => {
            obstacles.push(words);
            Ok(())
        }
        other => other,
    };
    note(ways::way_of(organization, &draft.who.from).map(drop))?;
    let recipients = writing::recipients(draft);
    let chosen = writing::chosen(organization, draft);
    let known = (
        recipients.as_deref().map(<[_]>::to_vec).unwrap_or_default(),
        chosen.as_deref().map(<[_]>::to_vec).unwrap_or_default(),
    );
    note(recipients.map(drop))?;
    note(chosen.map(drop))?;
    let (recipients, chosen) = known;
    obstacles.extend(suppression::refusals(organization, &recipients)?);
    let lane = opt_outs::asked_lane(draft.lane(), draft.mail_from().map(EmailAddress::as_str));
    let asked = (chosen.as_slice(), lane);
    obstacles.extend(organization.read(|read| opt_outs::refusals(read, &recipients, asked))?);
    Ok(obstacles)
}
