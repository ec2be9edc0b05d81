//! The operator's own pods: two, of which one works and the other stands by.

use serde_json::{Value, json};

use super::{Installation, NAME, labels, metadata, selector};

/// As the Go operator's.
const METRICS_PORT: u16 = 8443;
const PROBES_PORT: u16 = 8000;

pub(super) fn documents(installation: &Installation) -> Vec<Value> {
    let namespace = Some(installation.namespace.as_str());
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(&format!("{NAME}-metrics-service"), namespace),
        "spec": {
            "selector": selector(),
            "ports": [{"name": scheme(installation), "port": METRICS_PORT, "targetPort": "metrics"}],
        },
    });
    let budget = json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(NAME, namespace),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector()}},
    });
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(NAME, namespace),
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": selector()},
            "template": {
                "metadata": {
                    "labels": labels(),
                    "annotations": {"kubectl.kubernetes.io/default-container": "manager"},
                },
                "spec": pod(installation),
            },
        },
    });
    vec![service, budget, deployment]
}

fn scheme(installation: &Installation) -> &'static str {
    if is_secure(installation) { "https" } else { "http" }
}

/// Who reads the figures can be asked only by one who may ask in the whole cluster.
fn is_secure(installation: &Installation) -> bool {
    installation.watched.is_none()
}

fn pod(installation: &Installation) -> Value {
    let mut arguments = vec![
        "run".to_owned(),
        "--enable-leader-election=true".to_owned(),
        format!("--metrics-addr=:{METRICS_PORT}"),
        format!("--metrics-secure={}", is_secure(installation)),
        format!("--health-probe-addr=:{PROBES_PORT}"),
        format!("--runner-image={}", installation.runner_image),
    ];
    if let Some(watched) = &installation.watched {
        arguments.push(format!("--watched-namespace={watched}"));
    }
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": "probes"}});
    json!({
        "serviceAccountName": NAME,
        "automountServiceAccountToken": true,
        "terminationGracePeriodSeconds": 10,
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{
            "weight": 100,
            "podAffinityTerm": {
                "topologyKey": "kubernetes.io/hostname",
                "labelSelector": {"matchLabels": selector()},
            },
        }]}},
        "containers": [{
            "name": "manager",
            "image": installation.image,
            "args": arguments,
            "ports": [
                {"name": "metrics", "containerPort": METRICS_PORT},
                {"name": "probes", "containerPort": PROBES_PORT},
            ],
            "livenessProbe": probe("/livez"),
            "readinessProbe": probe("/readyz"),
            "resources": {
                "requests": {"cpu": "50m", "memory": "64Mi"},
                "limits": {"memory": "128Mi"},
            },
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
        }],
    })
}
