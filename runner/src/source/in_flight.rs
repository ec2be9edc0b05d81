//! The duty to settle an entry, as a value that cannot be lost.

use std::{fmt, sync::Arc};

use tokio::sync::{mpsc, oneshot};

use super::budget::Permit;
use crate::fault::Fault;

/// A broker entry: the unit that is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryId {
    /// The concrete topic, with its partition suffix.
    pub topic: Arc<str>,
    pub ledger: u64,
    pub entry: u64,
    pub partition: i32,
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.ledger, self.entry, self.partition)
    }
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All its effects are durable.
    Ack,
    /// Deliver it again.
    Nack,
}

/// A verdict on its way to the source.
#[derive(Debug)]
pub struct Settlement {
    pub entry: EntryId,
    pub verdict: Verdict,
    /// Told when the verdict was carried out, if anyone asked.
    pub carried_out: Option<oneshot::Sender<Result<(), Fault>>>,
    /// Returned to the budget when the settlement is dropped.
    pub permit: Permit,
}

/// Resolves when the source carried out the settlement.
#[must_use = "a receipt that nobody awaits confirms nothing"]
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<Result<(), Fault>>);

impl Receipt {
    /// # Errors
    /// The source could not carry the settlement out: the entry may be delivered again.
    pub async fn confirmed(self) -> Result<(), Fault> {
        match self.0.await {
            Ok(outcome) => outcome,
            Err(_closed) => Err(Fault::source("the source closed before it settled the entry")),
        }
    }
}

/// The duty to settle one entry.
///
/// Dropped unsettled, it asks for redelivery: an early return, a cancelled task or a panic can
/// delay an entry but never lose it.
#[must_use = "dropping an in-flight entry asks for its redelivery"]
#[derive(Debug)]
pub struct InFlight {
    pending: Option<(EntryId, Permit)>,
    settlements: mpsc::UnboundedSender<Settlement>,
}

impl InFlight {
    /// `settlements` is unbounded because `Drop` cannot wait; its length is bounded by `permit`'s
    /// budget.
    pub fn new(
        entry: EntryId,
        permit: Permit,
        settlements: mpsc::UnboundedSender<Settlement>,
    ) -> Self {
        Self { pending: Some((entry, permit)), settlements }
    }

    /// Everything made from the entry is durable: acknowledge it.
    pub fn ack(mut self) {
        self.settle(Verdict::Ack, None);
    }

    /// As [`InFlight::ack`], with a receipt.
    pub fn ack_with_receipt(mut self) -> Receipt {
        let (carried_out, receipt) = oneshot::channel();
        self.settle(Verdict::Ack, Some(carried_out));
        Receipt(receipt)
    }

    fn settle(
        &mut self,
        verdict: Verdict,
        carried_out: Option<oneshot::Sender<Result<(), Fault>>>,
    ) {
        if let Some((entry, permit)) = self.pending.take() {
            // The receiver is gone only after the source closed; the broker then redelivers
            // whatever was left unsettled.
            _ = self.settlements.send(Settlement { entry, verdict, carried_out, permit });
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.settle(Verdict::Nack, None);
    }
}
