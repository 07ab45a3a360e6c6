//! What a process has used so far, by the books of the kernel (proc(5)).

use std::fs;

use anyhow::{Context, Result};

/// Processor time and memory of one process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    /// User and system time in milliseconds.
    pub(super) cpu_ms: f64,
    /// Memory in MiB.
    pub(super) rss_mib: f64,
    /// The most memory it ever had.
    pub(super) peak_mib: f64,
}

/// Linux counts processor time in hundredths of a second.
const TICK_MS: f64 = 10.0;

impl Usage {
    /// Looks once.
    pub(super) fn of(process: u32) -> Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The name in parentheses may hold blanks: fields are counted behind it. 14 and 15 are utime and stime.
        let fields: Vec<&str> = stat.rsplit_once(')').context("no stat")?.1.split_whitespace().collect();
        let ticks =
            |place: usize| -> Result<f64> { Ok(fields.get(place).context("no times in stat")?.parse()?) };
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let mib = |field: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            let line = line.with_context(|| format!("no {field} in status"))?;
            Ok(line.trim().trim_end_matches("kB").trim().parse::<f64>()? / 1024.0)
        };
        let (rss_mib, peak_mib) = (mib("VmRSS:")?, mib("VmHWM:")?);
        Ok(Usage { cpu_ms: (ticks(11)? + ticks(12)?) * TICK_MS, rss_mib, peak_mib })
    }
}
