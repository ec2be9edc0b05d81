//! Places in a schema: `spec.input.topics[]` is an item of a list, `spec.pulsarClusters{}` a value
//! of a map, and the empty text the object itself.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// The schema at a place below this one.
pub(crate) fn at<'s>(
    schema: &'s mut JSONSchemaProps,
    place: &str,
) -> Option<&'s mut JSONSchemaProps> {
    let mut here = schema;
    for step in place.split('.').filter(|step| !step.is_empty()) {
        let name = step.trim_end_matches("[]").trim_end_matches("{}");
        here = here.properties.as_mut()?.get_mut(name)?;
        if step.ends_with("[]") {
            here = item(here)?;
        } else if step.ends_with("{}") {
            here = value(here)?;
        }
    }
    Some(here)
}

/// What a list's items are.
pub(crate) fn item(list: &mut JSONSchemaProps) -> Option<&mut JSONSchemaProps> {
    match list.items.as_mut()? {
        JSONSchemaPropsOrArray::Schema(schema) => Some(schema),
        JSONSchemaPropsOrArray::Schemas(_) => None,
    }
}

/// What a map's values are.
pub(crate) fn value(map: &mut JSONSchemaProps) -> Option<&mut JSONSchemaProps> {
    match map.additional_properties.as_mut()? {
        JSONSchemaPropsOrBool::Schema(schema) => Some(schema),
        JSONSchemaPropsOrBool::Bool(_) => None,
    }
}
