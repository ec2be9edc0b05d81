//! Values of the secrets a function was granted.
//!
//! A value is read each time the function asks for it, so that a rotated secret is seen without a
//! restart, and is kept nowhere. Names that were not granted are never looked up.

use std::{collections::BTreeMap, ffi::OsString, sync::Arc};

use function_mesh_proto::instance::SecretsConfig;
use serde_json::Value;

use crate::fault::Fault;

pub mod clear_text;
pub mod environment;
pub mod files;

pub use self::{clear_text::ClearTextSecrets, environment::EnvironmentSecrets, files::FileSecrets};

/// Finds a secret's value when the function asks for it, never before.
pub trait SecretsProvider: Send + Sync {
    /// `None` if the function was not granted a secret of this name.
    ///
    /// # Errors
    /// It was granted, but its value cannot be read.
    fn secret(&self, name: &str) -> Result<Option<String>, Fault>;
}

/// The provider that a configuration asks for.
///
/// `granted` is the function's `secretsMap`; `environment` reads an environment variable.
pub fn provider(
    config: &SecretsConfig,
    granted: &BTreeMap<String, Value>,
    environment: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static,
) -> Arc<dyn SecretsProvider> {
    let names = granted.keys().cloned();
    match config {
        SecretsConfig::Environment => Arc::new(EnvironmentSecrets::new(names, environment)),
        SecretsConfig::Files { dir } => Arc::new(FileSecrets::new(names, dir.clone())),
        SecretsConfig::ClearText => Arc::new(ClearTextSecrets::new(granted.clone())),
    }
}
