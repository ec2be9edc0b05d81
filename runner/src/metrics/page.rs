//! The metrics page: text format 0.0.4, Pulsar's names, types and labels.
//!
//! Sources: the Java runtime's page of Pulsar 4.0 (simpleclient 0.16) for `pulsar_function_*`; its
//! older names are those of 2.x (apache/pulsar PR 13785 renamed them). What Pulsar has no name for
//! is `function_mesh_*`.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use prometheus::{
    TextEncoder,
    proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType, Quantile, Summary},
};

use super::{figures::Figures, instance::InstanceMetrics, summary::Summed};
use crate::fault::Fault;

/// The content type of [`Page::render`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// Which generation of names the 1-minute counters have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricNames {
    /// `…_1min_total` (Pulsar 2.10 and later) and `…_total_1min` (before, and in its
    /// documentation), so that dashboards of either generation work.
    #[default]
    Both,
    /// `…_1min_total` only.
    Current,
}

/// All instances of this process on one page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    names: MetricNames,
    instances: Arc<Mutex<Vec<Arc<InstanceMetrics>>>>,
}

impl Page {
    pub fn new(names: MetricNames) -> Self {
        Self { names, instances: Arc::default() }
    }

    /// Shows an instance from now on, after those added before.
    pub fn add(&self, instance: Arc<InstanceMetrics>) {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner).push(instance);
    }

    /// # Errors
    /// The page cannot be written down.
    pub fn render(&self) -> Result<String, Fault> {
        let instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let instances: Vec<_> =
            instances.iter().map(|instance| (labels(instance), instance.figures())).collect();
        let mut families = Families { instances: &instances, written: Vec::new() };
        pulsar(&mut families, self.names);
        ours(&mut families);
        let mut page = String::new();
        for family in &families.written {
            if family.get_metric().is_empty() {
                // The encoder refuses it; Pulsar's page tells of its type before the first error.
                let (name, help) = (family.name(), family.help());
                let kind = format!("{:?}", family.get_field_type()).to_lowercase();
                page.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
            } else {
                let family = std::slice::from_ref(family);
                TextEncoder::new().encode_utf8(family, &mut page).map_err(Fault::system)?;
            }
        }
        Ok(page)
    }
}

fn pulsar(page: &mut Families<'_>, names: MetricNames) {
    type Read = fn(&Figures) -> f64;
    let counters: [(&str, &str, Read, Read); 4] = [
        (
            "received",
            "messages read from the input topics",
            |f| f.received as f64,
            |f| f.last_minute.received as f64,
        ),
        (
            "processed_successfully",
            "messages whose results were handed on",
            |f| f.processed as f64,
            |f| f.last_minute.processed as f64,
        ),
        (
            "system_exceptions",
            "failures outside the function's own code",
            |f| f.system_exceptions as f64,
            |f| f.last_minute.system_exceptions as f64,
        ),
        (
            "user_exceptions",
            "failures of the function's own code",
            |f| f.user_exceptions as f64,
            |f| f.last_minute.user_exceptions as f64,
        ),
    ];
    for (name, help, total, last_minute) in counters {
        let name = format!("pulsar_function_{name}");
        page.counter(&format!("{name}_total"), &format!("Total {help}"), total);
        page.created(&name, |f| f.created);
        let help = format!("In the current minute, {help}");
        page.counter(&format!("{name}_1min_total"), &help, last_minute);
        page.created(&format!("{name}_1min"), |f| f.last_minute.since);
        if names == MetricNames::Both {
            // A gauge, as in Pulsar's Go runtime: it does fall, and a client that thinks in
            // OpenMetrics would append `_total` to a counter's name.
            page.gauge(&format!("{name}_total_1min"), &help, last_minute);
        }
    }
    let latency = "pulsar_function_process_latency_ms";
    page.summary(latency, "Milliseconds per message", |f| &f.process_latency);
    page.created(latency, |f| f.created);
    let latency = "pulsar_function_process_latency_ms_1min";
    page.summary(latency, "In the current minute, milliseconds per message", |f| {
        &f.last_minute.process_latency
    });
    page.created(latency, |f| f.last_minute.since);
    page.gauge(
        "pulsar_function_last_invocation",
        "When the function was last called, in milliseconds since the epoch",
        |f| f.last_invocation as f64,
    );
    for (index, kind) in ["user", "system", "source", "sink"].into_iter().enumerate() {
        let name = format!("pulsar_function_{kind}_exception");
        page.labelled(&name, &format!("A {kind} failure"), MetricType::GAUGE, |f| {
            let errors = f.error_labels.get(index).map_or(&[][..], Vec::as_slice);
            errors.iter().map(|error| (pair("error", error), gauge(1.0))).collect()
        });
    }
    let user_metric = "pulsar_function_user_metric_";
    page.labelled(user_metric, "Values the function recorded", MetricType::SUMMARY, |f| {
        f.user_metrics
            .iter()
            .map(|(name, (_, summed))| (pair("metric", name), summary(summed)))
            .collect()
    });
    page.labelled(&format!("{user_metric}_created"), CREATED, MetricType::GAUGE, |f| {
        f.user_metrics
            .iter()
            .map(|(name, (since, _))| (pair("metric", name), gauge(seconds(*since))))
            .collect()
    });
}

fn ours(page: &mut Families<'_>) {
    page.gauge(
        "function_mesh_in_flight_messages",
        "Messages between reading and acknowledging",
        |f| f.ours.in_flight_messages as f64,
    );
    page.gauge(
        "function_mesh_in_flight_bytes",
        "Bytes queued between reading and acknowledging",
        |f| f.ours.in_flight_bytes as f64,
    );
    page.gauge("function_mesh_guest_memory_bytes", "Linear memory of the guest", |f| {
        f.ours.guest_memory as f64
    });
    page.counter("function_mesh_traps_total", "Guests ended by a trap or a limit", |f| {
        f.ours.traps as f64
    });
    page.counter("function_mesh_retries_total", "Records put aside to be tried again", |f| {
        f.ours.retries as f64
    });
    page.counter(
        "function_mesh_dead_letters_total",
        "Records published to a dead-letter topic",
        |f| f.ours.dead_letters as f64,
    );
    page.counter(
        "function_mesh_reconnects_total",
        "Connections to a broker lost and made again",
        |f| f.ours.reconnects as f64,
    );
    page.counter(
        "function_mesh_log_lines_dropped_total",
        "Log lines of the function that were too many to pass on",
        |f| f.ours.log_lines_dropped as f64,
    );
    page.counter(
        "function_mesh_user_metrics_refused_total",
        "Recorded values whose metric's name was one too many",
        |f| f.ours.user_metrics_refused as f64,
    );
}

const CREATED: &str = "When it began to count, in seconds since the epoch";

/// Writes families for all instances alike.
struct Families<'a> {
    instances: &'a [(Vec<LabelPair>, Figures)],
    written: Vec<MetricFamily>,
}

impl Families<'_> {
    fn counter(&mut self, name: &str, help: &str, read: impl Fn(&Figures) -> f64) {
        self.family(name, help, MetricType::COUNTER, |figures| {
            let mut counter = Counter::default();
            counter.set_value(read(figures));
            let mut metric = Metric::default();
            metric.set_counter(counter);
            vec![(None, metric)]
        });
    }

    fn gauge(&mut self, name: &str, help: &str, read: impl Fn(&Figures) -> f64) {
        self.family(name, help, MetricType::GAUGE, |figures| vec![(None, gauge(read(figures)))]);
    }

    fn summary(&mut self, name: &str, help: &str, read: impl Fn(&Figures) -> &Summed) {
        self.family(name, help, MetricType::SUMMARY, |figures| {
            vec![(None, summary(read(figures)))]
        });
    }

    fn created(&mut self, name: &str, read: impl Fn(&Figures) -> SystemTime) {
        self.gauge(&format!("{name}_created"), CREATED, |figures| seconds(read(figures)));
    }

    fn labelled(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        read: impl Fn(&Figures) -> Vec<(LabelPair, Metric)>,
    ) {
        self.family(name, help, kind, |figures| {
            read(figures).into_iter().map(|(label, metric)| (Some(label), metric)).collect()
        });
    }

    fn family(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        read: impl Fn(&Figures) -> Vec<(Option<LabelPair>, Metric)>,
    ) {
        let mut samples = Vec::new();
        for (labels, figures) in self.instances {
            for (label, mut metric) in read(figures) {
                metric.set_label(labels.iter().cloned().chain(label).collect());
                samples.push(metric);
            }
        }
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(samples);
        self.written.push(family);
    }
}

/// In Pulsar's order, which the encoder keeps.
fn labels(instance: &InstanceMetrics) -> Vec<LabelPair> {
    let labels = &instance.labels;
    let function = &labels.function;
    vec![
        pair("tenant", &function.tenant),
        pair("namespace", &format!("{}/{}", function.tenant, function.namespace)),
        pair("name", &function.name),
        pair("instance_id", &labels.instance_id.to_string()),
        pair("cluster", &labels.cluster),
        pair("fqfn", &function.to_string()),
    ]
}

fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

fn gauge(value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    Metric::from_gauge(gauge)
}

fn summary(summed: &Summed) -> Metric {
    let mut summary = Summary::default();
    summary.set_sample_sum(summed.sum);
    summary.set_sample_count(summed.count);
    summary.set_quantile(
        summed
            .quantiles
            .iter()
            .map(|(quantile, value)| {
                let mut shown = Quantile::default();
                shown.set_quantile(*quantile);
                shown.set_value(*value);
                shown
            })
            .collect(),
    );
    let mut metric = Metric::default();
    metric.set_summary(summary);
    metric
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests;
