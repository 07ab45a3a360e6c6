//! One e-mail: its page, its text in a frame, its source and its files.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;

use super::outbox::Told;
use super::{id, source_text};
use crate::desk::{Desk, Sheet};
use crate::headers::{BODY_POLICY, FILE_POLICY};
use crate::session::Signed;
use crate::values::{Email, Failure, File};

const SHEET: Sheet = Sheet { template: "email.html", section: "mail" };

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    email: Email,
    is_late: bool,
    is_sent: bool,
}

pub(crate) async fn email(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    path: Path<String>,
    Query(told): Query<Told>,
) -> Result<Response, Failure> {
    let id = id(path)?;
    desk.show(signed, SHEET, move |house, visitor| {
        let email = house.email(visitor, id)?;
        Ok(Shown { email, is_late: told.is_late(), is_sent: told.is_sent() })
    })
    .await
}

/// The document in the frame. Its text is sanitized HTML of somebody else: it stands in no other page.
pub(crate) async fn body(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    path: Path<String>,
) -> Result<Response, Failure> {
    let id = id(path)?;
    let body = desk.ask(move |house| house.email_body(&signed.visitor, id)).await?;
    let policy = [(header::CONTENT_SECURITY_POLICY, BODY_POLICY)];
    Ok((policy, Html(format!("{FRAME_HEAD}{}", body.html))).into_response())
}

pub(crate) async fn source(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    path: Path<String>,
) -> Result<Response, Failure> {
    let id = id(path)?;
    let bytes = desk.ask(move |house| house.source(&signed.visitor, id)).await?;
    Ok(source_text(bytes, "source"))
}

pub(crate) async fn attachment(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Path((email, attachment)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let (email, attachment) = (id(Path(email))?, id(Path(attachment))?);
    let file = desk.ask(move |house| house.attachment(&signed.visitor, email, attachment)).await?;
    Ok(file_response(file))
}

/// Mails are written for a white sheet, so the frame is one, in dark surroundings too.
const FRAME_HEAD: &str = "<!doctype html><html><head><meta charset=\"utf-8\"><title>Mail</title>\
    <meta name=\"viewport\" content=\"width=device-width\"><base target=\"_blank\"><style>\
    :root{color-scheme:light}body{margin:0;padding:1rem 1.5rem;background:#fff;color:#1d2430;\
    font:16px/1.5 system-ui,sans-serif;overflow-wrap:break-word}img{max-width:100%;height:auto}\
    table{max-width:100%}a{color:#2350b5}pre{white-space:pre-wrap}blockquote{margin:0 0 0 .5rem;padding-left:.75rem;\
    border-left:2px solid #cbc4b4;color:#5b6370}</style></head><body>";

/// Pictures of these types are shown; every other file is handed over to be saved.
const SHOWN_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

fn file_response(file: File) -> Response {
    let mimetype = file.mimetype.to_ascii_lowercase();
    let (way, kind) = match SHOWN_TYPES.iter().find(|shown| **shown == mimetype) {
        Some(shown) => ("inline", *shown),
        // The type that a stranger gives is not passed on: a file to be saved needs none.
        None => ("attachment", "application/octet-stream"),
    };
    let mut response = file.bytes.into_response();
    let headers: [(HeaderName, String); 3] = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition(way, &file.name)),
        (header::CONTENT_SECURITY_POLICY, FILE_POLICY.to_owned()),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// `Content-Disposition` with the name twice: in ASCII for all, in UTF-8 for who can (RFC 6266 §4.3, RFC 8187 §3.2).
fn disposition(way: &str, name: &str) -> String {
    let name: String =
        name.chars().filter(|c| !c.is_control()).map(|c| if "/\\".contains(c) { '_' } else { c }).collect();
    let name = if name.trim().is_empty() { "attachment" } else { name.trim() };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " ._-()".contains(c);
    let ascii: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut text = format!("{way}; filename=\"{ascii}\"; filename*=UTF-8''");
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => text.push(char::from(byte)),
            // Writing to a string does not fail.
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_goes_out_in_ascii_and_in_utf_8() {
        let cases = [
            ("carton-1.jpg", "inline; filename=\"carton-1.jpg\"; filename*=UTF-8''carton-1.jpg"),
            ("Müll \"x\".pdf", "inline; filename=\"M_ll _x_.pdf\"; filename*=UTF-8''M%C3%BCll%20%22x%22.pdf"),
            (
                "../../etc/passwd\r\nX: y",
                "inline; filename=\".._.._etc_passwdX_ y\"; filename*=UTF-8''.._.._etc_passwdX%3A%20y",
            ),
            (" ", "inline; filename=\"attachment\"; filename*=UTF-8''attachment"),
        ];
        for (name, expected) in cases {
            assert_eq!(disposition("inline", name), expected);
        }
    }
}
