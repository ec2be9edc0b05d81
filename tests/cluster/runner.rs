//! The runner in pods: its own image, and its copy in an image that knows nothing of it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use function_mesh_tests::{guests, platform::RUNNER_IMAGE};
use kubernetes_standalone::image::Image;
use serde_json::{Value, json};

use crate::stage::{SOON, broker, platform, restricted};

const USERS_IMAGE: &str = "localhost/users-own:1";

/// What the strictest policy wants said of a container.
fn confined() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    })
}

#[test]
fn the_runner_is_copied_into_a_users_own_image_and_runs_there() -> Result<()> {
    let (platform, broker) = (platform()?, broker()?);
    let component = guests::component("exclamation")?;
    // No C library, no shell, no certificates: the component alone.
    let image = Image::new(USERS_IMAGE, ["/none"]).file("/app/function.wasm", component);
    platform.machine.load_image(&image)?;
    let namespace = restricted(platform, "own-image")?;
    let topics = broker.topics.namespace("own-image")?;
    let (input, output) = (topics.create("in")?, topics.create("out")?);
    topics.send(&input, &["test-message"])?;

    let function = json!({
        "tenant": "public", "namespace": "default", "name": "own", "parallelism": 1,
        "processingGuarantees": "ATLEAST_ONCE", "autoAck": true,
        "source": {
            "inputSpecs": { &input: {} }, "subscriptionType": "SHARED",
            "subscriptionPosition": "EARLIEST",
        },
        "sink": { "topic": output },
    });
    let instance = json!({
        "instanceId": 0,
        "package": { "url": "/app/function.wasm" },
        "clusters": { "default": { "serviceUrl": broker.service_url() } },
    });
    platform.kubernetes.apply_object(&json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "own", "namespace": &namespace },
        "data": {
            "function.json": function.to_string(), "instance.yaml": instance.to_string(),
        },
    }))?;
    let program = json!({ "name": "program", "mountPath": "/runner" });
    platform.kubernetes.apply_object(&json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "own", "namespace": &namespace },
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 10001, "fsGroup": 10001,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "initContainers": [{
                "name": "install", "image": RUNNER_IMAGE, "args": ["install", "/runner"],
                "volumeMounts": [program], "securityContext": confined(),
            }],
            "containers": [{
                "name": "function", "image": USERS_IMAGE,
                "command": ["/runner/function-runner", "run", "--config", "/etc/function-mesh"],
                "readinessProbe": {
                    "httpGet": { "path": "/readyz", "port": 9094 }, "periodSeconds": 1,
                },
                "volumeMounts": [program, {"name": "config", "mountPath": "/etc/function-mesh" }],
                "securityContext": confined(),
            }],
            "volumes": [
                { "name": "program", "emptyDir": {} },
                { "name": "config", "configMap": { "name": "own" } },
            ],
        },
    }))?;
    platform.kubernetes.ready_pod(&namespace, "own", Duration::from_secs(60))?;
    let answers = topics.texts(&output, 1);
    let answers = answers.with_context(|| platform.kubernetes.story(&namespace, "own"))?;
    assert_eq!(answers, ["test-message!"]);
    let said = platform.kubernetes.logs(&namespace, "own", "install")?;
    assert!(said.starts_with("installed /runner/function-runner"), "{said}");

    // SIGTERM is heeded: a pod that has to be killed takes its whole grace period.
    platform.kubernetes.delete("Pod", &namespace, "own")?;
    platform.kubernetes.gone("Pod", &namespace, "own", SOON)
}
