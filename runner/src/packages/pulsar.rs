//! Pulsar's package service: `GET /admin/v3/packages/function/{tenant}/{namespace}/{name}/{version}`.

use std::collections::BTreeMap;

use bytes::Bytes;
use function_mesh_proto::instance::{AuthenticationConfig, ClusterConfig, DEFAULT_CLUSTER};
use reqwest::RequestBuilder;
use url::Url;

use super::{failure::Failure, http, location::PackageName, oauth2::ClientCredentials};

/// The cluster whose service is meant.
pub(super) fn cluster<'a>(
    clusters: &'a BTreeMap<String, ClusterConfig>,
    name: Option<&str>,
) -> Result<(&'a ClusterConfig, Vec<Url>), Failure> {
    let name = name.unwrap_or(DEFAULT_CLUSTER);
    let cluster = clusters.get(name).ok_or_else(|| {
        Failure::lasting(format!("function:// needs the cluster \"{name}\", which is not given"))
    })?;
    let service = cluster.web_service_url.as_deref().ok_or_else(|| {
        Failure::lasting(format!("function:// needs webServiceUrl of the cluster \"{name}\""))
    })?;
    let urls = addresses(service).ok_or_else(|| {
        Failure::lasting(format!(
            "webServiceUrl \"{service}\" of the cluster \"{name}\": expected http(s)://host:port"
        ))
    })?;
    Ok((cluster, urls))
}

/// `http://a:8080,b:8080` names two hosts.
fn addresses(service: &str) -> Option<Vec<Url>> {
    let (scheme, hosts) = service.split_once("://")?;
    if !matches!(scheme, "http" | "https") {
        return None;
    }
    hosts.split(',').map(|host| Url::parse(&format!("{scheme}://{host}")).ok()).collect()
}

/// `attempt` picks the host, so that another is tried when one does not answer.
pub(super) async fn download(
    name: &PackageName,
    (cluster, hosts): (&ClusterConfig, Vec<Url>),
    attempt: usize,
    max_bytes: u64,
) -> Result<Bytes, Failure> {
    let host = attempt.checked_rem(hosts.len()).and_then(|index| hosts.get(index));
    let mut url = host.ok_or_else(|| Failure::lasting("webServiceUrl is empty"))?.clone();
    let at = url.origin().ascii_serialization();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend([
            "admin",
            "v3",
            "packages",
            "function",
            &name.tenant,
            &name.namespace,
            &name.name,
            &name.version,
        ]);
    }
    let client = http::client(Some(&cluster.tls), url.scheme()).await?;
    let request = authenticated(client.get(url), cluster.authentication.as_ref()).await?;
    http::download(request, max_bytes)
        .await
        .map_err(|failure| Failure { reason: format!("{at}: {}", failure.reason), ..failure })
}

async fn authenticated(
    request: RequestBuilder,
    authentication: Option<&AuthenticationConfig>,
) -> Result<RequestBuilder, Failure> {
    let read = async |file: &std::path::Path| {
        tokio::fs::read_to_string(file).await.map(|text| text.trim().to_owned()).map_err(|error| {
            // A mounted secret may come a little later than the pod.
            Failure::passing(format!("authentication file {}: {error}", file.display()))
        })
    };
    Ok(match authentication {
        None => request,
        Some(AuthenticationConfig::Token { file }) => request.bearer_auth(read(file).await?),
        Some(AuthenticationConfig::Basic { file }) => {
            let text = read(file).await?;
            let (user, password) = text.split_once(':').ok_or_else(|| {
                let file = file.display();
                Failure::lasting(format!("authentication file {file}: expected user:password"))
            })?;
            request.basic_auth(user, Some(password))
        }
        Some(AuthenticationConfig::OAuth2 { issuer_url, audience, scope, key_file }) => {
            let credentials = ClientCredentials {
                issuer_url,
                audience: audience.as_deref(),
                scope: scope.as_deref(),
                key_file,
            };
            request.bearer_auth(credentials.token().await?.access_token)
        }
    })
}
