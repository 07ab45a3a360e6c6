//! The pages over a house that serves: sign in, find the mail, read it and see why it is here.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::client::{Heard, MailClient, http, mail};
use crate::program::{Place, Serving};

pub(crate) fn sign_in(place: &Place, house: &Serving) -> String {
    sign_in_as("jane@contoso.test", place, house)
}

/// The same for another user.
pub(crate) fn sign_in_as(address: &str, place: &Place, house: &Serving) -> String {
    let words = ["user", "password", "--org", "contoso", "--address", address, "--password-stdin"];
    assert_eq!(place.run_with(&words, "correct horse\n").code, 0);
    let address = address.replace('@', "%40");
    let form = |password: &str| format!("POST /sign-in\naddress={address}&password={password}");
    assert_eq!(http(house.web, &form("wrong+horse"), "").status, 403);
    let heard = http(house.web, &form("correct+horse"), "");
    assert_eq!(heard.status, 303, "{}", heard.head);
    let cookie = heard.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    format!("Cookie: {}\r\n", cookie.split(';').next().unwrap())
}

fn get(house: &Serving, cookie: &str, path: &str) -> Heard {
    let heard = http(house.web, &format!("GET {path}"), cookie);
    assert_eq!(heard.status, 200, "{path}: {}", heard.head);
    heard
}

/// An HTML mail that shows its own picture, hides one of another server, and carries a file.
fn with_picture() -> String {
    mail(2).replace("\r\n\r\n", "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")
        + "--b\r\nContent-Type: text/html\r\n\r\n<p>Look: <img src=\"cid:pic\"> \
           <img src=\"https://tracker.test/x.png\"><script>alert(1)</script></p>\r\n\
           --b\r\nContent-Type: image/png\r\nContent-ID: <pic>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0=\r\n\
           --b\r\nContent-Type: text/csv; name=list.csv\r\nContent-Disposition: attachment\r\n\
           Content-Transfer-Encoding: base64\r\n\r\nYSxiCg==\r\n--b--\r\n"
}

#[test]
fn a_mail_is_found_on_the_timeline_and_says_why() {
    let place = Place::with_contoso();
    let house = place.serve();
    let mut client = MailClient::smtp(house.smtp);
    assert!(client.send(&["crm@sink.test"], &mail(1)).starts_with("250 "));
    assert!(http(house.web, "GET /mail", "").status == 303, "without a session there is nothing to see");
    let cookie = sign_in(&place, &house);
    let people = get(&house, &cookie, "/people?q=zo");
    let person = get(&house, &cookie, &people.link("/contacts/"));
    assert!(person.text().contains("Pallets 1"));
    let email = get(&house, &cookie, &person.link("/emails/")).text();
    for words in [
        "How many pallets are 1?",
        "Here because",
        "Jane Doe keeps mail from known customers.",
        "known-sender",
    ] {
        assert!(email.contains(words), "{words} is not in {email}");
    }
    for path in ["/", "/mail", "/companies", "/leads", "/unresolved"] {
        get(&house, &cookie, path);
    }
    assert!(get(&house, &cookie, "/").text().contains("sink:crm@sink.test"));
    let source = get(&house, &cookie, &get(&house, &cookie, "/mail").link("/emails/").add("/source"));
    assert_eq!(source.body, mail(1).as_bytes());
    assert_eq!(http(house.web, "GET /mail?after=x", &cookie).status, 404);
}

#[test]
fn html_is_shown_with_its_own_pictures_alone() {
    let place = Place::with_contoso();
    let house = place.serve();
    let mut client = MailClient::smtp(house.smtp);
    assert!(client.send(&["crm@sink.test"], &with_picture()).starts_with("250 "));
    let cookie = sign_in(&place, &house);
    let path = get(&house, &cookie, "/mail").link("/emails/");
    let page = get(&house, &cookie, &path);
    assert!(page.text().contains("1 picture on other servers is held back"), "{}", page.text());
    let body = get(&house, &cookie, &path.add("/body")).text();
    assert!(body.contains("src=\"data:image/png;base64,iVBORw0=\""), "{body}");
    assert!(!body.contains("tracker.test") && !body.contains("alert"), "{body}");
    let file = get(&house, &cookie, &page.link(&path.add("/attachments/")));
    assert_eq!(file.body, b"a,b\n");
    assert!(file.head.contains("list.csv"), "{}", file.head);
}

#[test]
fn mail_that_came_first_finds_the_person_who_is_added_later() {
    let place = Place::with_contoso();
    place.well(&[
        "queue",
        "add",
        "--org",
        "contoso",
        "--name",
        "All",
        "--address",
        "all@contoso.test",
        "--filter",
        "all",
    ]);
    let house = place.serve();
    let early = mail(5).replace("zoe@fabrikam.test", "lee@new.test").replace("jane@", "all@");
    assert!(MailClient::smtp(house.smtp).send(&["all@contoso.test"], &early).starts_with("250 "));
    place.file("new.csv", "Full Name,E-mail\nLee New,lee@new.test\n");
    place.well(&["import", "contacts", "--org", "contoso", "new.csv"]);
    let cookie = sign_in(&place, &house);
    let person = get(&house, &cookie, "/people?q=lee").link("/contacts/");
    let started = Instant::now();
    while !get(&house, &cookie, &person).text().contains("Pallets 5") {
        assert!(started.elapsed() < Duration::from_secs(20), "the job did not run");
    }
}

#[test]
fn machines_are_told_health_and_numbers() {
    let place = Place::with_contoso();
    let house = place.serve();
    assert!(MailClient::smtp(house.smtp).send(&["crm@sink.test"], &mail(1)).starts_with("250 "));
    assert_eq!(http(house.web, "GET /healthz", "").text(), "ok\n");
    let heard = http(house.web, "GET /metrics", "");
    let numbers = heard.text();
    assert!(
        numbers.contains("postroom_copies_total{source=\"sink\",outcome=\"stored\"} 1"),
        "{} {numbers}",
        heard.head
    );
    for brought in ["X-Forwarded-For: 192.0.2.1\r\n", "X-Real-IP: 192.0.2.1\r\n"] {
        assert_eq!(http(house.web, "GET /metrics", brought).status, 404);
    }
}

#[test]
fn behind_a_trusted_proxy_each_visitor_is_counted_alone() {
    let place = Place::with_contoso();
    let try_in = |house: &Serving, (visitor, password): (&str, &str)| {
        let form = format!("POST /sign-in\naddress=jane%40contoso.test&password={password}");
        http(house.web, &form, &format!("X-Forwarded-For: 10.9.9.9, {visitor}\r\n")).status
    };
    for (proxies, of_another) in [("127.0.0.0/8", 303), ("192.0.2.0/24", 429)] {
        let house = place.serve_with(&[("POSTROOM_WEB_TRUSTED_PROXIES", proxies)], Stdio::inherit());
        sign_in(&place, &house);
        let wrong = || try_in(&house, ("192.0.2.1", "wrong+horse"));
        let tries = (1..=20).find(|_| wrong() == 429);
        assert!(tries.is_some(), "{proxies}");
        assert_eq!(try_in(&house, ("192.0.2.1", "correct+horse")), 429, "{proxies}");
        assert_eq!(try_in(&house, ("192.0.2.2", "correct+horse")), of_another, "{proxies}");
    }
}

/// A proxy before the pages names itself as it likes, and asks from this machine: then the token alone opens.
#[test]
fn behind_a_proxy_this_machine_needs_the_token_for_numbers() {
    let place = Place::with_contoso();
    place.file("token", "0123456789abcdef\n");
    let token = place.path("token");
    for (name, value) in
        [("POSTROOM_WEB_SECURE_COOKIES", "true"), ("POSTROOM_WEB_TRUSTED_PROXIES", "192.0.2.1")]
    {
        let file = ("POSTROOM_WEB_METRICS_TOKEN_FILE", token.to_str().unwrap());
        let house = place.serve_with(&[(name, value), file], Stdio::inherit());
        assert_eq!(http(house.web, "GET /metrics", "").status, 404, "{name}");
        let brought = "Authorization: Bearer 0123456789abcdef\r\n";
        assert_eq!(http(house.web, "GET /metrics", brought).status, 200, "{name}");
    }
}

trait Longer {
    fn add(&self, tail: &str) -> String;
}

impl Longer for String {
    fn add(&self, tail: &str) -> String {
        format!("{self}{tail}")
    }
}
