//! Templates of the sample world.

use model::Id;
use web::Failure;
use web::values::{Filled, Letter, MailBody, TemplateLine, TemplateMade, TemplatePage, TextBlock, TextPart};

use super::{HOSTILE, World, id};

pub(super) fn lines(world: &World) -> Vec<TemplateLine> {
    let rows = [
        ("Offer", "any", "contact", false, "Our offer for {{ contact.firstname }}"),
        ("Offer", "de", "contact", false, "Unser Angebot für {{ contact.firstname }}"),
        ("Thank you", "any", "any", true, "Thank you"),
        (HOSTILE, "any", "any", false, HOSTILE),
    ];
    let line = |((title, language, kind, is_own, subject), number)| TemplateLine {
        id: id(number),
        title: str::to_owned(title),
        language: str::to_owned(language),
        kind: str::to_owned(kind),
        is_own,
        subject: str::to_owned(subject),
    };
    if world.is_empty { Vec::new() } else { rows.into_iter().zip(800..).map(line).collect() }
}

pub(super) fn page(world: &World, template: Id, record: &str) -> Result<TemplatePage, Failure> {
    let all = lines(world);
    let line = all.iter().find(|line| line.id == template).cloned().ok_or(Failure::NotFound)?;
    let found = world.records.iter().find(|it| it.address.as_deref() == Some(record));
    let block = |text: &str| TextBlock { part: TextPart::Own, text: text.into() };
    let made = found.map(|_| TemplateMade {
        subject: line.subject.clone(),
        html: "<p>Dear <b>Zoë</b></p>".into(),
        body: MailBody::Plain { blocks: vec![block("Dear Zoë")], is_cut: false },
        cautions: vec![format!("contact.firstname of {HOSTILE} is empty.")],
    });
    let is_variant = |other: &TemplateLine| other.title == line.title && other.id != line.id;
    Ok(TemplatePage {
        variants: all.iter().filter(|other| is_variant(other)).cloned().collect(),
        html: "<p>Dear {{ contact.firstname }}</p>".into(),
        text: String::new(),
        record: found.map(|found| found.link.clone()),
        note: if record.is_empty() || found.is_some() {
            String::new()
        } else {
            format!("Nobody here has “{record}”.")
        },
        made,
        line,
    })
}

pub(super) fn filled(world: &World, letter: Letter, template: Id) -> Result<Filled, Failure> {
    let line = lines(world).into_iter().find(|line| line.id == template).ok_or(Failure::NotFound)?;
    if letter.to.is_empty() {
        let refusal = format!("the template “{}” is for another kind of record", line.title);
        return Ok(Filled { letter, cautions: Vec::new(), refusal });
    }
    let text = format!("Dear Zoë,\n\n{}", letter.text);
    let cautions = vec!["contact.firstname of Zoë Müller is empty.".into()];
    Ok(Filled { letter: Letter { subject: line.subject, text, ..letter }, cautions, refusal: String::new() })
}
