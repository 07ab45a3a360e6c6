//! Hints between nodes: what one leaves, the others hear, whatever became of the connection before.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use model::Id;
use store::{Database, Hint, PostgresSettings, Priority, Store, StoreError, StoreSettings};

use crate::house::{House, id};
use crate::nodes::{Other, eventually};

#[test]
fn what_one_node_leaves_the_others_hear() {
    let house = House::new();
    let Some(other) = Other::beside(&house) else { return };
    let (here, there) = (Heard::by(&house.store), Heard::by(&other.store));
    let undone = house.organization.unit(Priority::Background, |tx| {
        tx.hint(Hint::Outbox, Duration::ZERO);
        Err::<(), _>(StoreError::NotFound)
    });
    assert!(undone.wait().is_err());
    // What is due in an hour is nobody's business now.
    tell(&house, Hint::Outbox, Duration::from_secs(3_600)).unwrap();
    tell(&house, Hint::Jobs, Duration::from_secs(1)).unwrap();
    eventually("jobs are heard of", || there.has(Hint::Jobs));
    eventually("whoever tells hears it too", || here.has(Hint::Jobs));
    assert!(!there.has(Hint::Outbox), "nothing was kept that is due: {there:?}");
    tell(&house, Hint::Outbox, Duration::ZERO).unwrap();
    eventually("mail is heard of", || there.has(Hint::Outbox));
}

#[test]
fn what_a_node_left_last_is_told_before_it_ends() {
    let house = House::new();
    let Some(other) = Other::beside(&house) else { return };
    let heard = Heard::by(&house.store);
    let organization = other.store.organization(id(1)).unwrap();
    let unit = organization.unit(Priority::Background, |tx| {
        tx.hint(Hint::Outbox, Duration::ZERO);
        Ok::<_, StoreError>(())
    });
    unit.wait().unwrap();
    other.store.close();
    eventually("mail is heard of", || heard.has(Hint::Outbox));
}

#[test]
fn a_listener_whose_connection_ended_listens_again() {
    let house = House::new();
    let Some(other) = Other::beside(&house) else { return };
    let Database::Postgres(server) = Database::for_tests(house.folder.path()) else { return };
    let heard = Heard::by(&other.store);
    // Whoever only listens said this last.
    let ended = ask(
        &server,
        &format!(
            "select count(pg_terminate_backend(pid, 20000)) from pg_stat_activity where query = 'listen {}_hints'",
            server.schema
        ),
    );
    assert_eq!(ended, 1);
    eventually("mail is heard of again", || {
        tell(&house, Hint::Outbox, Duration::ZERO).unwrap();
        heard.has(Hint::Outbox)
    });
}

#[test]
fn a_server_without_hints_is_asked_once_and_all_goes_on() {
    let house = House::new();
    let Database::Postgres(server) = Database::for_tests(house.folder.path()) else {
        return crate::house::skip("hints need a database server (POSTROOM_TEST_DATABASE)");
    };
    let (url, asked) = without_hints(&server.url);
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Postgres(PostgresSettings { url, ..server });
    let store = Store::open(StoreSettings { database, ..StoreSettings::new(folder.path()) }).unwrap();
    store.on_hint(|_, _| {});
    eventually("it is asked", || asked.load(Ordering::SeqCst) == 1);
    let organization = store.organization(id(1)).unwrap();
    let unit = organization.unit(Priority::Background, |tx| {
        tx.hint(Hint::Outbox, Duration::ZERO);
        tx.set_setting("some", "kept")
    });
    unit.wait().unwrap();
    assert!(house.is_set("some") && !store.is_listening());
    store.close();
    assert_eq!(asked.load(Ordering::SeqCst), 1, "nobody who said no is asked again and again");
}

fn tell(house: &House, hint: Hint, after: Duration) -> Result<(), StoreError> {
    let unit = house.organization.unit(Priority::Background, move |tx| {
        tx.hint(hint, after);
        Ok(())
    });
    unit.wait()
}

/// What a store heard.
#[derive(Debug, Clone, Default)]
struct Heard(Arc<Mutex<BTreeSet<(Id, Hint)>>>);

impl Heard {
    /// Listens, once it does.
    fn by(store: &Store) -> Self {
        let heard = Heard::default();
        let hearing = heard.clone();
        store.on_hint(move |organization, hint| {
            hearing.0.lock().unwrap().insert((organization, hint));
        });
        eventually("it listens", || store.is_listening());
        heard
    }

    fn has(&self, hint: Hint) -> bool {
        self.0.lock().unwrap().contains(&(id(1), hint))
    }
}

/// A number, asked at the server beside all stores.
fn ask(server: &PostgresSettings, sql: &str) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&server.url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.query_one(sql, &[]).await.unwrap().get(0)
    })
}

/// The way to a server that does not know `LISTEN` and `NOTIFY`: both words arrive there as no words at all. How often they
/// were said.
fn without_hints(url: &str) -> (String, Arc<AtomicUsize>) {
    let (before, rest) = url.rsplit_once('@').unwrap();
    let (server, after) = rest.split_once('/').unwrap();
    let door = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("{before}@{}/{after}", door.local_addr().unwrap());
    let (server, asked) = (server.to_owned(), Arc::<AtomicUsize>::default());
    let counted = Arc::clone(&asked);
    thread::spawn(move || {
        for client in door.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(&server) else { return };
            let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let counted = Arc::clone(&counted);
            thread::spawn(move || carry(from, to, Some(&counted)));
            thread::spawn(move || carry(server, client, None));
        }
    });
    (url, asked)
}

/// Carries bytes until there are no more.
fn carry(mut from: TcpStream, mut to: TcpStream, asked: Option<&AtomicUsize>) {
    let mut bytes = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let piece = &mut bytes[..count];
        for word in [&b"listen "[..], b"notify "].into_iter().filter(|_| asked.is_some()) {
            if let Some(place) = piece.windows(word.len()).position(|window| window == word) {
                piece[place] = b'_';
                asked.unwrap().fetch_add(1, Ordering::SeqCst);
            }
        }
        if to.write_all(piece).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
