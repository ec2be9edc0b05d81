//! Reads one concrete topic and settles its entries, through any number of sessions.
//!
//! Acknowledgements go out through the same task of the stock client that brings messages in,
//! and that task stops while its queue of messages is full. This cannot become a deadlock:
//! while an entry waits for credit this reader takes no more messages, but it goes on to
//! accept settlements, whose acknowledgements only enter an unbounded queue of the client
//! (bounded by the budget). Accepting one returns its credit, which lets the waiting entry go,
//! which frees the client's queue, which lets the acknowledgements out.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{
    super::{Settlement, Verdict},
    Shared,
    entries::{self, Entries, Entry, Push},
    handover::{Handover, finished},
    missing::Missing,
    prefetch::Prefetch,
    redelivery::{Arrival, Redelivery},
    settling::{self, confirm, flush, message_id},
    subscription::{Start, Subscription, TopicConsumer},
};
use crate::{
    cluster::{Backoff, Complaints, Connections, Kind, explain, kind},
    fault::Fault,
};

/// A session this short did not come to anything.
const BRIEF: Duration = Duration::from_secs(2);
/// How long a stop waits for a broker that does not answer.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(4);

pub(super) struct Reader {
    topic: Arc<str>,
    start: Start,
    subscription: Arc<Subscription>,
    shared: Arc<Shared>,
    settlements: mpsc::UnboundedReceiver<Settlement>,
    settlement_sender: mpsc::UnboundedSender<Settlement>,
    entries: Entries,
    /// Kept from one session to the next: nothing else will hand this entry on, since its
    /// redelivered copy is taken for a copy.
    handover: Option<Handover>,
    redelivery: Redelivery,
    complaints: Complaints,
    refusals: Complaints,
    missing: Option<Missing>,
    prefetch: Prefetch,
    /// Settlements that the last session could not take.
    unsettled: Vec<Settlement>,
    /// How many sessions in a row ended at once, without an error.
    brief_sessions: u32,
}

enum End {
    Stopped,
    /// The next session is to prefetch more or less; nothing is in flight.
    Resized,
    Lost(Option<pulsar::Error>),
}

impl Reader {
    pub(super) fn new(
        topic: Arc<str>,
        late: bool,
        subscription: Arc<Subscription>,
        shared: Arc<Shared>,
    ) -> Self {
        let (settlement_sender, settlements) = mpsc::unbounded_channel();
        Self {
            missing: Some(Missing::new(&shared.missing)),
            start: match (late, subscription.skips_to_latest()) {
                (true, _) => Start::Late,
                (false, true) => Start::Latest,
                (false, false) => Start::Usual,
            },
            prefetch: subscription.prefetch(),
            topic,
            subscription,
            shared,
            settlements,
            settlement_sender,
            entries: Entries::default(),
            handover: None,
            redelivery: Redelivery::default(),
            complaints: Complaints::default(),
            refusals: Complaints::default(),
            unsettled: Vec::new(),
            brief_sessions: 0,
        }
    }

    /// Until stopped; then settles what was settled, and leaves.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        let mut again = false;
        loop {
            let opening = self.subscription.open(&self.topic, self.start, self.prefetch.queue());
            // Settlements wait meanwhile: without a broker nothing can be acknowledged.
            let lost = match stop.run_until_cancelled(opening).await {
                None => return,
                Some(Ok((mut consumer, connections))) => {
                    self.opened(again);
                    let opened = Instant::now();
                    match self.read(&mut consumer, connections, &stop).await {
                        End::Stopped => return self.leave(consumer).await,
                        End::Resized => {
                            again = false;
                            self.resize(consumer).await;
                            continue;
                        }
                        End::Lost(error) => {
                            again = true;
                            self.lost(error.is_none() && opened.elapsed() < BRIEF);
                            if self.brief_sessions == 0 {
                                backoff.reset();
                            }
                            error
                        }
                    }
                }
                Some(Err(error)) => Some(error),
            };
            let seldom = if self.is_at_its_end() {
                self.complaints.over();
                true
            } else {
                self.complain(lost.as_ref())
            };
            let pause =
                async { if seldom { backoff.long_pause().await } else { backoff.pause().await } };
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    /// A topic was terminated and everything in it is acknowledged: the client ends the session
    /// without a word, as it does with a connection that breaks, but each time at once.
    fn is_at_its_end(&self) -> bool {
        self.brief_sessions >= 3
    }

    fn opened(&mut self, again: bool) {
        if self.start == Start::Latest {
            self.start = Start::Usual;
        }
        self.redelivery.subscribed();
        if again && !self.is_at_its_end() {
            self.shared.metrics.reconnected();
        }
        if self.missing.take().is_some() {
            self.complaints.over();
            info!(topic = %self.topic, "subscribed");
        }
    }

    /// Ends a session in order, for the sake of one with another queue.
    async fn resize(&mut self, mut consumer: TopicConsumer) {
        self.entries.reset();
        self.prefetch.resize();
        debug!(topic = %self.topic, queue = self.prefetch.queue(), "prefetching another number");
        let leaving =
            async { flush(&mut consumer).await && settling::leave(&mut consumer, false).await };
        if !matches!(tokio::time::timeout(FLUSH_TIMEOUT, leaving).await, Ok(true)) {
            self.redelivery.connection_lost();
        }
    }

    /// The client made a new connection by itself.
    fn renewed(&mut self) {
        self.redelivery.connection_lost();
        self.shared.metrics.reconnected();
    }

    fn lost(&mut self, brief: bool) {
        self.entries.reset();
        self.redelivery.connection_lost();
        self.brief_sessions = match brief && self.redelivery.is_idle() {
            true => self.brief_sessions + 1,
            false => 0,
        };
        if self.brief_sessions == 3 {
            info!(topic = %self.topic, "at its end; is it terminated?");
        }
        if self.missing.is_none() && !self.is_at_its_end() {
            self.missing = Some(Missing::new(&self.shared.missing));
        }
    }

    /// Says what is wrong, now and then. Returns whether it will not pass by itself.
    fn complain(&mut self, lost: Option<&pulsar::Error>) -> bool {
        let lasting = lost.is_some_and(|error| kind(error) == Kind::Lasting);
        let cluster = self.subscription.cluster();
        let why = lost.map_or_else(|| "the connection was lost".to_owned(), explain);
        let text = format!("cannot read {} on {cluster}: {why}", self.topic);
        self.missing.iter().for_each(|missing| missing.because(&text));
        if self.complaints.due() {
            if lasting {
                error!("{text}; trying on");
                self.shared.metrics.failed(&Fault::source(text));
            } else {
                warn!("{text}; trying on");
            }
        }
        lasting
    }

    async fn read(
        &mut self,
        consumer: &mut TopicConsumer,
        mut connections: Connections,
        stop: &CancellationToken,
    ) -> End {
        let mut resizing = false;
        for settlement in std::mem::take(&mut self.unsettled) {
            if let Err(error) = self.settle(consumer, settlement).await {
                return End::Lost(Some(error));
            }
        }
        loop {
            // Entries in flight would go to other consumers, and so be processed twice.
            if resizing && self.redelivery.is_idle() {
                return End::Resized;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return End::Stopped,
                Some(settlement) = self.settlements.recv() => {
                    if let Err(error) = self.settle(consumer, settlement).await {
                        return End::Lost(Some(error));
                    }
                }
                () = finished(&mut self.handover), if self.handover.is_some() => self.handover = None,
                message = consumer.next(), if self.handover.is_none() => {
                    if connections.renewed() {
                        self.renewed();
                    }
                    let entry = match message {
                        None => return End::Lost(None),
                        // Delivered again to the next session.
                        Some(Ok(_)) if resizing => continue,
                        Some(Ok(message)) => {
                            resizing = self.prefetch.learn(message.payload.data.len());
                            self.accept(consumer, message).await
                        }
                        Some(Err(error)) if kind(&error) == Kind::Unreadable => {
                            self.unreadable(&error);
                            continue;
                        }
                        Some(Err(error)) => return End::Lost(Some(error)),
                    };
                    match entry {
                        Ok(None) => {}
                        Ok(Some(entry)) => {
                            let settlements = self.settlement_sender.clone();
                            let started = Handover::new(entry, &self.shared, settlements);
                            self.handover = Some(started);
                            if finished(&mut self.handover).now_or_never().is_some() {
                                self.handover = None;
                            }
                        }
                        Err(error) => return End::Lost(Some(error)),
                    }
                }
            }
        }
    }

    /// Adds a message to its entry. Returns the entry if it is complete and is to be processed.
    async fn accept(
        &mut self,
        consumer: &mut TopicConsumer,
        message: pulsar::consumer::Message<Vec<u8>>,
    ) -> Result<Option<Entry>, pulsar::Error> {
        if let Some(why) = entries::refusal(&message) {
            self.refuse(&message, why);
            return Ok(None);
        }
        let mut entry = match self.entries.push(entries::record(&self.topic, message)) {
            Push::Open => return Ok(None),
            Push::Complete(entry) => entry,
            Push::Torn(id) => {
                consumer.nack_with_id(&self.topic, message_id(&id)).await?;
                return Ok(None);
            }
        };
        match self.redelivery.arrived(&entry.id) {
            Arrival::New { redeliveries } => {
                if redeliveries > 0 {
                    for record in &mut entry.records {
                        record.redelivery_count = redeliveries;
                    }
                }
                Ok(Some(entry))
            }
            Arrival::InFlight => Ok(None),
            Arrival::Acknowledged => {
                consumer.ack_with_id(&self.topic, message_id(&entry.id)).await?;
                Ok(None)
            }
        }
    }

    /// One acknowledgement settles the whole entry: without an index in the batch the broker
    /// takes the id for all of it.
    ///
    /// # Errors
    /// The session is over; the next one carries the settlement out.
    async fn settle(
        &mut self,
        consumer: &mut TopicConsumer,
        settlement: Settlement,
    ) -> Result<(), pulsar::Error> {
        let id = message_id(&settlement.entry);
        let sent = match settlement.verdict {
            Verdict::Ack => {
                self.redelivery.acknowledged(&settlement.entry);
                consumer.ack_with_id(&self.topic, id).await
            }
            Verdict::Nack => {
                self.redelivery.refused(&settlement.entry);
                consumer.nack_with_id(&self.topic, id).await
            }
        };
        match sent {
            Ok(()) => confirm(settlement.carried_out),
            Err(error) => {
                self.unsettled.push(settlement);
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn refuse(&mut self, message: &pulsar::consumer::Message<Vec<u8>>, why: &str) {
        let id = &message.message_id.id;
        self.left_alone(format!(
            "message {}:{} of {} cannot be processed and stays unacknowledged: {why}",
            id.ledger_id, id.entry_id, self.topic
        ));
    }

    fn unreadable(&mut self, error: &pulsar::Error) {
        let why = explain(error);
        self.left_alone(format!(
            "an entry of {} cannot be read and stays unacknowledged: {why}; \
             is it compressed with snappy, or encrypted?",
            self.topic
        ));
    }

    /// Counts every such message, and tells of one now and then: a topic may be full of them.
    fn left_alone(&mut self, text: String) {
        if self.refusals.due() {
            error!("{text}");
        }
        self.shared.metrics.failed(&Fault::source(text));
    }

    /// Carries out what is settled already, makes sure that the broker has it, and leaves.
    async fn leave(mut self, mut consumer: TopicConsumer) {
        self.settlements.close();
        let mut receipts = Vec::new();
        while let Ok(mut settlement) = self.settlements.try_recv() {
            receipts.extend(settlement.carried_out.take());
            if self.settle(&mut consumer, settlement).await.is_err() {
                return;
            }
        }
        let leaving = async {
            let flushed = flush(&mut consumer).await;
            if flushed {
                receipts.into_iter().for_each(|receipt| confirm(Some(receipt)));
            }
            let unsubscribe = self.shared.unsubscribe_on_close;
            let left = settling::leave(&mut consumer, unsubscribe).await;
            if unsubscribe && !left {
                warn!(topic = %self.topic, "the subscription was not removed");
            }
            flushed
        };
        match tokio::time::timeout(FLUSH_TIMEOUT, leaving).await {
            Ok(true) => debug!(topic = %self.topic, "left"),
            Ok(false) | Err(_) => {
                warn!(
                    topic = %self.topic,
                    "the broker did not confirm the last acknowledgements; \
                     some messages may be delivered again"
                );
            }
        }
    }
}
