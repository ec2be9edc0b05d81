//! Why a guest ended, in words that name what to change.

use std::fmt;

use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

use super::{
    host::Host,
    limits::{Deadline, LimitHit},
};

/// Longest text of a panic or a guest's last words in an error.
const WORDS: usize = 1_000;

/// The end of a guest: its call failed, and it cannot be called again.
#[derive(Debug)]
pub(super) struct Ended {
    why: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl Ended {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }

    /// Explains what a guest call ended with.
    pub(super) fn explain(error: &wasmtime::Error, host: &Host, deadline: Deadline) -> Self {
        let words = last_words(&host.lines.errors());
        let why = match host.limiter.refused() {
            Some(refused) => refused,
            None => cause(error, host, deadline),
        };
        Self { why: if words.is_empty() { why } else { format!("{why}: {words}") } }
    }
}

fn cause(error: &wasmtime::Error, host: &Host, deadline: Deadline) -> String {
    if let Some(hit) = error.downcast_ref::<LimitHit>() {
        return match hit {
            LimitHit::Deadline => deadline.to_string(),
            LimitHit::HostCallBytes { .. } => hit.to_string(),
        };
    }
    if let Some(I32Exit(status)) = error.downcast_ref::<I32Exit>() {
        return format!("ended itself with exit status {status}");
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => deadline.to_string(),
        Some(Trap::StackOverflow) => format!(
            "needed more than {} bytes of stack (limits.stackBytes)",
            host.context().limits.stack_bytes
        ),
        Some(Trap::UnreachableCodeReached) => "trapped (unreachable)".to_owned(),
        Some(trap) => format!("trapped ({})", trap.to_string().trim_start_matches("wasm trap: ")),
        // The innermost cause: what is around it names wasm frames.
        None => error.root_cause().to_string(),
    }
}

/// What a guest said before it ended, on one line: a Rust panic's place and message, or the last
/// line of standard error.
fn last_words(errors: &[String]) -> String {
    let panic = errors.iter().rposition(|line| line.contains("panicked at "));
    let words = match panic {
        Some(start) => {
            let place = errors.get(start).map(String::as_str).unwrap_or_default();
            let place = place.find("panicked at ").and_then(|at| place.get(at..)).unwrap_or(place);
            let message: Vec<&str> = errors
                .iter()
                .skip(start + 1)
                .map(|line| line.trim())
                .take_while(|line| !line.starts_with("note: "))
                .filter(|line| !line.is_empty())
                .collect();
            [&[place], message.as_slice()].concat().join(" ")
        }
        None => errors
            .iter()
            .rfind(|line| !line.trim().is_empty() && !line.starts_with("note: "))
            .cloned()
            .unwrap_or_default(),
    };
    match words.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default()),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(printed: &[&str], expected: &str) {
        let printed: Vec<String> = printed.iter().map(|line| (*line).to_owned()).collect();
        assert_eq!(last_words(&printed), expected);
    }

    #[test]
    fn a_panic_is_its_place_and_message() {
        check(
            &[
                "reading",
                "",
                "thread '<unnamed>' panicked at src/lib.rs:12:5:",
                "called `Option::unwrap()`",
                "on a `None` value",
                "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
            ],
            "panicked at src/lib.rs:12:5: called `Option::unwrap()` on a `None` value",
        );
    }

    #[test]
    fn only_the_last_panic_counts() {
        check(
            &["panicked at a.rs:1:1:", "one", "panicked at b.rs:2:2:", "two"],
            "panicked at b.rs:2:2: two",
        );
    }

    #[test]
    fn without_a_panic_the_last_line_that_says_something_is_taken() {
        check(&["working", "out of ideas", "note: see above", " "], "out of ideas");
        check(&[], "");
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        let long = "é".repeat(WORDS + 1);
        check(&[&long], &format!("{}…", "é".repeat(WORDS)));
    }
}
