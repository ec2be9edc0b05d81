//! One instance's figures, under Pulsar's own names.

use std::time::Duration;

use crate::fault::Fault;

/// Counters of one running instance. Cheap to update; shared between its rooms.
#[derive(Debug, Default)]
pub struct InstanceMetrics {}

impl InstanceMetrics {
    /// Messages read from the input topics.
    pub fn received(&self, _messages: u64) {}

    /// Messages whose results were handed on.
    pub fn processed(&self, _messages: u64) {}

    /// A failure: counted by origin, its text kept among the latest.
    pub fn failed(&self, _fault: &Fault) {}

    /// A call of so many messages began now and took so long; each counts its share.
    pub fn invoked(&self, _messages: u64, _took: Duration) {}

    /// A value the function recorded.
    pub fn user_metric(&self, _name: &str, _value: f64) {}

    /// A record was put aside to be tried again.
    pub fn retried(&self) {}

    /// A record was published to its dead-letter topic.
    pub fn dead_lettered(&self) {}

    /// A guest was ended by a trap or a limit.
    pub fn trapped(&self) {}

    /// A connection to a broker was lost and made again.
    pub fn reconnected(&self) {}

    /// Linear memory of the guest, in bytes.
    pub fn guest_memory(&self, _bytes: u64) {}
}
