//! Hints between nodes: what one leaves, the others hear, whatever became of the connection before.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use model::Id;
use store::{Database, Hint, PostgresSettings, Priority, Store, StoreError, StoreSettings};
use tracing::field::Field;
use tracing::span::{self, Attributes, Record};
use tracing::{Event, Level, Metadata, Subscriber};

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
    let warnings = Warnings::of_this_process();
    let heard = Heard::by(&other.store);
    // Whoever only listens said this last.
    let end = format!(
        "select count(pg_terminate_backend(pid, 20000)) from pg_stat_activity where query = 'listen {}_hints'",
        server.schema
    );
    for time in 1..=2 {
        assert_eq!(ask(&server, &end), 1);
        eventually("mail is heard of again", || {
            tell(&house, Hint::Outbox, Duration::ZERO).unwrap();
            heard.takes(Hint::Outbox)
        });
        let told = warnings.beginning_with("nodes hear nothing from each other");
        assert_eq!(told, 1, "a line that comes and goes is told of once, and this is the {time}. time");
    }
}

/// The server has the connection still, and says nothing any more.
#[test]
fn a_stop_does_not_wait_for_a_server_that_is_away() {
    let house = House::new();
    let Database::Postgres(server) = Database::for_tests(house.folder.path()) else {
        return crate::house::skip("hints need a database server (POSTROOM_TEST_DATABASE)");
    };
    let (url, asked) = by_a_door(&server.url, Manner::Mute);
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Postgres(PostgresSettings { url, ..server });
    let store = Store::open(StoreSettings { database, ..StoreSettings::new(folder.path()) }).unwrap();
    let organization = store.organization(id(1)).unwrap();
    let unit = organization.unit(Priority::Background, |tx| {
        tx.hint(Hint::Outbox, Duration::ZERO);
        tx.set_setting("some", "kept")
    });
    unit.wait().unwrap();
    drop(organization);
    eventually("it is told, and nobody answers", || asked.load(Ordering::SeqCst) == 1);
    let (stops, stopped) = channel();
    thread::spawn(move || {
        store.close();
        stops.send(()).unwrap();
    });
    stopped.recv_timeout(Duration::from_secs(10)).expect("it has stopped");
    assert!(house.is_set("some"));
}

#[test]
fn a_server_without_hints_is_asked_once_and_all_goes_on() {
    let house = House::new();
    let Database::Postgres(server) = Database::for_tests(house.folder.path()) else {
        return crate::house::skip("hints need a database server (POSTROOM_TEST_DATABASE)");
    };
    let (url, asked) = by_a_door(&server.url, Manner::Forgets);
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

    /// Whether it was heard of since this was asked last.
    fn takes(&self, hint: Hint) -> bool {
        self.0.lock().unwrap().remove(&(id(1), hint))
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

/// What is between a store and its server.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// It does not know `LISTEN` and `NOTIFY`: both words arrive there as no words at all.
    Forgets,
    /// From the first hint on that is told over a connection nothing goes on there.
    Mute,
}

/// The way to a server by such a door. How often it was told one of the words.
fn by_a_door(url: &str, manner: Manner) -> (String, Arc<AtomicUsize>) {
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
            thread::spawn(move || carry(from, to, Some((manner, &counted))));
            thread::spawn(move || carry(server, client, None));
        }
    });
    (url, asked)
}

/// Carries bytes until there are no more.
fn carry(mut from: TcpStream, mut to: TcpStream, asked: Option<(Manner, &AtomicUsize)>) {
    let mut bytes = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let piece = &mut bytes[..count];
        for word in [&b"listen "[..], b"notify "] {
            let place = piece.windows(word.len()).position(|window| window == word);
            let (Some((manner, asked)), Some(place)) = (asked, place) else { continue };
            asked.fetch_add(1, Ordering::SeqCst);
            match manner {
                Manner::Forgets => piece[place] = b'_',
                // The other half holds the connection.
                Manner::Mute => return,
            }
        }
        if to.write_all(piece).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// What this process warned of.
#[derive(Debug, Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    /// Each test has a process of its own.
    fn of_this_process() -> Self {
        let warnings = Warnings::default();
        tracing::subscriber::set_global_default(warnings.clone()).unwrap();
        warnings
    }

    fn beginning_with(&self, words: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|told| told.starts_with(words)).count()
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, of: &Metadata<'_>) -> bool {
        *of.level() <= Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut |field: &Field, value: &dyn Debug| {
            if field.name() == "message" {
                self.0.lock().unwrap().push(format!("{value:?}"));
            }
        });
    }

    fn new_span(&self, _: &Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}
