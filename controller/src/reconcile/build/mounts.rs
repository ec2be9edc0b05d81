//! Files in the pod: one volume with the configuration and every credential, by reference.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, KeyToPath, ProjectedVolumeSource, SecretProjection, SecretVolumeSource,
    Volume, VolumeMount, VolumeProjection,
};

use super::{config_map, labels, pod};
use crate::{
    crd::io::CryptoSecret,
    reconcile::dereference::{References, SecretFile},
    workload::Workload,
};

/// Group may read; the pod's fsGroup is that group.
const MODE: i32 = 0o440;

/// Everything the runner reads, under one directory.
pub(super) fn configuration<W: Workload>(workload: &W, references: &References) -> Volume {
    let files = [config_map::FUNCTION_FILE, config_map::INSTANCE_FILE];
    let own = VolumeProjection {
        config_map: Some(ConfigMapProjection {
            name: workload.object_name(),
            items: Some(files.map(|file| item(file, file)).into()),
            optional: None,
        }),
        ..VolumeProjection::default()
    };
    let mut sources = vec![own];
    sources.extend(references.files.iter().map(secret));
    for (name, entry) in workload.spec().secrets_map.iter().flatten() {
        if let (Some(path), Some(key)) = (&entry.path, &entry.key) {
            let path_in_pod = format!("secrets/{name}");
            let file = SecretFile { secret: path.clone(), key: key.clone(), path: path_in_pod };
            sources.push(secret(&file));
        }
    }
    if let Some(name) = pod::registry_secret(workload.spec(), &references.pod) {
        sources.push(secret(&SecretFile {
            secret: name,
            key: ".dockerconfigjson".to_owned(),
            path: "registry/config.json".to_owned(),
        }));
    }
    Volume {
        name: "function-mesh-config".to_owned(),
        projected: Some(ProjectedVolumeSource { default_mode: Some(MODE), sources: Some(sources) }),
        ..Volume::default()
    }
}

fn secret(file: &SecretFile) -> VolumeProjection {
    VolumeProjection {
        secret: Some(SecretProjection {
            name: file.secret.clone(),
            items: Some(vec![item(&file.key, &file.path)]),
            optional: None,
        }),
        ..VolumeProjection::default()
    }
}

fn item(key: &str, path: &str) -> KeyToPath {
    KeyToPath { key: key.to_owned(), path: path.to_owned(), mode: None }
}

/// Secrets with keys for end-to-end encryption, each where the spec wants it.
pub(super) fn crypto<W: Workload>(workload: &W) -> Vec<Volume> {
    let mut volumes = BTreeMap::new();
    for secret in crypto_secrets(workload) {
        let name = volume_name(secret);
        let volume = Volume {
            name: name.clone(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(secret.secret_name.clone()),
                items: Some(vec![item(&secret.secret_key, &secret.secret_key)]),
                default_mode: Some(MODE),
                optional: None,
            }),
            ..Volume::default()
        };
        volumes.insert(name, volume);
    }
    volumes.into_values().collect()
}

pub(super) fn crypto_mounts<W: Workload>(workload: &W) -> Vec<VolumeMount> {
    let mut mounts = BTreeMap::new();
    for secret in crypto_secrets(workload) {
        if let Some(path) = &secret.as_volume {
            let mount = VolumeMount {
                name: volume_name(secret),
                mount_path: path.clone(),
                read_only: Some(true),
                ..VolumeMount::default()
            };
            mounts.insert(path.clone(), mount);
        }
    }
    mounts.into_values().collect()
}

fn volume_name(secret: &CryptoSecret) -> String {
    labels::volume_name(&format!("{}-{}", secret.secret_name, secret.secret_key))
}

/// Those that are to be mounted, of inputs and output.
pub(crate) fn crypto_secrets<W: Workload>(workload: &W) -> Vec<&CryptoSecret> {
    let inputs = workload.input().and_then(|input| input.source_specs.as_ref());
    let inputs = inputs.into_iter().flat_map(|specs| specs.values());
    let inputs = inputs.filter_map(|consumer| consumer.crypto_config.as_ref());
    let output = workload.output().and_then(|output| output.producer_conf.as_ref());
    let output = output.and_then(|producer| producer.crypto_config.as_ref());
    let secrets = inputs.chain(output).filter_map(|crypto| crypto.crypto_secrets.as_ref());
    secrets.flatten().filter(|secret| secret.as_volume.is_some()).collect()
}
