//! Client by client and language by language: what a forward as text gives back of the mail in it.

use super::*;
use labels::{LANGUAGES, Language};

/// One client's way of quoting, with the labels and marks of a language filled in.
struct Client {
    name: &'static str,
    /// The languages it was looked at in; all where empty.
    languages: &'static [&'static str],
    write: fn(&Language) -> String,
    /// The instant of the date: with its own zone, or that of the outer mail (+0100).
    date: &'static str,
}

const BODY: &str = "Hello Jane,\n\nplease send twelve. > yes\n\nZoë";

fn first<'a>(words: &[&'a str]) -> &'a str {
    words[0]
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().unwrap().to_uppercase().chain(letters).collect()
}

/// A heading in the order that is asked for: d, f, t, c, s.
fn heading(language: &Language, order: &str, value: fn(char) -> &'static str) -> Vec<(String, &'static str)> {
    let label = |kind: char| match kind {
        'd' => first(language.date),
        'f' => first(language.from),
        't' => first(language.to),
        'c' => first(language.cc),
        _ => first(language.subject),
    };
    order.chars().map(|kind| (capital(label(kind)), value(kind))).collect()
}

fn long(kind: char) -> &'static str {
    match kind {
        'd' => "Mon, 23 Nov 2026 09:15:00 +0100",
        'f' => "Zoë Müller <zoe@customer.test>",
        't' => "Sales Team <u1@example.test>, Doe, Jane <jane@example.test>",
        'c' => "archive@customer.test",
        _ => "Angebot für 12 Stück – Order #4711",
    }
}

fn short(kind: char) -> &'static str {
    match kind {
        'd' => "23.11.2026 09:15",
        other => long(other),
    }
}

fn lines(heading: &[(String, &'static str)], begin: &str, colon: &str) -> String {
    heading.iter().map(|(label, value)| format!("{begin}{label}{colon}{value}\n")).collect()
}

const CLIENTS: &[Client] = &[
    Client {
        name: "thunderbird",
        languages: &[],
        write: |language| {
            let mark = forwarded(language.code);
            format!(
                "-------- {mark} --------\n{}\n\n\n{BODY}",
                lines(&heading(language, "sdftc", long), "", ": \t")
            )
        },
        date: "2026-11-23T08:15:00Z",
    },
    Client {
        name: "gmail",
        languages: &[],
        write: |language| {
            let from = capital(first(language.from));
            format!(
                "---------- Forwarded message ---------\n{from}: Zoë Müller <zoe@customer.test>\nDate: 23.11.2026 09:15\n\
                 Subject: Angebot für 12 Stück – Order #4711\nTo: Sales Team <u1@example.test>, <jane@example.test>\n\
                 Cc: <archive@customer.test>\n\n\n{BODY}"
            )
        },
        date: "2026-11-23T08:15:00Z",
    },
    Client {
        name: "apple mail",
        languages: &[],
        write: |language| {
            let quoted = lines(&heading(language, "fsdtc", long), "> ", ": ");
            let body = BODY.replace('\n', "\n> ");
            format!("{}:\n\n{quoted}> \n> {body}", begins(language.code))
        },
        date: "2026-11-23T08:15:00Z",
    },
    Client {
        name: "outlook",
        languages: &[],
        write: |language| {
            let heading = lines(&heading(language, "fdtcs", short), "", ": ");
            format!("________________________________\n{heading}\n{BODY}")
        },
        date: "2026-11-23T08:15:00Z",
    },
    Client {
        name: "outlook without a mark or an empty line",
        languages: &[],
        write: |language| format!("{}{BODY}", lines(&heading(language, "fdtcs", short), "", ": ")),
        date: "2026-11-23T08:15:00Z",
    },
    Client {
        name: "outlook, bold as stars",
        languages: &[],
        write: |language| format!("{}\n{BODY}", lines(&heading(language, "fdtcs", short), "*", ":* ")),
        date: "2026-11-23T08:15:00Z",
    },
    Client {
        name: "french colons",
        languages: &["fr"],
        write: |language| format!("{}\n{BODY}", lines(&heading(language, "fdtcs", short), "", "\u{a0}: ")),
        date: "2026-11-23T08:15:00Z",
    },
    Client {
        name: "gmx and web.de",
        languages: &["de", "en", "fr", "es", "it"],
        write: |language| format!("\n{}\n{BODY}", lines(&heading(language, "dftcs", short), "", ": ")),
        date: "2026-11-23T08:15:00Z",
    },
    Client {
        name: "yahoo",
        languages: &["en", "de", "fr", "es", "it", "nl", "pl", "sv", "da", "ru"],
        write: |language| {
            let run: String = heading(language, "ftcds", long)
                .iter()
                .map(|(label, value)| format!("{label}: {value}"))
                .collect();
            format!("   ----- {} ----- {run}\n {BODY}", forwarded(language.code))
        },
        date: "2026-11-23T08:15:00Z",
    },
    Client {
        name: "roundcube",
        languages: &["en", "de", "fr"],
        write: |language| {
            let heading = lines(&heading(language, "sdftc", short), "", ": ");
            format!("-------- Original Message --------\n{heading}\n{BODY}")
        },
        date: "2026-11-23T08:15:00Z",
    },
    Client {
        name: "lotus notes and windows mail",
        languages: &["en", "de"],
        write: |language| {
            let heading = lines(&heading(language, "fdtcs", short), "", ":\t");
            format!("----- Forwarded by Jane Doe/Contoso on 23.11.2026 10:00 -----\n\n{heading}\n{BODY}")
        },
        date: "2026-11-23T08:15:00Z",
    },
];

fn forwarded(code: &str) -> &'static str {
    match code {
        "de" => "Weitergeleitete Nachricht",
        "fr" => "Message transféré",
        "es" => "Mensaje reenviado",
        "it" => "Messaggio inoltrato",
        "pt" => "Mensagem encaminhada",
        "nl" => "Doorgestuurd bericht",
        "pl" => "Przekazana wiadomość",
        "sv" => "Vidarebefordrat meddelande",
        "da" => "Videresendt meddelelse",
        "no" => "Videresendt melding",
        "fi" => "Välitetty viesti / Fwd.Msg",
        "ru" => "Перенаправленное сообщение",
        "uk" => "Переслане повідомлення",
        "cs" => "Přeposlaná zpráva",
        "sk" => "Preposlaná správa --- Forwarded Message",
        "hu" => "Továbbított üzenet",
        "ro" => "Mesaj redirecționat",
        "hr" => "Proslijeđena poruka",
        "tr" => "İletilen İleti",
        "ja" => "転送メッセージ",
        "zh" => "转发的邮件",
        _ => "Forwarded Message",
    }
}

fn begins(code: &str) -> &'static str {
    match code {
        "de" => "Anfang der weitergeleiteten Nachricht",
        "fr" => "Début du message réexpédié\u{a0}",
        "es" => "Inicio del mensaje reenviado",
        "it" => "Inizio messaggio inoltrato",
        "pt" => "Início da mensagem encaminhada",
        "nl" => "Begin doorgestuurd bericht",
        "pl" => "Początek przekazywanej wiadomości",
        "sv" => "Vidarebefordrat mejl",
        "da" => "Start på videresendt besked",
        "no" => "Videresendt melding",
        "fi" => "Välitetty viesti alkaa",
        "ru" => "Начало переадресованного сообщения",
        "uk" => "Початок листа, що пересилається",
        "cs" => "Začátek přeposílané zprávy",
        "sk" => "Začiatok preposlanej správy",
        "hu" => "Továbbított levél kezdete",
        "ro" => "Începe mesajul redirecționat",
        "hr" => "Započni proslijeđenu poruku",
        "tr" => "İleti başlangıcı",
        "ja" => "以下は転送メールです",
        "zh" => "下面是被转发的邮件",
        _ => "Begin forwarded message",
    }
}

fn forward(subject: &str, text: &str) -> String {
    format!(
        "From: Jane Doe <jane@example.test>\nTo: crm@sink.test\nSubject: {subject}\nDate: Mon, 23 Nov 2026 10:00:00 +0100\n\
         Content-Type: text/plain; charset=utf-8\n\n{text}"
    )
}

fn found(raw: &str) -> Vec<Vec<u8>> {
    let message = crate::read(raw.as_bytes()).unwrap();
    find(&message).mails.into_iter().map(|mail| mail.raw).collect()
}

/// The one mail that a forward quotes, as `from | to | cc | subject | date | text`.
fn summary(raw: &str) -> String {
    let mails = found(raw);
    let [mail] = mails.as_slice() else { return format!("{} mails", mails.len()) };
    let message = crate::read(mail).unwrap();
    let header = message.header();
    let all = |list: &[model::Mailbox]| {
        list.iter().map(|mailbox| mailbox.address.to_string()).collect::<Vec<_>>().join(",")
    };
    let date = header.date.map(|date| jiff::Timestamp::from_second(date.seconds()).unwrap().to_string());
    format!(
        "{} | {} | {} | {} | {} | {}",
        all(&header.from),
        all(&header.to),
        all(&header.cc),
        header.subject,
        date.unwrap_or_default(),
        crate::identity::normalized(&message.text())
    )
}

#[test]
fn every_client_is_read_in_every_language() {
    let mut tried = 0;
    for client in CLIENTS {
        let speaks =
            |language: &&Language| client.languages.is_empty() || client.languages.contains(&language.code);
        for language in LANGUAGES.iter().filter(speaks) {
            let expect = format!(
                "zoe@customer.test | u1@example.test,jane@example.test | archive@customer.test | \
                 Angebot für 12 Stück – Order #4711 | {} | {}",
                client.date,
                crate::identity::normalized(BODY)
            );
            for note in ["", "For the file.\n\n"] {
                let text = format!("{note}{}", (client.write)(language));
                let found = summary(&forward("Fwd: Angebot für 12 Stück – Order #4711", &text));
                assert_eq!(found, expect, "{} in {}\n{text}", client.name, language.code);
                tried += 1;
            }
        }
    }
    assert!(tried >= 250, "{tried}");
}

#[test]
fn html_alone_is_read_like_text() {
    let html = |body: &str| {
        forward("Fwd: Doors", body).replace("Content-Type: text/plain", "Content-Type: text/html")
    };
    let expect = "zoe@customer.test | jane@example.test |  | Doors | 2026-11-23T08:15:00Z | Green.";
    let outlook = "<p>For the file.</p><hr><div><p><b>From:</b> Zo&euml; &lt;zoe@customer.test&gt;<br>\n\
                   <b>Sent:</b> Monday, November 23, 2026 9:15 AM<br><b>To:</b> <a href=\"mailto:jane@example.test\">Jane\n\
                   Doe</a><br><b>Subject:</b> Doors</p></div><p>Green.</p>";
    assert_eq!(summary(&html(outlook)), expect);
    let rows = "<table><tr><th>Subject: </th><td>Doors</td></tr><tr><th>Date: </th><td>Mon, 23 Nov 2026 09:15:00 +0100</td></tr>\n\
                <tr><th>From: </th><td>Zoë <a href=\"mailto:zoe@customer.test\">&lt;zoe@customer.test&gt;</a></td></tr>\n\
                <tr><th>To: </th><td>jane@example.test</td></tr></table><br><br><p>Green.</p>";
    assert_eq!(summary(&html(&format!("<p><br></p>-------- Forwarded Message --------{rows}"))), expect);
    let apple = "<div>For the file.<blockquote type=\"cite\"><div>Begin forwarded message:</div><br><div><b>From: </b>Zoë \
                 &lt;zoe@customer.test&gt;</div><div><b>Subject: </b><b>Doors</b></div><div><b>Date: </b>23 November 2026 at \
                 09:15:00 CET</div><div><b>To: </b>Jane &lt;jane@example.test&gt;</div><br><div>Green.</div></blockquote></div>";
    assert_eq!(summary(&html(apple)), expect);
}

#[test]
fn whole_headers_are_kept_and_what_concerns_the_body_is_not() {
    let text = "----- Forwarded message from Zoë <zoe@customer.test> -----\n\n\
                Received: from mx.customer.test by mx.example.test; Mon, 23 Nov 2026 09:15:02\n\t+0100\n\
                From: Zoë <zoe@customer.test>\nTo: jane@example.test\nSubject: Doors\n\
                Date: Mon, 23 Nov 2026 09:15:00 +0100\nMessage-ID: <z@customer.test>\nIn-Reply-To: <q@example.test>\n\
                Content-Type: multipart/mixed; boundary=\"x\"\n\nGreen.\n\n----- End forwarded message -----\n\n-- \nJane";
    let raw = forward("[zoe@customer.test: Doors]", text);
    assert_eq!(
        summary(&raw),
        "zoe@customer.test | jane@example.test |  | Doors | 2026-11-23T08:15:00Z | Green."
    );
    let mails = found(&raw);
    let message = crate::read(&mails[0]).unwrap();
    let header = message.header();
    assert_eq!(header.message_id.as_ref().map(ToString::to_string).as_deref(), Some("z@customer.test"));
    assert_eq!((header.in_reply_to.len(), header.received_count), (1, 1));
}

#[test]
fn the_id_of_the_mail_is_taken_from_the_forward_that_names_it() {
    let text =
        "---------- Forwarded message ---------\nFrom: Zoë <zoe@customer.test>\nSubject: Doors\n\nGreen.";
    let id = |fields: &str, subject: &str| {
        let raw = format!("{fields}{}", forward(subject, text));
        let mails = found(&raw);
        crate::read(&mails[0]).unwrap().header().message_id.as_ref().map(ToString::to_string)
    };
    assert_eq!(id("", "Fwd: Doors"), None);
    assert_eq!(id("In-Reply-To: <z@x.test>\n", "Fwd: Doors").as_deref(), Some("z@x.test"));
    assert_eq!(id("In-Reply-To: <z@x.test>\n", "Another matter"), None);
    assert_eq!(id("X-Forwarded-Message-Id: <z@x.test>\n", "Another matter").as_deref(), Some("z@x.test"));
    assert_eq!(id("X-Forwarded-Message-Id: <z@x.test> <y@x.test>\n", "Fwd: Doors"), None);
}

#[test]
fn what_is_no_forward_is_left_alone() {
    let heading =
        "From: Zoë <zoe@customer.test>\nSent: 23 November 2026 09:15\nTo: Jane\nSubject: Doors\n\nGreen.";
    let mark = "---------- Forwarded message ---------";
    let none = |subject: &str, text: &str| {
        assert_eq!(summary(&forward(subject, text)), "0 mails", "{subject} {text}")
    };
    none("Re: Doors", heading);
    none("AW: Doors", &format!("Thanks\n\n-----Original Message-----\n{heading}"));
    none(
        "Re: Doors",
        &format!(
            "On Monday, Ben <ben@example.test> wrote:\n\n> {mark}\n> From: Zoë <zoe@customer.test>\n> Subject: Doors\n>\n> Green."
        ),
    );
    none("Doors", &format!("Ben <ben@example.test> schrieb am 23.11.2026:\n\n{mark}\n{heading}"));
    none("Fwd: Doors", &format!("> an older word\n\n{mark}\n{heading}"));
    // A name alone is nobody, and what is quoted below it is somebody else's.
    none(
        "FW: Doors",
        &format!("From: Zoë\nSent: 23 November 2026 09:15\nTo: Jane\nSubject: Doors\n\nGreen.\n\n{heading}"),
    );
    none("Fwd: Doors", &format!("{mark}\n\nNothing of a header.\n\n{heading}"));
    none("Fwd: Doors", "From: Zoë <zoe@customer.test>\nhas written to us.");
    none("Fwd: Doors", "");
    assert!(summary(&forward("Fwd: Re: Doors", heading)).starts_with("zoe@customer.test"));
    assert!(summary(&forward("Doors", heading)).starts_with("zoe@customer.test"));
}

#[test]
fn only_the_forwarder_s_own_wrappers_are_opened_further() {
    let wrap = |from: &str, inner: &str| {
        format!("---------- Forwarded message ---------\nFrom: {from}\nSubject: Doors\n\n\n{inner}")
    };
    let zoe = wrap("Zoë <zoe@customer.test>", "Green.");
    let author = |text: &str| summary(&forward("Fwd: Doors", text)).split(' ').next().unwrap().to_owned();
    assert_eq!(author(&wrap("Jane <JANE@example.test>", &zoe)), "zoe@customer.test");
    assert_eq!(author(&wrap("jane@example.test", &format!("I say:\n\n{zoe}"))), "jane@example.test");
    assert_eq!(author(&wrap("eve@evil.test", &zoe)), "eve@evil.test");
    let deep = (0..200).fold(zoe.clone(), |inner, _| wrap("jane@example.test", &inner));
    assert_eq!(author(&deep), "jane@example.test", "no deeper than mails are opened");
}

#[test]
fn a_forged_end_hides_nothing() {
    let mail = |from: &str| {
        format!(
            "----- Forwarded message from {from} -----\n\nFrom: {from}\nSubject: Doors\n\nGreen.\n\n----- End forwarded message -----\n"
        )
    };
    let both = forward("[x: Doors]", &format!("{}\n{}", mail("eve@evil.test"), mail("zoe@customer.test")));
    let message = crate::read(both.as_bytes()).unwrap();
    let found = find(&message);
    assert_eq!((found.mails.len(), found.left, found.is_there), (1, 1, true));
    let nested = mail("eve@evil.test").replace("Green.", &mail("zoe@customer.test"));
    let nested = forward("[x: Doors]", &nested);
    let message = crate::read(nested.as_bytes()).unwrap();
    assert_eq!(find(&message).left, 0);
}

fn nmh(text: &str) -> String {
    format!("X-Mailer: MH-E 8.6; nmh 1.7.1; Emacs 29.1\n{}", forward("two", text))
}

#[test]
fn below_words_only_a_program_of_that_family_encapsulates() {
    let eve = "------- Forwarded Message\n\nFrom: zoe@customer.test\nSubject: a\n\nPay.\n";
    let count = |raw: &str| found(raw).len();
    assert_eq!(count(&forward("Fwd: x", eve)), 1);
    let below = format!("Hello.\n\n{eve}");
    assert_eq!(count(&forward("Fwd: x", &below)), 0);
    assert_eq!(count(&nmh(&below)), 1);
}

#[test]
fn below_a_heading_in_unknown_words_nothing_is_looked_for() {
    let zoe = "From: Zoë <zoe@customer.test>\nSent: 23 November 2026 09:15\nTo: Jane\nSubject: Doors\n\nPay.";
    let unknown = "Saka: Eve <eve@evil.test>\nNaipadala: 23 11 2026\nPokus: Doors\n\n";
    let author = |text: &str| summary(&forward("FW: Doors", text)).split(' ').next().unwrap().to_owned();
    assert_eq!(author(zoe), "zoe@customer.test");
    assert_eq!(author(&format!("{unknown}{zoe}")), "0");
    assert_eq!(author(&format!("FYI\n\n____________________\n{unknown}{zoe}")), "0");
    assert_eq!(author(&format!("{unknown}---------- Forwarded message ---------\n{zoe}")), "0");
    // A signature above the mail is no heading, whatever its firm is called.
    let signature = "Jane\n\nFirma: Contoso\nKontakt: jane@example.test\nSitz: Bonn\nTel.: 1\nFax: 2\nE-Mail: jane@brand.test\nWeb: brand.test\n\n";
    assert_eq!(author(&format!("{signature}{zoe}")), "zoe@customer.test");
}

#[test]
fn encapsulated_mails_come_out_byte_for_byte() {
    let text = "Two.\n\n------- Forwarded Messages\n\nFrom: zoe@customer.test\nSubject: a\n\n- -- \n- ------- End of Forwarded Messages\n\
                - - -x\n\n------- Message 2\n\nFrom: bob@customer.test\nSubject: b\n\nhi\n\n------- End of Forwarded Messages\nbye";
    let mails: Vec<String> =
        found(&nmh(text)).into_iter().map(|raw| String::from_utf8(raw).unwrap()).collect();
    assert_eq!(mails.len(), 2);
    assert_eq!(
        mails[0],
        "From: zoe@customer.test\r\nSubject: a\r\n\r\n-- \r\n------- End of Forwarded Messages\r\n- -x\r\n\r\n"
    );
    assert_eq!(mails[1], "From: bob@customer.test\r\nSubject: b\r\n\r\nhi\r\n\r\n");
}

#[test]
fn attachments_go_along_with_the_mail() {
    let raw = "From: jane@example.test\nSubject: Fwd: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n\
               ---------- Forwarded message ---------\nFrom: zoe@customer.test\nSubject: a\n\nsee file\n\
               --b\nContent-Type: application/pdf; name=\"pl\u{e4}n.pdf\"\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n--b--\n";
    let mails = found(raw);
    let message = crate::read(&mails[0]).unwrap();
    let attachments = message.attachments();
    assert_eq!(message.text().trim(), "see file");
    assert_eq!(
        (attachments.len(), attachments[0].size_bytes, attachments[0].mimetype.as_str()),
        (1, 5, "application/pdf")
    );
    assert!(attachments[0].filename.starts_with("plän"), "{}", attachments[0].filename);
    assert_eq!(found(raw), mails, "the same forward gives the same bytes");
}

#[test]
fn hostile_texts_are_read_to_their_end() {
    let mark = "---------- Forwarded message ---------\n";
    for text in [
        ">".repeat(1 << 20),
        ">\n".repeat(1 << 19),
        "> > > > From: a@b\n".repeat(1 << 15),
        "From: a@b\nTo: b@c\n".repeat(1 << 15),
        "To: b@c\n".repeat(1 << 16),
        mark.repeat(1 << 14),
        "-".repeat(1 << 20),
        format!("{mark}From: {}", "<".repeat(1 << 20)),
        format!("{mark}From: a@b\nTo: {}", "a@b,\n".repeat(1 << 17)),
        format!("{mark}From: a@b\n{}", "Date: 1\n ".repeat(1 << 16)),
        format!("----- Forwarded Message ----- From: {}", "a <a@b>To: ".repeat(1 << 15)),
        format!("{mark}From: a@b <mailto:{}", "mailto:".repeat(1 << 16)),
        format!("------- Forwarded Messages\n\n{}", "------- Message 2\n\nFrom: a@b\n\n".repeat(1 << 10)),
    ] {
        let raw = forward("Fwd: x", &text);
        let message = crate::read(raw.as_bytes()).unwrap();
        find(&message);
        let html = raw.replacen("text/plain", "text/html", 1);
        find(&crate::read(html.as_bytes()).unwrap());
    }
    let nested = forward("Fwd: x", &"<blockquote>".repeat(1 << 15)).replacen("text/plain", "text/html", 1);
    find(&crate::read(nested.as_bytes()).unwrap());
}

#[test]
fn a_forger_is_not_taken_for_another() {
    let author = |text: &str| summary(&forward("Fwd: x", text)).split(' ').next().unwrap().to_owned();
    let mark = "-------- Forwarded Message --------\n";
    // A long subject, wrapped where the forger wants it to be.
    let wrapped = format!(
        "{mark}Subject: x\nFrom: Zoe <zoe@customer.test>\nDate: 23 Nov 2026 09:15\nFrom: Eve <eve@evil.test>\n\nPay."
    );
    assert_eq!(author(&wrapped), "0");
    let long = format!(
        "{mark}Subject: x\nFrom: Zoe <zoe@customer.test>\n{}From: Eve <eve@evil.test>\n\nPay.",
        "words\n".repeat(20)
    );
    assert_eq!(author(&long), "0");
    // A display name that holds an address, or the next label.
    assert_eq!(
        author(&format!("{mark}From: Zoe <zoe@customer.test> <eve@evil.test>\nSubject: x\n\nPay.")),
        "0"
    );
    let yahoo = "----- Forwarded Message ----- From: Zoe <zoe@customer.test>To: a <eve@evil.test>To: j@x.testSubject: x\nPay.";
    assert_eq!(author(yahoo), "0");
    let honest = yahoo.replace("Zoe <zoe@customer.test>To: a ", "");
    assert_eq!(author(&honest), "eve@evil.test");
}
