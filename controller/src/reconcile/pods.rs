//! What is wrong with a workload's pods, in their containers' own words.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;

use crate::workload::Component;

/// A pod that does not run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub reason: String,
    pub message: String,
}

/// Reasons for which a container waits that pass by themselves.
const PASSING: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// The trouble of the first pod that has any.
pub fn trouble(pods: &[Arc<Pod>], component: Component) -> Option<Trouble> {
    let mut pods: Vec<&Arc<Pod>> = pods.iter().collect();
    pods.sort_by_key(|pod| pod.name_any());
    pods.into_iter().find_map(|pod| of_pod(pod, component))
}

fn of_pod(pod: &Pod, component: Component) -> Option<Trouble> {
    let status = pod.status.as_ref()?;
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses);
    let found = containers.flatten().find_map(|container| of_container(pod, container));
    found.or_else(|| unscheduled(pod)).map(|trouble| hint(trouble, component))
}

fn of_container(pod: &Pod, container: &ContainerStatus) -> Option<Trouble> {
    let place = format!("pod {}, container {}", pod.name_any(), container.name);
    let state = container.state.as_ref();
    let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let ended = state.and_then(|state| state.terminated.as_ref()).or(last);
    let said = ended.filter(|ended| ended.exit_code != 0).map(|ended| {
        let said = ended.message.as_deref().map(last_words).filter(|said| !said.is_empty());
        let reason = ended.reason.as_deref().unwrap_or("Error");
        let code = ended.exit_code;
        match said {
            Some(said) => format!("{place}, exit code {code}: {said}"),
            None => format!("{place} ended with exit code {code} ({reason})"),
        }
    });
    if let Some(waiting) = state.and_then(|state| state.waiting.as_ref()) {
        let reason = waiting.reason.as_deref().filter(|reason| !PASSING.contains(reason));
        if let Some(reason) = reason {
            let why = waiting.message.as_deref().map(one_line).unwrap_or_default();
            let message = said.unwrap_or_else(|| format!("{place}: {why}"));
            return Some(Trouble { reason: reason.to_owned(), message });
        }
    }
    let out_of_memory = ended.is_some_and(|ended| ended.reason.as_deref() == Some("OOMKilled"));
    let running = state.is_some_and(|state| state.running.is_some());
    if out_of_memory && !container.ready {
        let message = format!("{place} exceeded its memory limit; raise resources.limits.memory");
        return Some(Trouble { reason: "OOMKilled".to_owned(), message });
    }
    let failed = ended.filter(|ended| ended.exit_code != 0 && !running)?;
    let reason = failed.reason.clone().unwrap_or_else(|| "Error".to_owned());
    said.map(|message| Trouble { reason, message })
}

/// No node takes it.
fn unscheduled(pod: &Pod) -> Option<Trouble> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled = conditions.iter().find(|condition| condition.type_ == "PodScheduled")?;
    if scheduled.status != "False" {
        return None;
    }
    let why = scheduled.message.as_deref().map(one_line).unwrap_or_default();
    let reason = scheduled.reason.clone().unwrap_or_else(|| "Unschedulable".to_owned());
    Some(Trouble { reason, message: format!("pod {}: {why}", pod.name_any()) })
}

/// A runner that refuses its configuration lists its mistakes last.
fn last_words(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.iter().rposition(|line| line.starts_with("error:"));
    let tail = from.unwrap_or(lines.len().saturating_sub(3));
    let words: Vec<&str> = lines.get(tail..).unwrap_or_default().iter().map(|l| l.trim()).collect();
    words.join("; ")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What Kubernetes's word means here.
fn hint(trouble: Trouble, component: Component) -> Trouble {
    let advice = match trouble.reason.as_str() {
        "ImagePullBackOff" | "ErrImagePull" | "ErrImageNeverPull" | "InvalidImageName" => {
            "; check spec.image and pod.imagePullSecrets"
        }
        "CreateContainerConfigError" => "; create what is missing",
        "CreateContainerError" | "RunContainerError" if component == Component::Function => {
            "; check that the image can run the runner"
        }
        _ => return trouble,
    };
    Trouble { message: format!("{}{advice}", trouble.message), ..trouble }
}

/// Leaves what has to be known of a pod.
pub fn prune(pod: &mut Pod) {
    crate::cache::prune_metadata(pod);
    pod.annotations_mut().clear();
    pod.spec = None;
    if let Some(status) = &mut pod.status {
        status.pod_ips = None;
        status.host_ips = None;
        let containers = status.container_statuses.iter_mut();
        for container in containers.chain(&mut status.init_container_statuses).flatten() {
            container.volume_mounts = None;
            container.resources = None;
            container.allocated_resources = None;
            container.user = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(container: serde_json::Value) -> Arc<Pod> {
        let pod = json!({
            "metadata": {"name": "f-function-0"},
            "status": {"containerStatuses": [container]},
        });
        Arc::new(serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn a_runner_that_gave_up_is_quoted() {
        let message = "starting\nerror: the configuration has a mistake\n  instance.yaml: runtime = \
                       \"java\": expected wasm\n";
        let found = trouble(
            &[pod(json!({
                "name": "pulsar-function", "image": "", "imageID": "", "ready": false,
                "restartCount": 3,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
                "lastState": {"terminated": {"exitCode": 64, "reason": "Error", "message": message}},
            }))],
            Component::Function,
        );
        let found = found.unwrap();
        assert_eq!(found.reason, "CrashLoopBackOff");
        assert_eq!(
            found.message,
            "pod f-function-0, container pulsar-function, exit code 64: error: the configuration \
             has a mistake; instance.yaml: runtime = \"java\": expected wasm"
        );
    }

    #[test]
    fn an_image_that_cannot_be_pulled_says_what_to_check() {
        let found = trouble(
            &[pod(json!({
                "name": "pulsar-function", "image": "", "imageID": "", "ready": false,
                "restartCount": 0,
                "state": {"waiting": {"reason": "ErrImagePull", "message": "no\n such image"}},
            }))],
            Component::Function,
        );
        let expected = "pod f-function-0, container pulsar-function: no such image; check spec.image \
                        and pod.imagePullSecrets";
        assert_eq!(found.unwrap().message, expected);
    }

    #[test]
    fn a_pod_that_starts_or_runs_is_no_trouble() {
        for state in [
            json!({"waiting": {"reason": "ContainerCreating"}}),
            json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}}),
        ] {
            let pod = pod(json!({
                "name": "pulsar-function", "image": "", "imageID": "", "ready": false,
                "restartCount": 0, "state": state,
            }));
            assert_eq!(trouble(&[pod], Component::Function), None);
        }
    }
}
