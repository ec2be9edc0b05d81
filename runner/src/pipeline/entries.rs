//! Which entries are open: an entry is acknowledged when the last of its records is settled.

use std::collections::HashMap;

use crate::source::InFlight;

/// Names an open entry inside one pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct EntryKey(u64);

/// The open entries of one pipeline.
#[derive(Debug, Default)]
pub(super) struct Entries {
    next: u64,
    open: HashMap<EntryKey, Open>,
}

#[derive(Debug)]
struct Open {
    in_flight: InFlight,
    unsettled: usize,
}

impl Entries {
    /// Takes over the duty to settle an entry of so many records.
    pub(super) fn open(&mut self, in_flight: InFlight, records: usize) -> EntryKey {
        let key = self.reserve();
        self.open.insert(key, Open { in_flight, unsettled: records });
        key
    }

    /// A key for an entry that is settled already (`ATMOST_ONCE`).
    pub(super) fn reserve(&mut self) -> EntryKey {
        self.next += 1;
        EntryKey(self.next)
    }

    /// Counts records of an entry as settled; acknowledges the entry with the last one.
    pub(super) fn settle(&mut self, key: EntryKey, records: usize) {
        let Some(open) = self.open.get_mut(&key) else { return };
        open.unsettled = open.unsettled.saturating_sub(records);
        if open.unsettled == 0
            && let Some(open) = self.open.remove(&key)
        {
            open.in_flight.ack();
        }
    }

    /// Gives an entry back for redelivery, settled records and all: the broker knows entries, not
    /// records.
    pub(super) fn give_back(&mut self, key: EntryKey) {
        self.open.remove(&key);
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}
