//! Which parts of a message are its readable body, and which are attachments (RFC 2046 §5.1, RFC 2387).
//!
//! What passes through: the structure alone. Every leaf is either body, a poorer form of it, or an attachment.

use crate::entity::Entity;

/// The form of the body that is preferred.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Html,
}

/// The parts that make up the body, in order.
pub(super) fn chosen(entities: &[Entity], form: Form) -> Vec<usize> {
    body(entities, 0, form)
}

/// The leaves that are attachments, in order.
pub(super) fn attached(entities: &[Entity]) -> Vec<usize> {
    let mut shown = vec![false; entities.len()];
    for index in chosen(entities, Form::Plain).into_iter().chain(chosen(entities, Form::Html)) {
        if let Some(slot) = shown.get_mut(index) {
            *slot = true;
        }
    }
    let leaves = entities.iter().enumerate().zip(shown);
    let leaves = leaves.filter(|((_, entity), shown)| !shown && entity.children.is_empty());
    let leaves = leaves.filter(|((_, entity), _)| !is_other_form(entities, entity));
    leaves.map(|((index, _), _)| index).collect()
}

/// Recursion is as deep as the structure, which `MIME_DEPTH_MAX` limits.
fn body(entities: &[Entity], index: usize, form: Form) -> Vec<usize> {
    let Some(entity) = entities.get(index) else { return Vec::new() };
    if entity.children.is_empty() {
        return if is_readable(entities, index) { vec![index] } else { Vec::new() };
    }
    let mut children = entity.children.iter().map(|child| body(entities, *child, form));
    match entity.mimetype.as_str() {
        "multipart/alternative" => {
            let found: Vec<Vec<usize>> = children.filter(|parts| !parts.is_empty()).collect();
            best(entities, found, form)
        }
        // The first part is the document, the others belong to it (RFC 2387 §3.2).
        "multipart/related" => children.find(|parts| !parts.is_empty()).unwrap_or_default(),
        _ => children.flatten().collect(),
    }
}

/// RFC 2046 §5.1.4: alternatives stand in order of growing faithfulness.
fn best(entities: &[Entity], found: Vec<Vec<usize>>, form: Form) -> Vec<usize> {
    let has = |parts: &[usize], mimetype: &str| {
        parts.iter().any(|part| entities.get(*part).is_some_and(|entity| entity.mimetype == mimetype))
    };
    let at = match form {
        Form::Plain => found.iter().position(|parts| has(parts, "text/plain")).or(Some(0)),
        Form::Html => found.iter().rposition(|parts| has(parts, "text/html")).or(found.len().checked_sub(1)),
    };
    at.and_then(|at| found.into_iter().nth(at)).unwrap_or_default()
}

/// A leaf is part of the body where it is text and not meant as a file. A name alone makes a file of it, unless
/// it comes first: some writers name the body itself.
fn is_readable(entities: &[Entity], index: usize) -> bool {
    let Some(entity) = entities.get(index) else { return false };
    if !matches!(entity.mimetype.as_str(), "text/plain" | "text/html") || entity.is_attachment() {
        return false;
    }
    let parent = entity.parent.and_then(|parent| entities.get(parent));
    let is_first = parent.is_none_or(|parent| parent.children.first() == Some(&index));
    is_first || entity.filename().is_none()
}

/// Whether it only says again, in another form, what the chosen alternative says.
fn is_other_form(entities: &[Entity], entity: &Entity) -> bool {
    let form = matches!(
        entity.mimetype.as_str(),
        "text/plain"
            | "text/html"
            | "text/enriched"
            | "text/richtext"
            | "text/x-amp-html"
            | "text/watch-html"
    );
    let parent = entity.parent.and_then(|parent| entities.get(parent));
    let in_alternative = parent.is_some_and(|parent| parent.mimetype == "multipart/alternative");
    form && in_alternative && !entity.is_attachment()
}
