//! What a guest may use: memory, tables, instances, and what it may pass through host functions.
//! Time is kept by the engine's epoch, the stack by its configuration.

use std::{fmt, time::Duration};

use function_mesh_proto::instance::Limits;
use wasmtime::ResourceLimiter;

/// Core instances, memories and tables in one guest. A component links several core modules
/// (Python's has about twenty); more than these is not a function.
const MAX_INSTANCES: usize = 256;
const MAX_MEMORIES: usize = 16;
const MAX_TABLES: usize = 64;

/// A limit that a host function enforced; the guest traps with it.
#[derive(Debug)]
pub(super) enum LimitHit {
    HostCallBytes {
        limit: u64,
    },
    /// The guest waited in the host beyond its deadline.
    Deadline,
}

impl fmt::Display for LimitHit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostCallBytes { limit } => write!(
                f,
                "passed more than {limit} bytes through host functions in one call \
                 (limits.hostCallBytes)"
            ),
            Self::Deadline => write!(f, "waited beyond its deadline"),
        }
    }
}

impl std::error::Error for LimitHit {}

/// How long one guest call may take, and the limit that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline {
    pub(super) after: Duration,
    pub(super) limit: &'static str,
}

impl Deadline {
    /// For one message, or for starting.
    pub(super) fn single(limits: &Limits) -> Self {
        if limits.message_millis <= limits.batch_millis {
            Self::new(limits.message_millis, "limits.messageMillis")
        } else {
            Self::new(limits.batch_millis, "limits.batchMillis")
        }
    }

    /// For several messages that are expected to take `expected` together: ten times that, but no
    /// longer than one message may take. None of them is failed by this deadline, since those of a
    /// call that exceeds it run again one by one: it bounds how long an endless loop holds up its
    /// neighbours, and should let pass what is merely slow for once.
    pub(super) fn several(limits: &Limits, expected: Duration) -> Self {
        let single = Self::single(limits);
        Self { after: single.after.min(expected * 10), limit: single.limit }
    }

    fn new(millis: u64, limit: &'static str) -> Self {
        Self { after: Duration::from_millis(millis), limit }
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ran longer than {} ms ({})", self.after.as_millis(), self.limit)
    }
}

/// Grants memory and tables up to the limits.
#[derive(Debug)]
pub(super) struct Limiter {
    memory_bytes: usize,
    table_elements: usize,
    /// Sum over the guest's memories and tables: a component may have several.
    memory: usize,
    tables: usize,
    refused_memory: bool,
    refused_table: bool,
}

impl Limiter {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX),
            table_elements: usize::try_from(limits.table_elements).unwrap_or(usize::MAX),
            memory: 0,
            tables: 0,
            refused_memory: false,
            refused_table: false,
        }
    }

    /// Bytes of linear memory the guest holds.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// Which limit the guest met, if any. A guest that is refused memory usually aborts, so this
    /// says why an `unreachable` was reached.
    pub(super) fn refused(&self) -> Option<String> {
        if self.refused_memory {
            Some(format!(
                "needed more than {} bytes of memory (limits.memoryBytes)",
                self.memory_bytes
            ))
        } else if self.refused_table {
            Some(format!(
                "needed more than {} table elements (limits.tableElements)",
                self.table_elements
            ))
        } else {
            None
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.memory_bytes {
            self.refused_memory = true;
            return Ok(false);
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let total = self.tables.saturating_add(desired.saturating_sub(current));
        if total > self.table_elements {
            self.refused_table = true;
            return Ok(false);
        }
        self.tables = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}
