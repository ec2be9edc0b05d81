//! The lines a function logs: harmless, short and not too many, whatever the function does.

use std::{
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{sync::mpsc, time::Instant};
use tracing::{Level, Span};

use crate::metrics::InstanceMetrics;

/// Bytes of one line; what is beyond is cut off.
const MAX_LINE: usize = 16 << 10;

/// Bytes per second a function may log for long, and at once after a pause.
const RATE: f64 = (1 << 20) as f64;
const BURST: f64 = (4 << 20) as f64;

/// What a line costs besides its text: timestamp, level and names around it.
const LINE_OVERHEAD: usize = 256;

/// One line a function logged.
#[derive(Clone, Debug)]
pub struct GuestLine {
    pub level: Level,
    /// At most 16 KiB, otherwise as the function wrote it.
    pub message: String,
}

/// Where a function's log lines go: to the runner's own log, and to the log topic if there is one.
///
/// In the runner's log their target is `function`, and control characters are escaped, so that a
/// line can neither forge others nor command a terminal. The topic's queue is bounded. Lines that
/// are too many for either are dropped and counted rather than holding the function up.
#[derive(Clone, Debug)]
pub struct GuestLog {
    topic: Option<mpsc::Sender<GuestLine>>,
    span: Span,
    metrics: Option<Arc<InstanceMetrics>>,
    allowance: Arc<Mutex<Allowance>>,
}

#[derive(Debug)]
struct Allowance {
    bytes: f64,
    filled: Instant,
    dropped: u64,
}

impl GuestLog {
    pub fn new(topic: Option<mpsc::Sender<GuestLine>>) -> Self {
        let allowance = Allowance { bytes: BURST, filled: Instant::now(), dropped: 0 };
        Self {
            topic,
            span: Span::none(),
            metrics: None,
            allowance: Arc::new(Mutex::new(allowance)),
        }
    }

    /// Names the instance (by its [`instance_span`](super::instance_span)) in every line, and
    /// counts dropped lines among its figures.
    pub fn for_instance(self, span: Span, metrics: Arc<InstanceMetrics>) -> Self {
        Self { span, metrics: Some(metrics), ..self }
    }

    pub fn line(&self, level: Level, mut message: String) {
        let length = message.len();
        if length > MAX_LINE {
            message.truncate(message.floor_char_boundary(MAX_LINE));
            let cut = length - message.len();
            message.push_str(&format!("… ({cut} bytes cut off)"));
        }
        match self.allow(message.len()) {
            Ok(dropped_before) => {
                if dropped_before > 0 {
                    let dropped = format!("{dropped_before} lines were dropped: too many at once");
                    emit(&self.span, Level::WARN, &dropped);
                }
                emit(&self.span, level, &harmless(&message));
            }
            Err(TooMany) => self.count_dropped(),
        }
        if let Some(topic) = &self.topic
            && let Err(mpsc::error::TrySendError::Full(_)) =
                topic.try_send(GuestLine { level, message })
        {
            self.count_dropped();
        }
    }

    /// How many lines were dropped since the last that was allowed.
    fn allow(&self, bytes: usize) -> Result<u64, TooMany> {
        let cost = (bytes + LINE_OVERHEAD) as f64;
        let mut allowance = self.allowance.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let since = now.saturating_duration_since(allowance.filled).as_secs_f64();
        allowance.filled = now;
        allowance.bytes = (allowance.bytes + since * RATE).min(BURST);
        if allowance.bytes < cost {
            allowance.dropped += 1;
            return Err(TooMany);
        }
        allowance.bytes -= cost;
        Ok(std::mem::take(&mut allowance.dropped))
    }

    fn count_dropped(&self) {
        if let Some(metrics) = &self.metrics {
            metrics.log_lines_dropped(1);
        }
    }
}

#[derive(Debug)]
struct TooMany;

fn emit(span: &Span, level: Level, message: &str) {
    // The level of an event must be known when it is compiled.
    match level {
        Level::ERROR => tracing::error!(target: "function", parent: span, "{message}"),
        Level::WARN => tracing::warn!(target: "function", parent: span, "{message}"),
        Level::INFO => tracing::info!(target: "function", parent: span, "{message}"),
        Level::DEBUG => tracing::debug!(target: "function", parent: span, "{message}"),
        Level::TRACE => tracing::trace!(target: "function", parent: span, "{message}"),
    }
}

/// Escapes what a terminal or a reader of lines would obey: control characters (line breaks
/// among them) and those that turn the direction of text.
fn harmless(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    for character in message.chars() {
        match character {
            '\t' => text.push('\t'),
            '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                // Writing to a string cannot fail.
                _ = write!(text, "{}", character.escape_unicode());
            }
            character if character.is_control() => {
                _ = write!(text, "{}", character.escape_default());
            }
            character => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_can_neither_forge_lines_nor_command_a_terminal() {
        assert_eq!(harmless("a\nb\r\x1b[2J\x07\u{9b}31m"), r"a\nb\r\u{1b}[2J\u{7}\u{9b}31m");
        assert_eq!(harmless("user\u{202E}gpj.exe"), r"user\u{202e}gpj.exe");
        assert_eq!(harmless("tab\tand größe 漢"), "tab\tand größe 漢");
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_cut_to_its_rate_and_counted() {
        let metrics = Arc::new(InstanceMetrics::default());
        let log = GuestLog::new(None).for_instance(Span::none(), metrics.clone());
        let line = "x".repeat(1024 - LINE_OVERHEAD);
        for _ in 0..5_000 {
            log.line(Level::INFO, line.clone());
        }
        // 4 MiB at once are 4096 lines of a KiB.
        assert_eq!(metrics.figures().log_lines_dropped(), 5_000 - 4_096);
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..2_000 {
            log.line(Level::INFO, line.clone());
        }
        assert_eq!(metrics.figures().log_lines_dropped(), 904 + 2_000 - 1_024);
    }

    #[tokio::test]
    async fn a_full_topic_queue_drops_and_counts() {
        let metrics = Arc::new(InstanceMetrics::default());
        let (topic, mut lines) = mpsc::channel(2);
        let log = GuestLog::new(Some(topic)).for_instance(Span::none(), metrics.clone());
        for i in 0..5 {
            log.line(Level::WARN, format!("line {i}"));
        }
        assert_eq!(metrics.figures().log_lines_dropped(), 3);
        let first = lines.recv().await.unwrap();
        assert_eq!((first.level, first.message.as_str()), (Level::WARN, "line 0"));
    }

    #[tokio::test]
    async fn a_long_line_is_cut_between_characters() {
        let (topic, mut lines) = mpsc::channel(1);
        GuestLog::new(Some(topic)).line(Level::INFO, "é".repeat(MAX_LINE));
        let message = lines.recv().await.unwrap().message;
        assert!(message.ends_with("é… (16384 bytes cut off)"), "{}", &message[MAX_LINE - 8..]);
    }
}
