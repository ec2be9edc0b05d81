//! Waiting for what a real peer does in its own time.

use std::{
    fmt::Display,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

const PAUSE: Duration = Duration::from_millis(50);

/// Asks `probe` until it gives a value.
///
/// # Errors
/// It gave none before `limit`; the error says what was awaited and what the last failure was.
pub fn eventually<T>(
    limit: Duration,
    what: impl Display,
    mut probe: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        let last = match probe() {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => "not yet".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        if Instant::now() >= deadline {
            bail!("{what} did not come about within {limit:?}: {last}");
        }
        thread::sleep(PAUSE);
    }
}

/// As [`eventually`], for a condition.
///
/// # Errors
/// As [`eventually`].
pub fn eventually_true(
    limit: Duration,
    what: impl Display,
    mut holds: impl FnMut() -> Result<bool>,
) -> Result<()> {
    eventually(limit, what, || Ok(holds()?.then_some(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_what_was_awaited_and_the_last_failure() {
        let error = eventually_true(Duration::ZERO, "the topic", || bail!("no broker"));
        let message = error.unwrap_err().to_string();
        assert_eq!(message, "the topic did not come about within 0ns: no broker");
    }

    #[test]
    fn a_value_that_comes_later_is_given() {
        let mut asked = 0;
        let value = eventually(Duration::from_secs(5), "the third answer", || {
            asked += 1;
            Ok((asked == 3).then_some("here"))
        });
        assert_eq!(value.unwrap(), "here");
    }
}
