//! Values of the secrets a function was granted.

use crate::fault::Fault;

/// Finds a secret's value when the function asks for it, never before.
pub trait SecretsProvider: Send + Sync {
    /// `None` if the function was not granted a secret of this name.
    ///
    /// # Errors
    /// It was granted, but its value cannot be read.
    fn secret(&self, name: &str) -> Result<Option<String>, Fault>;
}
