//! What one run showed, and the middle of several.

use std::collections::BTreeMap;

use serde::Serialize;

use super::process::Usage;
use crate::load::Log;

/// One run of one server.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Run {
    /// What was measured.
    pub what: String,
    /// The size of a mail in bytes.
    pub size_bytes: usize,
    /// Connections at a time.
    pub connections: usize,
    /// Mails that were answered 250.
    pub accepted: usize,
    /// From the first connection to the last answer.
    pub seconds: f64,
    /// Half of the mails waited at most so long for their 250, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 did.
    pub p99_ms: f64,
    /// Processor time of the server for a mail, in milliseconds; `None` for a peer of several processes.
    pub cpu_ms_per_mail: Option<f64>,
    /// Memory of the server at the end, in MiB.
    pub rss_mib: Option<f64>,
    /// The most memory it had.
    pub peak_mib: Option<f64>,
    /// How often each other code was answered; 0 where a connection ended without one.
    pub refusals: BTreeMap<u16, usize>,
}

impl Run {
    pub(super) fn of(log: &Log, seconds: f64) -> Self {
        Run {
            accepted: log.answered.len(),
            seconds,
            p50_ms: log.percentile_ms(50),
            p99_ms: log.percentile_ms(99),
            refusals: log.refusals.clone(),
            ..Run::default()
        }
    }

    /// Mails in a second.
    pub(super) fn rate(&self) -> f64 {
        count(self.accepted) / self.seconds
    }

    /// Notes what the server used between two looks, for so many mails.
    pub(super) fn took(&mut self, (before, after): (Usage, Usage), mails: usize) {
        self.cpu_ms_per_mail = Some((after.cpu_ms - before.cpu_ms) / count(mails.max(1)));
        self.rss_mib = Some(after.rss_mib);
        self.peak_mib = Some(after.peak_mib);
    }
}

/// A figure in the middle of those of several runs; of an even number the lower.
pub(super) fn median<R>(runs: impl IntoIterator<Item = R>, figure: impl Fn(R) -> f64) -> f64 {
    let mut figures: Vec<f64> = runs.into_iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a run has some millions of letters at most")]
pub(super) fn count(letters: usize) -> f64 {
    letters as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_figure_that_was_measured() {
        assert_eq!(median([3.0, 1.0, 2.0], |figure| figure), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0], |figure| figure), 2.0);
        assert_eq!(median([], |figure: f64| figure), 0.0);
    }
}
