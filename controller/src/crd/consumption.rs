//! What a Function and a Sink have in common: they consume topics.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::io::InputSpec;

/// The fields of those that consume topics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Consumption {
    /// What is consumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<InputSpec>,
    /// Acknowledge messages for the logic. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_ack: Option<bool>,
    /// Remove the subscription when the object is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleanup_subscription: Option<bool>,
    /// Topic for messages that failed too often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_topic: Option<String>,
    /// How often a failed message is tried again. 0 is for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_message_retry: Option<i32>,
    /// Milliseconds before an unacknowledged message is delivered again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i32>,
    /// Keep messages in order, by topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retain_ordering: Option<bool>,
    /// Keep messages in order, by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retain_key_ordering: Option<bool>,
    /// Name of the subscription. Default: tenant/namespace/name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_name: Option<String>,
    /// Where a new subscription starts. Default: earliest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_position: Option<SubscriptionPosition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SubscriptionPosition {
    Latest,
    Earliest,
}
