//! One instance's figures, under Pulsar's own names.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use function_mesh_proto::plan::FunctionId;
use tokio::time::Instant;

use super::{
    failures::Failures,
    figures::{Figures, LastMinute, Ours},
    summary::{LatencySummary, ValueSummary},
    window::{Counter, WINDOW, Windows},
};
use crate::{
    fault::{Fault, Origin},
    source::Budget,
};

/// Names of user metrics one instance may have; a function that makes names from its input would
/// otherwise fill memory.
const MAX_USER_METRICS: usize = 256;

/// What Pulsar labels every figure of an instance with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceLabels {
    pub function: FunctionId,
    pub instance_id: u32,
    /// The Pulsar cluster's name, or `local`.
    pub cluster: String,
}

/// Figures of one running instance. Cheap to update; shared between its rooms.
pub struct InstanceMetrics {
    pub(super) labels: InstanceLabels,
    budget: Budget,
    wall: fn() -> SystemTime,
    created: SystemTime,
    windows: Windows,
    minute: Mutex<Minute>,
    received: Counter,
    processed: Counter,
    user_exceptions: Counter,
    system_exceptions: Counter,
    source_exceptions: AtomicU64,
    sink_exceptions: AtomicU64,
    /// Milliseconds since the epoch; 0 before the first call.
    last_invocation: AtomicU64,
    latency: Mutex<LatencySummary>,
    failures: Mutex<Failures>,
    user_metrics: Mutex<BTreeMap<String, UserMetric>>,
    user_metrics_refused: AtomicU64,
    guest_memory: AtomicU64,
    traps: AtomicU64,
    retries: AtomicU64,
    dead_letters: AtomicU64,
    reconnects: AtomicU64,
    log_lines_dropped: AtomicU64,
}

#[derive(Debug)]
struct Minute {
    since: SystemTime,
    latency: LatencySummary,
}

#[derive(Debug)]
struct UserMetric {
    since: SystemTime,
    values: ValueSummary,
}

impl InstanceMetrics {
    /// `budget` tells what is in flight whenever a page is written.
    pub fn new(labels: InstanceLabels, budget: Budget) -> Self {
        Self::with_clock(labels, budget, SystemTime::now)
    }

    pub(super) fn with_clock(
        labels: InstanceLabels,
        budget: Budget,
        wall: fn() -> SystemTime,
    ) -> Self {
        let created = wall();
        Self {
            labels,
            budget,
            wall,
            created,
            windows: Windows::new(),
            minute: Mutex::new(Minute { since: created, latency: LatencySummary::window() }),
            received: Counter::default(),
            processed: Counter::default(),
            user_exceptions: Counter::default(),
            system_exceptions: Counter::default(),
            source_exceptions: AtomicU64::default(),
            sink_exceptions: AtomicU64::default(),
            last_invocation: AtomicU64::default(),
            latency: Mutex::new(LatencySummary::aging()),
            failures: Mutex::default(),
            user_metrics: Mutex::default(),
            user_metrics_refused: AtomicU64::default(),
            guest_memory: AtomicU64::default(),
            traps: AtomicU64::default(),
            retries: AtomicU64::default(),
            dead_letters: AtomicU64::default(),
            reconnects: AtomicU64::default(),
            log_lines_dropped: AtomicU64::default(),
        }
    }

    pub fn instance_id(&self) -> u32 {
        self.labels.instance_id
    }

    /// Messages read from the input topics.
    pub fn received(&self, messages: u64) {
        self.roll_if_due();
        self.received.add(messages);
    }

    /// Messages whose results were handed on.
    pub fn processed(&self, messages: u64) {
        self.roll_if_due();
        self.processed.add(messages);
    }

    /// A failure: counted by origin, its text kept among the latest.
    pub fn failed(&self, fault: &Fault) {
        self.roll_if_due();
        match fault.origin {
            Origin::User => self.user_exceptions.add(1),
            Origin::System => self.system_exceptions.add(1),
            Origin::Source => {
                self.system_exceptions.add(1);
                count(&self.source_exceptions, 1);
            }
            Origin::Sink => {
                self.system_exceptions.add(1);
                count(&self.sink_exceptions, 1);
            }
        }
        lock(&self.failures).record(fault, (self.wall)());
    }

    /// A call of so many messages began now and took so long; each counts its share.
    pub fn invoked(&self, messages: u64, took: Duration) {
        self.roll_if_due();
        self.last_invocation.store(millis((self.wall)()), Ordering::Relaxed);
        let now = Instant::now();
        lock(&self.latency).observe(now, messages, took);
        lock(&self.minute).latency.observe(now, messages, took);
    }

    /// A value the function recorded.
    pub fn user_metric(&self, name: &str, value: f64) {
        let mut metrics = lock(&self.user_metrics);
        if let Some(metric) = metrics.get_mut(name) {
            metric.values.observe(value);
        } else if metrics.len() < MAX_USER_METRICS {
            let mut metric = UserMetric { since: (self.wall)(), values: ValueSummary::new() };
            metric.values.observe(value);
            metrics.insert(name.to_owned(), metric);
        } else if self.user_metrics_refused.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(
                limit = MAX_USER_METRICS,
                "a user metric was refused: the function has used as many names as it may"
            );
        }
    }

    /// A record was put aside to be tried again.
    pub fn retried(&self) {
        count(&self.retries, 1);
    }

    /// A record was published to its dead-letter topic.
    pub fn dead_lettered(&self) {
        count(&self.dead_letters, 1);
    }

    /// A guest was ended by a trap or a limit.
    pub fn trapped(&self) {
        count(&self.traps, 1);
    }

    /// A connection to a broker was lost and made again.
    pub fn reconnected(&self) {
        count(&self.reconnects, 1);
    }

    /// Linear memory of the guest, in bytes.
    pub fn guest_memory(&self, bytes: u64) {
        self.guest_memory.store(bytes, Ordering::Relaxed);
    }

    /// Lines of the function's log that went nowhere, because it wrote more than may pass.
    pub fn log_lines_dropped(&self, lines: u64) {
        count(&self.log_lines_dropped, lines);
    }

    /// Sets the 1-minute figures and the user metrics back, and nothing else: what Pulsar's
    /// `ResetMetrics` does.
    pub fn reset(&self) {
        self.roll_if_due();
        let mut minute = lock(&self.minute);
        self.roll(&mut minute, (self.wall)());
        drop(minute);
        lock(&self.user_metrics).clear();
    }

    /// The figures of this moment.
    pub fn figures(&self) -> Figures {
        self.roll_if_due();
        let mut latency = lock(&self.latency);
        let (average, process_latency) = (latency.average(), latency.show());
        drop(latency);
        let mut minute = lock(&self.minute);
        let last_minute = LastMinute {
            received: self.received.in_window(),
            processed: self.processed.in_window(),
            user_exceptions: self.user_exceptions.in_window(),
            system_exceptions: self.system_exceptions.in_window(),
            average_latency: minute.latency.average(),
            process_latency: minute.latency.show(),
            since: minute.since,
        };
        drop(minute);
        let failures = lock(&self.failures);
        let [user, system, source, sink] =
            [&failures.user, &failures.system, &failures.source, &failures.sink];
        Figures {
            created: self.created,
            received: self.received.total(),
            processed: self.processed.total(),
            user_exceptions: self.user_exceptions.total(),
            system_exceptions: self.system_exceptions.total(),
            source_exceptions: read(&self.source_exceptions),
            sink_exceptions: read(&self.sink_exceptions),
            average_latency: average,
            process_latency,
            last_invocation: read(&self.last_invocation),
            last_minute,
            latest_user_failures: user.latest(),
            latest_system_failures: system.latest(),
            latest_source_failures: source.latest(),
            latest_sink_failures: sink.latest(),
            error_labels: [user.series(), system.series(), source.series(), sink.series()],
            user_metrics: lock(&self.user_metrics)
                .iter_mut()
                .map(|(name, metric)| (name.clone(), (metric.since, metric.values.show())))
                .collect(),
            ours: Ours {
                in_flight_messages: self.budget.messages_in_flight() as u64,
                in_flight_bytes: self.budget.bytes_in_flight() as u64,
                guest_memory: read(&self.guest_memory),
                traps: read(&self.traps),
                retries: read(&self.retries),
                dead_letters: read(&self.dead_letters),
                reconnects: read(&self.reconnects),
                log_lines_dropped: read(&self.log_lines_dropped),
                user_metrics_refused: read(&self.user_metrics_refused),
            },
        }
    }

    fn roll_if_due(&self) {
        if self.windows.due().is_some() {
            let mut minute = lock(&self.minute);
            // Another thread may have been quicker.
            if let Some(index) = self.windows.due() {
                let seconds = index.saturating_mul(WINDOW.as_secs());
                let since = self.created.checked_add(Duration::from_secs(seconds));
                self.roll(&mut minute, since.unwrap_or(self.created));
                self.windows.enter(index);
            }
        }
    }

    fn roll(&self, minute: &mut Minute, since: SystemTime) {
        for counter in
            [&self.received, &self.processed, &self.user_exceptions, &self.system_exceptions]
        {
            counter.roll();
        }
        *minute = Minute { since, latency: LatencySummary::window() };
    }
}

/// For tests of rooms that count but are not asked for their count: labels and budget are empty.
impl Default for InstanceMetrics {
    fn default() -> Self {
        let (tenant, namespace, name) = Default::default();
        let labels = InstanceLabels {
            function: FunctionId { tenant, namespace, name },
            instance_id: 0,
            cluster: String::new(),
        };
        Self::new(labels, Budget::new(1, 1))
    }
}

impl fmt::Debug for InstanceMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceMetrics").field("labels", &self.labels).finish_non_exhaustive()
    }
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Figures stay usable after a thread died holding them: at worst one update is missing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
