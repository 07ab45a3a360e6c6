//! Addresses as a person types or pastes them into a form: between commas, semicolons and lines.

use model::Mailbox;

use super::read;

/// Why what was typed is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTyped {
    /// This is no address, and not two.
    Odd(String),
    /// There are more than so many.
    TooMany,
}

/// The mailboxes that were typed, at most so many. Unlike in a field of a mail that came, each has to be one: whoever typed
/// it can mend it.
///
/// # Errors
/// [`NotTyped`]: the first piece that is odd.
pub fn typed(text: &str, most: usize) -> Result<Vec<Mailbox>, NotTyped> {
    let mut found = Vec::new();
    for piece in pieces(text) {
        let piece = piece.trim();
        if piece.is_empty() {
            continue;
        }
        if found.len() == most {
            return Err(NotTyped::TooMany);
        }
        match read(piece.as_bytes()).as_slice() {
            [mailbox] => found.push(mailbox.clone()),
            _ => return Err(NotTyped::Odd(piece.chars().take(SHOWN_CHARS_MAX).collect())),
        }
    }
    Ok(found)
}

/// Characters of what is odd that are shown to whoever typed it.
const SHOWN_CHARS_MAX: usize = 80;

/// What stands between separators outside quotes and angle brackets. A line ends whatever was opened in it.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let (mut in_quotes, mut in_angle, mut is_escaped) = (false, false, false);
    text.split(move |c: char| {
        if std::mem::take(&mut is_escaped) {
            return false;
        }
        match c {
            '\n' | '\r' => {
                (in_quotes, in_angle) = (false, false);
                return true;
            }
            '\\' if in_quotes => is_escaped = true,
            '"' if !in_angle => in_quotes = !in_quotes,
            '<' if !in_quotes => in_angle = true,
            '>' if !in_quotes => in_angle = false,
            ',' | ';' => return !in_quotes && !in_angle,
            _ => {}
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&[&str], &str>) {
        let found = typed(text, 5).map(|found| {
            let shown = |mailbox: &Mailbox| match &mailbox.name {
                Some(name) => format!("{name}|{}", mailbox.address),
                None => mailbox.address.to_string(),
            };
            found.iter().map(shown).collect::<Vec<_>>()
        });
        let expected = expected.map(|all| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        assert_eq!(found, expected.map_err(|odd| NotTyped::Odd(odd.to_owned())), "{text:?}");
    }

    #[test]
    fn people_type_and_paste_in_many_ways() {
        check("", Ok(&[]));
        check(" ;, \n", Ok(&[]));
        check("a@x.test; b@x.test,\nc@x.test\r\n", Ok(&["a@x.test", "b@x.test", "c@x.test"]));
        check("\"Müller, Zoë\" <zoe@x.test>, B <b@x.test>;", Ok(&["Müller, Zoë|zoe@x.test", "B|b@x.test"]));
        check("\"a \\\" b; c\" <a@x.test>", Ok(&["a \" b; c|a@x.test"]));
        check("zoe", Err("zoe"));
        check("a@x.test, zoe, b@x.test", Err("zoe"));
        check("a@x.test b@x.test <c@x.test> <d@x.test>", Err("a@x.test b@x.test <c@x.test> <d@x.test>"));
        check("\"open <a@x.test>\nb@x.test", Ok(&["open|a@x.test", "b@x.test"]));
        check("a@x.test\nBcc: boss@x.test\r\nb@x.test", Ok(&["a@x.test", "boss@x.test", "b@x.test"]));
        assert_eq!(typed(&"a@x.test,".repeat(6), 5), Err(NotTyped::TooMany));
        assert_eq!(typed(&",".repeat(10_000), 5), Ok(Vec::new()));
    }
}
