//! People, companies and leads: lists, and the page of each with its timeline by conversation.

use std::collections::HashMap;

use model::decision::Entity;
use model::schema::customers::{Account, Contact, Lead};
use model::schema::emails::STATUS_DRAFT;
use model::{Id, Timestamp, limits};
use store::{EmailLine, Organization, Read, StoreError};
use web::Failure;
use web::values::{
    Conversation, Fact, List, Page, Record, RecordKey, RecordKind, RecordLine, RecordLink, Visitor,
};

use super::{Names, failure, lines, store_failure};

/// E-mails that are looked through for one that is no draft.
const LATEST_MAX: usize = 5;
/// E-mails of a record that its timeline is made of; older ones are found under their conversation.
const TIMELINE_MAX: usize = 1_000;

/// A page of the records of one kind, by name; of those alone that have these words, where any are given.
pub(super) fn list(
    organization: &Organization,
    kind: RecordKind,
    page: &Page,
) -> Result<List<RecordLine>, Failure> {
    let rows = if page.search.is_empty() {
        all(organization, kind, page)?
    } else {
        found(organization, kind, page)?
    };
    let List { rows: found, next } = rows;
    let rows = organization.read(|read| {
        let mut rows = Vec::with_capacity(found.len());
        for row in found {
            let key = RecordKey { kind, id: row.id };
            rows.push(RecordLine {
                last_mail: last_mail(read, key)?,
                link: RecordLink { kind, id: row.id, name: row.name },
                address: row.address,
                context: row.beside.unwrap_or_default(),
            });
        }
        Ok(rows)
    });
    Ok(List { rows: rows.map_err(store_failure)?, next })
}

/// All of them; a page begins behind the record whose id the page before gave out.
fn all(
    organization: &Organization,
    kind: RecordKind,
    page: &Page,
) -> Result<List<store::RecordLine>, Failure> {
    let limit = limits::PAGE_ROWS_MAX + 1;
    let after =
        page.after.as_deref().map(|key| key.parse::<Id>().map_err(|_| Failure::NotFound)).transpose()?;
    let rows = organization.read(|read| {
        let behind = match after {
            Some(id) => line_of(read, kind, id)?.map(|row| Some((row.name, id))),
            None => Some(None),
        };
        let Some(behind) = behind else { return Ok(None) };
        Ok(Some(match kind {
            RecordKind::Contact => read.people(&behind, limit)?,
            RecordKind::Account => read.companies(&behind, limit)?,
            RecordKind::Lead => read.leads(&behind, limit)?,
        }))
    });
    let rows = rows.map_err(store_failure)?.ok_or(Failure::NotFound)?;
    lines::page_of(rows, &Page::default(), |row| row.id.to_string())
}

/// Those that are found, by name.
fn found(
    organization: &Organization,
    kind: RecordKind,
    page: &Page,
) -> Result<List<store::RecordLine>, Failure> {
    let entity = match kind {
        RecordKind::Contact => Entity::Contact,
        RecordKind::Account => Entity::Account,
        RecordKind::Lead => Entity::Lead,
    };
    let ids = crm::search::find_records(organization, entity, &page.search).map_err(failure)?;
    let rows = organization.read(|read| {
        let rows: Result<Vec<_>, _> = ids.iter().map(|id| line_of(read, kind, *id)).collect();
        Ok(rows?.into_iter().flatten().collect::<Vec<_>>())
    });
    let mut rows = rows.map_err(store_failure)?;
    rows.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
    lines::page_of(rows, page, |row| row.id.to_string())
}

fn line_of(read: &Read<'_>, kind: RecordKind, id: Id) -> Result<Option<store::RecordLine>, StoreError> {
    match kind {
        RecordKind::Contact => read.person_line(id),
        RecordKind::Account => read.company_line(id),
        RecordKind::Lead => read.lead_line(id),
    }
}

fn last_mail(read: &Read<'_>, key: RecordKey) -> Result<Option<Timestamp>, StoreError> {
    let latest = timeline(read, key, LATEST_MAX)?;
    Ok(latest.iter().find(|email| email.statuscode != STATUS_DRAFT).map(|email| email.sortdate))
}

fn timeline(read: &Read<'_>, key: RecordKey, limit: usize) -> Result<Vec<EmailLine>, StoreError> {
    match key.kind {
        RecordKind::Account => read.company_timeline(key.id, limit),
        RecordKind::Contact | RecordKind::Lead => read.timeline(key.id, limit),
    }
}

/// A record without its timeline.
pub(super) fn record(read: &Read<'_>, key: RecordKey) -> Result<Option<Record>, StoreError> {
    match key.kind {
        RecordKind::Account => read.account(key.id)?.map(|it| account(read, it)).transpose(),
        RecordKind::Contact => read.contact(key.id)?.map(|it| contact(read, it)).transpose(),
        RecordKind::Lead => Ok(read.lead(key.id)?.map(lead)),
    }
}

fn account(read: &Read<'_>, it: Account) -> Result<Record, StoreError> {
    let mut people = Vec::new();
    for person in read.people_of(it.accountid)? {
        let key = RecordKey { kind: RecordKind::Contact, id: person.contactid };
        people.push(RecordLine {
            last_mail: last_mail(read, key)?,
            link: RecordLink { kind: key.kind, id: key.id, name: person.fullname },
            address: person.emailaddress1,
            context: person.jobtitle.unwrap_or_default(),
        });
    }
    Ok(Record {
        headline: it.address1_city.unwrap_or_default(),
        addresses: addresses([it.emailaddress1, it.emailaddress2, it.emailaddress3]),
        facts: facts([
            ("Phone", it.telephone1),
            ("Website", it.websiteurl),
            ("Status", Some(if it.statecode == 0 { "Active" } else { "Inactive" }.to_owned())),
            ("E-mail", unwanted((it.donotemail, it.donotbulkemail))),
            ("Since", Some(date(it.createdon))),
        ]),
        people,
        ..bare(RecordLink { kind: RecordKind::Account, id: it.accountid, name: it.name })
    })
}

fn contact(read: &Read<'_>, it: Contact) -> Result<Record, StoreError> {
    let company = it.parentcustomerid.map(|id| read.account(id)).transpose()?.flatten();
    let link = |it: Account| RecordLink { kind: RecordKind::Account, id: it.accountid, name: it.name };
    Ok(Record {
        headline: it.jobtitle.unwrap_or_default(),
        company: company.map(link),
        addresses: addresses([it.emailaddress1, it.emailaddress2, it.emailaddress3]),
        facts: facts([
            ("Phone", it.telephone1),
            ("Status", Some(if it.statecode == 0 { "Active" } else { "Inactive" }.to_owned())),
            ("E-mail", unwanted((it.donotemail, it.donotbulkemail))),
            ("Since", Some(date(it.createdon))),
        ]),
        ..bare(RecordLink { kind: RecordKind::Contact, id: it.contactid, name: it.fullname })
    })
}

fn lead(it: Lead) -> Record {
    let status = match it.statecode {
        0 => "Open",
        1 => "Qualified",
        _ => "Disqualified",
    };
    Record {
        headline: it.subject.unwrap_or_default(),
        addresses: addresses([it.emailaddress1, it.emailaddress2, it.emailaddress3]),
        facts: facts([
            ("Company", it.companyname),
            ("Status", Some(status.to_owned())),
            ("E-mail", unwanted((it.donotemail, it.donotbulkemail))),
            ("Since", Some(date(it.createdon))),
        ]),
        ..bare(RecordLink { kind: RecordKind::Lead, id: it.leadid, name: it.fullname })
    }
}

/// What a customer does not want.
fn unwanted(opt_outs: (bool, bool)) -> Option<String> {
    let words = match opt_outs {
        (true, _) => "Do not send any (donotemail)",
        (false, true) => "Do not send such that goes to many (donotbulkemail)",
        (false, false) => return None,
    };
    Some(words.to_owned())
}

fn bare(link: RecordLink) -> Record {
    Record {
        link,
        headline: String::new(),
        company: None,
        addresses: Vec::new(),
        facts: Vec::new(),
        people: Vec::new(),
        conversations: List { rows: Vec::new(), next: None },
    }
}

fn addresses(all: [Option<String>; 3]) -> Vec<String> {
    all.into_iter().flatten().collect()
}

fn facts<const N: usize>(all: [(&str, Option<String>); N]) -> Vec<Fact> {
    all.into_iter().filter_map(|(label, value)| Some(Fact::new(label, value?))).collect()
}

fn date(time: Timestamp) -> String {
    super::email::local(time, "%-d %B %Y")
}

/// A conversation on a timeline, with the mails of it that concern the record, newest first.
pub(super) struct Thread {
    pub(super) id: Id,
    mails: Vec<EmailLine>,
}

/// The conversations of a record, the one with the newest mail first. Drafts of others are left out.
pub(super) fn conversations(
    read: &Read<'_>,
    visitor: &Visitor,
    key: RecordKey,
) -> Result<Vec<Thread>, StoreError> {
    let mut threads: Vec<Thread> = Vec::new();
    let mut places: HashMap<Id, usize> = HashMap::new();
    for email in
        timeline(read, key, TIMELINE_MAX)?.into_iter().filter(|email| lines::is_shown(visitor, email))
    {
        let place = *places.entry(email.conversation).or_insert_with(|| {
            threads.push(Thread { id: email.conversation, mails: Vec::new() });
            threads.len() - 1
        });
        if let Some(thread) = threads.get_mut(place) {
            thread.mails.push(email);
        }
    }
    Ok(threads)
}

/// Conversations as they are shown.
pub(super) fn shown(read: &Read<'_>, threads: Vec<Thread>) -> Result<Vec<Conversation>, StoreError> {
    let names = &mut Names::new(read);
    let mut shown = Vec::with_capacity(threads.len());
    for thread in threads {
        let oldest = thread.mails.last().map_or("", |email| email.subject.as_str());
        let subject = without_prefixes(oldest);
        let mails = thread.mails.iter().map(|email| lines::line(names, email)).collect::<Result<_, _>>()?;
        shown.push(Conversation { subject, mails });
    }
    Ok(shown)
}

/// The subject as it was written, without the answer prefixes in front of its canonical form.
fn without_prefixes(subject: &str) -> String {
    let canonical = message::subject::canonical(subject, &[]);
    // Both are of one text, so the canonical form's length from the end is where its own words begin.
    let skipped = subject.chars().count().saturating_sub(canonical.chars().count());
    let rest: String = subject.chars().skip(skipped).collect();
    if !canonical.is_empty() && rest.to_lowercase() == canonical { rest } else { subject.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::without_prefixes;

    #[test]
    fn a_conversation_is_called_by_its_own_words() {
        let check = |subject: &str, shown: &str| assert_eq!(without_prefixes(subject), shown);
        check("Re: AW: Pallets for Bremen", "Pallets for Bremen");
        check("Pallets for Bremen", "Pallets for Bremen");
        check("Re:", "Re:");
        check("", "");
    }
}
