//! Fields as servers write them, and as forgers do.

use model::trust::Policy;

use super::*;

fn jane() -> Option<EmailAddress> {
    EmailAddress::parse("jane@contoso.example")
}

fn asked(fields: &str) -> Option<Verdict> {
    let mail = format!("{fields}From: jane@contoso.example\r\n\r\nHello.\r\n");
    of_server(mail.as_bytes(), "mx.contoso.example", jane())
}

const PASSES: &str = "Authentication-Results: mx.contoso.example;\r\n dkim=pass header.d=contoso.example header.s=s1;\r\n \
    spf=fail (not ours) smtp.mailfrom=\"bounce@forwarder.example\";\r\n dmarc=pass (p=REJECT) header.from=contoso.example\r\n";

#[test]
fn the_topmost_field_of_the_named_server_counts() {
    let verdict = asked(PASSES).unwrap();
    assert!(verdict.proves(&jane().unwrap()));
    assert_eq!((verdict.policy, verdict.looked.len()), (Policy::Reject, 3));
    assert_eq!(verdict.said_by.as_deref(), Some("mx.contoso.example"));
    assert_eq!(verdict.looked[1].domain, "forwarder.example");
}

#[test]
fn a_field_below_another_ones_counts_for_nothing() {
    let other = "Authentication-Results: relay.example; none\r\n";
    assert_eq!(asked(&format!("{other}{PASSES}")), None);
    assert_eq!(asked(""), None);
    assert_eq!(asked(&PASSES.replace("mx.contoso", "mx.contoso.example.evil")), None);
}

#[test]
fn what_is_said_in_a_comment_or_a_quoted_text_is_no_result() {
    let hidden = "Authentication-Results: mx.contoso.example; spf=none (; dmarc=pass header.from=contoso.example; \
        dkim=pass header.d=contoso.example) smtp.mailfrom=\"; dmarc=pass header.from=contoso.example\"\r\n";
    let verdict = asked(hidden).unwrap();
    assert_eq!(verdict.looked.len(), 1);
    assert!(!verdict.proves(&jane().unwrap()));
}

#[test]
fn a_result_about_another_author_or_by_spf_alone_proves_nobody() {
    let other = PASSES.replace("header.from=contoso.example", "header.from=evil.example");
    assert!(!asked(&other).unwrap().proves(&jane().unwrap()));
    let by_spf = PASSES.replace("dkim=pass", "dkim=fail").replace("spf=fail", "spf=pass");
    let by_spf = by_spf.replace("bounce@forwarder.example", "jane@contoso.example");
    let verdict = asked(&by_spf).unwrap();
    assert_eq!((verdict.dmarc, verdict.proven_by), (Finding::Pass, ProvenBy::Spf));
    assert!(!verdict.proves(&jane().unwrap()));
    let foreign = PASSES.replace("header.d=contoso.example", "header.d=evil.example");
    assert!(!asked(&foreign).unwrap().proves(&jane().unwrap()));
}

#[test]
fn what_microsoft_and_google_write_is_read() {
    let microsoft = "spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=a.example; dkim=pass (signature was verified)\r\n \
        header.d=a.example;dmarc=pass action=none header.from=a.example;compauth=pass reason=100";
    // Its own fields lack the name of the server; behind a seal they have it.
    assert!(says_dmarc_passed(format!("i=1; mx.microsoft.com 1; {microsoft}").as_bytes()));
    let google = "mx.google.com;\r\n dkim=pass header.i=@a.example header.s=g header.b=abc;\r\n spf=pass (google.com: \
        domain of x@a.example designates 192.0.2.1 as permitted sender) smtp.mailfrom=x@a.example;\r\n \
        dmarc=pass (p=QUARANTINE sp=QUARANTINE dis=NONE) header.from=a.example";
    let (server, looked) = read(google).unwrap();
    assert_eq!((server.as_str(), looked.len()), ("mx.google.com", 3));
    assert!(looked.iter().all(|looked| looked.domain == "a.example" && looked.finding == Finding::Pass));
}
