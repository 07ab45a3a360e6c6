//! The mails of the sample world.

use model::{Id, Timestamp};
use web::values::{
    Attachment, Because, CandidateLine, Direction, Email, Fact, MailBody, MailLine, Party, RecordLine,
    RecordLink, Role, SignalLine, Standing, TextBlock, TextPart,
};

use super::{HOSTILE, id};

/// What an HTML mail looks like after sanitizing.
pub(crate) const NEWSLETTER: &str = "<table width=\"600\"><tr><td style=\"background:#f3f3f3;padding:16px\"><h1>Your quote is ready</h1></td></tr>\
<tr><td><p>Dear Jane,</p><p>thank you for the visit on <b>Tuesday</b>. As agreed, here is our order for the winter:</p>\
<ul><li>400 euro pallets, heat-treated</li><li>60 boxes of straps</li></ul><p>See <a href=\"https://northwind.test/winter\">the plan</a>.</p>\
<blockquote>Could you send me the numbers for the winter?</blockquote><p>Kind regards<br>Adam</p></td></tr></table>";

const ANSWER: &str = "Hello Jane,\n\nthank you for the quick answer. The pallets arrived this morning, but two of the cartons are wet. \
Could you tell me whether we should send them back, or will you send somebody? Our terms are at https://customer.test/terms.\n\n\
The photographs are attached.\n\nKind regards\nZoë\n\nOn Friday, Jane Doe wrote:\n> Hello Zoë,\n>\n> they left the warehouse today and should be with you on Monday.\n>\n> Regards\n> Jane\n";

/// One mail in short. What Jane writes is outgoing.
#[derive(Clone, Copy)]
struct Note {
    number: u64,
    minutes_ago: i64,
    sender: (&'static str, &'static str),
    subject: &'static str,
    preview: &'static str,
    /// Index among the records; `None` is nobody known.
    record: Option<usize>,
    /// Mails with the same number answer one another.
    thread: u64,
}

const JANE: (&str, &str) = ("Jane Doe", "jane@crm.test");
const ZOE: (&str, &str) = ("Zoë Müller", "zoe@customer.test");
const ADAM: (&str, &str) = ("Adam Weber", "adam.weber@northwind.test");
const ANA: (&str, &str) = (
    "Ana María Fernández de la Torre y González-Álvarez",
    "ana-maria.fernandez.de.la.torre.y.gonzalez-alvarez@very-long-subdomain.purchasing.international.example",
);
const LONG: &str = "AW: WG: Antwort: Re: Anfrage zur Lieferung von wärmebehandelten Europaletten nach Valparaíso, Chile – \
    Rückfragen zu Zollpapieren, Terminen, Verpackung und Donaudampfschifffahrtsgesellschaftskapitänsmützenlieferbedingungen";

type Row = (u64, i64, (&'static str, &'static str), &'static str, &'static str, Option<usize>, u64);

const ROWS: [Row; 11] = [
    (
        1,
        2,
        ZOE,
        "Re: Delivery of order 4711",
        "thank you for the quick answer. The pallets arrived this morning, but two of the cartons are wet.",
        Some(0),
        1,
    ),
    (
        2,
        3900,
        JANE,
        "Re: Delivery of order 4711",
        "they left the warehouse today and should be with you on Monday.",
        Some(0),
        1,
    ),
    (
        3,
        4200,
        ZOE,
        "Delivery of order 4711",
        "could you tell me when order 4711 will leave your warehouse? We wait for it.",
        Some(0),
        1,
    ),
    (
        4,
        300,
        ADAM,
        "Order for the winter",
        "thank you for the visit on Tuesday. As agreed, here is our order for the winter: 400 euro pallets",
        Some(1),
        2,
    ),
    (
        5,
        14,
        ("Nadia Haddad", "nadia@start.test"),
        "200 pallets, and how soon?",
        "we are opening a second hall in January and would need about 200 pallets. What would",
        Some(14),
        3,
    ),
    (
        6,
        1560,
        ("Müller", "office@mueller.test"),
        "Invoice 2026-118",
        "please find our question about invoice 2026-118 below.",
        None,
        4,
    ),
    (
        7,
        1800,
        ANA,
        LONG,
        "Sehr geehrte Frau Doe, vielen Dank für Ihre Nachricht. Anbei finden Sie",
        Some(2),
        5,
    ),
    (8, 5400, (HOSTILE, "hostile@evil.test"), HOSTILE, HOSTILE, Some(7), 6),
    (9, 2000, ("", "new.person@nowhere.test"), "", "", None, 7),
    (
        10,
        700,
        JANE,
        "Our new price list",
        "please find attached our price list for 2027. If you have any questions",
        Some(4),
        8,
    ),
    (11, 6000, ("李小龍", "li@east.test"), "報價請求", "您好,請提供一百個棧板的報價。謝謝。", Some(8), 9),
];

const MONTHS: [&str; 8] = ["May", "April", "March", "February", "January", "December", "November", "October"];

/// Every mail, newest first.
pub(crate) fn mails(now: Timestamp, records: &[RecordLine]) -> Vec<Email> {
    let notes = notes();
    let lines: Vec<(u64, MailLine)> =
        notes.iter().map(|note| (note.thread, line(note, now, records))).collect();
    let mails = notes.iter().map(|note| {
        let conversation = lines.iter().filter(|(thread, _)| *thread == note.thread);
        email(note, conversation.map(|(_, line)| line.clone()).collect(), records)
    });
    mails.collect()
}

fn notes() -> Vec<Note> {
    let bernard = ("Bernard Lapointe", "b.lapointe@tailspin.test");
    let months = MONTHS.iter().zip(0u32..).map(|(month, n)| {
        let ago = 300_000 + 43_000 * i64::from(n);
        (
            20 + u64::from(n),
            ago,
            bernard,
            *month,
            "here are the numbers of the month, as always.",
            Some(3),
            20 + u64::from(n),
        )
    });
    let mut notes: Vec<Note> = ROWS.into_iter().chain(months).map(note).collect();
    notes.sort_by_key(|note| note.minutes_ago);
    notes
}

fn note((number, minutes_ago, sender, subject, preview, record, thread): Row) -> Note {
    Note { number, minutes_ago, sender, subject, preview, record, thread }
}

impl Note {
    fn direction(&self) -> Direction {
        if self.sender == JANE { Direction::Outgoing } else { Direction::Incoming }
    }
}

fn line(note: &Note, now: Timestamp, records: &[RecordLine]) -> MailLine {
    MailLine {
        id: id(note.number),
        direction: note.direction(),
        time: now.plus_seconds(-60 * note.minutes_ago),
        sender: if note.sender.0.is_empty() { note.sender.1.into() } else { note.sender.0.into() },
        subject: note.subject.into(),
        preview: note.preview.into(),
        attachments: attachments(note.number).iter().filter(|file| !file.is_inline).count() as u32,
        record: note.record.map(|n| records[n].link.clone()),
        is_unsettled: note.record.is_none(),
        is_draft: false,
    }
}

fn email(note: &Note, conversation: Vec<MailLine>, records: &[RecordLine]) -> Email {
    let known = note.record.map(|n| records[n].link.clone());
    let time =
        conversation.iter().find(|line| line.id == id(note.number)).map_or(Timestamp(0), |line| line.time);
    let customer = Party {
        role: Role::Sender,
        name: note.sender.0.into(),
        address: note.sender.1.into(),
        standing: match (&known, note.number) {
            (Some(record), _) => Standing::Known { record: record.clone() },
            (None, 6) => Standing::Ambiguous { candidates: mueller(records) },
            (None, _) => Standing::Unresolved,
        },
    };
    let ours = |role, name: &str, address: &str| Party {
        role,
        name: name.into(),
        address: address.into(),
        standing: Standing::Ours { name: name.into() },
    };
    let (sender, recipients) = match note.direction() {
        Direction::Incoming => (
            customer,
            vec![ours(Role::To, "Jane Doe", "jane@crm.test"), ours(Role::Cc, "Sales", "sales@crm.test")],
        ),
        Direction::Outgoing => {
            let name = known.as_ref().map_or(String::new(), |record| record.name.clone());
            let to = Party { role: Role::To, name, address: "zoe@customer.test".into(), ..customer };
            (ours(Role::Sender, "Jane Doe", "jane@crm.test"), vec![to])
        }
    };
    let cautions = if note.number == 8 {
        vec!["Nothing proves that the sender is who the mail says.".into()]
    } else {
        Vec::new()
    };
    Email {
        id: id(note.number),
        subject: note.subject.into(),
        direction: note.direction(),
        state: if note.direction() == Direction::Outgoing { "Sent" } else { "Received" }.into(),
        outgoing: None,
        time,
        sender,
        recipients,
        cautions,
        body: body(note),
        attachments: attachments(note.number),
        conversation,
        because: because(note, records),
        facts: facts(known),
    }
}

fn body(note: &Note) -> MailBody {
    match note.number {
        1 => {
            let (own, quoted) = ANSWER.split_at(ANSWER.find("> ").unwrap());
            MailBody::Plain { blocks: vec![own_block(own), block(TextPart::Quote, quoted)], is_cut: false }
        }
        4 => MailBody::Html { remote_images: 3 },
        8 => MailBody::Plain {
            blocks: vec![own_block(&format!(
                "{HOSTILE}\n\njavascript:alert(1) http://evil.test/\"onmouseover=x"
            ))],
            is_cut: true,
        },
        9 => MailBody::Empty,
        _ => MailBody::Plain {
            blocks: vec![own_block(&format!(
                "Hello,\n\n{}\n\nKind regards\n{}\n",
                note.preview, note.sender.0
            ))],
            is_cut: false,
        },
    }
}

fn own_block(text: &str) -> TextBlock {
    block(TextPart::Own, text)
}

fn block(part: TextPart, text: &str) -> TextBlock {
    TextBlock { part, text: text.to_owned() }
}

fn attachments(mail: u64) -> Vec<Attachment> {
    let files: &[(&str, &str, u64, bool)] = match mail {
        1 => &[
            ("carton-1.jpg", "image/jpeg", 411_900, false),
            ("carton-2.jpg", "image/jpeg", 387_120, false),
            ("logo.png", "image/png", 2_000, true),
        ],
        7 => &[(
            "Anlage 1 – Zusammenstellung aller Zollpapiere und Lieferbedingungen (endgültige Fassung, geprüft).pdf",
            "application/pdf",
            12_400_000,
            false,
        )],
        8 => &[(HOSTILE, "text/html", 66, false), ("", "nonsense", 0, false)],
        10 => &[(
            "Price list 2027.xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            88_000,
            false,
        )],
        _ => &[],
    };
    let rows = files.iter().zip(0..).map(|((name, mimetype, size_bytes, is_inline), n)| Attachment {
        id: attachment_id(mail, n),
        name: (*name).into(),
        mimetype: (*mimetype).into(),
        size_bytes: *size_bytes,
        is_inline: *is_inline,
        note: String::new(),
    });
    rows.collect()
}

/// The id of the n-th attachment of a mail.
pub(crate) fn attachment_id(mail: u64, n: u64) -> Id {
    id(1000 + 10 * mail + n)
}

fn mueller(records: &[RecordLine]) -> Vec<CandidateLine> {
    let whys = [
        (10, 1, "It is the company’s own address."),
        (5, 2, "Wrote from it yesterday."),
        (6, 3, "Has it as second address."),
    ];
    whys.map(|(record, rank, why)| CandidateLine {
        record: records[record].link.clone(),
        rank,
        why: why.into(),
    })
    .into()
}

fn because(note: &Note, records: &[RecordLine]) -> Because {
    let signal = |holds, words: &str, link: Option<u64>| SignalLine {
        holds,
        words: words.into(),
        link: link.map(|number| format!("/emails/{}", id(number))),
    };
    let details = vec![
        Fact::new("Reason", "reply (code 2)"),
        Fact::new("Method", "in-reply-to (3)"),
        Fact::new("Message-ID", format!("<20261123.{}.4711@mail.customer.test>", note.number)),
        Fact::new("Unwrapped", "redirected"),
    ];
    match note.number {
        1 => Because {
            signals: vec![
                signal(true, "It answers your mail of Friday, and Zoë was its recipient.", Some(2)),
                signal(true, "zoe@customer.test belongs to one record: Zoë Müller, Contoso Ltd.", None),
                signal(true, "Jane Doe keeps mail from known customers.", None),
                signal(false, "The subject names CRM:0001007, which is another conversation.", None),
            ],
            candidates: vec![CandidateLine {
                record: records[9].link.clone(),
                rank: 1,
                why: "Zoë works there.".into(),
            }],
            details,
        },
        6 => Because {
            signals: vec![
                signal(true, "Jane Doe keeps mail from known customers.", None),
                signal(false, "office@mueller.test is on three records, and no rule says which.", None),
            ],
            candidates: mueller(records),
            details,
        },
        8 => Because {
            signals: vec![signal(false, HOSTILE, None)],
            candidates: Vec::new(),
            details: vec![Fact::new(HOSTILE, HOSTILE)],
        },
        9 => Because { signals: Vec::new(), candidates: Vec::new(), details: Vec::new() },
        _ => Because {
            signals: vec![
                signal(true, "The sender is a known customer.", None),
                signal(true, "Jane Doe keeps mail from known customers.", None),
            ],
            candidates: Vec::new(),
            details,
        },
    }
}

fn facts(known: Option<RecordLink>) -> Vec<Fact> {
    let regarding = known
        .map_or_else(|| Fact::new("Regarding", "nothing yet"), |record| Fact::linked("Regarding", record));
    vec![
        regarding,
        Fact::new("Came by", "forward from Jane’s mailbox"),
        Fact::new("Owner", "Jane Doe"),
        Fact::new("Received by", "sink:crm@sink.example"),
        Fact::new("Kept since", "Monday 23 November 2026, 09:15"),
        Fact::new("Reason", "It answers mail of the CRM."),
    ]
}
