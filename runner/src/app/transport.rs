//! Where messages come from and go to: Pulsar, or lines.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::{fault::Fault, sink::lines::OutputFormat, source::lines::InputFormat};

/// The transport of a process.
pub enum Transport {
    /// The configured clusters.
    Pulsar {
        /// Also remove the subscription at the end.
        unsubscribe: bool,
    },
    /// Topics in memory, for one instance.
    Lines(LinesIo),
}

/// Lines in, lines out.
pub struct LinesIo {
    pub input: Box<dyn AsyncRead + Send + Unpin>,
    pub input_format: InputFormat,
    pub output: Box<dyn AsyncWrite + Send + Unpin>,
    pub output_format: OutputFormat,
    /// Cancelled when nobody reads the output any more.
    pub unread: CancellationToken,
}

impl Transport {
    /// # Errors
    /// Lines have one reader.
    pub(super) fn for_instances(self, instances: usize) -> Result<Vec<Self>, Fault> {
        match self {
            Self::Pulsar { unsubscribe } => {
                Ok((0..instances).map(|_| Self::Pulsar { unsubscribe }).collect())
            }
            Self::Lines(io) if instances == 1 => Ok(vec![Self::Lines(io)]),
            Self::Lines(_) => Err(Fault::system(format!(
                "parallelism = {instances}: topics in memory have one consumer; expected 1, or a \
                 broker by --broker-service-url"
            ))
            .permanent()),
        }
    }
}
