//! How many requests clients may send: a bucket of tokens for each.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// More clients than this are not remembered; full buckets go first.
const MOST: usize = 10_000;

/// The buckets of all clients.
#[derive(Default)]
pub(crate) struct Rates(Mutex<HashMap<String, Bucket>>);

struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Rates {
    /// Takes a token of a client that may send `rate` requests a minute, a quarter of them at once (but at least ten).
    ///
    /// # Errors
    /// The seconds until there is one.
    pub(crate) fn take(&self, client: &str, rate: u32, now: Instant) -> Result<(), u64> {
        if rate == 0 {
            return Ok(());
        }
        let (size, per_second) = (f64::from(rate / 4).max(10.0).min(f64::from(rate)), f64::from(rate) / 60.0);
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST {
            buckets.retain(|_, bucket| bucket.level(size, per_second, now) < size);
        }
        if buckets.len() >= MOST && !buckets.contains_key(client) {
            return Err(1);
        }
        let bucket = buckets.entry(client.to_owned()).or_insert(Bucket { tokens: size, filled: now });
        bucket.tokens = bucket.level(size, per_second, now);
        bucket.filled = now;
        if bucket.tokens < 1.0 {
            return Err(((1.0 - bucket.tokens) / per_second).ceil() as u64);
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

impl Bucket {
    fn level(&self, size: f64, per_second: f64, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.filled).as_secs_f64();
        (self.tokens + since * per_second).min(size)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_client_that_sends_too_much_is_told_when_to_come_back() {
        let (rates, begin) = (Rates::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(rates.take("a", 12, begin), Ok(()));
        }
        assert_eq!(rates.take("a", 12, begin), Err(5));
        assert_eq!(rates.take("b", 12, begin), Ok(()));
        assert_eq!(rates.take("a", 12, begin + Duration::from_secs(5)), Ok(()));
        assert!(rates.take("a", 12, begin + Duration::from_secs(5)).is_err());
        for _ in 0..1000 {
            assert_eq!(rates.take("c", 0, begin), Ok(()));
        }
    }
}
