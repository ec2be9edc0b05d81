//! Writes lines to standard output: topics in memory, for a laptop without a broker.
//!
//! Messages of every topic are written: the output, what the function publishes itself, dead
//! letters. A queue of publishes feeds one task, which writes all that is there in one go and
//! flushes before it waits for more.

use std::{io, pin::Pin, sync::Arc};

use async_trait::async_trait;
use bytes::BytesMut;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{Receipt, Sink};
use crate::{fault::Fault, record::OutgoingMessage};

mod format;

/// Publishes that may wait to be written.
const QUEUE: usize = 64;
/// Bytes gathered for one write.
const WRITE_BYTES: usize = 64 << 10;

/// How a message becomes a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputFormat {
    /// The payload as it is, and a newline. Newlines inside a payload are written too.
    #[default]
    Line,
    /// A JSON object: `topic`, `key`, `properties`, `eventTime`, `value`. A value that is not
    /// UTF-8 is written in base64, with `valueBase64` set.
    Jsonl,
}

/// Writes messages as lines.
pub struct Lines {
    jobs: mpsc::Sender<Job>,
    /// Taken when the sink ends.
    writer: Option<JoinHandle<io::Result<()>>>,
}

struct Job {
    topic: Arc<str>,
    messages: Vec<OutgoingMessage>,
    confirm: oneshot::Sender<Result<(), Fault>>,
}

impl Lines {
    /// When nobody reads the output any more (a broken pipe), `unread` is cancelled and what
    /// follows is thrown away without an error, as pipelines expect.
    ///
    /// Must be called within a Tokio runtime.
    pub fn new(
        output: impl AsyncWrite + Send + 'static,
        format: OutputFormat,
        unread: CancellationToken,
    ) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let writer = Writer { output: Box::pin(output), format, unread, buffer: BytesMut::new() };
        Self { jobs, writer: Some(tokio::spawn(writer.run(queue))) }
    }
}

#[async_trait]
impl Sink for Lines {
    async fn publish(
        &mut self,
        topic: &Arc<str>,
        messages: Vec<OutgoingMessage>,
    ) -> Result<Receipt, Fault> {
        let (confirm, receipt) = Receipt::channel();
        let job = Job { topic: topic.clone(), messages, confirm };
        match self.jobs.send(job).await {
            Ok(()) => Ok(receipt),
            Err(_closed) => {
                let ended = written(self.writer.take()).await.err();
                // What was written cannot be taken back for another attempt.
                let fault = ended.unwrap_or_else(|| Fault::sink("the output was closed"));
                Err(fault.permanent())
            }
        }
    }

    async fn close(self: Box<Self>) -> Result<(), Fault> {
        drop(self.jobs);
        written(self.writer).await
    }
}

/// Why the writer ended, once it has.
async fn written(writer: Option<JoinHandle<io::Result<()>>>) -> Result<(), Fault> {
    match writer {
        None => Ok(()),
        Some(writer) => match writer.await {
            Ok(ended) => ended.map_err(|error| cannot_write(&error)),
            Err(error) => Err(Fault::sink(error)),
        },
    }
}

fn cannot_write(error: &io::Error) -> Fault {
    Fault::sink(format!("cannot write to the output: {error}"))
}

struct Writer {
    output: Pin<Box<dyn AsyncWrite + Send>>,
    format: OutputFormat,
    unread: CancellationToken,
    buffer: BytesMut,
}

impl Writer {
    /// Ends when the sink closes, or with the first error that is not a broken pipe.
    async fn run(mut self, mut queue: mpsc::Receiver<Job>) -> io::Result<()> {
        let mut written = Vec::new();
        while let Some(job) = queue.recv().await {
            self.take(job, &mut written);
            while self.buffer.len() < WRITE_BYTES {
                let Ok(job) = queue.try_recv() else { break };
                self.take(job, &mut written);
            }
            let outcome = self.write().await;
            for confirm in written.drain(..) {
                // Nobody may be waiting any more.
                _ = confirm.send(match &outcome {
                    Ok(()) => Ok(()),
                    Err(error) => Err(cannot_write(error)),
                });
            }
            outcome?;
        }
        Ok(())
    }

    fn take(&mut self, job: Job, written: &mut Vec<oneshot::Sender<Result<(), Fault>>>) {
        for message in &job.messages {
            format::append(&mut self.buffer, self.format, &job.topic, message);
        }
        written.push(job.confirm);
    }

    async fn write(&mut self) -> io::Result<()> {
        if self.unread.is_cancelled() {
            self.buffer.clear();
            return Ok(());
        }
        let outcome = match self.output.write_all(&self.buffer).await {
            Ok(()) => self.output.flush().await,
            Err(error) => Err(error),
        };
        self.buffer.clear();
        match outcome {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.unread.cancel();
                Ok(())
            }
            outcome => outcome,
        }
    }
}

#[cfg(test)]
mod tests;
