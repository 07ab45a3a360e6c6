//! Who may not: every page with data asks for a session, and signing in is counted.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use model::limits;

use crate::site::{PAGES, Site};

const FORM: &str = "address=jane%40crm.test&password=correct+horse+battery&to=%2Fmail";

#[tokio::test]
async fn a_stranger_sees_no_page_with_data() {
    let site = Site::stranger();
    let email = "/emails/019ab100-0000-7000-8000-000000000001";
    let more = ["body", "source", "attachments/019ab100-0000-7000-8000-0000000003f2"]
        .map(|part| format!("{email}/{part}"));
    let undeliverable = "/undeliverable/019ab100-0000-7000-8000-0000000001f4/source".to_owned();
    for page in PAGES.map(str::to_owned).into_iter().chain(more).chain([undeliverable]) {
        let answer = site.get(&page).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{page}");
        assert!(answer.header("location").starts_with("/sign-in"), "{page}");
        assert!(answer.text.is_empty(), "{page}");
    }
}

#[tokio::test]
async fn only_administrators_see_the_nodes() {
    let site = Site::signed_in();
    assert_eq!(site.get("/nodes").await.status, StatusCode::NOT_FOUND);
    assert!(!site.get("/").await.text.contains("/nodes"));
    assert_eq!(Site::stranger().get("/nodes").await.status, StatusCode::SEE_OTHER);

    let site = Site::in_world(|world| world.has_administrator = true);
    assert!(site.get("/").await.text.contains("href=\"/nodes\""));
    let nodes = site.get("/nodes").await;
    assert_eq!((nodes.status, nodes.heading()), (StatusCode::OK, "Nodes"));
    assert!(nodes.text.contains("one.fabrikam.test") && nodes.text.contains("silent"));
    assert!(nodes.text.contains("no node runs jobs"));
    assert!(nodes.text.contains("shows this page") && !nodes.text.contains("<two>"));
}

#[tokio::test]
async fn after_signing_in_one_is_where_one_wanted_to_go() {
    let site = Site::stranger();
    let to = site.get("/mail").await.header("location").to_owned();
    assert_eq!(to, "/sign-in?to=/mail");
    let form = site.get(&to).await;
    assert_eq!((form.status, form.heading()), (StatusCode::OK, "Sign in"));

    let answer = site.post("/sign-in", FORM).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/mail"));
    let cookie = answer.header("set-cookie");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");

    let request = Request::get("/mail").header(header::COOKIE, cookie.split(';').next().unwrap());
    let mail = site.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((mail.status, mail.heading()), (StatusCode::OK, "Mail"));
}

#[tokio::test]
async fn nobody_is_led_to_another_site() {
    let answer = Site::stranger().post("/sign-in", &FORM.replace("%2Fmail", "%2F%2Fevil.test")).await;
    assert_eq!(answer.header("location"), "/");
}

#[tokio::test]
async fn a_wrong_password_is_said_kindly_and_keeps_the_address() {
    let answer = Site::stranger().post("/sign-in", &FORM.replace("horse", "cow")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text.contains("do not belong together"));
    assert!(answer.text.contains("value=\"jane@crm.test\""));
    assert!(!answer.text.contains("cow"), "a password is never shown");
    assert_eq!(answer.header("set-cookie"), "");
}

#[tokio::test]
async fn too_many_attempts_have_to_wait() {
    let site = Site::stranger();
    for _ in 0..limits::SIGN_IN_PER_MINUTE_MAX {
        let wrong = site.post("/sign-in", &FORM.replace("horse", "cow")).await;
        assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    }
    let answer = site.post("/sign-in", FORM).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.text.contains("Too many attempts"));
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let site = Site::stranger();
    let answer = site.post("/sign-in", FORM).await;
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let out =
        Request::post("/sign-out").header("sec-fetch-site", "same-origin").header(header::COOKIE, &cookie);
    let answer = site.send(out.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(answer.header("set-cookie").contains("Max-Age=0"));

    let again = Request::get("/mail").header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
    assert_eq!(site.send(again).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn another_site_cannot_send_our_forms() {
    let site = Site::stranger();
    let cases = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.test"), ("x-none", "")];
    for (name, value) in cases {
        for path in ["/sign-in", "/sign-out"] {
            let request = Request::post(path).header("host", "crm.test").header(name, value);
            let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            let answer = site.send(request.body(Body::from(FORM)).unwrap()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {name}");
            assert_eq!(answer.header("set-cookie"), "", "{path} {name}");
            assert_eq!(answer.heading(), "This came from somewhere else");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_for_one_account_closes_no_other() {
    let site = Site::stranger();
    for _ in 0..limits::SIGN_IN_PER_MINUTE_MAX {
        site.post("/sign-in", "address=a%40b.test&password=x").await;
    }
    let closed = site.post("/sign-in", "address=A%40b.test&password=x").await;
    assert_eq!(closed.status, StatusCode::TOO_MANY_REQUESTS);
    for _ in 0..=limits::SIGN_IN_PER_MINUTE_MAX {
        assert_eq!(site.post("/sign-in", FORM).await.status, StatusCode::SEE_OTHER, "success is not counted");
    }
}
