//! What an instance tells of itself, read at one moment.

use std::{collections::BTreeMap, time::SystemTime};

use super::{failures::LatestFailure, summary::Summed};

/// Everything an instance tells, read at one moment.
#[derive(Clone, Debug)]
pub struct Figures {
    pub(super) created: SystemTime,
    pub received: u64,
    pub processed: u64,
    pub user_exceptions: u64,
    /// With those of source and sink.
    pub system_exceptions: u64,
    pub source_exceptions: u64,
    pub sink_exceptions: u64,
    /// Milliseconds per message.
    pub average_latency: f64,
    pub(super) process_latency: Summed,
    /// Milliseconds since the epoch; 0 before the first call.
    pub last_invocation: u64,
    pub last_minute: LastMinute,
    /// Oldest first, as the three that follow; at most ten each.
    pub latest_user_failures: Vec<LatestFailure>,
    pub latest_system_failures: Vec<LatestFailure>,
    pub latest_source_failures: Vec<LatestFailure>,
    pub latest_sink_failures: Vec<LatestFailure>,
    /// `error` labels of the user, system, source and sink gauges.
    pub(super) error_labels: [Vec<String>; 4],
    pub(super) user_metrics: BTreeMap<String, (SystemTime, Summed)>,
    pub(super) ours: Ours,
}

impl Figures {
    /// Guests that a trap or a limit ended.
    pub fn traps(&self) -> u64 {
        self.ours.traps
    }

    /// Lines of the function's log that went nowhere.
    pub fn log_lines_dropped(&self) -> u64 {
        self.ours.log_lines_dropped
    }

    /// User metrics under the names Pulsar's Java runtime gives them in `MetricsData`:
    /// `user_metric_<name>_sum`, `_count`, and a quantile each.
    pub fn user_metric_values(&self) -> impl Iterator<Item = (String, f64)> {
        self.user_metrics.iter().flat_map(|(name, (_, summed))| {
            let quantiles = summed
                .quantiles
                .iter()
                .map(move |(quantile, value)| (format!("user_metric_{name}_{quantile}"), *value));
            [
                (format!("user_metric_{name}_sum"), summed.sum),
                (format!("user_metric_{name}_count"), summed.count as f64),
            ]
            .into_iter()
            .chain(quantiles)
        })
    }
}

/// The figures of the current tumbling minute.
#[derive(Clone, Debug)]
pub struct LastMinute {
    pub received: u64,
    pub processed: u64,
    pub user_exceptions: u64,
    pub system_exceptions: u64,
    /// Milliseconds per message.
    pub average_latency: f64,
    pub(super) process_latency: Summed,
    pub(super) since: SystemTime,
}

/// What Pulsar has no name for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ours {
    pub(super) in_flight_messages: u64,
    pub(super) in_flight_bytes: u64,
    pub(super) guest_memory: u64,
    pub(super) traps: u64,
    pub(super) retries: u64,
    pub(super) dead_letters: u64,
    pub(super) reconnects: u64,
    pub(super) log_lines_dropped: u64,
    pub(super) user_metrics_refused: u64,
}
