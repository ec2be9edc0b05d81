//! Which field of a `FunctionConfig` a field of its `FunctionDetails` came from, so that a user
//! reads about what the user wrote.

use super::FunctionConfig;
use crate::mistake::Mistake;

/// By their beginnings; the first that fits counts, so the longer stand first.
const NAMES: [(&str, &str); 20] = [
    ("userConfig[\"__WINDOWCONFIGS__\"]", "windowConfig"),
    ("secretsMap", "secrets"),
    ("packageUrl", "wasm"),
    ("builtin", "functionType"),
    ("retryDetails.", ""),
    ("source.inputSpecs", "inputSpecs"),
    ("source.typeClassName", "inputTypeClassName"),
    ("source.subscriptionName", "subName"),
    ("source.negativeAckRedeliveryDelayMs", "timeoutMs"),
    ("source.subscriptionType", "retainOrdering"),
    ("source.", ""),
    ("sink.producerSpec.cryptoSpec", "producerConfig.cryptoConfig"),
    ("sink.producerSpec", "producerConfig"),
    ("sink.topic", "output"),
    ("sink.schemaType", "outputSchemaType"),
    ("sink.serDeClassName", "outputSerdeClassName"),
    ("sink.typeClassName", "outputTypeClassName"),
    ("sink.schemaProperties", "customSchemaOutputs"),
    ("sink.consumerProperties", "customSchemaOutputs"),
    ("sink.forwardSourceMessageProperty", "forwardSourceMessageProperty"),
];

pub(super) fn translate(mistake: Mistake, config: &FunctionConfig) -> Mistake {
    let field = match NAMES.iter().find(|(of_details, _)| mistake.field.starts_with(of_details)) {
        Some((of_details, of_config)) => mistake.field.replacen(of_details, of_config, 1),
        None => mistake.field,
    };
    let field = field.replace(".cryptoSpec", ".cryptoConfig");
    Mistake { field: input(&field, config).unwrap_or(field), ..mistake }
}

/// An input may stand at five places; Pulsar makes one map of them.
fn input(field: &str, config: &FunctionConfig) -> Option<String> {
    let (topic, rest) = field.strip_prefix("inputSpecs[\"")?.split_once("\"]")?;
    if config.input_specs.contains_key(topic) {
        None
    } else if config.custom_schema_inputs.contains_key(topic) {
        Some(format!("customSchemaInputs[\"{topic}\"]{rest}"))
    } else if config.custom_serde_inputs.contains_key(topic) {
        Some(format!("customSerdeInputs[\"{topic}\"]"))
    } else if config.topics_pattern.as_deref() == Some(topic) {
        Some("topicsPattern".to_owned())
    } else {
        let place = config.inputs.iter().position(|input| input == topic)?;
        Some(format!("inputs[{place}]{rest}"))
    }
}
