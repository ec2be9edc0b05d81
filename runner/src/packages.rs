//! Fetches the function's code, wherever it is, and makes sure that it is the right one.
//!
//! | reference | from |
//! |---|---|
//! | `/path/f.wasm`, `file:///path/f.wasm` | a file |
//! | `http://…`, `https://…` | a web server |
//! | `function://tenant/namespace/name@version` | Pulsar's package service |
//! | `oci://registry/repository:tag`, `…@sha256:…` | a registry; `oci+http://` without TLS |
//!
//! What has a digest is cached by it and needs no network again. What has none (a plain URL, a
//! tag) is asked for at every start, and nothing stale stands in for it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use function_mesh_proto::instance::{ClusterConfig, PackageConfig};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::fault::Fault;

mod body;
mod cache;
mod digest;
mod docker_config;
mod failure;
mod file;
mod http;
mod location;
pub(crate) mod oauth2;
mod oci;
mod pulsar;

use cache::Cache;
use digest::Digest;
use failure::Failure;
use location::Location;

/// Before the second attempt; it doubles with every further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// One attempt, however slowly its bytes come.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(600);

/// What fetching needs besides the reference.
#[derive(Clone, Debug)]
pub struct PackageContext {
    /// Where packages are kept by digest; none keeps none.
    pub cache_dir: Option<PathBuf>,
    /// For `function://`.
    pub clusters: BTreeMap<String, ClusterConfig>,
    /// Attempts at what may pass by itself (no connection, 503); 5 take 15 to 30 seconds.
    pub attempts: usize,
    /// Bytes a package may have.
    pub max_bytes: u64,
}

impl Default for PackageContext {
    fn default() -> Self {
        Self { cache_dir: None, clusters: BTreeMap::new(), attempts: 5, max_bytes: 256 << 20 }
    }
}

/// The function's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    pub bytes: Bytes,
    /// `sha256:<64 hex digits>` of `bytes`.
    pub digest: String,
    /// Where it came from, without credentials: for logs.
    pub origin: String,
}

/// Fetches a package and checks its digest, if one was given.
///
/// # Errors
/// What was to be fetched, from where, and why it could not be. Permanent where another attempt
/// meets the same (not found, not allowed, too large, another digest).
pub async fn fetch(config: &PackageConfig, context: &PackageContext) -> Result<Package, Fault> {
    let location = Location::parse(&config.url).map_err(|why| refused(&config.url, &why))?;
    let wanted = match &config.digest {
        Some(digest) => Some(
            Digest::parse(digest)
                .map_err(|why| refused(&config.url, &format!("digest \"{digest}\": {why}")))?,
        ),
        None => None,
    };
    let fetching = Fetching {
        location: &location,
        wanted: wanted.as_ref(),
        cluster: config.cluster.as_deref(),
        registry_credentials: config.registry_credentials.as_deref(),
        cache: Cache::new(context.cache_dir.clone()),
        context,
    };
    let bytes = fetching.run().await.map_err(|failure| {
        let fault = Fault::system(format!("package {location}: {}", failure.reason));
        if failure.passes { fault } else { fault.permanent() }
    })?;
    let digest = Digest::of(&bytes).to_string();
    info!(package = %location, digest, bytes = bytes.len(), "package fetched");
    Ok(Package { bytes, digest, origin: location.to_string() })
}

fn refused(url: &str, why: &str) -> Fault {
    Fault::system(format!("package {}: {why}", location::redacted(url))).permanent()
}

struct Fetching<'a> {
    location: &'a Location,
    wanted: Option<&'a Digest>,
    cluster: Option<&'a str>,
    registry_credentials: Option<&'a Path>,
    cache: Cache,
    context: &'a PackageContext,
}

impl Fetching<'_> {
    async fn run(&self) -> Result<Bytes, Failure> {
        if let Location::File(path) = self.location {
            let bytes = file::read(path, self.context.max_bytes).await?;
            return self.checked(bytes);
        }
        if let Some(wanted) = self.wanted
            && let Some(bytes) = self.cache.get(wanted).await
        {
            return Ok(bytes);
        }
        info!(package = %self.location, "fetching the package");
        http::use_ring();
        let bytes = self.with_retries().await?;
        if let Some(wanted) = self.wanted {
            self.cache.put(wanted, &bytes).await;
        }
        Ok(bytes)
    }

    async fn with_retries(&self) -> Result<Bytes, Failure> {
        let attempts = self.context.attempts.max(1);
        let backoff = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(attempts - 1)
            .with_jitter();
        let mut attempt = 0;
        let next = || {
            attempt += 1;
            self.attempt(attempt - 1)
        };
        next.retry(backoff)
            .when(|failure: &Failure| failure.passes)
            .notify(|failure, pause| {
                warn!(
                    package = %self.location,
                    error = failure.reason,
                    pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                    "package not fetched, trying again"
                );
            })
            .await
            .map_err(|failure| {
                if failure.passes && attempts > 1 {
                    Failure::passing(format!("{} (tried {attempts} times)", failure.reason))
                } else {
                    failure
                }
            })
    }

    async fn attempt(&self, number: usize) -> Result<Bytes, Failure> {
        let max_bytes = self.context.max_bytes;
        let fetched = async {
            match self.location {
                Location::File(path) => file::read(path, max_bytes).await,
                Location::Http(url) => {
                    let client = http::client(None, url.scheme()).await?;
                    http::download(client.get(url.clone()), max_bytes).await
                }
                Location::Pulsar(name) => {
                    let cluster = pulsar::cluster(&self.context.clusters, self.cluster)?;
                    pulsar::download(name, cluster, number, max_bytes).await
                }
                Location::Oci(image) => {
                    oci::pull(image, self.registry_credentials, &self.cache, max_bytes).await
                }
            }
        };
        match timeout(ATTEMPT_TIMEOUT, fetched).await {
            Ok(fetched) => self.checked(fetched?),
            Err(_elapsed) => Err(Failure::passing(format!(
                "not complete after {} seconds",
                ATTEMPT_TIMEOUT.as_secs()
            ))),
        }
    }

    fn checked(&self, bytes: Bytes) -> Result<Bytes, Failure> {
        let Some(wanted) = self.wanted else { return Ok(bytes) };
        let found = Digest::of(&bytes);
        if found == *wanted {
            return Ok(bytes);
        }
        Err(Failure::lasting(format!(
            "its digest is {found}, but {wanted} was asked for: it has changed, or it is another"
        )))
    }
}

#[cfg(test)]
pub(crate) mod tests;
