//! What the operator may do, and who it is. Nothing it does not need: no write to Secrets, no
//! command in pods, no wildcard.

use serde_json::{Value, json};

use super::{GROUP, Installation, NAME, metadata};

/// The Lease has a Role of its own, in the operator's namespace.
const ELECTION: &str = "function-mesh-leader-election";
/// For Prometheus, to be bound by whoever installs it.
const METRICS_READER: &str = "function-mesh-metrics-reader";
const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// What may be done with some resources of one group.
type Rule = (&'static str, &'static [&'static str], &'static [&'static str]);

/// In the namespaces that are watched.
pub const WATCHED: [Rule; 9] = [
    // Members of meshes are created and deleted; finalizers and the replicas of autoscaled objects
    // are patched.
    (GROUP, &["functions", "sources", "sinks"], &["list", "watch", "create", "patch", "delete"]),
    (GROUP, &["functionmeshes", "backendconfigs"], &["list", "watch"]),
    (
        GROUP,
        &["functions/status", "sources/status", "sinks/status", "functionmeshes/status"],
        &["patch"],
    ),
    // To be named as owner that is waited for, where the cluster checks that.
    (
        GROUP,
        &[
            "functions/finalizers",
            "sources/finalizers",
            "sinks/finalizers",
            "functionmeshes/finalizers",
        ],
        &["update"],
    ),
    ("apps", &["statefulsets"], &["get", "list", "watch", "create", "patch", "delete"]),
    ("", &["services", "configmaps"], &["list", "watch", "create", "patch"]),
    // To restart what uses them when they change, and to sign in at Pulsar's admin API.
    ("", &["secrets"], &["get", "list", "watch"]),
    ("", &["pods"], &["list", "watch"]),
    ("events.k8s.io", &["events"], &["create", "patch"]),
];

/// Likewise; apart, since clusters may not have the second group.
pub const AUTOSCALERS: [Rule; 2] = [
    ("autoscaling", &["horizontalpodautoscalers"], &["list", "watch", "create", "patch", "delete"]),
    (
        "autoscaling.k8s.io",
        &["verticalpodautoscalers"],
        &["list", "watch", "create", "patch", "delete"],
    ),
];

/// To ask who reads the figures, in the whole cluster.
pub const REVIEWS: [Rule; 2] = [
    ("authentication.k8s.io", &["tokenreviews"], &["create"]),
    ("authorization.k8s.io", &["subjectaccessreviews"], &["create"]),
];

pub(super) fn documents(installation: &Installation) -> Vec<Value> {
    let own = installation.namespace.as_str();
    let account = json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(NAME, Some(own)),
        "automountServiceAccountToken": false,
    });
    let everything: Vec<Value> = WATCHED.iter().chain(&AUTOSCALERS).map(rule).collect();
    let mut documents = vec![account];
    match installation.watched.as_deref() {
        Some(watched) => {
            documents.push(role("Role", NAME, Some(watched), everything));
            documents.push(binding("Role", NAME, Some(watched), own));
        }
        None => {
            let rules = everything.into_iter().chain(REVIEWS.iter().map(rule)).collect();
            documents.push(role("ClusterRole", NAME, None, rules));
            documents.push(binding("ClusterRole", NAME, None, own));
            let reading = json!({"nonResourceURLs": ["/metrics"], "verbs": ["get"]});
            documents.push(role("ClusterRole", METRICS_READER, None, vec![reading]));
            documents.push(for_users("function-mesh-view", "view", &["get", "list", "watch"]));
            let writing = ["create", "delete", "deletecollection", "patch", "update"];
            documents.push(for_users("function-mesh-edit", "edit", &writing));
        }
    }
    documents.push(role("Role", ELECTION, Some(own), election()));
    documents.push(binding("Role", ELECTION, Some(own), own));
    documents
}

fn rule((group, resources, verbs): &Rule) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

/// Creation cannot be restricted by name.
fn election() -> Vec<Value> {
    let lease = |verbs: &[&str], names: &[&str]| {
        let mut rule = rule(&("coordination.k8s.io", &["leases"], &[]));
        if let Some(fields) = rule.as_object_mut() {
            fields.insert("verbs".to_owned(), verbs.into());
            if !names.is_empty() {
                fields.insert("resourceNames".to_owned(), names.into());
            }
        }
        rule
    };
    let name = crate::leader::DEFAULT_LEASE;
    vec![lease(&["create"], &[]), lease(&["get", "list", "watch", "update"], &[name])]
}

/// Whoever may view or edit a namespace may do so with functions in it.
fn for_users(name: &str, as_in: &str, verbs: &[&str]) -> Value {
    let resources = ["functions", "sources", "sinks", "functionmeshes", "backendconfigs"];
    let rule = json!({"apiGroups": [GROUP], "resources": resources, "verbs": verbs});
    let mut role = role("ClusterRole", name, None, vec![rule]);
    let aggregate = format!("rbac.authorization.k8s.io/aggregate-to-{as_in}");
    if let Some(labels) = role.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.insert(aggregate, "true".into());
        if as_in == "edit" {
            let admin = "rbac.authorization.k8s.io/aggregate-to-admin";
            labels.insert(admin.to_owned(), "true".into());
        }
    }
    role
}

fn role(kind: &str, name: &str, namespace: Option<&str>, rules: Vec<Value>) -> Value {
    json!({
        "apiVersion": RBAC,
        "kind": kind,
        "metadata": metadata(name, namespace),
        "rules": rules,
    })
}

fn binding(kind: &str, name: &str, namespace: Option<&str>, own: &str) -> Value {
    json!({
        "apiVersion": RBAC,
        "kind": format!("{kind}Binding"),
        "metadata": metadata(name, namespace),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": own}],
    })
}
