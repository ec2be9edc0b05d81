//! Which field of a `FunctionConfig` a field of its `FunctionDetails` came from, so that a user
//! reads about what the user wrote.

use super::FunctionConfig;
use crate::mistake::Mistake;

/// By their beginnings; the first that fits counts, so the longer stand first.
const NAMES: [(&str, &str); 18] = [
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
    ("sink.forwardSourceMessageProperty", "forwardSourceMessageProperty"),
];

pub(super) fn translate(mistake: Mistake, config: &FunctionConfig) -> Mistake {
    let field = said(&mistake.field, config);
    Mistake { field, ..mistake }
}

fn said(field: &str, config: &FunctionConfig) -> String {
    if let Some(properties) = ["sink.schemaProperties", "sink.consumerProperties"]
        .iter()
        .find(|properties| field.starts_with(**properties))
    {
        let output = config.output.as_deref().unwrap_or_default();
        return field.replacen(
            properties,
            &properties.replace("sink", &format!("customSchemaOutputs[\"{output}\"]")),
            1,
        );
    }
    if field == "source.inputSpecs" {
        return "inputs".to_owned();
    }
    if field == "builtin" && config.function_type.is_none() {
        let named = [("py", &config.py), ("go", &config.go)];
        let named = named.iter().find(|(_, package)| package.is_some());
        return named.map_or("jar", |(field, _)| field).to_owned();
    }
    if field == "runtime" && config.runtime.is_none() {
        let language = if config.py.is_some() { "py" } else { "go" };
        return language.to_owned();
    }
    let field = match NAMES.iter().find(|(of_details, _)| field.starts_with(of_details)) {
        Some((of_details, of_config)) => field.replacen(of_details, of_config, 1),
        None => field.to_owned(),
    };
    let field = field.replace(".cryptoSpec", ".cryptoConfig");
    input(&field, config).unwrap_or(field)
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
