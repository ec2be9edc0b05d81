//! Which schema a topic's messages have, and what of Java's world no component can have.

use std::collections::BTreeMap;

use super::{SchemaPlan, refusals::Refusals};
use crate::function::CryptoSpec;

/// The key of `schemaProperties` that holds the Avro-syntax record definition, which Pulsar makes
/// from a Java class. It is `schema`, as in the JSON of Pulsar's schema registry.
pub const DEFINITION: &str = "schema";

pub(super) const NO_SERDE: &str =
    "nothing: a SerDe is a Java or Python class; a component takes and returns bytes";

/// The two fields that say it, each with its path.
pub(super) struct SchemaFields<'a> {
    pub(super) kind: (&'a str, &'a str),
    pub(super) properties: (&'a str, &'a BTreeMap<String, String>),
}

pub(super) fn plan(fields: &SchemaFields<'_>, refusals: &mut Refusals) -> SchemaPlan {
    let (field, text) = fields.kind;
    let definition = definition(fields, refusals);
    // As Pulsar reads it, without regard to case.
    let schema = match (text.to_ascii_uppercase().as_str(), &definition) {
        ("" | "NONE" | "BYTES", _) => SchemaPlan::Bytes,
        ("STRING", _) => SchemaPlan::String,
        ("JSON", definition) => return SchemaPlan::Json(definition.clone()),
        ("AVRO", Some(definition)) => return SchemaPlan::Avro(definition.clone()),
        ("AVRO", None) => {
            if !fields.properties.1.contains_key(DEFINITION) {
                let field = format!("{}[\"{DEFINITION}\"]", fields.properties.0);
                let accepted = "the record definition of AVRO as JSON text: there is no class to \
                                take it from";
                refusals.add(field, "", accepted);
            }
            SchemaPlan::Bytes
        }
        _ => {
            let accepted = "NONE, BYTES, STRING, JSON or AVRO: others need Java's schema classes";
            refusals.add(field, text, accepted);
            SchemaPlan::Bytes
        }
    };
    if definition.is_some() {
        let field = format!("{}[\"{DEFINITION}\"]", fields.properties.0);
        let accepted = "nothing unless schemaType is JSON or AVRO";
        refusals.add(field, "..", accepted);
    }
    schema
}

fn definition(fields: &SchemaFields<'_>, refusals: &mut Refusals) -> Option<String> {
    let (field, properties) = fields.properties;
    for (key, value) in properties.iter().filter(|(key, _)| key.as_str() != DEFINITION) {
        let accepted = format!(
            "the key {DEFINITION} only, with the record definition; others tell Java how to make \
             one from a class"
        );
        refusals.add(format!("{field}[\"{key}\"]"), value, accepted);
    }
    let text = properties.get(DEFINITION)?;
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(record))
            if record.get("type").is_some_and(|t| t == "record") =>
        {
            Some(text.clone())
        }
        _ => {
            let accepted = r#"an Avro record definition as JSON text: {"type": "record", ...}"#;
            refusals.add(format!("{field}[\"{DEFINITION}\"]"), text, accepted);
            None
        }
    }
}

/// Java's name of a type is honoured where it is what a component has anyway.
pub(super) fn only_bytes(field: &str, class: &str, refusals: &mut Refusals) {
    if !matches!(class, "" | "[B" | "byte[]") {
        refusals.add(field, class, "nothing: a component takes and returns bytes");
    }
}

pub(super) fn no_encryption(field: &str, spec: Option<&CryptoSpec>, refusals: &mut Refusals) {
    if spec.is_some_and(|spec| *spec != CryptoSpec::default()) {
        refusals.add(field, "{..}", "nothing: end-to-end encryption is not implemented as yet");
    }
}
