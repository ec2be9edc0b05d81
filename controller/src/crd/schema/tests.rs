use std::path::Path;

use super::*;

mod described;
mod fields;
pub(crate) mod original;

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Compares a generated file with the committed one, or writes it if asked to.
#[track_caller]
pub(crate) fn is_current(place: &str, text: &str) {
    let path = root().join(place);
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if committed == text {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_EXPECT").is_some(),
        "{place} is not current. Renew it with:\n  \
         UPDATE_EXPECT=1 cargo test -p function-mesh-controller --lib crd::"
    );
    std::fs::write(path, text).unwrap();
}

#[test]
fn the_committed_definitions_are_current() {
    for definition in all() {
        let plural = &definition.spec.names.plural;
        let text = document(&definition).unwrap();
        is_current(&format!("deploy/crd/compute.functionmesh.io_{plural}.yaml"), &text);
    }
}

#[test]
fn all_definitions_are_one_yaml_stream() {
    let text = to_yaml().unwrap();
    let starts: Vec<_> = text.split("---\n").map(|document| document.lines().nth(1)).collect();
    assert_eq!(starts, [Some("apiVersion: apiextensions.k8s.io/v1"); 5]);
}

/// etcd takes 1.5 MiB in one request, of which managedFields need a part. `kubectl apply` without
/// `--server-side` keeps a copy in an annotation, which takes 256 KiB: too little for FunctionMesh
/// alone, which has Kubernetes's own types three times.
#[test]
fn a_definition_is_small_enough_to_be_applied() {
    for kind in Kind::ALL {
        let size = serde_json::to_vec(&definition(kind)).unwrap().len();
        let most = if kind == Kind::FunctionMesh { 600 * 1024 } else { 256 * 1024 };
        assert!(size < most, "{} has {size} bytes", kind.name());
    }
}
