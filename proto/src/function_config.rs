//! `FunctionConfig`: the document users write for `pulsar-admin functions` and `localrun`.
//!
//! YAML or JSON with Pulsar's names, all of them known and unknown ones refused; `wasm` is ours.
//! `convert` makes the `FunctionDetails` that travel, after `validate` has checked what Pulsar's
//! admin checks. Whether the runner can honour the result is the plan's question, not asked here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    document::Document,
    function::{
        CompressionType, FunctionDetails, ProcessingGuarantees, crypto_spec::FailureAction,
        function_details::Runtime,
    },
    mistake::Mistakes,
    plan::FunctionPlan,
};

mod convert;
mod field_names;
mod identity;
mod validate;
pub(crate) mod window;

/// What a function is, as its author says it. Everything may be left out that has a default or is
/// not wanted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct FunctionConfig {
    /// Default `public`.
    pub tenant: Option<String>,
    /// Default `default`.
    pub namespace: Option<String>,
    /// Default: the last dotted part of the class name, or the component's file name.
    pub name: Option<String>,
    /// `tenant/namespace/name` in one; must agree with the three where both are given.
    pub fqfn: Option<String>,
    pub class_name: Option<String>,

    /// A WebAssembly component: path, `file://`, `http(s)://`, `function://` or `oci://`.
    /// Not in Pulsar; it stands beside `jar`, `py` and `go`.
    pub wasm: Option<String>,
    pub jar: Option<String>,
    pub py: Option<String>,
    pub go: Option<String>,
    /// Name of a built-in function, the same as `jar: builtin://<name>`.
    pub function_type: Option<String>,
    /// Default: by which of `jar`, `py` and `go` is given. A component has none.
    pub runtime: Option<Runtime>,
    pub runtime_flags: Option<String>,
    pub custom_runtime_options: Option<String>,

    pub inputs: Vec<String>,
    /// All topics whose full name matches `persistent://tenant/namespace/regex`.
    pub topics_pattern: Option<String>,
    /// Topic to SerDe class.
    pub custom_serde_inputs: BTreeMap<String, String>,
    /// Topic to a [`ConsumerConfig`] as JSON text.
    pub custom_schema_inputs: BTreeMap<String, String>,
    /// By topic or, with `isRegexPattern`, by pattern; wins over the four above.
    pub input_specs: BTreeMap<String, ConsumerConfig>,
    pub input_type_class_name: Option<String>,
    /// Default `tenant/namespace/name`.
    pub sub_name: Option<String>,
    /// Default `Latest`.
    pub subscription_position: Option<SubscriptionPosition>,
    /// Skip what is waiting, at every start.
    pub skip_to_latest: Option<bool>,
    /// Remove the subscription with the function (default true).
    pub cleanup_subscription: Option<bool>,

    pub output: Option<String>,
    pub producer_config: Option<ProducerConfig>,
    pub output_schema_type: Option<String>,
    pub output_serde_class_name: Option<String>,
    pub output_type_class_name: Option<String>,
    /// Output topic to a [`ConsumerConfig`] as JSON text, of which the properties count.
    pub custom_schema_outputs: BTreeMap<String, String>,
    /// `DEFAULT` or `KEY_BASED`; wins over the one in `producerConfig`.
    pub batch_builder: Option<String>,
    /// Copy the properties of inputs to outputs (default true).
    pub forward_source_message_property: Option<bool>,
    pub log_topic: Option<String>,

    /// Default `ATLEAST_ONCE`.
    pub processing_guarantees: Option<ProcessingGuarantees>,
    pub retain_ordering: Option<bool>,
    pub retain_key_ordering: Option<bool>,
    /// Deprecated by Pulsar (apache/pulsar issue 15560): `MANUAL` says it better.
    pub auto_ack: Option<bool>,
    /// Milliseconds after which an unacknowledged message is delivered again.
    pub timeout_ms: Option<i64>,
    /// Retries of a failed message; without it, or below 0, there is no end to them.
    pub max_message_retries: Option<i32>,
    pub dead_letter_topic: Option<String>,
    pub max_pending_async_requests: Option<i32>,
    pub window_config: Option<WindowConfig>,

    pub user_config: Map<String, Value>,
    /// Name to what the secrets provider needs to find the value.
    pub secrets: Map<String, Value>,
    pub expose_pulsar_admin_client_enabled: Option<bool>,

    /// Instances (default 1).
    pub parallelism: Option<i32>,
    pub resources: Option<Resources>,
}

/// How one input is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ConsumerConfig {
    pub schema_type: Option<String>,
    pub serde_class_name: Option<String>,
    /// Pulsar's Jackson paths say `regexPattern`, its CLI's Gson path `isRegexPattern`; each
    /// ignores the other. Here both mean it.
    #[serde(alias = "regexPattern")]
    pub is_regex_pattern: bool,
    /// For a component, `schema` holds the record definition in Avro's JSON, which Pulsar takes
    /// from a Java class: AVRO needs it, JSON may have it.
    pub schema_properties: BTreeMap<String, String>,
    pub consumer_properties: BTreeMap<String, String>,
    pub receiver_queue_size: Option<i32>,
    pub crypto_config: Option<CryptoConfig>,
    pub pool_messages: bool,
}

/// How the output is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ProducerConfig {
    pub max_pending_messages: Option<i32>,
    pub max_pending_messages_across_partitions: Option<i32>,
    pub use_thread_local_producers: Option<bool>,
    pub crypto_config: Option<CryptoConfig>,
    pub batch_builder: Option<String>,
    /// Default `LZ4`.
    pub compression_type: Option<CompressionType>,
}

/// End-to-end encryption.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct CryptoConfig {
    pub crypto_key_reader_class_name: Option<String>,
    pub crypto_key_reader_config: Map<String, Value>,
    pub encryption_keys: Vec<String>,
    /// `FAIL` or `SEND`.
    pub producer_crypto_failure_action: Option<FailureAction>,
    /// `FAIL`, `DISCARD` or `CONSUME`.
    pub consumer_crypto_failure_action: Option<FailureAction>,
}

/// Over which messages a window function works.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct WindowConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_length_count: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_length_duration_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sliding_interval_count: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sliding_interval_duration_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_data_topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_lag_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark_emit_interval_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_extractor_class_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual_window_function_class_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processing_guarantees: Option<ProcessingGuarantees>,
}

/// What one instance may use. Defaults: 1 core, 1 GiB of memory, 10 GiB of disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Resources {
    /// Cores.
    pub cpu: Option<f64>,
    /// Bytes.
    pub ram: Option<i64>,
    /// Bytes.
    pub disk: Option<i64>,
}

/// Where a new subscription starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubscriptionPosition {
    #[default]
    Latest,
    Earliest,
}

impl FunctionConfig {
    /// Reads YAML, or JSON, which is part of it.
    ///
    /// # Errors
    /// Every field that is unknown or of the wrong type, with line and column.
    pub fn from_yaml(text: &str) -> Result<Self, Mistakes> {
        Document::parse(text)?.read()
    }

    /// What Pulsar's admin makes of this document, after the checks that Pulsar's admin does.
    ///
    /// # Errors
    /// Every mistake of the document.
    pub fn to_details(&self) -> Result<FunctionDetails, Mistakes> {
        let (details, mistakes) = self.convert();
        mistakes.or(details)
    }

    /// The details, and the plan for a component.
    ///
    /// # Errors
    /// Every mistake, and everything that cannot be honoured, by the fields of this document.
    pub fn to_plan(&self) -> Result<(FunctionDetails, FunctionPlan), Mistakes> {
        let (details, mut mistakes) = self.convert();
        validate::component_only(self, &mut mistakes);
        match FunctionPlan::from_details(&details) {
            Ok(plan) => mistakes.or((details, plan)),
            Err(refused) => {
                let refused =
                    refused.into_iter().map(|mistake| field_names::translate(mistake, self));
                for mistake in refused {
                    // What this document's own checks found comes back in the details.
                    if !mistakes.iter().any(|known| known.field == mistake.field) {
                        mistakes.add(mistake);
                    }
                }
                Err(mistakes)
            }
        }
    }

    fn convert(&self) -> (FunctionDetails, Mistakes) {
        let mut mistakes = validate::check(self);
        let (details, inner) = convert::details(self);
        mistakes.extend(inner);
        (details, mistakes)
    }
}

#[cfg(test)]
mod tests;
