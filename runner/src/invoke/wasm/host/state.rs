//! State: reads see the call's own writes, writes wait in the overlay for the call's commit.

use std::sync::Arc;

use super::{Host, bindings::imports::state};
use crate::invoke::wasm::effects::{Write, counter};

type Answer<T> = wasmtime::Result<Result<T, String>>;

impl state::Host for Host {
    fn get(&mut self, key: String) -> Answer<Option<Vec<u8>>> {
        let value = match self.value(&key) {
            Ok(value) => value,
            Err(why) => return Ok(Err(why)),
        };
        self.spend(key.len() + value.as_ref().map_or(0, Vec::len))?;
        Ok(Ok(value))
    }

    fn put(&mut self, index: u32, key: String, value: Vec<u8>) -> Answer<()> {
        Ok(self.write(index, key, Write::Put(value))?.map(drop))
    }

    fn delete(&mut self, index: u32, key: String) -> Answer<()> {
        Ok(self.write(index, key, Write::Delete)?.map(drop))
    }

    fn increment(&mut self, index: u32, key: String, amount: i64) -> Answer<i64> {
        Ok(self.write(index, key, Write::Add(amount))?.and_then(|value| counter(value.as_deref())))
    }

    fn counter(&mut self, key: String) -> Answer<i64> {
        self.spend(key.len())?;
        Ok(self.value(&key).and_then(|value| {
            counter(value.as_deref()).map_err(|why| format!("state key {key:?} is {why}"))
        }))
    }
}

impl Host {
    fn value(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        match self.effects.overlay().get(key) {
            Some(value) => Ok(value.map(<[u8]>::to_vec)),
            None => self.context.state.get(key).map_err(|fault| fault.to_string()),
        }
    }

    /// Files a write under its record; gives the key's new value.
    fn write(&mut self, index: u32, key: String, write: Write) -> Answer<Option<Vec<u8>>> {
        let position = self.position(index)?;
        if key.is_empty() {
            return Ok(Err("a state key must not be empty".to_owned()));
        }
        let bytes = match &write {
            Write::Put(value) => value.len(),
            Write::Delete | Write::Add(_) => size_of::<i64>(),
        };
        // Twice the key: the overlay and the record's list of what it wrote hold it.
        self.spend(2 * key.len() + bytes)?;
        let key: Arc<str> = Arc::from(key);
        let store = &self.context.state;
        let stored = || store.get(&key).map_err(|fault| fault.to_string());
        let wanted = matches!(write, Write::Add(_));
        Ok(match self.effects.write(position, &key, write, stored) {
            Ok(value) => Ok(value.filter(|_| wanted).map(<[u8]>::to_vec)),
            Err(why) => Err(format!("state key {key:?}: {why}")),
        })
    }
}
