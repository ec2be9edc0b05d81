//! An access token by OAuth 2.0 client credentials (RFC 6749 §4.4), the issuer's endpoint found by
//! OpenID Connect discovery, as Pulsar's own clients do.

use std::{path::Path, time::Duration};

use reqwest::header::CONTENT_TYPE;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use url::{Url, form_urlencoded::Serializer};

use super::{failure::Failure, http};

/// Bytes of an issuer's answer.
const MAX_ANSWER: u64 = 1 << 20;

/// Where the token comes from, and for whom it is.
pub(crate) struct ClientCredentials<'a> {
    pub(crate) issuer_url: &'a str,
    pub(crate) audience: Option<&'a str>,
    pub(crate) scope: Option<&'a str>,
    /// JSON with `client_id` and `client_secret`.
    pub(crate) key_file: &'a Path,
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

/// What an issuer granted.
#[derive(Deserialize)]
pub(crate) struct Granted {
    pub(crate) access_token: String,
    /// Seconds; some issuers send them as text.
    #[serde(default)]
    expires_in: Value,
}

impl Granted {
    /// How long it may be used, if the issuer says so.
    pub(crate) fn lifetime(&self) -> Option<Duration> {
        let text = || self.expires_in.as_str()?.parse().ok();
        self.expires_in.as_u64().or_else(text).map(Duration::from_secs)
    }
}

impl ClientCredentials<'_> {
    pub(crate) async fn token(&self) -> Result<Granted, Failure> {
        http::use_ring();
        let key = self.key().await?;
        self.granted(&key).await.map_err(|failure| {
            // An issuer may repeat what it was sent.
            let why = match key.client_secret.as_str() {
                "" => failure.reason,
                secret => failure.reason.replace(secret, "(hidden)"),
            };
            Failure { reason: format!("no token from {}: {why}", self.issuer_url), ..failure }
        })
    }

    async fn granted(&self, key: &Key) -> Result<Granted, Failure> {
        let issuer = self.issuer_url.trim_end_matches('/');
        let discovery = Url::parse(&format!("{issuer}/.well-known/openid-configuration"))
            .map_err(|wrong| Failure::lasting(format!("issuerUrl: {wrong}")))?;
        let client = http::client(None, discovery.scheme()).await?;
        let found = http::download(client.get(discovery), MAX_ANSWER).await?;
        let Discovered { token_endpoint } = parsed(&found, "token_endpoint")?;

        let request = client
            .post(token_endpoint)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(self.form(key));
        let granted = http::download(request, MAX_ANSWER).await?;
        parsed(&granted, "access_token")
    }

    fn form(&self, key: &Key) -> String {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &key.client_id)
            .append_pair("client_secret", &key.client_secret);
        for (name, value) in [("audience", self.audience), ("scope", self.scope)] {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        form.finish()
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
