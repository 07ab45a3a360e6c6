//! Templates on their pages and in letters: those of everybody, and the visitor's own.

pub(super) mod keep;

use crm::CrmError;
use crm::templates::{self, NewTemplate, Rendered, Source, Wish, instantiate_template, record_at, record_of};
use message::compose::plain_of;
use message::quote::escaped;
use model::decision::{Entity, RecordRef};
use model::schema::templates::Template;
use model::{EmailAddress, Id, language, limits};
use store::StoreError;
use web::Failure;
use web::values::{Filled, Letter, TemplateLine, TemplateMade, TemplatePage};

use super::writing::{Asking, draft, refusal, sentence};
use super::{content, failure, names::Names, readable, store_failure};

/// Those that the visitor may write with, by title.
pub(super) fn list((organization, visitor): Asking<'_>) -> Result<Vec<TemplateLine>, Failure> {
    Ok(templates::offered(organization, visitor.user).map_err(failure)?.iter().map(line).collect())
}

fn line(row: &store::TemplateLine) -> TemplateLine {
    let kind = Entity::from_name(&row.templatetypecode).filter(|kind| kind.is_customer());
    TemplateLine {
        id: row.id,
        title: row.title.clone(),
        language: language::tag(row.languagecode).unwrap_or_default().to_owned(),
        kind: kind.map_or("any", Entity::name).to_owned(),
        is_own: row.is_personal,
        subject: row.subject.clone(),
    }
}

/// One that the visitor may write with.
fn found((organization, visitor): Asking<'_>, id: Id) -> Result<Template, Failure> {
    let row = organization.read(|read| read.template(id)).map_err(store_failure)?;
    row.filter(|row| !row.ispersonal || row.ownerid == visitor.user).ok_or(Failure::NotFound)
}

/// One of them with its other languages, and what it becomes for a record.
pub(super) fn page(asking: Asking<'_>, id: Id, record: &str) -> Result<TemplatePage, Failure> {
    let row = found(asking, id)?;
    let all = templates::offered(asking.0, asking.1.user).map_err(failure)?;
    let is_same = |other: &&store::TemplateLine| other.title == row.title && other.owner == row.ownerid;
    let (this, variants): (Vec<_>, Vec<_>) = all.iter().filter(is_same).partition(|other| other.id == id);
    // Of very many some are not offered.
    let this = this.first().ok_or(Failure::NotFound)?;
    let Source { html, text, .. } = NewTemplate::of(row.clone()).source;
    let mut page = TemplatePage {
        line: line(this),
        variants: variants.into_iter().map(line).collect(),
        may_change: keep::may_change(asking.1, &row),
        html: html.unwrap_or_default(),
        text: text.unwrap_or_default(),
        record: None,
        made: None,
        note: String::new(),
    };
    if record.is_empty() {
        return Ok(page);
    }
    let Some(found) = named(asking, record).map_err(store_failure)? else {
        page.note = format!("There is no record “{record}”.");
        return Ok(page);
    };
    page.record = asking.0.read(|read| Names::new(read).link(found)).map_err(store_failure)?;
    let sender = EmailAddress::parse(&asking.1.address);
    match made(asking, &row, (Some(found), sender.as_ref())) {
        Ok(rendered) => page.made = Some(shown(rendered)),
        Err(error) => page.note = refusal(error)?,
    }
    Ok(page)
}

/// The customer with an address, or the record with an id.
fn named((organization, visitor): Asking<'_>, text: &str) -> Result<Option<RecordRef>, StoreError> {
    organization.read(|read| match (text.parse::<Id>(), EmailAddress::parse(text)) {
        (Ok(id), _) => {
            let found = record_of(read, id)?;
            let is_email = found.is_some_and(|record| record.entity == Entity::Email);
            Ok(if is_email && readable(read, visitor, id)?.is_none() { None } else { found })
        }
        (Err(_), Some(address)) => record_at(read, &address),
        (Err(_), None) => Ok(None),
    })
}

fn made(
    (organization, visitor): Asking<'_>,
    row: &Template,
    (regarding, sender): (Option<RecordRef>, Option<&EmailAddress>),
) -> Result<Rendered, CrmError> {
    let user = row.ispersonal.then_some(visitor.user);
    let wish = Wish { title: &row.title, language: Some(row.languagecode), user, regarding, sender };
    instantiate_template(organization, &wish)
}

fn shown(Rendered { subject, html, text, missing }: Rendered) -> TemplateMade {
    let text = text.unwrap_or_else(|| html.as_deref().map(plain_of).unwrap_or_default());
    TemplateMade {
        subject,
        html: html.unwrap_or_default(),
        body: content::plain(&text),
        cautions: missing.iter().map(|missing| sentence(&missing.to_string())).collect(),
    }
}

/// Puts what a template says above what stands in a letter.
pub(super) fn fill(asking: Asking<'_>, letter: Letter, id: Id) -> Result<Filled, Failure> {
    let row = found(asking, id)?;
    let regarding = regarding(asking, &letter).map_err(store_failure)?;
    let sender = EmailAddress::parse(&letter.from);
    match made(asking, &row, (regarding, sender.as_ref())) {
        Ok(rendered) => {
            let cautions = rendered.missing.iter().map(|missing| sentence(&missing.to_string())).collect();
            Ok(Filled { letter: above(rendered, letter), cautions, refusal: String::new() })
        }
        Err(error) => Ok(Filled { letter, cautions: Vec::new(), refusal: refusal(error)? }),
    }
}

/// The record that it is about, else the first recipient's, else the e-mail that it answers.
fn regarding((organization, visitor): Asking<'_>, letter: &Letter) -> Result<Option<RecordRef>, StoreError> {
    if let Some(about) = letter.about {
        return Ok(Some(draft::record_of(about)));
    }
    let first = message::addresses::typed(&letter.to, limits::OUTBOX_RECIPIENTS_MAX).ok();
    let first = first.and_then(|all| all.into_iter().next());
    organization.read(|read| {
        let customer = first.map(|mailbox| record_at(read, &mailbox.address)).transpose()?.flatten();
        let earlier = letter.earlier.map(|(_, id)| readable(read, visitor, id)).transpose()?.flatten();
        let earlier = earlier.map(|row| RecordRef { entity: Entity::Email, id: row.activityid });
        Ok(customer.or(earlier))
    })
}

/// A subject that is there stays.
fn above(Rendered { subject, html, text, .. }: Rendered, letter: Letter) -> Letter {
    let text = text.unwrap_or_else(|| html.as_deref().map(plain_of).unwrap_or_default());
    let (text, below) = (text.trim_end(), letter.text.trim_start_matches('\n'));
    let has_html = html.is_some() || !letter.html.is_empty();
    let rest = if letter.html.is_empty() { blocks(below) } else { letter.html.clone() };
    let own = html.unwrap_or_else(|| blocks(text));
    Letter {
        subject: if letter.subject.is_empty() { subject } else { letter.subject },
        text: format!("{text}\n\n{below}").trim_end().to_owned(),
        html: if has_html { format!("{own}{rest}") } else { String::new() },
        ..letter
    }
}

/// Lines of text, each a block of its own, as the editor of the page makes them.
pub(super) fn blocks(text: &str) -> String {
    let block = |line: &str| match line {
        "" => "<div><br></div>".to_owned(),
        line => format!("<div>{}</div>", escaped(line)),
    };
    text.lines().map(block).collect()
}
