//! Quoting a mail: below an answer to it, or all of it in a forward (RFC 3676 §4.5).
//!
//! What passes through: a mail that was read, into lines and safe HTML that somebody writes above. It names whose words
//! they are in the form that [`reply`](crate::reply) and [`unwrap`](crate::unwrap) know again.

use model::{Mailbox, limits};

use crate::body::{self, ShownOptions};
use crate::header_decoder;
use crate::message::Message;

/// A mail as it stands below what somebody writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotation {
    /// As plain text, with line feeds.
    pub text: String,
    /// As HTML, a fragment that is safe; its pictures are named by the Content-IDs that they have in the mail.
    pub html: String,
}

/// Quotes a mail below an answer: whose words they are, and then each line behind `>`.
pub fn answered(message: &Message<'_>) -> Quotation {
    let author = message.header().author().map_or_else(|| "Somebody".to_owned(), named);
    let words = match date(message) {
        Some(date) => format!("On {date}, {author} wrote:"),
        None => format!("{author} wrote:"),
    };
    let mut text = format!("{words}\n");
    for line in message.text().trim_end().lines() {
        // Quotations in it go one deeper, as they are counted.
        text.push_str(if line.starts_with('>') { ">" } else { "> " });
        text.push_str(line);
        text.push('\n');
    }
    let quoted = shown(message);
    let html =
        format!("<p>{}</p>\n<blockquote style=\"{LINE}\">\n{quoted}\n</blockquote>\n", escaped(&words));
    Quotation { text, html }
}

/// The line beside what is quoted.
const LINE: &str = "margin-left:0.8ex;border-left:1px solid #ccc;padding-left:1ex";

/// Carries a mail on: what its header says, and then its words as they are.
pub fn forwarded(message: &Message<'_>) -> Quotation {
    let header = message.header();
    let list = |mailboxes: &[Mailbox]| {
        let named: Vec<String> = mailboxes.iter().take(limits::QUOTED_ADDRESSES_MAX).map(named).collect();
        named.join(", ")
    };
    let said = [
        ("From", header.author().map(named).unwrap_or_default()),
        ("Date", date(message).unwrap_or_default()),
        ("Subject", header.subject.clone()),
        ("To", list(&header.to)),
        ("Cc", list(&header.cc)),
    ];
    let said: Vec<(&str, String)> = said.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let mut text = format!("{RULE}\n");
    let mut html = format!("<p>{RULE}<br>\n");
    for (name, value) in said {
        text.push_str(&format!("{name}: {value}\n"));
        html.push_str(&format!("<b>{name}:</b> {}<br>\n", escaped(&value)));
    }
    text.push('\n');
    for line in message.text().trim_end().lines() {
        text.push_str(line);
        text.push('\n');
    }
    html.push_str(&format!("</p>\n{}\n", shown(message)));
    Quotation { text, html }
}

const RULE: &str = "---------- Forwarded message ----------";

/// The body with the pictures that come along under their own names.
fn shown(message: &Message<'_>) -> String {
    let ids = message.attachments().into_iter().filter(|row| row.is_inline).filter_map(|row| row.content_id);
    let cid_urls = ids.map(|id| (id.clone(), format!("cid:{id}"))).collect();
    body::shown(message, &ShownOptions { cid_urls, remote_images: true }).html
}

/// The date as its writer's clock showed it.
fn date(message: &Message<'_>) -> Option<String> {
    let date = header_decoder::decode(message.field("Date")?);
    let date = date.split('(').next().unwrap_or_default().trim();
    let is_short = !date.is_empty() && date.len() <= 60;
    is_short.then(|| date.to_owned())
}

fn named(mailbox: &Mailbox) -> String {
    match mailbox.name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
        Some(name) => format!("{name} <{}>", mailbox.address),
        None => format!("<{}>", mailbox.address),
    }
}

/// Characters as HTML shows them.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::reply::{self, Part};

    const MAIL: &str = "From: =?utf-8?q?Zo=C3=AB?= Ng <zoe@fabrikam.test>\r\nTo: Jane <jane@contoso.test>, b@x.test\r\n\
        Subject: Your <offer>\r\nDate: Fri, 6 Mar 2026 11:00:00 +0100 (CET)\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
        Fifty <pallets>?\r\n\r\n> Yes\r\n>> No\r\n";

    #[test]
    fn an_answer_quotes_line_by_line_and_is_told_from_the_quotation() {
        let quotation = answered(&crate::read(MAIL.as_bytes()).unwrap());
        expect![[r#"
            On Fri, 6 Mar 2026 11:00:00 +0100, Zoë Ng <zoe@fabrikam.test> wrote:
            > Fifty <pallets>?
            > 
            >> Yes
            >>> No
        "#]]
        .assert_eq(&quotation.text);
        expect![[r#"
            <p>On Fri, 6 Mar 2026 11:00:00 +0100, Zoë Ng &lt;zoe@fabrikam.test&gt; wrote:</p>
            <blockquote style="margin-left:0.8ex;border-left:1px solid #ccc;padding-left:1ex">
            <div class="plain">Fifty &lt;pallets&gt;?<br>
            <blockquote>Yes<blockquote>No</blockquote></blockquote></div>
            </blockquote>
        "#]]
        .assert_eq(&quotation.html);
        let blocks = reply::blocks(&format!("Ninety.\n\n{}", quotation.text));
        let parts: Vec<Part> = blocks.iter().map(|block| block.part).collect();
        assert_eq!(parts, [Part::Own, Part::Quote], "{blocks:?}");
        let nobody = answered(&crate::read(b"Subject: x\r\n\r\nhi").unwrap());
        assert_eq!(nobody.text, "Somebody wrote:\n> hi\n");
    }

    #[test]
    fn a_forward_says_whose_mail_it_was_and_is_found_again() {
        let quotation = forwarded(&crate::read(MAIL.as_bytes()).unwrap());
        expect![[r#"
            ---------- Forwarded message ----------
            From: Zoë Ng <zoe@fabrikam.test>
            Date: Fri, 6 Mar 2026 11:00:00 +0100
            Subject: Your <offer>
            To: Jane <jane@contoso.test>, <b@x.test>

            Fifty <pallets>?

            > Yes
            >> No
        "#]]
        .assert_eq(&quotation.text);
        let html = "<p>---------- Forwarded message ----------<br>\n<b>From:</b> Zoë Ng &lt;zoe@fabrikam.test&gt;<br>";
        assert!(quotation.html.starts_with(html), "{}", quotation.html);
        let parts = reply::blocks(&format!("See below.\n\n{}", quotation.text));
        assert!(parts[0].text.starts_with("See below."), "{parts:?}");
        assert_eq!(parts.last().unwrap().part, Part::Quote, "{parts:?}");
    }

    #[test]
    fn nothing_active_is_quoted() {
        let raw = "From: \"<script>x()</script>\" <a@b.test>\r\nDate: <script>\r\nSubject: <img src=x onerror=x()>\r\n\
                   Content-Type: text/html\r\n\r\n<p onclick=x()>Hi<script>x()</script></p>";
        let message = crate::read(raw.as_bytes()).unwrap();
        for quotation in [answered(&message), forwarded(&message)] {
            assert!(
                !quotation.html.contains("<script") && !quotation.html.contains("onclick"),
                "{}",
                quotation.html
            );
            assert!(!quotation.html.contains("<img"), "{}", quotation.html);
        }
    }
}
