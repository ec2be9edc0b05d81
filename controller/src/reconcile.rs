//! One pass over one Function, Source or Sink:
//!
//! ```text
//! dereference ─► validate ─► build ─► settle ─► apply ─► status
//!    caches        pure       pure     pure     client    client
//! ```
//!
//! Level-triggered: every pass looks at everything, and writes only what is not so already. Only
//! the last two steps talk to the API server.

use std::sync::Arc;

use function_mesh_proto::{mistake::Mistakes, plan::FunctionPlan};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Client, ResourceExt,
    runtime::{controller::Action, reflector::Store},
};
use tokio::time::Instant;
use tracing::warn;

use crate::{
    backlog::{Backlogs, follow},
    cache::{Caches, Packed, packed::Unreadable},
    config::PodDefaults,
    crd::status::WorkloadStatus,
    events::Events,
    filled::Filled,
    metrics::Metrics,
    pulsar_admin::Sessions,
    resync::Resync,
    workload::{Language, Workload},
};

pub mod apply;
pub mod backoff;
pub mod build;
pub mod dereference;
pub mod drift;
pub(crate) mod finalize;
pub mod pods;
pub(crate) mod report;
pub mod rollout;
pub mod status;
pub mod unready;
pub mod validate;

use apply::Live;
use dereference::{BackendSelection, DereferenceError, References};

/// On any object: "false" keeps the controller away from it.
pub const MANAGED: &str = "compute.functionmesh.io/managed";

/// On any workload: "true" stops it; no pods run, and no autoscaler starts any.
pub const SUSPENDED: &str = "compute.functionmesh.io/suspended";
/// On any workload or mesh: a new value, such as a time, restarts its pods.
pub const RESTARTED_AT: &str = "compute.functionmesh.io/restarted-at";

/// What every reconciliation of one kind needs.
pub struct Context {
    pub client: Client,
    pub caches: Caches,
    pub live: Live,
    pub defaults: PodDefaults,
    pub backend: BackendSelection,
    /// Hold all rollouts back, as the annotation does for one object.
    pub pause_rollout: bool,
    pub events: Events,
    pub metrics: Metrics,
    pub retries: backoff::Retries,
    pub resync: Resync,
    /// Connections to the admin APIs of Pulsar clusters.
    pub(crate) sessions: Sessions,
    pub(crate) backlogs: Backlogs,
    pub(crate) remembered: finalize::Remembered,
    pub runners: unready::Runners,
    /// All caches of these.
    pub filled: Filled,
}

/// Why a pass did not get to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{what}: {error}")]
    Api {
        what: &'static str,
        #[source]
        error: Box<kube::Error>,
    },
    #[error(transparent)]
    Build(#[from] build::BuildError),
    #[error("a document cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("its StatefulSet is none: {0}")]
    Unreadable(#[from] Unreadable),
}

pub(crate) fn api_error(what: &'static str) -> impl Fn(kube::Error) -> Error {
    move |error| Error::Api { what, error: Box::new(error) }
}

/// Why a workload is not run as it is.
struct Refusal {
    reason: &'static str,
    message: String,
}

impl From<DereferenceError> for Refusal {
    fn from(error: DereferenceError) -> Self {
        Self { reason: error.reason(), message: error.to_string() }
    }
}

/// One pass.
///
/// # Errors
/// The API server's, after which the pass is tried again.
pub async fn reconcile<W: Workload>(
    workload: Arc<Packed<W>>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    context.filled.wait().await;
    let started = Instant::now();
    let result = match workload.unpack() {
        Ok(workload) => pass(&workload, &context).await,
        Err(why) => {
            let Context { client, events, .. } = &*context;
            let told = report::unreadable::<_, WorkloadStatus>(&workload, &why, client, events);
            told.await.map(|()| context.resync.action(&*workload))
        }
    };
    let kind = W::COMPONENT.as_str();
    let (name, namespace) = (workload.name_any(), workload.namespace().unwrap_or_default());
    context.metrics.reconciled(kind, &name, &namespace, started.elapsed());
    if result.is_ok() {
        context.retries.forget(kind, &namespace, &name);
    }
    result
}

/// When to try again after an error.
pub fn on_error<W: Workload>(
    workload: Arc<Packed<W>>,
    error: &Error,
    context: Arc<Context>,
) -> Action {
    let (name, namespace) = (workload.name_any(), workload.namespace().unwrap_or_default());
    let kind = W::COMPONENT.as_str();
    context.metrics.failed(kind, error.category());
    let pause = context.retries.next(kind, &namespace, &name, error.retry_after());
    warn!(kind, namespace, name, %error, pause_ms = pause.as_millis(), "reconciliation failed");
    Action::requeue(pause)
}

impl Error {
    /// Kind of failure, for figures.
    pub fn category(&self) -> &'static str {
        let Self::Api { error, .. } = self else { return "internal" };
        match &**error {
            kube::Error::Api(status) => match status.code {
                401 | 403 => "forbidden",
                404 => "not_found",
                409 => "conflict",
                422 => "invalid",
                429 => "throttled",
                500.. => "server",
                _ => "refused",
            },
            _ => "unreachable",
        }
    }

    /// How long the API server asked to wait.
    pub(crate) fn retry_after(&self) -> Option<std::time::Duration> {
        let Self::Api { error, .. } = self else { return None };
        let kube::Error::Api(status) = &**error else { return None };
        let seconds = status.details.as_ref()?.retry_after_seconds;
        (seconds > 0).then(|| std::time::Duration::from_secs(u64::from(seconds)))
    }
}

async fn pass<W: Workload>(workload: &W, context: &Context) -> Result<Action, Error> {
    if is_foreign(workload) {
        follow::forget(workload, context);
        return Ok(Action::await_change());
    }
    if workload.meta().deletion_timestamp.is_some() {
        follow::forget(workload, context);
        return finalize::finalize(workload, context, Timestamp::now()).await;
    }
    finalize::guard(workload, context).await?;
    let Context { client, events, .. } = context;
    let namespace = workload.namespace().unwrap_or_default();
    let prepared = prepare(workload, context);
    let live = context.live.stateful_set(&namespace, &workload.object_name())?;
    let (references, details) = match prepared {
        Ok(prepared) => prepared,
        Err(Refusal { reason, message }) => {
            let live = live.as_ref();
            let status = status::of_refusal(workload, reason, &message, live, Timestamp::now());
            report::report(workload, workload.status(), &status, client, events).await?;
            return Ok(context.resync.action(workload));
        }
    };
    let (wanted, backlog) = follow::replicas(workload, &details, live.as_ref(), context);
    let suspended = has(workload, SUSPENDED, "true");
    let replicas = if suspended { 0 } else { wanted };
    let mut built = build::build(workload, &details, &references, &context.defaults, replicas)?;
    if suspended {
        built.horizontal = None;
    }
    if built.horizontal.is_some() && workload.spec().replicas.is_none() {
        apply::initial_replicas(client, workload, workload.spec().replicas())
            .await
            .map_err(api_error("cannot give replicas to an autoscaler"))?;
    }
    let paused = context.pause_rollout || has(workload, rollout::PAUSE, "true");
    let seen = workload.status().and_then(|status| status.observed_generation);
    let held = paused && seen == workload.meta().generation;
    let rollout = rollout::settle(&mut built, live.as_ref(), held)?;
    let applied = match apply::apply(client, built, rollout, &context.live).await {
        Ok(applied) => applied,
        Err(error) => {
            if let Some(why) = apply::refusal(&error) {
                let now = Timestamp::now();
                let status = status::of_refusal(workload, "ApplyRefused", why, live.as_ref(), now);
                report::report(workload, workload.status(), &status, client, events).await?;
            }
            return Err(api_error("cannot apply")(error));
        }
    };
    let pods = pods_of(workload, &context.live.pods);
    let now = Timestamp::now();
    let trouble = match pods::trouble(&pods, W::COMPONENT) {
        Some(trouble) => Some(trouble),
        None => context.runners.trouble(&pods, workload.status(), now).await,
    };
    let mut status = status::of_applied(workload, &applied, &references, trouble, now);
    follow::describe(&mut status, workload, backlog.as_ref(), now);
    report::report(workload, workload.status(), &status, client, events).await?;
    let again = unready::again(&pods, now);
    Ok(again.map_or_else(|| context.resync.action(workload), Action::requeue))
}

/// Everything short of the objects themselves, or why there will be none.
fn prepare<W: Workload>(
    workload: &W,
    context: &Context,
) -> Result<(References, function_mesh_proto::function::FunctionDetails), Refusal> {
    let invalid = |mistakes: &Mistakes| Refusal {
        reason: "InvalidSpec",
        message: mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    };
    let mistakes = workload.mistakes();
    if !mistakes.is_empty() {
        return Err(invalid(&mistakes));
    }
    let references =
        dereference::dereference(workload, &context.caches, &context.backend, &context.defaults)?;
    let details = workload.details();
    // What a component cannot have, its runner would refuse at its start; here it is seen sooner.
    if workload.spec().language() == Some(Language::Wasm)
        && let Err(mistakes) = FunctionPlan::from_details(&details)
    {
        return Err(invalid(&mistakes));
    }
    Ok((references, details))
}

fn has<W: Workload>(workload: &W, annotation: &str, value: &str) -> bool {
    workload.annotations().get(annotation).is_some_and(|found| found == value)
}

/// Somebody else's, by its own word.
fn is_foreign<W: Workload>(workload: &W) -> bool {
    has(workload, MANAGED, "false")
}

fn pods_of<W: Workload>(
    workload: &W,
    store: &Store<k8s_openapi::api::core::v1::Pod>,
) -> Vec<Arc<k8s_openapi::api::core::v1::Pod>> {
    let (name, namespace) = (workload.name_any(), workload.namespace());
    let of = |pod: &k8s_openapi::api::core::v1::Pod| {
        pod.namespace() == namespace && pod.labels().get(build::labels::NAME) == Some(&name)
    };
    store.state().into_iter().filter(|pod| of(pod)).collect()
}

#[cfg(test)]
mod tests;
