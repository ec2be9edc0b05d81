use std::{
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, duplex},
    time::timeout,
};

use super::*;
use crate::{fault::Retry, record::Key};

const OUT: &str = "persistent://public/default/out";

fn message(payload: &'static [u8]) -> OutgoingMessage {
    OutgoingMessage { payload: payload.into(), ..OutgoingMessage::default() }
}

async fn written(format: OutputFormat, messages: Vec<OutgoingMessage>) -> String {
    let (ours, mut theirs) = duplex(1 << 16);
    let mut sink = Lines::new(ours, format, CancellationToken::new());
    let receipt = sink.publish(&OUT.into(), messages).await.unwrap();
    receipt.confirmed().await.unwrap();
    Box::new(sink).close().await.unwrap();
    let mut text = String::new();
    theirs.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(start_paused = true)]
async fn a_line_is_the_payload_as_it_is() {
    let text =
        written(OutputFormat::Line, vec![message(b"a"), message(b"b\nc"), message(b"")]).await;
    assert_eq!(text, "a\nb\nc\n\n");
}

#[tokio::test(start_paused = true)]
async fn an_object_shows_all_of_a_message() {
    let full = OutgoingMessage {
        payload: "\"v\"".into(),
        key: Some("k".into()),
        properties: vec![("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())],
        event_time: Some(1_700_000_000_000),
        ..OutgoingMessage::default()
    };
    let binary = OutgoingMessage {
        key: Some(Key { text: "AAE=".to_owned(), base64: true }),
        ..message(b"\xff\0")
    };
    let text = written(OutputFormat::Jsonl, vec![full, message(b"x"), binary]).await;
    let expected = format!(
        r#"{{"topic":"{OUT}","key":"k","properties":{{"b":"2","a":"1"}},"eventTime":1700000000000,"value":"\"v\""}}
{{"topic":"{OUT}","value":"x"}}
{{"topic":"{OUT}","key":"AAE=","keyBase64":true,"value":"/wA=","valueBase64":true}}
"#
    );
    assert_eq!(text, expected);
}

#[tokio::test(start_paused = true)]
async fn a_line_can_be_read_before_the_next_is_published() {
    let (ours, mut theirs) = duplex(1 << 16);
    let mut sink = Lines::new(ours, OutputFormat::Line, CancellationToken::new());
    let _receipt = sink.publish(&OUT.into(), vec![message(b"a")]).await.unwrap();
    let mut line = [0; 2];
    theirs.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"a\n");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stops_reading_stops_the_publisher() {
    let (ours, mut theirs) = duplex(16);
    let mut sink = Lines::new(ours, OutputFormat::Line, CancellationToken::new());
    let topic = OUT.into();
    let mut taken = 0;
    while let Ok(published) =
        timeout(Duration::from_secs(60), sink.publish(&topic, vec![message(b"0123456789")])).await
    {
        drop(published.unwrap());
        taken += 1;
    }
    assert!(taken <= 2 * QUEUE + 1, "{taken} publishes were taken");
    let reading = tokio::spawn(async move {
        let mut text = String::new();
        theirs.read_to_string(&mut text).await.unwrap();
        text.lines().count()
    });
    Box::new(sink).close().await.unwrap();
    assert_eq!(reading.await.unwrap(), taken);
}

#[tokio::test(start_paused = true)]
async fn a_broken_pipe_is_told_once_and_is_no_failure() {
    let (ours, theirs) = duplex(1 << 16);
    drop(theirs);
    let unread = CancellationToken::new();
    let mut sink = Lines::new(ours, OutputFormat::Line, unread.clone());
    for _ in 0..3 {
        let receipt = sink.publish(&OUT.into(), vec![message(b"a")]).await.unwrap();
        receipt.confirmed().await.unwrap();
        assert!(unread.is_cancelled());
    }
    Box::new(sink).close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_fails_the_publish_and_the_sink() {
    let mut sink = Lines::new(Full, OutputFormat::Line, CancellationToken::new());
    let topic = OUT.into();
    let receipt = sink.publish(&topic, vec![message(b"a")]).await.unwrap();
    let fault = receipt.confirmed().await.unwrap_err();
    assert_eq!(fault.to_string(), "cannot write to the output: no space left on device");
    let fault = sink.publish(&topic, vec![message(b"b")]).await.unwrap_err();
    assert_eq!(fault.to_string(), "cannot write to the output: no space left on device");
    assert_eq!(fault.retry, Retry::Never);
    let mut sink = Lines::new(Full, OutputFormat::Line, CancellationToken::new());
    drop(sink.publish(&topic, vec![message(b"a")]).await.unwrap());
    let fault = Box::new(sink).close().await.unwrap_err();
    assert_eq!(fault.to_string(), "cannot write to the output: no space left on device");
}

/// A disk without space.
struct Full;

impl AsyncWrite for Full {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::Error::other("no space left on device")))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
