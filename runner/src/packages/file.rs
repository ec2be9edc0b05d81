//! A package in a file.

use std::path::Path;

use bytes::Bytes;

use super::failure::Failure;

pub(super) async fn read(path: &Path, max_bytes: u64) -> Result<Bytes, Failure> {
    let metadata = tokio::fs::metadata(path).await.map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Failure::lasting("not a file"));
    }
    if metadata.len() > max_bytes {
        return Err(too_large(metadata.len(), max_bytes));
    }
    Ok(tokio::fs::read(path).await.map_err(unreadable)?.into())
}

fn unreadable(error: std::io::Error) -> Failure {
    Failure::lasting(error.to_string())
}

pub(super) fn too_large(bytes: u64, max_bytes: u64) -> Failure {
    Failure::lasting(format!("it has {bytes} bytes, more than the {max_bytes} a package may have"))
}
