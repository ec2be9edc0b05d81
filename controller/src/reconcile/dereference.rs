//! What a workload refers to: ConfigMaps and Secrets, BackendConfigs, Pulsar clusters.
//!
//! Reads the caches only, so that a reconciliation costs no request, and a reference that appears
//! or changes later starts one.

use std::collections::BTreeMap;

use function_mesh_proto::instance::{ClusterConfig, DEFAULT_CLUSTER};
use kube::ResourceExt;

use super::build::{CONFIG_DIR, PACKAGE_CLUSTER};
use crate::{
    cache::{BROKER_URL, Caches, WEB_URL},
    config::PodDefaults,
    crd::{
        BackendConfig,
        messaging::{PulsarMessaging, PulsarTls},
        pod::PodPolicy,
    },
    workload::Workload,
};

mod authentication;
mod backend;
mod digests;
pub mod uses;

pub use backend::BackendSelection;

/// Everything a workload depends on that is not in its own manifest.
#[derive(Clone, Debug, Default)]
pub struct References {
    /// Pulsar clusters by the name that the runner knows them by.
    pub clusters: BTreeMap<String, Cluster>,
    /// Files of Secrets that the runner reads, beside those of `secretsMap`.
    pub files: Vec<SecretFile>,
    /// State of every ConfigMap and Secret in use: when it changes, pods roll.
    pub digests: BTreeMap<String, String>,
    /// The pod policy, with what BackendConfigs add.
    pub pod: PodPolicy,
    /// Environment that BackendConfigs add.
    pub env: BTreeMap<String, String>,
    /// State of the BackendConfigs that roll pods by themselves.
    pub rolling_backend_configs: Vec<String>,
    pub global_revision: Option<String>,
    pub namespaced_revision: Option<String>,
    pub runner_image: String,
    /// References to what is not there: pods cannot start before it is.
    pub missing: Vec<String>,
}

/// A Pulsar cluster, as the runner is told about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    pub config: ClusterConfig,
}

/// One key of a Secret as a file below the configuration directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFile {
    pub secret: String,
    pub key: String,
    pub path: String,
}

/// Why a workload cannot be built yet, or at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DereferenceError {
    #[error(
        "{field}: there is no ConfigMap {name} in the namespace; create it with the keys {BROKER_URL} and {WEB_URL}"
    )]
    NoConfigMap { field: String, name: String },
    #[error("{field}: the ConfigMap {name} has no key {key}; add it")]
    NoKey { field: String, name: String, key: &'static str },
    #[error("{field} is missing: name the ConfigMap that says where Pulsar is")]
    NoCluster { field: String },
    #[error("{field}: there is no Secret {name} in the namespace; create it, or remove the field")]
    NoSecret { field: String, name: String },
    #[error("{field}: {why}")]
    Authentication { field: String, why: String },
}

impl DereferenceError {
    /// For conditions and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoConfigMap { .. } => "ConfigMapNotFound",
            Self::NoKey { .. } => "ConfigMapIncomplete",
            Self::NoCluster { .. } => "PulsarConfigMissing",
            Self::NoSecret { .. } => "SecretNotFound",
            Self::Authentication { .. } => "AuthenticationNotSupported",
        }
    }
}

pub fn dereference<W: Workload>(
    workload: &W,
    caches: &Caches,
    backend: &BackendSelection,
    defaults: &PodDefaults,
) -> Result<References, DereferenceError> {
    let namespace = workload.namespace().unwrap_or_default();
    let mut references =
        References { runner_image: defaults.runner_image.clone(), ..References::default() };
    let configs = backend.select(&caches.backend_configs, &namespace);
    backend::merge(&configs, workload.spec().pod.as_ref(), &mut references)
        .unwrap_or_else(|error| tracing::warn!(%error, "a BackendConfig cannot be read"));
    let mut resolve = Resolve { namespace: &namespace, caches, references: &mut references };
    let spec = workload.spec();
    let messaging = spec.pulsar.clone().unwrap_or_default();
    resolve.cluster("spec.pulsar", DEFAULT_CLUSTER, &messaging)?;
    if let Some(messaging) = &spec.pulsar_package_service {
        resolve.cluster("spec.pulsarPackageService", PACKAGE_CLUSTER, messaging)?;
    }
    for (name, messaging) in spec.pulsar_clusters.iter().flatten() {
        resolve.cluster(&format!("spec.pulsarClusters[{name}]"), name, messaging)?;
    }
    digests::record(workload, &namespace, caches, &mut references);
    Ok(references)
}

struct Resolve<'a> {
    namespace: &'a str,
    caches: &'a Caches,
    references: &'a mut References,
}

impl Resolve<'_> {
    fn cluster(
        &mut self,
        field: &str,
        name: &str,
        messaging: &PulsarMessaging,
    ) -> Result<(), DereferenceError> {
        let of_config = format!("{field}.pulsarConfig");
        let config_map = messaging.pulsar_config.as_deref().filter(|name| !name.is_empty());
        let config_map =
            config_map.ok_or(DereferenceError::NoCluster { field: of_config.clone() })?;
        let entries = self.caches.config_map(self.namespace, config_map).ok_or_else(|| {
            let (field, name) = (of_config.clone(), config_map.to_owned());
            DereferenceError::NoConfigMap { field, name }
        })?;
        let url = |key: &'static str| {
            let value = entries.get(key).map(|url| url.trim().to_owned());
            value.filter(|url| !url.is_empty()).ok_or_else(|| {
                let (field, name) = (of_config.clone(), config_map.to_owned());
                DereferenceError::NoKey { field, name, key }
            })
        };
        let mut config = ClusterConfig {
            service_url: url(BROKER_URL)?,
            web_service_url: url(WEB_URL).ok(),
            ..ClusterConfig::default()
        };
        self.references.digests.insert(format!("configmap/{config_map}"), digests::of(&entries));
        let dir = format!("clusters/{name}");
        if let Some(tls) = &messaging.tls_config {
            self.tls(&dir, tls, &mut config);
        } else if let Some(secret) = messaging.tls_secret.as_deref() {
            let entries = self.secret(&format!("{field}.tlsSecret"), secret)?;
            authentication::legacy_tls(&entries, &mut config);
        }
        self.authenticate(field, &dir, messaging, &mut config)?;
        self.references.clusters.insert(name.to_owned(), Cluster { config });
        Ok(())
    }

    fn tls(&mut self, dir: &str, tls: &PulsarTls, config: &mut ClusterConfig) {
        // Pulsar's clients take the flag or the scheme; the runner goes by the scheme.
        if tls.enabled != Some(true) && !config.service_url.starts_with("pulsar+ssl://") {
            return;
        }
        if let Some(rest) = config.service_url.strip_prefix("pulsar://") {
            config.service_url = format!("pulsar+ssl://{rest}");
        }
        config.tls.allow_insecure = tls.allow_insecure == Some(true);
        config.tls.hostname_verification = tls.hostname_verification != Some(false);
        if let (Some(secret), Some(key)) = (&tls.cert_secret_name, &tls.cert_secret_key) {
            let file = self.file(secret, key, format!("{dir}/tls/{key}"));
            config.tls.trust_cert_file = Some(file.into());
        }
    }

    /// Has a key of a Secret mounted, and says where it will be.
    fn file(&mut self, secret: &str, key: &str, path: String) -> String {
        let in_pod = format!("{CONFIG_DIR}/{path}");
        let file = SecretFile { secret: secret.to_owned(), key: key.to_owned(), path };
        self.references.files.push(file);
        in_pod
    }

    fn secret(
        &mut self,
        field: &str,
        name: &str,
    ) -> Result<BTreeMap<String, String>, DereferenceError> {
        let entries = self.caches.secret(self.namespace, name).ok_or_else(|| {
            DereferenceError::NoSecret { field: field.to_owned(), name: name.to_owned() }
        })?;
        self.references.digests.insert(format!("secret/{name}"), digests::of(&entries));
        Ok(entries)
    }
}

/// For tests and for status.
pub(crate) fn revision(config: &BackendConfig) -> Option<String> {
    config.resource_version()
}
