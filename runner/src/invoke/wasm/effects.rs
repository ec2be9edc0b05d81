//! What the records of a call did through the host, kept until each record's fate is known.
//!
//! Everything is filed under the record that did it, so that a failed record's effects can be taken
//! back whatever its neighbours did meanwhile. State lives in [`overlay`].

use std::{collections::BTreeMap, mem, ops::Range, sync::Arc};

use crate::{invoke::ManualSettlement, record::OutgoingMessage};

mod overlay;

pub(super) use self::overlay::{Overlay, Write, counter};

/// Effects of one call's records, by their index in the call.
#[derive(Debug, Default)]
pub(super) struct Effects {
    records: BTreeMap<usize, RecordEffects>,
    /// Settlements of records of earlier calls: they belong to no record of this one.
    earlier: Vec<ManualSettlement>,
    overlay: Overlay,
}

/// What one record did.
#[derive(Debug, Default)]
pub(super) struct RecordEffects {
    pub(super) published: Vec<(Arc<str>, OutgoingMessage)>,
    pub(super) settled: Vec<ManualSettlement>,
    /// State keys it wrote, possibly repeated.
    written: Vec<Arc<str>>,
}

impl RecordEffects {
    pub(super) fn wrote(&self) -> bool {
        !self.written.is_empty()
    }
}

/// How far effects had come when a guest call began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    earlier: usize,
}

impl Effects {
    pub(super) fn mark(&self) -> Mark {
        Mark { earlier: self.earlier.len() }
    }

    /// Takes back what a range of records did since the mark: their guest call failed.
    pub(super) fn roll_back(&mut self, records: Range<usize>, mark: Mark) {
        for index in records {
            self.discard(index);
        }
        self.earlier.truncate(mark.earlier);
    }

    /// Takes back what one record did.
    pub(super) fn discard(&mut self, index: usize) {
        if let Some(effects) = self.records.remove(&index) {
            for key in effects.written {
                self.overlay.undo(&key, index);
            }
        }
    }

    pub(super) fn publish(&mut self, index: usize, topic: Arc<str>, message: OutgoingMessage) {
        self.records.entry(index).or_default().published.push((topic, message));
    }

    /// Files a settlement under a record of this call, or under none.
    pub(super) fn settle(&mut self, index: Option<usize>, settlement: ManualSettlement) {
        match index {
            Some(index) => self.records.entry(index).or_default().settled.push(settlement),
            None => self.earlier.push(settlement),
        }
    }

    pub(super) fn overlay(&self) -> &Overlay {
        &self.overlay
    }

    /// Applies a record's write to the overlay; gives the key's new value.
    ///
    /// # Errors
    /// As [`Overlay::write`].
    pub(super) fn write(
        &mut self,
        index: usize,
        key: &Arc<str>,
        write: Write,
        stored: impl FnOnce() -> Result<Option<Vec<u8>>, String>,
    ) -> Result<Option<&[u8]>, String> {
        let value = self.overlay.write(index, key, write, stored)?;
        let written = &mut self.records.entry(index).or_default().written;
        if written.last() != Some(key) {
            written.push(Arc::clone(key));
        }
        Ok(value)
    }

    /// State changes to commit, in key order.
    pub(super) fn changes(&self) -> Vec<(String, Option<Vec<u8>>)> {
        self.overlay.changes()
    }

    /// Takes back the effects of all records that wrote state, since it could not be committed;
    /// gives their indexes.
    pub(super) fn discard_writers(&mut self) -> Vec<usize> {
        let writers: Vec<usize> =
            self.records.iter().filter(|(_, e)| e.wrote()).map(|(index, _)| *index).collect();
        for index in &writers {
            self.discard(*index);
        }
        writers
    }

    /// Hands everything out and starts afresh.
    pub(super) fn take(&mut self) -> (BTreeMap<usize, RecordEffects>, Vec<ManualSettlement>) {
        self.overlay = Overlay::default();
        (mem::take(&mut self.records), mem::take(&mut self.earlier))
    }
}

#[cfg(test)]
mod tests;
