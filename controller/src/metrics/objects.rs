//! Figures about objects, read from the caches when the page is asked for: nothing is kept twice,
//! and what is deleted is not shown.

use std::{fmt, sync::Arc};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Resource, ResourceExt, runtime::reflector::Store};
use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};
use serde::de::DeserializeOwned;

use crate::{
    cache::Packed,
    crd::{
        FunctionMesh,
        status::{MeshStatus, WorkloadStatus},
    },
    filled::Filled,
    mesh,
    reconcile::status::READY,
    workload::Workload,
};

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
    pub fn of<W: Workload>(store: Store<Packed<W>>, filled: Filled) -> Self {
        Self::of_store(W::COMPONENT.as_str(), (store, filled), |status: &WorkloadStatus| Figures {
            wanted: Some(i64::from(status.replicas)),
            ready: parts(status.ready.as_deref()).map(|(ready, _)| ready),
            condition: readiness(&status.standard_conditions),
            ..Figures::default()
        })
    }

    /// The FunctionMeshes of a cache.
    pub fn of_meshes(store: Store<Packed<FunctionMesh>>, filled: Filled) -> Self {
        Self::of_store(mesh::KIND, (store, filled), |status: &MeshStatus| {
            let parts = parts(status.ready.as_deref());
            Figures {
                wanted: parts.map(|(_, wanted)| wanted),
                ready: parts.map(|(ready, _)| ready),
                condition: readiness(&status.standard_conditions),
                ..Figures::default()
            }
        })
    }

    fn of_store<K, S>(
        kind: &'static str,
        (store, filled): (Store<Packed<K>>, Filled),
        figures: fn(&S) -> Figures,
    ) -> Self
    where
        K: Resource<DynamicType = ()> + 'static,
        S: DeserializeOwned + 'static,
    {
        let of = move |object: &Packed<K>| Figures {
            name: object.name_any(),
            namespace: object.namespace().unwrap_or_default(),
            ..object.status().as_ref().map(figures).unwrap_or_default()
        };
        Self::new(kind, move || {
            filled.now().then(|| store.state().iter().map(|found| of(found)).collect())
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

/// `2/3`, as in a status.
fn parts(ready: Option<&str>) -> Option<(i64, i64)> {
    let (ready, wanted) = ready?.split_once('/')?;
    Some((ready.parse().ok()?, wanted.parse().ok()?))
}

fn readiness(conditions: &[Condition]) -> Option<(bool, String)> {
    let ready = conditions.iter().find(|condition| condition.type_ == READY)?;
    Some((ready.status == "True", ready.reason.clone()))
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
