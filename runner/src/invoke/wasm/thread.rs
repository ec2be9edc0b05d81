//! The thread a guest lives on.

use std::{sync::Arc, thread};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};
use tracing::Span;

use super::{component::CompiledComponent, host::HostContext, isolate::Isolate};
use crate::{fault::Fault, invoke::Call};

/// A guest's thread. Ends when its queue is closed and empty.
pub(super) struct GuestThread {
    thread: thread::JoinHandle<()>,
    ended: oneshot::Receiver<()>,
}

impl GuestThread {
    /// Waits until the guest has started.
    pub(super) async fn start(
        component: CompiledComponent,
        context: Arc<HostContext>,
        inbox: mpsc::Receiver<Call>,
    ) -> Result<Self, Fault> {
        let runtime = Handle::current();
        let span = Span::current();
        let (start, started) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let thread = thread::Builder::new()
            .name(thread_name(&context))
            .stack_size(component.engine().thread_stack_bytes())
            .spawn(move || {
                let _entered = span.entered();
                run(component, context, &runtime, start, inbox);
                // Nobody waits if the invoker was dropped without being closed.
                _ = end.send(());
            })
            .map_err(|error| Fault::system(format!("no thread for the function: {error}")))?;
        let thread = Self { thread, ended };
        match started.await {
            Ok(Ok(())) => Ok(thread),
            Ok(Err(fault)) => {
                thread.join().await?;
                Err(fault)
            }
            Err(_) => {
                thread.join().await?;
                Err(Fault::system("the function's thread ended while starting"))
            }
        }
    }

    /// Waits for the thread's end.
    pub(super) async fn join(self) -> Result<(), Fault> {
        // An error means that the thread panicked, which joining tells as well.
        _ = self.ended.await;
        self.thread.join().map_err(|_| Fault::system("the function's thread panicked"))
    }
}

fn run(
    component: CompiledComponent,
    context: Arc<HostContext>,
    runtime: &Handle,
    start: oneshot::Sender<Result<(), Fault>>,
    mut inbox: mpsc::Receiver<Call>,
) {
    // WASI's waiting needs a runtime's timer, and would otherwise make a runtime of its own.
    let _entered = runtime.enter();
    let mut isolate = match Isolate::start(component, context, runtime.clone()) {
        Ok(isolate) => isolate,
        Err(fault) => {
            _ = start.send(Err(fault));
            return;
        }
    };
    if start.send(Ok(())).is_err() {
        return;
    }
    while let Some(call) = inbox.blocking_recv() {
        isolate.run(&call);
    }
}

/// As much of the function's name as fits a thread's (15 bytes on Linux).
fn thread_name(context: &HostContext) -> String {
    context.id.name.chars().filter(|c| *c != '\0').take(15).collect()
}
