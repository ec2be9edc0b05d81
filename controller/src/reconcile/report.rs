//! Tells users what came of a pass: the status, and an Event where readiness changed.

use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::NamespaceResourceScope,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tracing::info;

use super::{
    Error, api_error, apply,
    status::{Finding, READY},
};
use crate::{
    crd::status::{MeshStatus, WorkloadStatus},
    events::Events,
};

/// A status with Kubernetes's own conditions.
pub(crate) trait Status: Serialize + PartialEq {
    fn standard_conditions(&self) -> &[Condition];
}

impl Status for WorkloadStatus {
    fn standard_conditions(&self) -> &[Condition] {
        &self.standard_conditions
    }
}

impl Status for MeshStatus {
    fn standard_conditions(&self) -> &[Condition] {
        &self.standard_conditions
    }
}

/// Writes the status if it says something new, and an Event if readiness changed.
pub(crate) async fn report<K, S>(
    object: &K,
    old: Option<&S>,
    new: &S,
    client: &Client,
    events: &Events,
) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
    S: Status,
{
    if old == Some(new) {
        return Ok(());
    }
    let (name, namespace) = (object.name_any(), object.namespace().unwrap_or_default());
    let api: Api<K> = Api::namespaced(client.clone(), &namespace);
    let kind = K::kind(&());
    let patch = json!({ "apiVersion": K::api_version(&()), "kind": kind, "status": new });
    let parameters = PatchParams::apply(apply::FIELD_MANAGER).force();
    match api.patch_status(&name, &parameters, &Patch::Apply(&patch)).await {
        // Deleted meanwhile: nobody is left to tell.
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(()),
        other => other.map_err(api_error("cannot write the status"))?,
    };
    if let Some(finding) = transition(old, new) {
        let Finding { reason, message, .. } = &finding;
        info!(%kind, namespace, name, reason, message, "changed");
        events.publish(object, &finding).await;
    }
    Ok(())
}

/// What there is to tell: readiness came, went, or has another reason.
fn transition<S: Status>(old: Option<&S>, new: &S) -> Option<Finding> {
    let ready = |status: &S| {
        status.standard_conditions().iter().find(|condition| condition.type_ == READY).cloned()
    };
    let now = ready(new)?;
    let before = old.and_then(ready);
    let same = before.is_some_and(|old| old.status == now.status && old.reason == now.reason);
    (!same).then(|| Finding::new(now.status == "True", now.reason, now.message))
}
