//! The words by which mail programs of many languages name a quotation. What passes through: lines in lower case.
//!
//! A word that people begin sentences with counts only together with a date, a time or an address.

/// "wrote", as it stands in or behind an attribution.
const VERBS: [&str; 40] = [
    "wrote",
    "writes",
    "schrieb",
    "geschrieben",
    "a écrit",
    "a ecrit",
    "escribió",
    "escribio",
    "ha scritto",
    "schreef",
    "geschreven",
    "escreveu",
    "napisał",
    "napisała",
    "napisał(a)",
    "pisze",
    "skrev",
    "kirjoitti",
    "napsal",
    "napsala",
    "napsal(a)",
    "napísal",
    "napísal(a)",
    "írta",
    "написал",
    "написала",
    "написал(а)",
    "пишет",
    "написав",
    "пише",
    "yazdı",
    "a scris",
    "έγραψε",
    "написа",
    "je napisao",
    "đã viết",
    "menulis",
    "写道",
    "寫道",
    "書きました",
];

/// Whether there is such a word, and whether the text ends with it.
pub(super) fn verb(lower: &str) -> (bool, bool) {
    let found = VERBS.iter().filter(|verb| has_word(lower, verb));
    found.fold((false, false), |(_, ends), verb| (true, ends || lower.ends_with(verb)))
}

/// Whether a line ends with such a word, in any case.
pub(super) fn ends_with_verb(line: &str) -> bool {
    let tail =
        line.get(line.floor_char_boundary(line.len().saturating_sub(TAIL_BYTES))..).unwrap_or_default();
    // Every line is asked, and most are ASCII and end with no such word.
    if !tail.is_ascii() {
        let lower = tail.to_lowercase();
        return VERBS.iter().any(|verb| lower.ends_with(verb));
    }
    let ends = |verb: &&str| {
        let from = tail.len().checked_sub(verb.len());
        from.and_then(|from| tail.get(from..)).is_some_and(|end| end.eq_ignore_ascii_case(verb))
    };
    let last = tail.as_bytes().last().map(u8::to_ascii_lowercase);
    VERBS.iter().filter(|verb| verb.as_bytes().last().copied() == last).any(ends)
}

/// Whether a line begins with one of these words. Every line is asked, and most begin with another letter.
fn begins_with(lower: &str, words: &[&str]) -> bool {
    let first = lower.as_bytes().first();
    words.iter().any(|word| word.as_bytes().first() == first && lower.starts_with(word))
}

/// The longest of the verbs is shorter.
const TAIL_BYTES: usize = 32;

fn has_word(text: &str, word: &str) -> bool {
    // Chinese and Japanese put no space between words.
    let is_apart =
        |c: Option<char>| word.starts_with(['写', '寫', '書']) || c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let behind = text.get(at + word.len()..).and_then(|behind| behind.chars().next());
        is_apart(before) && is_apart(behind)
    })
}

/// What an attribution begins with.
const BEGINNINGS: [&str; 24] = [
    "on ",
    "am ",
    "le ",
    "el ",
    "il ",
    "in data ",
    "op ",
    "em ",
    "den ",
    "dnia ",
    "w dniu ",
    "dne ",
    "dňa ",
    "på ",
    "kl ",
    "la ",
    "στις ",
    "на ",
    "pada ",
    "vào ",
    "dana ",
    "a(z) ",
    "în ",
    "pe ",
];

/// Whether a text begins as attributions do.
pub(super) fn begins_attribution(lower: &str) -> bool {
    begins_with(lower, &BEGINNINGS)
}

/// Whether dashes around these words mean that the mail before follows.
pub(super) fn is_original(lower: &str) -> bool {
    const ORIGINAL: [&str; 28] = [
        "original message",
        "reply message",
        "original appointment",
        "ursprüngliche nachricht",
        "originalnachricht",
        "original-nachricht",
        "message d'origine",
        "message d’origine",
        "message original",
        "message initial",
        "mensaje original",
        "mensagem original",
        "messaggio originale",
        "messaggio originario",
        "oorspronkelijk bericht",
        "origineel bericht",
        "oprindelig meddelelse",
        "oprindelig besked",
        "opprinnelig melding",
        "ursprungligt meddelande",
        "originalmeddelande",
        "alkuperäinen viesti",
        "wiadomość oryginalna",
        "původní zpráva",
        "eredeti üzenet",
        "исходное сообщение",
        "orijinal mesaj",
        "원본 메시지",
    ];
    ORIGINAL.contains(&lower)
}

/// A field of the header block of a mail before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    From,
    Date,
    To,
    Subject,
}

const FROM: [&str; 24] = [
    "from",
    "von",
    "de",
    "van",
    "da",
    "fra",
    "från",
    "od",
    "от",
    "от кого",
    "від",
    "kimden",
    "lähettäjä",
    "feladó",
    "expéditeur",
    "remitente",
    "mittente",
    "de la",
    "από",
    "发件人",
    "寄件者",
    "差出人",
    "보낸 사람",
    "odesílatel",
];
const DATE: [&str; 37] = [
    "sent",
    "date",
    "gesendet",
    "datum",
    "envoyé",
    "envoyé le",
    "date d'envoi",
    "message du",
    "enviado",
    "enviado el",
    "enviada em",
    "enviado em",
    "fecha",
    "data",
    "inviato",
    "verzonden",
    "skickat",
    "sendt",
    "dato",
    "wysłano",
    "wysłane",
    "отправлено",
    "дата",
    "надіслано",
    "gönderilen",
    "gönderme tarihi",
    "tarih",
    "lähetetty",
    "päivämäärä",
    "elküldve",
    "dátum",
    "odesláno",
    "trimis",
    "发送时间",
    "日期",
    "送信日時",
    "보낸 날짜",
];
const TO: [&str; 22] = [
    "to",
    "an",
    "à",
    "a",
    "aan",
    "para",
    "til",
    "till",
    "do",
    "komu",
    "кому",
    "kime",
    "vastaanottaja",
    "címzett",
    "către",
    "προς",
    "cc",
    "kopie",
    "копия",
    "收件人",
    "宛先",
    "받는 사람",
];
const SUBJECT: [&str; 20] = [
    "subject",
    "sujet",
    "betreff",
    "objet",
    "asunto",
    "oggetto",
    "onderwerp",
    "assunto",
    "emne",
    "ämne",
    "temat",
    "тема",
    "konu",
    "aihe",
    "tárgy",
    "předmět",
    "subiect",
    "主题",
    "件名",
    "제목",
];
const LABEL_BYTES_MAX: usize = 48;

/// The field that a line begins with.
pub(super) fn label(line: &str) -> Option<Label> {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || c == '*');
    let start = line.get(..line.floor_char_boundary(LABEL_BYTES_MAX + ':'.len_utf8()))?;
    let colon = start.find([':', '：'])?;
    let name = line.get(..colon)?.trim_matches(|c: char| c.is_whitespace() || c == '*').to_lowercase();
    let of = |names: &[&str], label| names.contains(&name.as_str()).then_some(label);
    of(&FROM, Label::From)
        .or_else(|| of(&DATE, Label::Date))
        .or_else(|| of(&TO, Label::To))
        .or_else(|| of(&SUBJECT, Label::Subject))
}

/// What telephones and their programs write under a mail.
const TELEPHONE: [&str; 32] = [
    "sent from my ",
    "sent from mail for ",
    "sent from outlook",
    "sent from yahoo mail",
    "sent from samsung",
    "sent from proton",
    "sent from typeapp",
    "sent from bluemail",
    "sent via ",
    "sent with ",
    "get outlook for ",
    "von meinem ",
    "gesendet mit ",
    "gesendet von ",
    "envoyé de mon ",
    "envoyé depuis ",
    "envoyé à partir d",
    "enviado desde ",
    "enviado de ",
    "enviado do ",
    "enviado a partir ",
    "inviato da ",
    "inviato dal ",
    "verzonden vanaf ",
    "verstuurd vanaf ",
    "wysłane z ",
    "wysłano z ",
    "отправлено с ",
    "отправлено из ",
    "skickat från ",
    "sendt fra ",
    "lähetetty ",
];

/// Whether a line is one of those.
pub(super) fn is_telephone(lower: &str) -> bool {
    begins_with(lower, &TELEPHONE)
}
