//! What has come of a package so far: never more than it may be, and told of while it takes long.

use bytes::{Bytes, BytesMut};
use tokio::time::{Duration, Instant};
use tracing::info;

use super::{failure::Failure, file::too_large};

/// Between two lines about a download that takes long.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// At most this much is set aside on the word of a server.
const MAX_RESERVED: u64 = 64 << 20;

pub(super) struct Body {
    bytes: BytesMut,
    announced: Option<u64>,
    limit: u64,
    reported: Instant,
}

impl Body {
    /// # Errors
    /// More is announced than may come.
    pub(super) fn new(announced: Option<u64>, limit: u64) -> Result<Self, Failure> {
        let expected = announced.unwrap_or_default();
        if expected > limit {
            return Err(too_large(expected, limit));
        }
        let reserved = usize::try_from(expected.min(MAX_RESERVED)).unwrap_or_default();
        let bytes = BytesMut::with_capacity(reserved);
        Ok(Self { bytes, announced, limit, reported: Instant::now() })
    }

    /// # Errors
    /// More came than may.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let so_far = (self.bytes.len() + piece.len()) as u64;
        if so_far > self.limit {
            let limit = self.limit;
            return Err(Failure::lasting(format!(
                "it has more than the {limit} bytes it may have"
            )));
        }
        self.bytes.extend_from_slice(piece);
        if self.reported.elapsed() >= REPORT_INTERVAL {
            self.reported = Instant::now();
            info!(bytes = so_far, of = self.announced, "package is being fetched");
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Bytes {
        self.bytes.freeze()
    }
}
