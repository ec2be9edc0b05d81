//! What went wrong lately, by origin: for `FunctionStatus`, and for the exception gauges.

use std::{collections::VecDeque, time::SystemTime};

use tokio::time::{Duration, Instant};

use crate::fault::{Fault, Origin};

/// Failures of each origin that `FunctionStatus` tells, as in Pulsar.
const LATEST: usize = 10;

/// Series of one exception gauge. Pulsar's are unbounded.
const MAX_SERIES: usize = 10;

/// Between two new series of one gauge: five a minute, as in Pulsar.
const SERIES_INTERVAL: Duration = Duration::from_secs(12);

/// Bytes of a failure's text in `FunctionStatus`.
const MAX_TEXT: usize = 4096;

/// Bytes of a failure's text in the `error` label.
const MAX_LABEL: usize = 256;

/// A failure as `FunctionStatus` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatestFailure {
    pub text: String,
    pub at: SystemTime,
}

/// The failures of one origin.
#[derive(Debug, Default)]
pub(super) struct Kind {
    latest: VecDeque<LatestFailure>,
    series: VecDeque<String>,
    last_new_series: Option<Instant>,
}

impl Kind {
    fn record(&mut self, text: &str, at: SystemTime) {
        if self.latest.len() == LATEST {
            self.latest.pop_front();
        }
        self.latest.push_back(LatestFailure { text: cut(text, MAX_TEXT).to_owned(), at });

        let label = one_line(cut(text, MAX_LABEL));
        let allowed = self.last_new_series.is_none_or(|last| last.elapsed() >= SERIES_INTERVAL);
        if allowed && !self.series.iter().any(|known| *known == label) {
            if self.series.len() == MAX_SERIES {
                self.series.pop_front();
            }
            self.series.push_back(label);
            self.last_new_series = Some(Instant::now());
        }
    }

    /// Oldest first.
    pub(super) fn latest(&self) -> Vec<LatestFailure> {
        self.latest.iter().cloned().collect()
    }

    /// Values of the gauge's `error` label.
    pub(super) fn series(&self) -> Vec<String> {
        self.series.iter().cloned().collect()
    }
}

/// The failures of a function by origin. Failures of source and sink are system failures too, as
/// in Pulsar's functions.
#[derive(Debug, Default)]
pub(super) struct Failures {
    pub(super) user: Kind,
    pub(super) system: Kind,
    pub(super) source: Kind,
    pub(super) sink: Kind,
}

impl Failures {
    pub(super) fn record(&mut self, fault: &Fault, at: SystemTime) {
        let text = fault.to_string();
        match fault.origin {
            Origin::User => self.user.record(&text, at),
            Origin::System => self.system.record(&text, at),
            Origin::Source => {
                self.source.record(&text, at);
                self.system.record(&text, at);
            }
            Origin::Sink => {
                self.sink.record(&text, at);
                self.system.record(&text, at);
            }
        }
    }
}

/// Without control characters, some of which the text format does not know how to escape.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The first `limit` bytes, less a character that would be cut in two.
fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_new_error_becomes_a_series_every_twelve_seconds() {
        let mut kind = Kind::default();
        for second in 0..60 {
            kind.record(&format!("error {second}"), SystemTime::UNIX_EPOCH);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(kind.series(), ["error 0", "error 12", "error 24", "error 36", "error 48"]);
    }

    #[tokio::test(start_paused = true)]
    async fn series_are_bounded_in_number() {
        let mut kind = Kind::default();
        for i in 0..25 {
            kind.record(&format!("error {i}"), SystemTime::UNIX_EPOCH);
            tokio::time::advance(SERIES_INTERVAL).await;
        }
        assert_eq!(kind.series().len(), MAX_SERIES);
        assert_eq!(kind.series().first().map(String::as_str), Some("error 15"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_known_error_does_not_use_up_the_rate() {
        let mut kind = Kind::default();
        kind.record("known", SystemTime::UNIX_EPOCH);
        tokio::time::advance(SERIES_INTERVAL).await;
        kind.record("known", SystemTime::UNIX_EPOCH);
        kind.record("new", SystemTime::UNIX_EPOCH);
        assert_eq!(kind.series(), ["known", "new"]);
    }

    #[test]
    fn the_latest_ten_failures_are_kept() {
        let mut failures = Failures::default();
        for i in 0..12 {
            failures.record(&Fault::user(format!("error {i}")), SystemTime::UNIX_EPOCH);
        }
        let texts: Vec<_> = failures.user.latest().into_iter().map(|f| f.text).collect();
        assert_eq!(texts.len(), 10);
        assert_eq!((texts[0].as_str(), texts[9].as_str()), ("error 2", "error 11"));
    }

    #[test]
    fn a_failed_publish_is_a_sink_and_a_system_failure() {
        let mut failures = Failures::default();
        failures.record(&Fault::sink("no such topic"), SystemTime::UNIX_EPOCH);
        assert_eq!(failures.sink.latest(), failures.system.latest());
        assert_eq!(failures.user.latest(), []);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "é".repeat(MAX_TEXT);
        let mut kind = Kind::default();
        kind.record(&text, SystemTime::UNIX_EPOCH);
        assert_eq!(kind.latest()[0].text.len(), MAX_TEXT);
        assert_eq!(kind.series()[0].chars().count(), MAX_LABEL / 2);
    }
}
