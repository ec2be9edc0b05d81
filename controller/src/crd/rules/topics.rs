//! Topics in and out, and their encryption.
//!
//! The expressions say what `function_mesh_proto::topic_name` reads; a test compares the two.

use super::{ALL_THREE, CONSUMERS, FUNCTION, PRODUCERS, Reason, Rule, SINK, rules};

/// A topic: `name`, `tenant/namespace/name`, or that with `persistent://` or `non-persistent://`.
macro_rules! topic {
    () => {
        r".matches(r'^(((non-)?persistent://)?([-=:.\w]+/){2})?[^/\pZ\p{Cc}]([^/\p{Cc}]*[^/\pZ\p{Cc}])?$')"
    };
}

/// A pattern of topics, whose last part is a regular expression.
macro_rules! pattern {
    () => {
        r".matches(r'^(?s:persistent://([-=:.\w]+/){2}.+|([-=:.\w]+/){2}[^/]+|[^/]*[^/\pZ\p{Cc}][^/]*)$')"
    };
}

/// A topic where there is one.
macro_rules! topic_or_none {
    ($field:literal) => {
        concat!("!has(self.", $field, ") || self.", $field, " == '' || self.", $field, topic!())
    };
}

macro_rules! fed {
    () => {
        "(has(self.spec.input)
            && ((has(self.spec.input.topics) && size(self.spec.input.topics) > 0)
                || (has(self.spec.input.topicPattern) && self.spec.input.topicPattern != '')
                || (has(self.spec.input.customSerdeSources) && size(self.spec.input.customSerdeSources) > 0)
                || (has(self.spec.input.customSchemaSources) && size(self.spec.input.customSchemaSources) > 0)
                || (has(self.spec.input.sourceSpecs) && size(self.spec.input.sourceSpecs) > 0)))"
    };
}

/// Encrypted output that goes to a topic.
macro_rules! unless_encrypted {
    () => {
        "!has(self.topic) || self.topic == '' || !has(self.producerConf) || !has(self.producerConf.cryptoConfig) || "
    };
}

const INPUT: &str = "a topic to consume, in topics, topicPattern, customSerdeSources, \
    customSchemaSources or sourceSpecs";
const TOPIC: &str = "a topic name such as persistent://tenant/namespace/name: tenant/namespace/name \
    and name alone will do, other forms are not topics of Pulsar";
const PATTERN: &str = "a pattern such as persistent://tenant/namespace/regex: patterns find \
    persistent topics of one namespace";

rules! {
    INPUT_MISSING: FUNCTION at "", Required ".spec.input",
        holds concat!("has(self.spec.sourceConfig) || ", fed!()),
        expected INPUT;

    SINK_INPUT_MISSING: SINK at "", Required ".spec.input",
        holds fed!(),
        expected INPUT;

    INPUT_TOPIC: CONSUMERS at "spec.input.topics[]", Invalid "",
        holds concat!("self", topic!()),
        expected TOPIC;

    INPUT_PATTERN: CONSUMERS at "spec.input", Invalid ".topicPattern",
        holds concat!("!has(self.topicPattern) || self.topicPattern == '' || self.topicPattern", pattern!()),
        expected PATTERN;

    SERDE_TOPIC: CONSUMERS at "spec.input.customSerdeSources", Invalid "",
        holds concat!("self.all(topic, topic", topic!(), ")"),
        expected TOPIC;

    SCHEMA_TOPIC: CONSUMERS at "spec.input.customSchemaSources", Invalid "",
        holds concat!("self.all(topic, topic", topic!(), ")"),
        expected TOPIC;

    SOURCE_SPECS_TOPIC: CONSUMERS at "spec.input.sourceSpecs", Invalid "",
        holds concat!("self.all(topic, (has(self[topic].isRegexPattern) && self[topic].isRegexPattern) || topic", topic!(), ")"),
        expected TOPIC;

    SOURCE_SPECS_PATTERN: CONSUMERS at "spec.input.sourceSpecs", Invalid "",
        holds concat!("self.all(topic, !has(self[topic].isRegexPattern) || !self[topic].isRegexPattern || topic", pattern!(), ")"),
        expected PATTERN;

    RECEIVER_QUEUE: CONSUMERS at "spec.input.sourceSpecs{}", Invalid ".receiverQueueSize",
        holds "!has(self.receiverQueueSize) || self.receiverQueueSize >= 0",
        expected "0 or more messages";

    CONSUMER_KEY_READER: CONSUMERS at "spec.input.sourceSpecs{}.cryptoConfig", Required ".cryptoKeyReaderClassName",
        holds "has(self.cryptoKeyReaderClassName) && self.cryptoKeyReaderClassName != ''",
        expected "the class that reads the keys: without it no message can be decrypted";

    OUTPUT_TOPIC: PRODUCERS at "spec.output", Invalid ".topic",
        holds topic_or_none!("topic"),
        expected TOPIC;

    OUTPUT_IS_INPUT: FUNCTION at "spec", Invalid ".output.topic",
        holds "has(self.sinkConfig) || !has(self.input) || !has(self.output) || !has(self.output.topic) || self.output.topic == ''
            || (has(self.output.clusterRef) ? self.output.clusterRef : '')
                != (has(self.input.clusterRefs) && self.output.topic in self.input.clusterRefs ? self.input.clusterRefs[self.output.topic] : '')
            || !((has(self.input.topics) && self.output.topic in self.input.topics)
                || (has(self.input.topicPattern) && self.output.topic == self.input.topicPattern)
                || (has(self.input.customSerdeSources) && self.output.topic in self.input.customSerdeSources)
                || (has(self.input.customSchemaSources) && self.output.topic in self.input.customSchemaSources)
                || (has(self.input.sourceSpecs) && self.output.topic in self.input.sourceSpecs))",
        expected "another topic than those of the input: the function would consume its own results for ever";

    PRODUCER_KEY_READER: PRODUCERS at "spec.output", Required ".producerConf.cryptoConfig.cryptoKeyReaderClassName",
        holds concat!(unless_encrypted!(), "(has(self.producerConf.cryptoConfig.cryptoKeyReaderClassName)
            && self.producerConf.cryptoConfig.cryptoKeyReaderClassName != '')"),
        expected "the class that reads the keys: without it no message can be encrypted";

    PRODUCER_KEYS: PRODUCERS at "spec.output", Required ".producerConf.cryptoConfig.encryptionKeys",
        holds concat!(unless_encrypted!(), "(has(self.producerConf.cryptoConfig.encryptionKeys)
            && size(self.producerConf.cryptoConfig.encryptionKeys) > 0)"),
        expected "the name of a key: without one no message can be encrypted";

    LOG_TOPIC: ALL_THREE at "spec", Invalid ".logTopic",
        holds topic_or_none!("logTopic"),
        expected TOPIC;

    DEAD_LETTER_TOPIC: CONSUMERS at "spec", Invalid ".deadLetterTopic",
        holds topic_or_none!("deadLetterTopic"),
        expected TOPIC;

    LATE_DATA_TOPIC: FUNCTION at "spec.windowConfig", Invalid ".lateDataTopic",
        holds topic_or_none!("lateDataTopic"),
        expected TOPIC;
}
