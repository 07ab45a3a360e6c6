//! PostgreSQL as a peer: what the stories about its failures take for granted.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;

use testkit::Missing;
use testkit::missing::or_skip;
use testkit::peers::{Postgres, PostgresAccess, PostgresSettings, Stop};
use testkit::wait;

#[test]
fn what_was_committed_survives_every_way_to_stop() {
    or_skip(|| {
        let mut postgres = Postgres::start(PostgresSettings::default())?;
        let (address, url) = (postgres.address(), postgres.url());
        postgres.ask("create table kept (number bigint)")?;
        for (number, how) in (1..).zip([Stop::Fast, Stop::Immediate, Stop::Killed]) {
            postgres.ask(&format!("insert into kept values ({number})"))?;
            postgres.stop(how)?;
            assert!(postgres.ask("select 1").is_err(), "{how:?} did not stop it");
            assert!(postgres.stop(how).is_err(), "it can only be stopped once");
            postgres.start_again()?;
            assert_eq!((postgres.address(), postgres.url()), (address, url.clone()));
            assert_eq!(postgres.ask("select max(number) from kept")?, number.to_string());
        }
        assert!(postgres.start_again().is_err(), "it runs already");
        Ok(())
    });
}

#[test]
fn a_replica_follows_and_is_promoted() {
    or_skip(|| {
        let mut first = Postgres::start(PostgresSettings::default())?;
        first.ask("create table kept (number bigint)")?;
        let mut second = first.replica("second")?;
        first.commits_wait_for(Some("second"))?;
        first.ask("insert into kept values (1)")?;
        assert!(second.ask("insert into kept values (2)").is_err(), "a replica takes nothing");

        // A commit waits for it while it is away, and is answered once it is back.
        second.stop(Stop::Fast)?;
        thread::scope(|scope| {
            let insert = scope.spawn(|| first.ask("insert into kept values (3)"));
            wait::until("a commit that waits", || {
                let waiting = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'";
                first.ask(waiting).ok().filter(|count| count == "1").map(drop)
            })?;
            assert!(!insert.is_finished());
            second.start_again()?;
            insert.join().expect("no panic")
        })?;
        first.ask("insert into kept values (4)")?;
        first.stop(Stop::Killed)?;
        second.promote()?;
        assert_eq!(second.ask("select string_agg(number::text, ' ' order by number) from kept")?, "1 3 4");
        second.ask("insert into kept values (5)")?;
        Ok(())
    });
}

#[test]
fn commits_wait_for_nobody_again() {
    or_skip(|| {
        let first = Postgres::start(PostgresSettings { is_synced: false, ..PostgresSettings::default() })?;
        first.ask("create table kept (number bigint)")?;
        let second = first.replica("second")?;
        first.commits_wait_for(Some("second"))?;
        drop(second);
        first.commits_wait_for(None)?;
        first.ask("set statement_timeout = '30s'; insert into kept values (1)")?;
        assert_eq!(first.ask("select sync_state from pg_stat_replication")?, "");
        Ok(())
    });
}

#[test]
fn a_password_and_a_certificate_are_asked_for() {
    or_skip(|| {
        let access = PostgresAccess::Password("paper");
        let postgres = Postgres::start(PostgresSettings { access, ..PostgresSettings::default() })?;
        assert_eq!(postgres.ask("select 'in'")?, "in");
        assert!(connects(&postgres.url())?);
        assert!(!connects(&postgres.url().replace("paper", "ink"))?);

        let access = PostgresAccess::Tls("paper");
        let postgres = Postgres::start(PostgresSettings { access, ..PostgresSettings::default() })?;
        let over = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
        assert_eq!(postgres.ask(over)?, "t");
        let url = postgres.url();
        let plain = url.strip_suffix("?sslmode=require").expect("a client has to be told");
        assert!(!connects(plain)?, "it must not be entered without TLS");
        let authority = std::fs::read_to_string(postgres.certificate_authority().expect("one"))?;
        assert!(authority.starts_with("-----BEGIN CERTIFICATE-----"), "{authority}");
        let replica = postgres.replica("second")?;
        assert_eq!(replica.ask(over)?, "t");
        Ok(())
    });
}

/// Whether a client without TLS gets in.
fn connects(url: &str) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(tokio_postgres::connect(url, tokio_postgres::NoTls)).is_ok())
}

#[test]
fn its_settings_are_those_that_were_asked_for() {
    or_skip(|| {
        let more = vec![("synchronous_commit", "off".to_owned()), ("fsync", "on".to_owned())];
        let settings =
            PostgresSettings { is_synced: false, connections_max: 31, more, ..PostgresSettings::default() };
        let postgres = Postgres::start(settings)?;
        let shown =
            ["synchronous_commit", "fsync", "full_page_writes", "max_connections", "listen_addresses"]
                .map(|name| postgres.ask(&format!("show {name}")).unwrap());
        assert_eq!(shown, ["off", "on", "off", "31", "127.0.0.1"]);
        assert_eq!(postgres.ask("show unix_socket_directories")?, "");
        Ok(())
    });
}

/// The shared server of a whole run of tests.
#[test]
fn a_command_finds_a_server_that_goes_with_it() {
    or_skip(|| {
        let run = |script: &str| {
            let mut peer = Command::new(env!("CARGO_BIN_EXE_peer_postgres"));
            peer.args(["--connections", "40", "--", "/bin/sh", "-c", script]).output()
        };
        let said =
            run("echo $POSTROOM_TEST_DATABASE; psql -Atc 'show fsync' $POSTROOM_TEST_DATABASE; exit 7")?;
        let (out, complaint) = (String::from_utf8(said.stdout)?, String::from_utf8(said.stderr)?);
        if complaint.contains("is not installed") {
            return Err(Missing::new("postgresql").into());
        }
        let (url, shown) = out.split_once('\n').unwrap_or_default();
        assert_eq!((shown, said.status.code()), ("off\n", Some(7)), "{complaint}");
        assert!(!connects(url)?, "it outlived the command");
        Ok(())
    });
}

#[test]
fn its_server_ends_with_a_process_that_is_killed() {
    or_skip(|| {
        let mut peer = Command::new(env!("CARGO_BIN_EXE_peer_postgres"));
        peer.args(["--connections", "40", "--", "/bin/sh", "-c", "echo $POSTROOM_TEST_DATABASE; read word"]);
        let mut peer = peer.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        BufReader::new(peer.stdout.take().expect("a pipe")).read_line(&mut url)?;
        if url.is_empty() {
            return Err(Missing::new("postgresql").into());
        }
        assert!(connects(url.trim())?);
        peer.kill()?;
        peer.wait()?;
        wait::until("the end of its server", || (!connects(url.trim()).ok()?).then_some(()))
    });
}
