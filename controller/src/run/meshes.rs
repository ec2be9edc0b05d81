//! Meshes, and the objects of their members.

use std::sync::Arc;

use futures::{StreamExt, future::ready};
use kube::runtime::{
    Controller, Predicate, PredicateConfig, WatchStreamExt, controller::Config, predicates, watcher,
};
use tracing::debug;

use super::{CONCURRENCY, Shared, watch::Watches};
use crate::{
    cache::Packed,
    crd::{Function, FunctionMesh, Sink, Source},
    events::Events,
    filled::Filled,
    mesh,
    metrics::Objects,
    reconcile::backoff,
};

/// Watches meshes and the objects of their members.
pub(super) async fn watch(shared: &Shared) {
    let Shared { client, settings, monitor, stop, caches: _, runners: _, changes: _ } = shared;
    let watches = Watches::new(client, settings);
    let members = || watcher::Config::default().labels(mesh::MESH);
    let mut filled = Filled::default();
    let (functions, f) = watches.packed::<Function>(members(), &mut filled);
    let (sources, s) = watches.packed::<Source>(members(), &mut filled);
    let (sinks, k) = watches.packed::<Sink>(members(), &mut filled);
    let all = watcher::Config::default();
    let (meshes, stream) = watches.packed::<FunctionMesh>(all, &mut filled);
    let context = Arc::new(mesh::Context {
        client: client.clone(),
        live: mesh::Children { functions, sources, sinks },
        events: Events::new(client.clone(), settings.instance.clone()),
        metrics: monitor.metrics.clone(),
        retries: backoff::Retries::default(),
        resync: settings.resync,
        filled: filled.clone(),
    });
    monitor.metrics.show(Objects::of_meshes(meshes.clone(), filled.clone()));
    let filling = monitor.readiness.expect(mesh::KIND);
    let filled = async move {
        filled.wait().await;
        filling.done();
    };
    let changes = predicates::generation.combine(Packed::metadata_digest);
    let stream = stream.predicate_filter(changes, PredicateConfig::default()).boxed();
    let reconciling = Controller::for_stream(stream, meshes)
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
        });
    tokio::join!(reconciling, filled);
}
