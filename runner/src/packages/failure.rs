//! Why an attempt failed, and whether the next may succeed.

use std::error::Error;

#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) reason: String,
    /// It may pass by itself: a connection refused, a server that is overloaded.
    pub(crate) passes: bool,
}

impl Failure {
    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), passes: true }
    }

    pub(super) fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), passes: false }
    }
}

/// An error with everything behind it, on one line, each thing said once.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Characters of a server's words that are shown.
const MAX_SHOWN: usize = 300;

/// What a server said, safe for a log line.
pub(super) fn shown(text: &str) -> String {
    text.trim().chars().filter(|character| !character.is_control()).take(MAX_SHOWN).collect()
}
