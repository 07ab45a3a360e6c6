//! Letters written on pages without any script, over a house that serves: what a person types, and what comes of it.

use std::process::Stdio;

use crate::client::{Heard, http};
use crate::pages::{sign_in, sign_in_as};
use crate::program::{Place, Serving};

/// A person at the pages of a house that keeps all mail in its outbox.
struct Desk {
    place: Place,
    house: Serving,
    cookie: String,
}

impl Desk {
    fn new() -> Desk {
        let place = Place::with_contoso();
        place.add_relay();
        place.well(&["user", "add", "--org", "contoso", "--name", "Ben", "--address", "ben@contoso.test"]);
        let house = place.serve_with(&[("POSTROOM_NODE_ROLES", "receive,web,jobs,index")], Stdio::inherit());
        let cookie = sign_in(&place, &house);
        Desk { place, house, cookie }
    }

    /// The same desk once the house has stopped and serves again.
    fn begun_anew(self) -> Desk {
        assert!(self.house.terminate().success());
        Desk { house: self.place.serve(), ..self }
    }

    fn get(&self, path: &str) -> String {
        let heard = http(self.house.web, &format!("GET {path}"), &self.cookie);
        assert_eq!(heard.status, 200, "{path}: {}", heard.head);
        heard.text()
    }

    /// What somebody else is told, who is signed in as Ben.
    fn bens(&self) -> impl Fn(&str) -> Heard {
        let cookie = sign_in_as("ben@contoso.test", &self.place, &self.house);
        move |request| http(self.house.web, request, &cookie)
    }

    /// Sends the form with these fields; `files=offer.pdf` brings a file of this name.
    fn press(&self, fields: &[(&str, &str)]) -> Heard {
        let mut body = String::new();
        for (name, value) in fields {
            let (name, file) = name.split_once('=').unwrap_or((name, ""));
            let file = if file.is_empty() { String::new() } else { format!("; filename=\"{file}\"") };
            body += &format!(
                "--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n"
            );
        }
        let headers = format!("{}Content-Type: multipart/form-data; boundary=edge\r\n", self.cookie);
        http(self.house.web, &format!("POST /write\n{body}--edge--\r\n"), &headers)
    }

    /// Sends it, and says where the browser is led.
    fn sent(&self, fields: &[(&str, &str)]) -> String {
        let heard = self.press(fields);
        assert_eq!(heard.status, 303, "{}", heard.text());
        let place = heard.head.lines().find_map(|line| line.strip_prefix("location: "));
        place.unwrap().trim_end_matches("?sent=1").to_owned()
    }

    /// The address of an e-mail as its source is shown.
    fn source(&self, email: &str) -> String {
        self.get(&format!("{email}/source"))
    }

    fn outgoing(&self) -> usize {
        self.get("/outbox").matches("class=\"outbox-row\"").count()
    }
}

/// The value of a hidden or typed field.
fn field(page: &str, name: &str) -> String {
    let (_, tag) =
        page.split_once(&format!(" name=\"{name}\"")).unwrap_or_else(|| panic!("no {name}: {page}"));
    let (_, value) = tag.split_once("value=\"").unwrap();
    value.split('"').next().unwrap().replace("&#x2f;", "/").replace("&lt;", "<").replace("&gt;", ">")
}

const LETTER: [(&str, &str); 6] = [
    ("from", "jane@contoso.test"),
    ("to", "Zoë Müller <zoe@fabrikam.test>"),
    ("subject", "Our offer"),
    ("text", "Fifty pallets?\r\n\r\nJane"),
    ("key", "0123"),
    ("do", "send"),
];

fn letter<'f>(changed: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    let kept = LETTER.into_iter().filter(|(name, _)| changed.iter().all(|(other, _)| name != other));
    kept.chain(changed.iter().copied()).collect()
}

#[test]
fn a_letter_is_written_shown_sent_once_and_taken_back() {
    let desk = Desk::new();
    let person = desk.get("/people?q=zo");
    let at = person.find("/contacts/").map(|at| &person[at + 1..at + 46]).unwrap();
    let form = desk.get(&format!("/write?about={at}"));
    assert!(form.contains("Zoë Müller &lt;zoe@fabrikam.test&gt;"), "{form}");
    let key = field(&form, "key");
    let found = desk.press(&letter(&[("do", "find"), ("who", "zo")])).text();
    assert!(found.contains("value=\"Zoë Müller &lt;zoe@fabrikam.test&gt;\""), "{found}");
    let shown = desk.press(&letter(&[("do", "show"), ("subject", ""), ("text", "See attached.")])).text();
    for words in ["Jane Doe", "Zoë Müller</a>", "It has no subject.", "speaks of an attachment"] {
        assert!(shown.contains(words), "{words} is not in {shown}");
    }
    let fields = [("key", key.as_str()), ("about", at), ("importance", "high"), ("receipt", "yes")];
    let email = desk.sent(&letter(&fields));
    assert_eq!(desk.sent(&letter(&fields)), email, "a second click");
    let page = desk.get(&email);
    assert!(
        page.contains("goes out") && page.contains("Pending Send") && page.contains("Regarding"),
        "{page}"
    );
    let source = desk.source(&email);
    for line in ["Importance: high", "Disposition-Notification-To: ", "Fifty pallets?"] {
        assert!(source.contains(line), "{line} is not in {source}");
    }
    let other = desk.sent(&letter(&[&fields[..], &[("text", "Sixty?")]].concat()));
    assert!(other != email && desk.outgoing() == 2, "other words under the same key are another letter");

    let undone = http(desk.house.web, &format!("POST {email}/undo"), &desk.cookie);
    let again =
        undone.head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().trim().to_owned();
    let form = desk.get(&again);
    assert!(form.contains("Fifty pallets?\n\nJane") && field(&form, "about") == at, "{form}");
    assert!(field(&form, "key") != key && form.contains("value=\"high\" selected"));
    let late = http(desk.house.web, &format!("POST {email}/undo"), &desk.cookie);
    assert!(late.head.contains("?late=1"), "{}", late.head);
}

#[test]
fn html_is_cleaned_and_files_go_along_to_whom_it_is_forwarded() {
    let desk = Desk::new();
    let html = "<p>Fifty <b>pallets</b><script>alert(1)</script><img src=x onerror=alert(1)></p>";
    let fields = [("html", html), ("files=plan.csv", "a;b\r\n"), ("bcc", "boss@contoso.test")];
    let email = desk.sent(&letter(&fields));
    let source = desk.source(&email);
    assert!(source.contains("multipart/alternative") && source.contains("<b>pallets</b>"), "{source}");
    assert!(
        source.contains("Fifty pallets") && !source.contains("alert") && !source.contains("Jane\r\n\r\n")
    );
    let form = desk.get(&format!("/write?forward={}", email.trim_start_matches("/emails/")));
    assert!(form.contains("plan.csv") && form.contains("Fw: Our offer"), "{form}");
    let carries = field(&form, "carries");
    let earlier = field(&form, "earlier");
    let fields = [
        ("to", "ben@contoso.test"),
        ("earlier", earlier.as_str()),
        ("carries", carries.as_str()),
        ("subject", "Fw: x"),
    ];
    let forward = desk.sent(&letter(&fields));
    assert!(desk.get(&forward).contains("plan.csv"));
    let answer = desk.get(&format!("/write?replyall={}", email.trim_start_matches("/emails/")));
    assert!(
        answer.contains("Zoë Müller &lt;zoe@fabrikam.test&gt;") && answer.contains("Re: Our offer"),
        "{answer}"
    );
    assert!(answer.contains("&gt; Fifty"), "quoted: {answer}");
}

#[test]
fn nobody_writes_what_is_not_his_to_write() {
    let desk = Desk::new();
    let refused = |changed: &[(&str, &str)], words: &str| {
        let heard = desk.press(&letter(changed));
        let text = heard.text();
        assert!(heard.status == 200 && text.contains(words), "{words}: {text}");
        assert!(text.contains("Fifty pallets?"), "what was typed is there: {text}");
    };
    refused(&[("from", "ben@contoso.test")], "you may not write as ben@contoso.test");
    refused(&[("to", "")], "the mail has no recipient");
    refused(&[("to", "zoe@fabrikam.test, zoe")], "“zoe” is no e-mail address");
    refused(&[("cc", "x <y>; z@fabrikam.test")], "is no e-mail address");
    let crowd = (0..1_001).map(|n| format!("n{n}@fabrikam.test;")).collect::<String>();
    refused(&[("bcc", crowd.as_str())], "at most 1000 recipients");
    refused(&[("earlier", "reply 019ab100-0000-7000-8000-000000000001")], "is not here");
    assert_eq!(desk.outgoing(), 0);
    let thousand = (0..999).map(|n| format!("n{n}@fabrikam.test\r\n")).collect::<String>();
    let shown = desk.press(&letter(&[("bcc", thousand.as_str()), ("do", "show")])).text();
    assert!(shown.contains("1,000 recipients"), "{shown:.4000}");
    desk.sent(&letter(&[("bcc", thousand.as_str())]));

    // No field becomes a line of the header, whatever stands in it.
    let evil = "x\r\nBcc: spy@evil.test\r\nX-Evil: 1\r\n\r\nbody";
    let heard = desk.press(&letter(&[
        ("subject", evil),
        ("to", "\"a\r\nBcc: spy\" <zoe@fabrikam.test>"),
        ("importance", evil),
        ("files=a\r\nX-Evil: 1.pdf", "x"),
    ]));
    assert!(heard.status == 200 || heard.status == 400, "{}", heard.head);
    let email = desk.sent(&letter(&[("subject", evil), ("importance", evil), ("text", evil)]));
    let source = desk.source(&email);
    let (head, _) = source.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("\r\nX-Evil") && !head.contains("\r\nBcc"), "{head}");
}

#[test]
fn another_s_letter_is_not_written_again() {
    let desk = Desk::new();
    let mine = desk.sent(&letter(&[]));
    let id = mine.trim_start_matches("/emails/");
    assert!(desk.get(&format!("/write?again={id}")).contains("Fifty pallets?"));
    let bens = desk.bens();
    for path in [format!("GET /write?again={id}"), format!("POST {mine}/undo")] {
        assert_eq!(bens(&path).status, 404, "{path}");
    }
    assert_eq!(bens(&format!("GET /write?reply={id}")).status, 200, "it can be answered");
}

#[test]
fn what_a_command_wrote_for_nobody_is_changed_and_answered_by_no_other_user() {
    let desk = Desk::new();
    let org = ["send", "--org", "contoso", "--from", "jane@contoso.test", "--to", "zoe@fabrikam.test"];
    desk.place.file("hush.txt", "Nobody knows.\n");
    let id = desk.place.well(&[&org[..], &["--draft", "--subject", "Hush", "hush.txt"]].concat());
    let id = id.trim().to_owned();
    let bens = Desk { cookie: sign_in_as("ben@contoso.test", &desk.place, &desk.house), ..desk };
    let answers = format!("reply {id}");
    let own = [("from", "ben@contoso.test")];
    for named in [("key", id.as_str()), ("earlier", answers.as_str())] {
        for button in ["draft", "send", "show"] {
            let heard = bens.press(&letter(&[&own[..], &[named, ("do", button)]].concat()));
            let text = heard.text();
            assert!(
                heard.status == 200 && text.contains("is not here any more"),
                "{named:?} {button}: {text}"
            );
        }
    }
    let sent = bens.place.run(&["draft", "send", "--org", "contoso", &id]);
    assert!(sent.code == 0, "as it was, it goes out: {}", sent.err);
}

const LATER: &str = "2036-11-27T09:30";

#[test]
fn a_draft_is_its_writers_is_one_however_often_it_is_kept_and_goes_out_once() {
    let desk = Desk::new();
    let key = field(&desk.get("/write"), "key");
    let html = "<p>Fifty <b>pallets</b>?</p>";
    let fields =
        [("key", key.as_str()), ("html", html), ("at", LATER), ("receipt", "yes"), ("delivered", "yes")];
    let fields = letter(&[&fields[..], &[("do", "draft"), ("bcc", "boss@contoso.test")]].concat());
    let with_file = [&fields[..], &[("files=plan.csv", "a;b\r\n")]].concat();
    let at = format!("/write?draft={key}");
    assert_eq!([desk.sent(&with_file), desk.sent(&with_file)], [at.clone(), at.clone()], "a double click");
    assert_eq!(desk.get("/drafts").matches("class=\"outbox-row\"").count(), 1);
    assert_eq!(desk.outgoing(), 0, "it does not go out");
    let form = desk.get(&at);
    assert!(form.contains("draft, kept") && form.contains("plan.csv") && form.contains("boss@contoso.test"));
    assert!(
        form.contains("&lt;b&gt;pallets&lt;") && form.matches("value=\"yes\" checked").count() == 2,
        "{form}"
    );
    assert_eq!((field(&form, "at"), field(&form, "key")), (LATER.to_owned(), key.clone()));
    assert_eq!(field(&form, "carries"), key, "its own files");

    let email = format!("/emails/{key}");
    assert!(desk.get("/mail").contains("Our offer") && desk.get(&email).contains("Go on writing"));
    let bens = desk.bens();
    let person = desk.get("/people?q=zo");
    let record = person.find("/contacts/").map(|at| &person[at..at + 46]).unwrap();
    assert!(desk.get(record).contains("Our offer"));
    for list in ["/drafts", "/mail", record] {
        let page = bens(&format!("GET {list}"));
        assert!(page.status == 200 && !page.text().contains("Our offer"), "{list}: {}", page.text());
    }
    let emails = ["", "/source", "/body"].map(|part| format!("GET {email}{part}"));
    let letters = ["draft", "forward", "reply"].map(|verb| format!("GET /write?{verb}={key}"));
    for request in emails.into_iter().chain(letters).chain([format!("POST /drafts/{key}/discard")]) {
        assert_eq!(bens(&request).status, 404, "{request}");
    }

    // Kept in other words, and sent in its own place.
    let carried = [&fields[..], &[("carries", key.as_str()), ("shows", key.as_str())]].concat();
    let version = field(&form, "version");
    let better: Vec<(&str, &str)> = carried
        .iter()
        .map(|&(name, value)| if name == "subject" { (name, "A better offer") } else { (name, value) })
        .chain([("version", version.as_str())])
        .collect();
    assert_eq!(desk.sent(&better), at);
    assert!(desk.get("/drafts").contains("A better offer") && !desk.get("/drafts").contains("Our offer"));
    let version = field(&desk.get(&at), "version");
    let send: Vec<(&str, &str)> = better
        .iter()
        .map(|&(name, value)| match name {
            "do" => (name, "send"),
            "version" => (name, version.as_str()),
            _ => (name, value),
        })
        .collect();
    assert_eq!([desk.sent(&send), desk.sent(&send)], [email.clone(), email.clone()], "a double click");
    assert!(desk.get(&email).contains("plan.csv") && desk.get("/drafts").contains("No drafts"));
    assert_eq!(desk.outgoing(), 1);
    let source = desk.source(&email);
    assert!(source.contains("A better offer") && source.contains("Disposition-Notification-To"), "{source}");
}

#[test]
fn of_two_pages_with_one_draft_the_second_is_told_and_both_texts_are_there() {
    let desk = Desk::new();
    let key = field(&desk.get("/write"), "key");
    let at = desk.sent(&letter(&[("key", key.as_str()), ("do", "draft")]));
    let version = field(&desk.get(&at), "version");
    let of = [("key", key.as_str())];
    let page = |verb, text, version| {
        letter(&[("key", key.as_str()), ("version", version), ("text", text), ("do", verb)])
    };
    assert_eq!(desk.sent(&page("draft", "Sixty pallets?", &version)), at);

    for verb in ["draft", "send"] {
        let late = desk.press(&page(verb, "Seventy pallets?", &version));
        let told = late.text();
        assert!(late.status == 200 && told.contains("changed on another page"), "{verb}: {told}");
        assert!(typed_text(&told).contains("Seventy") && told.contains(">\nSixty pallets?"), "{told}");
        assert!(desk.get(&at).contains("Sixty pallets?") && desk.outgoing() == 0, "nothing was replaced");
    }
    // An older page of the browser, from before it was a draft, is no other case.
    assert!(desk.press(&page("draft", "Eighty?", "")).text().contains("changed on another page"));

    // Nor does an older page throw away what was kept since; the next one means it.
    let told = desk.press(&page("discard", "Fifty pallets?", &version)).text();
    assert!(told.contains("changed on another page") && told.contains(">\nSixty pallets?"), "{told}");
    assert!(desk.get(&at).contains("Sixty pallets?"));

    // What was typed becomes a draft of its own, or takes the other one's place.
    let apart = desk.sent(&page("apart", "Seventy pallets?", &version));
    assert!(apart != at && desk.get(&apart).contains("Seventy") && desk.get(&at).contains("Sixty"));
    assert_eq!(desk.get("/drafts").matches("class=\"outbox-row\"").count(), 2);
    // A double click is one draft more, not two.
    let told = desk.press(&page("draft", "Ninety?", &version)).text();
    let its = field(&told, "apart");
    let twice = letter(&[&of[..], &[("apart", &its), ("text", "Ninety?"), ("do", "apart")]].concat());
    let apart = desk.sent(&twice);
    assert_eq!((desk.sent(&twice), apart), (format!("/write?draft={its}"), format!("/write?draft={its}")));
    assert_eq!(http(desk.house.web, &format!("POST /drafts/{its}/discard"), &desk.cookie).status, 303);
    let by_now = field(&told, "version");
    assert_eq!(
        desk.sent(&letter(
            &[&of[..], &[("text", "Ninety?"), ("version", &by_now), ("do", "draft")]].concat()
        )),
        at
    );
    assert!(desk.get(&at).contains("Ninety?"));
    let told = desk.press(&page("discard", "Ninety?", &version)).text();
    let by_now = field(&told, "version");
    assert_eq!(
        desk.sent(&letter(&[&of[..], &[("version", &by_now), ("do", "discard")]].concat())),
        "/drafts"
    );
    assert_eq!(desk.get("/drafts").matches("class=\"outbox-row\"").count(), 1);
}

#[test]
fn of_two_pages_with_one_draft_the_files_of_the_other_are_named_before_they_go() {
    let desk = Desk::new();
    let key = field(&desk.get("/write"), "key");
    let of = [("key", key.as_str()), ("do", "draft")];
    desk.sent(&letter(&[&of[..], &[("files=plan.csv", "a;b")]].concat()));
    let late = letter(&[&of[..], &[("version", "00"), ("text", "Sixty?")]].concat());
    let told = desk.press(&late).text();
    assert!(told.contains("File: plan.csv") && told.contains("goes where yours takes its place"), "{told}");
    let carried = [&late[..], &[("carries", key.as_str())]].concat();
    let told = desk.press(&carried).text();
    assert!(told.contains("File: plan.csv") && !told.contains("goes where yours"), "it goes along: {told}");
}

#[test]
fn of_two_pages_with_one_draft_the_second_asks_before_it_sends_other_words() {
    let desk = Desk::new();
    let key = field(&desk.get("/write"), "key");
    let at = desk.sent(&letter(&[("key", key.as_str()), ("do", "draft")]));
    let version = field(&desk.get(&at), "version");
    let of = [("key", key.as_str()), ("version", version.as_str())];
    let sixty = letter(&[&of[..], &[("text", "Sixty pallets?")]].concat());
    let email = desk.sent(&sixty);
    assert_eq!(desk.sent(&sixty), email, "the same words are that letter");

    let seventy = letter(&[&of[..], &[("text", "Seventy pallets?")]].concat());
    let told = desk.press(&seventy).text();
    assert!(told.contains("was sent from another page") && told.contains(">\nSixty pallets?"), "{told}");
    assert!(typed_text(&told).contains("Seventy") && told.contains(&email), "{told}");
    assert_eq!(desk.outgoing(), 1, "nothing went out unasked");
    // Whoever means it sends it once.
    let (key, version) = (field(&told, "key"), field(&told, "version"));
    let of = [("key", key.as_str()), ("version", version.as_str())];
    let seventy = letter(&[&of[..], &[("text", "Seventy pallets?")]].concat());
    let other = desk.sent(&seventy);
    assert!(other != email && desk.sent(&seventy) == other && desk.outgoing() == 2);
}

#[test]
fn what_was_taken_back_is_sent_anew_and_discarded_drafts_are_gone() {
    let desk = Desk::new();
    let first = desk.sent(&letter(&[]));
    let cancel = format!("POST /outbox/{}/cancel\nto=/outbox", first.trim_start_matches("/emails/"));
    assert_eq!(http(desk.house.web, &cancel, &desk.cookie).status, 303);
    // The very same form: whoever presses *Send* once more means it.
    let second = desk.sent(&letter(&[]));
    assert!(second != first && desk.get(&second).contains("Pending Send"));
    assert_eq!(desk.sent(&letter(&[])), second, "a second click");
    assert_eq!(desk.outgoing(), 2);

    let key = field(&desk.get("/write"), "key");
    let kept = letter(&[("key", key.as_str()), ("do", "draft"), ("to", "")]);
    assert_eq!(desk.sent(&kept), format!("/write?draft={key}"));
    let refused = desk.press(&letter(&[("do", "draft"), ("cc", "nobody")]));
    assert!(refused.status == 200 && refused.text().contains("is no e-mail address"), "{}", refused.text());
    let thrown = http(desk.house.web, &format!("POST /drafts/{key}/discard"), &desk.cookie);
    assert!(thrown.head.contains("location: /drafts\r\n"), "{}", thrown.head);
    assert!(desk.get("/drafts").contains("No drafts"));
    let gone = http(desk.house.web, &format!("GET /write?draft={key}"), &desk.cookie);
    assert_eq!(gone.status, 404);
}

#[test]
fn undo_of_a_draft_opens_that_draft_and_what_a_program_wrote_stays_its() {
    let desk = Desk::new();
    desk.place.file("news.txt", "We move.\n");
    let news = ["send", "--org", "contoso", "--from", "jane@contoso.test", "--to", "zoe@fabrikam.test"];
    let news = [&news[..], &["--draft", "--bulk", "--subject", "News", "news.txt"]].concat();
    let id = desk.place.well(&news).trim().to_owned();
    let form = desk.get(&format!("/write?draft={id}"));
    let version = field(&form, "version");
    let of = [("key", id.as_str()), ("version", version.as_str())];
    let send = letter(&[&of[..], &[("subject", "News of May"), ("text", "We move.")]].concat());
    assert_eq!(field(&form, "key"), id);
    assert_eq!(desk.sent(&send), format!("/emails/{id}"));
    assert!(desk.source(&format!("/emails/{id}")).contains("Auto-Submitted: auto-generated"));

    let undone = http(desk.house.web, &format!("POST /emails/{id}/undo"), &desk.cookie);
    let again = undone.head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().trim();
    let form = desk.get(again);
    assert!(form.contains("News of May") && form.contains("draft, kept"), "{form}");
    assert_eq!((field(&form, "key"), field(&form, "at")), (id.clone(), String::new()));
    assert!(desk.get("/drafts").contains("News of May") && desk.outgoing() == 0);
    // Sent once more it is that one mail.
    let version = field(&form, "version");
    let of = [("key", id.as_str()), ("version", version.as_str())];
    let later = letter(&[&of[..], &[("subject", "News of June"), ("at", LATER)]].concat());
    assert_eq!(desk.sent(&later), format!("/emails/{id}"));
    assert!(desk.get("/drafts").contains("No drafts") && desk.outgoing() == 1);
    assert_eq!(http(desk.house.web, &format!("POST /emails/{id}/undo"), &desk.cookie).status, 303);
    let form = desk.get(again);
    assert_eq!(
        (field(&form, "key"), field(&form, "at")),
        (id, LATER.to_owned()),
        "with the time that was chosen"
    );
}

#[test]
fn a_form_of_a_house_that_was_begun_anew_or_of_another_node_is_read_to_its_end() {
    let mut desk = Desk::new();
    let stamp = field(&desk.get("/write"), "stamp");
    let long = format!("{} the end", "word ".repeat(30_000));
    let form = [("stamp", stamp.as_str()), ("text", long.as_str()), ("do", "send")];
    desk.cookie.clear();
    assert!(desk.press(&form).text().contains("the end"));
    let desk = desk.begun_anew();
    let heard = desk.press(&form);
    assert!(heard.status == 403 && heard.text().contains("the end"), "{}", heard.text().len());
    let forged = [("stamp", "9999999999999.00"), ("text", long.as_str()), ("do", "send")];
    assert!(!desk.press(&forged).text().contains("the end"), "a stranger's is not");
}

#[test]
fn what_is_written_again_is_a_forward_still_and_wishes_for_what_it_did() {
    let desk = Desk::new();
    let offer = desk.sent(&letter(&[("files=plan.csv", "a;b\r\n")]));
    let form = desk.get(&format!("/write?forward={}", offer.trim_start_matches("/emails/")));
    let (earlier, carries) = (field(&form, "earlier"), field(&form, "carries"));
    let fields =
        [("to", "ben@contoso.test"), ("subject", "Fw: Our offer"), ("at", LATER), ("receipt", "yes")];
    let fields = [&fields[..], &[("earlier", earlier.as_str()), ("carries", carries.as_str())]].concat();
    let forward = desk.sent(&letter(&fields));
    let id = forward.trim_start_matches("/emails/");
    assert_eq!(http(desk.house.web, &format!("POST {forward}/undo"), &desk.cookie).status, 303);
    let form = desk.get(&format!("/write?again={id}"));
    assert_eq!((field(&form, "earlier"), field(&form, "at")), (earlier, LATER.to_owned()));
    assert!(form.contains("name=\"receipt\" value=\"yes\" checked") && form.contains("plan.csv"), "{form}");
    // The seconds in which a letter can be taken back are no time that somebody chose.
    let form = desk.get(&format!("/write?again={}", offer.trim_start_matches("/emails/")));
    assert_eq!((field(&form, "at"), field(&form, "earlier")), (String::new(), String::new()));
}

/// What stands in the field of the text.
fn typed_text(page: &str) -> String {
    let (_, from) = page.split_once(" id=\"text\" name=\"text\"").unwrap();
    let (_, from) = from.split_once(">\n").unwrap();
    from.split_once("</textarea>").unwrap().0.to_owned()
}

#[test]
fn a_letter_is_filled_with_a_template_above_the_signature_of_who_writes() {
    let desk = Desk::new();
    let place = &desk.place;
    place.file(
        "offer.html",
        "<p>Dear {{ contact.firstname|default('customer') }},</p><p>fifty <b>pallets</b></p>",
    );
    place.file("angebot.txt", "Guten Tag {{ contact.fullname }}");
    place.file("lead.txt", "For {{ lead.companyname }}");
    let add = |title: &str, rest: &[&str]| {
        place.well(&[&["template", "add", "--org", "contoso"], rest, &[title]].concat());
    };
    add("Offer", &["--subject", "For {{ contact.fullname }}", "--html", "offer.html"]);
    add("Offer", &["--language", "de", "--subject", "Angebot", "--text", "angebot.txt"]);
    add("Leads", &["--for", "lead", "--subject", "New lead", "--text", "lead.txt"]);
    add("Ben’s own", &["--owner", "ben@contoso.test", "--subject", "x", "--text", "lead.txt"]);
    place.file("signature.txt", "Jane Doe\nContoso\n");
    let user = ["user", "signature", "--org", "contoso", "--address", "jane@contoso.test"];
    place.well(&[&user[..], &["--text", "signature.txt"]].concat());
    assert_eq!(place.well(&user), "Jane Doe\nContoso\n");

    let list = desk.get("/templates");
    assert!(list.contains("Angebot") && !list.contains("Ben’s own"), "{list}");
    let id = |subject: &str| {
        let at = list.find(subject).unwrap();
        let (_, id) = list[..at].rsplit_once("href=\"/templates/").unwrap();
        id[..36].to_owned()
    };
    let (any, german) = (id("For {{ contact.fullname }}"), id("Angebot"));
    let shown = desk.get(&format!("/templates/{any}?record=zoe@fabrikam.test"));
    assert!(shown.contains("For Zoë Müller") && shown.contains("Write with it"), "{shown}");
    let nobody = desk.get(&format!("/templates/{any}?record=nobody@x.test"));
    assert!(nobody.contains("There is no record"), "{nobody}");
    let lead = desk.get(&format!("/templates/{}?record=zoe@fabrikam.test", id("New lead")));
    assert!(lead.contains("is for another kind of record"), "{lead}");

    // A new letter has the signature, and what the template says stands above it and above what was typed.
    let begun = desk.get("/write");
    assert_eq!(typed_text(&begun), "\n\n-- \nJane Doe\nContoso");
    let text = typed_text(&begun).replace('\n', "\r\n");
    let fill = |template: &str, to: &str| {
        let fields = [("do", "fill"), ("template", template), ("subject", ""), ("text", &text), ("to", to)];
        desk.press(&letter(&fields)).text()
    };
    let filled = fill(&german, "zoe@fabrikam.test");
    assert_eq!(typed_text(&filled), "Guten Tag Zoë Müller\n\n-- \nJane Doe\nContoso");
    assert_eq!(field(&filled, "subject"), "Angebot");
    let filled = fill(&any, "zoe@fabrikam.test");
    assert!(filled.contains("data-html=\"&lt;p&gt;Dear") && filled.contains("&lt;b&gt;pallets"), "{filled}");
    assert!(typed_text(&filled).starts_with("Dear") && typed_text(&filled).ends_with("Contoso"), "{filled}");
    assert!(filled.contains("Jane Doe&lt;"), "the signature in HTML, too: {filled}");
    assert!(fill(&any, "new@x.test").contains("there is no such record"), "what is missing is said");

    // An answer has it above what it quotes.
    let sent = desk.sent(&letter(&[("text", "Fifty?")]));
    let answer = desk.get(&format!("/write?reply={}", sent.trim_start_matches("/emails/")));
    let text = typed_text(&answer);
    assert!(text.starts_with("\n\n-- \nJane Doe\nContoso\n\n") && text.contains("&gt; Fifty?"), "{text}");
}

#[test]
fn a_signature_is_kept_on_its_page_made_safe_and_sent_by_the_command() {
    let desk = Desk::new();
    let form = "html=%3Cp%3EJane+%3Cb%3EDoe%3C%2Fb%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%3C%2Fp%3E&text=x";
    let kept = http(desk.house.web, &format!("POST /signature\n{form}"), &desk.cookie);
    assert!(kept.head.contains("location: /signature?kept=1"), "{}", kept.head);
    let page = desk.get("/signature");
    assert!(page.contains("&lt;b&gt;Doe") && !page.contains("alert"), "{page}");
    assert_eq!(typed_text(&page), "Jane Doe", "the text is made of the HTML");
    desk.place.file("offer.txt", "Fifty pallets?\n");
    let send = ["send", "--org", "contoso", "--from", "jane@contoso.test", "--to", "zoe@fabrikam.test"];
    let id = desk.place.well(&[&send[..], &["--signature", "offer.txt"]].concat());
    let source = desk.source(&format!("/emails/{}", id.trim()));
    assert!(source.contains("Fifty pallets?\r\n\r\n--=20\r\nJane Doe"), "{source}");
    let bens =
        [&send[..4], &["ben@contoso.test", "--to", "zoe@fabrikam.test", "--signature", "offer.txt"]].concat();
    let refused = desk.place.run(&bens);
    assert!(refused.code == 1 && refused.err.contains("signature"), "{refused:?}");
    let long = format!("POST /signature\ntext={}", "x".repeat(20_000));
    assert!(http(desk.house.web, &long, &desk.cookie).text().contains("It was not kept"));
    let user = ["user", "signature", "--org", "contoso", "--address", "jane@contoso.test"];
    desk.place.well(&[&user[..], &["--remove"]].concat());
    assert_eq!(typed_text(&desk.get("/write")), "");
}

/// A dot, as PNG.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[test]
fn a_picture_in_the_text_goes_along_as_a_part_and_survives_a_draft() {
    let desk = Desk::new();
    let key = field(&desk.get("/write"), "key");
    let html = format!("<div>See <img src=\"data:image/png;base64,{PNG}\" alt=\"dot\"></div>");
    let fields = [("key", key.as_str()), ("html", html.as_str()), ("do", "draft")];
    let draft = desk.sent(&letter(&fields));
    let form = desk.get(&draft);
    let unescaped = form.replace("&#x2f;", "/");
    assert!(unescaped.contains(&format!("data:image/png;base64,{PNG}")), "{form}");
    assert!(!form.contains("take along"), "it is no file beside the text");
    let shown = desk.press(&letter(&[("html", html.as_str()), ("do", "show")])).text();
    assert!(shown.contains("data:image") && !shown.contains("class=\"file\""), "{shown}");
    let shows = field(&form, "shows");
    let fields = [("key", key.as_str()), ("html", html.as_str()), ("shows", shows.as_str())];
    let email = desk.sent(&letter(&fields));
    let source = desk.source(&email);
    assert!(source.contains("multipart/related") && source.contains("src=3D\"cid:"), "{source}");
    assert_eq!(source.matches("Content-ID: ").count(), 1, "once: {source}");
    assert!(!source.contains("data:image"), "{source}");
    assert!(desk.get(&format!("{email}/body")).contains("data:image/png"), "and is shown where it arrived");
}
