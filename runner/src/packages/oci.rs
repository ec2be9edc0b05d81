//! A component from a registry, in the layout of the CNCF's Wasm working group ("Wasm OCI
//! Artifact layout"): an image manifest whose one layer is the component.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use futures::StreamExt;
use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol},
    errors::{OciDistributionError, OciErrorCode},
    manifest::{
        OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageIndex,
        OciManifest, WASM_LAYER_MEDIA_TYPE,
    },
    secrets::RegistryAuth,
};

use super::{
    body::Body,
    cache::Cache,
    digest::Digest,
    docker_config,
    failure::{Failure, chain, shown},
    file::too_large,
    http,
    location::Image,
};

/// The layer's media type today; [`WASM_LAYER_MEDIA_TYPE`] is what older tools pushed.
const LAYER: &str = "application/wasm";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) async fn pull(
    image: &Image,
    docker_config: Option<&Path>,
    cache: &Cache,
    max_bytes: u64,
) -> Result<Bytes, Failure> {
    let registry = Registry {
        client: client(image)?,
        auth: match docker_config {
            Some(file) => docker_config::credentials(file, image.reference.registry()).await?,
            None => RegistryAuth::Anonymous,
        },
        cache,
    };
    let layer = match registry.manifest(&image.reference).await? {
        OciManifest::Image(manifest) => component(manifest.layers)?,
        OciManifest::ImageIndex(index) => {
            let chosen = image.reference.clone_with_digest(for_wasm(index)?);
            match registry.manifest(&chosen).await? {
                OciManifest::Image(manifest) => component(manifest.layers)?,
                OciManifest::ImageIndex(_) => {
                    return Err(Failure::lasting("an index inside an index"));
                }
            }
        }
    };
    registry.layer(&image.reference, &layer, max_bytes).await
}

struct Registry<'a> {
    client: Client,
    auth: RegistryAuth,
    cache: &'a Cache,
}

impl Registry<'_> {
    /// From the cache if the reference has a digest that is there, else from the registry.
    async fn manifest(&self, reference: &Reference) -> Result<OciManifest, Failure> {
        let known = reference.digest().map(|digest| digest_of("reference", digest)).transpose()?;
        let cached = match &known {
            Some(digest) => self.cache.get(digest).await,
            None => None,
        };
        let bytes = match cached {
            Some(bytes) => bytes,
            None => {
                let accepted = [OCI_IMAGE_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE];
                let (bytes, _digest) = self
                    .client
                    .pull_manifest_raw(reference, &self.auth, &accepted)
                    .await
                    .map_err(failed)?;
                self.cache.put(&Digest::of(&bytes), &bytes).await;
                bytes
            }
        };
        if let Some(known) = known
            && Digest::of(&bytes) != known
        {
            return Err(Failure::lasting(format!("the registry's manifest is not {known}")));
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| Failure::lasting(format!("manifest not understood: {error}")))
    }

    async fn layer(
        &self,
        reference: &Reference,
        layer: &OciDescriptor,
        max_bytes: u64,
    ) -> Result<Bytes, Failure> {
        let digest = digest_of("layer", &layer.digest)?;
        let size = u64::try_from(layer.size).unwrap_or_default();
        if size > max_bytes {
            return Err(too_large(size, max_bytes));
        }
        if let Some(bytes) = self.cache.get(&digest).await {
            return Ok(bytes);
        }
        self.client.store_auth_if_needed(reference.resolve_registry(), &self.auth).await;
        let mut pieces =
            self.client.pull_blob_stream(reference, layer).await.map_err(failed)?.stream;
        let mut body = Body::new(Some(size), size)?;
        while let Some(piece) = pieces.next().await {
            body.push(&piece.map_err(|error| Failure::passing(chain(&error)))?)?;
        }
        let bytes = body.finish();
        if Digest::of(&bytes) != digest {
            return Err(Failure::passing(format!("what came is not the layer {digest}")));
        }
        self.cache.put(&digest, &bytes).await;
        Ok(bytes)
    }
}

fn client(image: &Image) -> Result<Client, Failure> {
    let protocol = if image.plain { ClientProtocol::Http } else { ClientProtocol::Https };
    let config = ClientConfig {
        protocol,
        connect_timeout: Some(CONNECT_TIMEOUT),
        read_timeout: Some(READ_TIMEOUT),
        user_agent: concat!("function-runner/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    };
    Client::try_from(config).map_err(|error| Failure::lasting(chain(&error)))
}

fn component(layers: Vec<OciDescriptor>) -> Result<OciDescriptor, Failure> {
    let kinds = layers.iter().map(|layer| layer.media_type.as_str()).collect::<Vec<_>>().join(", ");
    let mut components = layers
        .into_iter()
        .filter(|layer| [LAYER, WASM_LAYER_MEDIA_TYPE].contains(&layer.media_type.as_str()));
    match (components.next(), components.next()) {
        (Some(layer), None) => Ok(layer),
        (None, _) => Err(Failure::lasting(format!(
            "it is no Wasm component: a layer of type {LAYER} was expected, its layers are: {kinds}"
        ))),
        (Some(_), Some(_)) => {
            Err(Failure::lasting("it has several layers of WebAssembly, expected one"))
        }
    }
}

/// The digest of the manifest an index has for WebAssembly, or of its only one.
fn for_wasm(index: OciImageIndex) -> Result<String, Failure> {
    let only = index.manifests.len() == 1;
    index
        .manifests
        .into_iter()
        .find(|entry| {
            only || entry
                .platform
                .as_ref()
                .is_some_and(|platform| platform.architecture.to_string() == "wasm")
        })
        .map(|entry| entry.digest)
        .ok_or_else(|| Failure::lasting("its index has no manifest for the architecture wasm"))
}

fn digest_of(what: &str, text: &str) -> Result<Digest, Failure> {
    Digest::parse(text).map_err(|why| Failure::lasting(format!("{what} digest \"{text}\": {why}")))
}

/// The registry's own reason, without URLs: those of blobs may be signed.
fn failed(error: OciDistributionError) -> Failure {
    match error {
        OciDistributionError::RequestError(error) => http::interrupted(error),
        OciDistributionError::IoError(error) => Failure::passing(chain(&error)),
        OciDistributionError::ServerError { code, message, .. } => Failure {
            reason: match shown(&message) {
                text if text.is_empty() => format!("HTTP status {code}"),
                text => format!("HTTP status {code}: {text}"),
            },
            passes: code >= 500 || code == 429,
        },
        OciDistributionError::RegistryError { envelope, .. } => {
            let limited = envelope.errors.iter().any(|e| e.code == OciErrorCode::Toomanyrequests);
            let reasons: Vec<_> = envelope.errors.iter().map(|e| shown(&e.message)).collect();
            let reason = format!("the registry refused: {}", reasons.join("; "));
            Failure { reason, passes: limited }
        }
        OciDistributionError::UnauthorizedError { .. } => Failure::lasting(
            "not authorized: the registry wants other credentials than it was given (a docker \
             config.json has them)",
        ),
        other => Failure::lasting(chain(&other)),
    }
}
