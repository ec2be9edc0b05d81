//! State that ends with the process: for tests and for `localrun`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::StateStore;
use crate::fault::Fault;

/// State in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    values: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl MemoryStore {
    fn values(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        // Changes are applied one by one and none of them panics, so the map is whole.
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for MemoryStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.values().get(key).cloned())
    }

    fn commit(&self, changes: &[(String, Option<Vec<u8>>)]) -> Result<(), Fault> {
        let mut values = self.values();
        for (key, value) in changes {
            match value {
                Some(value) => values.insert(key.clone(), value.clone()),
                None => values.remove(key),
            };
        }
        Ok(())
    }
}
