//! What `kubectl get` shows; what has a priority, only with `-o wide`.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceColumnDefinition;

use crate::crd::Kind;

/// The columns of one kind, in order.
pub(super) fn of(kind: Kind) -> Vec<CustomResourceColumnDefinition> {
    let ready = column("Ready", "string", ".status.ready", 0, "Ready ones of those asked for.");
    let reason = column("Reason", "string", ".status.reason", 0, "Why it is ready, or is not.");
    let age = column("Age", "date", ".metadata.creationTimestamp", 0, "Time since its creation.");
    let replicas = column("Replicas", "integer", ".status.replicas", 0, "Pods asked for.");
    let runtime = column("Runtime", "string", ".status.runtime", 0, "What the logic runs in.");
    let input = column("Input", "string", ".status.input", 1, "Topics that are consumed.");
    let output = column("Output", "string", ".status.output", 1, "Topic that is produced to.");
    let backlog =
        column("Backlog", "integer", ".status.backlog", 0, "Messages that wait to be consumed.");
    match kind {
        Kind::Function => vec![ready, replicas, runtime, input, output, backlog, reason, age],
        Kind::Source => vec![ready, replicas, runtime, output, reason, age],
        Kind::Sink => vec![ready, replicas, runtime, input, backlog, reason, age],
        Kind::FunctionMesh => vec![ready, reason, age],
        Kind::BackendConfig => {
            let at_once = "Whether a change of it is rolled out at once.";
            vec![column("Auto-Update", "boolean", ".spec.autoUpdate", 0, at_once), age]
        }
    }
}

fn column(
    name: &str,
    type_: &str,
    path: &str,
    priority: i32,
    description: &str,
) -> CustomResourceColumnDefinition {
    CustomResourceColumnDefinition {
        name: name.to_owned(),
        type_: type_.to_owned(),
        json_path: path.to_owned(),
        priority: (priority > 0).then_some(priority),
        description: Some(description.to_owned()),
        format: None,
    }
}
