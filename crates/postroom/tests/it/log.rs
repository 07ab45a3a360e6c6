//! What the log tells, and what it never does.

use std::fs::File;

use crate::client::{MailClient, http, mail};
use crate::pages::sign_in;
use crate::program::Place;

#[test]
fn no_mail_stands_in_the_log_at_any_level() {
    const MARK: &str = "Zwetschgenkuchen";
    let place = Place::with_contoso();
    let log = File::create(place.path("log")).unwrap();
    let house = place.serve_with(&[("POSTROOM_LOG_LEVEL", "trace")], log.into());
    let html = mail(1)
        .replace("Subject: Pallets", &format!("Subject: {MARK}"))
        .replace("\r\n\r\n", "\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n")
        .replace("How many", &format!("<p class={MARK}>{MARK}<script>{MARK}</script>"));
    assert!(MailClient::smtp(house.smtp).send(&["crm@sink.test"], &html).starts_with("250 "));
    let cookie = sign_in(&place, &house);
    let email = http(house.web, "GET /mail", &cookie).link("/emails/");
    for part in ["", "/body", "/source"] {
        let heard = http(house.web, &format!("GET {email}{part}"), &cookie);
        assert!(heard.status == 200 && heard.text().contains(MARK), "{part}: {}", heard.head);
    }
    assert!(house.terminate().success());
    let log = std::fs::read_to_string(place.path("log")).unwrap();
    assert!(log.contains("stopped"), "{log}");
    let line = log.lines().find(|line| line.contains(MARK));
    assert_eq!(line, None);
}

#[test]
fn a_variable_that_is_no_setting_is_named_at_start() {
    let place = Place::new();
    let log = File::create(place.path("log")).unwrap();
    let variables = [("POSTROOM_SMTP_LISEN", "0.0.0.0:25"), ("POSTROOM_LOG_FORMAT", "json")];
    assert!(place.serve_with(&variables, log.into()).terminate().success());
    let log = std::fs::read_to_string(place.path("log")).unwrap();
    let warns_of = |name: &str| {
        log.lines().any(|line| line.contains("is no setting") && line.contains(&format!("\"{name}\"")))
    };
    assert!(warns_of("POSTROOM_SMTP_LISEN"), "{log}");
    assert!(!warns_of("POSTROOM_LOG_FORMAT"), "{log}");
}
