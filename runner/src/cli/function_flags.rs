//! The options that say what the function is: `pulsar-admin functions localrun`'s own, by name
//! and meaning. Each sets one field of `FunctionConfig`; what can be honoured is checked there.

use std::collections::BTreeMap;

use clap::{Args, builder::PossibleValuesParser};
use function_mesh_proto::{
    function::ProcessingGuarantees,
    function_config::{
        ConsumerConfig, FunctionConfig, ProducerConfig, Resources, SubscriptionPosition,
        WindowConfig,
    },
};
use serde_json::{Map, Value};

use super::values::json;

const WHAT: &str = "Function";
const INPUT: &str = "Input topics";
const OUTPUT: &str = "Output";
const PROCESSING: &str = "Processing";

type Texts = BTreeMap<String, String>;

#[derive(Args, Clone, Debug, Default)]
pub(super) struct FunctionFlags {
    /// The component to run: a path, file://, http(s)://, function://tenant/ns/name@version, oci://
    #[arg(long, value_name = "FILE|URL", help_heading = WHAT)]
    wasm: Option<String>,
    /// Tenant (default public)
    #[arg(long, help_heading = WHAT)]
    tenant: Option<String>,
    /// Namespace (default default)
    #[arg(long, help_heading = WHAT)]
    namespace: Option<String>,
    /// Name (default: the component's file name)
    #[arg(long, help_heading = WHAT)]
    name: Option<String>,
    /// Tenant, namespace and name in one: tenant/namespace/name
    #[arg(long, help_heading = WHAT)]
    fqfn: Option<String>,
    /// What the function's code reads from its context, as a JSON object
    #[arg(long, alias = "userConfig", value_name = "JSON", value_parser = json::<Map<String, Value>>, help_heading = WHAT)]
    user_config: Option<Map<String, Value>>,
    /// Secrets the function may read: a JSON object, name to what the provider needs to find it
    #[arg(long, value_name = "JSON", value_parser = json::<Map<String, Value>>, help_heading = WHAT)]
    secrets: Option<Map<String, Value>>,
    /// Instances, all in this process (default 1)
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = WHAT)]
    parallelism: Option<i32>,
    /// Cores of each instance; it goes into the details and is not enforced here
    #[arg(long, value_name = "CORES", help_heading = WHAT, hide_short_help = true)]
    cpu: Option<f64>,
    /// Bytes of memory of each instance; the guest's limit must be below
    #[arg(long, value_name = "BYTES", help_heading = WHAT, hide_short_help = true)]
    ram: Option<i64>,
    /// Bytes of disk of each instance; they go into the details and are not enforced here
    #[arg(long, value_name = "BYTES", help_heading = WHAT, hide_short_help = true)]
    disk: Option<i64>,

    /// Topics to read, separated by commas (default without a broker: in, and out for --output)
    #[arg(short, long, value_name = "TOPICS", value_delimiter = ',', help_heading = INPUT)]
    inputs: Option<Vec<String>>,
    /// Read all topics whose full name matches: persistent://tenant/namespace/REGEX
    #[arg(long, alias = "topicsPattern", value_name = "REGEX", help_heading = INPUT)]
    topics_pattern: Option<String>,
    /// How each input is read: {"topic": {"schemaType": .., "receiverQueueSize": .., ..}}
    #[arg(long, alias = "inputSpecs", value_name = "JSON", value_parser = json::<BTreeMap<String, ConsumerConfig>>, help_heading = INPUT)]
    input_specs: Option<BTreeMap<String, ConsumerConfig>>,
    /// Input topic to its schema: {"topic": "{\"schemaType\": \"JSON\"}"}
    #[arg(long, alias = "customSchemaInputs", value_name = "JSON", value_parser = json::<Texts>, help_heading = INPUT, hide_short_help = true)]
    custom_schema_inputs: Option<Texts>,
    /// Name of the subscription (default tenant/namespace/name)
    #[arg(long, alias = "subsName", value_name = "NAME", help_heading = INPUT)]
    subs_name: Option<String>,
    /// Where a new subscription starts: Latest or Earliest (default Latest)
    #[arg(long, alias = "subsPosition", value_name = "POSITION", value_parser = PossibleValuesParser::new(["Latest", "Earliest"]), hide_possible_values = true, help_heading = INPUT)]
    subs_position: Option<String>,
    /// Skip what is waiting, at every start
    #[arg(long, alias = "skipToLatest", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_possible_values = true, help_heading = INPUT)]
    skip_to_latest: Option<bool>,
    /// Remove the subscription at the end
    #[arg(long, alias = "cleanupSubscription", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_possible_values = true, help_heading = INPUT)]
    cleanup_subscription: Option<bool>,

    /// Topic for what the function returns
    #[arg(short, long, value_name = "TOPIC", help_heading = OUTPUT)]
    output: Option<String>,
    /// Schema of the output; also -st
    #[arg(long, alias = "schemaType", value_name = "TYPE", help_heading = OUTPUT)]
    schema_type: Option<String>,
    /// Schema properties of the output: {"topic": "{\"schemaProperties\": ..}"}
    #[arg(long, alias = "customSchemaOutputs", value_name = "JSON", value_parser = json::<Texts>, help_heading = OUTPUT, hide_short_help = true)]
    custom_schema_outputs: Option<Texts>,
    /// How the output is written: {"compressionType": .., "batchBuilder": .., "maxPendingMessages": ..}
    #[arg(long, alias = "producerConfig", value_name = "JSON", value_parser = json::<ProducerConfig>, help_heading = OUTPUT)]
    producer_config: Option<ProducerConfig>,
    /// DEFAULT, or KEY_BASED: one batch per key
    #[arg(long, alias = "batchBuilder", value_name = "BUILDER", help_heading = OUTPUT, hide_short_help = true)]
    batch_builder: Option<String>,
    /// Copy the properties of inputs to outputs (default true)
    #[arg(long, alias = "forwardSourceMessageProperty", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_possible_values = true, help_heading = OUTPUT, hide_short_help = true)]
    forward_source_message_property: Option<bool>,
    /// Topic for what the function logs
    #[arg(long, alias = "logTopic", value_name = "TOPIC", help_heading = OUTPUT)]
    log_topic: Option<String>,

    /// ATLEAST_ONCE, ATMOST_ONCE or MANUAL (default ATLEAST_ONCE)
    #[arg(long, alias = "processingGuarantees", value_name = "GUARANTEE", value_parser = guarantee, help_heading = PROCESSING)]
    processing_guarantees: Option<ProcessingGuarantees>,
    /// Keep all messages of a topic in order
    #[arg(long, alias = "retainOrdering", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_possible_values = true, help_heading = PROCESSING)]
    retain_ordering: Option<bool>,
    /// Keep the messages of a key in order
    #[arg(long, alias = "retainKeyOrdering", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_possible_values = true, help_heading = PROCESSING)]
    retain_key_ordering: Option<bool>,
    /// Milliseconds after which an unacknowledged message is delivered again
    #[arg(long, alias = "timeoutMs", value_name = "MS", allow_negative_numbers = true, help_heading = PROCESSING)]
    timeout_ms: Option<i64>,
    /// Retries of a failed message (default: without end)
    #[arg(long, alias = "maxMessageRetries", value_name = "N", allow_negative_numbers = true, help_heading = PROCESSING)]
    max_message_retries: Option<i32>,
    /// Topic for messages that failed after their last retry
    #[arg(long, alias = "deadLetterTopic", value_name = "TOPIC", help_heading = PROCESSING)]
    dead_letter_topic: Option<String>,
    /// Deprecated by Pulsar; use --processing-guarantees MANUAL
    #[arg(long, alias = "autoAck", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_possible_values = true, help_heading = PROCESSING, hide_short_help = true)]
    auto_ack: Option<bool>,

    #[command(flatten)]
    other: OtherLanguages,
}

/// Options of Pulsar's other runtimes. They are known so that the refusal can say why.
#[derive(Args, Clone, Debug, Default)]
struct OtherLanguages {
    #[arg(long, hide = true)]
    jar: Option<String>,
    #[arg(long, hide = true)]
    py: Option<String>,
    #[arg(long, hide = true)]
    go: Option<String>,
    #[arg(short = 't', long, alias = "functionType", hide = true)]
    function_type: Option<String>,
    #[arg(long, alias = "className", hide = true)]
    classname: Option<String>,
    #[arg(long, alias = "runtimeFlags", allow_hyphen_values = true, hide = true)]
    runtime_flags: Option<String>,
    #[arg(long, alias = "customRuntimeOptions", hide = true)]
    custom_runtime_options: Option<String>,
    #[arg(long, alias = "customSerdeInputs", value_parser = json::<Texts>, hide = true)]
    custom_serde_inputs: Option<Texts>,
    #[arg(long, alias = "inputTypeClassName", hide = true)]
    input_type_class_name: Option<String>,
    #[arg(long, alias = "outputTypeClassName", hide = true)]
    output_type_class_name: Option<String>,
    #[arg(long, aliases = ["outputSerdeClassName", "output-serde-class-name"], hide = true)]
    output_serde_classname: Option<String>,
    #[arg(long, alias = "windowLengthCount", hide = true)]
    window_length_count: Option<i32>,
    #[arg(long, alias = "windowLengthDurationMs", hide = true)]
    window_length_duration_ms: Option<i64>,
    #[arg(long, alias = "slidingIntervalCount", hide = true)]
    sliding_interval_count: Option<i32>,
    #[arg(long, alias = "slidingIntervalDurationMs", hide = true)]
    sliding_interval_duration_ms: Option<i64>,
}

fn guarantee(name: &str) -> Result<ProcessingGuarantees, String> {
    ProcessingGuarantees::from_str_name(name)
        .ok_or_else(|| "expected ATLEAST_ONCE, ATMOST_ONCE or MANUAL".to_owned())
}

impl FunctionFlags {
    /// Sets the fields that were given; the rest keep what the configuration file says.
    pub(super) fn apply(self, config: &mut FunctionConfig) {
        set(&mut config.wasm, self.wasm);
        set(&mut config.tenant, self.tenant);
        set(&mut config.namespace, self.namespace);
        set(&mut config.name, self.name);
        set(&mut config.fqfn, self.fqfn);
        replace(&mut config.user_config, self.user_config);
        replace(&mut config.secrets, self.secrets);
        set(&mut config.parallelism, self.parallelism);
        if self.cpu.is_some() || self.ram.is_some() || self.disk.is_some() {
            let resources = config.resources.get_or_insert_with(Resources::default);
            set(&mut resources.cpu, self.cpu);
            set(&mut resources.ram, self.ram);
            set(&mut resources.disk, self.disk);
        }

        replace(&mut config.inputs, self.inputs);
        set(&mut config.topics_pattern, self.topics_pattern);
        replace(&mut config.input_specs, self.input_specs);
        replace(&mut config.custom_schema_inputs, self.custom_schema_inputs);
        set(&mut config.sub_name, self.subs_name);
        let position = self.subs_position.map(|position| match position.as_str() {
            "Earliest" => SubscriptionPosition::Earliest,
            _ => SubscriptionPosition::Latest,
        });
        set(&mut config.subscription_position, position);
        set(&mut config.skip_to_latest, self.skip_to_latest);
        set(&mut config.cleanup_subscription, self.cleanup_subscription);

        set(&mut config.output, self.output);
        set(&mut config.output_schema_type, self.schema_type);
        replace(&mut config.custom_schema_outputs, self.custom_schema_outputs);
        set(&mut config.producer_config, self.producer_config);
        set(&mut config.batch_builder, self.batch_builder);
        set(&mut config.forward_source_message_property, self.forward_source_message_property);
        set(&mut config.log_topic, self.log_topic);

        set(&mut config.processing_guarantees, self.processing_guarantees);
        set(&mut config.retain_ordering, self.retain_ordering);
        set(&mut config.retain_key_ordering, self.retain_key_ordering);
        set(&mut config.timeout_ms, self.timeout_ms);
        set(&mut config.max_message_retries, self.max_message_retries);
        set(&mut config.dead_letter_topic, self.dead_letter_topic);
        set(&mut config.auto_ack, self.auto_ack);
        self.other.apply(config);
    }
}

impl OtherLanguages {
    fn apply(self, config: &mut FunctionConfig) {
        set(&mut config.jar, self.jar);
        set(&mut config.py, self.py);
        set(&mut config.go, self.go);
        set(&mut config.function_type, self.function_type);
        set(&mut config.class_name, self.classname);
        set(&mut config.runtime_flags, self.runtime_flags);
        set(&mut config.custom_runtime_options, self.custom_runtime_options);
        replace(&mut config.custom_serde_inputs, self.custom_serde_inputs);
        set(&mut config.input_type_class_name, self.input_type_class_name);
        set(&mut config.output_type_class_name, self.output_type_class_name);
        set(&mut config.output_serde_class_name, self.output_serde_classname);
        let given = self.window_length_count.is_some()
            || self.window_length_duration_ms.is_some()
            || self.sliding_interval_count.is_some()
            || self.sliding_interval_duration_ms.is_some();
        if given {
            let window = config.window_config.get_or_insert_with(WindowConfig::default);
            set(&mut window.window_length_count, self.window_length_count);
            set(&mut window.window_length_duration_ms, self.window_length_duration_ms);
            set(&mut window.sliding_interval_count, self.sliding_interval_count);
            set(&mut window.sliding_interval_duration_ms, self.sliding_interval_duration_ms);
        }
    }
}

fn set<T>(field: &mut Option<T>, flag: Option<T>) {
    if flag.is_some() {
        *field = flag;
    }
}

fn replace<T>(field: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *field = value;
    }
}

/// The option that sets a field of `FunctionConfig`.
pub(super) fn option_for(field: &str) -> Option<&'static str> {
    Some(match field {
        "wasm" => "--wasm",
        "tenant" => "--tenant",
        "namespace" => "--namespace",
        "name" => "--name",
        "fqfn" => "--fqfn",
        "userConfig" => "--user-config",
        "secrets" => "--secrets",
        "parallelism" => "--parallelism",
        "resources" => "--cpu, --ram, --disk",
        "inputs" => "--inputs",
        "topicsPattern" => "--topics-pattern",
        "inputSpecs" => "--input-specs",
        "customSchemaInputs" => "--custom-schema-inputs",
        "subName" => "--subs-name",
        "subscriptionPosition" => "--subs-position",
        "skipToLatest" => "--skip-to-latest",
        "cleanupSubscription" => "--cleanup-subscription",
        "output" => "--output",
        "outputSchemaType" => "--schema-type",
        "customSchemaOutputs" => "--custom-schema-outputs",
        "producerConfig" => "--producer-config",
        "batchBuilder" => "--batch-builder",
        "forwardSourceMessageProperty" => "--forward-source-message-property",
        "logTopic" => "--log-topic",
        "processingGuarantees" => "--processing-guarantees",
        "retainOrdering" => "--retain-ordering",
        "retainKeyOrdering" => "--retain-key-ordering",
        "timeoutMs" => "--timeout-ms",
        "maxMessageRetries" => "--max-message-retries",
        "deadLetterTopic" => "--dead-letter-topic",
        "autoAck" => "--auto-ack",
        "jar" => "--jar",
        "py" => "--py",
        "go" => "--go",
        "functionType" => "--function-type",
        "className" => "--classname",
        "runtimeFlags" => "--runtime-flags",
        "customRuntimeOptions" => "--custom-runtime-options",
        "customSerdeInputs" => "--custom-serde-inputs",
        "inputTypeClassName" => "--input-type-class-name",
        "outputTypeClassName" => "--output-type-class-name",
        "outputSerdeClassName" => "--output-serde-classname",
        "windowConfig" => "--window-length-count and its like",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
