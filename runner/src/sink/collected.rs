//! Keeps what was published, for tests: a real sink whose confirmations can be held back or
//! refused.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{oneshot, watch};

use super::{Receipt, Sink};
use crate::{fault::Fault, record::OutgoingMessage};

/// One published message and where it went.
#[derive(Clone, Debug)]
pub struct Published {
    pub topic: Arc<str>,
    pub message: OutgoingMessage,
}

/// A sink for any topic. What was published is seen through its handle.
#[derive(Debug)]
pub struct Collected {
    handle: CollectedHandle,
}

/// Looks at a [`Collected`] sink from outside, and tells it how to answer.
#[derive(Clone, Debug)]
pub struct CollectedHandle {
    state: Arc<Mutex<State>>,
    changed: Arc<watch::Sender<()>>,
}

#[derive(Debug, Default)]
struct State {
    published: Vec<Published>,
    /// Messages of each publish.
    publishes: Vec<usize>,
    /// Confirmations wait here while they are held back.
    held: VecDeque<Confirmation>,
    hold: bool,
    /// What the receipts of the coming publishes say; `None` is success.
    verdicts: VecDeque<Option<String>>,
    /// Publishing itself fails with this text.
    broken: Option<String>,
    /// How many publishes may be unconfirmed before `publish` waits.
    max_held: Option<usize>,
    closed: bool,
}

#[derive(Debug)]
struct Confirmation {
    confirm: oneshot::Sender<Result<(), Fault>>,
    outcome: Result<(), Fault>,
}

impl Confirmation {
    fn send(self) {
        // Nobody may be waiting any more.
        _ = self.confirm.send(self.outcome);
    }
}

impl Default for Collected {
    fn default() -> Self {
        Self::new()
    }
}

impl Collected {
    /// Confirms every publish at once until its handle says otherwise.
    pub fn new() -> Self {
        let (changed, _) = watch::channel(());
        Self { handle: CollectedHandle { state: Arc::default(), changed: Arc::new(changed) } }
    }

    pub fn handle(&self) -> CollectedHandle {
        self.handle.clone()
    }
}

#[async_trait]
impl Sink for Collected {
    async fn publish(
        &mut self,
        topic: &Arc<str>,
        messages: Vec<OutgoingMessage>,
    ) -> Result<Receipt, Fault> {
        self.handle.wait_until(State::has_credit).await;
        let mut state = self.handle.state();
        if let Some(text) = &state.broken {
            return Err(Fault::sink(text.clone()));
        }
        let (confirm, receipt) = Receipt::channel();
        let confirmation = match state.verdicts.pop_front().flatten() {
            Some(text) => Confirmation { confirm, outcome: Err(Fault::sink(text)) },
            None => {
                state.publishes.push(messages.len());
                let published =
                    messages.into_iter().map(|message| Published { topic: topic.clone(), message });
                state.published.extend(published);
                Confirmation { confirm, outcome: Ok(()) }
            }
        };
        if state.hold {
            state.held.push_back(confirmation);
        } else {
            confirmation.send();
        }
        drop(state);
        self.handle.changed.send_replace(());
        Ok(receipt)
    }

    /// Waits for held confirmations, as a producer does for its broker.
    async fn close(self: Box<Self>) -> Result<(), Fault> {
        self.handle.wait_until(|state| state.held.is_empty()).await;
        self.handle.state().closed = true;
        self.handle.changed.send_replace(());
        Ok(())
    }
}

impl State {
    fn has_credit(&self) -> bool {
        self.broken.is_some() || self.max_held.is_none_or(|max| self.held.len() < max)
    }
}

impl CollectedHandle {
    /// Everything published so far, in order over all topics.
    pub fn published(&self) -> Vec<Published> {
        self.state().published.clone()
    }

    /// The payloads published to one topic, in order.
    pub fn payloads(&self, topic: &str) -> Vec<Bytes> {
        let state = self.state();
        let of_topic = state.published.iter().filter(|published| &*published.topic == topic);
        of_topic.map(|published| published.message.payload.clone()).collect()
    }

    /// How many messages each successful publish carried.
    pub fn publish_sizes(&self) -> Vec<usize> {
        self.state().publishes.clone()
    }

    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// From now on receipts wait for [`CollectedHandle::confirm`] or [`CollectedHandle::release`].
    pub fn hold_confirmations(&self) {
        self.state().hold = true;
    }

    /// As a full producer queue: `publish` waits while so many confirmations are held.
    pub fn limit_unconfirmed(&self, publishes: usize) {
        self.state().max_held = Some(publishes);
    }

    /// Publishes whose confirmation is held back.
    pub fn unconfirmed(&self) -> usize {
        self.state().held.len()
    }

    /// Confirms the oldest held publishes; gives how many there were to confirm.
    pub fn confirm(&self, publishes: usize) -> usize {
        let mut state = self.state();
        let count = publishes.min(state.held.len());
        state.held.drain(..count).for_each(Confirmation::send);
        drop(state);
        self.changed.send_replace(());
        count
    }

    /// Confirms the newest held publish, out of order.
    pub fn confirm_newest(&self) -> bool {
        let newest = self.state().held.pop_back();
        self.changed.send_replace(());
        newest.map(Confirmation::send).is_some()
    }

    /// Confirms all that is held, and everything from now on at once.
    pub fn release(&self) {
        self.state().hold = false;
        self.confirm(usize::MAX);
    }

    /// The receipt of the next publish that was not spoken for yet says this; nothing of that
    /// publish is kept.
    pub fn fail_next(&self, text: &str) {
        self.state().verdicts.push_back(Some(text.to_owned()));
    }

    /// The next publish that was not spoken for yet succeeds.
    pub fn pass_next(&self) {
        self.state().verdicts.push_back(None);
    }

    /// As a sink that has closed: `publish` itself fails from now on.
    pub fn break_down(&self, text: &str) {
        self.state().broken = Some(text.to_owned());
        self.changed.send_replace(());
    }

    /// Waits until so many messages were published, over all topics.
    pub async fn wait_for(&self, messages: usize) {
        self.wait_until(|state| state.published.len() >= messages).await;
    }

    async fn wait_until(&self, condition: impl Fn(&State) -> bool) {
        let mut changes = self.changed.subscribe();
        while !condition(&self.state()) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn message(payload: &'static str) -> OutgoingMessage {
        OutgoingMessage { payload: payload.into(), ..OutgoingMessage::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn keeps_messages_by_topic_in_order() {
        let mut sink = Collected::new();
        let handle = sink.handle();
        let (a, b) = ("a".into(), "b".into());
        let first = sink.publish(&a, vec![message("1"), message("2")]).await.unwrap();
        let second = sink.publish(&b, vec![message("3")]).await.unwrap();
        first.confirmed().await.unwrap();
        second.confirmed().await.unwrap();
        handle.wait_for(3).await;
        assert_eq!(handle.payloads("a"), ["1", "2"]);
        assert_eq!(handle.payloads("b"), ["3"]);
        assert_eq!(handle.publish_sizes(), [2, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn held_confirmations_come_when_told_and_closing_waits_for_them() {
        let mut sink = Collected::new();
        let handle = sink.handle();
        handle.hold_confirmations();
        let topic = "a".into();
        let first = sink.publish(&topic, vec![message("1")]).await.unwrap();
        let second = sink.publish(&topic, vec![message("2")]).await.unwrap();
        assert_eq!(handle.confirm(1), 1);
        first.confirmed().await.unwrap();
        assert_eq!(handle.unconfirmed(), 1);
        let mut closing = Box::new(sink).close();
        assert!(timeout(MINUTE, &mut closing).await.is_err());
        assert!(!handle.is_closed());
        handle.release();
        closing.await.unwrap();
        second.confirmed().await.unwrap();
        assert!(handle.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_publish_can_fail_alone() {
        let mut sink = Collected::new();
        let handle = sink.handle();
        handle.pass_next();
        handle.fail_next("too large");
        let topic = "a".into();
        let mut outcomes = Vec::new();
        for payload in ["1", "2", "3"] {
            let receipt = sink.publish(&topic, vec![message(payload)]).await.unwrap();
            outcomes.push(receipt.confirmed().await.map_err(|fault| fault.to_string()));
        }
        assert_eq!(outcomes, [Ok(()), Err("too large".to_owned()), Ok(())]);
        assert_eq!(handle.payloads("a"), ["1", "3"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_stops_the_caller() {
        let mut sink = Collected::new();
        let handle = sink.handle();
        handle.hold_confirmations();
        handle.limit_unconfirmed(1);
        let topic = "a".into();
        let first = sink.publish(&topic, vec![message("1")]).await.unwrap();
        assert!(timeout(MINUTE, sink.publish(&topic, vec![message("2")])).await.is_err());
        handle.confirm(1);
        first.confirmed().await.unwrap();
        let second = timeout(MINUTE, sink.publish(&topic, vec![message("2")])).await;
        assert!(second.is_ok());
        assert_eq!(handle.payloads("a"), ["1", "2"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_sink_takes_nothing() {
        let mut sink = Collected::new();
        sink.handle().break_down("closed");
        let outcome = sink.publish(&"a".into(), vec![message("1")]).await;
        assert_eq!(outcome.unwrap_err().to_string(), "closed");
    }
}
