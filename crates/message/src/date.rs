//! The Date field (RFC 5322 §3.3, its old forms §4.3). What passes through: one field, into a point in time.
//!
//! Never guesses at nonsense: what has no day, month, year and time is no date.

use jiff::civil;
use jiff::tz::Offset;
use model::Timestamp;

use crate::header_decoder;

/// Reads a date as mail writes it, including two-digit years, zone names, `asctime` order and ISO 8601.
pub fn read(value: &[u8]) -> Option<Timestamp> {
    let text = header_decoder::plain(value);
    let text = without_comments(&text);
    mail_date(&text).or_else(|| iso_date(&text))
}

fn mail_date(text: &str) -> Option<Timestamp> {
    let mut month = None;
    let mut time = None;
    let mut numbers = [None; 2];
    let mut offset_seconds = None;
    // `23-Nov-2026` is what some gateways write; a zone is the only other place for a dash.
    for word in text.split([' ', '\t', ',']).flat_map(dashes).filter(|word| !word.is_empty()) {
        if time.is_none() && word.contains(':') {
            time = Some(clock(word)?);
        } else if time.is_some() && offset_seconds.is_none() && word.starts_with(['+', '-']) {
            offset_seconds = numeric_zone(word);
        } else if word.bytes().all(|byte| byte.is_ascii_digit()) {
            let slot = numbers.iter_mut().find(|slot| slot.is_none())?;
            *slot = Some((word.parse::<i16>().ok()?, word.len()));
        } else if time.is_some() && word.eq_ignore_ascii_case("pm") {
            time = time.map(|(hour, minute, second): (i8, i8, i8)| (hour % 12 + 12, minute, second));
        } else if month.is_none() && month_number(word).is_some() {
            month = month_number(word);
        } else if time.is_some() && offset_seconds.is_none() {
            offset_seconds = Some(named_zone(word));
        }
    }
    let [Some((day, _)), Some((year, digits))] = numbers else { return None };
    let (hour, minute, second) = time?;
    let date = civil::Date::new(full_year(year, digits)?, month?, i8::try_from(day).ok()?).ok()?;
    let offset = Offset::from_seconds(offset_seconds.unwrap_or(0)).ok()?;
    let instant = offset.to_timestamp(date.at(hour, minute, second, 0)).ok()?;
    Some(Timestamp::from_seconds(instant.as_second()))
}

fn iso_date(text: &str) -> Option<Timestamp> {
    let instant: jiff::Timestamp = text.trim().parse().ok()?;
    Some(Timestamp::from_seconds(instant.as_second()))
}

fn dashes(word: &str) -> impl Iterator<Item = &str> {
    let is_date = word.bytes().any(|byte| byte.is_ascii_alphabetic()) && !word.starts_with(['+', '-']);
    let (whole, parts) = if is_date && word.starts_with(|c: char| c.is_ascii_digit()) {
        (None, Some(word.split('-')))
    } else {
        (Some(word), None)
    };
    whole.into_iter().chain(parts.into_iter().flatten())
}

/// Comments nest (RFC 5322 §3.2.2); an unclosed one reaches to the end.
fn without_comments(text: &str) -> String {
    let mut depth = 0usize;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

fn clock(word: &str) -> Option<(i8, i8, i8)> {
    let mut parts = word.split(':');
    let hour = parts.next()?.parse().ok()?;
    let minute = parts.next()?.parse().ok()?;
    let second: i8 = match parts.next() {
        Some(second) => second.split('.').next()?.parse().ok()?,
        None => 0,
    };
    let whole = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..61).contains(&second);
    // A leap second (RFC 5322 §3.3 allows 60) has no place in Unix time.
    whole.then_some((hour, minute, second.min(59)))
}

/// RFC 5322 §4.3: two digits below 50 are of this century, others and three digits count from 1900.
fn full_year(year: i16, digits: usize) -> Option<i16> {
    match digits {
        0..=2 if year < 50 => Some(2000 + year),
        0..=3 => year.checked_add(1900),
        _ => (1900..=9999).contains(&year).then_some(year),
    }
}

fn month_number(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = word.get(..3)?;
    let at = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(start))?;
    i8::try_from(at + 1).ok()
}

/// `+0100`, `+01:00` or `+01`. An impossible offset says nothing, like `-0000` (RFC 5322 §4.3).
fn numeric_zone(word: &str) -> Option<i32> {
    let digits: String = word.chars().filter(char::is_ascii_digit).take(4).collect();
    let number: i32 = digits.parse().ok()?;
    let (hours, minutes) = if digits.len() > 2 { (number / 100, number % 100) } else { (number, 0) };
    if hours > 14 || minutes > 59 {
        return Some(0);
    }
    let seconds = hours * 3600 + minutes * 60;
    Some(if word.starts_with('-') { -seconds } else { seconds })
}

/// The names of RFC 5322 §4.3 and the commonest others; unknown names and military letters count as UTC there.
fn named_zone(word: &str) -> i32 {
    const ZONES: [(&str, i32); 12] = [
        ("edt", -4),
        ("est", -5),
        ("cdt", -5),
        ("cst", -6),
        ("mdt", -6),
        ("mst", -7),
        ("pdt", -7),
        ("pst", -8),
        ("cet", 1),
        ("cest", 2),
        ("jst", 9),
        ("bst", 1),
    ];
    let hours = ZONES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map_or(0, |(_, hours)| *hours);
    hours * 3600
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_mail_writes_them() {
        let check = |value: &str, expect: Option<&str>| {
            let expect = expect.map(|text| text.parse::<jiff::Timestamp>().unwrap().as_second());
            assert_eq!(read(value.as_bytes()).map(Timestamp::seconds), expect, "{value:?}");
        };
        check("Mon, 23 Nov 2026 09:15:00 +0100", Some("2026-11-23T08:15:00Z"));
        check("23 Nov 2026 09:15 -0330 (NST)", Some("2026-11-23T12:45:00Z"));
        check("Mon,23 Nov 2026 09:15:00 GMT", Some("2026-11-23T09:15:00Z"));
        check("Mon, 23 November 2026 09:15:00 EST", Some("2026-11-23T14:15:00Z"));
        check("23 Nov 26 09:15:00 Z", Some("2026-11-23T09:15:00Z"));
        check("23 Nov 97 09:15:00 A", Some("1997-11-23T09:15:00Z"));
        check("1 Jan 102 00:00:00 +0000", Some("2002-01-01T00:00:00Z"));
        check("Monday, November 23, 2026 5:56 PM", Some("2026-11-23T17:56:00Z"));
        check("Mon, 21 Aug 95 13:30:57 -600", Some("1995-08-21T19:30:57Z"));
        check("Mon Nov 23 09:15:00 2026", Some("2026-11-23T09:15:00Z"));
        check("23-Nov-2026 09:15:00 +0000", Some("2026-11-23T09:15:00Z"));
        check("2026-11-23T09:15:00+01:00", Some("2026-11-23T08:15:00Z"));
        check("Mon, 23 Nov 2026\r\n 09:15:60 +0000", Some("2026-11-23T09:15:59Z"));
        check("Mon, 23 Nov 2026 09:15:00 +9900", Some("2026-11-23T09:15:00Z"));
        for garbage in
            ["", "yesterday", "31 Feb 2026 10:00:00 +0000", "23 Nov 2026", "23 Nov 2026 25:00", "99999999999"]
        {
            check(garbage, None);
        }
    }
}
