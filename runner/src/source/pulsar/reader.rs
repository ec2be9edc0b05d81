//! Reads one concrete topic and settles its entries, through any number of sessions.
//!
//! Acknowledgements go out through the same task of the stock client that brings messages in,
//! and that task stops while its queue of messages is full. This cannot become a deadlock:
//! while an entry waits for credit this reader takes no more messages, but it goes on to
//! accept settlements, whose acknowledgements only enter an unbounded queue of the client
//! (bounded by the budget). Accepting one returns its credit, which lets the waiting entry go,
//! which frees the client's queue, which lets the acknowledgements out.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt};
use pulsar::proto::MessageIdData;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{
    super::{Delivery, EntryId, InFlight, Settlement, Verdict, budget::Permit},
    Missing, Shared,
    entries::{self, Entries, Entry, Push},
    redelivery::{Arrival, Redelivery},
    subscription::{Subscription, TopicConsumer},
};
use crate::{
    cluster::{Backoff, Complaints, Connections, Kind, explain, is_answer, kind},
    fault::Fault,
};

/// How long a stop waits for a broker that does not answer.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(4);

pub(super) struct Reader {
    topic: Arc<str>,
    late: bool,
    skip: bool,
    subscription: Arc<Subscription>,
    shared: Arc<Shared>,
    settlements: mpsc::UnboundedReceiver<Settlement>,
    settlement_sender: mpsc::UnboundedSender<Settlement>,
    entries: Entries,
    redelivery: Redelivery,
    complaints: Complaints,
    missing: Option<Missing>,
}

/// An entry on its way to the pipeline: waits for credit, then for room in the queue.
type Handover = Pin<Box<dyn Future<Output = Option<(Permit, mpsc::OwnedPermit<Delivery>)>> + Send>>;

enum End {
    Stopped,
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
            missing: Some(Missing::new(&shared)),
            skip: subscription.skips_to_latest() && !late,
            topic,
            late,
            subscription,
            shared,
            settlements,
            settlement_sender,
            entries: Entries::default(),
            redelivery: Redelivery::default(),
            complaints: Complaints::default(),
        }
    }

    /// Until stopped; then settles what was settled, and leaves.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        let mut sessions = 0_u64;
        loop {
            let opening = self.subscription.open(&self.topic, self.late, self.skip);
            // Settlements wait meanwhile: without a broker nothing can be acknowledged.
            let lost = match stop.run_until_cancelled(opening).await {
                None => return,
                Some(Ok((mut consumer, connections))) => {
                    self.opened(sessions);
                    sessions += 1;
                    match self.read(&mut consumer, connections, &stop).await {
                        End::Stopped => return self.leave(consumer).await,
                        End::Lost(error) => {
                            self.lost();
                            backoff.reset();
                            error
                        }
                    }
                }
                Some(Err(error)) => Some(error),
            };
            let lasting = self.complain(lost.as_ref());
            let pause =
                async { if lasting { backoff.long_pause().await } else { backoff.pause().await } };
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    fn opened(&mut self, earlier: u64) {
        self.skip = false;
        self.missing = None;
        self.redelivery.subscribed();
        if earlier > 0 {
            self.shared.metrics.reconnected();
        }
        if self.complaints.over() || earlier == 0 {
            info!(topic = %self.topic, "subscribed");
        }
    }

    /// The client made a new connection by itself.
    fn renewed(&mut self) {
        self.entries.reset();
        self.redelivery.connection_lost();
        self.shared.metrics.reconnected();
    }

    fn lost(&mut self) {
        self.entries.reset();
        self.redelivery.connection_lost();
        if self.missing.is_none() {
            self.missing = Some(Missing::new(&self.shared));
        }
    }

    /// Says what is wrong, now and then. Returns whether it will not pass by itself.
    fn complain(&mut self, lost: Option<&pulsar::Error>) -> bool {
        let lasting = lost.is_some_and(|error| kind(error) == Kind::Lasting);
        if self.complaints.due() {
            let cluster = self.subscription.cluster();
            let why = lost.map_or_else(|| "the connection was lost".to_owned(), explain);
            let text = format!("cannot read {} on {cluster}: {why}; trying on", self.topic);
            if lasting {
                error!("{text}");
                self.shared.metrics.failed(&Fault::source(text));
            } else {
                warn!("{text}");
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
        let mut handover: Option<(Entry, Handover)> = None;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return End::Stopped,
                Some(settlement) = self.settlements.recv() => {
                    if let Err(error) = self.settle(consumer, settlement).await {
                        return End::Lost(Some(error));
                    }
                }
                granted = ready(&mut handover), if handover.is_some() => {
                    if let Some((entry, _)) = handover.take() {
                        self.hand_over(entry, granted);
                    }
                }
                message = consumer.next(), if handover.is_none() => {
                    if connections.renewed() {
                        self.renewed();
                    }
                    let entry = match message {
                        None => return End::Lost(None),
                        Some(Ok(message)) => self.accept(consumer, message).await,
                        Some(Err(error)) if kind(&error) == Kind::Unreadable => {
                            self.unreadable(&error);
                            continue;
                        }
                        Some(Err(error)) => return End::Lost(Some(error)),
                    };
                    match entry {
                        Ok(None) => {}
                        Ok(Some(entry)) => {
                            let mut granting = self.grant(&entry);
                            match granting.as_mut().now_or_never() {
                                Some(granted) => self.hand_over(entry, granted),
                                None => handover = Some((entry, granting)),
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

    fn grant(&self, entry: &Entry) -> Handover {
        let budget = self.shared.budget.clone();
        let deliveries = self.shared.deliveries.clone();
        let (messages, weight) = (entry.records.len(), entry.weight);
        Box::pin(async move {
            let permit = budget.acquire(messages, weight).await;
            let room = deliveries.reserve_owned().await.ok()?;
            Some((permit, room))
        })
    }

    fn hand_over(&mut self, entry: Entry, granted: Option<(Permit, mpsc::OwnedPermit<Delivery>)>) {
        // Without room the source is closing: the entry stays unacknowledged.
        if let Some((permit, room)) = granted {
            let Entry { id, records, .. } = entry;
            let in_flight = InFlight::new(id, permit, self.settlement_sender.clone());
            room.send(Delivery { records, in_flight });
        }
    }

    /// One acknowledgement settles the whole entry: without an index in the batch the broker
    /// takes the id for all of it.
    async fn settle(
        &mut self,
        consumer: &mut TopicConsumer,
        settlement: Settlement,
    ) -> Result<(), pulsar::Error> {
        let Settlement { entry, verdict, carried_out, permit } = settlement;
        let id = message_id(&entry);
        match verdict {
            Verdict::Ack => {
                self.redelivery.acknowledged(&entry);
                consumer.ack_with_id(&self.topic, id).await?;
            }
            Verdict::Nack => {
                self.redelivery.refused(&entry);
                consumer.nack_with_id(&self.topic, id).await?;
            }
        }
        confirm(carried_out);
        drop(permit);
        Ok(())
    }

    fn refuse(&mut self, message: &pulsar::consumer::Message<Vec<u8>>, why: &str) {
        let id = &message.message_id.id;
        let text = format!(
            "message {}:{} of {} cannot be processed and stays unacknowledged: {why}",
            id.ledger_id, id.entry_id, self.topic
        );
        error!("{text}");
        self.shared.metrics.failed(&Fault::source(text));
    }

    fn unreadable(&mut self, error: &pulsar::Error) {
        let why = explain(error);
        let text = format!(
            "an entry of {} cannot be read and stays unacknowledged: {why}; \
             is it compressed with snappy, or encrypted?",
            self.topic
        );
        error!("{text}");
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
            if self.shared.unsubscribe_on_close
                && let Err(error) = consumer.unsubscribe().await
            {
                let why = explain(&error);
                warn!(topic = %self.topic, "the subscription was not removed: {why}");
            }
            _ = consumer.close().await;
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

/// Waits until the broker has seen all acknowledgements so far.
///
/// The client confirms none, but it keeps requests in order behind them: once the broker answers
/// a request, it has read what came before. Messages still coming in are thrown away meanwhile,
/// since the client sends nothing while they fill its queue.
async fn flush(consumer: &mut TopicConsumer) -> bool {
    let mut patience = Duration::from_millis(25);
    loop {
        match tokio::time::timeout(patience, consumer.get_last_message_id()).await {
            Ok(Ok(_)) => return true,
            // A refusal is an answer, too: other kinds of topics have no last message.
            Ok(Err(error)) => return is_answer(&error),
            Err(_elapsed) => {
                while let Some(Some(_)) = consumer.next().now_or_never() {}
                patience = (patience * 2).min(Duration::from_secs(1));
            }
        }
    }
}

async fn ready(
    handover: &mut Option<(Entry, Handover)>,
) -> Option<(Permit, mpsc::OwnedPermit<Delivery>)> {
    match handover {
        Some((_, granting)) => granting.await,
        None => std::future::pending().await,
    }
}

fn message_id(entry: &EntryId) -> MessageIdData {
    MessageIdData {
        ledger_id: entry.ledger,
        entry_id: entry.entry,
        partition: Some(entry.partition),
        ..Default::default()
    }
}

fn confirm(carried_out: Option<oneshot::Sender<Result<(), Fault>>>) {
    if let Some(carried_out) = carried_out {
        // Whoever asked may have stopped waiting.
        _ = carried_out.send(Ok(()));
    }
}
