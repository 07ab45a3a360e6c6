//! The log: events of all rooms as lines on standard error, and the numbers behind `/metrics`.
//!
//! *Invariant:* no addresses, bodies or secrets stand in events; that is up to who writes them, and one place
//! more to look at when something new is logged.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

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
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let lines = lines.with_ansi(io::stderr().is_terminal());
    // The first one stays, as when two houses run in one test.
    let _ = match settings.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
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
