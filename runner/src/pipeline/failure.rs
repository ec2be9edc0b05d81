//! What happens to a record that failed: another attempt, the dead-letter topic, or back to the
//! broker. Never nothing.

use function_mesh_proto::plan::Guarantee;
use tokio::time::Duration;
use tracing::{error, warn};

use super::{
    Pipeline,
    item::Item,
    publish::{Group, Settling},
};
use crate::{
    dead_letter::{DeadLetters, Verdict},
    fault::{Fault, Retry},
};

/// Until the next attempt at what the record is not to blame for.
const SYSTEM_RETRY: Duration = Duration::from_secs(1);

impl Pipeline {
    /// The function, or the runner on its behalf, failed on a record.
    pub(super) async fn failed(&mut self, mut item: Item, fault: &Fault) -> Result<(), Fault> {
        self.metrics.failed(fault);
        let counts = DeadLetters::counts(fault);
        item.ticket.failures += u32::from(counts);
        if self.guarantee == Guarantee::AtMostOnce {
            self.log_failure(&item, fault, "given up: ATMOST_ONCE does not try again");
            return Ok(());
        }
        match self.dead_letters.judge(fault, item.ticket.failures) {
            Verdict::DeadLetter => self.bury(item, fault).await,
            Verdict::TryAgain if self.draining && !self.dead_letters.bounded() => {
                self.log_failure(&item, fault, "given back: the instance is stopping");
                self.give_back(&item);
                Ok(())
            }
            Verdict::TryAgain => {
                self.log_failure(&item, fault, "will be tried again");
                self.metrics.retried();
                self.gate.block(&item);
                // The function sees its own retries as it sees the broker's.
                item.record.redelivery_count = item.record.redelivery_count.saturating_add(1);
                let delay = match counts {
                    _ if self.draining => Duration::ZERO,
                    true => self.retry_delay,
                    false => SYSTEM_RETRY,
                };
                self.parked.park(item, delay);
                Ok(())
            }
        }
    }

    /// Publishes a record to its dead-letter topic; it is settled when that is confirmed.
    async fn bury(&mut self, item: Item, fault: &Fault) -> Result<(), Fault> {
        self.log_failure(&item, fault, "goes to the dead-letter topic");
        self.manual.forget(&item.record);
        let topic = self.dead_letters.topic(&item.record);
        let letter = self.dead_letters.letter(&item.record, fault);
        self.publish(&mut Group::dead_letter(&item, topic, letter)).await?;
        self.release(&item.record, &item.ticket);
        Ok(())
    }

    /// Some of a group's outputs could not be published.
    pub(super) async fn not_published(
        &mut self,
        group: Settling,
        fault: &Fault,
    ) -> Result<(), Fault> {
        let mut items = group.items();
        if group.dead_letters {
            // The last resort failed: the record stays unacknowledged until it works.
            for item in items {
                self.metrics.failed(fault);
                error!(
                    topic = &*item.record.topic,
                    message_id = %item.record.id,
                    dead_letter_topic = &*self.dead_letters.topic(&item.record),
                    error = %fault,
                    "dead letter not published; will be tried again"
                );
                self.parked.park(item, self.retry_delay.max(SYSTEM_RETRY));
            }
        } else if items.len() == 1 || fault.retry == Retry::WithBackoff {
            for item in items {
                self.failed(item, fault).await?;
            }
        } else {
            warn!(error = %fault, records = items.len(), "outputs refused; trying each on its own");
            for item in &mut items {
                item.ticket.alone = true;
                self.gate.block(item);
            }
            self.ready.push_front(items.into_iter());
        }
        self.resume().await
    }

    /// Leaves a record's entry to the broker, which delivers it again, here or elsewhere.
    pub(super) fn give_back(&mut self, item: &Item) {
        self.summary.given_back += 1;
        self.entries.give_back(item.ticket.entry);
        self.ready.forget(item.ticket.entry);
        self.release(&item.record, &item.ticket);
    }

    fn log_failure(&self, item: &Item, fault: &Fault, next: &str) {
        warn!(
            topic = &*item.record.topic,
            message_id = %item.record.id,
            failures = item.ticket.failures,
            error = %fault,
            "message failed; {next}"
        );
    }
}
