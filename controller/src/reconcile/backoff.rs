//! How long to wait before a failed reconciliation is tried again.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(15);

/// Failures in a row, by object.
#[derive(Debug, Default)]
pub struct Retries(Mutex<HashMap<(String, String, String), u32>>);

impl Retries {
    /// The pause after one more failure: it doubles, spread by a quarter so that many objects do
    /// not return at once, and is at least what the API server asked for.
    pub fn next(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        asked: Option<Duration>,
    ) -> Duration {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kind.to_owned(), namespace.to_owned(), name.to_owned());
        let count = failures.entry(key).or_insert(0);
        let pause = FIRST.saturating_mul(1 << (*count).min(16)).min(LONGEST);
        *count = count.saturating_add(1);
        let spread = f64::from(fingerprint(name).wrapping_add(*count) % 100) / 400.0;
        pause.mul_f64(0.875 + spread).max(asked.unwrap_or_default())
    }

    pub fn forget(&self, kind: &str, namespace: &str, name: &str) {
        let key = (kind.to_owned(), namespace.to_owned(), name.to_owned());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }
}

/// Differs between objects, which is all that spreading needs.
fn fingerprint(name: &str) -> u32 {
    name.bytes().fold(7, |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_start_over() {
        let retries = Retries::default();
        let pause = || retries.next("function", "ns", "f", None);
        let pauses: Vec<Duration> = (0..12).map(|_| pause()).collect();
        assert!(pauses[0] < Duration::from_millis(250), "{pauses:?}");
        assert!(pauses[11] > Duration::from_secs(12), "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause < Duration::from_secs(18)), "{pauses:?}");
        retries.forget("function", "ns", "f");
        assert!(retries.next("function", "ns", "f", None) < Duration::from_millis(250));
    }

    #[test]
    fn the_api_servers_wish_counts() {
        let asked = Duration::from_secs(30);
        assert_eq!(Retries::default().next("function", "ns", "f", Some(asked)), asked);
    }
}
