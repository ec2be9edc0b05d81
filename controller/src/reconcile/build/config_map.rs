//! What the runner reads: what the function is, and how its instances run.

use std::collections::BTreeMap;

use function_mesh_proto::{
    function::FunctionDetails,
    instance::{
        InstanceConfig, Limits, LogFormat, Logging, PackageConfig, Runtime, SecretsConfig,
        StateConfig,
    },
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;

use super::{BuildError, CONFIG_DIR, labels, pod};
use crate::{
    crd::{runtime, workload::WorkloadSpec},
    details::amount,
    reconcile::dereference::References,
    resources,
    workload::{Language, Workload},
};

pub(super) const FUNCTION_FILE: &str = "function.json";
pub(super) const INSTANCE_FILE: &str = "instance.json";

/// Where downloaded and compiled code is kept for a restart of the container.
pub(super) const CACHE_DIR: &str = "/var/cache/function-mesh";
/// Where state is kept, if a volume is mounted there.
pub(super) const STATE_DIR: &str = "/var/lib/function-mesh/state";

pub(super) fn config_map<W: Workload>(
    workload: &W,
    details: &FunctionDetails,
    references: &References,
) -> Result<ConfigMap, BuildError> {
    let instance = instance(workload, references)?;
    let data = BTreeMap::from([
        (FUNCTION_FILE.to_owned(), serde_json::to_string_pretty(details)?),
        (INSTANCE_FILE.to_owned(), serde_json::to_string_pretty(&instance)?),
    ]);
    Ok(ConfigMap {
        metadata: labels::owned(workload, workload.object_name()),
        data: Some(data),
        ..ConfigMap::default()
    })
}

fn instance<W: Workload>(
    workload: &W,
    references: &References,
) -> Result<InstanceConfig, BuildError> {
    let spec = workload.spec();
    let language = spec.language().ok_or(BuildError::NoRuntime)?;
    let clusters = &references.clusters;
    let inputs = workload.input().and_then(|input| input.cluster_refs.clone());
    let grace = pod::grace_seconds(references.pod.termination_grace_period_seconds);
    Ok(InstanceConfig {
        instance_id: None,
        function_id: workload.uid().unwrap_or_default(),
        function_version: "0".to_owned(),
        cluster_name: spec.cluster_name.clone().unwrap_or_else(|| "kubernetes".to_owned()),
        runtime: runtime(language),
        package: package(spec, references),
        clusters: clusters
            .iter()
            .map(|(name, cluster)| (name.clone(), cluster.config.clone()))
            .collect(),
        input_clusters: inputs.unwrap_or_default(),
        output_cluster: workload.output().and_then(|output| output.cluster_ref.clone()),
        limits: limits(spec),
        logging: logging(spec),
        state: state(spec),
        secrets: SecretsConfig::Files { dir: format!("{CONFIG_DIR}/secrets").into() },
        ports: function_mesh_proto::instance::Ports::default(),
        cache_dir: Some(CACHE_DIR.into()),
        drain_seconds: pod::drain_seconds(grace),
    })
}

fn runtime(language: Language<'_>) -> Runtime {
    match language {
        Language::Wasm => Runtime::Wasm,
        Language::Java => Runtime::Java,
        Language::Python => Runtime::Python,
        Language::Go => Runtime::Go,
        Language::Other(name) => Runtime::Other(name.to_owned()),
    }
}

fn package(spec: &WorkloadSpec, references: &References) -> Option<PackageConfig> {
    let (file, location) = spec.code()?;
    let from_service = location.is_some_and(|location| location.starts_with("function://"));
    let separate = spec.pulsar_package_service.is_some();
    Some(PackageConfig {
        url: location.unwrap_or(file).to_owned(),
        digest: spec.wasm.as_ref().and_then(|wasm| wasm.digest.clone()),
        cluster: (from_service && separate).then(|| super::PACKAGE_CLUSTER.to_owned()),
        registry_credentials: pod::registry_secret(spec, &references.pod)
            .map(|_| format!("{CONFIG_DIR}/registry/config.json").into()),
    })
}

/// The sandbox takes at most half of what the pod asks for; the rest is the runner's.
fn limits(spec: &WorkloadSpec) -> Limits {
    let requests = resources::effective(spec.resources.as_ref()).requests.unwrap_or_default();
    let half = amount(requests.get("memory")).unwrap_or(0) / 2000;
    let default = Limits::default();
    match u64::try_from(half) {
        Ok(half) if half > 0 && half < default.memory_bytes => {
            // Whole pages of 64 KiB, at least one.
            let pages = (half >> 16).max(1);
            Limits { memory_bytes: pages << 16, ..default }
        }
        _ => default,
    }
}

fn logging(spec: &WorkloadSpec) -> Logging {
    let log = match spec.language() {
        Some(Language::Java) => spec.java.as_ref().and_then(|java| java.log.as_ref()),
        Some(Language::Python) => spec.python.as_ref().and_then(|python| python.log.as_ref()),
        Some(Language::Go) => spec.golang.as_ref().and_then(|go| go.log.as_ref()),
        Some(Language::Wasm) if spec.wasm.is_some() => {
            spec.wasm.as_ref().and_then(|wasm| wasm.log.as_ref())
        }
        _ => spec.generic_runtime.as_ref().and_then(|generic| generic.log.as_ref()),
    };
    let default = Logging::default();
    let Some(log) = log else { return default };
    let level = match log.level {
        Some(runtime::LogLevel::Off) => "off",
        Some(runtime::LogLevel::Trace | runtime::LogLevel::All) => "trace",
        Some(runtime::LogLevel::Debug) => "debug",
        Some(runtime::LogLevel::Info) => "info",
        Some(runtime::LogLevel::Warn) => "warn",
        Some(runtime::LogLevel::Error | runtime::LogLevel::Fatal | runtime::LogLevel::Panic) => {
            "error"
        }
        None => default.level.as_str(),
    };
    let format = match log.format {
        Some(runtime::LogFormat::Json) => LogFormat::Json,
        Some(runtime::LogFormat::Text) => LogFormat::Text,
        None => default.format,
    };
    Logging { level: level.to_owned(), format }
}

/// State outlives a pod only in a volume that does: a claim of the function's own.
fn state(spec: &WorkloadSpec) -> StateConfig {
    let mut mounts = spec.volume_mounts.iter().flatten();
    match mounts.any(|mount| mount.mount_path.trim_end_matches('/') == STATE_DIR) {
        true => StateConfig::Disk { dir: STATE_DIR.into() },
        false => StateConfig::Memory,
    }
}
