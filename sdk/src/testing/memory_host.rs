//! A runner in memory, as far as a function can tell.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Map, Value};

use super::message::{Guarantee, Message, Published};
use crate::{
    host::{Host, Identity, Key, Outgoing},
    log::Level,
    record::MessageId,
};

/// The test driver's side of a context. Thread-safe, as a function may be run from any thread.
#[derive(Debug, Default)]
pub(super) struct MemoryHost {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    function: Configured,
    messages_sent: u64,
    /// The messages of the call under way.
    call: Vec<(MessageId, Message)>,
    undo: Vec<(u32, Undo)>,
    done: Done,
}

/// What the function is.
#[derive(Debug)]
pub(super) struct Configured {
    pub(super) identity: Identity,
    pub(super) input_topics: Vec<String>,
    pub(super) output_topic: Option<String>,
    pub(super) output_schema_type: String,
    pub(super) user_config: Map<String, Value>,
    pub(super) secrets: BTreeMap<String, String>,
    pub(super) guarantee: Guarantee,
}

/// What the function did.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) published: Vec<Published>,
    pub(super) state: BTreeMap<String, Vec<u8>>,
    pub(super) logs: Vec<(Level, String)>,
    pub(super) metrics: Vec<(String, f64)>,
    pub(super) acknowledged: Vec<MessageId>,
    pub(super) negatively_acknowledged: Vec<MessageId>,
}

/// How to take back one effect. A message's effects are taken back before the next message runs.
#[derive(Debug)]
enum Undo {
    /// The message published the newest message.
    Published,
    /// What the key held before.
    State(String, Option<Vec<u8>>),
}

impl Default for Configured {
    fn default() -> Self {
        Self {
            identity: Identity {
                tenant: "public".to_owned(),
                namespace: "default".to_owned(),
                name: "function-under-test".to_owned(),
                function_id: "function-id".to_owned(),
                function_version: "0".to_owned(),
                instance_id: 0,
                num_instances: 1,
                cluster_name: "standalone".to_owned(),
            },
            input_topics: vec!["persistent://public/default/input".to_owned()],
            output_topic: None,
            output_schema_type: String::new(),
            user_config: Map::new(),
            secrets: BTreeMap::new(),
            guarantee: Guarantee::default(),
        }
    }
}

impl MemoryHost {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A test that panicked has failed already.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Configured)) {
        change(&mut self.inner().function);
    }

    pub(super) fn set_state(&self, key: &str, value: Vec<u8>) {
        self.inner().done.state.insert(key.to_owned(), value);
    }

    pub(super) fn look<T>(&self, at: impl FnOnce(&Done) -> T) -> T {
        at(&self.inner().done)
    }

    pub(super) fn next_id(&self) -> MessageId {
        let mut inner = self.inner();
        let entry = inner.messages_sent;
        inner.messages_sent += 1;
        MessageId { ledger: 1, entry, partition: -1, batch_index: -1, batch_size: 0 }
    }

    pub(super) fn begin(&self, call: Vec<(MessageId, Message)>) {
        let mut inner = self.inner();
        inner.call = call;
        inner.undo.clear();
    }

    /// Settles a message of the call as the guarantee says.
    pub(super) fn settle(&self, index: usize, succeeded: bool) {
        let mut inner = self.inner();
        let settled = match inner.function.guarantee {
            Guarantee::AtMostOnce => true,
            Guarantee::AtLeastOnce => succeeded,
            Guarantee::Manual => false,
        };
        if let Some((id, _)) = inner.call.get(index).filter(|_| settled) {
            let id = *id;
            inner.done.acknowledged.push(id);
        }
    }

    /// Something about a message of the call.
    #[allow(clippy::panic, reason = "a runner traps a call that asks for a message beyond it")]
    fn message<T>(&self, index: u32, ask: impl FnOnce(&MessageId, &Message) -> T) -> T {
        match self.inner().call.get(index as usize) {
            Some((id, message)) => ask(id, message),
            None => panic!("there is no message to ask about: a start hook runs before the first"),
        }
    }
}

impl Inner {
    fn change_state(&mut self, index: u32, key: &str, value: Option<Vec<u8>>) {
        let before = match value {
            Some(value) => self.done.state.insert(key.to_owned(), value),
            None => self.done.state.remove(key),
        };
        self.undo.push((index, Undo::State(key.to_owned(), before)));
    }

    fn only_under_manual(&self) -> Result<(), String> {
        match self.function.guarantee {
            Guarantee::Manual => Ok(()),
            _ => {
                Err("the function acknowledges by hand only under the MANUAL guarantee".to_owned())
            }
        }
    }
}

/// Reads a counter as Pulsar stores it: 8 bytes, big endian.
fn counter(value: Option<&Vec<u8>>) -> Result<i64, String> {
    value.map_or(Ok(0), |value| {
        value.as_slice().try_into().map(i64::from_be_bytes).map_err(|_| {
            format!("not a counter: its value has {} bytes, a counter has 8", value.len())
        })
    })
}

impl Host for MemoryHost {
    fn identity(&self) -> Identity {
        self.inner().function.identity.clone()
    }

    fn input_topics(&self) -> Vec<String> {
        self.inner().function.input_topics.clone()
    }

    fn output_topic(&self) -> Option<String> {
        self.inner().function.output_topic.clone()
    }

    fn output_schema_type(&self) -> String {
        self.inner().function.output_schema_type.clone()
    }

    fn user_config(&self) -> Map<String, Value> {
        self.inner().function.user_config.clone()
    }

    fn secret(&self, name: &str) -> Result<Option<String>, String> {
        Ok(self.inner().function.secrets.get(name).cloned())
    }

    fn topic(&self, index: u32) -> String {
        let first = self.inner().function.input_topics.first().cloned();
        self.message(index, |_, message| message.topic.clone().or(first)).unwrap_or_default()
    }

    fn id(&self, index: u32) -> MessageId {
        self.message(index, |id, _| *id)
    }

    fn key(&self, index: u32) -> Option<Key> {
        self.message(index, |_, message| message.key.clone())
    }

    fn properties(&self, index: u32) -> Vec<(String, String)> {
        self.message(index, |_, message| message.properties.clone())
    }

    fn event_time(&self, index: u32) -> Option<u64> {
        self.message(index, |_, message| message.event_time)
    }

    fn publish_time(&self, index: u32) -> u64 {
        self.message(index, |_, message| message.publish_time)
    }

    fn schema_version(&self, index: u32) -> Option<Vec<u8>> {
        self.message(index, |_, message| message.schema_version.clone())
    }

    fn redelivery_count(&self, index: u32) -> u32 {
        self.message(index, |_, message| message.redelivery_count)
    }

    fn acknowledge(&self, _: &str, id: MessageId) -> Result<(), String> {
        let mut inner = self.inner();
        inner.only_under_manual()?;
        inner.done.acknowledged.push(id);
        Ok(())
    }

    fn negative_acknowledge(&self, _: &str, id: MessageId) -> Result<(), String> {
        let mut inner = self.inner();
        inner.only_under_manual()?;
        inner.done.negatively_acknowledged.push(id);
        Ok(())
    }

    fn discard(&self, index: u32) {
        let inner = &mut *self.inner();
        while let Some((_, undo)) = inner.undo.pop_if(|(by, _)| *by == index) {
            match undo {
                Undo::Published => _ = inner.done.published.pop(),
                Undo::State(key, Some(before)) => _ = inner.done.state.insert(key, before),
                Undo::State(key, None) => _ = inner.done.state.remove(&key),
            }
        }
        if let Some((id, _)) = inner.call.get(index as usize) {
            inner.done.acknowledged.retain(|other| other != id);
            inner.done.negatively_acknowledged.retain(|other| other != id);
        }
    }

    fn publish(&self, index: u32, topic: &str, message: Outgoing) -> Result<(), String> {
        if topic.is_empty() {
            return Err("the topic's name is empty".to_owned());
        }
        let mut inner = self.inner();
        inner.done.published.push(Published {
            topic: topic.to_owned(),
            payload: message.payload,
            key: message.key.map(|key| key.text),
            properties: message.properties,
            event_time: message.event_time,
        });
        inner.undo.push((index, Undo::Published));
        Ok(())
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(self.inner().done.state.get(key).cloned())
    }

    fn put(&self, index: u32, key: &str, value: &[u8]) -> Result<(), String> {
        self.inner().change_state(index, key, Some(value.to_vec()));
        Ok(())
    }

    fn delete(&self, index: u32, key: &str) -> Result<(), String> {
        self.inner().change_state(index, key, None);
        Ok(())
    }

    fn increment(&self, index: u32, key: &str, amount: i64) -> Result<i64, String> {
        let mut inner = self.inner();
        let count = counter(inner.done.state.get(key))?;
        let sum = count
            .checked_add(amount)
            .ok_or_else(|| format!("adding {amount} to {count} exceeds 64 bits"))?;
        inner.change_state(index, key, Some(sum.to_be_bytes().to_vec()));
        Ok(sum)
    }

    fn counter(&self, key: &str) -> Result<i64, String> {
        counter(self.inner().done.state.get(key))
    }

    fn log(&self, level: Level, message: &str) {
        self.inner().done.logs.push((level, message.to_owned()));
    }

    fn record_metric(&self, name: &str, value: f64) {
        self.inner().done.metrics.push((name.to_owned(), value));
    }
}
