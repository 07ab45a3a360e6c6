//! Two nodes share the mailboxes of one house: each is watched once, whoever comes and goes.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use postroom::commands::{AddMailbox, MailServer, MailboxRow, Reply, Request};
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{Doors, Dovecot, DovecotSettings, Postgres, PostgresSettings};
use testkit::world::World;
use testkit::{House, wait};

use crate::house::{SINK, WORLD, ZOE, books_are_whole, email_count, mail};

const NAMES: [&str; 4] = ["north", "east", "south", "west"];

/// A node of the house whose rows are at this server, with a data folder of its own and the key of all.
fn node(postgres: &Postgres, folder: &Path, keys: &Path) -> Result<House> {
    let mut settings = testkit::house::free_ports(folder)?;
    settings.database.url = postgres.url();
    settings.database.schema = "shared".to_owned();
    settings.secrets.key_file = keys.to_owned();
    House::start_in(folder, settings)
}

fn account(name: &str) -> String {
    format!("{name}@router.test")
}

fn deliver(dovecot: &Dovecot, round: &str) -> Result<()> {
    let mut client = Client::connect(dovecot.lmtp(), Protocol::Lmtp)?;
    for name in NAMES {
        let raw = mail(&format!("{round}-{name}"), "At three?");
        let replies = client.send(&Envelope::new(ZOE, account(name).as_str()), &raw)?;
        ensure!(replies.codes() == [250], "{replies:?}");
    }
    client.quit()
}

/// The mailboxes that this node watches.
fn watched(house: &House) -> Option<BTreeSet<String>> {
    let Ok(Reply::Mailboxes(rows)) = house.command(Request::Mailboxes(None)) else { return None };
    let is_here = |row: &MailboxRow| row.told_by.is_none() && row.state.starts_with("well");
    Some(rows.into_iter().filter(is_here).map(|row| row.name).collect())
}

#[test]
fn mailboxes_are_shared_and_each_is_watched_once() {
    or_skip(|| {
        let postgres = Postgres::start(PostgresSettings { is_synced: false, ..PostgresSettings::default() })?;
        let settings =
            DovecotSettings { doors: Doors::Both, password: Some("geheim"), ..DovecotSettings::default() };
        let dovecot = Dovecot::start(settings)?;
        let folder = tempfile::tempdir()?;
        let keys = folder.path().join("secret.keys");
        std::fs::write(&keys, "00000001 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&keys, mode)?;
        let first = node(&postgres, &folder.path().join("first"), &keys)?;
        World::parse(WORLD)?.make(|request| first.command(request), |_| None)?;
        let authority = String::from_utf8(dovecot.certificate().to_vec())?;
        for name in NAMES {
            first.command(Request::AddMailbox(AddMailbox {
                organization: "example".to_owned(),
                name: name.to_owned(),
                server: MailServer::imap("localhost", dovecot.imap()?.port(), (1, Some(authority.clone()))),
                user: account(name),
                password: "geheim".to_owned(),
                sink: SINK.to_owned(),
                is_refusing: true,
            }))?;
        }
        deliver(&dovecot, "alone")?;
        let all: BTreeSet<String> = NAMES.map(str::to_owned).into();
        wait::until("one node with all", || (watched(&first)? == all).then_some(()))?;
        let second = node(&postgres, &folder.path().join("second"), &keys)?;
        let halves = wait::until("two nodes with two each", || {
            let (first, second) = (watched(&first)?, watched(&second)?);
            (first.len() == 2 && second.len() == 2).then_some((first, second))
        });
        let (ours, theirs) =
            halves.with_context(|| format!("{:?} {:?}", watched(&first), watched(&second)))?;
        assert!(ours.is_disjoint(&theirs), "{ours:?} {theirs:?}");
        deliver(&dovecot, "together")?;
        for name in NAMES {
            let mailbox = dovecot.mailbox(&account(name));
            wait::until("an empty mailbox", || {
                mailbox.inbox().is_ok_and(|names| names.is_empty()).then_some(())
            })?;
        }
        assert_eq!(email_count(&first.organization("example")?), 8);
        books_are_whole(&first);
        drop(second);
        Ok(())
    });
}
