//! Which ConfigMaps and Secrets a workload uses, by name and key.

use crate::{
    crd::{messaging::PulsarMessaging, runtime::LogConfig, workload::WorkloadSpec},
    reconcile::build::mounts::crypto_secrets,
    workload::Workload,
};

/// A reference to an object of the workload's namespace, or to one key of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    pub kind: Kind,
    pub name: String,
    /// `None` for all of it.
    pub key: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    ConfigMap,
    Secret,
}

fn config_map(name: &str, key: Option<&str>) -> Use {
    Use { kind: Kind::ConfigMap, name: name.to_owned(), key: key.map(str::to_owned) }
}

fn secret(name: &str, key: Option<&str>) -> Use {
    Use { kind: Kind::Secret, name: name.to_owned(), key: key.map(str::to_owned) }
}

/// Each once, in order.
pub fn of<W: Workload>(workload: &W) -> Vec<Use> {
    let spec = workload.spec();
    let mut uses = Vec::new();
    let clusters = spec.pulsar.iter().chain(&spec.pulsar_package_service);
    for messaging in clusters.chain(spec.pulsar_clusters.iter().flatten().map(|(_, m)| m)) {
        of_cluster(messaging, &mut uses);
    }
    for entry in spec.secrets_map.iter().flatten().map(|(_, entry)| entry) {
        if let (Some(path), Some(key)) = (&entry.path, &entry.key) {
            uses.push(secret(path, Some(key)));
        }
    }
    for crypto in crypto_secrets(workload) {
        uses.push(secret(&crypto.secret_name, Some(&crypto.secret_key)));
    }
    uses.extend(log_config(spec).map(|log| config_map(&log.name, Some(&log.key))));
    of_pod(spec, &mut uses);
    uses.sort();
    uses.dedup();
    uses
}

fn of_cluster(messaging: &PulsarMessaging, uses: &mut Vec<Use>) {
    let PulsarMessaging {
        pulsar_config,
        auth_secret,
        tls_secret,
        tls_config,
        auth_config,
        cleanup_auth_config: _, // the controller's, not the pods'
    } = messaging;
    uses.extend(pulsar_config.iter().map(|name| config_map(name, None)));
    uses.extend(auth_secret.iter().chain(tls_secret).map(|name| secret(name, None)));
    if let Some(tls) = tls_config
        && let Some(name) = &tls.cert_secret_name
    {
        uses.push(secret(name, tls.cert_secret_key.as_deref()));
    }
    if let Some(oauth2) = auth_config.as_ref().and_then(|auth| auth.oauth2_config.as_ref()) {
        uses.push(secret(&oauth2.key_secret_name, Some(&oauth2.key_secret_key)));
    }
}

fn log_config(spec: &WorkloadSpec) -> Option<&LogConfig> {
    let logs = [
        spec.java.as_ref().and_then(|java| java.log.as_ref()),
        spec.python.as_ref().and_then(|python| python.log.as_ref()),
        spec.golang.as_ref().and_then(|go| go.log.as_ref()),
        spec.generic_runtime.as_ref().and_then(|generic| generic.log.as_ref()),
        spec.wasm.as_ref().and_then(|wasm| wasm.log.as_ref()),
    ];
    logs.into_iter().flatten().find_map(|log| log.log_config.as_ref())
}

/// What the user's own volumes and variables take from ConfigMaps and Secrets.
fn of_pod(spec: &WorkloadSpec, uses: &mut Vec<Use>) {
    let Some(pod) = &spec.pod else { return };
    for volume in pod.volumes.iter().flatten() {
        if let Some(source) = &volume.config_map {
            uses.push(config_map(&source.name, None));
        }
        if let Some(name) = volume.secret.as_ref().and_then(|source| source.secret_name.as_ref()) {
            uses.push(secret(name, None));
        }
    }
    for source in pod.env.iter().flatten().filter_map(|variable| variable.value_from.as_ref()) {
        if let Some(selector) = &source.config_map_key_ref {
            uses.push(config_map(&selector.name, Some(&selector.key)));
        }
        if let Some(selector) = &source.secret_key_ref {
            uses.push(secret(&selector.name, Some(&selector.key)));
        }
    }
}
