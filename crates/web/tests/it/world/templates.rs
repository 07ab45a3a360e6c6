//! Templates of the sample world.

use model::Id;
use web::Failure;
use web::values::{
    Filled, Letter, MailBody, TemplateBeginning, TemplateDraft, TemplateEnd, TemplateLine, TemplateMade,
    TemplatePage, TemplateTry, TextBlock, TextPart, Visitor,
};

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
        may_change: !line.is_own || line.title != HOSTILE,
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

/// Whoever is no administrator changes his own alone.
pub(super) fn begun(
    world: &World,
    visitor: &Visitor,
    beginning: TemplateBeginning,
) -> Result<TemplateDraft, Failure> {
    let (id, is_variant) = match beginning {
        TemplateBeginning::New => return Ok(TemplateDraft { is_own: true, ..TemplateDraft::default() }),
        TemplateBeginning::Variant(id) => (id, true),
        TemplateBeginning::Change(id) => (id, false),
    };
    let line = lines(world).into_iter().find(|line| line.id == id).ok_or(Failure::NotFound)?;
    let may = line.is_own || visitor.is_administrator;
    may.then_some(()).ok_or(Failure::NotFound)?;
    Ok(TemplateDraft {
        id: (!is_variant).then_some(id),
        title: line.title,
        language: if is_variant { "any".into() } else { line.language },
        kind: line.kind,
        is_own: line.is_own,
        subject: line.subject,
        html: format!("<p>Dear {HOSTILE}</p>"),
        text: String::new(),
        version: if is_variant { String::new() } else { "1".into() },
    })
}

pub(super) fn tried(world: &World, draft: &TemplateDraft, record: &str) -> TemplateTry {
    let found = world.records.iter().find(|it| it.address.as_deref() == Some(record));
    if draft.subject.contains("nonsense") {
        return TemplateTry {
            note: format!("the subject: “{}” is no field", draft.subject),
            ..TemplateTry::default()
        };
    }
    let made = TemplateMade {
        subject: draft.subject.clone(),
        html: draft.html.clone(),
        body: MailBody::Plain { blocks: Vec::new(), is_cut: false },
        cautions: vec!["contact.firstname is empty.".into()],
    };
    TemplateTry { record: found.map(|found| found.link.clone()), made: Some(made), note: String::new() }
}

pub(super) fn kept(world: &World, draft: TemplateDraft) -> TemplateEnd {
    if draft.html.is_empty() && draft.text.is_empty() {
        return TemplateEnd::Refused("it has neither HTML nor text".into());
    }
    if draft.version == "1" {
        return TemplateEnd::Changed("2".into());
    }
    let id = draft.id.unwrap_or(id(800));
    *world.template_kept.lock().unwrap() = Some(draft);
    TemplateEnd::Kept(id)
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
