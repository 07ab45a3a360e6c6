//! The log: events of all rooms as lines on standard error, and the numbers behind `/metrics`.
//!
//! *Invariant:* no addresses, bodies or secrets stand in events. In our rooms that is up to who writes them; of
//! other crates nothing below `info` is written, at whatever level, because parsers and sockets tell there what
//! they read.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tracing::{Level, Metadata};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, filter, fmt};

use crate::settings::{LogFormat, LogSection};

/// The words that say what is logged cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("log.level cannot be read")]
pub struct BadLevel(#[from] tracing_subscriber::filter::ParseError);

/// Sends events to standard error from now on; a second call changes nothing.
///
/// # Errors
/// [`BadLevel`], where `log.level` is no filter.
pub fn start(settings: &LogSection) -> Result<(), BadLevel> {
    let filter = EnvFilter::builder().parse(&settings.level)?;
    let events = tracing_subscriber::registry().with(filter).with(filter::filter_fn(may_be_written));
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    // The first one stays, as when two houses run in one test.
    let _ = match settings.format {
        LogFormat::Text => events.with(lines).try_init(),
        LogFormat::Json => events.with(lines.json().flatten_event(true)).try_init(),
    };
    Ok(())
}

/// Our rooms. One that is missing here is held at `info` like any other crate.
const ROOMS: [&str; 12] = [
    "connect", "crm", "message", "model", "poll", "postroom", "receive", "send", "store", "testkit", "trust",
    "web",
];

/// Crates that read HTML, and those that ask name servers: what they say is of a customer's mail, at every level.
const SILENT: [&str; 7] =
    ["ammonia", "hickory_net", "hickory_proto", "hickory_resolver", "html5ever", "markup5ever", "tendril"];

/// Whether an event may be written, before `log.level` is asked.
fn may_be_written(event: &Metadata<'_>) -> bool {
    may_say(event.target(), *event.level())
}

fn may_say(target: &str, level: Level) -> bool {
    let origin = target.split("::").next().unwrap_or_default();
    ROOMS.contains(&origin) || (level <= Level::INFO && !SILENT.contains(&origin))
}

/// Counts from now on, and folds up what was counted: else every time that was taken would stay in memory
/// until somebody asks for the numbers.
pub(crate) async fn count(stop: CancellationToken) {
    const BETWEEN: Duration = Duration::from_secs(5);
    let Some(handle) = metrics() else { return };
    while tokio::time::timeout(BETWEEN, stop.cancelled()).await.is_err() {
        handle.run_upkeep();
    }
}

/// Upper bounds of the buckets of all times, in seconds: around a commit, and up to what a person waits for.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// The recorder of this process, made at the first call; `None` where another one is in its place.
pub(crate) fn metrics() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let builder = PrometheusBuilder::new();
            let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS);
            let recorder = builder.ok()?.build_recorder();
            let handle = recorder.handle();
            metrics::set_global_recorder(recorder).ok().map(|()| handle)
        })
        .as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_room_may_say_all() {
        let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut rooms: Vec<String> = std::fs::read_dir(crates)
            .unwrap()
            .map(|room| room.unwrap().file_name().into_string().unwrap())
            .filter(|room| !["bucketkit", "dnskit", "fuzz", "xtask"].contains(&room.as_str()))
            .collect();
        rooms.sort();
        assert_eq!(rooms, ROOMS);
    }

    #[test]
    fn other_crates_say_nothing_below_info_and_parsers_of_html_nothing() {
        assert!(may_say("crm::intake", Level::TRACE));
        assert!(may_say("hyper::proto", Level::INFO) && !may_say("hyper::proto", Level::DEBUG));
        assert!(!may_say("html5ever::tokenizer", Level::ERROR));
        assert!(!may_say("hickory_net::udp", Level::WARN));
        assert!(!may_say("crmx", Level::DEBUG));
    }
}
