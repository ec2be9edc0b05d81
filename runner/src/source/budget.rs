//! Credit for what may be in flight, in bytes as well as in messages.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes are counted in blocks, so that a budget fits the semaphore's 32 bits.
const BLOCK: usize = 1024;

/// What one instance may hold between reading an entry and settling it.
///
/// An entry larger than the whole budget waits until it has all of it.
#[derive(Clone, Debug)]
pub struct Budget {
    messages: Arc<Semaphore>,
    max_messages: u32,
    blocks: Arc<Semaphore>,
    max_blocks: u32,
    held_messages: Arc<AtomicUsize>,
    held_bytes: Arc<AtomicUsize>,
}

impl Budget {
    /// `max_bytes` is rounded up to whole KiB.
    pub fn new(max_messages: u32, max_bytes: usize) -> Self {
        let max_messages = max_messages.max(1);
        let max_blocks = u32::try_from(max_bytes.div_ceil(BLOCK)).unwrap_or(u32::MAX).max(1);
        Self {
            messages: Arc::new(Semaphore::new(max_messages as usize)),
            max_messages,
            blocks: Arc::new(Semaphore::new(max_blocks as usize)),
            max_blocks,
            held_messages: Arc::default(),
            held_bytes: Arc::default(),
        }
    }

    /// Waits until an entry of this size fits.
    pub async fn acquire(&self, messages: usize, bytes: usize) -> Permit {
        let count = u32::try_from(messages).unwrap_or(u32::MAX).min(self.max_messages);
        let blocks =
            u32::try_from(bytes.div_ceil(BLOCK)).unwrap_or(u32::MAX).clamp(1, self.max_blocks);
        // The semaphores are never closed, so acquiring cannot fail; `ok` keeps that a type.
        let message_permit = self.messages.clone().acquire_many_owned(count).await.ok();
        let block_permit = self.blocks.clone().acquire_many_owned(blocks).await.ok();
        self.held_messages.fetch_add(messages, Ordering::Relaxed);
        self.held_bytes.fetch_add(bytes, Ordering::Relaxed);
        Permit {
            _credit: (message_permit, block_permit),
            held: Some((self.clone(), messages, bytes)),
        }
    }

    /// Messages between reading and settling.
    pub fn messages_in_flight(&self) -> usize {
        self.held_messages.load(Ordering::Relaxed)
    }

    /// Bytes between reading and settling.
    pub fn bytes_in_flight(&self) -> usize {
        self.held_bytes.load(Ordering::Relaxed)
    }
}

/// Credit held by one entry; dropping it gives the credit back.
#[derive(Debug)]
pub struct Permit {
    _credit: (Option<OwnedSemaphorePermit>, Option<OwnedSemaphorePermit>),
    held: Option<(Budget, usize, usize)>,
}

impl Permit {
    /// For sources whose length is bounded otherwise.
    pub fn unlimited() -> Self {
        Self { _credit: (None, None), held: None }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some((budget, messages, bytes)) = self.held.take() {
            budget.held_messages.fetch_sub(messages, Ordering::Relaxed);
            budget.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}
