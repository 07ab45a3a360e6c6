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

/// A page made of HTML is at most this long; what would be longer is shown as text.
fn check_bounded(body: &str) -> Shown {
    let shown = show("text/html", body);
    assert!(shown.html.len() <= 4 * limits::SHOWN_BODY_BYTES_MAX, "{:.60}: {}", body, shown.html.len());
    shown
}

#[test]
fn formatting_that_is_not_closed_does_not_multiply() {
    let fonts = |count: usize| (0..count).map(|size| format!("<font size={size}>")).collect::<String>();
    let attributes =
        |count: usize| (0..count).map(|n| format!("<font a{n}=\"{n:2000}\">")).collect::<String>();
    let many = check_bounded(&format!("<p>{}{}", fonts(900), "<p>x".repeat(10_000)));
    assert!(many.html.matches("<font").count() <= 3 * 10_001, "{}", many.html.matches("<font").count());
    for block in ["<p>x", "<div>x</div>", "<li>x", "<h1>x</h1>", "<table><td>x</table>", "<table>x</table>"] {
        check_bounded(&format!("<p>{}<p>{}", attributes(30), block.repeat(10_000)));
    }
    // An editor of old that closes nothing: still HTML.
    let sloppy = show("text/html", &"<p><font color=red>a<p>b".repeat(100));
    assert!(sloppy.html.starts_with("<p><font color=\"red\">a</font></p><p><font color=\"red\">b"));
}

#[test]
fn nesting_is_not_hidden_by_what_is_no_tag() {
    let hidden = [
        "<div><!--</div>-->",
        "<div title=\"</div>\">",
        "<div><style></div></style>",
        "<div><svg></div></svg>",
        "<div><!--></div>",
        "<div><table><td></div></table>",
        "<span><div></span>",
        "<li><dd>",
        "<div><select></div>",
        "<div><marquee></div></marquee>",
        "<div></div title='",
        "<i><i><i><i><div></i></i></i></i></div>",
        "<a><b><div><a>",
    ];
    for unit in hidden {
        let shown = check_bounded(&unit.repeat(20_000));
        let (mut depth, mut deepest) = (0i32, 0);
        for tag in shown.html.split('<').skip(1) {
            depth += if tag.starts_with('/') { -1 } else { 1 };
            deepest = deepest.max(depth);
        }
        assert!(deepest <= 1_100, "{unit}: {deepest}");
    }
}

#[test]
fn tags_and_attributes_are_limited() {
    assert!(check_bounded(&"<hr>".repeat(50_000)).html.starts_with("<hr>"));
    assert_eq!(check_bounded(&"<hr>".repeat(50_001)).html, "<div class=\"plain\"></div>");
    let many: String = (0..100_000).map(|n| format!(" a{n}=1")).collect();
    assert_eq!(check_bounded(&format!("<p lang=x{many}>x</p>")).html, "<p>x</p>");
    check_bounded(&format!("<table>{}", "x<br>".repeat(100_000)));
}

/// The writer of HTML looks at all of a text again behind each of these.
#[test]
fn a_text_full_of_signs_to_escape_is_shown_as_text() {
    for body in ["&".repeat(500_000), "\u{a0}".repeat(500_000), "<x>&".repeat(500_000)] {
        assert!(check_bounded(&body).html.starts_with("<div class=\"plain\">"));
    }
    let title = check_bounded(&format!("<p title=\"{}\">x", "&".repeat(500_000))).html;
    assert_eq!(title, "<div class=\"plain\">x</div>");
    let cells = "<td>a&nbsp;&amp;</td>".repeat(10_000);
    assert!(check_bounded(&format!("<table><tr>{cells}</table>")).html.starts_with("<table>"));
}

#[test]
fn a_picture_counts_as_often_as_it_is_shown() {
    let raw = format!("A: 1\nContent-Type: text/html\n\n{}", "<img src=cid:x>".repeat(1_000));
    let url = format!("data:image/png;base64,{}", "A".repeat(limits::SHOWN_PICTURES_BYTES_MAX / 3));
    let options = ShownOptions { cid_urls: HashMap::from([("x".to_owned(), url)]), remote_images: false };
    let shown = shown(&crate::read(raw.as_bytes()).unwrap(), &options);
    assert_eq!(shown.html.matches("data:").count(), 2);
    assert_eq!(shown.html.matches("<img").count(), 1_000);
}

#[test]
fn links_and_quotations_in_plain_text_are_limited() {
    let links = show("text/plain", &"http://a ".repeat(100_000)).html;
    assert_eq!(links.matches("<a ").count(), 2_000);
    let steps = show("text/plain", &">>>>>>>>>>>>\n\n".repeat(100_000)).html;
    assert!(steps.matches("blockquote>").count() <= 50_012);
    assert_eq!(steps.matches("<blockquote>").count(), steps.matches("</blockquote>").count());
}

#[test]
fn what_a_body_is_can_be_known_without_making_it_safe() {
    let check = |content_type: &str, body: &str, expect: (bool, usize)| {
        let raw = format!("A: 1\nContent-Type: {content_type}\n\n{body}");
        let message = crate::read(raw.as_bytes()).unwrap();
        assert_eq!((is_html(&message), remote_images(&message)), expect, "{body}");
        let shown = shown(&message, &ShownOptions::default());
        assert_eq!((!shown.from_plain, shown.remote_images), expect, "{body}");
    };
    check("text/plain", "<img src='http://x.test/'>", (false, 0));
    check("text/html", "a", (true, 0));
    check(
        "text/html",
        "<img alt='src=http:'><IMG SRC=HTTPS://x.test/><img src=cid:x><!--<img src=//x>-->",
        (true, 1),
    );
}

#[test]
fn a_long_body_is_cut() {
    let long = "x".repeat(limits::SHOWN_BODY_BYTES_MAX + 1);
    assert!(show("text/plain", &long).is_cut);
    assert!(!show("text/plain", "short").is_cut);
}

#[test]
fn a_preview_is_one_short_line_of_what_is_new() {
    let check = |content: &str, text: &str, expect: &str| {
        let raw = format!("Content-Type: {content}\r\n\r\n{text}");
        let message = crate::read(raw.as_bytes()).unwrap();
        assert_eq!(preview(&message, &message.readable()), expect, "{text}");
    };
    check("text/plain", "Hello,\r\n\r\n  Zoë here\n> quoted", "Hello, Zoë here");
    check("text/plain", "On Monday 12:30 Jane <j@x.test> wrote:\n> a\n\nYes.", "Yes.");
    check("text/plain", "> only quoted", "> only quoted");
    check("text/plain", "", "");
    let html =
        "<style>p {}</style><p>Yes.<div class=gmail_quote>On 1 May 2026 at 12:30 J wrote:<blockquote>a";
    check("text/html", html, "Yes.");
    check("text/html", "<p>Ask < zoe@x.test > if 3 < 5 &amp; 7 > 5", "Ask < zoe@x.test > if 3 < 5 & 7 > 5");
    check(
        "text/html",
        "Yes.<div>On 1 May 2026 at 12:30, J wrote:</div><blockquote type=cite>a</blockquote>",
        "Yes.",
    );
    for text in ["word ".repeat(200), "ö".repeat(1000)] {
        let raw = format!("A: 1\n\n{text}");
        let message = crate::read(raw.as_bytes()).unwrap();
        let preview = preview(&message, &message.readable());
        assert!((190..=limits::PREVIEW_CHARS_MAX).contains(&preview.chars().count()), "{}", preview.len());
    }
}
