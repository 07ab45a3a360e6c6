//! What mutation begins with: the samples of the project, and the corpus where there is one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// In which form a target wants its seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Whole mails.
    Mail,
    /// Mails up to a little behind their header.
    Header,
    /// Subjects.
    Subject,
    /// What a client says to hand a mail over.
    Conversation,
    /// What an IMAP server says when it is asked for a mail.
    Answers,
    /// What a POP3 server says when it is asked for a mail.
    Replies,
    /// What an SMTP server says to whoever hands it a mail.
    Verdicts,
    /// Mails whose header says who vouches for them, up to a little behind it.
    Vouched,
}

/// The longest seed; the rest of a larger file is left out.
const BYTES_MAX: usize = 12 * 1024;

/// The seeds below these folders, in the order of their paths.
///
/// # Errors
/// When a file cannot be read, or there is none.
pub fn read(folders: &[PathBuf], shape: Shape) -> Result<Vec<Vec<u8>>> {
    let mut files = Vec::new();
    for folder in folders {
        collect(folder, &mut files)?;
    }
    files.sort();
    let mut seeds = Vec::new();
    for path in files {
        let raw = std::fs::read(&path).with_context(|| path.display().to_string())?;
        if message::read_header(&raw).is_ok() {
            seeds.push(shaped(&raw, shape));
        }
    }
    anyhow::ensure!(!seeds.is_empty(), "there is nothing to begin with");
    Ok(seeds)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else if !path.extension().is_some_and(|ending| ending == "expect" || ending == "toml") {
            files.push(path);
        }
    }
    Ok(())
}

fn shaped(raw: &[u8], shape: Shape) -> Vec<u8> {
    let raw = raw.get(..raw.len().min(BYTES_MAX)).unwrap_or_default();
    match shape {
        Shape::Mail => raw.to_vec(),
        Shape::Header => {
            let blank = [&b"\r\n\r\n"[..], b"\n\n"].iter().filter_map(|end| find(raw, end)).min();
            let end = blank.map_or(raw.len(), |at| (at + 64).min(raw.len()));
            raw.get(..end).unwrap_or_default().to_vec()
        }
        Shape::Subject => {
            let header = message::read_header(raw);
            header.map(|header| header.subject.into_bytes()).unwrap_or_default()
        }
        Shape::Conversation => conversation(raw),
        Shape::Answers => answers(raw),
        Shape::Replies => replies(raw),
        Shape::Verdicts => verdicts(raw),
        Shape::Vouched => [VOUCHING.as_bytes(), &shaped(raw, Shape::Header)].concat(),
    }
}

fn find(raw: &[u8], sign: &[u8]) -> Option<usize> {
    raw.windows(sign.len()).position(|window| window == sign)
}

/// Alternately by DATA and by BDAT, in turns that the length of the mail decides.
fn conversation(raw: &[u8]) -> Vec<u8> {
    let mail = raw.get(..raw.len().min(4_096)).unwrap_or_default();
    let mut said =
        b"EHLO client.test\r\nMAIL FROM:<zoe@x.test> BODY=8BITMIME\r\nRCPT TO:<a@y.test>\r\n".to_vec();
    if mail.len() % 2 == 0 {
        said.extend_from_slice(b"RCPT TO:<unknown@y.test>\r\nDATA\r\n");
        let mut line_start = true;
        for byte in mail {
            if line_start && *byte == b'.' {
                said.push(b'.');
            }
            said.push(*byte);
            line_start = *byte == b'\n';
        }
        said.extend_from_slice(b"\r\n.\r\n");
    } else {
        let (first, last) = mail.split_at(mail.len() / 2);
        for (chunk, end) in [(first, ""), (last, " LAST")] {
            said.extend_from_slice(format!("BDAT {}{end}\r\n", chunk.len()).as_bytes());
            said.extend_from_slice(chunk);
        }
    }
    said.extend_from_slice(
        b"MAIL FROM:<>\r\nRCPT TO:<b@y.test>\r\nDATA\r\nSubject: 2\r\n\r\nx\r\n.\r\nQUIT\r\n",
    );
    said
}

/// What servers write above a mail: their results, seals and signatures, as the two largest do.
const VOUCHING: &str = "Authentication-Results: mx.contoso.test;\r\n dkim=pass (2048-bit key) header.d=contoso.test header.i=@contoso.test;\r\n \
    spf=pass (mx: 192.0.2.1 may) smtp.mailfrom=\"jane@contoso.test\";\r\n dmarc=pass (p=REJECT dis=NONE) header.from=contoso.test\r\n\
    ARC-Seal: i=1; a=rsa-sha256; t=1795448359; cv=none; d=contoso.test; s=s1;\r\n b=YWJj\r\n\
    ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=contoso.test; s=s1;\r\n h=from:to:subject; bh=YWJj; b=YWJj\r\n\
    ARC-Authentication-Results: i=1; mx.contoso.test 1; dmarc=pass action=none header.from=contoso.test;dkim=none\r\n\
    DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=contoso.test; s=s1; t=1795448359; x=1995448359;\r\n \
    h=From:From:To:Subject:Date; l=20; i=jane@contoso.test; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n b=YWJj\r\n\
    Authentication-Results: relay.test 1; auth=pass (sasl) smtp.auth=jane; none\r\n";

/// The mail as a literal, its beginning as a header, and around it what servers tell besides.
fn answers(raw: &[u8]) -> Vec<u8> {
    let mail = raw.get(..raw.len().min(4_096)).unwrap_or_default();
    let header = mail.get(..mail.len().min(200)).unwrap_or_default();
    let mut said =
        b"* OK [UIDVALIDITY 7] hi\r\n* LIST (\\Sent) \"/\" \"Sent &APw-\"\r\n* 3 EXISTS\r\n".to_vec();
    said.extend_from_slice(format!("* 1 FETCH (UID 5 BODY[] {{{}}}\r\n", mail.len()).as_bytes());
    said.extend_from_slice(mail);
    said.extend_from_slice(b" FLAGS (\\Seen $Junk))\r\n* 2 EXPUNGE\r\n");
    said.extend_from_slice(format!("* 2 FETCH (BODY[HEADER] {{{}}}\r\n", header.len()).as_bytes());
    said.extend_from_slice(header);
    said.extend_from_slice(
        b" UID 6 RFC822.SIZE 4321 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" X (a (NIL \"b\")))\r\n\
          * XNEWS {3}\r\n(((\r\n* SEARCH 1 2 3\r\n+ go on\r\np1 NO [TRYCREATE] make it\r\n* BYE\r\n",
    );
    said
}

/// A capability, an error, and the mail twice.
fn replies(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in raw.get(..raw.len().min(4_096)).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
        text.extend_from_slice(if line.starts_with(b".") { b"." } else { b"" });
        text.extend_from_slice(line);
    }
    let text = [b"+OK octets follow\r\n", text.as_slice(), b"\r\n.\r\n"].concat();
    [b"+OK\r\nSASL PLAIN\r\nUIDL\r\n.\r\n-ERR [IN-USE] wait\r\n+ YWJj\r\n", text.as_slice(), &text].concat()
}

/// What it can do, and each line of the mail as one of a reply.
fn verdicts(raw: &[u8]) -> Vec<u8> {
    let mut said = b"220 a.test\r\n250-a.test\r\n250-SIZE 100\r\n250 AUTH PLAIN\r\n250\r\n".to_vec();
    for line in raw.get(..raw.len().min(4_096)).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
        said.extend_from_slice(b"550-");
        said.extend_from_slice(line);
    }
    said.extend_from_slice(b"\r\n550 5.1.1 nobody\r\n354 go\r\n421 4.3.2 bye\r\n");
    said
}
