//! A mailbox that is full before anybody opens it: files of a Maildir, as a server writes them.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use anyhow::Result;

use crate::letters::Letters;
use crate::peers::Maildir;

/// Writes so many letters from this number on, as they lie there after Dovecot has taken them by LMTP: line feeds alone,
/// the envelope above, both sizes in the name.
pub(super) fn fill(mailbox: &Maildir, letters: &Letters, (from, count): (u64, usize)) -> Result<()> {
    let root = mailbox.path();
    let owner = owner(root)?;
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(root.join(part))?;
    }
    for number in (from..).take(count) {
        let letter = letters.letter(number);
        let recipient = letter.envelope.rcpt_to.first().map_or("", String::as_str);
        let head = format!("Return-Path: <{}>\nDelivered-To: {recipient}\n", letter.envelope.mail_from);
        let text: Vec<u8> = letter.raw.iter().copied().filter(|byte| *byte != b'\r').collect();
        let lines = head.bytes().chain(text.iter().copied()).filter(|byte| *byte == b'\n').count();
        let size = head.len() + text.len();
        let name = format!("1700000000.M{number:012}P1.bench,S={size},W={}", size + lines);
        let mut file = File::create(root.join("new").join(name))?;
        file.write_all(head.as_bytes())?;
        file.write_all(&text)?;
    }
    give(root, owner)
}

/// The user whom the folder of all mail belongs to.
fn owner(root: &Path) -> Result<u32> {
    let mail = root.ancestors().nth(2).unwrap_or(root);
    Ok(fs::metadata(mail)?.uid())
}

fn give(root: &Path, owner: u32) -> Result<()> {
    if let Some(home) = root.parent() {
        chown(home, Some(owner), Some(owner))?;
    }
    chown(root, Some(owner), Some(owner))?;
    for part in ["cur", "new", "tmp"] {
        chown(root.join(part), Some(owner), Some(owner))?;
        for entry in fs::read_dir(root.join(part))? {
            chown(entry?.path(), Some(owner), Some(owner))?;
        }
    }
    Ok(())
}
