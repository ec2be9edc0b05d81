//! Topics in and out, and their encryption.

use function_mesh_proto::topic_name::{TopicName, TopicPattern};

use super::Report;
use crate::crd::{
    function::FunctionSpec,
    io::{InputSpec, OutputSpec},
    rules::{self, Rule},
    sink::SinkSpec,
};

pub(super) fn function(report: &mut Report, spec: &FunctionSpec) {
    let fed =
        spec.source_config.is_some() || topics(spec.consumption.input.as_ref()).next().is_some();
    report.expect(fed, &rules::INPUT_MISSING, "spec.input", "");
    input(report, spec.consumption.input.as_ref());
    output(report, spec.output.as_ref());
    if spec.sink_config.is_some() {
        return;
    }
    let Some(results) = &spec.output else { return };
    let topic = results.topic.as_deref().unwrap_or_default();
    let refs = spec.consumption.input.as_ref().and_then(|input| input.cluster_refs.as_ref());
    let from = refs.and_then(|refs| refs.get(topic)).map(String::as_str).unwrap_or_default();
    let same_cluster = results.cluster_ref.as_deref().unwrap_or_default() == from;
    let looped =
        same_cluster && topics(spec.consumption.input.as_ref()).any(|input| input == topic);
    report.expect(!looped, &rules::OUTPUT_IS_INPUT, "spec.output.topic", topic);
}

pub(super) fn sink(report: &mut Report, spec: &SinkSpec) {
    let fed = topics(spec.consumption.input.as_ref()).next().is_some();
    report.expect(fed, &rules::SINK_INPUT_MISSING, "spec.input", "");
    input(report, spec.consumption.input.as_ref());
}

pub(super) fn output(report: &mut Report, output: Option<&OutputSpec>) {
    let Some(output) = output else { return };
    let topic = output.topic.as_deref();
    optional(report, &rules::OUTPUT_TOPIC, "spec.output.topic", topic);
    let crypto = output.producer_conf.as_ref().and_then(|conf| conf.crypto_config.as_ref());
    if let Some(crypto) = crypto.filter(|_| topic.is_some_and(|topic| !topic.is_empty())) {
        let at = "spec.output.producerConf.cryptoConfig.cryptoKeyReaderClassName";
        let reader = crypto.crypto_key_reader_class_name.as_deref();
        report.expect_text(reader, &rules::PRODUCER_KEY_READER, at);
        let at = "spec.output.producerConf.cryptoConfig.encryptionKeys";
        let keys = crypto.encryption_keys.as_ref().is_some_and(|keys| !keys.is_empty());
        report.expect(keys, &rules::PRODUCER_KEYS, at, "");
    }
}

/// A topic that may be left out.
pub(super) fn optional(report: &mut Report, rule: &Rule, field: &str, topic: Option<&str>) {
    if let Some(topic) = topic.filter(|topic| !topic.is_empty()) {
        report.expect(is_topic(topic), rule, field, topic);
    }
}

/// All that is consumed, as it is written.
pub(super) fn topics(input: Option<&InputSpec>) -> impl Iterator<Item = &str> {
    input.into_iter().flat_map(|input| {
        let listed = input.topics.iter().flatten();
        let pattern = input.topic_pattern.iter().filter(|text| !text.is_empty());
        let by_serde = input.custom_serde_sources.iter().flat_map(|of| of.keys());
        let by_schema = input.custom_schema_sources.iter().flat_map(|of| of.keys());
        let by_consumer = input.source_specs.iter().flat_map(|of| of.keys());
        let all = listed.chain(pattern).chain(by_serde).chain(by_schema).chain(by_consumer);
        all.map(String::as_str)
    })
}

fn input(report: &mut Report, input: Option<&InputSpec>) {
    let Some(input) = input else { return };
    for (index, topic) in input.topics.iter().flatten().enumerate() {
        let field = format!("spec.input.topics[{index}]");
        report.expect(is_topic(topic), &rules::INPUT_TOPIC, &field, topic);
    }
    if let Some(pattern) = input.topic_pattern.as_deref().filter(|text| !text.is_empty()) {
        let field = "spec.input.topicPattern";
        report.expect(is_pattern(pattern), &rules::INPUT_PATTERN, field, pattern);
    }
    for (name, rule, sources) in [
        ("customSerdeSources", &rules::SERDE_TOPIC, &input.custom_serde_sources),
        ("customSchemaSources", &rules::SCHEMA_TOPIC, &input.custom_schema_sources),
    ] {
        for topic in sources.iter().flat_map(|of| of.keys()) {
            let field = format!("spec.input.{name}[{topic}]");
            report.expect(is_topic(topic), rule, &field, topic);
        }
    }
    for (topic, consumer) in input.source_specs.iter().flatten() {
        let field = format!("spec.input.sourceSpecs[{topic}]");
        let (holds, rule) = match consumer.is_regex_pattern {
            Some(true) => (is_pattern(topic), &rules::SOURCE_SPECS_PATTERN),
            _ => (is_topic(topic), &rules::SOURCE_SPECS_TOPIC),
        };
        report.expect(holds, rule, &field, topic);
        let at = format!("{field}.receiverQueueSize");
        report.at_least(0, consumer.receiver_queue_size, &rules::RECEIVER_QUEUE, &at);
        if let Some(crypto) = &consumer.crypto_config {
            let at = format!("{field}.cryptoConfig.cryptoKeyReaderClassName");
            let reader = crypto.crypto_key_reader_class_name.as_deref();
            report.expect_text(reader, &rules::CONSUMER_KEY_READER, &at);
        }
    }
}

pub(super) fn is_topic(text: &str) -> bool {
    text.parse::<TopicName>().is_ok()
}

pub(super) fn is_pattern(text: &str) -> bool {
    text.parse::<TopicPattern>().is_ok()
}
