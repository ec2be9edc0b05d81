//! Packages and manifests by digest, in a directory that several processes may share.
//!
//! Never the only copy: what cannot be read or written is fetched again, and said in the log.

use std::{io, path::PathBuf};

use bytes::Bytes;
use tracing::warn;

use super::digest::Digest;

#[derive(Clone, Debug)]
pub(super) struct Cache {
    /// `<cache_dir>/packages/sha256`.
    dir: Option<PathBuf>,
}

impl Cache {
    pub(super) fn new(cache_dir: Option<PathBuf>) -> Self {
        Self { dir: cache_dir.map(|dir| dir.join("packages").join("sha256")) }
    }

    pub(super) async fn get(&self, digest: &Digest) -> Option<Bytes> {
        let path = self.dir.as_ref()?.join(digest.hex());
        match tokio::fs::read(&path).await {
            Ok(bytes) if Digest::of(&bytes) == *digest => Some(bytes.into()),
            Ok(_damaged) => {
                warn!(path = %path.display(), "cached package is damaged, fetching it again");
                None
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(path = %path.display(), error, "cached package not read");
                None
            }
        }
    }

    pub(super) async fn put(&self, digest: &Digest, bytes: &Bytes) {
        let Some(dir) = self.dir.clone() else { return };
        let path = dir.join(digest.hex());
        let (target, bytes) = (path.clone(), bytes.clone());
        let written = tokio::task::spawn_blocking(move || -> io::Result<()> {
            std::fs::create_dir_all(&dir)?;
            // Under its own name only when it is complete, whoever else writes the same.
            let mut file = tempfile::NamedTempFile::new_in(&dir)?;
            io::Write::write_all(&mut file, &bytes)?;
            file.as_file().sync_all()?;
            file.persist(&target).map_err(|error| error.error)?;
            Ok(())
        });
        let outcome = written.await.map_err(io::Error::other).and_then(|outcome| outcome);
        if let Err(error) = outcome {
            let error = &error as &dyn std::error::Error;
            warn!(path = %path.display(), error, "package not cached");
        }
    }
}
