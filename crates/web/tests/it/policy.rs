//! What a page may do in a browser: headers, and markup that needs no more than they allow.

use crate::site::{Answer, PAGES, Site};

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
    form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'";

fn check(path: &str, answer: &Answer) {
    // Where letters are written, the script asks this site whom one may write to.
    let policy = match path.starts_with("/write") {
        true => POLICY.replace("img-src", "connect-src 'self'; img-src"),
        false => POLICY.to_owned(),
    };
    assert_eq!(answer.header("content-security-policy"), policy, "{path}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
    assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
    for forbidden in ["<style", " style=", " onclick=", " onload=", " onsubmit=", "javascript:", "<base"] {
        // One sample mail says it in its text, where it is harmless.
        let shown = answer.text.replace("javascript:alert(1) ", "");
        assert!(!shown.contains(forbidden), "{path}: {forbidden}");
    }
    for script in answer.text.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"/assets/"), "{path}: {script:.80}");
        assert!(script.contains("defer></script>"), "{path}");
    }
}

#[tokio::test]
async fn pages_carry_a_strict_policy_and_keep_to_it() {
    let site = Site::of_administrator();
    for path in PAGES.iter().chain(&["/sign-in", "/nothing/here"]) {
        check(path, &site.get(path).await);
    }
    for number in 1..12 {
        let path = format!("/emails/019ab100-0000-7000-8000-0000000000{number:02x}");
        check(&path, &site.get(&path).await);
    }
}

#[tokio::test]
async fn every_page_says_where_one_is() {
    let site = Site::of_administrator();
    for path in PAGES {
        let page = site.get(path).await;
        assert_eq!(page.text.matches("<h1").count(), 1, "{path}");
        // In the rail, and in the tabs where a page has some.
        let lit = page.text.matches("aria-current=\"page\"").count();
        assert!((1..=2).contains(&lit), "{path}: {lit}");
        assert_eq!(page.text.matches("class=\"airmail\"").count(), 1, "the airmail edge stands once: {path}");
        assert!(
            page.text.contains("<html lang=\"en\">") && page.text.contains(" · Postroom</title>"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_the_digest_of_their_content() {
    let site = Site::stranger();
    let page = site.get("/sign-in").await;
    let sheets: Vec<String> =
        page.attributes("href").into_iter().filter(|at| at.starts_with("/assets/")).collect();
    assert!(sheets.len() >= 4, "{sheets:?}");
    for address in sheets {
        assert_eq!(site.get(&address).await.header("cache-control"), "public, max-age=31536000, immutable");
    }
    assert_eq!(site.get("/assets/page.css").await.header("cache-control"), "no-cache");
    assert_eq!(site.get("/assets/page.css?v=000000000000").await.header("cache-control"), "no-cache");
    assert_eq!(site.get("/assets/nothing.css").await.status, 404);
}
