//! The floor that a runner on the stock Rust client can be held against: consume, append, produce,
//! and acknowledge each message after its receipt. No sandbox, no metrics, no retries, no limits.

use std::collections::VecDeque;

use anyhow::{Context as _, Result, anyhow};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::Parser;
use futures::StreamExt as _;
use pulsar::{
    Consumer, ConsumerOptions, ProducerOptions, Pulsar, SubType, TokioExecutor,
    consumer::{InitialPosition, Message},
    producer::{self, SendFuture},
};

/// Messages that wait for their receipt.
const PENDING: usize = 20_000;

#[derive(Parser)]
struct Options {
    #[arg(long)]
    service_url: String,
    #[arg(long)]
    input: String,
    #[arg(long)]
    output: String,
    #[arg(long)]
    subscription: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let client: Pulsar<_> =
        Pulsar::builder(options.service_url, TokioExecutor).build().await.context("connect")?;
    let mut consumer: Consumer<Vec<u8>, _> = client
        .consumer()
        .with_topic(&options.input)
        .with_subscription(options.subscription)
        .with_subscription_type(SubType::Shared)
        .with_options(ConsumerOptions::default().with_initial_position(InitialPosition::Earliest))
        .build()
        .await
        .context("subscribe")?;
    let mut producer = client
        .producer()
        .with_topic(&options.output)
        .with_options(ProducerOptions {
            batch_size: Some(1_000),
            batch_byte_size: Some(128 << 10),
            batch_timeout: Some(std::time::Duration::from_millis(10)),
            block_queue_if_full: true,
            ..ProducerOptions::default()
        })
        .build()
        .await
        .context("create a producer")?;

    let mut pending: VecDeque<(SendFuture, Message<Vec<u8>>)> = VecDeque::new();
    loop {
        let room = pending.len() < PENDING;
        let oldest = async {
            match pending.front_mut() {
                Some((receipt, _)) => receipt.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            receipt = oldest => {
                receipt.context("publish")?;
                let (_, input) = pending.pop_front().ok_or_else(|| anyhow!("no input"))?;
                consumer.ack(&input).await.context("acknowledge")?;
            }
            input = consumer.next(), if room => {
                let Some(input) = input else { return Ok(()) };
                let input = input.context("receive")?;
                let output = appended(&input);
                pending.push_back((producer.send_non_blocking(output).await?, input));
            }
        }
    }
}

/// The output of the exclamation function, with the properties that Pulsar Functions add.
fn appended(input: &Message<Vec<u8>>) -> producer::Message {
    let mut payload = Vec::with_capacity(input.payload.data.len() + 1);
    payload.extend_from_slice(&input.payload.data);
    payload.push(b'!');
    let id = BASE64_STANDARD.encode(encoded_id(input));
    producer::Message {
        payload,
        properties: [
            ("__pfn_input_topic__".to_owned(), input.topic.clone()),
            ("__pfn_input_msg_id__".to_owned(), id),
        ]
        .into(),
        partition_key: input.payload.metadata.partition_key.clone(),
        ..producer::Message::default()
    }
}

fn encoded_id(input: &Message<Vec<u8>>) -> Vec<u8> {
    let id = &input.message_id.id;
    let mut encoded = Vec::with_capacity(24);
    // MessageIdData of PulsarApi.proto: ledgerId, entryId, partition, batch_index.
    for (tag, value) in [(1, Some(id.ledger_id)), (2, Some(id.entry_id))] {
        put(&mut encoded, tag, value);
    }
    put(&mut encoded, 3, id.partition.map(|partition| i64::from(partition) as u64));
    put(&mut encoded, 4, id.batch_index.map(|index| i64::from(index) as u64));
    encoded
}

fn put(encoded: &mut Vec<u8>, tag: u32, value: Option<u64>) {
    if let Some(value) = value {
        prost::encoding::uint64::encode(tag, &value, encoded);
    }
}
