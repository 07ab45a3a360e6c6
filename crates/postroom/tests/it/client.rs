//! The other side of the doors: SMTP and HTTP by hand, as much of them as the tests need.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A connection to a mail door that has greeted.
pub(crate) struct MailClient {
    stream: BufReader<TcpStream>,
}

impl MailClient {
    pub(crate) fn smtp(door: SocketAddr) -> MailClient {
        MailClient::greet(door, "EHLO client.test")
    }

    pub(crate) fn lmtp(door: SocketAddr) -> MailClient {
        MailClient::greet(door, "LHLO client.test")
    }

    fn greet(door: SocketAddr, greeting: &str) -> MailClient {
        let mut client = MailClient { stream: BufReader::new(TcpStream::connect(door).unwrap()) };
        assert!(client.hear().starts_with("220 house.test "));
        assert!(client.ask(greeting).starts_with("250"));
        client
    }

    /// One reply, of one line or more; its last line.
    pub(crate) fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.say(line);
        self.hear()
    }

    /// Says a line and waits for nothing.
    pub(crate) fn say(&mut self, line: &str) {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    /// Sends a mail from Zoë to some recipients; the answer to its data, or the first refusal.
    pub(crate) fn send(&mut self, recipients: &[&str], mail: &str) -> String {
        assert!(self.ask("MAIL FROM:<zoe@fabrikam.test>").starts_with("250"));
        for recipient in recipients {
            let answer = self.ask(&format!("RCPT TO:<{recipient}>"));
            if !answer.starts_with("250") {
                self.ask("RSET");
                return answer;
            }
        }
        assert!(self.ask("DATA").starts_with("354"));
        self.ask(&format!("{}\r\n.", mail.trim_end().replace("\r\n.", "\r\n..")))
    }
}

/// A mail from Zoë to Jane.
pub(crate) fn mail(number: u32) -> String {
    format!(
        "From: Zoe Mueller <zoe@fabrikam.test>\r\nTo: Jane Doe <jane@contoso.test>\r\n\
         Subject: Pallets {number}\r\nMessage-ID: <{number}@fabrikam.test>\r\n\
         Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nHow many pallets are {number}?\r\n"
    )
}

/// What a page said.
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Heard {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first address on the page that begins so.
    pub(crate) fn link(&self, start: &str) -> String {
        let text = self.text();
        let at =
            text.find(&format!("href=\"{start}")).unwrap_or_else(|| panic!("no link to {start} in {text}"));
        text[at + 6..].split('"').next().unwrap().to_owned()
    }
}

/// One request over a connection of its own.
pub(crate) fn http(web: SocketAddr, request: &str, headers: &str) -> Heard {
    let (line, body) = request.split_once('\n').unwrap_or((request, ""));
    let kind = if headers.contains("Content-Type: ") {
        ""
    } else {
        "Content-Type: application/x-www-form-urlencoded\r\n"
    };
    let form = format!("{kind}Sec-Fetch-Site: same-origin\r\n");
    let mut stream = TcpStream::connect(web).unwrap();
    let length = body.len();
    let text = format!(
        "{line} HTTP/1.1\r\nHost: {web}\r\nConnection: close\r\n{form}Content-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(text.as_bytes()).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    let status = head[9..12].parse().unwrap();
    let body = if head.to_lowercase().contains("transfer-encoding: chunked") {
        dechunked(&all[end + 4..])
    } else {
        all[end + 4..].to_vec()
    };
    Heard { status, head, body }
}

/// A body in chunks (RFC 9112 §7.1), put together.
fn dechunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = bytes.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole.extend(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 4 + size..];
    }
}
