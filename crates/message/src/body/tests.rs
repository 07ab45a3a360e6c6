use super::*;

fn show(content_type: &str, body: &str) -> Shown {
    let raw = format!("A: 1\nContent-Type: {content_type}\n\n{body}");
    let options = ShownOptions {
        cid_urls: HashMap::from([("logo".to_owned(), "/attachments/1".to_owned())]),
        remote_images: false,
    };
    shown(&crate::read(raw.as_bytes()).unwrap(), &options)
}

#[test]
fn html_is_left_without_anything_active() {
    // The order of the two attributes is not fixed.
    let order =
        ("rel=\"noopener noreferrer\" target=\"_blank\"", "target=\"_blank\" rel=\"noopener noreferrer\"");
    let check = |body: &str, expect: &str| {
        assert_eq!(show("text/html", body).html.replace(order.0, order.1), expect, "{body}");
    };
    check("<p onclick=x()>hi<script>alert(1)</script></p>", "<p>hi</p>");
    check("<a href='javascript:alert(1)'>x</a>", "<a target=\"_blank\" rel=\"noopener noreferrer\">x</a>");
    check(
        "<a href='https://x.test/'>x</a>",
        "<a href=\"https://x.test/\" target=\"_blank\" rel=\"noopener noreferrer\">x</a>",
    );
    check("<svg><set attributeName=href to=javascript:alert(1)></svg>ok", "ok");
    check("<form action=/x><input name=a>ok</form><iframe src=/x></iframe>", "ok");
    check(
        "<p style='color:red;position:fixed;background-image:url(http://x/)'>a</p>",
        "<p style=\"color:red\">a</p>",
    );
    check("<style>p{color:red}</style><title>t</title>ok", "ok");
    check("<a href='cid:logo'>x</a>", "<a target=\"_blank\" rel=\"noopener noreferrer\">x</a>");
}

#[test]
fn images_come_from_the_mail_alone() {
    let body =
        "<img src='cid:logo'><img src='https://t.test/p.gif' alt=a><img src='CID:other'><img src='/local'>";
    let shown = show("text/html", body);
    assert_eq!(shown.html, "<img src=\"/attachments/1\"><img alt=\"a\"><img><img>");
    assert_eq!((shown.remote_images, shown.from_plain), (1, false));
}

#[test]
fn plain_text_is_escaped_quoted_and_linked() {
    let check = |body: &str, expect: &str| {
        let shown = show("text/plain", body);
        assert_eq!(shown.html, format!("<div class=\"plain\">{expect}</div>"), "{body}");
        assert!(shown.from_plain);
    };
    check("a < b & \"c\"\nd", "a &lt; b &amp; &quot;c&quot;<br>\nd");
    check("> a\n>> b\n> > c\nd", "<blockquote>a<blockquote>b<br>\nc</blockquote></blockquote>d");
    let link =
        |url: &str| format!("<a href=\"{url}\" target=\"_blank\" rel=\"noopener noreferrer\">{url}</a>");
    check("see https://x.test/a?b=c.", &format!("see {}.", link("https://x.test/a?b=c")));
    check("(http://x.test)", &format!("({})", link("http://x.test")));
    check("http:// and httpx", "http:// and httpx");
    check("\nfirst", "<br>\nfirst");
}

#[test]
fn html_nested_without_end_is_shown_as_text() {
    let deep = show("text/html", &format!("{}deep", "<div>".repeat(100_000)));
    assert_eq!(deep.html, "<div class=\"plain\">deep</div>");
    let many = show("text/html", &"<div>a<br></div>".repeat(2_000));
    assert_eq!(many.html.matches("<div>").count(), 2_000);
}

#[test]
fn a_long_body_is_cut() {
    let long = "x".repeat(limits::SHOWN_BODY_BYTES_MAX + 1);
    assert!(show("text/plain", &long).is_cut);
    assert!(!show("text/plain", "short").is_cut);
}

#[test]
fn a_preview_is_one_short_line() {
    assert_eq!(preview("Hello,\r\n\r\n  Zoë here\n> quoted"), "Hello, Zoë here");
    assert_eq!(preview("> only quoted"), "> only quoted");
    assert_eq!(preview(""), "");
    for text in ["word ".repeat(200), "ö".repeat(1000)] {
        let preview = preview(&text);
        assert!((190..=limits::PREVIEW_CHARS_MAX).contains(&preview.chars().count()), "{}", preview.len());
    }
}
