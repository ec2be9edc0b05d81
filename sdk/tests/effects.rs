//! What a function does through its context, and what stays of it.

use function_mesh_sdk::{
    Context, Error, Level, MessageId,
    testing::{Guarantee, Message, TestRunner},
};

/// Uses every effect, then fails if asked to.
fn act(input: &str, context: &Context) -> Result<String, Error> {
    context.publish("audit").key(input).property("of", "act").event_time(9).send(input)?;
    context.state().put("last", input)?;
    context.state().incr_counter("calls", 1)?;
    context.state().delete("first")?;
    context.info(format_args!("acted on {input}"));
    context.record_metric("acts", 1.0);
    if input == "fail" { Err(Error::new("asked to")) } else { Ok(input.to_owned()) }
}

#[test]
fn a_failed_message_has_no_effects_but_logs_and_metrics() {
    let mut runner = TestRunner::new(act).state("first", "here").counter("calls", 10);
    runner.send("fail");
    assert!(runner.published().is_empty());
    assert_eq!(runner.state_of("last"), None);
    assert_eq!(runner.state_of("first").as_deref(), Some(b"here".as_slice()));
    assert_eq!(runner.counter_of("calls"), Some(10));
    assert!(runner.acknowledged().is_empty());
    assert_eq!(runner.logs(), [(Level::Info, "acted on fail".to_owned())]);
    assert_eq!(runner.metric("acts"), [1.0]);
    assert_eq!(runner.errors(), ["asked to"]);
}

#[test]
fn a_failed_message_takes_nothing_from_its_neighbours() {
    let mut runner = TestRunner::new(act);
    let ids = runner.send_batch(["one", "fail", "two"]);
    let topics: Vec<_> = runner.published().iter().map(|message| message.text()).collect();
    assert_eq!(topics, ["one", "two"]);
    assert_eq!(runner.state_of("last").as_deref(), Some(b"two".as_slice()));
    assert_eq!(runner.counter_of("calls"), Some(2));
    assert_eq!(runner.acknowledged(), [ids[0], ids[2]]);
    assert_eq!(runner.output_texts(), ["one", "two"]);
}

#[test]
fn publishing_carries_key_properties_and_event_time() {
    let mut runner = TestRunner::new(act);
    runner.send("one");
    let published = &runner.published()[0];
    assert_eq!(published.topic, "audit");
    assert_eq!(published.payload, b"one");
    assert_eq!(published.key.as_deref(), Some("one"));
    assert_eq!(published.properties, [("of".to_owned(), "act".to_owned())]);
    assert_eq!(published.event_time, Some(9));
}

#[test]
fn publishing_to_no_topic_is_an_error() {
    let mut runner =
        TestRunner::new(|input: &str, context: &Context| context.publish("").send(input));
    runner.send("x");
    assert_eq!(runner.errors(), ["cannot publish to '': the topic's name is empty"]);
}

#[test]
fn state_reads_what_earlier_messages_wrote() {
    fn swap(input: &str, context: &Context) -> Result<Option<Vec<u8>>, Error> {
        let before = context.state().get("value")?;
        context.state().put("value", input)?;
        Ok(before)
    }
    let mut runner = TestRunner::new(swap);
    runner.send_batch(["a", "b"]);
    runner.send("c");
    assert_eq!(runner.output_texts(), ["a", "b"]);
}

#[test]
fn a_value_is_no_counter() {
    fn count(_: &str, context: &Context) -> Result<String, Error> {
        context.state().incr_counter("key", 1).map(|count| count.to_string())
    }
    let mut runner = TestRunner::new(count).state("key", "text");
    runner.send("x");
    assert_eq!(
        runner.errors(),
        ["cannot increment state 'key': not a counter: its value has 4 bytes, a counter has 8"]
    );
    assert_eq!(runner.state_of("key").as_deref(), Some(b"text".as_slice()));
    assert_eq!(runner.counter_of("key"), None);

    let mut full = TestRunner::new(count).counter("key", i64::MAX);
    full.send("x");
    assert_eq!(full.counter_of("key"), Some(i64::MAX));
    assert_eq!(full.errors().len(), 1);
}

/// Acknowledges each message when the next one comes.
fn one_late(_: &str, context: &Context) -> Result<(), Error> {
    let record = context.record();
    let id = record.message_id();
    if id.entry > 0 {
        context.acknowledge(&record.topic(), MessageId { entry: id.entry - 1, ..id })?;
    }
    Ok(())
}

#[test]
fn under_manual_the_function_acknowledges() {
    let mut runner = TestRunner::new(one_late).guarantee(Guarantee::Manual);
    let ids: Vec<_> = ["a", "b", "c"].into_iter().map(|input| runner.send(input)).collect();
    assert_eq!(runner.acknowledged(), ids[..2]);

    let refuse = |_: &str, context: &Context| context.record().negative_acknowledge();
    let mut runner = TestRunner::new(refuse).guarantee(Guarantee::Manual);
    let id = runner.send("a");
    assert_eq!(runner.negatively_acknowledged(), [id]);
    assert!(runner.acknowledged().is_empty());
}

#[test]
fn a_failed_message_is_not_acknowledged_by_its_own_hand() {
    fn hasty(_: &str, context: &Context) -> Result<(), Error> {
        context.record().acknowledge()?;
        Err(Error::new("too late"))
    }
    let mut runner = TestRunner::new(hasty).guarantee(Guarantee::Manual);
    runner.send("a");
    assert!(runner.acknowledged().is_empty());
}

#[test]
fn without_manual_the_runner_acknowledges() {
    let by_hand = |_: &str, context: &Context| context.record().acknowledge();
    let mut runner = TestRunner::new(by_hand);
    runner.send(Message::new("a").topic("in"));
    assert_eq!(
        runner.errors(),
        ["cannot acknowledge a message of 'in': the function acknowledges by hand only under the \
          MANUAL guarantee"]
    );
    let mut at_most_once =
        TestRunner::new(|_: &str| Err::<(), _>("no")).guarantee(Guarantee::AtMostOnce);
    let id = at_most_once.send("a");
    assert_eq!(at_most_once.acknowledged(), [id]);
}

#[test]
fn a_start_hook_has_no_message_to_act_for() {
    let hook = |context: &Context| context.state().put("key", "value");
    let refused = TestRunner::new(act).init(hook).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(
        refused,
        Err("cannot write 'key': only possible while a message is processed".to_owned())
    );
}
