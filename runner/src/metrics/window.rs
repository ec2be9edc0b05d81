//! Counters with a twin for the current minute.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::{Duration, Instant};

/// Length of the tumbling window behind Pulsar's `1min` names.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// A count since start, and how much of it came in the current window.
#[derive(Debug, Default)]
pub(super) struct Counter {
    total: AtomicU64,
    before_window: AtomicU64,
}

impl Counter {
    pub(super) fn add(&self, count: u64) {
        self.total.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    pub(super) fn in_window(&self) -> u64 {
        self.total().saturating_sub(self.before_window.load(Ordering::Relaxed))
    }

    /// The window starts anew, at zero.
    pub(super) fn roll(&self) {
        self.before_window.store(self.total(), Ordering::Relaxed);
    }
}

/// Which window it is. Cheap to ask: one reading of the clock.
#[derive(Debug)]
pub(super) struct Windows {
    started: Instant,
    current: AtomicU64,
}

impl Windows {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), current: AtomicU64::new(0) }
    }

    /// Whole windows since the start, if they are more than at the last [`Windows::enter`].
    pub(super) fn due(&self) -> Option<u64> {
        let index = self.started.elapsed().as_secs() / WINDOW.as_secs();
        (index != self.current.load(Ordering::Acquire)).then_some(index)
    }

    pub(super) fn enter(&self, index: u64) {
        self.current.store(index, Ordering::Release);
    }
}
