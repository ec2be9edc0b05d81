//! ConfigMaps, Secrets and BackendConfigs: what changes there, and whom it concerns.

use futures::{Stream, StreamExt, future::ready, stream::BoxStream};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Client, ResourceExt,
    runtime::{
        reflector::{ObjectRef, Store},
        watcher,
    },
};
use tokio_util::sync::CancellationToken;

use super::{
    Settings,
    watch::{Watches, seen},
};
use crate::{
    cache::{self, Caches, Packed},
    crd::BackendConfig,
    filled::Filled,
    reconcile::{build::labels, dereference::uses},
    workload::Workload,
};

/// Changes of references that may wait for a kind that is behind. One that misses some looks at
/// everything again.
pub(super) const CHANGES: usize = 1024;

/// A ConfigMap, Secret or BackendConfig appeared, changed or went.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Reference(uses::Kind, String, String),
    Backend { namespace: Option<String> },
}

pub(super) fn references(
    client: &Client,
    settings: &Settings,
) -> (Caches, BoxStream<'static, Change>) {
    let watches = Watches::new(client, settings);
    let mut filled = Filled::default();
    // Our own ConfigMaps are watched where they belong.
    let foreign = watcher::Config::default().labels(&format!("!{}", labels::COMPONENT));
    let (config_maps, a) =
        watches.reflect::<ConfigMap>(foreign, cache::prune_config_map, &mut filled);
    let (secrets, b) =
        watches.reflect::<Secret>(watcher::Config::default(), cache::prune_secret, &mut filled);
    // The global one may be in a namespace that is not watched otherwise, which takes the right
    // to watch them in all.
    let global = settings.backend.global.as_ref().map(|(_, place)| place.as_str());
    let within = watches.namespace.filter(|watched| global.is_none_or(|place| place == *watched));
    let (backend_configs, c) = Watches { namespace: within, ..watches }.reflect::<BackendConfig>(
        watcher::Config::default(),
        cache::prune_metadata,
        &mut filled,
    );
    let backend = settings.backend.clone();
    let a = seen(a).map(|map| reference_change(uses::Kind::ConfigMap, &map));
    let b = seen(b).map(|secret| reference_change(uses::Kind::Secret, &secret));
    let c = seen(c).filter_map(move |config| {
        let change = if config.spec.auto_update != Some(true) {
            None
        } else if backend.is_global(&config) {
            Some(Change::Backend { namespace: None })
        } else if backend.is_namespaced(&config) {
            Some(Change::Backend { namespace: config.namespace() })
        } else {
            None
        };
        ready(change)
    });
    let changes = futures::stream::select(futures::stream::select(a, b), c).boxed();
    (Caches { config_maps, secrets, backend_configs, filled }, changes)
}

fn reference_change<K: ResourceExt>(kind: uses::Kind, object: &K) -> Change {
    Change::Reference(kind, object.namespace().unwrap_or_default(), object.name_any())
}

pub(super) async fn feed(
    mut references: BoxStream<'static, Change>,
    changes: tokio::sync::broadcast::Sender<Change>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            change = references.next() => match change {
                // Nobody listens yet: those who come look at everything.
                Some(change) => drop(changes.send(change)),
                None => return,
            },
        }
    }
}

/// The workloads that a changed reference concerns.
pub(super) fn referring<W: Workload>(
    workloads: Store<Packed<W>>,
    changes: tokio::sync::broadcast::Receiver<Change>,
) -> impl Stream<Item = ObjectRef<Packed<W>>> + Send {
    let changes = futures::stream::unfold(changes, |mut changes| async move {
        use tokio::sync::broadcast::error::RecvError;
        match changes.recv().await {
            Ok(change) => Some((Some(change), changes)),
            Err(RecvError::Lagged(_)) => Some((None, changes)),
            Err(RecvError::Closed) => None,
        }
    });
    changes.flat_map(move |change| {
        let all = workloads.state().into_iter();
        let found = all.filter(|workload| concerns(change.as_ref(), &**workload));
        let found: Vec<_> = found.map(|w| ObjectRef::from_obj(&*w)).collect();
        futures::stream::iter(found)
    })
}

fn concerns<W: Workload>(change: Option<&Change>, workload: &Packed<W>) -> bool {
    let namespace = workload.namespace().unwrap_or_default();
    match change {
        None | Some(Change::Backend { namespace: None }) => true,
        Some(Change::Backend { namespace: Some(of) }) => *of == namespace,
        Some(Change::Reference(kind, of, name)) => {
            // What is cheap to tell first: every change is held against every workload.
            let used = |used: &uses::Use| used.kind == *kind && used.name == *name;
            *of == namespace
                && workload.mentions(name)
                && workload.unpack().is_ok_and(|workload| uses::of(&workload).iter().any(used))
        }
    }
}
