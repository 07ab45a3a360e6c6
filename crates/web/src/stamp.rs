//! The stamp on a form that was given to somebody who was signed in: it proves that later, when he is so no more.
//!
//! What passes through: a time until which a stamp is good, and a keyed digest of it. Nobody else can make one, so the forms of
//! strangers are told from those of whoever was signed out while he wrote.

use blake3::Hash;
use model::Timestamp;

/// Longer than anybody leaves a letter open.
const GOOD_SECONDS: i64 = 7 * 86_400;

/// A stamp of this moment.
pub(crate) fn stamp(key: &[u8; 32], now: Timestamp) -> String {
    let until = now.plus_seconds(GOOD_SECONDS).0;
    format!("{until}.{}", digest(key, until).to_hex())
}

/// Whether a stamp is ours, and still good. Takes as long for any wrong one.
pub(crate) fn is_ours(key: &[u8; 32], stamp: &str, now: Timestamp) -> bool {
    let read = || {
        let (until, mac) = stamp.split_once('.')?;
        Some((until.parse::<i64>().ok()?, Hash::from_hex(mac).ok()?))
    };
    read().is_some_and(|(until, mac)| mac == digest(key, until) && until > now.0)
}

fn digest(key: &[u8; 32], until: i64) -> Hash {
    blake3::keyed_hash(key, format!("form until {until}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_good_for_a_while_under_its_key() {
        let (key, now) = ([7; 32], Timestamp(1_795_425_300_000));
        let good = stamp(&key, now);
        assert!(good.len() < 100 && is_ours(&key, &good, now.plus_seconds(86_400)));
        assert!(!is_ours(&[8; 32], &good, now), "another house's");
        assert!(!is_ours(&key, &good, now.plus_seconds(GOOD_SECONDS)), "too old");
        let (until, mac) = good.split_once('.').unwrap();
        let longer: i64 = until.parse::<i64>().unwrap() + 1;
        for forged in [format!("{longer}.{mac}"), until.to_owned(), String::new(), format!("{until}.{mac}0")]
        {
            assert!(!is_ours(&key, &forged, now), "{forged}");
        }
    }
}
