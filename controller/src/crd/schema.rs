//! The five CustomResourceDefinitions, as the API server gets them.
//!
//! Derived from the Rust types; then `structure` brings the schema to the original's shape,
//! `bounds` adds defaults and limits, `columns` what `kubectl get` shows, and `rules` the
//! validations. There is no conversion: one version, and no webhook.

mod bounds;
mod columns;
pub(crate) mod place;
mod structure;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceSubresourceScale, CustomResourceSubresourceStatus,
    CustomResourceSubresources,
};

use super::{Kind, rules};

/// All definitions.
pub fn all() -> Vec<CustomResourceDefinition> {
    Kind::ALL.into_iter().map(definition).collect()
}

/// The definition of one kind.
pub fn definition(kind: Kind) -> CustomResourceDefinition {
    let mut definition = kind.derived();
    for version in &mut definition.spec.versions {
        version.subresources = Some(subresources(kind));
        version.additional_printer_columns = Some(columns::of(kind));
        let schema = version.schema.as_mut().and_then(|of| of.open_api_v3_schema.as_mut());
        if let Some(schema) = schema {
            structure::complete(kind, schema);
            bounds::add(kind, schema);
            rules::add(kind, schema);
        }
    }
    definition
}

/// All definitions as one YAML stream, for `kubectl apply --server-side`.
///
/// # Errors
/// A definition that cannot be written, which does not happen with those of this program.
pub fn to_yaml() -> Result<String, serde_saphyr::ser::Error> {
    let documents: Result<Vec<_>, _> = all().iter().map(document).collect();
    Ok(documents?.join("---\n"))
}

/// One definition as a YAML document.
///
/// # Errors
/// As [`to_yaml`].
pub fn document(definition: &CustomResourceDefinition) -> Result<String, serde_saphyr::ser::Error> {
    let text = serde_saphyr::to_string(definition)?;
    Ok(format!("# Printed by `function-mesh-controller crd`; not to be edited.\n{text}"))
}

fn subresources(kind: Kind) -> CustomResourceSubresources {
    let scale = CustomResourceSubresourceScale {
        spec_replicas_path: ".spec.replicas".to_owned(),
        status_replicas_path: ".status.replicas".to_owned(),
        label_selector_path: Some(".status.selector".to_owned()),
    };
    CustomResourceSubresources {
        scale: kind.is_workload().then_some(scale),
        status: Some(CustomResourceSubresourceStatus(serde_json::json!({}))),
    }
}

#[cfg(test)]
pub(crate) mod tests;
