//! `kubectl explain` has something to say on every field.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

use super::*;

/// Every field below a schema, with its path.
pub(crate) fn fields<'s>(
    schema: &'s JSONSchemaProps,
    path: &str,
    found: &mut Vec<(String, &'s JSONSchemaProps)>,
) {
    for (name, field) in schema.properties.iter().flatten() {
        let path = format!("{path}.{name}");
        found.push((path.clone(), field));
        fields(field, &path, found);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items {
        found.push((format!("{path}[]"), item));
        fields(item, &format!("{path}[]"), found);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &schema.additional_properties {
        found.push((format!("{path}{{}}"), value));
        fields(value, &format!("{path}{{}}"), found);
    }
}

pub(crate) fn schema_of(definition: &CustomResourceDefinition) -> &JSONSchemaProps {
    definition.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap()
}

#[test]
fn every_field_is_described() {
    let mut silent = Vec::new();
    for definition in all() {
        let mut found = Vec::new();
        fields(schema_of(&definition), "", &mut found);
        assert!(found.len() > 500, "{}", found.len());
        for (path, field) in found {
            // Items of a list are described with the list, the API server describes metadata.
            if path.ends_with("[]") || path.ends_with("{}") || path.starts_with(".metadata") {
                continue;
            }
            if field.description.as_deref().unwrap_or_default().len() < 4 {
                silent.push(format!("{} {path}", definition.spec.names.kind));
            }
        }
    }
    assert!(silent.is_empty(), "no description:\n{}", silent.join("\n"));
}

#[test]
fn descriptions_are_on_one_line_and_not_long() {
    for definition in all() {
        let mut found = Vec::new();
        fields(schema_of(&definition), "", &mut found);
        for (path, field) in found {
            let text = field.description.as_deref().unwrap_or_default();
            assert!(!text.contains('\n') && text.len() < 260, "{path}: {text}");
        }
    }
}
