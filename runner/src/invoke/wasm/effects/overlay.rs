//! State as the records of a call see it before it is committed.
//!
//! Each key holds the list of what was done to it, by whom; its value is the fold of that list over
//! the stored value. Taking one record's writes back is then exact also for counters that other
//! records went on adding to.

use std::{collections::BTreeMap, sync::Arc};

use crate::state::COUNTER_BYTES;

/// Uncommitted changes by key.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    cells: BTreeMap<Arc<str>, Cell>,
}

#[derive(Debug)]
struct Cell {
    stored: Option<Vec<u8>>,
    writes: Vec<(usize, Write)>,
    /// The stored value with the writes applied.
    value: Option<Vec<u8>>,
}

#[derive(Debug)]
pub(crate) enum Write {
    Put(Vec<u8>),
    Delete,
    Add(i64),
}

impl Overlay {
    /// The uncommitted value of a key, if a record of this call wrote it.
    pub(crate) fn get(&self, key: &str) -> Option<Option<&[u8]>> {
        self.cells.get(key).map(|cell| cell.value.as_deref())
    }

    /// Applies a write. `stored` is the committed value, needed for the first write of a key only.
    ///
    /// # Errors
    /// An addition to something that is not a counter, or beyond 64 bits; nothing was changed.
    pub(crate) fn write(
        &mut self,
        index: usize,
        key: &Arc<str>,
        write: Write,
        stored: impl FnOnce() -> Result<Option<Vec<u8>>, String>,
    ) -> Result<Option<&[u8]>, String> {
        if !self.cells.contains_key(key) {
            let stored = stored()?;
            let cell = Cell { value: stored.clone(), stored, writes: Vec::new() };
            self.cells.insert(Arc::clone(key), cell);
        }
        let Some(cell) = self.cells.get_mut(key) else { return Ok(None) };
        cell.value = apply(cell.value.take(), &write).map_err(|(value, why)| {
            cell.value = value;
            why
        })?;
        cell.push(index, write);
        Ok(cell.value.as_deref())
    }

    /// Takes back what a record did to a key.
    pub(crate) fn undo(&mut self, key: &str, index: usize) {
        let Some(cell) = self.cells.get_mut(key) else { return };
        let before = cell.writes.len();
        cell.writes.retain(|(writer, _)| *writer != index);
        if cell.writes.is_empty() {
            self.cells.remove(key);
        } else if cell.writes.len() != before {
            cell.fold();
        }
    }

    pub(crate) fn changes(&self) -> Vec<(String, Option<Vec<u8>>)> {
        self.cells
            .iter()
            .filter(|(_, cell)| !cell.writes.is_empty())
            .map(|(key, cell)| (key.to_string(), cell.value.clone()))
            .collect()
    }
}

impl Cell {
    /// Remembers a write; those of one record to one key are merged where that is simple, so that a
    /// guest that writes in a loop does not make the list long.
    fn push(&mut self, index: usize, write: Write) {
        match (self.writes.last_mut(), &write) {
            (Some((writer, last)), Write::Put(_) | Write::Delete) if *writer == index => {
                *last = write;
            }
            (Some((writer, Write::Add(sum))), Write::Add(amount)) if *writer == index => {
                match sum.checked_add(*amount) {
                    Some(total) => *sum = total,
                    None => self.writes.push((index, write)),
                }
            }
            _ => self.writes.push((index, write)),
        }
    }

    fn fold(&mut self) {
        let mut value = self.stored.clone();
        for (_, write) in &self.writes {
            // An addition that no longer fits what is below it was made to a value that has been
            // taken back; it then counts from 0.
            value = apply(value, write).unwrap_or_else(|_| match write {
                Write::Add(amount) => Some(amount.to_be_bytes().to_vec()),
                Write::Put(_) | Write::Delete => None,
            });
        }
        self.value = value;
    }
}

type Value = Option<Vec<u8>>;

fn apply(value: Value, write: &Write) -> Result<Value, (Value, String)> {
    match write {
        Write::Put(bytes) => Ok(Some(bytes.clone())),
        Write::Delete => Ok(None),
        Write::Add(amount) => {
            let counter = match counter(value.as_deref()) {
                Ok(counter) => counter,
                Err(why) => return Err((value, why)),
            };
            match counter.checked_add(*amount) {
                Some(sum) => Ok(Some(sum.to_be_bytes().to_vec())),
                None => Err((value, format!("adding {amount} to {counter} exceeds 64 bits"))),
            }
        }
    }
}

/// Reads a stored counter; a key without a value counts 0.
pub(crate) fn counter(value: Option<&[u8]>) -> Result<i64, String> {
    let Some(value) = value else { return Ok(0) };
    match <[u8; COUNTER_BYTES]>::try_from(value) {
        Ok(bytes) => Ok(i64::from_be_bytes(bytes)),
        Err(_) => Err(format!(
            "not a counter: its value has {} bytes, a counter has {COUNTER_BYTES}",
            value.len()
        )),
    }
}
