//! Scaling on what waits in Pulsar: reads the backlog of subscriptions, and decides on replicas.
//!
//! `decide` is the decision, without clock or client; `read` asks Pulsar; `follow` is what a
//! reconciliation asks for and reports. Here is what is known of each object, and the loop that
//! keeps it up to date. It polls objects that scale on their backlog, no others.
//!
//! What is deliberately absent: anything durable. After a restart, replicas stay as they are until
//! the backlog was read once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{metrics::Metrics, subscriptions::Consumed};

mod decide;
pub(crate) mod follow;
mod read;

pub(crate) use decide::Scaling;
use decide::Window;
pub(crate) use read::{Read, Reader};

/// Between readings of an object that sleeps, or is changing.
const OFTEN: Duration = Duration::from_secs(3);
/// Between readings of one that does not.
const SELDOM: Duration = Duration::from_secs(15);
/// Of one reading, with all its topics.
const READING: Duration = Duration::from_secs(10);
/// Readings at once, of one kind.
const CONCURRENCY: usize = 8;
/// Decisions that may wait for the reconciler.
pub(crate) const CHANGES: usize = 256;
/// A changed figure is shown no sooner than this after the last one,
const SHOW: Duration = Duration::from_secs(10);
/// and one that changed by less than a tenth no sooner than this.
const SHOW_TRIFLES: Duration = Duration::from_secs(60);

/// Namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// What is read for one object, and what follows from it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) consumed: Consumed,
    pub(crate) scaling: Scaling,
}

/// What is known of one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Known {
    /// `None` until the backlog was read once.
    pub(crate) replicas: Option<i32>,
    /// The backlog, as it is shown.
    pub(crate) shown: Option<i64>,
    /// Why the last reading came to nothing.
    pub(crate) trouble: Option<String>,
}

/// All objects of one kind that scale on their backlog.
#[derive(Clone, Default)]
pub(crate) struct Backlogs(Arc<Shared>);

#[derive(Default)]
struct Shared {
    entries: Mutex<HashMap<Key, Entry>>,
    /// There is a new entry.
    news: Notify,
}

struct Entry {
    target: Arc<Target>,
    /// Replicas to begin with.
    live: i32,
    window: Window,
    known: Known,
    backlog: Option<i64>,
    shown_at: Option<Instant>,
    pause: Duration,
    next: Instant,
    reading: bool,
}

/// What the loop works with.
pub(crate) struct Poller<R, A> {
    /// As in metrics.
    pub(crate) kind: &'static str,
    pub(crate) reader: R,
    /// Whether there is still such an object.
    pub(crate) alive: A,
    pub(crate) metrics: Metrics,
    /// Objects that a reconciliation should look at.
    pub(crate) changes: mpsc::Sender<Key>,
    pub(crate) stop: CancellationToken,
}

/// A reading whose time has come.
struct Due {
    key: Key,
    target: Arc<Target>,
    precise: bool,
}

impl Backlogs {
    /// Has an object's backlog read from now on, and says what is known. `live` is how many
    /// replicas there are.
    pub(crate) fn watch(&self, key: &Key, target: Target, live: i32) -> Known {
        let mut entries = self.entries();
        match entries.get_mut(key) {
            Some(entry) if *entry.target == target => return entry.known.clone(),
            Some(entry) => {
                // Another subscription or other bounds: what was known may not hold, the replicas
                // stay until it was read.
                entry.target = Arc::new(target);
                entry.next = Instant::now();
                entry.reading = false;
            }
            None => {
                let entry = Entry {
                    target: Arc::new(target),
                    live,
                    window: Window::default(),
                    known: Known::default(),
                    backlog: None,
                    shown_at: None,
                    pause: OFTEN,
                    next: Instant::now(),
                    reading: false,
                };
                entries.insert(key.clone(), entry);
            }
        }
        self.0.news.notify_one();
        entries.get(key).map(|entry| entry.known.clone()).unwrap_or_default()
    }

    /// An object that is gone, or does not scale on its backlog any more. True if it did.
    pub(crate) fn forget(&self, key: &Key) -> bool {
        self.entries().remove(key).is_some()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads until it is stopped, and sends what there is a new decision or report on.
    pub(crate) async fn run<R: Read, A: Fn(&Key) -> bool>(&self, poller: Poller<R, A>) {
        let Poller { kind, reader, alive, metrics, changes, stop } = &poller;
        let mut readings = FuturesUnordered::new();
        loop {
            let room = CONCURRENCY.saturating_sub(readings.len());
            let (due, next) = self.due(room);
            for Due { key, target, precise } in due {
                if !alive(&key) {
                    self.forget(&key);
                    metrics.backlog(kind, &key.name, &key.namespace, None);
                    continue;
                }
                readings.push(async move {
                    let read = timeout(READING, reader.read(&target.consumed, precise)).await;
                    let slow = |_| Err(format!("no answer within {} s", READING.as_secs()));
                    (key, target, read.unwrap_or_else(slow))
                });
            }
            let next = next.unwrap_or_else(|| Instant::now() + SELDOM);
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.0.news.notified() => {}
                () = sleep_until(next), if readings.len() < CONCURRENCY => {}
                Some((key, target, read)) = readings.next(), if !readings.is_empty() => {
                    if let Ok(backlog) = read {
                        metrics.backlog(kind, &key.name, &key.namespace, Some(backlog));
                    }
                    if self.record(kind, &key, &target, read) {
                        // The reconciler takes them as long as it runs.
                        tokio::select! {
                            () = stop.cancelled() => return,
                            _ = changes.send(key) => {}
                        }
                    }
                }
            }
        }
    }

    /// Takes what is due, and says when the next will be.
    fn due(&self, room: usize) -> (Vec<Due>, Option<Instant>) {
        let now = Instant::now();
        let mut entries = self.entries();
        let mut waiting: Vec<_> = entries.iter_mut().filter(|(_, entry)| !entry.reading).collect();
        waiting.sort_by_key(|(_, entry)| entry.next);
        let mut due = Vec::new();
        for (key, entry) in waiting {
            if entry.next > now || due.len() >= room {
                return (due, Some(entry.next));
            }
            entry.reading = true;
            // Where nothing runs, a count that is off by one would let a message wait for ever.
            let precise = entry.known.replicas.unwrap_or(entry.live) == 0;
            due.push(Due { key: key.clone(), target: Arc::clone(&entry.target), precise });
        }
        (due, None)
    }

    /// Whether there is something new to apply or to report.
    fn record(
        &self,
        kind: &str,
        key: &Key,
        target: &Arc<Target>,
        read: Result<i64, String>,
    ) -> bool {
        let mut entries = self.entries();
        // Gone meanwhile, or asked for something else.
        let Some(entry) = entries.get_mut(key) else { return false };
        if !Arc::ptr_eq(&entry.target, target) {
            return false;
        }
        entry.reading = false;
        let now = Instant::now();
        let before = entry.known.clone();
        match read {
            Ok(backlog) => entry.take(backlog, now),
            Err(why) => {
                entry.pause = (entry.pause * 2).min(SELDOM);
                // The first reason stays: variants of it are no news.
                entry.known.trouble.get_or_insert(why);
            }
        }
        entry.next = entry.next(key, now);
        let Key { namespace, name } = key;
        let Known { replicas, trouble, .. } = &entry.known;
        if let (Some(why), None) = (trouble, &before.trouble) {
            warn!(kind, namespace, name, why, "the backlog cannot be read");
        }
        let (from, to) = (before.replicas.unwrap_or(entry.live), replicas.unwrap_or(entry.live));
        if from != to {
            info!(kind, namespace, name, from, to, backlog = entry.backlog, "scaling");
        }
        debug!(kind, namespace, name, backlog = entry.backlog, "backlog read");
        before != entry.known
    }
}

impl Entry {
    fn take(&mut self, backlog: i64, now: Instant) {
        let Self { target, live, window, known, .. } = self;
        let current = known.replicas.unwrap_or(*live);
        let replicas = window.decide(&target.scaling, current, backlog, now);
        let restless = replicas == 0
            || replicas != current
            || known.trouble.is_some()
            || self.backlog.is_none_or(|before| noticeable(before, backlog));
        self.pause = if restless { OFTEN } else { (self.pause * 2).min(SELDOM) };
        known.replicas = Some(replicas);
        known.trouble = None;
        self.backlog = Some(backlog);
        let shown_for = self.shown_at.map(|at| now.saturating_duration_since(at));
        let show = match (known.shown, shown_for) {
            (Some(shown), Some(since)) => {
                let patience = if noticeable(shown, backlog) { SHOW } else { SHOW_TRIFLES };
                shown != backlog && since >= patience
            }
            _ => true,
        };
        if show {
            known.shown = Some(backlog);
            self.shown_at = Some(now);
        }
    }

    /// Spread, so that many objects are not read at once.
    fn next(&self, key: &Key, now: Instant) -> Instant {
        let seed = key.name.bytes().fold(7_u32, |sum, b| sum.wrapping_mul(31) ^ u32::from(b));
        let spread = f64::from(seed % 100) / 500.0;
        let next = now + self.pause.mul_f64(0.9 + spread);
        // Replicas that are not needed go when their time has come.
        let change = self.window.next_change(&self.target.scaling);
        change.map_or(next, |change| next.min(change.max(now + OFTEN / 3)))
    }
}

/// By a tenth, or from or to nothing.
fn noticeable(before: i64, now: i64) -> bool {
    (before == 0) != (now == 0) || before.abs_diff(now) > before.unsigned_abs() / 10
}

#[cfg(test)]
mod tests;
