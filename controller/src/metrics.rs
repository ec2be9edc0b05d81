//! What the operator measures of itself and of the objects it runs. The first two figures have
//! the Go operator's names and unit.
//!
//! What is known from the caches (replicas, readiness) is read from there when the page is asked
//! for; figures about objects that are gone vanish from the page.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
    core::Collector, proto::MetricFamily,
};

pub mod objects;

pub use objects::Objects;

/// Buckets of the latency, in milliseconds.
const BUCKETS: [f64; 6] = [10.0, 100.0, 1000.0, 10_000.0, 30_000.0, 60_000.0];
/// Of every figure about one object.
const LABELS: [&str; 3] = ["type", "name", "namespace"];

/// The content type of [`Metrics::page`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// The operator's figures.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    count: IntCounterVec,
    latency: HistogramVec,
    errors: IntCounterVec,
    backlog: IntGaugeVec,
    not_removed: IntCounterVec,
    requests: IntCounterVec,
    leader: IntGauge,
    objects: Arc<Mutex<Vec<Objects>>>,
}

impl Metrics {
    /// # Errors
    /// A name is taken: two of the figures below have the same.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            register(&registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            register(&registry, IntGaugeVec::new(Opts::new(name, help), labels)?)
        };
        let count =
            counter("function_mesh_reconcile_count", "Reconciliations of an object", &LABELS)?;
        let help = "Milliseconds that a reconciliation of an object took";
        let latency = HistogramOpts::new("function_mesh_reconcile_latency", help);
        let latency = HistogramVec::new(latency.buckets(BUCKETS.to_vec()), &LABELS)?;
        let latency = register(&registry, latency)?;
        let errors = counter(
            "function_mesh_reconcile_errors_total",
            "Reconciliations that failed and are tried again, by kind of failure",
            &["type", "category"],
        )?;
        let backlog = gauge(
            "function_mesh_backlog_messages",
            "Entries that wait in the subscription of an object, where that is read; a batch is one",
            &LABELS,
        )?;
        let not_removed = counter(
            "function_mesh_subscriptions_not_removed_total",
            "Subscriptions and topics left behind in Pulsar by deleted objects",
            &["type", "namespace"],
        )?;
        let requests = counter(
            "function_mesh_api_requests_total",
            "Requests to the API server, by answer; code 0 is none",
            &["verb", "code"],
        )?;
        let help = "1 while this process may write, 0 while another does";
        let leader = register(&registry, IntGauge::new("function_mesh_leader", help)?)?;
        let build = gauge("function_mesh_build_info", "1, of the running version", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Ok(Self {
            registry,
            count,
            latency,
            errors,
            backlog,
            not_removed,
            requests,
            leader,
            objects: Arc::default(),
        })
    }

    pub fn reconciled(&self, kind: &str, name: &str, namespace: &str, took: Duration) {
        let labels = [kind, name, namespace];
        self.count.with_label_values(&labels).inc();
        self.latency.with_label_values(&labels).observe(took.as_secs_f64() * 1000.0);
    }

    /// A reconciliation failed; categories are few and fixed.
    pub fn failed(&self, kind: &str, category: &str) {
        self.errors.with_label_values(&[kind, category]).inc();
    }

    /// Messages waiting, or `None` if that is not known (any more).
    pub fn backlog(&self, kind: &str, name: &str, namespace: &str, messages: Option<i64>) {
        let labels = [kind, name, namespace];
        match messages {
            Some(messages) => self.backlog.with_label_values(&labels).set(messages),
            // Absent is as good as removed.
            None => drop(self.backlog.remove_label_values(&labels)),
        }
    }

    /// A deleted object left something behind in Pulsar.
    pub fn not_removed(&self, kind: &str, namespace: &str, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.not_removed.with_label_values(&[kind, namespace]).inc_by(count);
    }

    /// A request to the API server; without an answer, no code.
    pub fn requested(&self, verb: &str, code: Option<u16>) {
        let code = code.unwrap_or(0).to_string();
        self.requests.with_label_values(&[verb, &code]).inc();
    }

    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Shows all objects of one kind from now on.
    pub fn show(&self, objects: Objects) {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).push(objects);
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, kind: &str, name: &str, namespace: &str) {
        let labels = [kind, name, namespace];
        // Absent is as good as removed.
        drop(self.count.remove_label_values(&labels));
        drop(self.latency.remove_label_values(&labels));
        drop(self.backlog.remove_label_values(&labels));
    }

    /// The page that Prometheus reads, text format 0.0.4.
    ///
    /// # Errors
    /// A figure cannot be written.
    pub fn page(&self) -> Result<String, prometheus::Error> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = objects.iter().map(Objects::read).collect::<Vec<_>>();
        self.forget_unknown(&known);
        let mut page = TextEncoder::new().encode_to_string(&self.registry.gather())?;
        let families = objects::families(&known);
        let families: Vec<MetricFamily> =
            families.into_iter().filter(|family| !family.get_metric().is_empty()).collect();
        page.push_str(&TextEncoder::new().encode_to_string(&families)?);
        Ok(page)
    }

    /// A watch that was interrupted may have missed that an object went.
    fn forget_unknown(&self, known: &[objects::Seen]) {
        let families = [self.count.collect(), self.latency.collect(), self.backlog.collect()];
        for metric in families.iter().flatten().flat_map(MetricFamily::get_metric) {
            let label = |name: &str| {
                let found = metric.get_label().iter().find(|label| label.name() == name);
                found.map_or("", |label| label.value())
            };
            let (kind, name, namespace) = (label("type"), label("name"), label("namespace"));
            let gone = known.iter().any(|seen| seen.lacks(kind, name, namespace));
            if gone {
                self.forget(kind, name, namespace);
            }
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

#[cfg(test)]
mod tests;
