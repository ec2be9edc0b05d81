//! The function as a component: the `packed-function` world of `wit/world.wit`.

use serde_json::{Map, Value};

use crate::{
    context::Context,
    error::Error,
    host::{Host, Identity, Key, Outgoing},
    log::Level,
    packed,
    record::MessageId,
};

use bindings::function_mesh::function::{instance, log, metrics, publisher, records, state};

/// Generated from the WIT package.
#[allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "packed-function",
        pub_export_macro: true,
        default_bindings_module: "function_mesh_sdk::expanded::bindings",
    });
}

pub use bindings::exports::function_mesh::function::packed::{Batch, Guest, Results};

thread_local! {
    // Exports have no receiver to keep this in. A component instance has one thread.
    static CONTEXT: Context = const { Context::new(Runner) };
}

/// Runs a start hook.
pub fn start<E: std::fmt::Display>(
    hook: impl FnOnce(&Context) -> Result<(), E>,
) -> Result<(), String> {
    CONTEXT.with(|context| hook(context).map_err(|error| format!("{error:#}")))
}

/// Runs a function on a batch.
pub fn process(
    batch: &Batch,
    function: impl Fn(&[u8], &Context, &mut Vec<u8>) -> Result<bool, Error>,
) -> Results {
    let packed::Results { payloads, ends, statuses } =
        CONTEXT.with(|context| packed::run(&batch.payloads, &batch.ends, context, function));
    Results { payloads, ends, statuses }
}

/// The runner, behind the component's imports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Runner;

impl AsRef<Self> for Runner {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Host for Runner {
    fn identity(&self) -> Identity {
        let identity = instance::identity();
        Identity {
            tenant: identity.tenant,
            namespace: identity.namespace,
            name: identity.name,
            function_id: identity.function_id,
            function_version: identity.function_version,
            instance_id: identity.instance_id,
            num_instances: identity.num_instances,
            cluster_name: identity.cluster_name,
        }
    }

    fn input_topics(&self) -> Vec<String> {
        instance::input_topics()
    }

    fn output_topic(&self) -> Option<String> {
        instance::output_topic()
    }

    fn output_schema_type(&self) -> String {
        instance::output_schema_type()
    }

    #[allow(clippy::panic, reason = "a host that breaks the world's contract traps the call")]
    fn user_config(&self) -> Map<String, Value> {
        match serde_json::from_str(&instance::user_config()) {
            Ok(config) => config,
            Err(why) => panic!("the host's user config is not a JSON object: {why}"),
        }
    }

    fn secret(&self, name: &str) -> Result<Option<String>, String> {
        instance::secret(name)
    }

    fn topic(&self, index: u32) -> String {
        records::topic(index)
    }

    fn id(&self, index: u32) -> MessageId {
        let id = records::id(index);
        MessageId {
            ledger: id.ledger,
            entry: id.entry,
            partition: id.partition,
            batch_index: id.batch_index,
            batch_size: id.batch_size,
        }
    }

    fn key(&self, index: u32) -> Option<Key> {
        records::key(index).map(|key| Key { text: key.text, base64: key.base64 })
    }

    fn properties(&self, index: u32) -> Vec<(String, String)> {
        records::properties(index)
    }

    fn event_time(&self, index: u32) -> Option<u64> {
        records::event_time(index)
    }

    fn publish_time(&self, index: u32) -> u64 {
        records::publish_time(index)
    }

    fn schema_version(&self, index: u32) -> Option<Vec<u8>> {
        records::schema_version(index)
    }

    fn redelivery_count(&self, index: u32) -> u32 {
        records::redelivery_count(index)
    }

    fn acknowledge(&self, topic: &str, id: MessageId) -> Result<(), String> {
        records::acknowledge(topic, wire_id(id))
    }

    fn negative_acknowledge(&self, topic: &str, id: MessageId) -> Result<(), String> {
        records::negative_acknowledge(topic, wire_id(id))
    }

    fn discard(&self, index: u32) {
        records::discard(index);
    }

    fn publish(&self, index: u32, topic: &str, message: Outgoing) -> Result<(), String> {
        let message = publisher::Message {
            payload: message.payload,
            key: message.key.map(|key| records::MessageKey { text: key.text, base64: key.base64 }),
            properties: message.properties,
            event_time: message.event_time,
        };
        publisher::publish(index, topic, &message)
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        state::get(key)
    }

    fn put(&self, index: u32, key: &str, value: &[u8]) -> Result<(), String> {
        state::put(index, key, value)
    }

    fn delete(&self, index: u32, key: &str) -> Result<(), String> {
        state::delete(index, key)
    }

    fn increment(&self, index: u32, key: &str, amount: i64) -> Result<i64, String> {
        state::increment(index, key, amount)
    }

    fn counter(&self, key: &str) -> Result<i64, String> {
        state::counter(key)
    }

    fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Trace => log::Level::Trace,
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        log::log(level, message);
    }

    fn record_metric(&self, name: &str, value: f64) {
        metrics::record(name, value);
    }
}

fn wire_id(id: MessageId) -> records::MessageId {
    records::MessageId {
        ledger: id.ledger,
        entry: id.entry,
        partition: id.partition,
        batch_index: id.batch_index,
        batch_size: id.batch_size,
    }
}
