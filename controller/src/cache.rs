//! ConfigMaps, Secrets and BackendConfigs of others, as far as pods depend on them.
//!
//! A Secret's values are not kept: a digest of each is enough to tell that it changed. Exceptions
//! are the few keys that say how to authenticate, not with what.

use std::collections::BTreeMap;

use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Secret},
};
use kube::{
    ResourceExt,
    runtime::reflector::{ObjectRef, Store},
};

use crate::{crd::BackendConfig, digest::hex, filled::Filled};

pub mod packed;

pub use packed::Packed;

/// Keys of `pulsarConfig`.
pub const BROKER_URL: &str = "brokerServiceURL";
pub const WEB_URL: &str = "webServiceURL";
/// Keys of `authSecret`.
pub const AUTH_PLUGIN: &str = "clientAuthenticationPlugin";
pub const AUTH_PARAMETERS: &str = "clientAuthenticationParameters";
/// Keys of `tlsSecret`.
pub const TLS_INSECURE: &str = "tlsAllowInsecureConnection";
pub const TLS_HOSTNAME: &str = "tlsHostnameVerificationEnable";
pub const TLS_TRUST: &str = "tlsTrustCertsFilePath";

const PLAIN: [&str; 6] = [BROKER_URL, WEB_URL, AUTH_PLUGIN, TLS_INSECURE, TLS_HOSTNAME, TLS_TRUST];

/// What a value is replaced by.
const DIGEST: &str = "digest:";

/// What is known of objects that workloads refer to.
#[derive(Clone)]
pub struct Caches {
    pub config_maps: Store<ConfigMap>,
    pub secrets: Store<Secret>,
    pub backend_configs: Store<BackendConfig>,
    pub filled: Filled,
}

impl Caches {
    /// The entries of a ConfigMap, all but a few as digests; `None` if there is no such object.
    pub fn config_map(&self, namespace: &str, name: &str) -> Option<BTreeMap<String, String>> {
        let found = self.config_maps.get(&ObjectRef::new(name).within(namespace))?;
        Some(found.data.clone().unwrap_or_default())
    }

    /// The entries of a Secret, all but a few as digests; `None` if there is no such object.
    pub fn secret(&self, namespace: &str, name: &str) -> Option<BTreeMap<String, String>> {
        let found = self.secrets.get(&ObjectRef::new(name).within(namespace))?;
        let entries = found.data.iter().flatten();
        let text = |value: &ByteString| String::from_utf8_lossy(&value.0).into_owned();
        Some(entries.map(|(key, value)| (key.clone(), text(value))).collect())
    }
}

/// Leaves what has to be known of a ConfigMap.
pub fn prune_config_map(object: &mut ConfigMap) {
    prune_metadata(object);
    let mut data = object.data.take().unwrap_or_default();
    for (key, value) in &mut data {
        if !PLAIN.contains(&key.as_str()) {
            *value = digest(value.as_bytes());
        }
    }
    for (key, value) in object.binary_data.take().into_iter().flatten() {
        data.insert(key, digest(&value.0));
    }
    object.data = Some(data);
}

/// Leaves what has to be known of a Secret.
pub fn prune_secret(object: &mut Secret) {
    prune_metadata(object);
    for (key, value) in object.data.iter_mut().flatten() {
        if !PLAIN.contains(&key.as_str()) {
            value.0 = digest(&value.0).into_bytes();
        }
    }
}

/// Field ownership is the API server's business, and most of an object's size.
pub fn prune_metadata<K: ResourceExt>(object: &mut K) {
    object.managed_fields_mut().clear();
    object.annotations_mut().remove("kubectl.kubernetes.io/last-applied-configuration");
}

fn digest(value: &[u8]) -> String {
    format!("{DIGEST}{}", hex(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secrets_values_are_not_kept() {
        let data = [("password", "canary"), (AUTH_PLUGIN, "AuthenticationToken")];
        let data = data.map(|(k, v)| (k.to_owned(), ByteString(v.as_bytes().to_vec())));
        let mut secret = Secret { data: Some(data.into()), ..Secret::default() };
        prune_secret(&mut secret);
        let kept = serde_json::to_string(&secret).unwrap();
        let debug = format!("{secret:?}");
        assert!(!kept.contains("canary") && !debug.contains("canary"), "{kept}");
        let data = secret.data.unwrap();
        assert_eq!(data[AUTH_PLUGIN].0, b"AuthenticationToken");
        assert!(data["password"].0.starts_with(DIGEST.as_bytes()));
    }

    #[test]
    fn a_changed_value_shows() {
        let of = |value: &str| {
            let data = BTreeMap::from([("log4j.xml".to_owned(), value.to_owned())]);
            let mut map = ConfigMap { data: Some(data), ..ConfigMap::default() };
            prune_config_map(&mut map);
            map.data
        };
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
    }
}
