//! Records that wait: for their first call, or for their next attempt.

use std::collections::{BTreeMap, VecDeque};

use tokio::time::{Duration, Instant};

use super::{entries::EntryKey, item::Item};

/// Records that may run now, in order.
#[derive(Debug, Default)]
pub(super) struct Ready {
    items: VecDeque<Item>,
    bytes: usize,
}

impl Ready {
    pub(super) fn push(&mut self, item: Item) {
        self.bytes += item.record.payload.len();
        self.items.push_back(item);
    }

    /// Puts records before all others, keeping their own order.
    pub(super) fn push_front(&mut self, items: impl DoubleEndedIterator<Item = Item>) {
        for item in items.rev() {
            self.bytes += item.record.payload.len();
            self.items.push_front(item);
        }
    }

    /// The next record, if the call has `room` for its payload.
    pub(super) fn pop_within(&mut self, room: usize) -> Option<Item> {
        if self.items.front()?.record.payload.len() > room {
            return None;
        }
        self.pop()
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.bytes -= item.record.payload.len();
        Some(item)
    }

    /// Drops the records of an entry that was given back.
    pub(super) fn forget(&mut self, entry: EntryKey) {
        self.items.retain(|item| item.ticket.entry != entry);
        self.bytes = self.items.iter().map(|item| item.record.payload.len()).sum();
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Payload bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Failed records until their next attempt. Bounded by the in-flight budget: each holds its
/// entry's credit.
#[derive(Debug, Default)]
pub(super) struct Parked {
    due: BTreeMap<(Instant, u64), Item>,
}

impl Parked {
    pub(super) fn park(&mut self, item: Item, delay: Duration) {
        self.due.insert((Instant::now() + delay, item.ticket.sequence), item);
    }

    /// When the first one is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes what is due, in order.
    pub(super) fn take_due(&mut self) -> Vec<Item> {
        let later = self.due.split_off(&(Instant::now(), u64::MAX));
        std::mem::replace(&mut self.due, later).into_values().collect()
    }

    /// Takes all, due or not, in order of arrival.
    pub(super) fn take_all(&mut self) -> Vec<Item> {
        let mut items: Vec<_> = std::mem::take(&mut self.due).into_values().collect();
        items.sort_by_key(|item| item.ticket.sequence);
        items
    }

    pub(super) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }
}
