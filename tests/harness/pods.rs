//! Pods as a test looks at them: ready, restarted, what they say, what happened to them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::LogParams};
use serde_json::Value;

use crate::{
    eventually::eventually,
    kubernetes::{Kubernetes, condition, plain},
};

impl Kubernetes {
    /// Waits until a pod is ready, and gives it.
    ///
    /// # Errors
    /// It was not within `limit`; the error tells its state, its events and its logs.
    pub fn ready_pod(&self, namespace: &str, name: &str, limit: Duration) -> Result<Value> {
        let ready = eventually(limit, format!("a ready pod {namespace}/{name}"), || {
            let pod = self.get("Pod", namespace, name)?;
            Ok((condition(&pod, "Ready")? == "True").then_some(pod))
        });
        ready.with_context(|| self.story(namespace, name))
    }

    /// Waits until an object is gone.
    pub fn gone(&self, kind: &str, namespace: &str, name: &str, limit: Duration) -> Result<()> {
        eventually(limit, format!("the end of {kind} {namespace}/{name}"), || {
            Ok(self.find(kind, namespace, name)?.is_none().then_some(()))
        })
    }

    /// How often a pod's containers have been restarted, all together.
    pub fn restarts(&self, namespace: &str, name: &str) -> Result<u64> {
        let pod = self.get("Pod", namespace, name)?;
        Ok(container_statuses(&pod)
            .filter_map(|container| container.get("restartCount")?.as_u64())
            .sum())
    }

    /// What identifies each pod that a selector takes, by name: a replaced pod has another.
    pub fn pod_uids(&self, namespace: &str, selector: &str) -> Result<Vec<(String, String)>> {
        let pods = self.list("Pod", namespace, selector)?;
        let text = |pod: &Value, field: &str| {
            let value = pod.pointer(&format!("/metadata/{field}")).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let mut uids: Vec<_> =
            pods.iter().map(|pod| (text(pod, "name"), text(pod, "uid"))).collect();
        uids.sort();
        Ok(uids)
    }

    /// What a container has logged since it was started last.
    pub fn logs(&self, namespace: &str, pod: &str, container: &str) -> Result<String> {
        let pods: Api<Pod> = Api::namespaced(self.client(), namespace);
        let parameters =
            LogParams { container: Some(container.to_owned()), ..LogParams::default() };
        self.block_on(pods.logs(pod, &parameters)).map_err(plain)
    }

    /// Events about an object, oldest first: `type reason: message`.
    pub fn events(&self, namespace: &str, name: &str) -> Result<Vec<String>> {
        let mut events = self.list("Event", namespace, "")?;
        events.retain(|event| {
            event.pointer("/involvedObject/name").is_some_and(|about| about == name)
        });
        let text = |event: &Value, field: &str| {
            event.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        // Those that happened more than once have a time of the last.
        events.sort_by_key(|event| text(event, "lastTimestamp") + &text(event, "eventTime"));
        let line = |event: &Value| {
            format!("{} {}: {}", text(event, "type"), text(event, "reason"), text(event, "message"))
        };
        Ok(events.iter().map(line).collect())
    }

    /// All that can be said of a pod that is not as it should be.
    pub fn story(&self, namespace: &str, name: &str) -> String {
        let mut lines = Vec::new();
        if let Ok(pod) = self.get("Pod", namespace, name) {
            for container in container_statuses(&pod) {
                let of = |field: &str| container.get(field).unwrap_or(&Value::Null).to_string();
                lines.push(format!("{} is {}, last {}", of("name"), of("state"), of("lastState")));
                let container = container.get("name").and_then(Value::as_str).unwrap_or_default();
                if let Ok(log) = self.logs(namespace, name, container) {
                    lines.push(log);
                }
            }
        }
        lines.extend(self.events(namespace, name).unwrap_or_default());
        lines.join("\n")
    }
}

/// Of init containers and containers.
fn container_statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .filter_map(|pointer| pod.pointer(pointer)?.as_array())
        .flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn init_containers_count_too() {
        let pod = json!({"status": {
            "initContainerStatuses": [{"name": "install"}], "containerStatuses": [{"name": "f"}],
        }});
        let names: Vec<_> = container_statuses(&pod).map(|status| &status["name"]).collect();
        assert_eq!(names, ["install", "f"]);
    }
}
