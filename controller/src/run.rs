//! Watches, and what starts a reconciliation: a change of an object, of what belongs to it, or of
//! what it refers to.

use std::{fmt::Debug, sync::Arc};

use futures::{Stream, StreamExt, TryStreamExt, future::ready, stream::BoxStream};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    autoscaling::v2::HorizontalPodAutoscaler,
    core::v1::{ConfigMap, Pod, Secret, Service},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::{DynamicObject, NamespaceResourceScope},
    runtime::{
        Controller, Predicate, PredicateConfig, WatchStreamExt,
        controller::Config,
        predicates, reflector,
        reflector::{ObjectRef, Store},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    admin::Readiness,
    backlog::{self, Backlogs},
    cache::{self, Caches},
    config::PodDefaults,
    crd::{BackendConfig, Function, FunctionMesh, Sink, Source},
    events::Events,
    mesh,
    metrics::{Metrics, Objects},
    pulsar_admin::Sessions,
    reconcile::{
        self, Context,
        apply::Live,
        backoff,
        build::{autoscaler, labels},
        dereference::{BackendSelection, uses},
        pods,
    },
    workload::Workload,
};

/// What the operator is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `None` for all.
    pub namespace: Option<String>,
    pub defaults: PodDefaults,
    pub backend: BackendSelection,
    pub pause_rollout: bool,
    /// Look after FunctionMeshes.
    pub meshes: bool,
    /// Tells several controllers apart in Events.
    pub instance: Option<String>,
    /// The cluster has VerticalPodAutoscalers. Found out at the start.
    pub vertical: bool,
}

/// What others see of the work.
#[derive(Clone, Debug)]
pub struct Monitor {
    pub metrics: Metrics,
    pub readiness: Readiness,
}

/// Reconciliations under way at once, of one kind.
const CONCURRENCY: u16 = 16;

/// Runs until the token is cancelled.
///
/// # Errors
/// A watch cannot be started at all.
pub async fn run(
    client: Client,
    settings: Settings,
    monitor: Monitor,
    stop: CancellationToken,
) -> Result<(), kube::Error> {
    let settings = Settings { vertical: has_vertical(&client).await, ..settings };
    let (caches, references) = references(&client, &settings);
    let (changes, _) = tokio::sync::broadcast::channel(CHANGES);
    let feed = feed(references, changes.clone(), stop.clone());
    let shared = Shared { client, settings, caches, monitor, changes, stop };
    let functions = kind::<Function>(&shared);
    let sources = kind::<Source>(&shared);
    let sinks = kind::<Sink>(&shared);
    let meshes = async {
        if shared.settings.meshes {
            meshes(&shared).await;
        }
    };
    tokio::join!(feed, functions, sources, sinks, meshes);
    Ok(())
}

/// What all kinds share.
struct Shared {
    client: Client,
    settings: Settings,
    caches: Caches,
    monitor: Monitor,
    changes: tokio::sync::broadcast::Sender<Change>,
    stop: CancellationToken,
}

/// A cluster that cannot be asked has none until the next start.
async fn has_vertical(client: &Client) -> bool {
    let kind = autoscaler::vertical_api();
    match client.list_api_group_resources(&kind.api_version).await {
        Ok(found) => found.resources.iter().any(|resource| resource.kind == kind.kind),
        Err(error) => {
            debug!(%error, "no {} here", kind.api_version);
            false
        }
    }
}

/// A store of vertical autoscalers, whose type only the API server knows, and its stream.
fn vertical(
    client: &Client,
    settings: &Settings,
    config: watcher::Config,
) -> (Store<DynamicObject>, BoxStream<'static, Result<DynamicObject, watcher::Error>>) {
    let kind = autoscaler::vertical_api();
    let api: Api<DynamicObject> = match settings.namespace.as_deref() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
        None => Api::all_with(client.clone(), &kind),
    };
    let writer = reflector::store::Writer::new(kind);
    let store = writer.as_reader();
    let stream = watcher(api, config)
        .default_backoff()
        .modify(cache::prune_metadata)
        .reflect(writer)
        .touched_objects();
    (store, stream.boxed())
}

/// Changes of references that may wait for a kind that is behind. One that misses some looks at
/// everything again.
const CHANGES: usize = 1024;

/// A ConfigMap, Secret or BackendConfig appeared, changed or went.
#[derive(Clone, Debug)]
enum Change {
    Reference(uses::Kind, String, String),
    Backend { namespace: Option<String> },
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// A store, and the stream that fills it.
fn reflect<K>(
    api: Api<K>,
    config: watcher::Config,
    prune: fn(&mut K),
) -> (Store<K>, BoxStream<'static, Result<K, watcher::Error>>)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let stream = watcher(api, config)
        .default_backoff()
        .modify(prune)
        .reflect(writer)
        .touched_objects()
        .boxed();
    (store, stream)
}

fn references(client: &Client, settings: &Settings) -> (Caches, BoxStream<'static, Change>) {
    let namespace = settings.namespace.as_deref();
    // Our own ConfigMaps are watched where they belong.
    let foreign = watcher::Config::default().labels(&format!("!{}", labels::COMPONENT));
    let (config_maps, a) =
        reflect::<ConfigMap>(api(client, namespace), foreign, cache::prune_config_map);
    let (secrets, b) =
        reflect::<Secret>(api(client, namespace), watcher::Config::default(), cache::prune_secret);
    // The global one may be in a namespace that is not watched otherwise.
    let (backend_configs, c) = reflect::<BackendConfig>(
        api(client, None),
        watcher::Config::default(),
        cache::prune_metadata,
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
    (Caches { config_maps, secrets, backend_configs }, changes)
}

fn reference_change<K: ResourceExt>(kind: uses::Kind, object: &K) -> Change {
    Change::Reference(kind, object.namespace().unwrap_or_default(), object.name_any())
}

/// Watches retry by themselves; what goes wrong with them is logged.
fn seen<K>(stream: BoxStream<'static, Result<K, watcher::Error>>) -> impl Stream<Item = K> + Send
where
    K: Send + 'static,
{
    stream.filter_map(|item| {
        ready(match item {
            Ok(object) => Some(object),
            Err(error) => {
                warn!(%error, "a watch was interrupted");
                None
            }
        })
    })
}

async fn feed(
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

/// Watches one kind and everything that belongs to it.
async fn kind<W: Workload>(shared: &Shared) {
    let Shared { client, settings, caches, monitor, changes, stop } = shared;
    let namespace = settings.namespace.as_deref();
    let ours = || {
        let component = W::COMPONENT.as_str();
        watcher::Config::default().labels(&format!("{}={component}", labels::COMPONENT))
    };
    let (workloads, workload_stream) =
        reflect::<W>(api(client, namespace), watcher::Config::default(), cache::prune_metadata);
    let (stateful_sets, s) =
        reflect::<StatefulSet>(api(client, namespace), ours(), cache::prune_metadata);
    let (services, v) = reflect::<Service>(api(client, namespace), ours(), cache::prune_metadata);
    let (config_maps, m) =
        reflect::<ConfigMap>(api(client, namespace), ours(), cache::prune_metadata);
    let (horizontal, h) =
        reflect::<HorizontalPodAutoscaler>(api(client, namespace), ours(), cache::prune_metadata);
    let (pods, p) = reflect::<Pod>(api(client, namespace), ours(), pods::prune);
    let (vertical, a) = match settings.vertical {
        true => {
            let (store, stream) = vertical(client, settings, ours());
            (Some(store), stream)
        }
        false => (None, futures::stream::pending().boxed()),
    };
    let live = Live { stateful_sets, services, config_maps, horizontal, vertical, pods };
    let sessions = Sessions::new(client.clone());
    let backlogs = Backlogs::default();
    let context = Arc::new(Context {
        client: client.clone(),
        caches: caches.clone(),
        live,
        defaults: settings.defaults.clone(),
        backend: settings.backend.clone(),
        pause_rollout: settings.pause_rollout,
        events: Events::new(client.clone(), settings.instance.clone()),
        metrics: monitor.metrics.clone(),
        retries: backoff::Retries::default(),
        sessions: sessions.clone(),
        backlogs: backlogs.clone(),
    });
    let (decisions, decided) = tokio::sync::mpsc::channel(backlog::CHANGES);
    let starts =
        futures::stream::select(referring(workloads.clone(), changes.subscribe()), scaled(decided));
    let known = workloads.clone();
    let alive = move |key: &backlog::Key| {
        known.get(&ObjectRef::new(&key.name).within(&key.namespace)).is_some()
    };
    let polling = backlogs.run(backlog::Poller {
        kind: W::COMPONENT.as_str(),
        reader: backlog::Reader(sessions),
        alive,
        metrics: monitor.metrics.clone(),
        changes: decisions,
        stop: stop.clone(),
    });
    monitor.metrics.show(Objects::of(workloads.clone()));
    let filling = monitor.readiness.expect(W::COMPONENT.as_str());
    let filled = {
        let (context, workloads) = (context.clone(), workloads.clone());
        async move {
            context.filled().await;
            // A cache whose watch has ended cannot get fuller.
            drop(workloads.wait_until_ready().await);
            filling.done();
        }
    };
    let known = (workloads.clone(), monitor.metrics.clone());
    let workload_stream = workload_stream.inspect_ok(move |seen| {
        let (workloads, metrics) = &known;
        if workloads.get(&ObjectRef::from_obj(seen)).is_none() {
            let namespace = seen.namespace().unwrap_or_default();
            metrics.forget(W::COMPONENT.as_str(), &seen.name_any(), &namespace);
        }
    });
    // What a status says of an object's spec must not start another look at it.
    let workload_stream = workload_stream
        .predicate_filter(
            predicates::generation.combine(predicates::annotations).combine(predicates::labels),
            PredicateConfig::default(),
        )
        .boxed();
    let controller = Controller::for_stream(workload_stream, workloads)
        .with_config(Config::default().concurrency(CONCURRENCY))
        .owns_stream(s)
        .owns_stream(v)
        .owns_stream(m)
        .owns_stream(h)
        .owns_stream_with(a, autoscaler::vertical_api())
        .watches_stream(p, |pod| to_workload::<W>(&pod))
        .reconcile_on(starts)
        .graceful_shutdown_on(stop.clone().cancelled_owned())
        .run(reconcile::reconcile, reconcile::on_error, context)
        .for_each(|result| {
            if let Err(error) = result {
                debug!(%error, "reconciliation");
            }
            ready(())
        });
    tokio::join!(controller, polling, filled);
}

/// The workloads whose backlog says something new.
fn scaled<W: Workload>(
    decided: tokio::sync::mpsc::Receiver<backlog::Key>,
) -> impl Stream<Item = ObjectRef<W>> + Send {
    futures::stream::unfold(decided, |mut decided| async move {
        let key = decided.recv().await?;
        Some((ObjectRef::new(&key.name).within(&key.namespace), decided))
    })
}

/// Watches meshes and the objects of their members.
async fn meshes(shared: &Shared) {
    let Shared { client, settings, monitor, stop, caches: _, changes: _ } = shared;
    let namespace = settings.namespace.as_deref();
    let members = || watcher::Config::default().labels(mesh::MESH);
    let (functions, f) =
        reflect::<Function>(api(client, namespace), members(), cache::prune_metadata);
    let (sources, s) = reflect::<Source>(api(client, namespace), members(), cache::prune_metadata);
    let (sinks, k) = reflect::<Sink>(api(client, namespace), members(), cache::prune_metadata);
    let (meshes, stream) = reflect::<FunctionMesh>(
        api(client, namespace),
        watcher::Config::default(),
        cache::prune_metadata,
    );
    let context = Arc::new(mesh::Context {
        client: client.clone(),
        live: mesh::Children { functions, sources, sinks },
        events: Events::new(client.clone(), settings.instance.clone()),
        metrics: monitor.metrics.clone(),
        retries: backoff::Retries::default(),
    });
    let changes = predicates::generation.combine(predicates::annotations);
    let stream = stream.predicate_filter(changes, PredicateConfig::default()).boxed();
    Controller::for_stream(stream, meshes)
        .with_config(Config::default().concurrency(CONCURRENCY))
        .owns_stream(f)
        .owns_stream(s)
        .owns_stream(k)
        .graceful_shutdown_on(stop.clone().cancelled_owned())
        .run(mesh::reconcile, mesh::on_error, context)
        .for_each(|result| {
            if let Err(error) = result {
                debug!(%error, "reconciliation of a mesh");
            }
            ready(())
        })
        .await;
}

fn to_workload<W: Workload>(pod: &Pod) -> Option<ObjectRef<W>> {
    let name = pod.labels().get(labels::NAME)?;
    Some(ObjectRef::new(name).within(&pod.namespace()?))
}

/// The workloads that a changed reference concerns.
fn referring<W: Workload>(
    workloads: Store<W>,
    changes: tokio::sync::broadcast::Receiver<Change>,
) -> impl Stream<Item = ObjectRef<W>> + Send {
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
        let found: Vec<ObjectRef<W>> = found.map(|w| ObjectRef::from_obj(&*w)).collect();
        futures::stream::iter(found)
    })
}

fn concerns<W: Workload>(change: Option<&Change>, workload: &W) -> bool {
    let namespace = workload.namespace().unwrap_or_default();
    match change {
        None | Some(Change::Backend { namespace: None }) => true,
        Some(Change::Backend { namespace: Some(of) }) => *of == namespace,
        Some(Change::Reference(kind, of, name)) => {
            let uses = uses::of(workload);
            *of == namespace && uses.iter().any(|used| used.kind == *kind && used.name == *name)
        }
    }
}
