//! A host that takes fewer connections than it has mailboxes.

use anyhow::{Context, Result, bail};
use postroom::commands::{AddMailbox, MailServer, Reply, Request};
use tempfile::TempDir;
use testkit::house::free_ports;
use testkit::missing::or_skip;
use testkit::peers::Courier;
use testkit::{House, wait};

use super::house::{SINK, email_count, with_world};
use super::mailboxes::forwarded;

const PASSWORD: &str = "geheim";
const USERS: [&str; 5] =
    ["one@example.test", "two@example.test", "three@example.test", "four@example.test", "five@example.test"];

fn states(house: &House) -> Result<Vec<String>> {
    let Reply::Mailboxes(rows) = house.command(Request::Mailboxes(None))? else { bail!("no list") };
    Ok(rows.into_iter().map(|row| row.state).collect())
}

/// It takes three from one address, and counts those that have just ended for a moment: so two are had.
#[test]
fn its_mailboxes_have_their_turns() {
    or_skip(|| {
        let courier = Courier::start_narrow(&USERS, PASSWORD, 3)?;
        let deliver = |round: &str| {
            USERS.iter().try_for_each(|user| {
                let id = format!("{round}-{}", user.replace('@', "."));
                courier.deliver_to(user, "jane@example.test", &forwarded(&id))
            })
        };
        deliver("first")?;
        let folder = TempDir::new()?;
        let mut settings = free_ports(folder.path())?;
        settings.poll.connections_of_hosts.insert("localhost".to_owned(), 2);
        let house = House::start_in(folder.path(), settings)?;
        with_world(&house);
        for user in USERS {
            house.command(Request::AddMailbox(AddMailbox {
                organization: "example".to_owned(),
                name: user.to_owned(),
                server: MailServer::imap("localhost", courier.imap().port(), (0, None)),
                user: user.to_owned(),
                password: PASSWORD.to_owned(),
                sink: SINK.to_owned(),
                is_refusing: true,
            }))?;
        }
        let organization = house.organization("example")?;
        let words = || format!("{:?}\n{}", states(&house), courier.log());
        wait::until("a mail of each", || (email_count(&organization) == 5).then_some(()))
            .with_context(words)?;
        let is_told = |state: &String| state.ends_with("; shares 2 connections with 4 mailboxes");
        wait::until("how they share", || states(&house).ok()?.iter().all(is_told).then_some(()))
            .with_context(words)
    });
}
