//! The members' objects: applied, and deleted when they are members no longer.

use std::{collections::BTreeMap, sync::Arc};

use kube::{
    Resource, ResourceExt,
    runtime::reflector::{ObjectRef, Store},
};

use super::{
    Children, Context,
    members::{Member, Object},
};
use crate::{
    cache::Packed,
    crd::{FunctionMesh, status::WorkloadStatus, workload::WorkloadSpec},
    digest::digest,
    reconcile::{Error, RESTARTED_AT, SUSPENDED, api_error, apply, build::labels},
    workload::{Component, Workload},
};

/// On a member's object: the mesh it belongs to.
pub const MESH: &str = "compute.functionmesh.io/mesh";
/// On a member's object: the spec it was made from, so that a field that was removed shows.
const SPEC: &str = "compute.functionmesh.io/spec";

/// What became of the members.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// Status of each member's object, where there is one, and whether it is up to date.
    pub members: BTreeMap<(Component, String), (Option<WorkloadStatus>, bool)>,
    /// Objects that were members once and are being deleted.
    pub orphans: Vec<(Component, String)>,
    /// Members whose object was refused, with the API server's reason.
    pub refused: BTreeMap<(Component, String), String>,
}

/// # Errors
/// The API server's, unless it refuses one member's object, which does not stop the others.
pub(super) async fn apply(
    mesh: &FunctionMesh,
    members: &[Member],
    context: &Context,
) -> Result<Outcome, Error> {
    let mut outcome = Outcome::default();
    for member in members.iter().filter(|member| member.mistakes.is_empty()) {
        let key = (member.object.component(), member.name.clone());
        let applied = match &member.object {
            Object::Function(function) => {
                let mut function = (**function).clone();
                let initial = release(&mut function.spec.workload);
                child(mesh, function, initial, &context.live.functions, context).await
            }
            Object::Source(source) => {
                let mut source = (**source).clone();
                let initial = release(&mut source.spec.workload);
                child(mesh, source, initial, &context.live.sources, context).await
            }
            Object::Sink(sink) => {
                let mut sink = (**sink).clone();
                let initial = release(&mut sink.spec.workload);
                child(mesh, sink, initial, &context.live.sinks, context).await
            }
        };
        match applied {
            Ok(state) => {
                outcome.members.insert(key, state);
            }
            Err(error) => match &error {
                Error::Api { error: refused, .. } if let Some(why) = apply::refusal(refused) => {
                    outcome.refused.insert(key, why.to_owned());
                }
                _ => return Err(error),
            },
        }
    }
    let Children { functions, sources, sinks } = &context.live;
    orphans(mesh, members, functions, context, &mut outcome).await?;
    orphans(mesh, members, sources, context, &mut outcome).await?;
    orphans(mesh, members, sinks, context, &mut outcome).await?;
    Ok(outcome)
}

/// A member that is scaled automatically gets its replicas once, and is then let alone.
fn release(spec: &mut WorkloadSpec) -> Option<i32> {
    if spec.max_replicas.is_some() && spec.autoscaling.is_none() {
        let initial = spec.replicas();
        spec.replicas = None;
        Some(initial)
    } else {
        None
    }
}

async fn child<W: Workload>(
    mesh: &FunctionMesh,
    mut wanted: W,
    initial_replicas: Option<i32>,
    store: &Store<Packed<W>>,
    context: &Context,
) -> Result<(Option<WorkloadStatus>, bool), Error> {
    let namespace = mesh.namespace().unwrap_or_default();
    let name = wanted.name_any();
    let known = store.get(&ObjectRef::new(&name).within(&namespace));
    let spec = serde_json::to_value(&wanted)?.get("spec").cloned().unwrap_or_default();
    let metadata = wanted.meta_mut();
    metadata.namespace = Some(namespace.clone());
    metadata.owner_references = Some(labels::owner(mesh).into_iter().collect());
    metadata.labels = Some([(MESH.to_owned(), mesh.name_any())].into());
    let mut annotations = BTreeMap::from([(SPEC.to_owned(), digest(&spec)?)]);
    if mesh.spec.suspend == Some(true) {
        annotations.insert(SUSPENDED.to_owned(), "true".to_owned());
    }
    if let Some(time) = mesh.annotations().get(RESTARTED_AT) {
        annotations.insert(RESTARTED_AT.to_owned(), time.clone());
    }
    // An annotation that is wanted no longer does not show in a comparison of what is wanted.
    let resumed = known.as_ref().is_some_and(|known| {
        known.annotation(SUSPENDED).is_some() && !annotations.contains_key(SUSPENDED)
    });
    metadata.annotations = Some(annotations);
    let compared = if resumed { None } else { known.as_deref() };
    let written = apply::ensure(&context.client, &wanted, compared)
        .await
        .map_err(api_error("cannot apply a member"))?;
    if let (Some(replicas), None) = (initial_replicas, &known) {
        apply::initial_replicas(&context.client, &wanted, replicas)
            .await
            .map_err(api_error("cannot give a member its replicas"))?;
    }
    let (status, current) = match (written, known) {
        (Some(written), _) => (written.status().cloned(), false),
        (None, Some(known)) => {
            let status: Option<WorkloadStatus> = known.status();
            let observed = status.as_ref().and_then(|status| status.observed_generation);
            (status, observed == known.meta().generation)
        }
        (None, None) => (None, false),
    };
    Ok((status, current))
}

async fn orphans<W: Workload>(
    mesh: &FunctionMesh,
    members: &[Member],
    store: &Store<Packed<W>>,
    context: &Context,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    let prefix = format!("{}-", mesh.name_any());
    for object in owned(mesh, store) {
        let name = object.name_any();
        let is_member = |member: &Member| {
            member.object.component() == W::COMPONENT && format!("{prefix}{}", member.name) == name
        };
        if members.iter().any(is_member) {
            continue;
        }
        let short = name.strip_prefix(&prefix).unwrap_or(&name).to_owned();
        outcome.orphans.push((W::COMPONENT, short));
        if object.meta().deletion_timestamp.is_none() {
            apply::remove(&context.client, &*object)
                .await
                .map_err(api_error("cannot delete a former member"))?;
        }
    }
    Ok(())
}

/// Objects that this mesh, and not an earlier one of its name, has made.
fn owned<W: Workload>(mesh: &FunctionMesh, store: &Store<Packed<W>>) -> Vec<Arc<Packed<W>>> {
    let uid = mesh.uid().unwrap_or_default();
    let of_mesh = |object: &Arc<Packed<W>>| {
        let owners = object.owner_references().iter();
        owners.into_iter().any(|owner| owner.uid == uid && owner.controller == Some(true))
    };
    store.state().into_iter().filter(of_mesh).collect()
}
