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
    memory: Allowance,
    tables: Allowance,
}

/// One kind of what a guest may hold, summed over all it has: a component may have several
/// memories and tables.
#[derive(Debug)]
struct Allowance {
    limit: usize,
    held: usize,
    refused: bool,
}

impl Limiter {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            memory: Allowance::new(limits.memory_bytes),
            tables: Allowance::new(limits.table_elements),
        }
    }

    /// Bytes of linear memory the guest holds.
    pub(super) fn memory(&self) -> usize {
        self.memory.held
    }

    /// Which limit the guest met, if any. A guest that is refused memory usually aborts, so this
    /// says why an `unreachable` was reached.
    pub(super) fn refused(&self) -> Option<String> {
        let Self { memory, tables } = self;
        if memory.refused {
            Some(format!("needed more than {} bytes of memory (limits.memoryBytes)", memory.limit))
        } else if tables.refused {
            let limit = tables.limit;
            Some(format!("needed more than {limit} table elements (limits.tableElements)"))
        } else {
            None
        }
    }
}

impl Allowance {
    fn new(limit: u64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self { limit, held: 0, refused: false }
    }

    /// Whether one of them may grow from `current` to `desired`. Beyond the `maximum` that the
    /// guest itself declared, nothing was refused by us.
    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return false;
        }
        let total = self.held.saturating_add(desired.saturating_sub(current));
        if total > self.limit {
            self.refused = true;
            return false;
        }
        self.held = total;
        true
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.memory.grow(current, desired, maximum))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.tables.grow(current, desired, maximum))
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
