//! Times, sizes and counts as a reader says them.
//!
//! Times stand in the time zone of the machine; the element carries the exact instant, and its title
//! names the zone.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use minijinja::Value;
use minijinja::context;

/// The time of a line in a list: `09:14` today, `Fri 16:40` this week, `3 Nov` this year, else `3 Nov 2024`.
pub(crate) fn short_time(millis: i64) -> String {
    let (time, now) = (zoned(millis), Zoned::now());
    element(&time, &short_words(&time, &now))
}

/// The time of one mail: `Mon 23 Nov, 09:14`, with the year where it is another one.
pub(crate) fn full_time(millis: i64) -> String {
    let time = zoned(millis);
    let same_year = time.year() == Zoned::now().year();
    element(
        &time,
        &time.strftime(if same_year { "%a %-d %b, %H:%M" } else { "%-d %b %Y, %H:%M" }).to_string(),
    )
}

/// The words on a postmark.
pub(crate) fn stamp(millis: i64) -> Value {
    let time = zoned(millis);
    context! {
        day => time.strftime("%-d %b").to_string().to_uppercase(),
        year => time.strftime("%Y").to_string(),
        clock => time.strftime("%H:%M").to_string(),
    }
}

/// `2026-11-23` as `Monday 23 November 2026`.
pub(crate) fn day(text: &str) -> String {
    match text.parse::<Date>() {
        Ok(date) => date.strftime("%A %-d %B %Y").to_string(),
        Err(_) => text.to_owned(),
    }
}

/// `2026-11-23` as `23 Nov`.
pub(crate) fn short_day(text: &str) -> String {
    match text.parse::<Date>() {
        Ok(date) => date.strftime("%-d %b").to_string(),
        Err(_) => text.to_owned(),
    }
}

/// Bytes in the unit that leaves one to three digits: `412 KB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} KB", bytes.div_ceil(1_000)),
        1_000_000..10_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        10_000_000.. => format!("{} MB", bytes / 1_000_000),
    }
}

/// A number with its thousands apart: `12,480`.
pub(crate) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "−" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One or two letters for a name: `ZM` for Zoë Müller, `S` for sales@crm.test.
pub(crate) fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = if name.contains('@') { None } else { words.next_back() };
    let letters: String = first.into_iter().chain(last).flat_map(char::to_uppercase).collect();
    if letters.is_empty() { "?".to_owned() } else { letters }
}

fn element(time: &Zoned, words: &str) -> String {
    let exact = time.timestamp();
    let title = time.strftime("%A %-d %B %Y, %H:%M:%S %Z").to_string();
    format!("<time datetime=\"{exact}\" title=\"{title}\">{words}</time>")
}

fn short_words(time: &Zoned, now: &Zoned) -> String {
    let days = (now.date() - time.date()).get_days();
    let format = match days {
        0 => "%H:%M",
        1..=6 => "%a %H:%M",
        _ if time.year() == now.year() => "%-d %b",
        _ => "%-d %b %Y",
    };
    time.strftime(format).to_string()
}

fn zoned(millis: i64) -> Zoned {
    Timestamp::from_millisecond(millis).unwrap_or_default().to_zoned(TimeZone::system())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_says_as_much_as_is_needed() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().to_zoned(TimeZone::UTC);
        let now = at("2026-11-23T10:00:00Z");
        let cases = [
            ("2026-11-23T09:14:00Z", "09:14"),
            ("2026-11-20T16:40:00Z", "Fri 16:40"),
            ("2026-11-16T16:40:00Z", "16 Nov"),
            ("2025-12-24T16:40:00Z", "24 Dec 2025"),
            ("2026-11-25T00:00:00Z", "25 Nov"),
        ];
        for (time, words) in cases {
            assert_eq!(short_words(&at(time), &now), words);
        }
    }

    #[test]
    fn sizes_and_counts_are_short() {
        let sizes = [0, 999, 1_000, 411_900, 1_250_000, 52_400_000].map(size);
        assert_eq!(sizes, ["0 bytes", "999 bytes", "1 KB", "412 KB", "1.2 MB", "52 MB"]);
        assert_eq!([0, 999, 12_480, -1_000_000].map(count), ["0", "999", "12,480", "−1,000,000"]);
    }

    #[test]
    fn names_have_initials() {
        let names = ["Zoë Müller", "Jane", "sales@crm.test", "Dr. A. van Beek", "", "!"];
        assert_eq!(names.map(initials), ["ZM", "J", "S", "DB", "?", "?"]);
    }
}
