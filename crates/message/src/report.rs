//! Reports about mail (RFC 6522): delivery status (RFC 3464) and disposition notifications (RFC 8098).
//!
//! What passes through: a `multipart/report` that was read. Never believed by itself: the caller ties what
//! it returns to mail that we sent.

use model::{EmailAddress, MessageId, limits};

use crate::entity::Entity;
use crate::field::{self, Section};
use crate::header::{self, read_header};
use crate::header_decoder;
use crate::message::Message;

/// What a report says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Message-IDs of the mail it is about, each once.
    pub returned: Vec<MessageId>,
    /// What became of it, recipient by recipient, at most [`limits::RECIPIENTS_MAX`].
    pub recipients: Vec<Recipient>,
}

/// What became of a mail for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Final-Recipient, else Original-Recipient.
    pub address: EmailAddress,
    /// Action (RFC 3464 §2.3.3) in lower case: `failed`, `delayed`, `delivered`, `relayed`, `expanded`. For a
    /// disposition notification its type: `displayed`, `deleted`.
    pub action: String,
    /// Status (RFC 3463): `5.1.1`; empty where there is none.
    pub status: String,
}

/// Reads a report; `None` where the message is none.
pub fn read(message: &Message<'_>) -> Option<Report> {
    if !message.header().marks.report {
        return None;
    }
    let mut report = Report::default();
    for entity in message.entities().iter().filter(|entity| entity.children.is_empty()) {
        match entity.mimetype.as_str() {
            "message/delivery-status" | "message/global-delivery-status" => {
                status(message, entity, &mut report)
            }
            "message/disposition-notification" | "message/global-disposition-notification" => {
                status(message, entity, &mut report);
            }
            "text/rfc822-headers" | "message/rfc822" | "message/global" | "message/global-headers" => {
                let header = read_header(&message.decoded(entity)).ok();
                header.and_then(|header| header.message_id).into_iter().for_each(|id| report.name(id));
            }
            _ => {}
        }
    }
    Some(report)
}

impl Report {
    fn name(&mut self, id: MessageId) {
        if !self.returned.contains(&id) {
            self.returned.push(id);
        }
    }
}

/// Groups of fields, divided by empty lines (RFC 3464 §2.1): one about the message, then one a recipient.
fn status(message: &Message<'_>, entity: &Entity, report: &mut Report) {
    let body = message.decoded(entity);
    let mut rest = body.as_ref();
    while !rest.is_empty() && report.recipients.len() < limits::RECIPIENTS_MAX {
        let start = field::start(rest);
        rest = rest.get(start..).unwrap_or_default();
        let group = field::split(rest);
        if group.fields.is_empty() {
            break;
        }
        for name in ["Original-Message-ID", "X-Original-Message-ID"] {
            group.value(name).into_iter().flat_map(header::message_ids).for_each(|id| report.name(id));
        }
        report.recipients.extend(recipient(&group));
        rest = rest.get(group.body_offset..).unwrap_or_default();
    }
}

fn recipient(group: &Section<'_>) -> Option<Recipient> {
    let address = |name: &str| {
        let text = header_decoder::decode(group.value(name)?);
        // RFC 3464 §2.3.2: the address stands behind its type.
        let address = text.split_once(';').map_or(text.as_str(), |(_, address)| address);
        EmailAddress::parse(address)
    };
    let address = address("Final-Recipient").or_else(|| address("Original-Recipient"))?;
    let action = group.value("Action").map(header_decoder::decode);
    let action = action
        .or_else(|| group.value("Disposition").map(|value| disposition(&header_decoder::decode(value))));
    let status = group.value("Status").map(header_decoder::decode).unwrap_or_default();
    Some(Recipient {
        address,
        action: first_word(&action.unwrap_or_default()).to_ascii_lowercase(),
        status: first_word(&status).to_owned(),
    })
}

/// `automatic-action/MDN-sent-automatically; deleted` (RFC 8098 §3.2.6): the type stands behind the semicolon.
fn disposition(text: &str) -> String {
    text.split_once(';').map_or(text, |(_, kind)| kind).split('/').next().unwrap_or_default().to_owned()
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_report_names_mail_and_recipients() {
        let raw = "From: mailer-daemon@x.test\nContent-Type: multipart/report; boundary=b\n\n\
            --b\n\nIt failed.\n\
            --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x.test\n\n\
            Final-Recipient: rfc822; zoe@customer.test\nAction: Failed\nStatus: 5.1.1 (unknown)\n\n\
            Original-Recipient: rfc822;bob@customer.test\nAction: delayed\nStatus: 4.4.1\n\
            --b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <ours@x.test>\nSubject: Offer\n\n--b--\n";
        let report = read(&crate::read(raw.as_bytes()).unwrap()).unwrap();
        assert_eq!(report.returned, [MessageId::parse("ours@x.test").unwrap()]);
        let recipients: Vec<(&str, &str, &str)> = report
            .recipients
            .iter()
            .map(|r| (r.address.as_str(), r.action.as_str(), r.status.as_str()))
            .collect();
        assert_eq!(
            recipients,
            [("zoe@customer.test", "failed", "5.1.1"), ("bob@customer.test", "delayed", "4.4.1")]
        );
    }

    #[test]
    fn a_disposition_notification_names_them_too() {
        let raw = "Content-Type: multipart/report; boundary=b\n\n\
            --b\nContent-Type: message/disposition-notification\n\n\
            Final-Recipient: rfc822; u1@x.test\nOriginal-Message-ID: <a@x.test>\n\
            Disposition: automatic-action/MDN-sent-automatically; deleted/error\n\n--b--\n";
        let report = read(&crate::read(raw.as_bytes()).unwrap()).unwrap();
        assert_eq!(report.returned.len(), 1);
        assert_eq!(report.recipients.first().map(|r| r.action.as_str()), Some("deleted"));
    }

    #[test]
    fn an_ordinary_mail_is_no_report() {
        assert_eq!(read(&crate::read(b"A: 1\n\nhi").unwrap()), None);
    }
}
