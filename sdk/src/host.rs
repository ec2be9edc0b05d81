//! What surrounds a running function, whoever it is: a runner, or a test driver.
//!
//! The methods are the imports of the WIT package, one to one.

use serde_json::{Map, Value};

use crate::{log::Level, record::MessageId};

/// Gives a function its context. A component has the runner's; a native build the test driver's.
pub(crate) trait Host: Send + Sync {
    fn identity(&self) -> Identity;
    fn input_topics(&self) -> Vec<String>;
    fn output_topic(&self) -> Option<String>;
    fn output_schema_type(&self) -> String;
    fn user_config(&self) -> Map<String, Value>;
    fn secret(&self, name: &str) -> Result<Option<String>, String>;

    fn topic(&self, index: u32) -> String;
    fn id(&self, index: u32) -> MessageId;
    fn key(&self, index: u32) -> Option<Key>;
    fn properties(&self, index: u32) -> Vec<(String, String)>;
    fn event_time(&self, index: u32) -> Option<u64>;
    fn publish_time(&self, index: u32) -> u64;
    fn schema_version(&self, index: u32) -> Option<Vec<u8>>;
    fn redelivery_count(&self, index: u32) -> u32;
    fn acknowledge(&self, topic: &str, id: MessageId) -> Result<(), String>;
    fn negative_acknowledge(&self, topic: &str, id: MessageId) -> Result<(), String>;
    fn discard(&self, index: u32);

    fn publish(&self, index: u32, topic: &str, message: Outgoing) -> Result<(), String>;

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String>;
    fn put(&self, index: u32, key: &str, value: &[u8]) -> Result<(), String>;
    fn delete(&self, index: u32, key: &str) -> Result<(), String>;
    fn increment(&self, index: u32, key: &str, amount: i64) -> Result<i64, String>;
    fn counter(&self, key: &str) -> Result<i64, String>;

    fn log(&self, level: Level, message: &str);
    fn record_metric(&self, name: &str, value: f64);
}

/// Which function this is. Constant while it runs.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) tenant: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) function_id: String,
    pub(crate) function_version: String,
    pub(crate) instance_id: u32,
    pub(crate) num_instances: u32,
    pub(crate) cluster_name: String,
}

/// A message's key; a binary one as Base64 text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) base64: bool,
}

/// A message on its way out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outgoing {
    pub(crate) payload: Vec<u8>,
    pub(crate) key: Option<Key>,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) event_time: Option<u64>,
}
