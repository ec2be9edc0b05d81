//! When a record leaves for the dead-letter topic, and with which properties.

use std::sync::Arc;

use function_mesh_proto::plan::{FunctionPlan, RetryPlan};

use crate::{
    fault::{Fault, Origin, Retry},
    record::{OutgoingMessage, Record},
};

/// Names Pulsar's own clients write: the topic a dead letter came from.
pub const REAL_TOPIC: &str = "REAL_TOPIC";
/// Its message id there, as `ledger:entry:partition[:batch index]`.
pub const ORIGIN_MESSAGE_ID: &str = "ORIGIN_MESSAGE_ID";
/// Ours: the function that could not process it, and why.
pub const FUNCTION: &str = "__fm_function__";
pub const ERROR: &str = "__fm_error__";

/// Longest error text carried along, in bytes.
const MAX_ERROR: usize = 1024;

/// Decides what happens to a record that failed.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    retry: RetryPlan,
    subscription: String,
    function: String,
}

/// The next step for a failed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    TryAgain,
    DeadLetter,
}

impl DeadLetters {
    pub fn new(plan: &FunctionPlan) -> Self {
        Self {
            retry: plan.retry.clone(),
            subscription: plan.subscription.name.clone(),
            function: plan.id.to_string(),
        }
    }

    /// Whether this failure counts against the limit on retries. What the runner or a broker is
    /// to blame for does not: it says nothing about the record.
    pub fn counts(fault: &Fault) -> bool {
        fault.origin == Origin::User || fault.retry == Retry::Never
    }

    /// `failures` includes this one, if it counts. A record runs once more often than it may be
    /// retried, as with Pulsar's clients.
    pub fn judge(&self, fault: &Fault, failures: u32) -> Verdict {
        match self.retry.max_retries {
            Some(_) if fault.retry == Retry::Never => Verdict::DeadLetter,
            Some(max) if failures > max => Verdict::DeadLetter,
            _ => Verdict::TryAgain,
        }
    }

    pub fn bounded(&self) -> bool {
        self.retry.max_retries.is_some()
    }

    /// The topic for a record's dead letter.
    pub fn topic(&self, record: &Record) -> Arc<str> {
        match &self.retry.dead_letter_topic {
            Some(topic) => topic.as_str().into(),
            None => {
                let subscription = self.subscription.replace('/', "-");
                format!("{}-{subscription}-DLQ", record.topic).into()
            }
        }
    }

    /// The record as it came, and where it came from.
    pub fn letter(&self, record: &Record, fault: &Fault) -> OutgoingMessage {
        let mut error = fault.to_string();
        if error.len() > MAX_ERROR {
            let end = (0..=MAX_ERROR).rev().find(|end| error.is_char_boundary(*end)).unwrap_or(0);
            error.truncate(end);
        }
        let mut properties = record.properties.clone();
        let origin = [
            (REAL_TOPIC, record.topic.to_string()),
            (ORIGIN_MESSAGE_ID, record.id.to_string()),
            (FUNCTION, self.function.clone()),
            (ERROR, error),
        ];
        for (name, value) in origin {
            // A letter that failed again keeps its first origin, as with Pulsar's clients.
            let keep = matches!(name, REAL_TOPIC | ORIGIN_MESSAGE_ID);
            match properties.iter_mut().find(|(known, _)| known == name) {
                Some(_) if keep => {}
                Some((_, old)) => *old = value,
                None => properties.push((name.to_owned(), value)),
            }
        }
        OutgoingMessage {
            payload: record.payload.clone(),
            key: record.key.clone(),
            ordering_key: record.ordering_key.clone(),
            properties,
            event_time: record.event_time,
            sequence_id: None,
        }
    }
}
