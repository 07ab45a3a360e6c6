//! How long to leave a source alone after trouble.
//!
//! *Invariant:* pure. What is random comes in as an argument.

use std::time::Duration;

use crate::source::SourceTrouble;

/// After so many failures in a row, the last of this kind. `spread` is random: many mailboxes of one server that is away
/// must not all come back at the same moment.
pub fn after_source(trouble: SourceTrouble, failures: u32, spread: u32) -> Duration {
    match trouble {
        SourceTrouble::Away => growing(5, 15 * 60, (failures, spread)),
        // Servers lock accounts after a few wrong passwords.
        SourceTrouble::Refused => {
            let seconds = [60, 5 * 60, 30 * 60].get(failures.saturating_sub(1) as usize);
            spread_over(*seconds.unwrap_or(&(60 * 60)), spread)
        }
        SourceTrouble::NotOffered | SourceTrouble::Contradiction => growing(60, 60 * 60, (failures, spread)),
    }
}

/// After the house could not take anything in, so many times in a row.
pub fn after_house(failures: u32, spread: u32) -> Duration {
    growing(1, 60, (failures, spread))
}

/// Twice as long with each failure, up to a bound, in seconds.
fn growing(first: u64, most: u64, (failures, spread): (u32, u32)) -> Duration {
    let factor = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
    spread_over(first.saturating_mul(factor).min(most), spread)
}

/// Between a half and one and a half of so many seconds.
fn spread_over(seconds: u64, spread: u32) -> Duration {
    let part = 0.5 + f64::from(spread) / f64::from(u32::MAX);
    Duration::from_secs(seconds).mul_f64(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_spread() {
        let middle = u32::MAX / 2;
        let seconds = |failures| after_source(SourceTrouble::Away, failures, middle).as_secs_f64().round();
        assert_eq!([1, 2, 3, 9, 60, u32::MAX].map(seconds), [5.0, 10.0, 20.0, 900.0, 900.0, 900.0]);
        let spread = |spread| after_source(SourceTrouble::Away, 1, spread).as_secs_f64();
        assert_eq!((spread(0), spread(u32::MAX)), (2.5, 7.5));
        assert!(after_house(20, u32::MAX) <= Duration::from_secs(90));
    }

    #[test]
    fn a_wrong_password_is_tried_seldom() {
        let in_a_day: f64 = (1..=24).map(|n| after_source(SourceTrouble::Refused, n, 0).as_secs_f64()).sum();
        assert!(in_a_day > 10.0 * 3_600.0, "{in_a_day}");
    }
}
