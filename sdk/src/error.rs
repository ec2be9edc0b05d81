//! The SDK's one error: text, as it crosses the component boundary.

use std::fmt;

/// Why the host refused something, or why a payload cannot be read or written.
///
/// A function may return it as its own error: `fn f(input: &str) -> Result<String, Error>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    message: String,
}

impl Error {
    /// An error that reads `message`: lower case, what failed and why.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// Puts what was being done in front of why it failed.
    pub(crate) fn during(what: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self { message: format!("{what}: {why}") }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
