//! Secrets whose values stand in the function's own configuration.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use super::SecretsProvider;
use crate::fault::Fault;

/// As Pulsar's `ClearTextSecretsProvider`: the value is what `secretsMap` says. For tests; whoever
/// may read the configuration may read the secret.
pub struct ClearTextSecrets {
    values: BTreeMap<String, Value>,
}

impl ClearTextSecrets {
    pub fn new(values: BTreeMap<String, Value>) -> Self {
        Self { values }
    }
}

impl SecretsProvider for ClearTextSecrets {
    fn secret(&self, name: &str) -> Result<Option<String>, Fault> {
        Ok(self.values.get(name).map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }))
    }
}

impl fmt::Debug for ClearTextSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClearTextSecrets").field("names", &self.values.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_given_as_text() {
        let secrets = ClearTextSecrets::new(BTreeMap::from([
            ("password".to_owned(), json!("hunter2")),
            ("port".to_owned(), json!(5432)),
        ]));
        assert_eq!(secrets.secret("password").unwrap().as_deref(), Some("hunter2"));
        assert_eq!(secrets.secret("port").unwrap().as_deref(), Some("5432"));
        assert_eq!(secrets.secret("other").unwrap(), None);
    }

    #[test]
    fn debug_output_shows_no_value() {
        let values = BTreeMap::from([("password".to_owned(), json!("hunter2"))]);
        let shown = format!("{:?}", ClearTextSecrets::new(values));
        assert!(shown.contains("password") && !shown.contains("hunter2"), "{shown}");
    }
}
