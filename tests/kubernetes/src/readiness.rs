//! Whether a program of a cluster does its work, asked with `curl`: no client is linked in for it.

use std::{os::unix::net::UnixStream, process::Command};

use anyhow::Result;
use serde_json::Value;

use crate::{
    command,
    files::{self, NODE_NAME},
    programs::{Component, Place},
};

/// Whether a program does its work. As far as can be seen: the controller manager has made what a
/// new cluster lacks, and a scheduler binds what is there as soon as it runs.
pub fn is_ready(place: &Place, component: Component) -> bool {
    match component {
        Component::Etcd => {
            let health = format!("{}/health", place.etcd());
            command::output(curl().arg(health)).is_ok_and(|health| health.contains("true"))
        }
        Component::Containerd => UnixStream::connect(place.file(files::SOCKET)).is_ok(),
        Component::ApiServer => get(place, "/readyz").is_ok(),
        Component::ControllerManager => {
            get(place, "/api/v1/namespaces/default/serviceaccounts/default").is_ok()
        }
        Component::Scheduler => true,
        Component::Kubelet => {
            // The node's object outlives a kubelet: ask both.
            let node = format!("/api/v1/nodes/{NODE_NAME}");
            kubelet_is_well(place) && get(place, &node).is_ok_and(|node| takes_pods(&node))
        }
    }
}

fn kubelet_is_well(place: &Place) -> bool {
    let Some(network) = &place.network else { return false };
    let address = format!("https://{}:{}/healthz", network.gateway(), place.kubelet);
    let mut healthz = curl();
    for (option, file) in
        [("--cacert", files::AUTHORITY), ("--cert", files::CERTIFICATE), ("--key", files::KEY)]
    {
        healthz.arg(option).arg(place.file(file));
    }
    command::output(healthz.arg(address)).is_ok()
}

/// Asks the API server for a page.
fn get(place: &Place, path: &str) -> Result<String> {
    command::output(
        curl()
            .arg("--cacert")
            .arg(place.file(files::AUTHORITY))
            // From a file: an argument can be read by everybody.
            .arg("--header")
            .arg(format!("@{}", place.file(files::ADMIN_HEADER).display()))
            .arg(format!("https://{}{path}", place.api_server())),
    )
}

fn curl() -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--max-time", "5", "--noproxy", "*"]);
    curl
}

/// Whether a node is ready and nothing keeps pods off it.
fn takes_pods(node: &str) -> bool {
    let node: Value = serde_json::from_str(node).unwrap_or_default();
    let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
    let ready = conditions.into_iter().flatten().any(|condition| {
        condition.get("type").is_some_and(|kind| kind == "Ready")
            && condition.get("status").is_some_and(|status| status == "True")
    });
    let taints = node.pointer("/spec/taints").and_then(Value::as_array);
    ready && taints.is_none_or(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_takes_pods_when_it_is_ready_and_without_taints() {
        let node = |ready: &str, taints: &str| {
            format!(
                r#"{{"spec": {{"taints": {taints}}},
                     "status": {{"conditions": [{{"type": "Ready", "status": "{ready}"}}]}}}}"#
            )
        };
        assert!(takes_pods(&node("True", "[]")));
        assert!(!takes_pods(&node("False", "[]")));
        assert!(!takes_pods(&node("True", r#"[{"key": "not-ready"}]"#)));
        assert!(takes_pods(&node("True", "null")));
        assert!(!takes_pods("no JSON"));
    }
}
