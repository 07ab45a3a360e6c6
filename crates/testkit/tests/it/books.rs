//! The alarm of the books: a loss is told in the numbers and on the pages; and the numbers can be read by Prometheus.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, ensure};
use postroom::commands::{Reply, Request, SetPassword};
use testkit::House;
use testkit::browser::Browser;
use testkit::client::{Client, Envelope, Protocol};

use super::house::{SINK, ZOE, books_are_whole, house, mail};

/// The numbers by name and labels. Each line has to be as the text format of Prometheus (0.0.4) wants it.
pub(super) fn numbers(web: SocketAddr) -> Result<BTreeMap<String, f64>> {
    let mut stream = TcpStream::connect(web)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut heard = String::new();
    stream.read_to_string(&mut heard)?;
    let (head, body) = heard.split_once("\r\n\r\n").context("no answer")?;
    ensure!(head.starts_with("HTTP/1.1 200 ") && head.contains("text/plain; version=0.0.4"), "{head}");
    let mut numbers = BTreeMap::new();
    for line in body.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            ensure!(comment.starts_with("TYPE ") || comment.starts_with("HELP "), "{line}");
            continue;
        }
        let (name, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
        let bare = name.split('{').next().unwrap_or_default();
        let is_name =
            |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte));
        ensure!(is_name(bare) && name.contains('{') == name.ends_with('}'), "{line}");
        ensure!(numbers.insert(name.to_owned(), value.parse()?).is_none(), "twice: {line}");
    }
    Ok(numbers)
}

fn send(house: &House, raw: &[u8]) -> Result<()> {
    let mut client = Client::connect(house.smtp()?, Protocol::Smtp)?;
    let replies = client.send(&Envelope::new(ZOE, SINK), raw)?;
    ensure!(replies.codes() == [250], "{replies:?}");
    client.quit()
}

fn verify(house: &House) -> Result<Vec<String>> {
    match house.command(Request::Verify(None))? {
        Reply::Verified(rows) => Ok(rows.into_iter().flat_map(|row| row.faults).collect()),
        other => anyhow::bail!("{other:?}"),
    }
}

#[test]
fn a_loss_is_told_in_the_numbers_and_on_the_pages() -> Result<()> {
    let (house, _) = house();
    send(&house, &mail("one", "At three?"))?;
    send(
        &house,
        &["Received: from a.test by b.test\r\n".repeat(101).as_bytes(), &mail("two", "At four?")].concat(),
    )?;
    books_are_whole(&house);
    let before = numbers(house.web()?)?;
    let number = |numbers: &BTreeMap<String, f64>, name: &str| {
        numbers.get(name).copied().with_context(|| format!("{name} is not in {numbers:?}"))
    };
    let alarms = "postroom_alarms{organization=\"example\",kind=\"books\"}";
    assert_eq!(number(&before, alarms)?, 0.0);
    assert_eq!(number(&before, "postroom_undeliverable{organization=\"example\"}")?, 1.0);
    let stored = "postroom_copies_total{source=\"sink\",outcome=\"stored\"}";
    assert_eq!(number(&before, stored)?, 1.0);
    assert!(number(&before, "postroom_store_commits_total")? > 0.0);

    let password = SetPassword {
        organization: "example".to_owned(),
        address: "jane@example.test".to_owned(),
        password: "correct horse".to_owned(),
    };
    house.command(Request::SetPassword(password))?;
    let mut browser = Browser::sign_in(house.web()?, ("jane@example.test", "correct horse"))?;
    assert!(!browser.get("/")?.contains("role=\"alert\""));
    let organization = house.organization("example")?;
    // The loss is of yesterday: the page of today has nothing to say about it by itself.
    organization.tamper("update copy set day = day - 1")?;
    organization.tamper("update outcome set day = day - 1")?;
    organization.tamper("delete from outcome where outcome = 3")?;
    assert!(!verify(&house)?.is_empty());
    assert_eq!(number(&numbers(house.web()?)?, alarms)?, 1.0);
    let page = browser.get("/")?;
    assert!(page.contains("role=\"alert\"") && page.contains("1 of the copies seen at sink:"), "{page}");
    assert!(browser.get("/mail")?.contains("to look into"));
    Ok(())
}
