//! The process's one wasmtime engine, and why each of its switches is set.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use function_mesh_proto::instance::Limits;
use wasmtime::{Config, EngineWeak};

use super::{cache::Cache, component::CompiledComponent};
use crate::fault::Fault;

/// How exactly deadlines are kept: a guest is ended at most this long after its deadline.
const TICK: Duration = Duration::from_millis(10);

/// Host functions run on the guest's stack, above what wasm may use of it.
const HOST_STACK_BYTES: usize = 1 << 20;

/// Compiles components and keeps the time of their guests.
#[derive(Clone)]
pub struct Engine {
    wasmtime: wasmtime::Engine,
    limits: Arc<Limits>,
    cache: Option<Arc<Cache>>,
    _ticker: Arc<Ticker>,
}

impl Engine {
    /// `cache_dir` holds compiled code between runs; without it every start compiles.
    ///
    /// # Errors
    /// A limit that cannot be kept on this machine.
    pub fn new(limits: &Limits, cache_dir: Option<PathBuf>) -> Result<Self, Fault> {
        let stack = usize::try_from(limits.stack_bytes).unwrap_or(usize::MAX);
        if stack == 0 || stack > 256 << 20 {
            return Err(Fault::system(format!(
                "limits.stackBytes={}: expected 1 to {} bytes",
                limits.stack_bytes,
                256 << 20
            ))
            .permanent());
        }
        let wasmtime = wasmtime::Engine::new(&config(stack)).map_err(|error| {
            Fault::system(format!("the WebAssembly engine cannot start: {error:#}")).permanent()
        })?;
        let cache = cache_dir.map(|dir| Arc::new(Cache::new(dir, &wasmtime)));
        let ticker = Arc::new(Ticker::start(wasmtime.weak())?);
        Ok(Self { wasmtime, limits: Arc::new(limits.clone()), cache, _ticker: ticker })
    }

    /// Checks and compiles a component, or takes its compiled code from the cache. Runs on a thread
    /// for blocking work: compiling takes tens of milliseconds and more.
    ///
    /// # Errors
    /// The bytes are no component, it exports no world of this runner, or it imports what the runner
    /// does not offer.
    pub async fn load(&self, wasm: Bytes) -> Result<CompiledComponent, Fault> {
        let engine = self.clone();
        tokio::task::spawn_blocking(move || CompiledComponent::load(&engine, &wasm))
            .await
            .map_err(|stopped| Fault::system(format!("compiling was cut short: {stopped}")))?
    }

    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    pub(super) fn cache(&self) -> Option<&Cache> {
        self.cache.as_deref()
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Stack for a guest's thread: what wasm may use, and what the host functions need above it.
    pub(super) fn thread_stack_bytes(&self) -> usize {
        usize::try_from(self.limits.stack_bytes).unwrap_or(usize::MAX) + 2 * HOST_STACK_BYTES
    }
}

/// A time span in epoch ticks, never shorter than the span.
pub(super) fn ticks(span: Duration) -> u64 {
    u64::try_from(span.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u64::MAX).saturating_add(1)
}

fn config(stack: usize) -> Config {
    let mut config = Config::new();
    // Guests are called synchronously on threads of their own; the machinery for concurrent
    // component tasks triples the cost of a call.
    config.concurrency_support(false);
    // Ends loops. Costs about a tenth of compute-bound guest code, like fuel, but needs no refill.
    config.epoch_interruption(true);
    config.max_wasm_stack(stack);
    // Unused, since nothing runs on fibers, but the engine wants it above the wasm stack.
    config.async_stack_size(stack.saturating_add(HOST_STACK_BYTES));
    // The initial memory image is mapped, not copied.
    config.memory_init_cow(true);
    config.parallel_compilation(true);
    // The on-demand allocator, not the pooling one. A process has as many guests as instances and
    // makes a new one only after a trap; starting one took 0.4 ms with either. What the pool is good
    // at, reuse (8 µs against 24 µs), then saves nothing, while its fixed slot sizes would refuse
    // components with unusually many tables or memories. The store's limiter keeps the limits.
    config
}

/// Advances the epoch. Ends when the last user of the engine is gone.
struct Ticker {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Ticker {
    fn start(engine: EngineWeak) -> Result<Self, Fault> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("wasm-epoch".to_owned())
            .stack_size(64 << 10)
            .spawn(move || {
                while !stopping.load(Ordering::Acquire) {
                    thread::park_timeout(TICK);
                    match engine.upgrade() {
                        Some(engine) => engine.increment_epoch(),
                        None => return,
                    }
                }
            })
            .map_err(|error| Fault::system(format!("no thread for the epoch clock: {error}")))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It does nothing that could panic, and ends within a tick.
            _ = thread.join();
        }
    }
}
