//! How function logic runs. Nothing here knows about Pulsar.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::{
    fault::Fault,
    record::{MessageId, OutgoingMessage, Record},
};

pub mod native;
pub mod wasm;

/// Runs the user's logic: a Wasm component, or a process behind the bridge.
///
/// The pipeline keeps at most [`Invoker::capacity`] calls submitted whose outcomes are not all
/// in. Outcomes may arrive in any order, in parts, from several calls at once.
#[async_trait]
pub trait Invoker: Send + Sync {
    /// How many calls may be under way: 2 keeps a single guest busy while results are published.
    fn capacity(&self) -> usize;

    /// Starts running the function on a call's records; never waits.
    ///
    /// # Errors
    /// The invoker has ended; none of the call's records was processed.
    fn submit(&self, call: Call) -> Result<(), Fault>;

    /// Finishes what was submitted, then releases the function (and makes its state durable).
    async fn close(self: Box<Self>) -> Result<(), Fault>;
}

/// Records to run in order, and where their outcomes go.
#[derive(Debug)]
pub struct Call {
    pub id: u64,
    /// In the order their effects must take place.
    pub records: Arc<[Record]>,
    pub outcomes: OutcomeSender,
}

/// A call's way back to the pipeline. Bounded: a guest that runs ahead of publishing waits.
pub type OutcomeSender = mpsc::Sender<Completed>;

/// Outcomes of consecutive records of one call.
#[derive(Debug)]
pub struct Completed {
    pub call: u64,
    /// Index in the call of the first outcome's record.
    pub first: usize,
    pub outcomes: Vec<Outcome>,
}

/// What the function made of one record.
#[derive(Debug)]
pub struct Outcome {
    /// The result for the output topic, or none.
    pub result: Result<Option<Bytes>, Fault>,
    /// What it published through the context, in order. Empty if it failed: a failed record has
    /// no effects.
    pub published: Vec<(Arc<str>, OutgoingMessage)>,
    /// Records it acknowledged or refused by hand, this one or earlier ones (`MANUAL` only).
    pub settled: Vec<ManualSettlement>,
}

/// A decision the function took under `MANUAL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualSettlement {
    pub topic: Arc<str>,
    pub id: MessageId,
    pub acknowledged: bool,
}

impl Outcome {
    pub fn output(payload: Option<Bytes>) -> Self {
        Self { result: Ok(payload), published: Vec::new(), settled: Vec::new() }
    }

    pub fn failed(fault: Fault) -> Self {
        Self { result: Err(fault), published: Vec::new(), settled: Vec::new() }
    }
}
