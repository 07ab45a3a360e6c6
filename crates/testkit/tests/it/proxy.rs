//! The network that a test holds in its hand, between a client of PostgreSQL and the server.

use std::future::Future;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::missing::or_skip;
use testkit::peers::{Postgres, PostgresAccess, PostgresSettings};
use testkit::proxy::{Lost, Proxy, Traffic, Way};
use testkit::wait;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls};

fn server() -> Result<(Postgres, Proxy)> {
    let postgres = Postgres::start(PostgresSettings { is_synced: false, ..PostgresSettings::default() })?;
    postgres.ask("create table kept (number bigint primary key)")?;
    let proxy = Proxy::start(postgres.address())?;
    Ok((postgres, proxy))
}

fn run<T>(story: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(story)
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Fails where it does not end: what is cut must be noticed.
async fn ends<T>(what: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(wait::PATIENCE, what).await.context("it hangs")
}

fn kept(postgres: &Postgres) -> Result<String> {
    postgres.ask("select coalesce(string_agg(number::text, ' ' order by number), '') from kept")
}

#[test]
fn the_answer_to_a_commit_is_lost() {
    or_skip(|| {
        let (postgres, proxy) = server()?;
        run(async {
            let mut client = connect(&postgres.url_by(proxy.address())).await?;
            proxy.lose_commit(Lost::Answer);
            let unit = client.transaction().await?;
            unit.execute("insert into kept values (1)", &[]).await?;
            assert!(ends(unit.commit()).await?.is_err(), "the client must not learn of it");
            assert_eq!(proxy.commits_lost(), 1);
            // The next one is answered.
            let mut client = connect(&postgres.url_by(proxy.address())).await?;
            let unit = client.transaction().await?;
            unit.execute("insert into kept values (2)", &[]).await?;
            Ok(unit.commit().await?)
        })?;
        assert_eq!(kept(&postgres)?, "1 2");
        assert_eq!((proxy.commits_lost(), proxy.traffic().commits), (1, 2));
        Ok(())
    });
}

#[test]
fn a_commit_is_lost_before_it_arrives() {
    or_skip(|| {
        let (postgres, proxy) = server()?;
        run(async {
            let mut client = connect(&postgres.url_by(proxy.address())).await?;
            proxy.lose_commit(Lost::Question);
            let unit = client.transaction().await?;
            unit.execute("insert into kept values (1)", &[]).await?;
            assert!(ends(unit.commit()).await?.is_err());
            Ok(())
        })?;
        // It waits for the end of the transaction, if that has not been noticed yet.
        postgres.ask("insert into kept values (1)")?;
        assert_eq!(proxy.commits_lost(), 1);
        Ok(())
    });
}

#[test]
fn a_prepared_commit_is_lost_as_well() {
    or_skip(|| {
        let (postgres, proxy) = server()?;
        run(async {
            for (number, lost) in [(1, Lost::Answer), (2, Lost::Question)] {
                let client = connect(&postgres.url_by(proxy.address())).await?;
                let insert = client.prepare("insert into kept values ($1)").await?;
                let commit = client.prepare(" commit work").await?;
                client.batch_execute("begin").await?;
                client.execute(&insert, &[&i64::from(number)]).await?;
                proxy.lose_commit(lost);
                assert!(ends(client.execute(&commit, &[])).await?.is_err());
            }
            Ok(())
        })?;
        postgres.ask("insert into kept values (2)")?;
        assert_eq!((kept(&postgres)?.as_str(), proxy.commits_lost()), ("1 2", 2));
        Ok(())
    });
}

#[test]
fn round_trips_are_counted() {
    or_skip(|| {
        let (postgres, proxy) = server()?;
        run(async {
            let mut client = connect(&postgres.url_by(proxy.address())).await?;
            assert_eq!(proxy.traffic(), Traffic::default(), "signing in is no round trip");
            client.batch_execute("select 1").await?;
            assert_eq!(proxy.traffic().round_trips, 1);
            let insert = client.prepare("insert into kept values ($1)").await?;
            assert_eq!(proxy.traffic(), Traffic { round_trips: 2, statements: 1, commits: 0 });
            let unit = client.transaction().await?;
            let before = proxy.traffic();
            // Three statements under way at once are one round trip, or three when each is answered at once.
            let numbers: [[&(dyn ToSql + Sync); 1]; 3] = [[&1_i64], [&2_i64], [&3_i64]];
            let [first, second, third] = numbers.each_ref().map(|numbers| unit.execute(&insert, numbers));
            tokio::try_join!(first, second, third)?;
            let after = proxy.traffic();
            assert_eq!(after.statements - before.statements, 3);
            ensure!((1..=3).contains(&(after.round_trips - before.round_trips)), "{before:?} {after:?}");
            unit.commit().await?;
            assert_eq!(proxy.traffic().commits, 1);
            assert_eq!(proxy.traffic().round_trips, after.round_trips + 1);
            Ok(())
        })?;
        assert_eq!(kept(&postgres)?, "1 2 3");
        Ok(())
    });
}

#[test]
fn what_is_encrypted_passes_unread() {
    or_skip(|| {
        let access = PostgresAccess::Tls("paper");
        let postgres = Postgres::start(PostgresSettings { access, ..PostgresSettings::default() })?;
        let proxy = Proxy::start(postgres.address())?;
        assert_eq!(postgres.ask_by(proxy.address(), "select 'in'")?, "in");
        assert_eq!(proxy.traffic(), Traffic::default());
        Ok(())
    });
}

#[test]
fn a_cut_resets_both_sides() -> Result<()> {
    let (server, proxy) = echo()?;
    let mut client = TcpStream::connect(proxy.address())?;
    let mut far = server.accept()?.0;
    assert_eq!(there_and_back(&mut client, &mut far, b"before")?, b"before");
    proxy.cut();
    for side in [&mut client, &mut far] {
        let error = side.read(&mut [0]).expect_err("a reset");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    // A new connection is carried as before.
    let mut client = TcpStream::connect(proxy.address())?;
    let mut far = server.accept()?.0;
    assert_eq!(there_and_back(&mut client, &mut far, b"after")?, b"after");
    Ok(())
}

#[test]
fn nobody_listens_until_it_is_set_otherwise() -> Result<()> {
    let (server, proxy) = echo()?;
    let mut client = TcpStream::connect(proxy.address())?;
    let mut far = server.accept()?.0;
    for _ in 0..20 {
        proxy.set(Way::Refuse)?;
        let error = TcpStream::connect(proxy.address()).expect_err("nobody");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        assert_eq!(there_and_back(&mut client, &mut far, b"open")?, b"open");
        proxy.set(Way::Carry)?;
        drop(TcpStream::connect(proxy.address())?);
        drop(server.accept()?);
    }
    Ok(())
}

#[test]
fn what_stalls_arrives_later_and_whole() -> Result<()> {
    let (server, proxy) = echo()?;
    let mut client = TcpStream::connect(proxy.address())?;
    let mut far = server.accept()?.0;
    assert_eq!(there_and_back(&mut client, &mut far, b"before")?, b"before");
    proxy.set(Way::Stall)?;
    client.write_all(b"late")?;
    let mut newer = TcpStream::connect(proxy.address())?;
    newer.write_all(b"newer")?;
    assert!(is_silent(&mut far)?);
    proxy.set(Way::Carry)?;
    assert_eq!(read(&mut far, 4)?, b"late");
    assert_eq!(read(&mut server.accept()?.0, 5)?, b"newer");
    Ok(())
}

#[test]
fn what_is_swallowed_is_gone_and_its_connection_with_it() -> Result<()> {
    let (server, proxy) = echo()?;
    let mut losing = TcpStream::connect(proxy.address())?;
    let mut far = server.accept()?.0;
    let mut quiet = TcpStream::connect(proxy.address())?;
    let mut far_quiet = server.accept()?.0;
    assert_eq!(there_and_back(&mut losing, &mut far, b"before")?, b"before");
    proxy.set(Way::Swallow)?;
    losing.write_all(b"lost")?;
    let mut newer = TcpStream::connect(proxy.address())?;
    newer.write_all(b"lost")?;
    assert!(is_silent(&mut far)?);
    assert!(is_silent(&mut newer)?);
    proxy.set(Way::Carry)?;
    for mut side in [losing, far, newer] {
        let error = side.read(&mut [0]).expect_err("a reset");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    assert_eq!(there_and_back(&mut quiet, &mut far_quiet, b"after")?, b"after");
    Ok(())
}

/// What is no PostgreSQL comes through as it is, however it is cut, to its last byte.
#[test]
fn other_bytes_are_carried_as_they_are() -> Result<()> {
    let (server, proxy) = echo()?;
    let whole: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let odd: [&[u8]; 7] = [
        b"",
        b"C",
        b"\0\0\0\x08\0\x03\0\0Q\0\0\0\x02bad",
        b"GET / HTTP/1.1\r\n\r\n",
        &whole,
        b"\0\0\0\x08\0\x03\0\0Q\0\0\0\x50commit",
        b"\0\0\0\x08\x04\xd2\x16\x2fC",
    ];
    for bytes in odd {
        let mut client = TcpStream::connect(proxy.address())?;
        let mut far = server.accept()?.0;
        let (client_sends, far_sends) = (client.try_clone()?, far.try_clone()?);
        for (mut from, to) in [(client_sends, &mut far), (far_sends, &mut client)] {
            std::thread::scope(|scope| {
                let sending = scope.spawn(move || {
                    from.write_all(bytes)?;
                    from.shutdown(std::net::Shutdown::Write)
                });
                let mut arrived = Vec::new();
                to.read_to_end(&mut arrived)?;
                assert_eq!(arrived, bytes);
                sending.join().expect("no panic").map_err(anyhow::Error::from)
            })?;
        }
    }
    Ok(())
}

#[test]
fn another_server_takes_over_behind_it() -> Result<()> {
    let (_first, proxy) = echo()?;
    let second = TcpListener::bind("127.0.0.1:0")?;
    proxy.lead_to(second.local_addr()?);
    let mut client = TcpStream::connect(proxy.address())?;
    assert_eq!(there_and_back(&mut client, &mut second.accept()?.0, b"here")?, b"here");
    Ok(())
}

/// A server that only waits, and the proxy before it.
fn echo() -> Result<(TcpListener, Proxy)> {
    let server = TcpListener::bind("127.0.0.1:0")?;
    let proxy = Proxy::start(server.local_addr()?)?;
    Ok((server, proxy))
}

fn there_and_back(client: &mut TcpStream, far: &mut TcpStream, words: &[u8]) -> Result<Vec<u8>> {
    client.write_all(words)?;
    let arrived = read(far, words.len())?;
    far.write_all(&arrived)?;
    read(client, words.len())
}

fn read(from: &mut TcpStream, count: usize) -> Result<Vec<u8>> {
    from.set_read_timeout(Some(wait::PATIENCE))?;
    let mut bytes = vec![0; count];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Nothing arrives for a while. It can only err by not noticing.
fn is_silent(stream: &mut TcpStream) -> Result<bool> {
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    let is_silent = stream.read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(wait::PATIENCE))?;
    Ok(is_silent)
}
