//! One e-mail: the text, the frame, the reason, the files.

use crate::site::Site;

const FIRST: &str = "/emails/019ab100-0000-7000-8000-000000000001";
const HTML: &str = "/emails/019ab100-0000-7000-8000-000000000004";

#[tokio::test]
async fn the_reason_is_in_sight() {
    let page = Site::signed_in().get(FIRST).await;
    assert_eq!(page.heading(), "Re: Delivery of order 4711");
    for words in [
        "Here because …",
        "It answers your mail of Friday",
        "which is another conversation",
        "Also possible",
        "Technical details",
        "forward from Jane’s mailbox",
        "carton-1.jpg",
        "quoted text, 6 lines",
        "<time datetime=\"2026-11-23T09:13:00Z\"",
    ] {
        assert!(page.text.contains(words), "{words}");
    }
    assert!(!page.text.contains("<iframe"), "plain text needs no frame");
    assert!(!page.text.contains("logo.png"), "a picture inside the text is not listed again");
    assert_eq!(page.text.matches("class=\"tick\"").count(), 3);
    assert_eq!(page.text.matches("class=\"maybe\"").count(), 1);
}

#[tokio::test]
async fn an_ambiguous_sender_shows_who_could_be_meant() {
    let page = Site::signed_in().get("/emails/019ab100-0000-7000-8000-000000000006").await;
    for name in ["Müller &amp; Sons", "Robert Müller", "Susan Müller", "several records"] {
        assert!(page.text.contains(name), "{name}");
    }
}

#[tokio::test]
async fn an_html_mail_stands_in_a_sandbox() {
    let site = Site::signed_in();
    let page = site.get(HTML).await;
    assert!(page.text.contains("3 pictures on other servers are held back"));
    assert_eq!(page.attributes("sandbox"), ["allow-popups allow-popups-to-escape-sandbox"]);
    assert!(!page.text.contains("euro pallets</li>"), "its HTML stands in no page of ours");

    let body = site.get(&format!("{HTML}/body")).await;
    assert!(body.text.contains("400 euro pallets"));
    let policy = body.header("content-security-policy");
    for rule in [
        "sandbox allow-popups allow-popups-to-escape-sandbox;",
        "default-src 'none';",
        "img-src 'self' data:;",
        "frame-ancestors 'self'",
    ] {
        assert!(policy.contains(rule), "{rule}");
    }
    assert!(!policy.contains("allow-scripts") && !policy.contains("allow-same-origin"));
    assert_eq!(body.header("cache-control"), "no-store");
}

#[tokio::test]
async fn the_source_is_text_and_nothing_else() {
    let site = Site::of_administrator();
    for path in
        [format!("{FIRST}/source"), "/undeliverable/019ab100-0000-7000-8000-0000000001f4/source".to_owned()]
    {
        let answer = site.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.header("content-security-policy").starts_with("sandbox;"));
    }
    assert!(site.get(&format!("{FIRST}/source")).await.text.ends_with("<b>Hello</b>\r\n"));
}

#[tokio::test]
async fn pictures_are_shown_and_other_files_are_saved() {
    let site = Site::signed_in();
    let picture = site.get(&format!("{FIRST}/attachments/019ab100-0000-7000-8000-0000000003f2")).await;
    assert_eq!(picture.header("content-type"), "image/jpeg");
    assert_eq!(
        picture.header("content-disposition"),
        "inline; filename=\"carton-1.jpg\"; filename*=UTF-8''carton-1.jpg"
    );
    assert_eq!(picture.text, "some bytes");

    let elsewhere =
        "/emails/019ab100-0000-7000-8000-000000000002/attachments/019ab100-0000-7000-8000-0000000003f2";
    assert_eq!(site.get(elsewhere).await.status, 404, "an attachment belongs to its mail");
}
