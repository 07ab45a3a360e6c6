//! Failures become pages with the right status and a next step.

use axum::body::Body;
use axum::http::{Request, header};
use web::Failure;

use crate::site::{Answer, Site};

fn check(answer: &Answer, status: u16, heading: &str) {
    assert_eq!((answer.status.as_u16(), answer.heading()), (status, heading));
    assert!(answer.text.contains("Go to Today"), "{status} offers a next step");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{status}");
}

#[tokio::test]
async fn failures_of_the_house_become_pages() {
    let cases = [
        (Failure::NotFound, 404, "Nothing at this address"),
        (Failure::TryLater, 503, "The house is busy just now"),
        (Failure::TooMany, 429, "Too many attempts"),
        (Failure::NotSaid, 409, "Say why"),
        (Failure::Internal, 500, "Something broke on our side"),
    ];
    for (failure, status, heading) in cases {
        let answer = Site::failing(failure).get("/mail").await;
        check(&answer, status, heading);
        assert_eq!(answer.header("retry-after").is_empty(), !failure.is_temporary(), "{failure}");
    }
    let ended = Site::failing(Failure::NotSignedIn).get("/mail").await;
    assert_eq!((ended.status.as_u16(), ended.header("location")), (303, "/sign-in"));
}

#[tokio::test]
async fn requests_that_cannot_be_answered_get_a_page() {
    let site = Site::signed_in();
    check(&site.get("/nothing").await, 404, "Nothing at this address");
    check(&site.get("/emails/no-id").await, 404, "Nothing at this address");
    check(&site.get("/emails/019ab100-0000-7000-8000-00000000ffff").await, 404, "Nothing at this address");
    check(&site.post("/mail", "").await, 405, "This page cannot do that");
    check(&site.post("/sign-in", "address=a").await, 422, "This request could not be read");
    check(&site.post("/sign-in", &"x".repeat(70_000)).await, 413, "That is too much at once");
}

#[tokio::test]
async fn a_panic_ends_one_request_alone() {
    let site = Site::in_world(|world| world.mails.iter_mut().for_each(|mail| mail.conversation.clear()));
    check(&site.get("/mail").await, 500, "Something broke on our side");
    let request = Request::get("/sign-in").header(header::HOST, "crm.test").body(Body::empty()).unwrap();
    assert_eq!(site.send(request).await.status, 200, "the others go on");
}
