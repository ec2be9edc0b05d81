//! Reads lines: topics in memory, for a laptop without a broker.
//!
//! Each line is a message. The lines that are there together make one entry; nothing is waited
//! for, so that a line typed at a terminal is answered at once. The end of the input is the end
//! of the topics. Messages the function publishes do not come back as input, even on a topic that
//! is one: the sink only writes.

use std::{error::Error, pin::Pin, time::Duration};

use async_trait::async_trait;
use function_mesh_proto::plan::TopicSelector;
use tokio::io::AsyncRead;
use tracing::error;

use self::{
    inputs::Inputs,
    message::{Bad, Line},
    split::Splitter,
};
use super::{
    Budget, Delivery, EntryId, Source,
    memory::{Redelivery, Subscription},
};
use crate::{
    fault::Fault,
    record::{MessageId, Record},
};

mod inputs;
mod message;
mod split;

pub use inputs::InputError;

/// Messages in one entry, at most.
const ENTRY_MESSAGES: usize = 1000;
/// Bytes of lines in one entry, unless a single one is longer.
const ENTRY_BYTES: usize = 64 << 10;
/// The longest line: a broker's default `maxMessageSize`.
const LINE_BYTES: usize = 5 << 20;
/// A refused line is tried again this soon, three times.
const REDELIVERY: Redelivery = Redelivery { delay: Duration::from_secs(1), max: 3 };
/// After the end of the input, how long to wait for another verdict before ending with some open.
const PATIENCE: Duration = Duration::from_secs(2);

/// How a line becomes a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputFormat {
    /// The payload is the line.
    #[default]
    Line,
    /// A JSON object: `value`, `key`, `properties`, `topic`, `eventTime`.
    Jsonl,
}

/// Reads messages from lines.
pub struct Lines {
    splitter: Splitter<Pin<Box<dyn AsyncRead + Send>>>,
    format: InputFormat,
    inputs: Inputs,
    budget: Budget,
    subscription: Subscription,
    /// Parsed, but for another topic than the entry before it.
    ahead: Option<Record>,
    line: u64,
    entries: u64,
    rejected: u64,
}

impl Lines {
    /// # Errors
    /// The function's inputs leave open which topic a line belongs to.
    pub fn new(
        reader: impl AsyncRead + Send + 'static,
        format: InputFormat,
        inputs: &[TopicSelector],
        budget: Budget,
    ) -> Result<Self, InputError> {
        Ok(Self {
            splitter: Splitter::new(Box::pin(reader), LINE_BYTES),
            format,
            inputs: Inputs::new(inputs, format)?,
            budget,
            subscription: Subscription::new(REDELIVERY, false),
            ahead: None,
            line: 0,
            entries: 0,
            rejected: 0,
        })
    }

    /// Makes an entry of the lines that are there; false if there are none.
    fn gather(&mut self) -> bool {
        let mut records = Vec::new();
        let mut bytes = 0;
        while records.len() < ENTRY_MESSAGES && bytes < ENTRY_BYTES {
            let Some(record) = self.ahead.take().or_else(|| self.parse_next()) else { break };
            if records.first().is_some_and(|first: &Record| first.topic != record.topic) {
                self.ahead = Some(record);
                break;
            }
            bytes += record.payload.len();
            records.push(record);
        }
        let Some(topic) = records.first().map(|first| first.topic.clone()) else { return false };
        let entry = self.entries;
        self.entries += 1;
        let published = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default();
        let count = records.len();
        for (index, record) in records.iter_mut().enumerate() {
            let (batch_index, batch_size) = match count {
                1 => (-1, 0),
                _ => (i32::try_from(index).unwrap_or(-1), i32::try_from(count).unwrap_or(0)),
            };
            record.id = MessageId { ledger: 0, entry, partition: -1, batch_index, batch_size };
            record.publish_time = published;
        }
        self.subscription.choose(EntryId { topic, ledger: 0, entry, partition: -1 }, records);
        true
    }

    /// The next good line that is there. Bad ones are reported and passed over.
    fn parse_next(&mut self) -> Option<Record> {
        loop {
            let line = self.splitter.next_line()?;
            self.line += 1;
            let parsed = match line {
                split::Piece::TooLong => Err(Bad::TooLong { limit: LINE_BYTES }),
                split::Piece::Line(line) => message::parse(line, self.format),
            };
            match parsed.and_then(|line| line.map(|line| self.place(line)).transpose()) {
                Ok(Some(record)) => return Some(record),
                Ok(None) => {}
                Err(bad) => {
                    self.rejected += 1;
                    error!(line = self.line, error = &bad as &dyn Error, "input line left out");
                }
            }
        }
    }

    fn place(&self, Line { record, topic }: Line) -> Result<Record, Bad> {
        let topic = self.inputs.resolve(topic.as_deref())?;
        Ok(Record { topic, ..record })
    }
}

#[async_trait]
impl Source for Lines {
    async fn next(&mut self) -> Result<Option<Delivery>, Fault> {
        loop {
            if self.subscription.has_next() || self.gather() {
                return Ok(self.subscription.deliver(Some(&self.budget)).await);
            }
            if !self.splitter.at_end() {
                tokio::select! {
                    // Both are cancel safe.
                    read = self.splitter.read() => {
                        read.map_err(|error| Fault::source(format!("cannot read the input: {error}")))?;
                    }
                    () = self.subscription.changed() => {}
                }
                continue;
            }
            if self.subscription.is_idle()
                || tokio::time::timeout(PATIENCE, self.subscription.changed()).await.is_err()
            {
                return Ok(None);
            }
        }
    }

    async fn close(self: Box<Self>) -> Result<(), Fault> {
        let left = self.subscription.close().await;
        let unsettled = left.unsettled + left.refused + left.given_up;
        let lines = match self.rejected {
            1 => "1 input line was left out".to_owned(),
            lines => format!("{lines} input lines were left out"),
        };
        let messages = match unsettled {
            1 => "1 input message was not acknowledged".to_owned(),
            messages => format!("{messages} input messages were not acknowledged"),
        };
        match (self.rejected, unsettled) {
            (0, 0) => Ok(()),
            (0, _) => Err(Fault::source(messages)),
            (_, 0) => Err(Fault::source(lines)),
            _ => Err(Fault::source(format!("{lines}, and {messages}"))),
        }
    }
}

#[cfg(test)]
mod tests;
