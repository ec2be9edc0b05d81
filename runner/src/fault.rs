//! Why something failed: whose fault it is, and whether trying again can help.

use std::{error::Error, fmt};

/// The four places a failure comes from; `FunctionStatus` counts each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The function's own code: an error it returned, a trap, a limit it hit.
    User,
    /// The runner.
    System,
    /// Reading the input topics.
    Source,
    /// Publishing.
    Sink,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same input fails again: dead-letter it at once where that is configured.
    Never,
    WithBackoff,
}

/// A failure, with its cause for the log.
#[derive(Debug)]
pub struct Fault {
    pub origin: Origin,
    pub retry: Retry,
    cause: Box<dyn Error + Send + Sync>,
}

impl Fault {
    pub fn new(origin: Origin, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { origin, retry: Retry::WithBackoff, cause: cause.into() }
    }

    pub fn user(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Origin::User, cause)
    }

    pub fn system(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Origin::System, cause)
    }

    pub fn source(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Origin::Source, cause)
    }

    pub fn sink(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Origin::Sink, cause)
    }

    /// Marks a failure that the same input will meet again.
    pub fn permanent(mut self) -> Self {
        self.retry = Retry::Never;
        self
    }
}

/// The cause with everything behind it, on one line.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)?;
        let mut source = self.cause.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}
