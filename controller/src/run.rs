//! Watches, and what starts a reconciliation: a change of an object, of what belongs to it, or of
//! what it refers to.

use std::sync::Arc;

use futures::{Stream, StreamExt, TryStreamExt, future::ready};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    autoscaling::v2::HorizontalPodAutoscaler,
    core::v1::{ConfigMap, Pod, Service},
};
use kube::{
    Client, ResourceExt,
    runtime::{
        Controller, Predicate, PredicateConfig, WatchStreamExt, controller::Config, predicates,
        reflector::ObjectRef, watcher,
    },
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::{
    admin::Readiness,
    backlog::{self, Backlogs},
    cache::{Caches, Packed},
    config::PodDefaults,
    crd::{Function, Sink, Source},
    events::Events,
    filled::Filled,
    metrics::{Metrics, Objects},
    pulsar_admin::Sessions,
    reconcile::{
        self, Context,
        apply::Live,
        backoff,
        build::{autoscaler, labels},
        dereference::BackendSelection,
        pods,
        unready::Runners,
    },
    resync::Resync,
    workload::Workload,
};

mod meshes;
mod references;
mod relist;
mod watch;

use references::{Change, referring};
use watch::{Watches, has_vertical};

/// What the operator is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `None` for all.
    pub namespace: Option<String>,
    pub defaults: PodDefaults,
    pub backend: BackendSelection,
    pub pause_rollout: bool,
    pub resync: Resync,
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
pub async fn run(
    client: Client,
    settings: Settings,
    monitor: Monitor,
    runners: Runners,
    stop: CancellationToken,
) {
    let vertical = tokio::select! {
        vertical = has_vertical(&client) => vertical,
        () = stop.cancelled() => return,
    };
    let settings = Settings { vertical, ..settings };
    let (caches, references) = references::references(&client, &settings);
    let (changes, _) = tokio::sync::broadcast::channel(references::CHANGES);
    let feed = references::feed(references, changes.clone(), stop.clone());
    let shared = Shared { client, settings, caches, monitor, runners, changes, stop };
    let functions = kind::<Function>(&shared);
    let sources = kind::<Source>(&shared);
    let sinks = kind::<Sink>(&shared);
    let meshes = async {
        if shared.settings.meshes {
            meshes::watch(&shared).await;
        }
    };
    tokio::join!(feed, functions, sources, sinks, meshes);
}

/// What all kinds share.
struct Shared {
    client: Client,
    settings: Settings,
    caches: Caches,
    monitor: Monitor,
    runners: Runners,
    changes: tokio::sync::broadcast::Sender<Change>,
    stop: CancellationToken,
}

/// Watches one kind and everything that belongs to it.
async fn kind<W: Workload>(shared: &Shared) {
    let Shared { client, settings, caches, monitor, runners, changes, stop } = shared;
    let watches = Watches::new(client, settings);
    let ours = || {
        let component = W::COMPONENT.as_str();
        watcher::Config::default().labels(&format!("{}={component}", labels::COMPONENT))
    };
    let mut filled = Filled::default();
    let all = watcher::Config::default();
    let (workloads, workload_stream) = watches.packed::<W>(all, &mut filled);
    let (stateful_sets, s) = watches.packed::<StatefulSet>(ours(), &mut filled);
    let (services, v) = watches.packed::<Service>(ours(), &mut filled);
    let (config_maps, m) = watches.packed::<ConfigMap>(ours(), &mut filled);
    let (horizontal, h) = watches.packed::<HorizontalPodAutoscaler>(ours(), &mut filled);
    let (pods, p) = watches.reflect::<Pod>(ours(), pods::prune, &mut filled);
    let (vertical, a) = match settings.vertical {
        true => {
            let (store, stream) = watches.vertical(ours(), &mut filled);
            (Some(store), stream)
        }
        false => (None, futures::stream::pending().boxed()),
    };
    let filled = filled.and(&caches.filled);
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
        resync: settings.resync,
        events: Events::new(client.clone(), settings.instance.clone()),
        metrics: monitor.metrics.clone(),
        retries: backoff::Retries::default(),
        sessions: sessions.clone(),
        backlogs: backlogs.clone(),
        remembered: reconcile::finalize::Remembered::default(),
        runners: runners.clone(),
        filled: filled.clone(),
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
    monitor.metrics.show(Objects::of(workloads.clone(), filled.clone()));
    let filling = monitor.readiness.expect(W::COMPONENT.as_str());
    let filled = async move {
        filled.wait().await;
        filling.done();
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
            predicates::generation.combine(Packed::metadata_digest),
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
) -> impl Stream<Item = ObjectRef<Packed<W>>> + Send {
    futures::stream::unfold(decided, |mut decided| async move {
        let key = decided.recv().await?;
        Some((ObjectRef::new(&key.name).within(&key.namespace), decided))
    })
}

fn to_workload<W: Workload>(pod: &Pod) -> Option<ObjectRef<Packed<W>>> {
    let name = pod.labels().get(labels::NAME)?;
    Some(ObjectRef::new(name).within(&pod.namespace()?))
}
