//! Who may write, and until when.
//!
//! A process that was stopped for longer than its lease and goes on does not know that another
//! leads by now. So a write is checked against a deadline of our own clock, not against what a
//! task remembers, and not only when a request is made but each time bytes of it are about to be
//! handed to the kernel (see [`Fenced`]).
//!
//! What window stays: a stop between the last check and the system call after it, some hundred
//! nanoseconds; and a request that the kernel or the API server has already and that is carried out
//! late. For the latter the deadline lies before the lease's end (10 s of 15 s); what takes longer
//! than the 5 s between meets the API server's own conflict detection, no more.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

/// A reading of a clock that nobody sets.
pub type Clock = fn() -> Duration;

/// Time since the start of the machine, also that spent suspended.
pub fn since_boot() -> Duration {
    use nix::time::{ClockId, clock_gettime};
    // Every Linux has this clock. Where a sandbox denies it, no deadline is ever in the future.
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::MAX, Duration::from)
}

/// Lets writes through until a deadline. Clones are the same fence.
#[derive(Clone, Debug)]
pub struct Fence {
    clock: Clock,
    /// Nanoseconds of the clock.
    until: Arc<AtomicU64>,
}

impl Fence {
    /// One that lets nothing through until told.
    pub fn shut(clock: Clock) -> Self {
        Self { clock, until: Arc::new(AtomicU64::new(0)) }
    }

    /// One without a deadline: there is no election.
    pub fn open() -> Self {
        Self { clock: since_boot, until: Arc::new(AtomicU64::new(u64::MAX)) }
    }

    pub fn now(&self) -> Duration {
        (self.clock)()
    }

    /// Lets writes through until then. A fence that was open longer stays so.
    pub fn extend(&self, until: Duration) {
        let until = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        self.until.fetch_max(until, Ordering::AcqRel);
    }

    /// Lets nothing through any more.
    pub fn close(&self) {
        self.until.store(0, Ordering::Release);
    }

    /// How long writes are still let through.
    pub fn left(&self) -> Duration {
        match self.until.load(Ordering::Acquire) {
            u64::MAX => Duration::MAX,
            until => Duration::from_nanos(until).saturating_sub(self.now()),
        }
    }

    /// # Errors
    /// The deadline has passed.
    pub fn check(&self) -> Result<(), NotLeading> {
        if self.left().is_zero() { Err(NotLeading) } else { Ok(()) }
    }
}

/// A write was held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("held back: this process does not hold the lease (any more), another may lead")]
pub struct NotLeading;

/// A connection to the API server that sends nothing once the fence is closed.
pub struct Fenced<T> {
    stream: T,
    fence: Fence,
}

impl<T> Fenced<T> {
    pub fn new(stream: T, fence: Fence) -> Self {
        Self { stream, fence }
    }

    fn check(&self) -> io::Result<()> {
        self.fence.check().map_err(|held| io::Error::new(io::ErrorKind::PermissionDenied, held))
    }
}

impl<T: Read + Unpin> Read for Fenced<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<T: Write + Unpin> Write for Fenced<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<T: Connection> Connection for Fenced<T> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

#[cfg(test)]
pub(crate) mod tests;
