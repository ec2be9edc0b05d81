//! Writes what was built, by server-side apply, where it is not so already.
//!
//! The order: what pods mount and are named by first, the StatefulSet after it, autoscalers last.

use std::{fmt::Debug, sync::Arc};

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    autoscaling::v2::HorizontalPodAutoscaler,
    core::v1::{ConfigMap, Pod, Service},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, DynamicObject, Patch, PatchParams},
    core::NamespaceResourceScope,
    runtime::reflector::{ObjectRef, Store},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tracing::info;

use super::{
    build::{INPUTS, Resources, autoscaler},
    drift,
    rollout::Rollout,
};
use crate::cache::{Packed, packed::Unreadable};

/// Who owns the fields that we apply.
pub const FIELD_MANAGER: &str = "function-mesh-controller";

/// Who owns the number of replicas that an autoscaler starts from.
pub const INITIAL_MANAGER: &str = "function-mesh-initial";

/// What exists of the objects that belong to one kind of workload.
#[derive(Clone)]
pub struct Live {
    pub stateful_sets: Store<Packed<StatefulSet>>,
    pub services: Store<Packed<Service>>,
    pub config_maps: Store<Packed<ConfigMap>>,
    pub horizontal: Store<Packed<HorizontalPodAutoscaler>>,
    /// `None` where the cluster has no such API.
    pub vertical: Option<Store<DynamicObject>>,
    pub pods: Store<Pod>,
}

impl Live {
    /// # Errors
    /// There is one of another form than Kubernetes gives it.
    pub fn stateful_set(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<StatefulSet>, Unreadable> {
        let found = self.stateful_sets.get(&ObjectRef::new(name).within(namespace));
        found.map(|packed| packed.unpack()).transpose()
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Applied {
    pub stateful_set: StatefulSet,
    pub rollout: Rollout,
    pub horizontal: bool,
    /// `None` if none is wanted; false if the cluster cannot have one.
    pub vertical: Option<bool>,
}

/// Applies all of it.
///
/// # Errors
/// The API server's, of the first object that could not be written.
pub async fn apply(
    client: &Client,
    built: Resources,
    rollout: Rollout,
    live: &Live,
) -> Result<Applied, kube::Error> {
    // Taken apart whole, so that no object is forgotten.
    let Resources { config_map, service, stateful_set, horizontal, vertical } = built;
    let namespace = stateful_set.namespace().unwrap_or_default();
    let known_config = find(&live.config_maps, &config_map);
    let known_service = find(&live.services, &service);
    // Pods that stay as they are keep their configuration too.
    let keep_config = rollout != Rollout::Apply && known_config.is_some();
    let config = async {
        if keep_config {
            return Ok(());
        }
        ensure(client, &config_map, known_config.as_deref()).await.map(drop)
    };
    let service = async { ensure(client, &service, known_service.as_deref()).await.map(drop) };
    // Both to their end: an answer that asks to wait is waited for, whatever the other's is.
    let (config, service) = futures::join!(config, service);
    config.and(service)?;
    let known = find(&live.stateful_sets, &stateful_set);
    if let Some(known) = &known
        && rollout == Rollout::Apply
        && known.annotation(INPUTS).is_none()
    {
        take_over(client, &stateful_set, known).await?;
    }
    let stateful_set = match ensure(client, &stateful_set, known.as_deref()).await? {
        Some(written) => written,
        None => known.and_then(|known| known.unpack().ok()).unwrap_or(stateful_set),
    };
    let name = stateful_set.name_any();
    let known = live.horizontal.get(&ObjectRef::new(&name).within(&namespace));
    let has_horizontal = horizontal.is_some();
    match (horizontal, known) {
        (Some(wanted), known) => {
            ensure(client, &wanted, known.as_deref()).await?;
        }
        (None, Some(known)) => remove(client, &*known).await?,
        (None, None) => {}
    }
    let vertical = self::vertical(client, vertical, live, &namespace, &name).await?;
    Ok(Applied { stateful_set, rollout, horizontal: has_horizontal, vertical })
}

/// Makes a StatefulSet that another operator wrote ours, whole: server-side apply alone would leave
/// what the other wrote and we do not, such as a variable of a container. What others wrote into its
/// metadata stays.
async fn take_over(
    client: &Client,
    wanted: &StatefulSet,
    known: &Packed<StatefulSet>,
) -> Result<(), kube::Error> {
    let (name, namespace) = (wanted.name_any(), wanted.namespace().unwrap_or_default());
    let operations = json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": known.meta().resource_version},
        {"op": "replace", "path": "/spec", "value": wanted.spec},
        // Nobody owns any field after this; those of `wanted` get their owner by being applied.
        {"op": "replace", "path": "/metadata/managedFields", "value": [{}]},
    ]);
    let operations = serde_json::from_value(operations).map_err(kube::Error::SerdeError)?;
    let api: Api<StatefulSet> = Api::namespaced(client.clone(), &namespace);
    api.patch(&name, &PatchParams::default(), &Patch::Json::<()>(operations)).await?;
    info!(namespace, name, "took a StatefulSet over from another operator");
    Ok(())
}

async fn vertical(
    client: &Client,
    wanted: Option<DynamicObject>,
    live: &Live,
    namespace: &str,
    name: &str,
) -> Result<Option<bool>, kube::Error> {
    let api_resource = autoscaler::vertical_api();
    let Some(store) = &live.vertical else { return Ok(wanted.map(|_| false)) };
    let key = ObjectRef::new_with(name, api_resource.clone()).within(namespace);
    let known = store.get(&key);
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &api_resource);
    match (wanted, known) {
        (Some(wanted), known) => {
            let there = known.is_some_and(|known| same(&wanted, &*known));
            if there {
                return Ok(Some(true));
            }
            match api.patch(name, &parameters(), &Patch::Apply(&wanted)).await {
                // The kind itself went after our start.
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(Some(false)),
                other => other.map(|_| Some(true)),
            }
        }
        (None, Some(_)) => {
            ignore_absence(api.delete(name, &DeleteParams::default()).await.map(drop))?;
            Ok(None)
        }
        (None, None) => Ok(None),
    }
}

fn find<K>(store: &Store<Packed<K>>, wanted: &K) -> Option<Arc<Packed<K>>>
where
    K: Resource<DynamicType = ()> + 'static,
{
    let namespace = wanted.meta().namespace.clone().unwrap_or_default();
    store.get(&ObjectRef::new(wanted.meta().name.as_deref()?).within(&namespace))
}

/// Applies an object unless the live one has all of it. `None` if nothing was written.
pub async fn ensure<K>(
    client: &Client,
    wanted: &K,
    known: Option<&Packed<K>>,
) -> Result<Option<K>, kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    if known.is_some_and(|known| same(wanted, known)) {
        return Ok(None);
    }
    let namespace = wanted.meta().namespace.clone().unwrap_or_default();
    let api: Api<K> = Api::namespaced(client.clone(), &namespace);
    let name = wanted.meta().name.clone().unwrap_or_default();
    api.patch(&name, &parameters(), &Patch::Apply(wanted)).await.map(Some)
}

/// Gives an object the number of replicas that an autoscaler starts from: it leaves an object alone
/// that does not say how many it has. The number is the autoscaler's afterwards: it is owned under
/// another name, and never applied again. Whoever has set it meanwhile knows better.
pub async fn initial_replicas<K>(
    client: &Client,
    object: &K,
    replicas: i32,
) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), &object.namespace().unwrap_or_default());
    let patch = json!({
        "apiVersion": K::api_version(&()), "kind": K::kind(&()), "spec": { "replicas": replicas },
    });
    let parameters = PatchParams::apply(INITIAL_MANAGER);
    ignore_absence(
        api.patch(&object.name_any(), &parameters, &Patch::Apply(&patch)).await.map(drop),
    )
}

/// Deletes an object, and no later one of the same name.
pub async fn remove<K>(client: &Client, known: &K) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let namespace = known.meta().namespace.clone().unwrap_or_default();
    let api: Api<K> = Api::namespaced(client.clone(), &namespace);
    let exactly = kube::api::Preconditions { uid: known.uid(), resource_version: None };
    let how = DeleteParams::background().preconditions(exactly);
    ignore_absence(api.delete(&known.name_any(), &how).await.map(drop))
}

/// What the API server has against an object, if trying again does not help: a schema, a quota, or
/// that one of the same name is somebody else's.
pub fn refusal(error: &kube::Error) -> Option<&str> {
    match error {
        kube::Error::Api(status) if matches!(status.code, 400 | 403 | 422) => Some(&status.message),
        _ => None,
    }
}

/// What was to be changed is gone, or is somebody else's by now. A kind that is gone is told by the
/// code alone.
fn ignore_absence(result: Result<(), kube::Error>) -> Result<(), kube::Error> {
    match result {
        Err(kube::Error::Api(status)) if status.code == 404 || status.is_conflict() => Ok(()),
        other => other,
    }
}

/// An object that cannot be compared is written.
fn same(wanted: &impl Serialize, known: &impl Serialize) -> bool {
    drift::satisfied(wanted, known).unwrap_or(false)
}

fn parameters() -> PatchParams {
    PatchParams::apply(FIELD_MANAGER).force()
}
