//! What an administrator does about mail that was set aside; for everybody else there is none.

use axum::body::Body;
use axum::http::{Request, header};

use crate::site::{Answer, Site};
use crate::world::HOSTILE;

const ONE: &str = "/undeliverable/019ab100-0000-7000-8000-0000000001f4";
/// Of which only the header is here.
const HEADER: &str = "/undeliverable/019ab100-0000-7000-8000-0000000001f6";

fn leads_to(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.header("location")
}

#[tokio::test]
async fn it_is_replayed_and_says_what_became_of_it() {
    let site = Site::of_administrator();
    let before = site.get(ONE).await;
    assert!(before.text.contains(&format!("action=\"{ONE}/replay\"")), "{}", before.text);
    assert_eq!(leads_to(&site.post(&format!("{ONE}/replay"), "").await), ONE);
    let after = site.get(ONE).await;
    assert!(after.text.contains("taken in after all") && after.text.contains("/emails/"), "{}", after.text);
    assert!(!after.text.contains("/replay") && !after.text.contains("/dismiss"), "it waits no longer");
    let all = site.post("/undeliverable/replay", "").await;
    let said = site.get(leads_to(&all)).await;
    assert!(said.text.contains("2 taken in, 1 still cannot be processed"), "{}", said.text);
}

#[tokio::test]
async fn to_dismiss_it_takes_a_reason() {
    let site = Site::of_administrator();
    let path = format!("{ONE}/dismiss");
    let refused = site.post(&path, "reason=+").await;
    assert_eq!((refused.status.as_u16(), refused.heading()), (409, "Say why"));
    assert_eq!(leads_to(&site.post(&path, "reason=a+loop").await), ONE);
    let after = site.get(ONE).await;
    assert!(after.text.contains("dismissed it") && after.text.contains("“a loop”"), "{}", after.text);
}

#[tokio::test]
async fn who_is_no_administrator_reads_and_changes_nothing() {
    let site = Site::signed_in();
    let (source, file) = (format!("{ONE}/source"), format!("{ONE}/file"));
    for path in ["/undeliverable", ONE, HEADER, &source, &file] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
    let paths = [format!("{ONE}/replay"), format!("{ONE}/dismiss"), "/undeliverable/replay".to_owned()];
    for path in &paths {
        assert_eq!(site.post(path, "reason=x").await.status, 404, "{path}");
        assert_eq!(site.get(path).await.status.as_u16() / 100, 4, "{path}");
    }
    for path in ["/", "/unresolved"] {
        assert!(!site.get(path).await.text.contains("/undeliverable"), "{path}");
    }
}

#[tokio::test]
async fn another_site_changes_nothing() {
    let site = Site::of_administrator();
    let request = Request::post(format!("{ONE}/replay")).header("sec-fetch-site", "cross-site");
    let request = request.header(header::COOKIE, "postroom=token-1").body(Body::empty()).unwrap();
    assert_eq!(site.send(request).await.status, 403);
    assert!(site.get(ONE).await.text.contains("/replay"));
    let stranger = Site::stranger().post(&format!("{ONE}/replay"), "").await;
    assert!(leads_to(&stranger).starts_with("/sign-in"));
}

#[tokio::test]
async fn it_is_saved_as_a_file_that_no_browser_opens() {
    let answer = Site::of_administrator().get(&format!("{ONE}/file")).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "message/rfc822"));
    assert!(answer.header("content-disposition").starts_with("attachment; filename=\"019ab100-"));
    assert!(answer.header("content-security-policy").starts_with("sandbox"));
}

#[tokio::test]
async fn what_is_not_here_is_not_offered_to_be_replayed() {
    let page = Site::of_administrator().get(HEADER).await;
    assert!(page.text.contains("Only its header is here"), "{}", page.text);
    assert!(!page.text.contains("/replay") && page.text.contains("/dismiss"));
}

#[tokio::test]
async fn what_is_kept_apart_has_a_page_of_its_own() {
    let site = Site::of_administrator();
    let page = site.get("/quarantine").await;
    for words in [
        "Verify your password",
        "DKIM fail &lt;script",
        "disowns it.",
        ">Release</button>",
        ">Try again</button>",
    ] {
        assert!(page.text.contains(words), "{words} is not in {}", page.text);
    }
    assert!(!page.text.contains("Autumn sale") && !page.text.contains(HOSTILE));
    assert!(!site.get("/undeliverable").await.text.contains("Verify your password"));
    let id = "019ab100-0000-7000-8000-0000000001f7";
    let one = site.get(&format!("/undeliverable/{id}")).await;
    assert!(one.text.contains(">Release</button>") && one.text.contains("href=\"/quarantine\" rel=\"up\""));
    assert_eq!(site.post(&format!("/undeliverable/{id}/dismiss"), "reason=").await.status, 409, "say why");
    assert_eq!(site.post(&format!("/undeliverable/{id}/dismiss"), "reason=forged").await.status, 303);
    assert!(!site.get("/quarantine").await.text.contains("Verify your password"));
    let other = Site::signed_in();
    assert_eq!(other.get("/quarantine").await.status, 404, "for administrators");
    assert!(!other.get("/").await.text.contains("/quarantine"));
}
