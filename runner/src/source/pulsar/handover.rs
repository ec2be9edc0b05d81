//! Hands an entry to the pipeline once there is credit for it and room in the queue.

use std::{future::Future, pin::Pin, sync::Arc};

use tokio::sync::mpsc;

use super::{
    super::{Delivery, InFlight, Settlement},
    Shared,
    entries::Entry,
};

/// An entry on its way. Dropped, the entry stays unacknowledged.
pub(super) struct Handover(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Handover {
    pub(super) fn new(
        entry: Entry,
        shared: &Arc<Shared>,
        settlements: mpsc::UnboundedSender<Settlement>,
    ) -> Self {
        let shared = shared.clone();
        Self(Box::pin(async move {
            let Entry { id, records, weight } = entry;
            let permit = shared.budget.acquire(records.len(), weight).await;
            // The queue is gone when the source is closing.
            if let Ok(room) = shared.deliveries.reserve().await {
                room.send(Delivery { records, in_flight: InFlight::new(id, permit, settlements) });
            }
        }))
    }
}

/// Waits for the handover, if there is one. Cancel safe.
pub(super) async fn finished(handover: &mut Option<Handover>) {
    match handover {
        Some(Handover(handing)) => handing.await,
        None => std::future::pending().await,
    }
}
