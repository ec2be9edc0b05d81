//! The state of what a workload uses: when it changes, exactly the pods that use it roll.

use std::collections::BTreeMap;

use super::{References, uses};
use crate::{cache::Caches, digest::digest, workload::Workload};

/// Of a whole ConfigMap or Secret.
pub(super) fn of(entries: &BTreeMap<String, String>) -> String {
    // A map of texts can always be written.
    digest(entries).unwrap_or_default()
}

pub(super) fn record<W: Workload>(
    workload: &W,
    namespace: &str,
    caches: &Caches,
    references: &mut References,
) {
    for used in uses::of(workload) {
        let (kind, entries) = match used.kind {
            uses::Kind::ConfigMap => ("configmap", caches.config_map(namespace, &used.name)),
            uses::Kind::Secret => ("secret", caches.secret(namespace, &used.name)),
        };
        let place = match &used.key {
            Some(key) => format!("{kind}/{}/{key}", used.name),
            None => format!("{kind}/{}", used.name),
        };
        let state = match (&entries, &used.key) {
            (Some(entries), Some(key)) => entries.get(key).cloned(),
            (Some(entries), None) => Some(of(entries)),
            (None, _) => None,
        };
        match state {
            Some(state) => {
                references.digests.insert(place, state);
            }
            // It rolls nothing: pods that wait for it start when it is there.
            None => references.missing.push(place),
        }
    }
}
