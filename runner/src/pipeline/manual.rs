//! `MANUAL`: records that wait for the function to settle them, in this call or a later one.

use std::{collections::HashMap, sync::Arc};

use tracing::warn;

use super::{Pipeline, item::Item};
use crate::{
    fault::Fault,
    invoke::ManualSettlement,
    record::{MessageId, Record},
};

/// Records the function was given and has not settled. Bounded by the in-flight budget.
#[derive(Debug, Default)]
pub(super) struct Manual {
    unsettled: HashMap<(Arc<str>, MessageId), Item>,
}

impl Manual {
    pub(super) fn expect(&mut self, item: &Item) {
        let name = (item.record.topic.clone(), item.record.id);
        self.unsettled.insert(name, item.clone());
    }

    /// The record is settled without the function.
    pub(super) fn forget(&mut self, record: &Record) {
        self.unsettled.remove(&(record.topic.clone(), record.id));
    }

    fn take(&mut self, settlement: &ManualSettlement) -> Option<Item> {
        self.unsettled.remove(&(settlement.topic.clone(), settlement.id))
    }
}

impl Pipeline {
    /// Carries out what the function decided, after its outputs were confirmed.
    pub(super) async fn settle_by_hand(
        &mut self,
        settlements: Vec<ManualSettlement>,
    ) -> Result<(), Fault> {
        for settlement in settlements {
            let Some(item) = self.manual.take(&settlement) else {
                warn!(
                    topic = &*settlement.topic,
                    message_id = %settlement.id,
                    "the function settled a message that is not waiting for it"
                );
                continue;
            };
            if settlement.acknowledged {
                self.settle(std::iter::once(item.ticket));
            } else {
                let refused = Fault::user("the function refused the message");
                self.failed(item, &refused).await?;
            }
        }
        Ok(())
    }
}
