//! What a workload consumes in Pulsar: topics, each on its cluster, by one subscription.

use std::fmt;

use function_mesh_proto::{
    function::{FunctionDetails, SubscriptionPosition},
    instance::DEFAULT_CLUSTER,
    plan::Position,
    topic_name::{TopicName, TopicPattern},
};
use kube::ResourceExt;

use crate::{
    cache::Caches,
    crd::messaging::PulsarMessaging,
    pulsar_admin::{Access, AccessError, Purpose},
    workload::Workload,
};

/// Everything a workload consumes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Consumed {
    pub(crate) subscription: String,
    pub(crate) position: Position,
    pub(crate) inputs: Vec<Input>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Input {
    /// As the spec names it.
    pub(crate) name: String,
    pub(crate) topics: Topics,
    /// How to get at its cluster, or why there is no way.
    pub(crate) access: Result<Access, AccessError>,
}

#[derive(Clone, Debug)]
pub(crate) enum Topics {
    One(TopicName),
    Matching(TopicPattern),
    /// Not a name, and why.
    Unreadable(String),
}

impl PartialEq for Topics {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.to_string() == other.to_string()
    }
}

impl fmt::Display for Topics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(topic) => topic.fmt(f),
            Self::Matching(pattern) => f.write_str(&pattern.text),
            Self::Unreadable(why) => f.write_str(why),
        }
    }
}

/// What the instances of a workload consume, whatever else is wrong with it.
pub(crate) fn consumed<W: Workload>(
    workload: &W,
    details: &FunctionDetails,
    caches: &Caches,
    purpose: Purpose,
) -> Consumed {
    let source = details.source.clone().unwrap_or_default();
    let named = Some(source.subscription_name.clone()).filter(|name| !name.trim().is_empty());
    let by_default = || full_name(details);
    let latest = source.subscription_position == i32::from(SubscriptionPosition::Latest);
    let inputs = source.input_specs.iter().map(|(name, spec)| {
        let topics = topics(name, spec.is_regex_pattern);
        let access = access(workload, cluster(workload, name, &topics), caches, purpose);
        Input { name: name.clone(), topics, access }
    });
    Consumed {
        subscription: named.unwrap_or_else(by_default),
        position: if latest { Position::Latest } else { Position::Earliest },
        inputs: inputs.collect(),
    }
}

/// Pulsar's name of a function, and of its subscription unless it has another.
pub(crate) fn full_name(details: &FunctionDetails) -> String {
    format!("{}/{}/{}", details.tenant, details.namespace, details.name)
}

fn topics(name: &str, pattern: bool) -> Topics {
    if pattern {
        name.parse().map_or_else(|why| unreadable(name, &why), Topics::Matching)
    } else {
        name.parse().map_or_else(|why| unreadable(name, &why), Topics::One)
    }
}

fn unreadable(name: &str, why: &dyn fmt::Display) -> Topics {
    Topics::Unreadable(format!("\"{name}\" is not a topic's name: {why}"))
}

/// The cluster that an input's entry in `clusterRefs` names, under whichever of its names.
fn cluster<'a, W: Workload>(workload: &'a W, name: &str, topics: &Topics) -> &'a str {
    let named = workload.input().and_then(|input| input.cluster_refs.as_ref());
    let same = |key: &str| {
        let pattern = matches!(topics, Topics::Matching(_));
        key == name || self::topics(key, pattern) == *topics
    };
    let named = named.and_then(|refs| refs.iter().find(|(key, _)| same(key)));
    named.map_or(DEFAULT_CLUSTER, |(_, cluster)| cluster.as_str())
}

/// The admin API of one of a workload's clusters.
pub(crate) fn access<W: Workload>(
    workload: &W,
    cluster: &str,
    caches: &Caches,
    purpose: Purpose,
) -> Result<Access, AccessError> {
    let spec = workload.spec();
    let namespace = workload.namespace().unwrap_or_default();
    let nothing = PulsarMessaging::default();
    let more = spec.pulsar_clusters.as_ref().and_then(|more| more.get(cluster));
    let (field, messaging) = match more {
        Some(messaging) => (format!("spec.pulsarClusters[{cluster}]"), messaging),
        None if cluster == DEFAULT_CLUSTER => {
            ("spec.pulsar".to_owned(), spec.pulsar.as_ref().unwrap_or(&nothing))
        }
        None => (format!("spec.pulsarClusters[{cluster}]"), &nothing),
    };
    Access::of(&field, messaging, (caches, &namespace), purpose)
}
