//! Which schema an input or output registers.
//!
//! The runner moves bytes; it registers a schema so that others know what the bytes are and the
//! broker refuses what does not fit. Encoding and decoding is the function's.

use function_mesh_proto::plan::SchemaPlan;
use pulsar::proto::{Schema, schema::Type};

/// What to register; `None` leaves the topic's schema alone, as Pulsar's clients do for bytes.
pub(crate) fn registered(plan: &SchemaPlan) -> Option<Schema> {
    let (name, kind, definition) = match plan {
        SchemaPlan::Bytes => return None,
        SchemaPlan::String => ("String", Type::String, ""),
        // Without a definition nothing can be registered that a broker would accept as JSON.
        SchemaPlan::Json(None) => return None,
        SchemaPlan::Json(Some(definition)) => ("JSON", Type::Json, definition.as_str()),
        SchemaPlan::Avro(definition) => ("Avro", Type::Avro, definition.as_str()),
    };
    Some(Schema {
        name: name.to_owned(),
        schema_data: definition.as_bytes().to_vec(),
        r#type: kind as i32,
        properties: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_register_nothing() {
        assert_eq!(registered(&SchemaPlan::Bytes), None);
        assert_eq!(registered(&SchemaPlan::Json(None)), None);
    }

    #[test]
    fn an_avro_definition_is_registered_as_given() {
        let definition = r#"{"type":"record","name":"Order","fields":[]}"#;
        let schema = registered(&SchemaPlan::Avro(definition.to_owned())).unwrap();
        assert_eq!(schema.r#type(), Type::Avro);
        assert_eq!(schema.schema_data, definition.as_bytes());
    }
}
