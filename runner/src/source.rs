//! Where records come from. Nothing here knows how they are processed.

use async_trait::async_trait;

use crate::{fault::Fault, record::Record};

pub mod budget;
pub mod in_flight;
pub mod lines;
pub mod memory;
pub mod pulsar;
pub mod scripted;

pub use budget::Budget;
pub use in_flight::{EntryId, InFlight, Receipt, Settlement, Verdict};

/// A subscription to the input topics.
///
/// The unit is the broker's entry (one producer batch), never a part of one.
#[async_trait]
pub trait Source: Send {
    /// Waits for the next entry. `None` means closed or, for a finite source, read to its end.
    /// Cancel safe. Settlements are carried out while this or [`Source::close`] runs or in
    /// tasks of the source's own.
    ///
    /// # Errors
    /// A fault that ends this source for good. What passes by itself (a lost connection) is
    /// retried inside.
    async fn next(&mut self) -> Result<Option<Delivery>, Fault>;

    /// Stops reading, carries out the settlements already given, and releases the subscription.
    /// What is unsettled is delivered again to the next consumer.
    async fn close(self: Box<Self>) -> Result<(), Fault>;
}

/// An entry's records, together with the duty to settle it.
#[derive(Debug)]
pub struct Delivery {
    /// In batch order; never empty.
    pub records: Vec<Record>,
    pub in_flight: InFlight,
}
