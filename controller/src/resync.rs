//! How often everything is looked at anew, in case that an event was lost.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use kube::{Resource, runtime::controller::Action};

/// Lists are made anew this often at the latest, and every object is reconciled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resync(Duration);

impl Resync {
    pub const fn every(period: Duration) -> Self {
        Self(period)
    }

    /// When it is one thing's turn again: up to a tenth earlier, always by the same part, so that
    /// not everything comes at once.
    pub(crate) fn period(self, of: impl Hash) -> Duration {
        let mut hasher = DefaultHasher::new();
        of.hash(&mut hasher);
        let earlier = (hasher.finish() % 1000) as f64 / 10_000.0;
        self.0.mul_f64(1.0 - earlier)
    }

    /// Reconcile it again then, if nothing happens before.
    pub(crate) fn action(self, object: &impl Resource) -> Action {
        Action::requeue(self.period(&object.meta().uid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_spread_over_a_tenth_and_stay() {
        let resync = Resync::every(Duration::from_secs(100));
        let periods: Vec<Duration> = (0..500).map(|name| resync.period(name)).collect();
        let earliest = periods.iter().min().unwrap();
        let latest = periods.iter().max().unwrap();
        assert!(*earliest >= Duration::from_secs(90) && *latest <= Duration::from_secs(100));
        assert!(*latest - *earliest > Duration::from_secs(9), "{earliest:?} to {latest:?}");
        assert_eq!(periods[7], resync.period(7));
    }
}
