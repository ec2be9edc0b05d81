//! State by key: the store behind the context's state functions.

use crate::fault::Fault;

pub mod disk;
pub mod memory;

pub use self::{disk::DiskStore, memory::MemoryStore};

/// Where state lives. Called from the guest's own thread, so implementations may block.
pub trait StateStore: Send + Sync {
    /// # Errors
    /// The store cannot be read.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault>;

    /// Makes all changes durable together, or none. `None` deletes.
    ///
    /// # Errors
    /// Nothing was changed.
    fn commit(&self, changes: &[(String, Option<Vec<u8>>)]) -> Result<(), Fault>;
}

/// A counter's stored form: 8 bytes, big endian, as Pulsar's table service stores it.
pub const COUNTER_BYTES: usize = 8;
