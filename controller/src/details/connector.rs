//! Connectors: of Sources and Sinks, and in the place of a function's input or output.

use function_mesh_proto::function::{SinkSpec as SinkDetails, SourceSpec as SourceDetails};
use serde_json::{Map, Value};

use super::{BYTES, non_empty, object_text};
use crate::crd::{
    function::{ConnectorSink, ConnectorSource},
    io::BatchSourceConfig,
    sink::SinkSpec,
    source::SourceSpec,
};

/// Pulsar's own class that runs a batch source; the user's class is in its configuration.
const BATCH_EXECUTOR: &str = "org.apache.pulsar.functions.source.batch.BatchSourceExecutor";
const BATCH_CONFIG: &str = "__BATCHSOURCECONFIGS__";
const BATCH_CLASS: &str = "__BATCHSOURCECLASSNAME__";

/// What names a connector that the image brings along.
const BUILTIN: &str = "builtin://";

pub(super) fn source(spec: &SourceSpec) -> SourceDetails {
    let class_name = spec.workload.class_name.clone().unwrap_or_default();
    let configs = spec.source_config.clone().unwrap_or_default();
    let type_class_name = spec.output.as_ref().and_then(|output| output.type_class_name.as_deref());
    let (class_name, configs) = batched(class_name, configs, spec.batch_source_config.as_ref());
    SourceDetails {
        class_name,
        configs: object_text(&configs),
        type_class_name: non_empty(type_class_name).unwrap_or(BYTES).to_owned(),
        ..SourceDetails::default()
    }
}

pub(super) fn sink(spec: &SinkSpec) -> SinkDetails {
    let type_class_name =
        spec.consumption.input.as_ref().and_then(|input| input.type_class_name.as_deref());
    SinkDetails {
        class_name: spec.workload.class_name.clone().unwrap_or_default(),
        configs: object_text(&spec.sink_config.clone().unwrap_or_default()),
        type_class_name: non_empty(type_class_name).unwrap_or(BYTES).to_owned(),
        ..SinkDetails::default()
    }
}

pub(super) fn source_of_function(connector: &ConnectorSource) -> SourceDetails {
    let configs = connector.configs.clone().unwrap_or_default();
    let builtin = builtin(connector.source_type.as_deref(), &configs);
    let class_name = connector.class_name.clone().unwrap_or_default();
    let (class_name, configs) =
        batched(class_name, flattened(configs), connector.batch_source_config.as_ref());
    SourceDetails {
        class_name,
        configs: object_text(&configs),
        type_class_name: connector.type_class_name.clone().unwrap_or_default(),
        builtin,
        ..SourceDetails::default()
    }
}

pub(super) fn sink_of_function(connector: &ConnectorSink) -> SinkDetails {
    let configs = connector.configs.clone().unwrap_or_default();
    let builtin = builtin(connector.sink_type.as_deref(), &configs);
    let mut configs = flattened(configs);
    if let Some(kind) = non_empty(connector.sink_type.as_deref()) {
        configs.insert("sinkType".to_owned(), kind.into());
    }
    SinkDetails {
        class_name: connector.class_name.clone().unwrap_or_default(),
        configs: object_text(&configs),
        type_class_name: connector.type_class_name.clone().unwrap_or_default(),
        builtin,
        ..SinkDetails::default()
    }
}

fn batched(
    class_name: String,
    mut configs: Map<String, Value>,
    batch: Option<&BatchSourceConfig>,
) -> (String, Map<String, Value>) {
    let Some(batch) = batch else { return (class_name, configs) };
    let mut trigger = Map::new();
    let class = batch.discovery_triggerer_class_name.clone();
    trigger.insert("discoveryTriggererClassName".to_owned(), class.into());
    if let Some(config) = &batch.discovery_triggerer_config {
        trigger.insert("discoveryTriggererConfig".to_owned(), Value::Object(config.clone()));
    }
    configs.insert(BATCH_CONFIG.to_owned(), Value::Object(trigger).to_string().into());
    configs.insert(BATCH_CLASS.to_owned(), class_name.into());
    (BATCH_EXECUTOR.to_owned(), configs)
}

/// A built-in connector's name, in one of the three places where it may stand.
fn builtin(named: Option<&str>, configs: &Map<String, Value>) -> String {
    let text = |key: &str| configs.get(key).and_then(Value::as_str);
    let archive = text("archive").and_then(|archive| archive.strip_prefix(BUILTIN));
    non_empty(named).or(text("builtin")).or(archive).unwrap_or_default().to_owned()
}

/// The connector's own configuration may stand one level deeper.
fn flattened(mut configs: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Object(inner)) = configs.remove("configs") {
        configs.extend(inner);
    }
    configs
}
