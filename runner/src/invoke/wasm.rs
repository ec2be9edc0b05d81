//! Functions as WebAssembly components.
//!
//! ```text
//! Engine (process) ─► CompiledComponent (function) ─► WasmInvoker ─► thread ─► isolate ─► Guest
//!                                                                                  │
//!                                                              effects ◄─ host ◄───┘
//! ```
//!
//! In reading order: how code becomes a component, how a call runs, what a guest may reach. Only
//! these files know wasmtime. There is no knowledge of Pulsar here, and no retrying: a failed record
//! is reported, and the pipeline decides.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::{
    fault::Fault,
    invoke::{Call, Invoker},
};

mod engine;
mod cache;
mod component;
mod world;
mod thread;
mod isolate;
mod guest;
mod trap;
mod limits;
mod effects;
mod host;

pub use self::{
    component::{CompiledComponent, ComponentDescription, describe},
    engine::Engine,
    host::HostContext,
    world::World,
};

use self::thread::GuestThread;

/// Calls that may wait for the guest: one is being worked on, one follows without a pause.
const CAPACITY: usize = 2;

/// Runs a component on a thread of its own.
///
/// A guest call may take seconds and never yields, so it must not sit on the runtime's threads.
/// Dropped without being closed, it lets the guest finish the message at hand and no more.
pub struct WasmInvoker {
    calls: mpsc::Sender<Call>,
    thread: GuestThread,
}

impl WasmInvoker {
    /// Instantiates the component and runs its `start`.
    ///
    /// # Errors
    /// The component cannot be instantiated, or its `start` failed, trapped or took too long.
    pub async fn start(component: &CompiledComponent, context: HostContext) -> Result<Self, Fault> {
        let (calls, inbox) = mpsc::channel(CAPACITY);
        let thread = GuestThread::start(component.clone(), Arc::new(context), inbox).await?;
        Ok(Self { calls, thread })
    }
}

#[async_trait]
impl Invoker for WasmInvoker {
    fn capacity(&self) -> usize {
        CAPACITY
    }

    fn submit(&self, call: Call) -> Result<(), Fault> {
        self.calls.try_send(call).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(call) => Fault::system(format!(
                "call {} exceeds the {CAPACITY} that the guest takes at once",
                call.id
            )),
            mpsc::error::TrySendError::Closed(call) => {
                Fault::system(format!("call {}: the guest's thread has ended", call.id))
            }
        })
    }

    async fn close(self: Box<Self>) -> Result<(), Fault> {
        let Self { calls, thread } = *self;
        drop(calls);
        thread.join().await
    }
}

#[cfg(test)]
mod tests;
