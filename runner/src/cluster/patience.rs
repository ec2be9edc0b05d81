//! How long to wait before trying again, and how often to say so.

use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);
/// After a failure that does not pass by itself.
const SLOW: Duration = Duration::from_secs(5);
/// Between two log lines about the same trouble.
const SILENCE: Duration = Duration::from_secs(10);

/// Delays that double, spread by a quarter so that many sessions do not return at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    pub(crate) async fn pause(&mut self) {
        let delay = self.next;
        self.next = (delay * 2).min(LONGEST);
        tokio::time::sleep(spread(delay)).await;
    }

    /// For what only an operator can put right: still tried, but seldom.
    pub(crate) async fn long_pause(&mut self) {
        self.next = LONGEST;
        tokio::time::sleep(spread(SLOW)).await;
    }

    pub(crate) fn reset(&mut self) {
        self.next = FIRST;
    }
}

/// Between 3/4 and 5/4 of the delay. The low digits of the clock are random enough here.
fn spread(delay: Duration) -> Duration {
    let digits =
        std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.subsec_nanos() % 1024);
    delay * 3 / 4 + delay * digits / 2048
}

/// Limits the log lines about a trouble that goes on.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    last: Option<Instant>,
}

impl Complaints {
    /// Whether it is time to say it again.
    pub(crate) fn due(&mut self) -> bool {
        let now = Instant::now();
        let due = self.last.is_none_or(|last| now - last >= SILENCE);
        if due {
            self.last = Some(now);
        }
        due
    }

    /// The trouble has passed. Returns whether it was spoken of.
    pub(crate) fn over(&mut self) -> bool {
        self.last.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn delays_double_up_to_two_seconds_and_start_anew() {
        let mut backoff = Backoff::default();
        let mut delays = Vec::new();
        for _ in 0..8 {
            let start = Instant::now();
            backoff.pause().await;
            delays.push(start.elapsed());
        }
        assert!(delays[0] >= Duration::from_millis(75), "{delays:?}");
        assert!(delays[0] <= Duration::from_millis(127), "{delays:?}");
        assert!(delays[7] >= Duration::from_millis(1500), "{delays:?}");
        assert!(delays[7] <= Duration::from_millis(2502), "{delays:?}");
        backoff.reset();
        let start = Instant::now();
        backoff.pause().await;
        assert!(start.elapsed() <= Duration::from_millis(127));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lasting_trouble_is_told_every_ten_seconds() {
        let mut complaints = Complaints::default();
        let mut told = 0;
        for _ in 0..60 {
            told += u32::from(complaints.due());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(told, 6);
        assert!(complaints.over());
        assert!(complaints.due(), "a new trouble is told at once");
    }
}
