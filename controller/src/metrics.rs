//! What the operator measures of itself, under the Go operator's names.

use std::time::Duration;

use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder, core::Collector,
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
        Ok(Self { registry, count, latency })
    }

    pub fn reconciled(&self, kind: &str, name: &str, namespace: &str, took: Duration) {
        let labels = [kind, name, namespace];
        self.count.with_label_values(&labels).inc();
        self.latency.with_label_values(&labels).observe(took.as_secs_f64() * 1000.0);
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
