//! Short digests: whether something is what it was.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Of a value as JSON, with its keys in order.
pub(crate) fn digest(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let bytes = serde_json::to_vec(&serde_json::to_value(value)?)?;
    Ok(hex(&bytes))
}

/// Sixteen hexadecimal digits of a SHA-256.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
