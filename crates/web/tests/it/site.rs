//! A browser without a window: requests to the router, with or without a session.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use model::Timestamp;
use tower::ServiceExt;
use web::{Failure, House, WebSettings};

use crate::world::{ADDRESS, PASSWORD, World};

/// Monday 23 November 2026, 09:15 UTC.
pub(crate) const NOW: Timestamp = Timestamp(1_795_425_300_000);

/// Every page that shows data.
pub(crate) const PAGES: [&str; 37] = [
    "/",
    "/?day=2026-11-22",
    "/?day=2026-11-20",
    "/mail",
    "/search",
    "/search?q=order",
    "/search?words=nothing+like+it&from=a",
    "/people",
    "/companies",
    "/leads",
    "/people?q=m",
    "/people?q=nobody",
    "/outbox",
    "/write",
    "/write?to=a@b.test",
    "/write?about=contacts/019ab100-0000-7000-8000-000000000064",
    "/write?reply=019ab100-0000-7000-8000-000000000001",
    "/write?forward=019ab100-0000-7000-8000-000000000001",
    "/outbox/failed",
    "/drafts",
    "/templates",
    "/templates/019ab100-0000-7000-8000-000000000320",
    "/templates/019ab100-0000-7000-8000-000000000320?record=zoe@customer.test",
    "/templates/019ab100-0000-7000-8000-000000000320?record=nobody",
    "/templates/019ab100-0000-7000-8000-000000000320/edit",
    "/templates/new",
    "/templates/new?of=019ab100-0000-7000-8000-000000000320",
    "/write?template=019ab100-0000-7000-8000-000000000320&about=contacts/019ab100-0000-7000-8000-000000000064",
    "/signature",
    "/write?draft=019ab100-0000-7000-8000-0000000002bc",
    "/unresolved",
    "/undeliverable",
    "/quarantine",
    "/undeliverable/019ab100-0000-7000-8000-0000000001f7",
    "/undeliverable/019ab100-0000-7000-8000-0000000001f4",
    "/contacts/019ab100-0000-7000-8000-000000000064",
    "/emails/019ab100-0000-7000-8000-000000000001",
];

/// The pages and a session.
pub(crate) struct Site {
    router: Router,
    pub(crate) cookie: Option<String>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Site {
    /// Signed in, in the sample world.
    pub(crate) fn signed_in() -> Self {
        Site::in_world(|_| ())
    }

    /// The same for an administrator, who sees every page.
    pub(crate) fn of_administrator() -> Self {
        Site::in_world(|world| world.has_administrator = true)
    }

    /// Signed in, in a world that was changed before.
    pub(crate) fn in_world(change: impl FnOnce(&mut World)) -> Self {
        let mut world = World::new(NOW);
        let token = world.sign_in(ADDRESS, PASSWORD).unwrap().token;
        change(&mut world);
        Site { cookie: Some(format!("postroom={token}")), ..Site::of(world) }
    }

    /// The same pages after the session ended.
    pub(crate) fn signed_out(&self) -> Self {
        Site { router: self.router.clone(), cookie: None }
    }

    /// In a house that answers every question with a failure.
    pub(crate) fn failing(failure: Failure) -> Self {
        Site::in_world(|world| world.failing = Some(failure))
    }

    /// Without a session.
    pub(crate) fn stranger() -> Self {
        Site::of(World::new(NOW))
    }

    fn of(world: World) -> Self {
        Site { router: web::router(Arc::new(world), WebSettings::default()), cookie: None }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let mut request = Request::get(path);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Sends a form from one of our own pages.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Answer {
        let mut request = Request::post(path).header("sec-fetch-site", "same-origin");
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// Sends a form that may bring files, which are named by a field of theirs: `files=offer.pdf`.
    pub(crate) async fn press(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = String::new();
        for (name, value) in fields {
            let (name, file) = name.split_once('=').unwrap_or((name, ""));
            let file = if file.is_empty() { String::new() } else { format!("; filename=\"{file}\"") };
            body += &format!(
                "--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n"
            );
        }
        body += "--edge--\r\n";
        let mut request = Request::post(path).header("sec-fetch-site", "same-origin");
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let request = request
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge")
            .header(header::CONTENT_LENGTH, body.len());
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, text }
    }
}

impl Answer {
    /// A header as text; empty when it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The text of the first `h1`.
    pub(crate) fn heading(&self) -> &str {
        let (_, from) = self.text.split_once("<h1").expect("a page has a heading");
        let (_, from) = from.split_once('>').unwrap();
        from.split_once("</h1>").unwrap().0
    }

    /// The values of one attribute, wherever it stands, unescaped.
    pub(crate) fn attributes(&self, name: &str) -> Vec<String> {
        let opening = format!(" {name}=\"");
        let values = self.text.split(&opening).skip(1).filter_map(|rest| rest.split('"').next());
        values.map(|value| value.replace("&#x2f;", "/").replace("&amp;", "&")).collect()
    }
}
