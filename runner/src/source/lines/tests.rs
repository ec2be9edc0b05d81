use tokio::{
    io::{AsyncWriteExt, DuplexStream},
    time::{Instant, timeout},
};

use super::*;

const IN: &str = "persistent://public/default/in";
const OTHER: &str = "persistent://public/default/other";

fn names(topics: &[&str]) -> Vec<TopicSelector> {
    topics.iter().map(|topic| TopicSelector::Name((*topic).to_owned())).collect()
}

fn lines(input: &'static [u8], format: InputFormat) -> Lines {
    let budget = Budget::new(10_000, 1 << 20);
    Lines::new(input, format, &names(&[IN, OTHER]), budget).unwrap()
}

fn pipe() -> (DuplexStream, Lines) {
    let (writer, reader) = tokio::io::duplex(1 << 20);
    let budget = Budget::new(10_000, 1 << 20);
    (writer, Lines::new(reader, InputFormat::Line, &names(&[IN]), budget).unwrap())
}

fn payloads(delivery: &Delivery) -> Vec<String> {
    let text = |record: &Record| String::from_utf8(record.payload.to_vec()).unwrap();
    delivery.records.iter().map(text).collect()
}

async fn next(source: &mut Lines) -> Delivery {
    source.next().await.unwrap().expect("an entry")
}

#[tokio::test(start_paused = true)]
async fn lines_that_are_there_together_make_one_entry() {
    let mut source = lines(b"a\nb\nc\n", InputFormat::Line);
    let delivery = next(&mut source).await;
    assert_eq!(payloads(&delivery), ["a", "b", "c"]);
    assert_eq!(&*delivery.records[2].topic, IN);
    assert_eq!((delivery.records[2].id.batch_index, delivery.records[2].id.batch_size), (2, 3));
    delivery.in_flight.ack();
    assert!(source.next().await.unwrap().is_none());
    Box::new(source).close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_typed_line_is_handed_out_without_waiting_for_more() {
    let (mut writer, mut source) = pipe();
    writer.write_all(b"first\nsec").await.unwrap();
    let started = Instant::now();
    let first = next(&mut source).await;
    assert_eq!(payloads(&first), ["first"]);
    assert!(timeout(Duration::from_secs(60), source.next()).await.is_err());
    writer.write_all(b"ond\n").await.unwrap();
    assert_eq!(payloads(&next(&mut source).await), ["second"]);
    assert_eq!(started.elapsed(), Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn an_entry_has_at_most_1000_lines() {
    let (mut writer, mut source) = pipe();
    writer.write_all("x\n".repeat(2500).as_bytes()).await.unwrap();
    drop(writer);
    let mut sizes = Vec::new();
    while let Some(delivery) = source.next().await.unwrap() {
        sizes.push(delivery.records.len());
        delivery.in_flight.ack();
    }
    assert_eq!(sizes, [1000, 1000, 500]);
}

#[tokio::test(start_paused = true)]
async fn a_line_goes_to_the_topic_it_names_and_an_entry_has_one_topic() {
    let mut source = lines(
        b"{\"value\":1}\n{\"value\":2,\"topic\":\"other\"}\n\n{\"value\":3,\"topic\":\"public/default/other\"}\n{\"value\":4}\n",
        InputFormat::Jsonl,
    );
    let mut entries = Vec::new();
    while let Some(delivery) = source.next().await.unwrap() {
        entries.push((delivery.records[0].topic.to_string(), payloads(&delivery).concat()));
        delivery.in_flight.ack();
    }
    let expected = [(IN, "1"), (OTHER, "23"), (IN, "4")];
    assert_eq!(entries, expected.map(|(topic, text)| (topic.to_owned(), text.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_bad_line_is_left_out_and_told_at_the_end() {
    let mut source = lines(
        b"{\"value\":1}\nnonsense\n{\"value\":2,\"topic\":\"elsewhere\"}\n{\"value\":3}\n",
        InputFormat::Jsonl,
    );
    let delivery = next(&mut source).await;
    assert_eq!(payloads(&delivery), ["1", "3"]);
    delivery.in_flight.ack();
    assert!(source.next().await.unwrap().is_none());
    let fault = Box::new(source).close().await.unwrap_err();
    assert_eq!(fault.to_string(), "2 input lines were left out");
}

#[tokio::test(start_paused = true)]
async fn a_pattern_takes_the_topics_it_matches() {
    let pattern = TopicSelector::Pattern {
        namespace: "public/default".to_owned(),
        regex: "persistent://public/default/in-.*".to_owned(),
    };
    let budget = Budget::new(10, 1 << 20);
    let refused =
        Lines::new(&b""[..], InputFormat::Line, std::slice::from_ref(&pattern), budget.clone());
    assert!(matches!(refused, Err(InputError::NoTopic { .. })));
    let input =
        &b"{\"value\":1,\"topic\":\"in-1\"}\n{\"value\":2,\"topic\":\"min-1\"}\n{\"value\":3}\n"[..];
    let mut source = Lines::new(input, InputFormat::Jsonl, &[pattern], budget).unwrap();
    let delivery = next(&mut source).await;
    assert_eq!(payloads(&delivery), ["1"]);
    assert_eq!(&*delivery.records[0].topic, "persistent://public/default/in-1");
    assert!(timeout(Duration::from_secs(1), source.next()).await.is_err());
    assert_eq!(source.rejected, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_line_comes_again_after_a_second_even_when_the_input_has_ended() {
    let mut source = lines(b"a\n", InputFormat::Line);
    let started = Instant::now();
    drop(next(&mut source).await);
    let again = next(&mut source).await;
    assert_eq!((payloads(&again), again.records[0].redelivery_count), (vec!["a".to_owned()], 1));
    assert_eq!(started.elapsed(), REDELIVERY.delay);
    again.in_flight.ack();
    assert!(source.next().await.unwrap().is_none());
    Box::new(source).close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_never_settled_does_not_keep_the_source_open() {
    let mut source = lines(b"a\nb\n", InputFormat::Line);
    let kept = next(&mut source).await;
    assert!(source.next().await.unwrap().is_none());
    let fault = Box::new(source).close().await.unwrap_err();
    assert_eq!(fault.to_string(), "2 input messages were not acknowledged");
    drop(kept);
}

#[tokio::test(start_paused = true)]
async fn reading_waits_for_credit() {
    let (mut writer, reader) = tokio::io::duplex(1 << 10);
    let budget = Budget::new(1, 1 << 20);
    let mut source = Lines::new(reader, InputFormat::Line, &names(&[IN]), budget.clone()).unwrap();
    writer.write_all(b"a\n").await.unwrap();
    let first = next(&mut source).await;
    writer.write_all(b"b\n").await.unwrap();
    assert!(timeout(Duration::from_secs(60), source.next()).await.is_err());
    first.in_flight.ack();
    let second = next(&mut source).await;
    assert_eq!(payloads(&second), ["b"]);
    assert_eq!(budget.messages_in_flight(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_input_that_cannot_be_read_ends_the_source() {
    let reader = failing::Failing;
    let budget = Budget::new(10, 1 << 20);
    let mut source = Lines::new(reader, InputFormat::Line, &names(&[IN]), budget).unwrap();
    let fault = source.next().await.unwrap_err();
    assert_eq!(fault.to_string(), "cannot read the input: device gone");
}

mod failing {
    use std::{
        io,
        pin::Pin,
        task::{Context, Poll},
    };

    use tokio::io::{AsyncRead, ReadBuf};

    /// A reader whose device is gone.
    pub(super) struct Failing;

    impl AsyncRead for Failing {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::Error::other("device gone")))
        }
    }
}
