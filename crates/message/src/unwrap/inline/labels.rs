//! The words before the colons of a quoted header, by language. What passes through: one line of text.
//!
//! Never guesses a word it does not know. No word means two things in two languages, so one look-up serves all.

use std::sync::LazyLock;

/// What a label names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Label {
    From,
    To,
    Cc,
    Bcc,
    Subject,
    Date,
    ReplyTo,
}

/// The labels of one language, in lower case; the first of each kind is the one that most clients write.
pub(super) struct Language {
    /// ISO 639-1.
    pub(super) code: &'static str,
    pub(super) from: &'static [&'static str],
    pub(super) date: &'static [&'static str],
    pub(super) to: &'static [&'static str],
    pub(super) cc: &'static [&'static str],
    pub(super) bcc: &'static [&'static str],
    pub(super) subject: &'static [&'static str],
    pub(super) reply_to: &'static [&'static str],
}

impl Language {
    pub(super) fn kinds(&self) -> [(Label, &'static [&'static str]); 7] {
        [
            (Label::From, self.from),
            (Label::Date, self.date),
            (Label::To, self.to),
            (Label::Cc, self.cc),
            (Label::Bcc, self.bcc),
            (Label::Subject, self.subject),
            (Label::ReplyTo, self.reply_to),
        ]
    }
}

/// One row for each language: from, date, to, cc, bcc, subject, reply-to.
macro_rules! languages {
    ($($code:literal: $from:tt $date:tt $to:tt $cc:tt $bcc:tt $subject:tt $reply_to:tt;)*) => {
        &[$(Language {
            code: $code, from: &$from, date: &$date, to: &$to, cc: &$cc, bcc: &$bcc, subject: &$subject,
            reply_to: &$reply_to,
        }),*]
    };
}

/// As Outlook, Gmail, Apple Mail, Thunderbird, Yahoo and GMX translate them.
pub(super) const LANGUAGES: &[Language] = languages! {
    "en": ["from"] ["date", "sent", "sent at", "sent on"] ["to"] ["cc"] ["bcc"] ["subject"] ["reply-to", "reply to"];
    "de": ["von"] ["gesendet", "datum", "gesendet am"] ["an"] ["cc", "kopie", "kopie (cc)"]
        ["bcc", "blindkopie", "blindkopie (bcc)"] ["betreff"] ["antwort an"];
    "fr": ["de", "expéditeur"] ["envoyé", "date", "date d'envoi", "envoyé le"] ["à", "pour", "destinataire"]
        ["cc", "copie à", "copie"] ["cci", "copie cachée à"] ["objet", "sujet"] ["répondre à"];
    "es": ["de", "desde"] ["enviado", "fecha", "enviado el"] ["para"] ["cc"] ["cco"] ["asunto"] ["responder a"];
    "it": ["da", "mittente"] ["inviato", "data", "inviato il"] ["a", "per"] ["cc"] ["ccn"] ["oggetto"] ["rispondi a"];
    "pt": ["de"] ["enviado", "data", "enviada em", "enviado em", "enviada"] ["para"] ["cc"] ["cco", "bcc"] ["assunto"]
        ["responder a", "responder para"];
    "nl": ["van"] ["verzonden", "datum"] ["aan"] ["cc", "kopie"] ["bcc"] ["onderwerp"] ["antwoord aan"];
    "pl": ["od", "nadawca"] ["wysłano", "data"] ["do", "adresat"] ["dw", "kopia", "cc"] ["udw"] ["temat"]
        ["odpowiedź-do", "odpowiedz do"];
    "sv": ["från"] ["skickat", "datum", "skickades"] ["till"] ["kopia", "cc"] ["hemlig kopia"] ["ämne"]
        ["svara till"];
    "da": ["fra"] ["sendt", "dato"] ["til"] ["cc", "kopi"] ["bcc"] ["emne"] ["svar til"];
    "no": ["fra"] ["sendt", "dato"] ["til"] ["kopi", "cc"] ["blindkopi"] ["emne"] ["svar til"];
    "fi": ["lähettäjä"] ["lähetetty", "päivämäärä", "päiväys"] ["vastaanottaja"] ["kopio"] ["piilokopio"] ["aihe"]
        ["vastaus"];
    "ru": ["от", "от кого", "отправитель"] ["отправлено", "дата"] ["кому"] ["копия"] ["скрытая копия"] ["тема"]
        ["ответ-кому"];
    "uk": ["від", "від кого"] ["відправлено", "надіслано", "дата"] ["кому"] ["копія"] ["прихована копія"] ["тема"]
        ["кому відповісти"];
    "cs": ["od"] ["odesláno", "datum"] ["komu"] ["kopie"] ["skrytá"] ["předmět"] ["odpověď na"];
    "sk": ["od"] ["odoslané", "dátum"] ["pre", "komu"] ["kópia"] ["skrytá kópia"] ["predmet"] ["odpovedať-pre"];
    "hu": ["feladó"] ["elküldve", "dátum", "küldve"] ["címzett"] ["másolatot kap", "másolat"] ["titkos másolat"]
        ["tárgy"] ["válaszcím"];
    "ro": ["de la", "expeditor", "expeditorul"] ["trimis", "dată", "data"] ["către", "destinatarul"] ["cc"] ["bcc"]
        ["subiect", "subiectul"] ["răspuns către"];
    "hr": ["šalje", "od"] ["poslano", "datum"] ["prima", "za"] ["kopija", "cc"] ["skrivena kopija"]
        ["naslov", "predmet"] ["odgovori na"];
    "et": ["saatja"] ["saadetud", "kuupäev"] ["saaja", "adressaat"] ["koopia"] ["pimekoopia"] ["teema"] ["vasta"];
    "tr": ["kimden", "gönderen"] ["gönderildi", "tarih", "gönderilen", "gönderme tarihi"] ["kime", "alıcı"]
        ["bilgi", "cc"] ["gizli"] ["konu"] ["yanıt adresi"];
    "ja": ["差出人", "送信元", "送信者"] ["送信日時", "日付", "日時"] ["宛先", "送信先"] ["cc"] ["bcc"] ["件名"]
        ["返信先"];
    "zh": ["发件人", "寄件者", "寄件人"] ["发送时间", "日期", "寄件日期", "傳送時間", "时间"] ["收件人", "收件者"]
        ["抄送", "副本"] ["密送", "密件副本"] ["主题", "主旨"] ["回复", "回覆至"];
};

static WORDS: LazyLock<Vec<(&'static str, Label)>> = LazyLock::new(|| {
    let kinds = LANGUAGES.iter().flat_map(Language::kinds);
    let mut words: Vec<(&str, Label)> =
        kinds.flat_map(|(label, words)| words.iter().map(move |word| (*word, label))).collect();
    words.sort_unstable_by_key(|(word, _)| *word);
    words.dedup();
    words
});

/// No label is longer.
const LABEL_CHARS_MAX: usize = 24;

/// The label that a line begins with, and what stands behind its colon.
///
/// Stars around it are what clients make of bold type; Lotus Notes, HTML cells and French put blanks before the
/// colon, and Chinese and Japanese clients write a colon of full width.
pub(super) fn label(line: &str) -> Option<(Label, &str)> {
    let (head, value) = split(line)?;
    let word = word(head);
    let at = WORDS.binary_search_by_key(&word.as_str(), |(known, _)| known).ok()?;
    let label = WORDS.get(at).map(|(_, label)| *label)?;
    Some((label, value.trim_start_matches('*').trim()))
}

/// Whether the author's label is the English one: the only language in which a date may begin with the month.
pub(super) fn is_english(line: &str) -> bool {
    let english = LANGUAGES.iter().find(|language| language.code == "en");
    let words = english.map(|language| language.from).unwrap_or_default();
    split(line).is_some_and(|(head, _)| words.contains(&word(head).as_str()))
}

/// A label as the table has it.
fn word(head: &str) -> String {
    head.trim_matches(['*', ' ', '\t', '\u{a0}']).to_lowercase().replace('’', "'")
}

/// Whether a line is a short word or three, a colon and a value: a label in any language.
pub(super) fn is_row(line: &str) -> bool {
    let Some((head, value)) = split(line) else { return false };
    let head = head.trim_matches(['*', ' ', '\t', '\u{a0}', '.']);
    let is_word = |c: char| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '.' | '(' | ')' | '\u{a0}');
    let is_label = !head.is_empty() && head.chars().all(|c| is_word(c) || !c.is_ascii());
    let is_contact = || SIGNATURE.iter().any(|known| head.eq_ignore_ascii_case(known));
    is_label && !value.trim().is_empty() && !value.starts_with("//") && !is_contact()
}

/// What stands before colons in people's signatures, and in no heading.
const SIGNATURE: &[&str] = &[
    "cell",
    "d",
    "direct",
    "e",
    "e-mail",
    "email",
    "f",
    "fax",
    "gsm",
    "handy",
    "homepage",
    "internet",
    "m",
    "mail",
    "mob",
    "mobil",
    "mobile",
    "office",
    "p",
    "phone",
    "skype",
    "t",
    "tel",
    "telefax",
    "telefon",
    "telefono",
    "telephone",
    "url",
    "w",
    "web",
    "website",
    "www",
];

/// Any header field, as programs that quote whole headers write it: a name and its value.
pub(super) fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let is_name = name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_name && !value.starts_with("//")).then(|| (name, value.trim()))
}

/// A heading that stands on one line, cut before each label of the language in which it begins. Yahoo leaves some
/// colons out. `None` where a label stands there twice: a name may hold the words of a label.
pub(super) fn divided(line: &str) -> Option<Vec<String>> {
    let beginning = line.chars().take(LABEL_CHARS_MAX).collect::<String>().to_lowercase();
    let of_language = |language: &&Language| {
        language.from.iter().any(|word| beginning.starts_with(word)) && label(line).is_some()
    };
    let mut cuts: Vec<(usize, usize)> = vec![(0, 0)];
    for language in LANGUAGES.iter().filter(of_language) {
        for (kind, words) in language.kinds() {
            let mut found: Vec<(usize, usize)> = words.iter().flat_map(|word| cut(line, word)).collect();
            found.sort_unstable();
            found.dedup_by_key(|(start, _)| *start);
            if found.len() > usize::from(kind != Label::From) {
                return None;
            }
            cuts.extend(found);
        }
    }
    cuts.sort_unstable();
    cuts.dedup_by_key(|(start, _)| *start);
    let ends = cuts.iter().skip(1).map(|(start, _)| *start).chain([line.len()]);
    let piece = |((start, label), end): (&(usize, usize), usize)| {
        let (label, value) = line.get(*start..end)?.split_at_checked(*label)?;
        let colon = if label.is_empty() || value.trim_start().starts_with([':', '：']) { "" } else { ":" };
        Some(format!("{label}{colon}{value}"))
    };
    Some(cuts.iter().zip(ends).filter_map(piece).collect())
}

/// More of one label are too many anyway.
const CUTS_MAX: usize = 4;

/// Where a label begins that a value runs into, `…>To: ` or `…CETSubject: `, and how long it is.
fn cut(line: &str, word: &str) -> Vec<(usize, usize)> {
    let mut letters = word.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let written = [capital, word.to_uppercase()];
    let fits = |(at, found): &(usize, &str)| {
        let behind = line.get(at + found.len()..).unwrap_or_default();
        let before = line.get(..*at).unwrap_or_default();
        let runs_in = before.ends_with(|c: char| c == '>' || c.is_alphanumeric());
        runs_in
            && (behind.trim_start().starts_with([':', '：']) || (word.len() > 1 && behind.starts_with(' ')))
    };
    let found = written.iter().flat_map(|label| line.match_indices(label.as_str()).filter(fits));
    found.map(|(at, found)| (at, found.len())).take(CUTS_MAX).collect()
}

fn split(line: &str) -> Option<(&str, &str)> {
    let (at, colon) = line.char_indices().take(LABEL_CHARS_MAX).find(|(_, c)| matches!(c, ':' | '：'))?;
    Some((line.get(..at)?, line.get(at + colon.len_utf8()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn no_word_means_two_things() {
        let mut meant: HashMap<&str, Label> = HashMap::new();
        for (word, label) in LANGUAGES
            .iter()
            .flat_map(Language::kinds)
            .flat_map(|(label, words)| words.iter().map(move |word| (*word, label)))
        {
            assert_eq!(*meant.entry(word).or_insert(label), label, "{word}");
            assert_eq!(word.to_lowercase(), word);
            assert!(word.chars().count() < LABEL_CHARS_MAX);
        }
    }

    #[test]
    fn labels_are_read_in_every_dress() {
        let check = |line: &str, expect: Option<(Label, &str)>| assert_eq!(label(line), expect, "{line:?}");
        check("From: a@b", Some((Label::From, "a@b")));
        check("*Von:* a@b", Some((Label::From, "a@b")));
        check("Objet : Devis", Some((Label::Subject, "Devis")));
        check("Objet\u{a0}: Devis", Some((Label::Subject, "Devis")));
        check("件名：見積", Some((Label::Subject, "見積")));
        check("Subject:", Some((Label::Subject, "")));
        check("Date d’envoi : x", Some((Label::Date, "x")));
        check("http://x", None);
        check("Hello: world", None);
        assert_eq!(field("X-Mailer: a"), Some(("X-Mailer", "a")));
        assert_eq!(field("http://x"), None);
        assert_eq!(field("two words: a"), None);
    }
}
