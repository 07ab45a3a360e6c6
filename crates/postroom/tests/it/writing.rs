//! Letters written on pages without any script, over a house that serves: what a person types, and what comes of it.

use std::process::Stdio;

use crate::client::{Heard, http};
use crate::pages::sign_in;
use crate::program::{Place, Serving};

/// A person at the pages of a house that keeps all mail in its outbox.
struct Desk {
    _place: Place,
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
        Desk { _place: place, house, cookie }
    }

    fn get(&self, path: &str) -> String {
        let heard = http(self.house.web, &format!("GET {path}"), &self.cookie);
        assert_eq!(heard.status, 200, "{path}: {}", heard.head);
        heard.text()
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
    let words = ["user", "password", "--org", "contoso", "--address", "ben@contoso.test", "--password-stdin"];
    assert_eq!(desk._place.run_with(&words, "correct horse\n").code, 0);
    let form = "POST /sign-in\naddress=ben%40contoso.test&password=correct+horse";
    let heard = http(desk.house.web, form, "");
    let cookie = heard.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    for path in [format!("GET /write?again={id}"), format!("POST {mine}/undo")] {
        assert_eq!(http(desk.house.web, &path, &cookie).status, 404, "{path}");
    }
    assert_eq!(
        http(desk.house.web, &format!("GET /write?reply={id}"), &cookie).status,
        200,
        "it can be answered"
    );
}
