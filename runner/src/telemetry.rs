//! Structured logs.

use tokio::sync::mpsc;
use tracing::Level;

/// One line a function logged.
#[derive(Clone, Debug)]
pub struct GuestLine {
    pub level: Level,
    pub message: String,
}

/// Where a function's log lines go: to the runner's own log, and to the log topic if there is one.
///
/// The topic's queue is bounded; when it is full, lines are dropped and counted rather than
/// holding the function up.
#[derive(Clone, Debug)]
pub struct GuestLog {
    topic: Option<mpsc::Sender<GuestLine>>,
}

impl GuestLog {
    pub fn new(topic: Option<mpsc::Sender<GuestLine>>) -> Self {
        Self { topic }
    }

    pub fn line(&self, level: Level, message: String) {
        if let Some(topic) = &self.topic {
            _ = topic.try_send(GuestLine { level, message });
        }
    }
}
