//! Writing: whoever presses a button loses nothing of what he typed.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures_util::{StreamExt, stream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::site::{Answer, Site};
use crate::world::HOSTILE;

const ZOE: &str = "contacts/019ab100-0000-7000-8000-000000000064";
const MAIL: &str = "019ab100-0000-7000-8000-000000000001";

/// A letter as its form sends it, with some fields in other words.
fn letter<'f>(changed: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    let mut fields = vec![
        ("from", "jane@crm.test"),
        ("to", "zoe@customer.test"),
        ("subject", "Our offer"),
        ("text", "Fifty pallets?\r\n\r\nJane"),
        ("key", "key-7"),
        ("do", "send"),
    ];
    fields.retain(|(name, _)| changed.iter().all(|(other, _)| name != other));
    fields.extend_from_slice(changed);
    fields
}

/// Whether the form holds a value in its fields.
fn holds(answer: &Answer, name: &str, value: &str) -> bool {
    let text = answer.text.replace("&#x2f;", "/");
    let at = text.find(&format!(" name=\"{name}\"")).unwrap_or_else(|| panic!("no {name}"));
    text[at..].split_once('<').is_some_and(|(tag, _)| tag.contains(value))
}

#[tokio::test]
async fn a_letter_begins_with_whom_it_is_for() {
    let site = Site::signed_in();
    let record = site.get(&format!("/{ZOE}")).await;
    assert!(record.text.contains(&format!("href=\"/write?about={ZOE}\"")), "{}", record.text);
    let form = site.get(&format!("/write?about={ZOE}")).await;
    assert!(holds(&form, "to", "zoe@customer.test") && holds(&form, "about", ZOE), "{}", form.text);
    assert!(form.text.contains("Jane Doe &lt;jane@crm.test&gt;") && form.text.contains("sales@crm.test"));
    let mail = site.get(&format!("/emails/{MAIL}")).await;
    for kind in ["reply", "replyall", "forward"] {
        assert!(mail.text.contains(&format!("href=\"/write?{kind}={MAIL}\"")), "{kind}");
    }
    let answer = site.get(&format!("/write?reply={MAIL}")).await;
    assert!(holds(&answer, "text", "&gt; quoted") && holds(&answer, "earlier", &format!("reply {MAIL}")));
    let forward = site.get(&format!("/write?forward={MAIL}")).await;
    assert!(forward.text.contains("carton-1.jpg") && holds(&forward, "carries", MAIL));
    for path in
        ["/write?reply=x", "/write?about=users/x", "/write?again=019ab100-0000-7000-8000-0000000fffff"]
    {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn recipients_are_found_and_added_without_script() {
    let site = Site::signed_in();
    let found = site.press("/write", &letter(&[("do", "find"), ("who", "zo")])).await;
    assert!(
        found.text.contains("value=\"&quot;Zoë Müller&quot; &lt;zoe@customer.test&gt;\" checked"),
        "{}",
        found.text
    );
    assert!(holds(&found, "text", "Fifty pallets?") && holds(&found, "key", "key-7"));
    let fields =
        [("do", "cc"), ("who", "zo"), ("chosen", "\"Zoë Müller\" <zoe@customer.test>"), ("cc", "a@b.test;")];
    let added = site.press("/write", &letter(&fields)).await;
    assert!(
        holds(&added, "cc", "a@b.test, &quot;Zoë Müller&quot; &lt;zoe@customer.test&gt;"),
        "{}",
        added.text
    );
    let nobody = site.press("/write", &letter(&[("do", "find"), ("who", "")])).await;
    assert!(nobody.text.contains("Nobody with an address"));
    let listed = site.get("/write/recipients?who=adam").await;
    assert_eq!(listed.header("content-type"), "application/json");
    assert!(listed.text.contains("\"address\":\"adam.weber@northwind.test\""), "{}", listed.text);
}

#[tokio::test]
async fn it_is_shown_before_it_is_sent_and_goes_out_once() {
    let site = Site::signed_in();
    let html = [("do", "show"), ("html", "<b>Fifty</b><script>1</script>"), ("subject", "")];
    let shown = site.press("/write", &letter(&html)).await;
    for words in
        ["not sent yet", "It has no subject.", "&quot;&gt;&lt;b&gt;Fifty&lt;", "sandbox=\"\"", "1 recipient<"]
    {
        assert!(shown.text.contains(words), "{words} is not in {}", shown.text);
    }
    assert!(holds(&shown, "text", "Fifty pallets?\n\nJane") && holds(&shown, "html", "&lt;b&gt;Fifty"));
    let with_file = site.press("/write", &letter(&[("do", "show"), ("files=offer.pdf", "x")])).await;
    assert!(with_file.text.contains("offer.pdf") && !with_file.text.contains("value=\"send\""));
    for _ in 0..2 {
        let sent = site.press("/write", &letter(&[("files=offer.pdf", "x"), ("files=", "")])).await;
        assert_eq!(sent.header("location"), "/emails/019ab100-0000-7000-8000-00000000000a?sent=1");
    }
    let after = site.get("/emails/019ab100-0000-7000-8000-00000000000a?sent=1").await;
    assert!(after.text.contains("Undo") && after.text.contains("it goes out"), "{}", after.text);
    let undone = site.post("/emails/019ab100-0000-7000-8000-00000000000a/undo", "").await;
    assert_eq!(undone.header("location"), "/write?again=019ab100-0000-7000-8000-00000000000a");
    let late = site.post("/emails/019ab100-0000-7000-8000-00000000000a/undo", "").await;
    assert_eq!(late.header("location"), "/emails/019ab100-0000-7000-8000-00000000000a?late=1");
}

#[tokio::test]
async fn what_cannot_go_out_is_said_and_nothing_is_lost() {
    let site = Site::signed_in();
    let nobody = site.press("/write", &letter(&[("to", "")])).await;
    assert!(nobody.text.contains("the mail has no recipient") && holds(&nobody, "text", "Fifty pallets?"));
    let soon = site.press("/write", &letter(&[("at", "soon")])).await;
    assert!(soon.text.contains("cannot be read") && holds(&soon, "subject", "Our offer"), "{}", soon.text);
    // Whoever was signed out meanwhile gets back what he wrote, and no page of ours with it.
    let fields = letter(&[("bcc", "boss@crm.test"), ("earlier", "reply 1"), ("files=a.pdf", "x")]);
    let expired = Site::stranger().press("/write", &fields).await;
    assert_eq!((expired.status.as_u16(), expired.heading()), (403, "You were signed out"));
    for (name, value) in
        [("text", "Fifty pallets?"), ("bcc", "boss@crm.test"), ("key", "key-7"), ("earlier", "reply 1")]
    {
        assert!(holds(&expired, name, value), "{name}");
    }
    for (failure, status) in [(web::Failure::TryLater, 503), (web::Failure::Internal, 500)] {
        let answer = Site::failing(failure).press("/write", &fields).await;
        assert_eq!(answer.status.as_u16(), status);
        assert!(
            holds(&answer, "text", "Fifty pallets?") && holds(&answer, "key", "key-7"),
            "{}",
            answer.text
        );
    }
    assert!(expired.header("content-security-policy").contains("script-src 'self'"));
}

#[tokio::test]
async fn a_house_that_is_busy_or_broken_does_not_say_that_somebody_was_signed_out() {
    let failures = [
        (web::Failure::TryLater, 503, "The house is busy just now"),
        (web::Failure::Internal, 500, "Something broke on our side"),
    ];
    for (failure, status, headline) in failures {
        let site = Site::in_world(|world| (world.failing, world.is_failing_at_once) = (Some(failure), true));
        let answer = site.press("/write", &letter(&[])).await;
        assert_eq!((answer.status.as_u16(), answer.heading()), (status, headline));
        assert!(
            holds(&answer, "text", "Fifty pallets?") && !answer.text.contains("Sign in"),
            "{}",
            answer.text
        );
        for path in ["/templates/new", "/templates/019ab100-0000-7000-8000-000000000320/edit"] {
            let answer = site.post(path, "title=Offer&text=Fifty+pallets&do=keep").await;
            assert_eq!((answer.status.as_u16(), answer.heading()), (status, "The house is busy just now"));
            assert!(holds(&answer, "text", "Fifty pallets") && holds(&answer, "title", "Offer"));
        }
    }
}

#[tokio::test]
async fn on_every_page_of_what_was_typed_recipients_stay_apart_and_formatting_stays() {
    let people = "Zoë <zoe@x.test>\r\nTom <tom@x.test>";
    let html = "<p>Fifty <b>pallets</b>?</p>";
    let fields = letter(&[("to", people), ("cc", people), ("bcc", people), ("html", html)]);
    let sites =
        [Site::stranger(), Site::failing(web::Failure::TryLater), Site::failing(web::Failure::Internal)];
    for site in sites {
        let answer = site.press("/write", &fields).await;
        for name in ["to", "cc", "bcc"] {
            // Browsers take line ends out of what an input holds.
            assert!(
                answer.text.contains(&format!("<textarea id=\"{name}\" name=\"{name}\"")),
                "{}",
                answer.text
            );
            assert!(holds(&answer, name, "zoe@x.test&gt;\nTom &lt;"), "{name}: {}", answer.text);
        }
        assert!(holds(&answer, "html", "&lt;p&gt;Fifty &lt;b&gt;pallets&lt;"), "{}", answer.text);
        assert!(
            holds(&answer, "text", "readonly"),
            "the text is made of the HTML: what is changed here would be lost"
        );
    }
    let plain = Site::stranger().press("/write", &letter(&[])).await;
    assert!(!plain.text.contains("readonly"), "{}", plain.text);
}

#[tokio::test]
async fn a_letter_is_kept_as_a_draft_gone_on_with_and_discarded() {
    let site = Site::signed_in();
    assert!(site.get("/outbox").await.text.contains("href=\"/drafts\">Drafts</a>"));
    let list = site.get("/drafts").await;
    assert!(list.text.contains("Our offer for the autumn") && !list.text.contains(HOSTILE), "{}", list.text);
    let kept = site.press("/write", &letter(&[("do", "draft"), ("receipt", "yes")])).await;
    let draft = "019ab100-0000-7000-8000-000000000300";
    assert_eq!(kept.header("location"), format!("/write?draft={draft}"));
    let form = site.get(kept.header("location")).await;
    assert!(form.text.contains("draft, kept") && form.text.contains("value=\"discard\""), "{}", form.text);
    assert!(holds(&form, "text", "Fifty pallets?") && holds(&form, "receipt", "checked"));
    assert!(holds(&form, "key", draft), "to keep it again is to keep that one");
    // A letter that is no draft has nothing to discard, and what was refused is shown once more.
    let refused = site.press("/write", &letter(&[("do", "draft"), ("to", HOSTILE)])).await;
    assert!(refused.text.contains("is no e-mail address") && holds(&refused, "text", "Fifty pallets?"));
    assert!(!refused.text.contains("value=\"discard\""));
    // Somebody was faster on another page: both texts are there, and the next button means the one that was typed.
    let late = [("do", "draft"), ("key", draft), ("version", "1"), ("text", "Sixty?")];
    let late = site.press("/write", &letter(&late)).await;
    assert!(
        late.text.contains("changed on another page") && late.text.contains(">\nSixty?<"),
        "{}",
        late.text
    );
    assert!(holds(&late, "version", "2") && late.text.contains("value=\"apart\""));
    assert!(late.text.contains("&lt;script") && !late.text.contains(HOSTILE), "what it is by now is text");
    assert!(late.attributes("href").contains(&format!("/write?draft={draft}")));
    let apart = site.press("/write", &letter(&[("do", "apart"), ("key", draft), ("version", "2")])).await;
    assert_eq!(apart.status, 303);
    let kept = site.get(&format!("/write?draft={draft}")).await;
    assert!(holds(&kept, "version", "value=\"\""), "as a new one, which replaces none: {}", kept.text);
    let late = [("do", "discard"), ("key", draft), ("version", "1"), ("text", "Sixty?")];
    let late = site.press("/write", &letter(&late)).await;
    assert!(late.text.contains("changed on another page"), "{}", late.text);
    assert!(holds(&late, "version", "2") && late.text.contains(">\nSixty?<"), "{}", late.text);
    let thrown = site.press("/write", &letter(&[("do", "discard"), ("key", draft)])).await;
    assert_eq!(thrown.header("location"), "/drafts");
    assert_eq!(site.get(&format!("/write?draft={draft}")).await.status, 404);
    let first = "019ab100-0000-7000-8000-0000000002bc";
    assert_eq!(site.post(&format!("/drafts/{first}/discard"), "").await.header("location"), "/drafts");
    assert!(!site.get("/drafts").await.text.contains("Our offer for the autumn"));
    assert_eq!(site.post(&format!("/drafts/{first}/discard"), "").await.status, 404);
}

/// Bytes that are asked for one chunk at a time, and counted.
fn counted(head: &str, chunks: usize) -> (Body, Arc<AtomicUsize>) {
    let read = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&read);
    let all = std::iter::once(head.to_owned()).chain(std::iter::repeat_n("x".repeat(1_000), chunks));
    let all = all.map(move |chunk| {
        count.fetch_add(chunk.len(), Ordering::Relaxed);
        Ok::<_, Infallible>(chunk)
    });
    (Body::from_stream(futures_util::stream::iter(all)), read)
}

#[tokio::test]
async fn of_a_stranger_s_form_little_is_read_and_of_one_of_ours_all_that_was_typed() {
    let site = Site::signed_in();
    let form = site.get("/write").await;
    let at = form.text.find("name=\"stamp\" value=\"").unwrap();
    assert!(at < form.text.find("name=\"from\"").unwrap(), "it comes first");
    let stamp = form.text[at..].split('"').nth(3).unwrap().to_owned();
    let long = format!("{} the end", "word ".repeat(200_000));
    let large = "x".repeat(3_000_000);
    let fields =
        [("stamp", stamp.as_str())].into_iter().chain(letter(&[("text", &long), ("files=a.bin", &large)]));
    let expired = site.signed_out().press("/write", &fields.collect::<Vec<_>>()).await;
    assert_eq!((expired.status.as_u16(), expired.heading()), (403, "You were signed out"));
    assert!(expired.text.contains("word  the end") && holds(&expired, "stamp", &stamp));
    // Of a stranger's short letter with a large file the words are there.
    let short = letter(&[("files=a.bin", &large)]);
    assert!(holds(&Site::stranger().press("/write", &short).await, "text", "Fifty pallets?"));
    // Without a stamp of ours a megabyte is too much, and little of it was read.
    for stamp in ["", "1.2", &format!("9{stamp}")] {
        let head = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"stamp\"\r\n\r\n{stamp}\r\n\
            --edge\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n"
        );
        let (body, read) = counted(&head, 4_000);
        let request = Request::post("/write").header("sec-fetch-site", "same-origin");
        let request =
            request.header("content-type", "multipart/form-data; boundary=edge").body(body).unwrap();
        assert_eq!(site.signed_out().send(request).await.status, 413, "{stamp}");
        assert!(read.load(Ordering::Relaxed) < 200_000, "{} bytes were read", read.load(Ordering::Relaxed));
    }
}

/// A stamp of the site, and the site to whoever was signed out.
async fn left(site: &Site) -> (String, Site) {
    let form = site.get("/write").await;
    let at = form.text.find("name=\"stamp\" value=\"").unwrap();
    (form.text[at..].split('"').nth(3).unwrap().to_owned(), site.signed_out())
}

/// A form whose last field goes on until somebody says its end, if anybody does; it says when that field is read.
fn slow(stamp: &str, last: &str) -> (Request<Body>, oneshot::Receiver<()>, oneshot::Sender<()>) {
    let field = |name: &str, value: &str| {
        format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let head = [field("stamp", stamp), field("who", &"x".repeat(2_000)), last.to_owned()].concat();
    let (is_read, reading) = oneshot::channel();
    let (end, ended) = oneshot::channel::<()>();
    let rest = stream::once(async move {
        is_read.send(()).ok();
        ended.await.ok();
        Ok("\r\n--edge--\r\n".to_owned())
    });
    let body = Body::from_stream(stream::once(async { Ok::<_, Infallible>(head) }).chain(rest));
    let request = Request::post("/write").header("sec-fetch-site", "same-origin");
    let request = request.header("content-type", "multipart/form-data; boundary=edge").body(body).unwrap();
    (request, reading, end)
}

const TEXT: &str = "--edge\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nFifty pallets?";

#[tokio::test(start_paused = true)]
async fn large_forms_of_whoever_was_signed_out_wait_for_a_place_as_others_do() {
    let (stamp, site) = left(&Site::signed_in()).await;
    let (mut ends, mut answers) = (Vec::new(), JoinSet::new());
    let site = Arc::new(site);
    let mut send = |request| {
        let site = Arc::clone(&site);
        answers.spawn(async move { site.send(request).await });
    };
    for _ in 0..model::limits::WRITTEN_LARGE_MAX {
        let (request, reading, end) = slow(&stamp, TEXT);
        send(request);
        reading.await.unwrap();
        ends.push(end);
    }
    let (request, mut reading, end) = slow(&stamp, TEXT);
    send(request);
    let waited = tokio::time::timeout(Duration::from_secs(1), &mut reading).await;
    assert!(waited.is_err(), "one more is in memory");
    ends.pop().unwrap().send(()).unwrap();
    reading.await.unwrap();
    end.send(()).unwrap();
    drop(ends);
    while let Some(answer) = answers.join_next().await {
        assert!(holds(&answer.unwrap(), "text", "Fifty pallets?"));
    }
}
const FILE: &str =
    "\r\n--edge\r\nContent-Disposition: form-data; name=\"files\"; filename=\"film.mp4\"\r\n\r\nx";

#[tokio::test(start_paused = true)]
async fn of_a_form_that_comes_too_slowly_what_came_is_there() {
    let (stamp, site) = left(&Site::signed_in()).await;
    let (request, _reading, _end) = slow(&stamp, &format!("{TEXT}{FILE}"));
    let answer = site.send(request).await;
    assert_eq!((answer.status.as_u16(), answer.heading()), (403, "You were signed out"));
    assert!(holds(&answer, "text", "Fifty pallets?") && answer.text.contains("Go on writing"));
    // Where the text itself was under way, its end may be missing: it is not to be sent like that.
    let (request, _reading, _end) = slow(&stamp, TEXT);
    let answer = site.send(request).await;
    assert_eq!(answer.status, 413);
    assert!(holds(&answer, "text", "Fifty pallets?") && !answer.text.contains("Go on writing"));
}

#[tokio::test]
async fn whatever_is_typed_is_text() {
    let site = Site::signed_in();
    let names = [
        "from",
        "to",
        "cc",
        "bcc",
        "subject",
        "text",
        "html",
        "at",
        "importance",
        "receipt",
        "earlier",
        "carries",
        "shows",
        "delivered",
        "about",
        "key",
        "who",
    ];
    for verb in ["keep", "show", "find"] {
        let mut fields: Vec<(&str, &str)> = names.iter().map(|name| (*name, HOSTILE)).collect();
        fields.push(("do", verb));
        for site in [&site, &Site::stranger()] {
            let answer = site.press("/write", &fields).await;
            assert!(answer.text.contains("&lt;script&gt;"), "{}", answer.text);
            assert!(!answer.text.contains("<script>alert") && !answer.text.contains("<img src=x"), "{verb}");
        }
    }
}

#[tokio::test]
async fn a_form_is_as_large_as_it_may_be_and_no_larger() {
    let site = Site::signed_in();
    let large = "x".repeat(model::limits::WRITTEN_FILES_BYTES_MAX + 1);
    // Whatever was too much, the words are there, and the button that was pressed did nothing.
    for fields in [letter(&[("files=a.bin", &large)]), [letter(&[]), vec![("chosen", "x"); 400]].concat()] {
        let answer = site.press("/write", &fields).await;
        assert_eq!((answer.status.as_u16(), answer.heading()), (413, "Write"));
        assert!(answer.text.contains("choose fewer or smaller files"), "{}", answer.text);
        assert!(holds(&answer, "text", "Fifty pallets?"), "{}", answer.text);
    }
    // As browsers send it, piece by piece: it is read to its end, else they show no answer.
    let head = "--edge\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nFifty pallets?\r\n\
        --edge\r\nContent-Disposition: form-data; name=\"files\"; filename=\"film.mp4\"\r\n\r\n";
    let (body, read) = counted(head, 60_000);
    let request = Request::post("/write").header("sec-fetch-site", "same-origin");
    let request = request.header("cookie", site.cookie.clone().unwrap());
    let request = request.header("content-type", "multipart/form-data; boundary=edge").body(body).unwrap();
    let answer = site.send(request).await;
    assert_eq!((answer.status.as_u16(), answer.heading()), (413, "Write"));
    assert!(holds(&answer, "text", "Fifty pallets?"), "{}", answer.text);
    assert!(read.load(Ordering::Relaxed) > 60_000_000, "{} bytes were read", read.load(Ordering::Relaxed));
    let huge = "x".repeat(model::limits::WRITTEN_FILES_BYTES_MAX + 6_000_000);
    assert_eq!(site.press("/write", &letter(&[("files=a.bin", &huge)])).await.status, 413);
    let cut = site.press("/write", &letter(&[("text", &large[..5_000_000])])).await;
    assert_eq!((cut.status.as_u16(), cut.heading()), (413, "That is too much for one mail"));
    assert!(cut.text.contains("xxxx</textarea>") && !cut.text.contains("Go on writing"));
    let fits = "x".repeat(model::limits::WRITTEN_FILES_BYTES_MAX);
    assert_eq!(site.press("/write", &letter(&[("files=a.bin", &fits)])).await.status, 303);
    assert_eq!(site.post("/write", "text=x").await.status, 400, "no such form");
    assert_eq!(
        site.post("/sign-in", &format!("address={}", "x".repeat(70_000))).await.heading(),
        "That is too much at once"
    );
}
