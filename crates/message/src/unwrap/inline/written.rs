//! The date of a quoted mail, as clients write it for people. What passes through: the words behind `Sent:`.
//!
//! Never takes a day for a month where both can be meant: what is not certain is no date.

use jiff::civil;

/// A date as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) when: civil::DateTime,
    /// Seconds east of Greenwich, where the writer says so.
    pub(super) zone: Option<i32>,
}

/// Beginnings of the months' names in the languages of the labels, in lower case. The longest that fits counts.
const MONTHS: [&[&str]; 12] = [
    &["jan", "ene", "gen", "sty", "янв", "tammi", "led", "ocak", "січ", "sij", "ian"],
    &["feb", "fév", "fev", "lut", "фев", "helmi", "úno", "şub", "лют", "velj", "febr"],
    &["mar", "mär", "maart", "mrz", "mrt", "мар", "maalis", "bře", "бер", "ožu", "márc"],
    &["apr", "avr", "abr", "kwi", "апр", "huhti", "dub", "nis", "квіт", "tra", "ápr"],
    &["may", "mai", "mag", "maj", "mei", "май", "мая", "touko", "kvě", "трав", "svi", "máj"],
    &["jun", "jui", "giu", "cze", "июн", "kesä", "čer", "haz", "черв", "jún", "iun"],
    &["jul", "juil", "lug", "lip", "июл", "heinä", "červenc", "tem", "лип", "júl", "iul"],
    &["aug", "aoû", "aou", "ago", "sie", "авг", "elo", "srp", "ağu", "серп", "kol"],
    &["sep", "set", "wrz", "сен", "syys", "zář", "eyl", "вер", "ruj", "szept"],
    &["oct", "okt", "ott", "out", "paź", "окт", "loka", "říj", "eki", "жовт"],
    &["nov", "lis", "ноя", "marras", "kas", "лист", "stu"],
    &["dec", "dez", "déc", "dic", "gru", "дек", "joulu", "pro", "ara", "груд"],
];

/// No date is written in more words, and none in more bytes.
const WORDS_MAX: usize = 24;
const BYTES_MAX: usize = 200;

/// Reads a date. `is_english` says that the labels around it are: there `2/10/2026` can mean two days.
pub(super) fn read(text: &str, is_english: bool) -> Option<Written> {
    let text = text.get(..text.floor_char_boundary(BYTES_MAX))?;
    let mut found = Found::default();
    let spaced = apart(text);
    for word in spaced.split_whitespace().take(WORDS_MAX) {
        found.take(word);
    }
    let date = found.date(is_english)?;
    let (hour, minute, second) = found.time?;
    let hour = match found.is_afternoon {
        Some(true) if hour <= 12 => hour % 12 + 12,
        Some(false) if hour == 12 => 0,
        _ => hour,
    };
    let when = date.at(hour, minute, second, 0);
    Some(Written { when, zone: found.zone })
}

/// Signs of Chinese, Japanese and Korean dates, commas and brackets, replaced by blanks; full-width digits stay.
fn apart(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.to_lowercase().chars() {
        match c {
            ',' | '(' | ')' | '\u{a0}' | '\u{202f}' | '年' | '月' | '日' | '（' | '）' => out.push(' '),
            _ => out.push(c),
        }
    }
    for (from, to) in [
        ("a. m.", "am"),
        ("p. m.", "pm"),
        ("上午", " 午前 "),
        ("下午", " 午後 "),
        ("午前", " 午前 "),
        ("午後", " 午後 "),
    ] {
        if out.contains(from) {
            out = out.replace(from, to);
        }
    }
    out
}

#[derive(Default)]
struct Found {
    /// Numbers in the order they stand, with how many digits each has.
    numbers: Vec<(i16, usize)>,
    /// The month by name, and how many numbers stood before it.
    month: Option<(i8, usize)>,
    time: Option<(i8, i8, i8)>,
    is_afternoon: Option<bool>,
    zone: Option<i32>,
    /// What separated the numbers of one word: `/`, `.` or `-`.
    sign: Option<char>,
}

impl Found {
    fn take(&mut self, word: &str) {
        let bare = word.trim_end_matches(['.', ';']);
        let has_date = self.month.is_some() || self.numbers.len() > 2;
        if let Some((time, rest)) = clock(bare, has_date).filter(|_| self.time.is_none()) {
            self.time = Some(time);
            self.half(rest);
            return;
        }
        if self.time.is_some()
            && self.zone.is_none()
            && let Some(zone) = zone(word)
        {
            self.zone = Some(zone);
            return;
        }
        if self.half(bare) {
            return;
        }
        if bare.starts_with(|c: char| c.is_ascii_digit()) {
            return self.numbered(bare);
        }
        // A weekday may begin like a month (`mar. 24 nov.`): the last name counts.
        if self.time.is_none()
            && let Some(month) = month(bare)
        {
            self.month = Some((month, self.numbers.len()));
        }
    }

    fn half(&mut self, word: &str) -> bool {
        // A German date may begin with `Am`; only Chinese and Japanese say it before the time.
        let is_afternoon = match word {
            "pm" | "p.m" if self.time.is_some() => true,
            "am" | "a.m" if self.time.is_some() => false,
            "午後" => true,
            "午前" => false,
            _ => return false,
        };
        self.is_afternoon = self.is_afternoon.or(Some(is_afternoon));
        true
    }

    /// `23`, `23rd`, `23/11/2026`, `23.11.2026`, `2026-11-23`, `23-nov-2026`.
    fn numbered(&mut self, word: &str) {
        let Some(sign) = word.chars().find(|c| matches!(c, '/' | '.' | '-')) else {
            let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
            return self.number(&digits);
        };
        self.sign = self.sign.or(Some(sign));
        for part in word.split(['/', '.', '-']).filter(|part| !part.is_empty()) {
            match month(part) {
                Some(month) => self.month = Some((month, self.numbers.len())),
                None => self.number(part),
            }
        }
    }

    fn number(&mut self, digits: &str) {
        if let Ok(number) = digits.parse::<i16>() {
            self.numbers.push((number, digits.len()));
        }
    }

    fn date(&self, is_english: bool) -> Option<civil::Date> {
        let numbers: Vec<(i16, usize)> = self.numbers.iter().copied().take(3).collect();
        let (year, month, day) = match (self.month, numbers.as_slice()) {
            (Some((month, _)), [(year, 4), (day, _), ..]) | (Some((month, _)), [(day, _), (year, 4), ..]) => {
                (*year, month, *day)
            }
            (Some((month, _)), [(day, _), (year, 2), ..]) => (2000 + *year, month, *day),
            (None, [(year, 4), (month, _), (day, _)]) => (*year, i8::try_from(*month).ok()?, *day),
            (None, [(first, _), (second, _), (year, digits @ (2 | 4))]) => {
                let year = if *digits == 2 { 2000 + *year } else { *year };
                let (month, day) = self.month_and_day(*first, *second, is_english)?;
                (year, i8::try_from(month).ok()?, day)
            }
            _ => return None,
        };
        let is_sensible = (1970..2200).contains(&year);
        let date = civil::Date::new(year, month, i8::try_from(day).ok()?).ok()?;
        is_sensible.then_some(date)
    }

    /// Americans write the month first, with a slash and in English; others never do.
    fn month_and_day(&self, first: i16, second: i16, is_english: bool) -> Option<(i16, i16)> {
        let may_be_american = is_english && self.sign == Some('/');
        match (first, second) {
            _ if !may_be_american => Some((second, first)),
            (1..=12, 13..) => Some((first, second)),
            (13.., 1..=12) => Some((second, first)),
            (day, month) if day == month => Some((month, day)),
            _ => None,
        }
    }
}

/// `9:15`, `09:15:30`, `9:15am`, `09h15`; with points (`klo 9.15`) only behind a date, for `20.10.21` is one.
fn clock(word: &str, has_date: bool) -> Option<((i8, i8, i8), &str)> {
    let end = word.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.' | 'h')).unwrap_or(word.len());
    let (time, rest) = word.split_at_checked(end)?;
    let sign = [':', 'h', '.'].into_iter().find(|sign| time.contains(*sign))?;
    if sign == '.' && !has_date {
        return None;
    }
    let mut parts = time.trim_end_matches('.').split([':', '.', 'h']);
    let (hour, minute) = (parts.next()?, parts.next()?);
    let second = parts.next().filter(|second| !second.is_empty()).unwrap_or("0");
    if minute.len() != 2 || hour.len() > 2 || second.len() > 2 {
        return None;
    }
    let number = |digits: &str| digits.parse::<i8>().ok();
    let (hour, minute, second) = (number(hour)?, number(minute)?, number(second)?);
    let whole = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..61).contains(&second);
    whole.then_some(((hour, minute, second.min(59)), rest))
}

/// `+0100`, `GMT+1`, `gmt+05:30`, `utc`, and the names that mean one thing everywhere we know.
fn zone(word: &str) -> Option<i32> {
    const NAMES: [(&str, i32); 13] = [
        ("gmt", 0),
        ("utc", 0),
        ("z", 0),
        ("cet", 3600),
        ("cest", 7200),
        ("mez", 3600),
        ("mesz", 7200),
        ("eet", 7200),
        ("eest", 10_800),
        ("edt", -14_400),
        ("pdt", -25_200),
        ("pst", -28_800),
        ("jst", 32_400),
    ];
    let offset = word.strip_prefix("gmt").or_else(|| word.strip_prefix("utc")).unwrap_or(word);
    let Some(digits) = offset.strip_prefix(['+', '-', '−']) else {
        return NAMES.iter().find(|(name, _)| *name == word).map(|(_, seconds)| *seconds);
    };
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i32 = digits.parse().ok()?;
    let (hours, minutes) = if digits.len() > 2 { (number / 100, number % 100) } else { (number, 0) };
    let seconds = hours * 3600 + minutes * 60;
    let is_sensible = hours <= 14 && minutes < 60;
    is_sensible.then_some(if offset.starts_with('+') { seconds } else { -seconds })
}

fn month(word: &str) -> Option<i8> {
    let fitting = MONTHS.iter().zip(1i8..).flat_map(|(stems, number)| {
        stems.iter().filter(|stem| word.starts_with(**stem)).map(move |stem| (stem.len(), number))
    });
    fitting.max_by_key(|(length, _)| *length).map(|(_, number)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, is_english: bool, expect: Option<&str>) {
        let written = read(text, is_english).map(|written| match written.zone {
            Some(seconds) => format!("{} {seconds}", written.when),
            None => written.when.to_string(),
        });
        assert_eq!(written.as_deref(), expect, "{text:?}");
    }

    #[test]
    fn dates_are_read_as_clients_write_them() {
        for text in [
            "Monday, November 23, 2026 9:15 AM",
            "Monday, 23 November 2026 at 09:15",
            "Mon, Nov 23, 2026 at 9:15\u{202f}AM",
            "Montag, 23. November 2026 09:15",
            "Montag, 23. November 2026 um 09:15 Uhr",
            "Mo., 23. Nov. 2026 um 09:15 Uhr",
            "lundi 23 novembre 2026 09:15",
            "lun. 23 nov. 2026 à 09:15",
            "lunes, 23 de noviembre de 2026 9:15",
            "lunes, 23 de noviembre de 2026 9:15 a. m.",
            "lunedì 23 novembre 2026 09:15",
            "lun 23 nov 2026 alle ore 09:15",
            "segunda-feira, 23 de novembro de 2026 09:15",
            "seg., 23 de nov. de 2026 às 09:15",
            "quarta, 23/11/2026 à(s) 09:15",
            "maandag 23 november 2026 09:15",
            "ma 23 nov. 2026 om 09:15",
            "poniedziałek, 23 listopada 2026 09:15",
            "pon., 23 lis 2026 o 09:15",
            "den 23 november 2026 09:15",
            "mån 23 nov. 2026 kl 09:15",
            "mandag den 23. november 2026 09.15",
            "mandag 23. november 2026 kl. 09.15",
            "maanantai 23. marraskuuta 2026 klo 9.15",
            "понедельник, 23 ноября 2026 г. в 09:15",
            "23.11.2026 9:15",
            "2026-11-23 09:15",
            "2026/11/23 9:15",
            "2026年11月23日 9:15",
            "23-Nov-2026 09:15",
            "csütörtök, 2026. november 23. 9:15",
            "Pazartesi, 23 Kasım 2026 09:15",
        ] {
            check(text, false, Some("2026-11-23T09:15:00"));
        }
        check("mar. 24 mars 2026 à 21:05", false, Some("2026-03-24T21:05:00"));
        check("martes, 24 de noviembre de 2026 21:05", false, Some("2026-11-24T21:05:00"));
        check("11/23/2026 9:15 PM", true, Some("2026-11-23T21:15:00"));
        check("2026年11月23日 下午9:15", false, Some("2026-11-23T21:15:00"));
        check("Am 23/11/2026, 12:46 schrieb", false, Some("2026-11-23T12:46:00"));
        check("Mon, Nov 23, 2026 at 12:05 AM", true, Some("2026-11-23T00:05:00"));
    }

    #[test]
    fn a_zone_is_read_and_never_made_up() {
        check("Mon, 23 Nov 2026 09:15:30 +0100", true, Some("2026-11-23T09:15:30 3600"));
        check("23 November 2026 at 09:15:30 CET", true, Some("2026-11-23T09:15:30 3600"));
        check("23 November 2026 at 09:15:30 GMT+5:30", true, Some("2026-11-23T09:15:30 19800"));
        check("2026年11月23日月曜日 17:55:44 -0400", false, Some("2026-11-23T17:55:44 -14400"));
        check("23 November 2026 at 09:15:30 XYZ", true, Some("2026-11-23T09:15:30"));
    }

    #[test]
    fn what_can_mean_two_days_is_no_date() {
        check("02/10/2026 4:52 PM", true, None);
        check("02/10/2026 16:52", false, Some("2026-10-02T16:52:00"));
        for text in
            ["", "yesterday", "23 November", "9:15", "31 Feb 2026 09:15", "99/99/9999 09:15", "1 2 3 4 5"]
        {
            check(text, true, None);
        }
    }
}
