//! Secrets in environment variables.

use std::{collections::BTreeSet, ffi::OsString};

use super::SecretsProvider;
use crate::fault::Fault;

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

/// As Pulsar's `EnvironmentBasedSecretsProvider`: a secret is the variable of its name.
pub struct EnvironmentSecrets {
    granted: BTreeSet<String>,
    environment: Box<Lookup>,
}

impl EnvironmentSecrets {
    /// `environment` reads a variable.
    pub fn new(
        granted: impl IntoIterator<Item = String>,
        environment: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static,
    ) -> Self {
        Self { granted: granted.into_iter().collect(), environment: Box::new(environment) }
    }
}

impl SecretsProvider for EnvironmentSecrets {
    fn secret(&self, name: &str) -> Result<Option<String>, Fault> {
        if !self.granted.contains(name) {
            return Ok(None);
        }
        let unread =
            |why: &str| Fault::system(format!("secret {name}: its environment variable {why}"));
        let value = (self.environment)(name).ok_or_else(|| unread("is not set"))?;
        value.into_string().map(Some).map_err(|_| unread("is not valid UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn secrets() -> EnvironmentSecrets {
        let granted = ["password", "unset", "binary"].map(str::to_owned);
        EnvironmentSecrets::new(granted, |name| match name {
            "password" | "PATH" => Some(OsString::from("hunter2")),
            "binary" => Some(OsString::from_vec(vec![0xff])),
            _ => None,
        })
    }

    #[test]
    fn a_granted_secret_is_the_variable_of_its_name() {
        assert_eq!(secrets().secret("password").unwrap().as_deref(), Some("hunter2"));
    }

    #[test]
    fn variables_that_were_not_granted_do_not_exist() {
        assert_eq!(secrets().secret("PATH").unwrap(), None);
    }

    #[test]
    fn a_granted_secret_that_cannot_be_read_is_an_error() {
        let unset = secrets().secret("unset").unwrap_err();
        assert_eq!(unset.to_string(), "secret unset: its environment variable is not set");
        let binary = secrets().secret("binary").unwrap_err();
        assert_eq!(
            binary.to_string(),
            "secret binary: its environment variable is not valid UTF-8"
        );
    }
}
