//! Runs a function natively, without a broker: for `cargo test`.
//!
//! ```
//! use function_mesh_sdk::{Context, Error, testing::{Message, TestRunner}};
//!
//! fn route(order: &str, context: &Context) -> Result<(), Error> {
//!     let topic = if order.contains("urgent") { "urgent" } else { "normal" };
//!     let customer = context.record().key().unwrap_or_default();
//!     context.publish(topic).key(customer).send(order)
//! }
//!
//! let mut runner = TestRunner::new(route);
//! runner.send(Message::new("an urgent order").key("alice"));
//!
//! let published = runner.published();
//! assert_eq!(published[0].topic, "urgent");
//! assert_eq!(published[0].key.as_deref(), Some("alice"));
//! ```
//!
//! Effects are what a runner makes of them: what a failed message published or wrote never
//! happened. Deliberately absent: retries and dead letters, which are the runner's (send the message
//! again with a [`redelivery_count`](Message::redelivery_count)); limits of time and memory; and
//! panics as failed messages, since a panic should fail the test.

use std::{fmt, sync::Arc};

use serde_json::Value;

use crate::{
    context::Context, error::Error, handler::Handler, log::Level, packed, record::MessageId,
};

mod message;
mod memory_host;

pub use self::message::{Guarantee, Message, Published};

use self::memory_host::MemoryHost;

/// Drives one instance of a function: configure it, send it messages, look at what it did.
pub struct TestRunner {
    function: Box<Function>,
    host: Arc<MemoryHost>,
    context: Context,
    outputs: Vec<Vec<u8>>,
    errors: Vec<String>,
}

type Function = dyn Fn(&[u8], &Context, &mut Vec<u8>) -> Result<bool, Error>;

/// Setting up. What is not set is empty; the function is `public/default/function-under-test`,
/// instance 0 of 1, reading `persistent://public/default/input`.
impl TestRunner {
    /// A runner of `function`: one marked with `#[function]`, or any other function or closure with
    /// such a signature.
    pub fn new<Kind: 'static>(function: impl Handler<Kind> + 'static) -> Self {
        let host = Arc::new(MemoryHost::default());
        Self {
            function: Box::new(move |payload, context, outputs| {
                function.run(payload, context, outputs)
            }),
            context: Context::new(Arc::clone(&host) as _),
            host,
            outputs: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Sets a value of the user configuration.
    #[must_use]
    pub fn config(self, key: &str, value: impl Into<Value>) -> Self {
        self.host.set(|function| _ = function.user_config.insert(key.to_owned(), value.into()));
        self
    }

    /// Grants a secret.
    #[must_use]
    pub fn secret(self, name: &str, value: &str) -> Self {
        self.host.set(|function| _ = function.secrets.insert(name.to_owned(), value.to_owned()));
        self
    }

    /// Puts a value into the state.
    #[must_use]
    pub fn state(self, key: &str, value: impl AsRef<[u8]>) -> Self {
        self.host.set_state(key, value.as_ref().to_vec());
        self
    }

    /// Puts a counter into the state.
    #[must_use]
    pub fn counter(self, key: &str, value: i64) -> Self {
        self.state(key, value.to_be_bytes())
    }

    /// Sets the processing guarantee, `ATLEAST_ONCE` otherwise.
    #[must_use]
    pub fn guarantee(self, guarantee: Guarantee) -> Self {
        self.host.set(|function| function.guarantee = guarantee);
        self
    }

    /// Sets tenant, namespace and name.
    #[must_use]
    pub fn function(self, tenant: &str, namespace: &str, name: &str) -> Self {
        self.host.set(|function| {
            function.identity.tenant = tenant.to_owned();
            function.identity.namespace = namespace.to_owned();
            function.identity.name = name.to_owned();
        });
        self
    }

    /// Sets which instance this is, from 0, of how many.
    #[must_use]
    pub fn instance(self, instance_id: u32, num_instances: u32) -> Self {
        self.host.set(|function| {
            function.identity.instance_id = instance_id;
            function.identity.num_instances = num_instances;
        });
        self
    }

    /// Sets the topics the function reads; messages come from the first unless they say otherwise.
    #[must_use]
    pub fn input_topics<T: Into<String>>(self, topics: impl IntoIterator<Item = T>) -> Self {
        let topics = topics.into_iter().map(Into::into).collect();
        self.host.set(|function| function.input_topics = topics);
        self
    }

    /// Sets the output topic.
    #[must_use]
    pub fn output_topic(self, topic: &str) -> Self {
        self.host.set(|function| function.output_topic = Some(topic.to_owned()));
        self
    }

    /// Sets the output's schema type, as Pulsar names it.
    #[must_use]
    pub fn output_schema_type(self, schema_type: &str) -> Self {
        self.host.set(|function| function.output_schema_type = schema_type.to_owned());
        self
    }

    /// Runs a start hook, as `#[function(init = hook)]` does: after the configuration is set,
    /// before the first message.
    ///
    /// # Errors
    /// The hook's; the function would not start.
    pub fn init<E: fmt::Display>(
        self,
        hook: impl FnOnce(&Context) -> Result<(), E>,
    ) -> Result<Self, Error> {
        match hook(&self.context) {
            Ok(()) => Ok(self),
            Err(error) => Err(Error::new(format!("{error:#}"))),
        }
    }
}

/// Sending messages.
impl TestRunner {
    /// Runs the function on one message; gives the message's id.
    pub fn send(&mut self, message: impl Into<Message>) -> MessageId {
        let message = message.into();
        let id = self.host.next_id();
        self.run(vec![message.placed(id)]);
        id
    }

    /// Runs the function on several messages in one call, as a runner does; gives their ids.
    pub fn send_batch<M: Into<Message>>(
        &mut self,
        messages: impl IntoIterator<Item = M>,
    ) -> Vec<MessageId> {
        let messages: Vec<_> = messages
            .into_iter()
            .map(|message| message.into().placed(self.host.next_id()))
            .collect();
        let ids = messages.iter().map(|(id, _)| *id).collect();
        self.run(messages);
        ids
    }

    fn run(&mut self, messages: Vec<(MessageId, Message)>) {
        let mut payloads = Vec::new();
        let mut ends = Vec::new();
        for (_, message) in &messages {
            payloads.extend_from_slice(&message.payload);
            ends.push(u32::try_from(payloads.len()).unwrap_or(u32::MAX));
        }
        self.host.begin(messages);
        let results = packed::run(&payloads, &ends, &self.context, &self.function);
        for (index, result) in results.iter().enumerate() {
            self.host.settle(index, result.is_ok());
            match result {
                Ok(Some(output)) => self.outputs.push(output.to_vec()),
                Ok(None) => {}
                Err(error) => self.errors.push(String::from_utf8_lossy(error).into_owned()),
            }
        }
    }
}

/// Looking at what happened, since the beginning and in order.
impl TestRunner {
    /// What went to the output topic.
    pub fn outputs(&self) -> &[Vec<u8>] {
        &self.outputs
    }

    /// What went to the output topic, as text.
    pub fn output_texts(&self) -> Vec<String> {
        self.outputs.iter().map(|output| String::from_utf8_lossy(output).into_owned()).collect()
    }

    /// The errors of messages that failed.
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// What the function published through its context.
    pub fn published(&self) -> Vec<Published> {
        self.host.look(|done| done.published.clone())
    }

    /// What the function logged. Failed messages' lines stay.
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.host.look(|done| done.logs.clone())
    }

    /// Every value recorded of one metric. Failed messages' values stay.
    pub fn metric(&self, name: &str) -> Vec<f64> {
        self.host.look(|done| {
            done.metrics.iter().filter(|(n, _)| n == name).map(|(_, value)| *value).collect()
        })
    }

    /// A value of the state.
    pub fn state_of(&self, key: &str) -> Option<Vec<u8>> {
        self.host.look(|done| done.state.get(key).cloned())
    }

    /// A counter of the state; 0 if it was never increased, none if `key` holds another value.
    pub fn counter_of(&self, key: &str) -> Option<i64> {
        match self.state_of(key) {
            Some(value) => value.try_into().ok().map(i64::from_be_bytes),
            None => Some(0),
        }
    }

    /// Messages acknowledged: by the runner, or by hand under `MANUAL`.
    pub fn acknowledged(&self) -> Vec<MessageId> {
        self.host.look(|done| done.acknowledged.clone())
    }

    /// Messages refused by hand under `MANUAL`.
    pub fn negatively_acknowledged(&self) -> Vec<MessageId> {
        self.host.look(|done| done.negatively_acknowledged.clone())
    }
}

impl fmt::Debug for TestRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestRunner")
            .field("outputs", &self.outputs)
            .field("errors", &self.errors)
            .finish_non_exhaustive()
    }
}

/// A context whose host is a driver's.
#[cfg(test)]
pub(crate) fn offline_context() -> Context {
    Context::new(Arc::new(MemoryHost::default()))
}
