//! Tells users what came of a pass: the status, and an Event where readiness changed.

use std::fmt::Debug;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::NamespaceResourceScope,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tracing::{info, warn};

use super::{
    Error, MANAGED, api_error, apply,
    status::{DEGRADED, Finding, PROGRESSING, READY, conditions},
};
use crate::{
    cache::{Packed, packed::Unreadable},
    crd::status::{MeshStatus, WorkloadStatus},
    events::Events,
};

/// A status with Kubernetes's own conditions.
pub(crate) trait Status: Serialize + DeserializeOwned + Clone + Default + PartialEq {
    fn standard_conditions(&self) -> &[Condition];

    /// Replaces what is said, and leaves the figures.
    fn say(&mut self, generation: Option<i64>, reason: &str, conditions: Vec<Condition>);
}

/// For the two types of status, whose fields have the same names.
macro_rules! status {
    ($type:ty) => {
        impl Status for $type {
            fn standard_conditions(&self) -> &[Condition] {
                &self.standard_conditions
            }

            fn say(&mut self, generation: Option<i64>, reason: &str, said: Vec<Condition>) {
                self.observed_generation = generation;
                self.reason = Some(reason.to_owned());
                self.standard_conditions = said;
            }
        }
    };
}
status!(WorkloadStatus);
status!(MeshStatus);

/// Reports an object that is not what its kind is, such as one older than its schema. Its pods, if it
/// has any, stay as they are.
pub(crate) async fn unreadable<K, S>(
    object: &Packed<K>,
    why: &Unreadable,
    client: &Client,
    events: &Events,
) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + 'static,
    S: Status,
{
    if object.annotation(MANAGED).is_some_and(|managed| managed == "false") {
        return Ok(());
    }
    const REASON: &str = "InvalidObject";
    let message = format!("{why}; mend it and apply the object again");
    let finding = |holds| Finding::new(holds, REASON, message.as_str());
    let old: Option<S> = object.status();
    let mut new = old.clone().unwrap_or_default();
    let generation = object.meta().generation;
    let said = conditions(
        new.standard_conditions(),
        generation,
        Timestamp::now(),
        [(READY, finding(false)), (PROGRESSING, finding(false)), (DEGRADED, finding(true))],
    );
    new.say(generation, REASON, said);
    if old.as_ref() == Some(&new) {
        return Ok(());
    }
    let (name, namespace) = (object.name_any(), object.namespace().unwrap_or_default());
    let api: Api<Packed<K>> = Api::namespaced(client.clone(), &namespace);
    // Server-side apply takes objects of the right types only. This one may be refused as well, by
    // an API server that looks at the whole object again; then the Event says it alone.
    let patch = json!({ "status": new });
    match api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&patch)).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if !matches!(status.code, 409 | 429 | 503 | 504) => {}
        Err(error) => return Err(api_error("cannot write the status")(error)),
    }
    warn!(kind = %K::kind(&()), namespace, name, %why, "cannot be read");
    events.publish(object, &finding(false)).await;
    Ok(())
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
