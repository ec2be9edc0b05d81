//! A function's state: values and counters by key, shared by its instances.
//!
//! Deliberately absent: other functions' state stores, and scans.

use crate::{context::Context, error::Error, host::Host as _};

/// The function's state store. What a failed message wrote never happened.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    context: &'a Context,
}

impl Context {
    /// The function's state store.
    pub fn state(&self) -> State<'_> {
        State { context: self }
    }
}

impl State<'_> {
    /// The value of `key`, or none.
    ///
    /// # Errors
    /// The store is not there, or does not answer.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.context.host().get(key).map_err(|why| failed("read", key, &why))
    }

    /// Sets the value of `key`. Durable before the message's input is acknowledged.
    ///
    /// # Errors
    /// The store is not there, or does not answer.
    pub fn put(&self, key: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        let index = self.context.effect("write", key)?;
        self.context
            .host()
            .put(index, key, value.as_ref())
            .map_err(|why| failed("write", key, &why))
    }

    /// Forgets `key`, a value or a counter.
    ///
    /// # Errors
    /// The store is not there, or does not answer.
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        let index = self.context.effect("delete", key)?;
        self.context.host().delete(index, key).map_err(|why| failed("delete", key, &why))
    }

    /// Adds `amount` to a counter, which starts at 0; gives its new value.
    ///
    /// # Errors
    /// The store is not there, or does not answer, or `key` holds a value that is no counter.
    pub fn incr_counter(&self, key: &str, amount: i64) -> Result<i64, Error> {
        let index = self.context.effect("increment", key)?;
        self.context
            .host()
            .increment(index, key, amount)
            .map_err(|why| failed("increment", key, &why))
    }

    /// A counter's value; 0 if it was never increased.
    ///
    /// # Errors
    /// The store is not there, or does not answer, or `key` holds a value that is no counter.
    pub fn counter(&self, key: &str) -> Result<i64, Error> {
        self.context.host().counter(key).map_err(|why| failed("read", key, &why))
    }
}

fn failed(action: &str, key: &str, why: &str) -> Error {
    Error::during(format_args!("cannot {action} state '{key}'"), why)
}
