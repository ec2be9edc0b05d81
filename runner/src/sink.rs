//! Where results go. Nothing here knows where they came from.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::oneshot;

use crate::{fault::Fault, record::OutgoingMessage};

pub mod collected;
pub mod lines;
pub mod pulsar;

/// Publishes to topics.
#[async_trait]
pub trait Sink: Send {
    /// Queues messages for a topic, in order, and waits only for credit: a full queue to a slow
    /// broker stops the caller, and with it consumption. What passes by itself (a lost
    /// connection) is retried inside, in order, for as long as it takes.
    ///
    /// # Errors
    /// The sink has closed. Everything else is told by the receipt.
    async fn publish(
        &mut self,
        topic: &Arc<str>,
        messages: Vec<OutgoingMessage>,
    ) -> Result<Receipt, Fault>;

    /// Sends what is queued, waits for its confirmation, and closes.
    async fn close(self: Box<Self>) -> Result<(), Fault>;
}

/// Resolves when the broker made all messages of one publish durable.
#[must_use = "an input may be acknowledged only when its outputs are confirmed"]
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<Result<(), Fault>>);

impl Receipt {
    /// The receipt, and what the sink completes it with.
    pub fn channel() -> (oneshot::Sender<Result<(), Fault>>, Self) {
        let (confirm, receipt) = oneshot::channel();
        (confirm, Self(receipt))
    }

    /// # Errors
    /// The messages cannot be published (too large, schema refused, not allowed) or the sink
    /// closed first; some of them may have been.
    pub async fn confirmed(self) -> Result<(), Fault> {
        match self.0.await {
            Ok(outcome) => outcome,
            Err(_closed) => Err(Fault::sink("the sink closed before the broker confirmed")),
        }
    }
}
