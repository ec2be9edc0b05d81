//! Publishing results, and what waits for the broker to confirm them.

use std::{collections::HashMap, sync::Arc};

use futures::future::BoxFuture;

use super::{
    Pipeline,
    item::{Item, Ticket},
};
use crate::{
    fault::Fault,
    invoke::{ManualSettlement, Outcome},
    record::{OutgoingMessage, Record},
    route::Router,
    sink::Receipt,
};

/// Records of one call whose outputs leave together.
#[derive(Debug)]
pub(super) struct Group {
    records: Arc<[Record]>,
    members: Vec<Member>,
    /// In order per topic.
    messages: HashMap<Arc<str>, Vec<OutgoingMessage>>,
    settled: Vec<ManualSettlement>,
    dead_letters: bool,
}

/// A record of a group, by its index in the call.
#[derive(Clone, Copy, Debug)]
struct Member {
    index: usize,
    ticket: Ticket,
}

/// Resolves when the broker confirmed everything of a group, or refused some of it.
pub(super) type Confirming = BoxFuture<'static, Confirmed>;

pub(super) struct Confirmed {
    pub(super) group: Settling,
    pub(super) outcome: Result<(), Fault>,
}

/// What is left to do for a group once its outputs are out.
pub(super) struct Settling {
    records: Arc<[Record]>,
    members: Vec<Member>,
    pub(super) settled: Vec<ManualSettlement>,
    /// These are dead letters: settled once published, whatever the guarantee.
    pub(super) dead_letters: bool,
}

impl Group {
    pub(super) fn new(records: Arc<[Record]>) -> Self {
        Self {
            records,
            members: Vec::new(),
            messages: HashMap::new(),
            settled: Vec::new(),
            dead_letters: false,
        }
    }

    /// One record on its way to its dead-letter topic.
    pub(super) fn dead_letter(item: &Item, topic: Arc<str>, letter: OutgoingMessage) -> Self {
        Self {
            members: vec![Member { index: 0, ticket: item.ticket }],
            messages: HashMap::from([(topic, vec![letter])]),
            dead_letters: true,
            ..Self::new([item.record.clone()].into())
        }
    }

    /// Adds the effects of a record that succeeded with `outcome`.
    pub(super) fn add(&mut self, router: &Router, index: usize, ticket: Ticket, outcome: Outcome) {
        let Some(record) = self.records.get(index) else { return };
        for (topic, message) in outcome.published {
            self.messages.entry(topic).or_default().push(message);
        }
        if let Ok(Some(result)) = outcome.result
            && let Some((topic, message)) = router.route(record, result)
        {
            match self.messages.get_mut(topic) {
                Some(messages) => messages.push(message),
                None => {
                    self.messages.insert(topic.clone(), vec![message]);
                }
            }
        }
        self.settled.extend(outcome.settled);
        self.members.push(Member { index, ticket });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

impl Settling {
    pub(super) fn tickets(&self) -> impl Iterator<Item = Ticket> {
        self.members.iter().map(|member| member.ticket)
    }

    /// The records, to be tried again.
    pub(super) fn items(&self) -> Vec<Item> {
        let item = |member: &Member| {
            let record = self.records.get(member.index)?.clone();
            Some(Item { record, ticket: member.ticket })
        };
        self.members.iter().filter_map(item).collect()
    }
}

impl Pipeline {
    /// Queues a group's messages and leaves an empty group behind. Waits for room in the sink,
    /// not for the broker.
    pub(super) async fn publish(&mut self, group: &mut Group) -> Result<(), Fault> {
        if group.is_empty() {
            return Ok(());
        }
        let Group { records, members, messages, settled, dead_letters } =
            std::mem::replace(group, Group::new(group.records.clone()));
        let count = members.len() as u64;
        if dead_letters {
            self.metrics.dead_lettered();
            self.summary.dead_lettered += count;
        } else {
            self.metrics.processed(count);
            self.summary.processed += count;
        }
        let group = Settling { records, members, settled, dead_letters };
        // Without messages, too, settling waits its turn: behind what was published before.
        let mut receipts = Vec::with_capacity(messages.len());
        for (topic, messages) in messages {
            receipts.push(self.sink.publish(&topic, messages).await?);
        }
        self.confirming.push(Box::pin(confirm(group, receipts)));
        Ok(())
    }
}

async fn confirm(group: Settling, receipts: Vec<Receipt>) -> Confirmed {
    let mut outcome = Ok(());
    for receipt in receipts {
        // All are awaited: a record is tried again only when none of its outputs is under way.
        outcome = outcome.and(receipt.confirmed().await);
    }
    Confirmed { group, outcome }
}
