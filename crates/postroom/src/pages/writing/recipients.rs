//! Whom a letter is written to: found by name, written into a field, and who each of them is.

use crm::outbox::{Recipient, Who};
use model::{EmailAddress, Mailbox, limits};
use store::{Organization, StoreError};
use web::Failure;
use web::values::{Page, Party, RecipientLine, RecordKind, RecordLine, RecordLink, Role, Standing};

use super::super::names::{Names, kind};
use super::super::records;

/// People, companies and leads whose name or address begins so.
pub(in super::super) fn found(
    organization: &Organization,
    words: &str,
) -> Result<Vec<RecipientLine>, Failure> {
    let mut all = Vec::new();
    if words.is_empty() {
        return Ok(all);
    }
    let page = Page { search: words.to_owned(), after: None };
    for kind in [RecordKind::Contact, RecordKind::Account, RecordKind::Lead] {
        let rows = records::list(organization, kind, &page)?.rows;
        all.extend(rows.into_iter().filter_map(line).take(limits::RECIPIENTS_FOUND_MAX));
    }
    Ok(all)
}

/// Whoever has no address cannot be written to.
fn line(row: RecordLine) -> Option<RecipientLine> {
    let address = EmailAddress::parse(&row.address?)?;
    let mailbox = Mailbox { name: Some(row.link.name), address };
    Some(RecipientLine {
        written: written(&mailbox),
        name: mailbox.name.unwrap_or_default(),
        address: mailbox.address.to_string(),
        context: row.context,
    })
}

/// Name and address as they stand in a field, so that they are read as the same again.
pub(super) fn written(mailbox: &Mailbox) -> String {
    let name = mailbox.name.as_deref().unwrap_or_default();
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let is_plain = |c: char| c.is_alphanumeric() || " '-_&".contains(c);
    let address = as_people_write(&mailbox.address);
    match name.trim() {
        "" => address,
        name if name.chars().all(is_plain) => format!("{name} <{address}>"),
        name => {
            let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{quoted}\" <{address}>")
        }
    }
}

/// The domain as people write it where that cannot be taken for another (decision 0030): nobody typed it here.
fn as_people_write(address: &EmailAddress) -> String {
    EmailAddress::shown(&format!("{}{}", address.local_part(), address.domain_key()))
}

pub(super) fn all<'m>(mailboxes: impl IntoIterator<Item = &'m Mailbox>) -> String {
    mailboxes.into_iter().map(written).collect::<Vec<_>>().join(", ")
}

/// The sender and everybody it goes to, as the page shows them.
pub(super) fn parties(names: &mut Names<'_, '_>, who: &Who) -> Result<(Party, Vec<Party>), StoreError> {
    let sender = Mailbox { name: None, address: who.from.clone() };
    let sender = party(names, Role::Sender, &sender)?;
    let lists = [(Role::To, &who.to), (Role::Cc, &who.cc), (Role::Bcc, &who.bcc)];
    let each =
        lists.into_iter().flat_map(|(role, list)| list.iter().map(move |it: &Recipient| (role, &it.mailbox)));
    let recipients = each.map(|(role, mailbox)| party(names, role, mailbox)).collect::<Result<_, _>>()?;
    Ok((sender, recipients))
}

fn party(names: &mut Names<'_, '_>, role: Role, mailbox: &Mailbox) -> Result<Party, StoreError> {
    let standing = standing(names, &mailbox.address)?;
    let own = match (&mailbox.name, &standing) {
        (Some(name), _) => name.clone(),
        (None, Standing::Ours { name }) => name.clone(),
        (None, _) => String::new(),
    };
    Ok(Party { role, name: own, address: mailbox.address.to_string(), standing })
}

/// Who has an address.
fn standing(names: &mut Names<'_, '_>, address: &EmailAddress) -> Result<Standing, StoreError> {
    let records = names.read.records_by_address(&address.key())?;
    let mut known = Vec::new();
    for record in records.into_iter().filter(|record| record.is_active) {
        match record.entity.map(kind) {
            Some(Some(kind)) => known.push(RecordLink { kind, id: record.id, name: record.name }),
            Some(None) => return Ok(Standing::Ours { name: record.name }),
            // A sink is nobody.
            None => {}
        }
    }
    Ok(match known.len() {
        0 => Standing::Unresolved,
        1 => known.pop().map_or(Standing::Unresolved, |record| Standing::Known { record }),
        _ => Standing::Ambiguous { candidates: Vec::new() },
    })
}

/// A sender whose address makes no mail.
pub(super) fn nobody(address: &str) -> Party {
    Party {
        role: Role::Sender,
        name: String::new(),
        address: address.to_owned(),
        standing: Standing::Unresolved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_so_that_it_is_read_again() {
        for name in
            ["Zoë Müller", "Müller, Zoë", "a \"b\" \\ c", "x <y@z.test>", "A\r\nBcc: b", "(c)", "a;b:c@d"]
        {
            let address = EmailAddress::parse("zoe@x.test").unwrap();
            let mailbox = Mailbox { name: Some(name.to_owned()), address };
            let read = message::addresses::typed(&written(&mailbox), 2).unwrap();
            let [read] = read.as_slice() else { panic!("{read:?}") };
            assert_eq!(read.address, mailbox.address);
            let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let folded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(folded(read.name.as_deref().unwrap()), folded(&name));
        }
    }

    #[test]
    fn a_domain_that_could_be_taken_for_another_stays_in_ascii() {
        let field = |address: &str| as_people_write(&EmailAddress::parse(address).unwrap());
        assert_eq!(field("Ida@xn--mnchen-3ya.test"), "Ida@münchen.test");
        assert_eq!(field("Ida@münchen.test"), "Ida@münchen.test");
        assert_eq!(field("Ida@[192.0.2.1]"), "Ida@[192.0.2.1]");
        assert_eq!(field("zoë@x.test"), "zoë@x.test");
        // All of it Cyrillic, one letter of it, and a mail that came with Unicode in its header.
        for (domain, ascii) in [
            ("xn--80ak6aa92e.com", "xn--80ak6aa92e.com"),
            ("\u{430}\u{440}\u{440}\u{4cf}\u{435}.com", "xn--80ak6aa92e.com"),
            ("xn--pple-43d.com", "xn--pple-43d.com"),
        ] {
            assert_eq!(field(&format!("billing@{domain}")), format!("billing@{ascii}"));
        }
    }
}
