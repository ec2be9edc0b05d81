//! Order after a failure: while a record waits for its next attempt, its successors wait too.
//!
//! Which ones are successors depends on the function: all of its topic (`retainOrdering`), those
//! of its key (`retainKeyOrdering`), or none.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use function_mesh_proto::plan::Ordering;

use super::item::{Item, Ticket};
use crate::{
    invoke::Outcome,
    record::{Key, Record},
};

/// What a lane of ordered records is named by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct LaneKey {
    topic: Arc<str>,
    key: Option<Key>,
}

/// A successor that waits: not run yet, or run in a call that was under way already; then only
/// its outputs wait.
#[derive(Debug)]
pub(super) enum Held {
    Item(Item),
    Outcome(Item, Outcome),
}

impl Held {
    fn sequence(&self) -> u64 {
        match self {
            Self::Item(item) | Self::Outcome(item, _) => item.ticket.sequence,
        }
    }
}

#[derive(Debug)]
pub(super) struct OrderGate {
    ordering: Ordering,
    blocked: HashMap<LaneKey, Lane>,
}

#[derive(Debug)]
struct Lane {
    /// The record that failed.
    head: u64,
    /// Successors in order of arrival, which is not the order in which they get here.
    held: BTreeMap<u64, Held>,
}

impl OrderGate {
    pub(super) fn new(ordering: Ordering) -> Self {
        Self { ordering, blocked: HashMap::new() }
    }

    fn lane(&self, record: &Record) -> Option<LaneKey> {
        match self.ordering {
            Ordering::None => None,
            Ordering::Topic => Some(LaneKey { topic: record.topic.clone(), key: None }),
            // Records without a key have no order to keep.
            Ordering::Key => {
                Some(LaneKey { topic: record.topic.clone(), key: Some(record.key.clone()?) })
            }
        }
    }

    /// Whether the record has to wait behind another one.
    pub(super) fn must_wait(&self, record: &Record, ticket: &Ticket) -> bool {
        if self.blocked.is_empty() {
            return false;
        }
        self.lane(record)
            .and_then(|lane| self.blocked.get(&lane))
            .is_some_and(|lane| lane.head != ticket.sequence)
    }

    /// Keeps a record that must wait.
    pub(super) fn hold(&mut self, held: Held) {
        let record = match &held {
            Held::Item(item) | Held::Outcome(item, _) => &item.record,
        };
        if let Some(lane) = self.lane(record).and_then(|lane| self.blocked.get_mut(&lane)) {
            lane.held.insert(held.sequence(), held);
        }
    }

    /// The record failed and will be tried again: from now on its successors wait.
    pub(super) fn block(&mut self, item: &Item) {
        if let Some(lane) = self.lane(&item.record) {
            self.blocked
                .entry(lane)
                .or_insert_with(|| Lane { head: item.ticket.sequence, held: BTreeMap::new() });
        }
    }

    /// The record is through, one way or the other. Gives its successors back in order, if it was
    /// the one they waited for.
    pub(super) fn release(&mut self, record: &Record, ticket: &Ticket) -> Vec<Held> {
        if self.blocked.is_empty() {
            return Vec::new();
        }
        let Some(key) = self.lane(record) else { return Vec::new() };
        match self.blocked.get(&key) {
            Some(lane) if lane.head == ticket.sequence => {}
            _ => return Vec::new(),
        }
        self.blocked.remove(&key).map(|lane| lane.held.into_values().collect()).unwrap_or_default()
    }
}
