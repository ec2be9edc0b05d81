//! What a function can ask.

#![allow(clippy::unwrap_used, reason = "the allowance for tests leaves out what they call")]

use function_mesh_sdk::{
    Context, Error, Json, Level, MessageId, debug, error, info,
    testing::{Message, TestRunner},
    trace, warn,
};
use serde::Deserialize;

/// Runs a question about the context on one message; gives the answer.
fn ask<T: Send + 'static>(
    configure: impl FnOnce(TestRunner) -> TestRunner,
    message: Message,
    question: fn(&Context) -> T,
) -> T {
    let (answers, answered) = std::sync::mpsc::channel();
    let function = move |_: &[u8], context: &Context| answers.send(question(context));
    let mut runner = configure(TestRunner::new(function));
    runner.send(message);
    answered.try_recv().unwrap()
}

#[test]
fn a_record_has_all_that_the_message_had() {
    let id = MessageId { ledger: 3, entry: 4, partition: 5, batch_index: 6, batch_size: 7 };
    let message = Message::new("payload")
        .topic("persistent://public/default/in-partition-5")
        .message_id(id)
        .key("alice")
        .property("a", "1")
        .property("b", "2")
        .property("a", "3")
        .event_time(1_000)
        .publish_time(2_000)
        .schema_version(&[0, 1])
        .redelivery_count(8);
    ask(
        |runner| runner,
        message,
        |context| {
            let record = context.record();
            assert_eq!(record.topic(), "persistent://public/default/in-partition-5");
            assert_eq!(record.message_id().batch_size, 7);
            assert_eq!(record.key().as_deref(), Some("alice"));
            assert_eq!(record.key_bytes(), Ok(Some(b"alice".to_vec())));
            assert_eq!(record.properties().len(), 3);
            assert_eq!(record.property("a").as_deref(), Some("3"), "the last one wins");
            assert_eq!(record.property("c"), None);
            assert_eq!(record.event_time(), Some(1_000));
            assert_eq!(record.publish_time(), 2_000);
            assert_eq!(record.schema_version().as_deref(), Some([0, 1].as_slice()));
            assert_eq!(record.redelivery_count(), 8);
        },
    );
}

#[test]
fn a_bare_message_comes_from_the_first_input_topic() {
    ask(
        |runner| runner.input_topics(["first", "second"]),
        Message::new("x"),
        |context| {
            let record = context.record();
            assert_eq!(record.topic(), "first");
            assert_eq!((record.key(), record.key_bytes()), (None, Ok(None)));
            assert_eq!((record.event_time(), record.schema_version()), (None, None));
            assert!(record.properties().is_empty());
        },
    );
}

#[test]
fn a_binary_key_comes_and_goes_as_base64() {
    let key = |context: &Context| (context.record().key(), context.record().key_bytes());
    let (text, bytes) = ask(|runner| runner, Message::new("x").key_bytes(&[0xff, 0]), key);
    assert_eq!(text.as_deref(), Some("/wA="));
    assert_eq!(bytes, Ok(Some(vec![0xff, 0])));

    let mut runner = TestRunner::new(|input: &str, context: &Context| {
        context.publish("a").key_bytes([0xff, 0]).send(input)?;
        context.publish("b").forward(&context.record()).send(input)
    });
    runner.send(Message::new("x").key_bytes(&[1]));
    let keys: Vec<_> = runner.published().into_iter().map(|message| message.key).collect();
    assert_eq!(keys, [Some("/wA=".to_owned()), Some("AQ==".to_owned())]);
}

#[test]
fn the_function_knows_what_it_is() {
    ask(
        |runner| {
            runner
                .function("tenant", "ns", "name")
                .instance(2, 5)
                .input_topics(["in"])
                .output_topic("out")
                .output_schema_type("JSON")
        },
        Message::new("x"),
        |context| {
            let names = (context.tenant(), context.namespace(), context.function_name());
            assert_eq!(names, ("tenant", "ns", "name"));
            assert_eq!((context.instance_id(), context.num_instances()), (2, 5));
            assert_eq!(context.cluster_name(), "standalone");
            assert!(!context.function_id().is_empty() && !context.function_version().is_empty());
            assert_eq!(context.input_topics(), ["in"]);
            assert_eq!(context.output_topic().as_deref(), Some("out"));
            assert_eq!(context.output_schema_type(), "JSON");
        },
    );
}

#[test]
fn user_config_is_typed_on_demand() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Window {
        seconds: u32,
    }
    ask(
        |runner| {
            runner
                .config("limit", 3)
                .config("window", serde_json::json!({"seconds": 60}))
                .config("home", "$HOME")
        },
        Message::new("x"),
        |context| {
            assert_eq!(context.user_config_map().len(), 3);
            assert_eq!(context.user_config_value("limit").and_then(|v| v.as_u64()), Some(3));
            assert_eq!(context.user_config_value_as("window"), Ok(Some(Window { seconds: 60 })));
            assert_eq!(context.user_config_value_or("limit", 9_u8), Ok(3));
            assert_eq!(context.user_config_value_or("other", 9_u8), Ok(9));
            assert_eq!(
                context.user_config_value_as::<bool>("limit"),
                Err(Error::new(
                    "user config 'limit': invalid type: integer `3`, expected a boolean"
                ))
            );
            let home = context.user_config_value("home").and_then(|value| value.as_str());
            assert_eq!(home, Some("$HOME"), "a component has no environment to look into");
        },
    );
}

#[test]
fn only_granted_secrets_are_there() {
    let secrets = |context: &Context| (context.secret("password"), context.secret("other"));
    let (granted, other) =
        ask(|runner| runner.secret("password", "s3cret"), Message::new("x"), secrets);
    assert_eq!(granted, Ok(Some("s3cret".to_owned())));
    assert_eq!(other, Ok(None));
}

#[test]
fn logs_by_method_and_by_macro() {
    let mut runner = TestRunner::new(|Json(n): Json<u32>, context: &Context| {
        context.error("method");
        trace!(context, "t{n}");
        debug!(context, "d{}", n);
        info!(context, "i{n:02}");
        warn!(context, "w");
        error!(context, "e");
    });
    runner.send("7");
    let lines = [
        (Level::Error, "method"),
        (Level::Trace, "t7"),
        (Level::Debug, "d7"),
        (Level::Info, "i07"),
        (Level::Warn, "w"),
        (Level::Error, "e"),
    ];
    assert_eq!(runner.logs(), lines.map(|(level, line)| (level, line.to_owned())));
}
