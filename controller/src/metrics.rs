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
    HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, TextEncoder,
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
    count: IntCounterVec,
    latency: HistogramVec,
    errors: IntCounterVec,
    backlog: IntGaugeVec,
    not_removed: IntCounterVec,
    requests: IntCounterVec,
    leader: IntGauge,
    build: IntGaugeVec,
    memory: IntGauge,
    objects: Arc<Mutex<Vec<Objects>>>,
}

impl Metrics {
    /// # Errors
    /// A name or label below is not one of Prometheus's.
    pub fn new() -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            IntCounterVec::new(Opts::new(name, help), labels)
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            IntGaugeVec::new(Opts::new(name, help), labels)
        };
        let help = "Milliseconds that a reconciliation of an object took";
        let latency = HistogramOpts::new("function_mesh_reconcile_latency", help);
        let metrics = Self {
            count: counter(
                "function_mesh_reconcile_count",
                "Reconciliations of an object",
                &LABELS,
            )?,
            latency: HistogramVec::new(latency.buckets(BUCKETS.to_vec()), &LABELS)?,
            errors: counter(
                "function_mesh_reconcile_errors_total",
                "Reconciliations that failed and are tried again, by kind of failure",
                &["type", "category"],
            )?,
            backlog: gauge(
                "function_mesh_backlog",
                "Entries that wait in the subscription of an object, where that is read",
                &LABELS,
            )?,
            not_removed: counter(
                "function_mesh_subscriptions_not_removed_total",
                "Subscriptions and topics left behind in Pulsar by deleted objects",
                &["type", "namespace"],
            )?,
            requests: counter(
                "function_mesh_api_requests_total",
                "Requests to the API server, by answer; code 0 is none",
                &["verb", "code"],
            )?,
            leader: IntGauge::new(
                "function_mesh_leader",
                "1 while this process may write, 0 while another does",
            )?,
            build: gauge("function_mesh_build_info", "1, of the running version", &["version"])?,
            memory: IntGauge::new("process_resident_memory_bytes", "Memory of this process")?,
            objects: Arc::default(),
        };
        metrics.build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Ok(metrics)
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

    /// The page that Prometheus reads, text format 0.0.4. Figures without a value yet are named
    /// all the same.
    ///
    /// # Errors
    /// A figure cannot be written.
    pub fn page(&self) -> Result<String, prometheus::Error> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = objects.iter().map(Objects::read).collect::<Vec<_>>();
        self.forget_unknown(&known);
        if let Some(bytes) = resident() {
            self.memory.set(bytes);
        }
        // Taken apart whole, so that no figure is forgotten.
        let Self {
            count,
            latency,
            errors,
            backlog,
            not_removed,
            requests,
            leader,
            build,
            memory,
            objects: _,
        } = self;
        let collectors: [&dyn Collector; 9] =
            [count, latency, errors, backlog, not_removed, requests, leader, build, memory];
        let own = collectors.into_iter().flat_map(Collector::collect);
        let mut page = String::new();
        for family in own.chain(objects::families(&known)) {
            if family.get_metric().is_empty() {
                let (name, help) = (family.name(), family.help());
                let kind = format!("{:?}", family.get_field_type()).to_lowercase();
                page.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
            } else {
                TextEncoder::new().encode_utf8(&[family], &mut page)?;
            }
        }
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

/// `None` where the kernel does not tell.
fn resident() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<i64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests;
