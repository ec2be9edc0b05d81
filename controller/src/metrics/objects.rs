//! Figures about objects, read from the caches when the page is asked for: nothing is kept twice,
//! and what is deleted is not shown.

use std::{fmt, sync::Arc};

use futures::FutureExt;
use kube::{ResourceExt, runtime::reflector::Store};
use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};

use crate::{reconcile::status::READY, workload::Workload};

/// One object's figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub name: String,
    pub namespace: String,
    /// Pods, or members of a mesh, asked for.
    pub wanted: Option<i64>,
    pub ready: Option<i64>,
    /// Whether the Ready condition holds, and its reason.
    pub condition: Option<(bool, String)>,
}

impl Figures {
    fn key(&self) -> (&str, &str) {
        (&self.namespace, &self.name)
    }
}

/// All objects of one kind.
#[derive(Clone)]
pub struct Objects {
    kind: &'static str,
    /// `None` before the cache is filled.
    read: Arc<dyn Fn() -> Option<Vec<Figures>> + Send + Sync>,
}

impl Objects {
    /// `read` is called for every page; it says `None` while it does not know all objects.
    pub fn new(
        kind: &'static str,
        read: impl Fn() -> Option<Vec<Figures>> + Send + Sync + 'static,
    ) -> Self {
        Self { kind, read: Arc::new(read) }
    }

    /// The Functions, Sources or Sinks of a cache.
    pub fn of<W: Workload>(store: Store<W>) -> Self {
        Self::new(W::COMPONENT.as_str(), move || {
            let filled = store.wait_until_ready().now_or_never()?;
            filled.ok().map(|()| store.state().iter().map(|found| figures(&**found)).collect())
        })
    }

    pub(super) fn read(&self) -> Seen {
        let mut objects = (self.read)();
        if let Some(objects) = &mut objects {
            objects.sort_by(|a, b| a.key().cmp(&b.key()));
        }
        Seen { kind: self.kind, objects }
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Objects").field(&self.kind).finish()
    }
}

fn figures<W: Workload>(workload: &W) -> Figures {
    let mut figures = Figures {
        name: workload.name_any(),
        namespace: workload.namespace().unwrap_or_default(),
        ..Figures::default()
    };
    if let Some(status) = workload.status() {
        let ready = status.ready.as_deref().and_then(|ready| ready.split_once('/'));
        figures.ready = ready.and_then(|(ready, _)| ready.parse().ok());
        figures.wanted = Some(i64::from(status.replicas));
        let condition = status.standard_conditions.iter().find(|c| c.type_ == READY);
        figures.condition = condition.map(|c| (c.status == "True", c.reason.clone()));
    }
    figures
}

/// What a page is made of.
pub(super) struct Seen {
    kind: &'static str,
    /// In the order of their keys.
    objects: Option<Vec<Figures>>,
}

impl Seen {
    /// Whether the object is of this kind and certainly gone.
    pub(super) fn lacks(&self, kind: &str, name: &str, namespace: &str) -> bool {
        self.kind == kind
            && self.objects.as_ref().is_some_and(|objects| {
                objects.binary_search_by(|seen| seen.key().cmp(&(namespace, name))).is_err()
            })
    }
}

pub(super) fn families(seen: &[Seen]) -> Vec<MetricFamily> {
    let all = || {
        seen.iter()
            .flat_map(|seen| seen.objects.iter().flatten().map(move |object| (seen.kind, object)))
    };
    let wanted = all().filter_map(|(kind, o)| Some((kind, o, None, o.wanted?)));
    let ready = all().filter_map(|(kind, o)| Some((kind, o, None, o.ready?)));
    let condition = all().filter_map(|(kind, o)| {
        let (holds, reason) = o.condition.as_ref()?;
        Some((kind, o, Some(reason.as_str()), i64::from(*holds)))
    });
    vec![
        family("function_mesh_replicas", "Pods or members asked for", wanted),
        family("function_mesh_ready_replicas", "Pods or members that are ready", ready),
        family(
            "function_mesh_ready",
            "1 if the Ready condition holds, 0 if not, with its reason",
            condition,
        ),
    ]
}

type Sample<'a> = (&'static str, &'a Figures, Option<&'a str>, i64);

fn family<'a>(name: &str, help: &str, samples: impl Iterator<Item = Sample<'a>>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(MetricType::GAUGE);
    family.set_metric(samples.map(metric).collect());
    family
}

fn metric((kind, object, reason, value): Sample<'_>) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value as f64);
    let mut metric = Metric::from_gauge(gauge);
    let labels = [("type", kind), ("name", &object.name), ("namespace", &object.namespace)];
    let labels = labels.into_iter().chain(reason.map(|reason| ("reason", reason)));
    metric.set_label(labels.map(|(name, value)| pair(name, value)).collect());
    metric
}

fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}
