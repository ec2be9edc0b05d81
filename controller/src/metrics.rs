//! What the operator measures of itself, under the Go operator's names.

use std::time::Duration;

use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
    core::Collector,
};

/// Buckets of the latency, in milliseconds.
const BUCKETS: [f64; 6] = [10.0, 100.0, 1000.0, 10_000.0, 30_000.0, 60_000.0];
const LABELS: [&str; 3] = ["type", "name", "namespace"];

/// The operator's figures.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    count: IntCounterVec,
    latency: HistogramVec,
    backlog: IntGaugeVec,
    not_removed: IntCounterVec,
}

impl Metrics {
    /// # Errors
    /// A name is taken: two of the figures below have the same.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let count = register(
            &registry,
            IntCounterVec::new(
                Opts::new("function_mesh_reconcile_count", "Reconciliations of an object"),
                &LABELS,
            )?,
        )?;
        let latency = register(
            &registry,
            HistogramVec::new(
                HistogramOpts::new(
                    "function_mesh_reconcile_latency",
                    "Milliseconds that a reconciliation of an object took",
                )
                .buckets(BUCKETS.to_vec()),
                &LABELS,
            )?,
        )?;
        let backlog = register(
            &registry,
            IntGaugeVec::new(
                Opts::new("function_mesh_backlog", "Entries that wait in an object's subscription"),
                &LABELS,
            )?,
        )?;
        let not_removed = register(
            &registry,
            IntCounterVec::new(
                Opts::new(
                    "function_mesh_subscriptions_not_removed_total",
                    "Subscriptions and topics left behind in Pulsar by deleted objects",
                ),
                &["type", "namespace"],
            )?,
        )?;
        Ok(Self { registry, count, latency, backlog, not_removed })
    }

    pub fn reconciled(&self, kind: &str, name: &str, namespace: &str, took: Duration) {
        let labels = [kind, name, namespace];
        self.count.with_label_values(&labels).inc();
        self.latency.with_label_values(&labels).observe(took.as_secs_f64() * 1000.0);
    }

    /// What waits for an object; `None` if it is not read any more.
    pub fn backlog(&self, kind: &str, name: &str, namespace: &str, entries: Option<i64>) {
        let labels = [kind, name, namespace];
        match entries {
            Some(entries) => self.backlog.with_label_values(&labels).set(entries),
            // Absent is as good as removed.
            None => drop(self.backlog.remove_label_values(&labels)),
        }
    }

    /// A deleted object left something behind in Pulsar.
    pub fn not_removed(&self, kind: &str, namespace: &str, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.not_removed.with_label_values(&[kind, namespace]).inc_by(count);
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, kind: &str, name: &str, namespace: &str) {
        let labels = [kind, name, namespace];
        // Absent is as good as removed.
        drop(self.count.remove_label_values(&labels));
        drop(self.latency.remove_label_values(&labels));
    }

    /// The page that Prometheus reads, text format 0.0.4.
    ///
    /// # Errors
    /// A figure cannot be written.
    pub fn page(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
