//! The data path of one instance: read, invoke, route, publish, settle.
//!
//! One task does it all, and reacts to one event at a time, so the order of results is the order
//! of publishing. It never waits for the function or for a confirmation; it does wait for room in
//! the sink, which is what makes a slow output stop consumption.

use std::{collections::VecDeque, sync::Arc};

use function_mesh_proto::{
    instance::Limits,
    plan::{FunctionPlan, Guarantee},
};
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::mpsc,
    time::{Duration, Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use self::{
    calls::{CallState, Calls},
    entries::Entries,
    item::{Item, Ticket},
    manual::Manual,
    order::{Held, OrderGate},
    publish::{Confirmed, Confirming, Group},
    waiting::{Parked, Ready},
};
use crate::{
    dead_letter::DeadLetters,
    fault::Fault,
    invoke::{Completed, Invoker, Outcome},
    metrics::InstanceMetrics,
    record::Record,
    route::Router,
    sink::Sink,
    source::{Delivery, Source},
};

mod calls;
mod entries;
mod failure;
mod item;
mod manual;
mod order;
mod publish;
#[cfg(test)]
mod tests;
mod waiting;

/// Completed parts that may wait for the pipeline: a guest further ahead is held up.
const OUTCOME_QUEUE: usize = 16;

/// What a pipeline is made of.
pub struct Parts {
    pub source: Box<dyn Source>,
    pub invoker: Box<dyn Invoker>,
    pub sink: Box<dyn Sink>,
    pub metrics: Arc<InstanceMetrics>,
}

pub struct Pipeline {
    source: Box<dyn Source>,
    invoker: Box<dyn Invoker>,
    sink: Box<dyn Sink>,
    metrics: Arc<InstanceMetrics>,
    router: Router,
    dead_letters: DeadLetters,
    guarantee: Guarantee,
    retry_delay: Duration,
    calls: Calls,
    ready: Ready,
    parked: Parked,
    gate: OrderGate,
    /// Outcomes let go by the gate, to be published before anything else is.
    resumable: VecDeque<(Item, Outcome)>,
    manual: Manual,
    entries: Entries,
    confirming: FuturesUnordered<Confirming>,
    sequence: u64,
    /// Set once no more is read: failures are then retried at once, or given back.
    draining: bool,
    summary: Summary,
}

/// What a pipeline did until it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub received: u64,
    pub processed: u64,
    pub dead_lettered: u64,
    /// Records left for redelivery because they failed and the instance stopped.
    pub given_back: u64,
}

impl std::ops::Add for Summary {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            processed: self.processed + other.processed,
            dead_lettered: self.dead_lettered + other.dead_lettered,
            given_back: self.given_back + other.given_back,
        }
    }
}

impl Pipeline {
    pub fn new(plan: &FunctionPlan, limits: &Limits, parts: Parts) -> Self {
        Self {
            calls: Calls::new(limits),
            router: Router::new(plan),
            dead_letters: DeadLetters::new(plan),
            guarantee: plan.guarantee,
            retry_delay: plan.retry.delay,
            gate: OrderGate::new(plan.ordering),
            manual: Manual::default(),
            resumable: VecDeque::new(),
            ready: Ready::default(),
            parked: Parked::default(),
            entries: Entries::default(),
            confirming: FuturesUnordered::new(),
            sequence: 0,
            draining: false,
            summary: Summary::default(),
            source: parts.source,
            invoker: parts.invoker,
            sink: parts.sink,
            metrics: parts.metrics,
        }
    }

    /// Runs until the source ends or `stop` fires, then finishes what is in flight: a graceful
    /// stop loses nothing and duplicates nothing. Dropping the future instead gives everything
    /// unsettled back for redelivery.
    ///
    /// # Errors
    /// The source or the invoker ended; what is unsettled will be redelivered.
    pub async fn run(mut self, stop: CancellationToken) -> Result<Summary, Fault> {
        let (sender, mut outcomes) = mpsc::channel(OUTCOME_QUEUE);
        loop {
            self.submit(&sender)?;
            if self.draining && self.is_drained() {
                break;
            }
            let retry = self.parked.next_due();
            tokio::select! {
                biased;
                () = stop.cancelled(), if !self.draining => self.start_draining("asked to stop"),
                Some(completed) = outcomes.recv() => self.complete(completed).await?,
                Some(confirmed) = self.confirming.next() => self.confirmed(confirmed).await?,
                () = sleep_until(retry.unwrap_or_else(Instant::now)), if retry.is_some() => {
                    self.ready.push_front(self.parked.take_due().into_iter());
                }
                delivery = self.source.next(), if self.wants_more() => match delivery? {
                    Some(delivery) => self.receive(delivery),
                    None => self.start_draining("the source ended"),
                },
            }
        }
        self.finish().await
    }

    /// A call's worth of records waiting is enough: more is better left with the source, where it
    /// holds no memory.
    fn wants_more(&self) -> bool {
        !self.draining && self.calls.wants_more(&self.ready)
    }

    fn receive(&mut self, Delivery { records, in_flight }: Delivery) {
        let count = records.len();
        self.metrics.received(count as u64);
        self.summary.received += count as u64;
        let entry = if self.guarantee == Guarantee::AtMostOnce {
            in_flight.ack();
            self.entries.reserve()
        } else {
            self.entries.open(in_flight, count)
        };
        for record in records {
            self.sequence += 1;
            let ticket = Ticket { entry, sequence: self.sequence, failures: 0, alone: false };
            self.ready.push(Item { record, ticket });
        }
    }

    /// Gives the invoker as many calls as it takes.
    fn submit(&mut self, outcomes: &mpsc::Sender<Completed>) -> Result<(), Fault> {
        while self.calls.under_way() < self.invoker.capacity() && !self.ready.is_empty() {
            let items = self.calls.fill(&mut self.ready, &mut self.gate);
            if items.is_empty() {
                break;
            }
            if self.guarantee == Guarantee::Manual {
                items.iter().for_each(|item| self.manual.expect(item));
            }
            self.invoker.submit(self.calls.start(items, outcomes.clone()))?;
        }
        Ok(())
    }

    /// Handles the outcomes of a part of a call, in the order of its records.
    async fn complete(&mut self, completed: Completed) -> Result<(), Fault> {
        let Some(CallState { records, tickets }) = self.calls.take_completed(&completed) else {
            return Err(Fault::system("the invoker reported outcomes of a call it was not given"));
        };
        let mut group = Group::new(records.clone());
        let members = records.iter().zip(tickets.iter()).enumerate().skip(completed.first);
        for ((index, (record, &ticket)), outcome) in members.zip(completed.outcomes) {
            if self.gate.must_wait(record, &ticket) {
                self.gate.hold(Held::Outcome(Item { record: record.clone(), ticket }, outcome));
                continue;
            }
            // What came before is published before it, and a failure's successors after it.
            if ticket.alone || outcome.result.is_err() {
                self.publish(&mut group).await?;
            }
            match &outcome.result {
                Ok(_) => {
                    group.add(&self.router, index, ticket, outcome);
                    if ticket.alone {
                        self.publish(&mut group).await?;
                    }
                    self.release(record, &ticket);
                }
                Err(fault) => {
                    self.failed(Item { record: record.clone(), ticket }, fault).await?;
                }
            }
        }
        self.publish(&mut group).await?;
        self.resume().await
    }

    /// Publishes outcomes that had to wait for an earlier record and no longer have to.
    async fn resume(&mut self) -> Result<(), Fault> {
        while let Some((item, outcome)) = self.resumable.pop_front() {
            if self.gate.must_wait(&item.record, &item.ticket) {
                self.gate.hold(Held::Outcome(item, outcome));
                continue;
            }
            match &outcome.result {
                Ok(_) => {
                    let mut group = Group::new([item.record.clone()].into());
                    group.add(&self.router, 0, item.ticket, outcome);
                    self.publish(&mut group).await?;
                }
                Err(fault) => self.failed(item, fault).await?,
            }
        }
        Ok(())
    }

    /// Lets the successors of a record go on that is through, one way or another.
    fn release(&mut self, record: &Record, ticket: &Ticket) {
        let mut waiting = Vec::new();
        for held in self.gate.release(record, ticket) {
            match held {
                Held::Item(item) => waiting.push(item),
                Held::Outcome(item, outcome) => self.resumable.push_back((item, outcome)),
            }
        }
        self.ready.push_front(waiting.into_iter());
    }

    fn start_draining(&mut self, why: &str) {
        debug!(why, open_entries = self.entries.len(), "draining");
        self.draining = true;
        let parked = self.parked.take_all();
        if self.dead_letters.bounded() {
            self.ready.push_front(parked.into_iter());
        } else {
            parked.iter().for_each(|item| self.give_back(item));
        }
    }

    fn is_drained(&self) -> bool {
        self.ready.is_empty()
            && self.parked.is_empty()
            && self.resumable.is_empty()
            && self.calls.under_way() == 0
            && self.confirming.is_empty()
    }

    async fn finish(mut self) -> Result<Summary, Fault> {
        // Under MANUAL these are what the function did not settle.
        self.entries = Entries::default();
        let invoker = self.invoker.close().await;
        let sink = self.sink.close().await;
        let source = self.source.close().await;
        info!(
            received = self.summary.received,
            processed = self.summary.processed,
            dead_lettered = self.summary.dead_lettered,
            given_back = self.summary.given_back,
            "drained"
        );
        // It is over either way: to start again would not mend what went wrong at the end.
        invoker.and(sink).and(source).map_err(Fault::permanent)?;
        Ok(self.summary)
    }

    /// Counts records as settled, entry by entry.
    fn settle(&mut self, tickets: impl Iterator<Item = Ticket>) {
        let mut tickets = tickets.peekable();
        while let Some(first) = tickets.next() {
            let mut records = 1;
            while tickets.next_if(|next| next.entry == first.entry).is_some() {
                records += 1;
            }
            self.entries.settle(first.entry, records);
        }
    }

    /// The broker confirmed a group's outputs, or refused some.
    async fn confirmed(&mut self, confirmed: Confirmed) -> Result<(), Fault> {
        let Confirmed { group, outcome } = confirmed;
        match outcome {
            Err(fault) => self.not_published(group, &fault).await,
            Ok(()) if self.guarantee == Guarantee::Manual && !group.dead_letters => {
                self.settle_by_hand(group.settled).await
            }
            Ok(()) => {
                self.settle(group.tickets());
                Ok(())
            }
        }
    }
}
