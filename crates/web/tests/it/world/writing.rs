//! Writing in the sample world.

use web::Failure;
use web::values::{
    Beginning, DraftLine, EarlierKind, Letter, MailBody, Party, Preview, RecipientLine, RecordLine, Role,
    Standing, Surroundings, TextBlock, TextPart, Writer,
};

use model::Id;

use super::{ADDRESS, HOSTILE, World, id};

/// The draft that a letter is kept as.
pub(super) const DRAFT: Id = Id([0x01, 0x9a, 0xb1, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 3, 0]);

pub(super) fn begun(world: &World, beginning: &Beginning) -> Result<Letter, Failure> {
    let empty = Letter { from: ADDRESS.into(), key: "key-1".into(), ..Letter::default() };
    let mail = |id| world.mails.iter().find(|mail| mail.id == id).ok_or(Failure::NotFound);
    Ok(match beginning {
        Beginning::New { to, about } => {
            let record =
                world.records.iter().find(|record| about.is_some_and(|key| record.link.id == key.id));
            if about.is_some() && record.is_none() {
                return Err(Failure::NotFound);
            }
            let to = record.map(written).unwrap_or_else(|| to.clone());
            Letter { to, about: *about, ..empty }
        }
        Beginning::Earlier(kind, id) => {
            let mail = mail(*id)?;
            let carries = (*kind == EarlierKind::Forward).then_some(*id);
            let to = if carries.is_some() { String::new() } else { mail.sender.address.clone() };
            let subject = format!("Re: {}", mail.subject);
            let (text, html) =
                ("\n\n> quoted\n".into(), format!("<blockquote>{}</blockquote>", mail.subject));
            Letter { to, subject, text, html, carries, earlier: Some((*kind, *id)), ..empty }
        }
        Beginning::Draft(id) => {
            let kept = world.drafts.lock().unwrap().get(id).cloned();
            let line = drafts(world).into_iter().find(|line| line.id == *id).ok_or(Failure::NotFound)?;
            let begun = Letter { to: line.to, subject: line.subject, text: line.preview, ..empty };
            Letter { key: id.to_string(), ..kept.flatten().unwrap_or(begun) }
        }
        Beginning::Again(id) => {
            let mail = mail(*id)?;
            Letter { to: "zoe@customer.test".into(), subject: mail.subject.clone(), ..empty }
        }
    })
}

pub(super) fn around(world: &World, letter: &Letter) -> Surroundings {
    let mail = |id| world.mails.iter().find(|mail| mail.id == id);
    let about = letter.about.and_then(|key| world.records.iter().find(|record| record.link.id == key.id));
    let files = letter.carries.and_then(mail).map(|mail| mail.attachments.clone()).unwrap_or_default();
    Surroundings {
        writers: vec![
            Writer { address: ADDRESS.into(), name: "Jane Doe".into() },
            Writer { address: "sales@crm.test".into(), name: "Sales".into() },
        ],
        about: about.map(|record| record.link.clone()),
        earlier: letter.earlier.and_then(|(_, id)| mail(id)).map(|mail| mail.subject.clone()),
        templates: super::templates::lines(world),
        carried: files.into_iter().map(|file| file.name).collect(),
        kept: drafts(world).iter().find(|line| line.id.to_string() == letter.key).map(|line| line.time),
    }
}

/// Three of them, less what was discarded, and what was kept.
pub(super) fn drafts(world: &World) -> Vec<DraftLine> {
    let rows = [
        ("zoe@customer.test", "Our offer for the autumn", "Dear Zoë, fifty pallets by Friday would be"),
        (HOSTILE, HOSTILE, HOSTILE),
        ("", "", ""),
    ];
    let changed = world.drafts.lock().unwrap();
    let line = |(row, number): ((&str, &str, &str), u64)| DraftLine {
        id: id(number),
        time: world.now.plus_seconds(-4000 * i64::try_from(number - 700).unwrap()),
        to: row.0.into(),
        subject: row.1.into(),
        preview: row.2.into(),
        attachments: u32::from(number == 700),
    };
    let kept = changed.get(&DRAFT).cloned().flatten().map(|letter| DraftLine {
        id: DRAFT,
        time: world.now,
        to: letter.to,
        subject: letter.subject,
        preview: letter.text,
        attachments: 0,
    });
    let lines = rows.into_iter().zip(700..).map(line).chain(kept);
    lines.filter(|line| !matches!(changed.get(&line.id), Some(None))).collect()
}

pub(super) fn found(world: &World, words: &str) -> Vec<RecipientLine> {
    let begins = |record: &&RecordLine| {
        !words.is_empty() && record.link.name.to_lowercase().starts_with(&words.to_lowercase())
    };
    let line = |record: &RecordLine| RecipientLine {
        name: record.link.name.clone(),
        address: record.address.clone().unwrap_or_default(),
        context: record.context.clone(),
        written: written(record),
    };
    world.records.iter().filter(begins).map(line).collect()
}

fn written(record: &RecordLine) -> String {
    format!("\"{}\" <{}>", record.link.name, record.address.clone().unwrap_or_default())
}

pub(super) fn preview(letter: &Letter) -> Preview {
    let party = |role, address: &str| Party {
        role,
        name: String::new(),
        address: address.trim().into(),
        standing: Standing::Unresolved,
    };
    let to = letter.to.split(',').filter(|address| !address.trim().is_empty());
    Preview {
        sender: party(Role::Sender, &letter.from),
        recipients: to.map(|address| party(Role::To, address)).collect(),
        subject: letter.subject.clone(),
        body: MailBody::Plain {
            blocks: vec![TextBlock { part: TextPart::Own, text: letter.text.clone() }],
            is_cut: false,
        },
        html: letter.html.replace("<script", "<i"),
        files: letter.files.iter().map(|file| file.name.clone()).collect(),
        at: letter.at,
        cautions: if letter.subject.is_empty() { vec!["It has no subject.".into()] } else { Vec::new() },
        refusal: if letter.to.is_empty() { "the mail has no recipient".into() } else { String::new() },
    }
}
