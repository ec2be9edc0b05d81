//! Runs Rust code of this process: for tests and for embedding. No sandbox.

use async_trait::async_trait;
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinHandle,
};

use super::{Call, Completed, Invoker, Outcome};
use crate::{fault::Fault, record::Record};

/// Calls that may wait besides the one that runs.
const CAPACITY: usize = 2;

/// An ordinary function as an [`Invoker`]: one call after the other, on a task of its own.
#[derive(Debug)]
pub struct NativeInvoker {
    calls: mpsc::Sender<Call>,
    worker: Mutex<JoinHandle<()>>,
}

impl NativeInvoker {
    /// Must be called within a tokio runtime.
    pub fn new(function: impl FnMut(&Record) -> Outcome + Send + 'static) -> Self {
        let (calls, queue) = mpsc::channel(CAPACITY);
        Self { calls, worker: Mutex::new(tokio::spawn(work(function, queue))) }
    }
}

async fn work(
    mut function: impl FnMut(&Record) -> Outcome + Send,
    mut queue: mpsc::Receiver<Call>,
) {
    while let Some(Call { id, records, outcomes }) = queue.recv().await {
        let outcomes_of_call = records.iter().map(&mut function).collect();
        let completed = Completed { call: id, first: 0, outcomes: outcomes_of_call };
        if outcomes.send(completed).await.is_err() {
            return; // the pipeline is gone, and with it the reason to go on
        }
    }
}

#[async_trait]
impl Invoker for NativeInvoker {
    fn capacity(&self) -> usize {
        CAPACITY
    }

    fn submit(&self, call: Call) -> Result<(), Fault> {
        self.calls
            .try_send(call)
            .map_err(|_full_or_ended| Fault::system("the function's task has ended"))
    }

    async fn close(self: Box<Self>) -> Result<(), Fault> {
        let Self { calls, worker } = *self;
        drop(calls);
        worker.into_inner().await.map_err(Fault::system)
    }
}
