//! What the last mail server noted of the envelope (RFC 5321 §4.4).
//!
//! What passes through: the fields above the first Received field, which that server put there. Whoever sent the mail
//! can write such fields too, but only below the Received field of a server that he handed it to: those are left alone.

use model::EmailAddress;

use crate::message::{self, Unreadable};
use crate::{addresses, header_decoder};

/// The envelope, as far as the last mail server noted it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// MAIL FROM.
    pub return_path: Option<ReturnPath>,
    /// RCPT TO, in the order in which it is noted: Delivered-To, X-Original-To, Envelope-To.
    pub delivered_to: Vec<EmailAddress>,
}

/// The Return-Path field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReturnPath {
    /// `<>`: the null sender.
    Null,
    /// What stands in it, without the angle brackets.
    Sender(String),
}

/// Reads what the last mail server noted. Nothing is believed of a mail without a Received field: nobody knows then who
/// wrote what.
///
/// # Errors
/// As those of [`read_header`](crate::read_header).
pub fn read(raw: &[u8]) -> Result<Trace, Unreadable> {
    let (_, section) = message::section(raw)?;
    let Some(received) = section.fields.iter().position(|field| field.is("received")) else {
        return Ok(Trace::default());
    };
    let mut trace = Trace::default();
    for field in section.fields.iter().take(received) {
        match field.name.to_ascii_lowercase().as_str() {
            "return-path" if trace.return_path.is_none() => trace.return_path = return_path(field.value),
            "delivered-to" | "x-original-to" | "envelope-to" => {
                trace.delivered_to.extend(addresses::read(field.value).into_iter().map(|it| it.address));
            }
            _ => {}
        }
    }
    trace.delivered_to.truncate(model::limits::RECEIVED_MAX);
    Ok(trace)
}

fn return_path(value: &[u8]) -> Option<ReturnPath> {
    let text = header_decoder::plain(value);
    let text = text.trim();
    let text = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text).trim();
    match text {
        "" if value.is_empty() => None,
        "" => Some(ReturnPath::Null),
        text => Some(ReturnPath::Sender(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expect: &str) {
        let trace = read(header.replace('\n', "\r\n").as_bytes()).unwrap();
        let from = match trace.return_path {
            None => "?".to_owned(),
            Some(ReturnPath::Null) => "<>".to_owned(),
            Some(ReturnPath::Sender(text)) => text,
        };
        let to: Vec<String> = trace.delivered_to.iter().map(ToString::to_string).collect();
        assert_eq!(format!("{from} -> {}", to.join(" ")), expect, "{header}");
    }

    #[test]
    fn what_mail_servers_write_is_read() {
        // Dovecot, Postfix, Exim, Cyrus.
        check(
            "Return-Path: <a@x.test>\nDelivered-To: crm+k@s.test\nReceived: from a by b\nFrom: a@x.test\n\n",
            "a@x.test -> crm+k@s.test",
        );
        check(
            "Return-Path: <>\nX-Original-To: crm+k@s.test\nDelivered-To: crm@s.test\nReceived: by b\n\n",
            "<> -> crm+k@s.test crm@s.test",
        );
        check(
            "Return-path: <a@x.test>\nEnvelope-to: crm@s.test\nDelivery-date: today\nReceived: by b\n\n",
            "a@x.test -> crm@s.test",
        );
        check("Return-Path: a@x.test\nReceived: by b\n\n", "a@x.test -> ");
        check("Return-Path: SRS0=x=y=z=a@b.test\nReceived: by b\n\n", "SRS0=x=y=z=a@b.test -> ");
        check("Return-Path:\nDelivered-To: no address\nReceived: by b\n\n", "? -> ");
    }

    #[test]
    fn what_a_sender_may_have_written_is_not() {
        check(
            "Received: by b\nReturn-Path: <a@x.test>\nDelivered-To: crm+k@s.test\nFrom: a@x.test\n\n",
            "? -> ",
        );
        check("Return-Path: <a@x.test>\nDelivered-To: crm+k@s.test\nFrom: a@x.test\n\n", "? -> ");
        check(
            "Return-Path: <a@x.test>\nReturn-Path: <b@x.test>\nReceived: by b\nDelivered-To: c@s.test\n\n",
            "a@x.test -> ",
        );
    }
}
