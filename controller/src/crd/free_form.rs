//! Objects whose fields are the user's business: configuration of logic and connectors.

use schemars::{Schema, SchemaGenerator, json_schema};

/// Any object.
pub(crate) fn object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}
