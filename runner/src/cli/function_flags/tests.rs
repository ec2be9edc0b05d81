use clap::Parser;
use serde_json::{Value, json};

use super::*;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    function: FunctionFlags,
}

fn applied(args: &[&str], config: &FunctionConfig) -> FunctionConfig {
    let args = [&["flags"], args].concat();
    let flags = Flags::try_parse_from(args).unwrap_or_else(|error| panic!("{error}"));
    let mut config = config.clone();
    flags.function.apply(&mut config);
    config
}

/// What the options changed, as the document would say it.
fn changes(args: &[&str]) -> Value {
    let before = FunctionConfig::default();
    let after = serde_json::to_value(applied(args, &before)).unwrap();
    let before = serde_json::to_value(before).unwrap();
    let Value::Object(after) = after else { panic!("not an object") };
    after.into_iter().filter(|(field, value)| before[field] != *value).collect()
}

/// One option, one field.
fn sets(args: &[&str], field: &str, value: Value) {
    assert_eq!(changes(args), json!({ field: value }), "{args:?}");
}

#[test]
fn every_option_sets_its_field() {
    sets(&["--wasm", "f.wasm"], "wasm", json!("f.wasm"));
    sets(&["--tenant", "t"], "tenant", json!("t"));
    sets(&["--namespace", "n"], "namespace", json!("n"));
    sets(&["--name", "f"], "name", json!("f"));
    sets(&["--fqfn", "t/n/f"], "fqfn", json!("t/n/f"));
    sets(&["--classname", "C"], "className", json!("C"));
    sets(&["--jar", "f.jar"], "jar", json!("f.jar"));
    sets(&["--py", "f.py"], "py", json!("f.py"));
    sets(&["--go", "f"], "go", json!("f"));
    sets(&["-t", "builtin"], "functionType", json!("builtin"));
    sets(&["--runtime-flags", "-Xmx1g"], "runtimeFlags", json!("-Xmx1g"));
    sets(&["--custom-runtime-options", "{}"], "customRuntimeOptions", json!("{}"));
    sets(&["-i", "a,b"], "inputs", json!(["a", "b"]));
    sets(
        &["--topics-pattern", "persistent://t/n/.*"],
        "topicsPattern",
        json!("persistent://t/n/.*"),
    );
    sets(&["--custom-serde-inputs", r#"{"a": "C"}"#], "customSerdeInputs", json!({"a": "C"}));
    sets(&["--custom-schema-inputs", r#"{"a": "{}"}"#], "customSchemaInputs", json!({"a": "{}"}));
    sets(&["--custom-schema-outputs", r#"{"a": "{}"}"#], "customSchemaOutputs", json!({"a": "{}"}));
    sets(&["--input-type-class-name", "C"], "inputTypeClassName", json!("C"));
    sets(&["--output-type-class-name", "C"], "outputTypeClassName", json!("C"));
    sets(&["--output-serde-classname", "C"], "outputSerdeClassName", json!("C"));
    sets(&["--subs-name", "s"], "subName", json!("s"));
    sets(&["--subs-position", "Earliest"], "subscriptionPosition", json!("Earliest"));
    sets(&["--subs-position", "Latest"], "subscriptionPosition", json!("Latest"));
    sets(&["-o", "out"], "output", json!("out"));
    sets(&["--schema-type", "json"], "outputSchemaType", json!("json"));
    sets(&["--batch-builder", "KEY_BASED"], "batchBuilder", json!("KEY_BASED"));
    sets(&["--log-topic", "log"], "logTopic", json!("log"));
    sets(&["--timeout-ms", "1000"], "timeoutMs", json!(1000));
    sets(&["--max-message-retries", "-1"], "maxMessageRetries", json!(-1));
    sets(&["--dead-letter-topic", "dead"], "deadLetterTopic", json!("dead"));
    sets(&["--parallelism", "2"], "parallelism", json!(2));
    sets(&["--user-config", r#"{"a": {"b": 1}}"#], "userConfig", json!({"a": {"b": 1}}));
    sets(&["--secrets", r#"{"a": {"path": "p"}}"#], "secrets", json!({"a": {"path": "p"}}));
}

#[test]
fn guarantees_have_their_names_of_pulsar() {
    for name in ["ATLEAST_ONCE", "ATMOST_ONCE", "EFFECTIVELY_ONCE", "MANUAL"] {
        sets(&["--processing-guarantees", name], "processingGuarantees", json!(name));
    }
    let refused = Flags::try_parse_from(["flags", "--processing-guarantees", "exactly"]);
    assert!(refused.is_err_and(|error| error.to_string().contains("expected ATLEAST_ONCE")));
}

#[test]
fn booleans_are_set_bare_with_a_word_or_with_an_equals_sign() {
    for (option, field) in [
        ("--cleanup-subscription", "cleanupSubscription"),
        ("--retain-ordering", "retainOrdering"),
        ("--retain-key-ordering", "retainKeyOrdering"),
        ("--forward-source-message-property", "forwardSourceMessageProperty"),
        ("--skip-to-latest", "skipToLatest"),
        ("--auto-ack", "autoAck"),
    ] {
        sets(&[option], field, json!(true));
        sets(&[option, "true"], field, json!(true));
        sets(&[option, "false"], field, json!(false));
        sets(&[&format!("{option}=false")], field, json!(false));
    }
}

#[test]
fn resources_and_windows_gather_their_options() {
    let resources = changes(&["--cpu", "0.5", "--ram", "1024", "--disk", "2048"]);
    assert_eq!(resources, json!({"resources": {"cpu": 0.5, "ram": 1024, "disk": 2048}}));
    let window = changes(&["--window-length-count", "10", "--sliding-interval-count", "5"]);
    let expected = json!({"windowConfig": {"windowLengthCount": 10, "slidingIntervalCount": 5}});
    assert_eq!(window, expected);
    let window =
        changes(&["--window-length-duration-ms", "10", "--sliding-interval-duration-ms", "5"]);
    let expected =
        json!({"windowConfig": {"windowLengthDurationMs": 10, "slidingIntervalDurationMs": 5}});
    assert_eq!(window, expected);
}

#[test]
fn json_options_take_the_documents_form() {
    let config = applied(
        &[
            "--input-specs",
            r#"{"a": {"schemaType": "JSON", "receiverQueueSize": 10, "isRegexPattern": true}}"#,
            "--producer-config",
            r#"{"compressionType": "ZSTD", "batchBuilder": "KEY_BASED"}"#,
        ],
        &FunctionConfig::default(),
    );
    let input = &config.input_specs["a"];
    assert_eq!(input.schema_type.as_deref(), Some("JSON"));
    assert_eq!((input.receiver_queue_size, input.is_regex_pattern), (Some(10), true));
    let producer = serde_json::to_value(config.producer_config.unwrap()).unwrap();
    assert_eq!(
        (&producer["compressionType"], &producer["batchBuilder"]),
        (&json!("ZSTD"), &json!("KEY_BASED"))
    );
    let refused = Flags::try_parse_from(["flags", "--input-specs", r#"{"a": {"queue": 1}}"#]);
    let Err(error) = refused else { panic!("accepted") };
    assert!(error.to_string().contains("unknown field `queue`"), "{error}");
}

#[test]
fn an_option_wins_over_the_file_and_the_rest_of_the_file_stays() {
    let file = FunctionConfig::from_yaml(
        "inputs: [a, b]\noutput: out\nresources: {cpu: 2, ram: 100}\nuserConfig: {x: 1, y: 2}\n",
    )
    .unwrap();
    let config = applied(&["--inputs", "c", "--ram", "200", "--user-config", r#"{"x": 3}"#], &file);
    assert_eq!(config.inputs, ["c"]);
    assert_eq!(config.output.as_deref(), Some("out"));
    let resources = config.resources.unwrap();
    assert_eq!((resources.cpu, resources.ram), (Some(2.0), Some(200)));
    assert_eq!(Value::Object(config.user_config), json!({"x": 3}));
}

#[test]
fn the_old_camel_case_names_still_work() {
    for (old, args) in [
        ("className", "classname C"),
        ("functionType", "function-type F"),
        ("topicsPattern", "topics-pattern P"),
        ("inputSpecs", "input-specs {}"),
        ("customSerdeInputs", "custom-serde-inputs {\"a\":\"b\"}"),
        ("customSchemaInputs", "custom-schema-inputs {\"a\":\"b\"}"),
        ("logTopic", "log-topic T"),
        ("schemaType", "schema-type S"),
        ("outputSerdeClassName", "output-serde-classname C"),
        ("processingGuarantees", "processing-guarantees MANUAL"),
        ("userConfig", "user-config {\"a\":1}"),
        ("retainOrdering", "retain-ordering true"),
        ("subsName", "subs-name S"),
        ("windowLengthCount", "window-length-count 1"),
        ("windowLengthDurationMs", "window-length-duration-ms 1"),
        ("slidingIntervalCount", "sliding-interval-count 1"),
        ("slidingIntervalDurationMs", "sliding-interval-duration-ms 1"),
        ("autoAck", "auto-ack false"),
        ("timeoutMs", "timeout-ms 1"),
        ("maxMessageRetries", "max-message-retries 1"),
        ("customRuntimeOptions", "custom-runtime-options O"),
        ("deadLetterTopic", "dead-letter-topic D"),
        ("runtimeFlags", "runtime-flags F"),
    ] {
        let (new, value) = args.split_once(' ').unwrap();
        let by_old = changes(&[&format!("--{old}"), value]);
        assert_eq!(by_old, changes(&[&format!("--{new}"), value]), "--{old}");
    }
}

/// Each field a mistake can name leads to an option that exists.
#[test]
fn a_mistake_names_an_option_that_exists() {
    let Value::Object(fields) = serde_json::to_value(FunctionConfig::default()).unwrap() else {
        panic!("not an object")
    };
    let without: Vec<_> =
        fields.keys().filter(|field| option_for(field).is_none()).map(String::as_str).collect();
    // Pulsar's localrun has no options for these either.
    assert_eq!(without, ["exposePulsarAdminClientEnabled", "maxPendingAsyncRequests", "runtime"]);
    let command = <Flags as clap::CommandFactory>::command();
    let known: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    for field in fields.keys() {
        for option in option_for(field).into_iter().flat_map(|options| options.split(", ")) {
            let long = option.trim_start_matches("--").split(' ').next().unwrap();
            assert!(known.contains(&long), "{field}: {option}");
        }
    }
}
