//! One request to an admin API: tried at several hosts, sent on to the broker in charge, bounded in
//! time and size.

use std::{collections::VecDeque, time::Duration};

use http::{
    HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, LOCATION},
};
use reqwest::{Client, Response};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::timeout;
use url::Url;

use super::Body;

/// Of one request, with what its redirects add.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);
/// Attempts for one request, so that another host is asked when one is down.
const ATTEMPTS: usize = 3;
const PAUSE: Duration = Duration::from_millis(150);
const MAX_REDIRECTS: usize = 5;
/// Bytes of an answer. Statistics of a topic with many subscriptions are long.
const MAX_ANSWER: usize = 8 << 20;
/// Characters of a broker's reason; what follows is a stack trace.
const MAX_REASON: usize = 200;

/// Why a request came to nothing. Holds no credentials, and no URL that could.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AdminError {
    #[error("{0}")]
    Credentials(String),
    #[error("{host}: {why}")]
    Unreachable { host: String, why: String },
    #[error(
        "{host}: {why}; the authority to trust is named by certSecretName and certSecretKey of tlsConfig"
    )]
    Untrusted { host: String, why: String },
    #[error("{host}: no answer within {} s", REQUEST_TIMEOUT.as_secs())]
    Slow { host: String },
    #[error("{host}: {why}")]
    Interrupted { host: String, why: String },
    #[error("{host}: {status}{reason}")]
    Refused { host: String, status: StatusCode, reason: String },
    #[error("{host}: its answer {why}")]
    Answer { host: String, why: &'static str },
}

impl AdminError {
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    pub(super) fn is_absence(&self) -> bool {
        self.status() == Some(StatusCode::NOT_FOUND)
    }

    /// The credentials are not good, or not good any more.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self.status(), Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN))
    }

    /// The certificates are not good, or not good any more.
    pub(super) fn is_distrust(&self) -> bool {
        matches!(self, Self::Untrusted { .. })
    }

    /// Nobody answers whom to ask again would be of use.
    fn is_silence(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Untrusted { .. } | Self::Slow { .. })
    }

    /// Nobody is there at all.
    pub(super) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Whether another attempt may fare better.
    fn passes(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Untrusted { .. }
            | Self::Slow { .. }
            | Self::Interrupted { .. } => true,
            Self::Refused { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Credentials(_) | Self::Answer { .. } => false,
        }
    }
}

#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) client: Client,
    /// `http://host:port`; at least one.
    pub(super) hosts: Vec<String>,
    /// Marked as sensitive, so that it is not shown.
    pub(super) authorization: Option<HeaderValue>,
}

impl Exchange {
    /// The body of a successful answer.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Body>,
    ) -> Result<Vec<u8>, AdminError> {
        let mut hosts: VecDeque<&str> = self.hosts.iter().map(String::as_str).collect();
        for left in (0..ATTEMPTS).rev() {
            let Some(host) = hosts.pop_front() else { break };
            let sent = timeout(REQUEST_TIMEOUT, self.attempt(host, &method, path, body)).await;
            let result = sent.unwrap_or_else(|_| Err(AdminError::Slow { host: host.to_owned() }));
            let Err(error) = result else { return result };
            // Whoever keeps silent is not asked again at once.
            if !error.is_silence() {
                hosts.push_back(host);
            }
            if left == 0 || hosts.is_empty() || !error.passes() {
                return Err(error);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(AdminError::Credentials("the cluster has no address".to_owned()))
    }

    async fn attempt(
        &self,
        host: &str,
        method: &Method,
        path: &str,
        body: Option<&Body>,
    ) -> Result<Vec<u8>, AdminError> {
        let unusable = |url: String| AdminError::Interrupted {
            host: host.to_owned(),
            why: format!("\"{url}\" is no address"),
        };
        let url = format!("{host}/{path}");
        let mut url = Url::parse(&url).map_err(|_| unusable(url))?;
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.client.request(method.clone(), url.clone());
            if let Some(authorization) = &self.authorization {
                request = request.header(AUTHORIZATION, authorization);
            }
            if let Some(body) = body {
                request = request
                    .header(http::header::CONTENT_TYPE, "application/json")
                    .body(body.to_string());
            }
            let at = url.origin().ascii_serialization();
            let response = request.send().await.map_err(|error| failure(&at, error))?;
            if !response.status().is_redirection() {
                return answer(&at, response).await;
            }
            // The broker that has the topic. All of a cluster take the same credentials, which
            // must not leave encryption.
            let next = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let next = next.and_then(|to| url.join(to).ok());
            let safe = |next: &Url| match next.scheme() {
                "https" => true,
                "http" => url.scheme() == "http",
                _ => false,
            };
            url = next.filter(safe).ok_or(AdminError::Answer {
                host: at,
                why: "redirects to no address, or out of encryption",
            })?;
        }
        let why = "redirects in a circle";
        Err(AdminError::Answer { host: url.origin().ascii_serialization(), why })
    }
}

pub(super) fn failure(host: &str, error: reqwest::Error) -> AdminError {
    // The innermost reason says what is wrong; the URL is named by its host.
    let error = error.without_url();
    let mut innermost: &(dyn std::error::Error + 'static) = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let (host, why) = (host.to_owned(), innermost.to_string());
    if is_distrust(innermost) {
        AdminError::Untrusted { host, why }
    } else if error.is_connect() {
        AdminError::Unreachable { host, why }
    } else if error.is_timeout() {
        AdminError::Slow { host }
    } else {
        AdminError::Interrupted { host, why }
    }
}

/// I/O errors, one in another, do not give what they were made from as their source.
fn is_distrust(mut error: &(dyn std::error::Error + 'static)) -> bool {
    while let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref)
    {
        error = inner;
    }
    matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
}

pub(super) async fn answer(host: &str, mut response: Response) -> Result<Vec<u8>, AdminError> {
    let status = response.status();
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| failure(host, error))? {
        if body.len() + piece.len() > MAX_ANSWER {
            return Err(AdminError::Answer { host: host.to_owned(), why: "is too long" });
        }
        body.extend_from_slice(&piece);
    }
    if status.is_success() {
        return Ok(body);
    }
    Err(AdminError::Refused { host: host.to_owned(), status, reason: reason(&body) })
}

/// What the broker says, or an issuer of tokens (RFC 6749 §5.2), on one line.
fn reason(body: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Refusal {
        reason: String,
        error: String,
        error_description: String,
    }

    let Refusal { reason, error, error_description } =
        serde_json::from_slice(body).unwrap_or_default();
    let reason = reason.split("Stacktrace").next().unwrap_or_default();
    let said = [reason, &error, &error_description].map(|text| {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let line: String = line.chars().take(MAX_REASON).collect();
        if line.is_empty() { line } else { format!(": {line}") }
    });
    said.concat()
}

pub(super) fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, AdminError> {
    serde_json::from_slice(body).map_err(|_| AdminError::Answer {
        host: "pulsar".to_owned(),
        why: "is not of the expected form; is this address a Pulsar broker's or proxy's?",
    })
}
