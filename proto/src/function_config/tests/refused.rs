//! Each wrong document names its field, its value and what is accepted.

use super::*;

/// Checks a document that is right but for what is appended to it.
fn refused(said: &str, expected: &[(&str, &str, &str)]) {
    let yaml = format!("wasm: count.wasm\ninputs: [in]\noutput: out\n{said}\n");
    check(&yaml, expected);
}

fn check(yaml: &str, expected: &[(&str, &str, &str)]) {
    let mistakes = config(yaml).to_details().expect_err(yaml);
    let found: Vec<_> = mistakes
        .iter()
        .map(|m| (m.field.as_str(), m.value.as_str(), m.accepted.as_str()))
        .collect();
    assert_eq!(found.len(), expected.len(), "{yaml}: {mistakes}");
    for ((field, value, accepted), (field_expected, value_expected, accepted_part)) in
        found.iter().zip(expected)
    {
        assert_eq!((field, value), (field_expected, value_expected), "{yaml}");
        assert!(accepted.contains(accepted_part), "{yaml}: {accepted}");
    }
}

#[test]
fn names_are_checked() {
    refused("tenant: ''", &[("tenant", "", "letters, digits")]);
    refused("namespace: a/b", &[("namespace", "a/b", "letters, digits")]);
    refused("name: ' '", &[("name", " ", "without slashes")]);
    refused("name: a/b", &[("name", "a/b", "without slashes")]);
    refused("fqfn: a/b", &[("fqfn", "a/b", "tenant/namespace/name")]);
    refused("fqfn: a/b/c\ntenant: x", &[("tenant", "x", "a, as fqfn says")]);
}

#[test]
fn topics_are_checked() {
    let topic = "a topic name such as persistent://tenant/namespace/name";
    check("{wasm: count.wasm}", &[("inputs", "", "at least one input topic")]);
    check(
        "{wasm: count.wasm, inputs: [ok, a/b, 'kafka://x/y/z']}",
        &[("inputs[1]", "a/b", topic), ("inputs[2]", "kafka://x/y/z", topic)],
    );
    refused("customSerdeInputs: {a/b: C}", &[("customSerdeInputs[\"a/b\"]", "a/b", topic)]);
    refused("customSchemaInputs: {a/b: '{}'}", &[("customSchemaInputs[\"a/b\"]", "a/b", topic)]);
    refused("inputSpecs: {a/b: {}}", &[("inputSpecs[\"a/b\"]", "a/b", topic)]);
    refused("logTopic: a/b", &[("logTopic", "a/b", topic)]);
    refused("maxMessageRetries: 1\ndeadLetterTopic: a/b", &[("deadLetterTopic", "a/b", topic)]);
    let pattern = "a pattern such as persistent://tenant/namespace/regex";
    refused("topicsPattern: '('", &[("topicsPattern", "(", pattern)]);
    refused("inputSpecs: {'(': {regexPattern: true}}", &[("inputSpecs[\"(\"]", "(", pattern)]);
    check(
        "{wasm: count.wasm, inputs: [in], output: 'persistent://public/default/in'}",
        &[("output", "persistent://public/default/in", "not an input")],
    );
    check("{wasm: c.wasm, inputs: [in], output: a/b}", &[("output", "a/b", topic)]);
}

#[test]
fn there_is_one_package() {
    refused("jar: a.jar", &[("jar", "a.jar", "one of wasm, jar, py, go")]);
    refused("runtime: PYTHON\nclassName: c", &[("runtime", "PYTHON", "a component needs no")]);
    check(
        "{jar: a.jar, className: C, runtime: GO, inputs: [in]}",
        &[("runtime", "GO", "JAVA, as jar says")],
    );
    check("{wasm: ' ', name: n, inputs: [in]}", &[("wasm", " ", "a path or URL")]);
}

#[test]
fn schema_and_serde_exclude_each_other() {
    refused(
        "inputSpecs: {x: {schemaType: JSON, serdeClassName: S}}",
        &[("inputSpecs[\"x\"].serdeClassName", "S", "nothing beside schemaType")],
    );
    refused(
        "outputSchemaType: JSON\noutputSerdeClassName: S",
        &[("outputSerdeClassName", "S", "nothing beside outputSchemaType")],
    );
}

#[test]
fn quantities_are_positive() {
    refused("parallelism: 0", &[("parallelism", "0", "1 or more")]);
    refused("resources: {cpu: 0}", &[("resources.cpu", "0", "more than 0 cores")]);
    let not_a_number = FunctionConfig {
        resources: Some(Resources { cpu: Some(f64::NAN), ..Resources::default() }),
        ..config("{wasm: count.wasm, inputs: [in]}")
    };
    let mistakes = not_a_number.to_details().unwrap_err().to_string();
    assert!(mistakes.contains("field \"resources.cpu\" = \"NaN\""), "{mistakes}");
    refused(
        "resources: {ram: -1, disk: 0}",
        &[
            ("resources.disk", "0", "more than 0 bytes"),
            ("resources.ram", "-1", "more than 0 bytes"),
        ],
    );
    refused(
        "inputSpecs: {x: {receiverQueueSize: -1}}",
        &[("inputSpecs[\"x\"].receiverQueueSize", "-1", "0 or more")],
    );
}

#[test]
fn timeouts_are_for_at_least_once() {
    refused("timeoutMs: 0", &[("timeoutMs", "0", "1 or more milliseconds")]);
    for guarantee in ["ATMOST_ONCE", "MANUAL", "EFFECTIVELY_ONCE"] {
        let said = format!("timeoutMs: 1\nprocessingGuarantees: {guarantee}");
        refused(&said, &[("timeoutMs", "1", &format!("nothing with {guarantee}"))]);
    }
}

#[test]
fn retries_end_in_a_dead_letter_topic_only_with_a_bound() {
    refused("deadLetterTopic: dead", &[("deadLetterTopic", "dead", "maxMessageRetries beside")]);
    refused(
        "deadLetterTopic: dead\nmaxMessageRetries: -1",
        &[("deadLetterTopic", "dead", "maxMessageRetries beside")],
    );
    refused(
        "maxMessageRetries: 0\nprocessingGuarantees: EFFECTIVELY_ONCE",
        &[("maxMessageRetries", "0", "nothing with EFFECTIVELY_ONCE")],
    );
}

#[test]
fn orders_exclude_each_other() {
    refused(
        "retainOrdering: true\nretainKeyOrdering: true",
        &[("retainKeyOrdering", "true", "false beside retainOrdering")],
    );
    refused(
        "retainKeyOrdering: true\nprocessingGuarantees: EFFECTIVELY_ONCE",
        &[("retainKeyOrdering", "true", "false with EFFECTIVELY_ONCE")],
    );
}

#[test]
fn automatic_acknowledgement_agrees_with_the_guarantee() {
    refused(
        "autoAck: false\nprocessingGuarantees: ATMOST_ONCE",
        &[("autoAck", "false", "true or nothing with ATMOST_ONCE")],
    );
    refused("autoAck: false", &[("autoAck", "false", "acknowledges by itself is of MANUAL")]);
    assert!(
        config("{wasm: c.wasm, inputs: [in], autoAck: false, processingGuarantees: MANUAL}")
            .to_details()
            .is_ok()
    );
}

#[test]
fn encryption_needs_its_keys() {
    refused(
        "inputSpecs: {x: {cryptoConfig: {consumerCryptoFailureAction: SEND}}}",
        &[
            ("inputSpecs[\"x\"].cryptoConfig.consumerCryptoFailureAction", "SEND", "DISCARD"),
            ("inputSpecs[\"x\"].cryptoConfig.cryptoKeyReaderClassName", "", "the class"),
        ],
    );
    refused(
        "producerConfig: {cryptoConfig: {cryptoKeyReaderClassName: K, producerCryptoFailureAction: CONSUME}}",
        &[
            ("producerConfig.cryptoConfig.encryptionKeys", "", "at least one key"),
            ("producerConfig.cryptoConfig.producerCryptoFailureAction", "CONSUME", "FAIL or SEND"),
        ],
    );
}

#[test]
fn a_document_inside_the_document_is_checked() {
    refused(
        "customSchemaInputs: {x: '{\"schematype\": \"JSON\"}'}",
        &[("customSchemaInputs[\"x\"].schematype", "..", "did you mean schemaType?")],
    );
    refused(
        "customSchemaInputs: {x: '{\"poolMessages\": true}'}",
        &[("customSchemaInputs[\"x\"]", "{\"poolMessages\": true}", "inputSpecs takes the rest")],
    );
    refused(
        "customSchemaOutputs: {other: '{}'}",
        &[("customSchemaOutputs[\"other\"]", "other", "the topic that output names")],
    );
    refused(
        "customSchemaOutputs: {out: '{'}",
        &[("customSchemaOutputs[\"out\"]", "", "YAML or JSON")],
    );
}

#[test]
fn windows_are_checked() {
    let java = |window: &str, expected: &[(&str, &str, &str)]| {
        check(&format!("{{jar: c.jar, className: C, inputs: [in], {window}}}"), expected);
    };
    java("windowConfig: {}", &[("windowConfig.windowLengthCount", "", "exactly one of")]);
    java(
        "windowConfig: {windowLengthCount: 1, windowLengthDurationMs: 1}",
        &[("windowConfig.windowLengthCount", "both", "exactly one of")],
    );
    java(
        "windowConfig: {windowLengthCount: 0, slidingIntervalCount: -1, maxLagMs: -1}",
        &[
            ("windowConfig.maxLagMs", "-1", "0 or more"),
            ("windowConfig.slidingIntervalCount", "-1", "1 or more"),
            ("windowConfig.windowLengthCount", "0", "1 or more"),
        ],
    );
    java(
        "windowConfig: {windowLengthCount: 1, lateDataTopic: late}",
        &[("windowConfig.lateDataTopic", "late", "nothing is late")],
    );
    java(
        "windowConfig: {windowLengthCount: 1}, autoAck: true, processingGuarantees: MANUAL",
        &[
            ("autoAck", "true", "false or nothing with windowConfig"),
            ("processingGuarantees", "MANUAL", "ATLEAST_ONCE or ATMOST_ONCE"),
        ],
    );
}

#[test]
fn what_only_java_has_is_refused_elsewhere() {
    check(
        "{py: c.py, name: n, inputs: [in], processingGuarantees: EFFECTIVELY_ONCE}",
        &[
            ("className", "", "the module and class"),
            ("processingGuarantees", "EFFECTIVELY_ONCE", "with PYTHON"),
        ],
    );
    check(
        "{go: c, name: n, inputs: [in], maxMessageRetries: 1, retainKeyOrdering: true, windowConfig: {windowLengthCount: 1}}",
        &[
            ("maxMessageRetries", "1", "nothing with GO"),
            ("retainKeyOrdering", "true", "false with GO"),
            ("windowConfig", "{..}", "nothing with GO"),
        ],
    );
    refused(
        "maxPendingAsyncRequests: 5\nexposePulsarAdminClientEnabled: true",
        &[
            ("exposePulsarAdminClientEnabled", "true", "no Pulsar admin client"),
            ("maxPendingAsyncRequests", "5", "limits.inFlightMessages"),
        ],
    );
}

#[test]
fn unknown_fields_are_refused_with_a_suggestion() {
    let found = FunctionConfig::from_yaml("wasm: c.wasm\ninput: [in]\nretainOrderring: true\n");
    let expected = "\
field \"input\" = \"..\" (line 2, column 1): expected a known field: did you mean inputs?
field \"retainOrderring\" = \"..\" (line 3, column 1): expected a known field: did you mean retainOrdering?";
    assert_eq!(found.unwrap_err().to_string(), expected);
    let found =
        FunctionConfig::from_yaml("inputSpecs: {x: {isRegexPattern: true, regexPattern: true}}");
    assert!(found.unwrap_err().to_string().contains("once, under one of its names"));
}

#[test]
fn a_plan_refuses_by_the_fields_of_this_document() {
    let config = config(
        "
wasm: count.wasm
inputs: [in, other]
inputSpecs: {other: {serdeClassName: S}, secret: {cryptoConfig: {cryptoKeyReaderClassName: K}}}
topicsPattern: persistent://public/default/o.*
output: out
outputSchemaType: AVRO
producerConfig: {compressionType: SNAPPY}
processingGuarantees: EFFECTIVELY_ONCE
className: C
windowConfig: {windowLengthCount: 2}
parallelism: 0
",
    );
    let mistakes = config.to_plan().unwrap_err();
    let fields: Vec<&str> = mistakes.iter().map(|mistake| mistake.field.as_str()).collect();
    let expected = [
        "className",
        "customSchemaOutputs[\"out\"].schemaProperties[\"schema\"]",
        "inputSpecs[\"other\"].serdeClassName",
        "inputSpecs[\"secret\"].cryptoConfig",
        "output",
        "parallelism",
        "processingGuarantees",
        "producerConfig.compressionType",
        "windowConfig",
    ];
    assert_eq!(fields, expected, "{mistakes}");
}

#[test]
fn a_plan_tells_each_mistake_once() {
    for (said, fields) in [
        ("jar: a.jar, name: n", &["jar"] as &[_]),
        ("jar: 'builtin://b', name: n", &["jar"]),
        ("functionType: b, name: n", &["functionType"]),
        ("py: a.py, className: a.A", &["className", "py"]),
        ("go: a, name: n", &["go"]),
        ("runtime: JAVA, name: n", &["runtime"]),
        ("wasm: a.wasm, runtime: GO", &["runtime"]),
        ("wasm: a.wasm, inputs: []", &["inputs"]),
    ] {
        let inputs = if said.contains("inputs") { "" } else { "inputs: [in], " };
        let config = config(&format!("{{{inputs}{said}}}"));
        let mistakes = config.to_plan().unwrap_err();
        let found: Vec<&str> = mistakes.iter().map(|mistake| mistake.field.as_str()).collect();
        assert_eq!(found, fields, "{mistakes}");
    }
}
