//! Runs calls so that one message cannot spoil another: what a call is cut into, and what happens
//! when part of it ends the guest.
//!
//! - The records of a call go to the guest in windows that are expected to take [`WINDOW`]; for most
//!   functions that is the whole call. Outcomes of slow functions thus do not wait for the call's end.
//! - A window that ends the guest (a trap, a limit, broken results) leaves no effects, and its records
//!   run again one by one in a fresh guest. Only those that end the guest alone are failed.
//! - A record that was delivered before runs alone at once: it may be the one that ends guests.
//!
//! One by one, not by halves: a call costs about a microsecond and an ended guest some fifty, so to
//! find one message among 1000 by halves, at ten ended guests and most messages run twice, is no
//! cheaper than a call for each. And every half could loop until its deadline, while here an endless
//! loop costs one window's deadline and its own, whatever the batch.

use std::{ops::Range, sync::Arc, time::Duration};

use tokio::{runtime::Handle, time::Instant};
use tracing::{debug, warn};

use super::{
    component::CompiledComponent,
    effects::Effects,
    guest::{Guest, Made, Window},
    host::{Host, HostContext},
    limits::Deadline,
    trap::Ended,
};
use crate::{
    fault::Fault,
    invoke::{Call, Completed, Outcome},
    record::Record,
};

/// How long the records of one guest call are expected to take together, at most; also how long
/// outcomes wait for others of their call.
const WINDOW: Duration = Duration::from_millis(100);

/// Runs a function's calls one after another, in a guest that is replaced when it ends.
pub(super) struct Isolate {
    component: CompiledComponent,
    context: Arc<HostContext>,
    runtime: Handle,
    guest: Option<Guest>,
    effects: Effects,
    /// What a message takes, of late. Unknown until the first was run.
    pace: Option<Duration>,
}

impl Isolate {
    /// Makes the first guest.
    ///
    /// # Errors
    /// It cannot be instantiated or started.
    pub(super) fn start(
        component: CompiledComponent,
        context: Arc<HostContext>,
        runtime: Handle,
    ) -> Result<Self, Fault> {
        let mut isolate = Self {
            component,
            context,
            runtime,
            guest: None,
            effects: Effects::default(),
            pace: None,
        };
        let guest = isolate.new_guest().map_err(|ended| {
            Fault::user(format!("the function does not start: {ended}")).permanent()
        })?;
        isolate.keep(guest);
        Ok(isolate)
    }

    /// Runs a call and sends its outcomes. Stops in between when nobody waits for them any more.
    pub(super) fn run(&mut self, call: &Call) {
        let mut part = Part { first: 0, made: Vec::with_capacity(call.records.len()), bytes: 0 };
        let mut alone_until = 0;
        let mut next = 0;
        let mut since = Instant::now();
        while next < call.records.len() {
            if call.outcomes.is_closed() {
                self.effects = Effects::default();
                return;
            }
            let window = self.window(&call.records, next, alone_until);
            let end = window.end;
            match self.process(&call.records, window.clone(), &mut part) {
                Ok(()) => next = end,
                Err(Failed::Guest(ended)) if window.len() > 1 => {
                    debug!(%ended, records = window.len(), "guest ended; running its records alone");
                    alone_until = end;
                }
                Err(Failed::Guest(ended)) => {
                    part.made.push(Err(Fault::user(ended.to_string())));
                    next = end;
                }
                Err(Failed::Start(ended)) => {
                    let why = format!("the function does not start again: {ended}");
                    part.made.extend(window.map(|_| Err(Fault::user(why.clone()))));
                    next = end;
                }
            }
            let full = part.bytes >= self.context.limits.host_call_bytes;
            if next == call.records.len() || full || since.elapsed() >= WINDOW {
                self.send(call, &mut part);
                since = Instant::now();
            }
        }
    }

    /// Which records the next guest call is about.
    fn window(&self, records: &[Record], next: usize, alone_until: usize) -> Range<usize> {
        let batches = self.guest.as_ref().is_none_or(Guest::takes_batches);
        let (true, Some(pace)) = (batches && next >= alone_until, self.pace) else {
            return next..next + 1;
        };
        let fitting = WINDOW.as_nanos() / pace.as_nanos().max(1);
        let fresh = records
            .iter()
            .skip(next)
            .take(usize::try_from(fitting).unwrap_or(usize::MAX))
            .take_while(|record| record.redelivery_count == 0)
            .count();
        next..next + fresh.max(1)
    }

    fn process(
        &mut self,
        records: &Arc<[Record]>,
        window: Range<usize>,
        part: &mut Part,
    ) -> Result<(), Failed> {
        let count = window.len();
        let deadline = if count == 1 {
            Deadline::single(&self.context.limits)
        } else {
            Deadline::several(&self.context.limits, WINDOW)
        };
        let mut guest = match self.guest.take() {
            Some(guest) => guest,
            None => self.new_guest().map_err(Failed::Start)?,
        };
        let began = Instant::now();
        let called = guest.call(
            Window { records, range: window, deadline },
            &mut part.made,
            &mut self.effects,
        );
        let took = began.elapsed();
        let messages = u64::try_from(count).unwrap_or(u64::MAX);
        match called {
            Ok(bytes) => {
                part.bytes = part.bytes.saturating_add(bytes);
                self.keep_pace(took / u32::try_from(count).unwrap_or(u32::MAX).max(1));
                self.context.metrics.invoked(messages, took);
                self.keep(guest);
                Ok(())
            }
            Err(ended) => {
                self.context.metrics.trapped();
                if count == 1 {
                    self.context.metrics.invoked(1, took);
                }
                Err(Failed::Guest(ended))
            }
        }
    }

    /// Takes a faster pace at once: the first messages of a guest are slow. A slower one counts half,
    /// since it may be one message's or the machine's.
    fn keep_pace(&mut self, latest: Duration) {
        self.pace = Some(match self.pace {
            Some(pace) if latest > pace => (pace + latest) / 2,
            Some(_) | None => latest,
        });
    }

    fn new_guest(&self) -> Result<Guest, Ended> {
        Guest::start(&self.component, Host::new(&self.context, &self.runtime))
    }

    fn keep(&mut self, guest: Guest) {
        self.context.metrics.guest_memory(guest.memory() as u64);
        self.guest = Some(guest);
    }

    /// Commits the state of the records that were run, then hands out their outcomes. In this
    /// order: an input must not be acknowledged before what it changed is durable.
    fn send(&mut self, call: &Call, part: &mut Part) {
        let changes = self.effects.changes();
        if !changes.is_empty()
            && let Err(fault) = self.context.state.commit(&changes)
        {
            warn!(%fault, "state was not committed; the messages that wrote it fail");
            for index in self.effects.discard_writers() {
                if let Some(made) = part.made.get_mut(index - part.first) {
                    *made = Err(Fault::system(format!("state was not committed: {fault}")));
                }
            }
        }
        let (mut effects, mut earlier) = self.effects.take();
        let count = part.made.len();
        let mut outcomes = Vec::with_capacity(count);
        for (offset, result) in part.made.drain(..).enumerate() {
            let mut outcome = Outcome { result, published: Vec::new(), settled: Vec::new() };
            if let Some(effects) = effects.remove(&(part.first + offset)) {
                outcome.published = effects.published;
                outcome.settled = effects.settled;
            }
            // Settlements of earlier records go with any outcome that succeeded, or the last one.
            if !earlier.is_empty() && (outcome.result.is_ok() || offset + 1 == count) {
                outcome.settled.append(&mut earlier);
            }
            outcomes.push(outcome);
        }
        let completed = Completed { call: call.id, first: part.first, outcomes };
        part.first += count;
        part.bytes = 0;
        if call.outcomes.blocking_send(completed).is_err() {
            debug!(call = call.id, "nobody waits for the outcomes of this call");
        }
    }
}

/// Outcomes of a call that were not sent yet.
struct Part {
    /// Index in the call of the first of them.
    first: usize,
    made: Vec<Made>,
    /// What they and their effects hold in memory: what one guest call may pass is also what may
    /// wait for others.
    bytes: u64,
}

enum Failed {
    /// The guest ended on the window.
    Guest(Ended),
    /// There was no guest, and none can be had.
    Start(Ended),
}
