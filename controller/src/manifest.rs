//! One manifest that installs the operator, for `kubectl apply --server-side`.
//!
//! The Helm chart installs the same; here are the plain defaults, and what of them has to be
//! chosen: the namespace, the images, and whether one namespace is watched or all.

use serde_json::{Value, json};

use crate::{
    config::DEFAULT_RUNNER_IMAGE,
    crd::{GROUP, schema},
};

pub mod access;
mod workload;

/// Of everything that is installed; the Go operator's.
pub const NAME: &str = "function-mesh-controller-manager";

/// The controller's image of this version.
pub const DEFAULT_IMAGE: &str =
    concat!("function-mesh/function-mesh-controller:", env!("CARGO_PKG_VERSION"));

/// What is installed where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    pub namespace: String,
    pub image: String,
    pub runner_image: String,
    /// The only namespace that is watched; all if `None`. One is watched with a Role in it, and
    /// without a ClusterRole, so that figures have to be served without asking who reads them.
    pub watched: Option<String>,
}

impl Default for Installation {
    fn default() -> Self {
        Self {
            namespace: "function-mesh-system".to_owned(),
            image: DEFAULT_IMAGE.to_owned(),
            runner_image: DEFAULT_RUNNER_IMAGE.to_owned(),
            watched: None,
        }
    }
}

/// The manifest as one YAML stream.
///
/// # Errors
/// A document cannot be written, which does not happen with those of this program.
pub fn to_yaml(installation: &Installation) -> Result<String, serde_saphyr::ser::Error> {
    let namespace = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": installation.namespace,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    });
    let mut documents = vec![serde_saphyr::to_string(&namespace)?];
    for definition in schema::all() {
        documents.push(schema::document(&definition)?);
    }
    let rest = access::documents(installation).into_iter().chain(workload::documents(installation));
    for document in rest {
        documents.push(serde_saphyr::to_string(&document)?);
    }
    let command = "# Printed by `function-mesh-controller manifest`; not to be edited.\n\
                   # kubectl apply --server-side -f install.yaml\n";
    Ok(format!("{command}{}", documents.join("---\n")))
}

fn labels() -> Value {
    json!({
        "app.kubernetes.io/name": "function-mesh-operator",
        "app.kubernetes.io/component": "controller-manager",
        "app.kubernetes.io/version": env!("CARGO_PKG_VERSION"),
    })
}

/// What selects the pods; it must never change.
fn selector() -> Value {
    json!({
        "app.kubernetes.io/name": "function-mesh-operator",
        "app.kubernetes.io/component": "controller-manager",
    })
}

fn metadata(name: &str, namespace: Option<&str>) -> Value {
    let mut metadata = json!({"name": name, "labels": labels()});
    if let (Some(namespace), Some(fields)) = (namespace, metadata.as_object_mut()) {
        fields.insert("namespace".to_owned(), namespace.into());
    }
    metadata
}

#[cfg(test)]
mod tests;
