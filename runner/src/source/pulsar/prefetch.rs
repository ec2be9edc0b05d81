//! How many messages to prefetch: enough to keep the broker sending, but no more than memory allows.
//!
//! The stock client counts prefetched messages only. A thousand messages of a megabyte are a
//! gigabyte, so a session is made again with a shorter queue once messages turn out to be large.

/// Messages prefetched per topic. Pulsar's clients prefetch a thousand; the stock client leaves
/// Nagle's algorithm on, so that its requests for more wait for the network for tens of
/// milliseconds, and a thousand small messages do not last that long.
const MESSAGES: u32 = 5000;
/// Bytes prefetched per topic. The client holds up to twice its queue.
const BYTES: f64 = (8 << 20) as f64;
/// Messages a mean is taken over.
const MEMORY: f64 = 64.0;

#[derive(Debug)]
pub(super) struct Prefetch {
    queue: u32,
    /// The user chose: theirs to keep.
    fixed: bool,
    mean: f64,
    /// Messages since the queue was last made.
    seen: u32,
}

impl Prefetch {
    pub(super) fn new(chosen: Option<u32>) -> Self {
        Self {
            // The client cannot do without a queue; 0 asks for the smallest there is.
            queue: chosen.unwrap_or(MESSAGES).max(1),
            fixed: chosen.is_some(),
            mean: 0.0,
            seen: 0,
        }
    }

    /// The queue of the next session.
    pub(super) fn queue(&self) -> u32 {
        self.queue
    }

    /// Learns from a message. Returns whether the session should be made again.
    pub(super) fn learn(&mut self, bytes: usize) -> bool {
        if self.fixed {
            return false;
        }
        let bytes = bytes as f64;
        // The first one may be all that arrives before the memory is full.
        self.mean = if self.seen == 0 && self.mean == 0.0 {
            bytes
        } else {
            self.mean + (bytes - self.mean) / MEMORY
        };
        self.seen = self.seen.saturating_add(1);
        let fitting = self.fitting();
        // Widely apart, so that a session lasts.
        fitting < self.queue / 2 || (self.seen > MESSAGES && fitting / 4 > self.queue)
    }

    /// The session is being made again.
    pub(super) fn resize(&mut self) {
        self.queue = self.fitting();
        self.seen = 0;
    }

    fn fitting(&self) -> u32 {
        // A float to integer cast saturates.
        ((BYTES / self.mean.max(1.0)) as u32).clamp(1, MESSAGES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_messages_keep_the_usual_queue() {
        let mut prefetch = Prefetch::new(None);
        assert!((0..10_000).all(|_| !prefetch.learn(1000)));
        assert_eq!(prefetch.queue(), MESSAGES);
    }

    #[test]
    fn the_first_large_message_shortens_the_queue() {
        let mut prefetch = Prefetch::new(None);
        assert!(prefetch.learn(1 << 20));
        prefetch.resize();
        assert_eq!(prefetch.queue(), 8);
        assert!((0..10_000).all(|_| !prefetch.learn(1 << 20)), "and that lasts");
    }

    #[test]
    fn the_queue_grows_again_with_small_messages() {
        let mut prefetch = Prefetch::new(None);
        prefetch.learn(1 << 20);
        prefetch.resize();
        assert!((0..2 * MESSAGES).any(|_| prefetch.learn(100)));
        prefetch.resize();
        assert_eq!(prefetch.queue(), MESSAGES);
    }

    #[test]
    fn a_queue_that_the_user_chose_stays() {
        let mut prefetch = Prefetch::new(Some(500));
        assert!(!prefetch.learn(5 << 20));
        assert_eq!(prefetch.queue(), 500);
    }
}
