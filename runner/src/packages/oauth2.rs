//! An access token by OAuth 2.0 client credentials (RFC 6749 §4.4), the issuer's endpoint found by
//! OpenID Connect discovery, as Pulsar's own clients do.

use std::path::Path;

use reqwest::header::CONTENT_TYPE;
use serde::{Deserialize, de::DeserializeOwned};
use url::{Url, form_urlencoded::Serializer};

use super::{failure::Failure, http};

/// Bytes of an issuer's answer.
const MAX_ANSWER: u64 = 1 << 20;

/// Where the token comes from, and for whom it is.
pub(super) struct ClientCredentials<'a> {
    pub(super) issuer_url: &'a str,
    pub(super) audience: Option<&'a str>,
    pub(super) scope: Option<&'a str>,
    /// JSON with `client_id` and `client_secret`.
    pub(super) key_file: &'a Path,
}

#[derive(Deserialize)]
struct Key {
    client_id: String,
    client_secret: String,
}

#[derive(Deserialize)]
struct Discovered {
    token_endpoint: Url,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
}

impl ClientCredentials<'_> {
    pub(super) async fn token(&self) -> Result<String, Failure> {
        let key = self.key().await?;
        self.granted(key).await.map_err(|failure| Failure {
            reason: format!("no token from {}: {}", self.issuer_url, failure.reason),
            ..failure
        })
    }

    async fn granted(&self, key: Key) -> Result<String, Failure> {
        let issuer = self.issuer_url.trim_end_matches('/');
        let discovery = Url::parse(&format!("{issuer}/.well-known/openid-configuration"))
            .map_err(|wrong| Failure::lasting(format!("issuerUrl: {wrong}")))?;
        let client = http::client(None, discovery.scheme()).await?;
        let found = http::download(client.get(discovery), MAX_ANSWER).await?;
        let Discovered { token_endpoint } = parsed(&found, "token_endpoint")?;

        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &key.client_id)
            .append_pair("client_secret", &key.client_secret);
        for (name, value) in [("audience", self.audience), ("scope", self.scope)] {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        let request = client
            .post(token_endpoint)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.finish());
        let granted = http::download(request, MAX_ANSWER).await?;
        Ok(parsed::<Granted>(&granted, "access_token")?.access_token)
    }

    async fn key(&self) -> Result<Key, Failure> {
        let file = self.key_file.display();
        let text = tokio::fs::read(self.key_file)
            .await
            .map_err(|error| Failure::passing(format!("authentication file {file}: {error}")))?;
        // The parser's message would quote the file.
        serde_json::from_slice(&text).map_err(|_| {
            Failure::lasting(format!(
                "authentication file {file}: expected JSON with client_id and client_secret"
            ))
        })
    }
}

fn parsed<T: DeserializeOwned>(answer: &[u8], field: &str) -> Result<T, Failure> {
    // Again without the parser's message: it could quote a token.
    serde_json::from_slice(answer)
        .map_err(|_| Failure::lasting(format!("its answer is not JSON with {field}")))
}
