//! Downloads over HTTP: bounded in size, redirects and time, with the server's own reason in the
//! error. A proxy is used as its environment variables say.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use function_mesh_proto::instance::TlsConfig;
use reqwest::{
    Certificate, Client, ClientBuilder, RequestBuilder, Response, StatusCode, header::CONTENT_TYPE,
    redirect,
};
use serde::Deserialize;

use super::{
    body::Body,
    failure::{Failure, chain, shown},
};

const MAX_REDIRECTS: usize = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two pieces of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of an error's body that are looked at.
const MAX_REASON_BYTES: usize = 16 << 10;

/// Makes ring the process's cryptography, unless it has one: the clients below ask for it there.
pub(super) fn use_ring() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails only if another thread was quicker, which is as good.
        _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// # Errors
/// The TLS settings cannot be used.
pub(super) async fn client(tls: Option<&TlsConfig>, scheme: &str) -> Result<Client, Failure> {
    let mut builder = builder();
    if let Some(tls) = tls {
        builder = with_tls(builder, tls).await?;
    }
    match builder.build() {
        Ok(client) => Ok(client),
        // A host without certificate authorities can still speak plain HTTP.
        Err(_) if scheme == "http" && tls.is_none_or(|tls| tls.trust_cert_file.is_none()) => {
            self::builder().tls_certs_only([]).build().map_err(unusable)
        }
        Err(error) => Err(unusable(error)),
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .user_agent(concat!("function-runner/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::custom(|attempt| {
            let was_safe = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
            if attempt.previous().len() > MAX_REDIRECTS {
                attempt.error(format!("more than {MAX_REDIRECTS} redirects"))
            } else if was_safe && attempt.url().scheme() != "https" {
                attempt.error("redirected from https to http")
            } else {
                attempt.follow()
            }
        }))
}

async fn with_tls(builder: ClientBuilder, tls: &TlsConfig) -> Result<ClientBuilder, Failure> {
    let mut builder = builder.tls_danger_accept_invalid_certs(tls.allow_insecure);
    if let Some(path) = &tls.trust_cert_file {
        let unreadable =
            |why: String| Failure::lasting(format!("tls.trustCertFile {}: {why}", path.display()));
        let pem = tokio::fs::read(path).await.map_err(|error| unreadable(error.to_string()))?;
        let certificates =
            Certificate::from_pem_bundle(&pem).map_err(|error| unreadable(chain(&error)))?;
        if certificates.is_empty() {
            return Err(unreadable("no PEM certificate in it".to_owned()));
        }
        builder = builder.tls_certs_only(certificates);
    } else if !tls.hostname_verification && !tls.allow_insecure {
        return Err(Failure::lasting(
            "tls.hostnameVerification: false needs tls.trustCertFile with the authority to trust",
        ));
    }
    Ok(builder.tls_danger_accept_invalid_hostnames(!tls.hostname_verification))
}

fn unusable(error: reqwest::Error) -> Failure {
    Failure::lasting(format!("no TLS: {}", chain(&error)))
}

pub(super) async fn download(request: RequestBuilder, max_bytes: u64) -> Result<Bytes, Failure> {
    let mut response = send(request).await?;
    let mut body = Body::new(response.content_length(), max_bytes)?;
    while let Some(piece) = response.chunk().await.map_err(interrupted)? {
        body.push(&piece)?;
    }
    Ok(body.finish())
}

/// The answer, if it is a success.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, Failure> {
    let response = request.send().await.map_err(interrupted)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let reason = match reason(response).await {
        Some(reason) => format!("{status}: {reason}"),
        None => status.to_string(),
    };
    Err(Failure { reason, passes: passes(status) })
}

fn passes(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        )
}

pub(super) fn interrupted(error: reqwest::Error) -> Failure {
    // Its URL may hold credentials; the reference is named around it.
    let error = error.without_url();
    Failure { reason: chain(&error), passes: !error.is_redirect() && !error.is_builder() }
}

/// What the server says: Pulsar's `{"reason": …}`, an issuer's `{"error": …}` (RFC 6749 §5.2), or plain
/// text.
async fn reason(mut response: Response) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        reason: Option<String>,
        error: Option<String>,
        error_description: Option<String>,
    }

    let kind = response.headers().get(CONTENT_TYPE)?.to_str().ok()?.to_owned();
    let mut body = BytesMut::new();
    while let Ok(Some(piece)) = response.chunk().await {
        body.extend_from_slice(&piece);
        if body.len() > MAX_REASON_BYTES {
            break;
        }
    }
    let text = if kind.starts_with("application/json") {
        let Refusal { reason, error, error_description } = serde_json::from_slice(&body).ok()?;
        let said: Vec<String> = [reason, error, error_description].into_iter().flatten().collect();
        said.join(": ")
    } else if kind.starts_with("text/plain") {
        String::from_utf8_lossy(&body).into_owned()
    } else {
        return None;
    };
    let text = shown(&text);
    (!text.is_empty()).then_some(text)
}
