//! One pass over one FunctionMesh: its members become objects of their own, which are then
//! reconciled like any other. The mesh adds what they have in common: they appear, stop, restart
//! and go together, and the topics between them are checked.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use kube::{
    Resource, ResourceExt,
    runtime::{controller::Action, reflector::Store},
};
use tokio::time::Instant;
use tracing::warn;

use crate::{
    cache::Packed,
    crd::{Function, FunctionMesh, Sink, Source, status::MeshStatus},
    events::Events,
    filled::Filled,
    metrics::Metrics,
    reconcile::{Error, MANAGED, backoff, report},
    resync::Resync,
};

mod children;
pub mod graph;
mod members;
mod status;

pub use children::MESH;

/// What every reconciliation of a mesh needs.
pub struct Context {
    pub client: kube::Client,
    pub live: Children,
    pub events: Events,
    pub metrics: Metrics,
    pub retries: backoff::Retries,
    pub resync: Resync,
    pub filled: Filled,
}

/// The members' objects that exist, of all meshes.
#[derive(Clone)]
pub struct Children {
    pub functions: Store<Packed<Function>>,
    pub sources: Store<Packed<Source>>,
    pub sinks: Store<Packed<Sink>>,
}

pub(crate) const KIND: &str = "functionmesh";

/// One pass.
///
/// # Errors
/// The API server's, after which the pass is tried again.
pub async fn reconcile(
    mesh: Arc<Packed<FunctionMesh>>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    context.filled.wait().await;
    let started = Instant::now();
    let result = match mesh.unpack() {
        Ok(mesh) => pass(&mesh, &context).await,
        Err(why) => {
            let Context { client, events, .. } = &*context;
            let told = report::unreadable::<_, MeshStatus>(&mesh, &why, client, events);
            told.await.map(|()| context.resync.action(&*mesh))
        }
    };
    let (name, namespace) = (mesh.name_any(), mesh.namespace().unwrap_or_default());
    context.metrics.reconciled(KIND, &name, &namespace, started.elapsed());
    if result.is_ok() {
        context.retries.forget(KIND, &namespace, &name);
    }
    result
}

/// When to try again after an error.
pub fn on_error(mesh: Arc<Packed<FunctionMesh>>, error: &Error, context: Arc<Context>) -> Action {
    let (name, namespace) = (mesh.name_any(), mesh.namespace().unwrap_or_default());
    context.metrics.failed(KIND, error.category());
    let pause = context.retries.next(KIND, &namespace, &name, error.retry_after());
    warn!(kind = KIND, namespace, name, %error, "reconciliation failed");
    Action::requeue(pause)
}

async fn pass(mesh: &FunctionMesh, context: &Context) -> Result<Action, Error> {
    let foreign = mesh.annotations().get(MANAGED).is_some_and(|managed| managed == "false");
    if foreign || mesh.meta().deletion_timestamp.is_some() {
        // Members have their mesh as owner: Kubernetes deletes them with it.
        return Ok(Action::await_change());
    }
    let members = members::of(mesh);
    let graph = graph::of(&members);
    let outcome = children::apply(mesh, &members, context).await?;
    let status = status::of(mesh, &members, &graph, &outcome, Timestamp::now());
    let Context { client, events, .. } = context;
    report::report(mesh, mesh.status.as_ref(), &status, client, events).await?;
    Ok(context.resync.action(mesh))
}
