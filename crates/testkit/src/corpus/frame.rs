//! The three ways in which a message reaches the house.

use crate::client::Envelope;

/// How a message comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Frame {
    /// Jane forwards it as an attachment to the sink.
    Forward,
    /// Somebody sends it to a queue that keeps all mail.
    Direct,
    /// A server reports that it could not be delivered, and returns it; a rule hands the report to the sink.
    Report,
}

/// All of them, in the order of the list's columns.
pub(super) const FRAMES: [Frame; 3] = [Frame::Forward, Frame::Direct, Frame::Report];

/// Who is whom: one organization a frame, so that no frame finds the mail of another.
pub(super) const WORLD: &str = r#"
[[organization]]
name = "forward"
sink = [{ address = "sink@forward.test" }]
user = [{ name = "Jane Doe", address = "jane@forward.test", filter = "all" }]

[[organization]]
name = "direct"
queue = [{ name = "Support", address = "support@direct.test", filter = "all" }]

[[organization]]
name = "report"
sink = [{ address = "sink@report.test" }]
user = [{ name = "Jane Doe", address = "jane@report.test", filter = "all" }]
"#;

impl Frame {
    /// The name, which is that of its organization too.
    pub fn name(self) -> &'static str {
        match self {
            Frame::Forward => "forward",
            Frame::Direct => "direct",
            Frame::Report => "report",
        }
    }

    /// With which envelope it is sent; the recipient is a template of the world.
    pub fn envelope(self) -> Envelope {
        match self {
            Frame::Forward => Envelope::new("jane@forward.test", "sink@forward.test"),
            Frame::Direct => Envelope::new("someone@elsewhere.test", "support@direct.test"),
            Frame::Report => Envelope::new("", "sink+{key:jane@report.test}@report.test"),
        }
    }

    /// The message as it is sent. `number` tells one from another.
    pub fn around(self, number: usize, raw: &[u8]) -> Vec<u8> {
        match self {
            Frame::Forward => wrap(&forward_head(number), number, raw),
            Frame::Direct => raw.to_vec(),
            Frame::Report => wrap(&report_head(number), number, raw),
        }
    }
}

fn forward_head(number: usize) -> String {
    format!(
        "From: Jane Doe <jane@forward.test>\r\nTo: sink@forward.test\r\nSubject: Fwd: {number}\r\n\
         Date: Mon, 23 Nov 2026 10:00:00 +0100\r\nMessage-ID: <forward-{number}@forward.test>\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"frame-{number}\"\r\n\r\n\
         --frame-{number}\r\nContent-Type: text/plain\r\n\r\nFor the file.\r\n"
    )
}

fn report_head(number: usize) -> String {
    format!(
        "From: MAILER-DAEMON@relay.test\r\nTo: jane@report.test\r\nSubject: Undelivered Mail\r\n\
         Date: Mon, 23 Nov 2026 10:00:00 +0100\r\nMessage-ID: <report-{number}@relay.test>\r\n\
         Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"frame-{number}\"\r\n\r\n\
         --frame-{number}\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n\
         --frame-{number}\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.test\r\n\r\n\
         Final-Recipient: rfc822; zoe@customer.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    )
}

fn wrap(head: &str, number: usize, raw: &[u8]) -> Vec<u8> {
    let mut mail = format!("{head}--frame-{number}\r\nContent-Type: message/rfc822\r\n").into_bytes();
    if !raw.is_ascii() {
        mail.extend_from_slice(b"Content-Transfer-Encoding: 8bit\r\n");
    }
    mail.extend_from_slice(b"\r\n");
    mail.extend_from_slice(raw);
    mail.extend_from_slice(format!("\r\n--frame-{number}--\r\n").as_bytes());
    mail
}
