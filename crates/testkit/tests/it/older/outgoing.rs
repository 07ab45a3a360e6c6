//! Outgoing mail, templates and suppressions of an older program: all of it is as that program said. One that had no such things said
//! nothing, and nothing is there.

use std::collections::BTreeSet;

use postroom::commands::{
    LimitRow, OutboxRequest, OutboxRow, RelayRow, Reply, Request, SendMail, SuppressionRequest,
    SuppressionRow, TemplateName, TemplateRequest, TemplateRow,
};
use testkit::House;
use testkit::client::{Client, Envelope, Protocol};

const ORGANIZATION: &str = "contoso";
const JANE: &str = "jane@contoso.test";

/// Each list has the lines that it had, and each line its words.
pub(super) fn is_as_it_was_said(house: &House, said: &str) {
    let ask = |request| house.command(request).unwrap();
    let Reply::Outbox(mails) = ask(Request::Outbox(OutboxRequest::List(None))) else { panic!("no list") };
    are_said("outbox list", said, mails.iter().map(mail));
    let Reply::OutboxLimits(limits) = ask(Request::Outbox(OutboxRequest::Limits(None))) else {
        panic!("no limits")
    };
    are_said("outbox limits", said, limits.iter().map(limit));
    let Reply::Relays(relays) = ask(Request::Outbox(OutboxRequest::Relays(None))) else { panic!("none") };
    are_said("relay list", said, relays.iter().map(relay));
    let suppressed = suppressions(house);
    are_said("suppression list", said, suppressed.iter().map(suppression));
    let Reply::TemplateList(templates) = ask(Request::Template(TemplateRequest::List(None))) else {
        panic!("no templates")
    };
    are_said("template list", said, templates.iter().map(template));
    templates.iter().for_each(|row| says_the_same(house, row, said));
    drafts_are_there(house, said);
}

/// What comes back to a return path that was given then is taken, and nothing is sent to who is suppressed.
pub(super) fn comes_back(house: &House, said: &str) {
    for path in said.lines().filter_map(|line| line.strip_prefix("return path: ")) {
        let mut client = Client::connect(house.smtp().unwrap(), Protocol::Smtp).unwrap();
        let words = b"From: MAILER-DAEMON@mx.glassworks.test\r\nSubject: Sorry\r\n\r\nNobody.\r\n";
        let answered = client.send(&Envelope::new("", path), words).unwrap();
        assert_eq!(answered.codes(), [250], "{path}");
    }
    for row in suppressions(house).into_iter().filter(|row| row.released.is_none()) {
        let mail = SendMail {
            organization: row.organization,
            from: JANE.to_owned(),
            to: vec![row.address.clone()],
            text: "Hello?\n".to_owned(),
            ..SendMail::default()
        };
        let sent = house.command(Request::Outbox(OutboxRequest::Send(Box::new(mail))));
        let refused = sent.err().unwrap_or_else(|| panic!("{} is written to", row.address)).to_string();
        assert!(refused.contains(&row.address), "{refused}");
    }
}

/// As many lines as were said, and each has its words in one of these.
fn are_said(list: &str, said: &str, rows: impl Iterator<Item = Vec<String>>) {
    let lines: Vec<&str> =
        said.lines().filter_map(|line| line.strip_prefix(list)?.strip_prefix(": ")).collect();
    let rows: Vec<Vec<String>> = rows.collect();
    assert_eq!(rows.len(), lines.len(), "{list}: {rows:?}");
    for words in rows {
        let is_it = |line: &&str| words.iter().all(|word| line.contains(word.as_str()));
        assert_eq!(lines.iter().filter(|line| is_it(line)).count(), 1, "{list}: {words:?} of {lines:#?}");
    }
}

/// When it is tried next is no part of an archive.
fn mail(row: &OutboxRow) -> Vec<String> {
    let told = [(row.failed, "failed"), (row.uncertain, "may have it"), (row.bounced, "came back")];
    let told =
        told.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let sent = format!("{} of {}", row.sent, row.recipients);
    let (email, state, by) = (row.email.clone(), row.state.clone(), format!("by {}", row.relay));
    let words = [row.organization.clone(), email, row.created.clone(), state, by, row.subject.clone(), sent];
    words.into_iter().chain(told).chain(row.error.clone()).collect()
}

fn limit(row: &LimitRow) -> Vec<String> {
    let paused = row.is_paused.then(|| "paused".to_owned());
    [row.organization.clone(), row.of.clone()].into_iter().chain(paused).collect()
}

fn relay(row: &RelayRow) -> Vec<String> {
    let default = row.is_default.then(|| "default".to_owned());
    let words = [row.organization.clone(), row.name.clone(), row.place.clone()];
    words.into_iter().chain(row.return_domain.clone()).chain(default).collect()
}

fn suppression(row: &SuppressionRow) -> Vec<String> {
    let words = [&row.organization, &row.address, &row.since, &row.reason, &row.words].map(Clone::clone);
    words.into_iter().chain(row.email.clone()).chain(row.released.clone()).collect()
}

fn template(row: &TemplateRow) -> Vec<String> {
    let words = [&row.organization, &row.title, &row.language, &row.kind, &row.subject].map(Clone::clone);
    words.into_iter().chain(row.owner.clone()).collect()
}

fn suppressions(house: &House) -> Vec<SuppressionRow> {
    match house.command(Request::Suppression(SuppressionRequest::List(None))).unwrap() {
        Reply::Suppressions(rows) => rows,
        _ => panic!("no suppressions"),
    }
}

/// A template's own words.
fn says_the_same(house: &House, row: &TemplateRow, said: &str) {
    let name = TemplateName {
        organization: row.organization.clone(),
        title: row.title.clone(),
        language: Some(row.language.clone()).filter(|tag| tag != "any"),
        owner: row.owner.clone(),
    };
    let Reply::Template(text) = house.command(Request::Template(TemplateRequest::Show(name))).unwrap() else {
        panic!("no template")
    };
    let parts: Vec<String> = text.html.into_iter().chain(text.text).collect();
    assert!(!parts.is_empty());
    assert!(parts.iter().all(|part| said.contains(part.trim_end())), "{parts:?} of {said}");
}

/// The drafts of a user, and no others.
fn drafts_are_there(house: &House, said: &str) {
    let prefix = format!("draft of {JANE}: ");
    let said: BTreeSet<String> =
        said.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect();
    let organization = house.organization(ORGANIZATION).unwrap();
    let users = organization.read(|read| read.users()).unwrap();
    let jane = users.iter().find(|user| user.internalemailaddress == JANE).unwrap().systemuserid;
    let drafts = organization.read(|read| read.drafts_of(jane, None, 100)).unwrap();
    let drafts: BTreeSet<String> =
        drafts.iter().map(|line| format!("{}  {}", line.id, line.subject)).collect();
    assert_eq!(drafts, said);
}
