//! Access tokens for brokers: granted by an issuer, and kept while they are good.

use std::path::PathBuf;

use async_trait::async_trait;
use pulsar::{authentication::Authentication, error::AuthenticationError};
use tokio::time::Instant;

use crate::packages::oauth2::ClientCredentials;

/// Pulsar's `AuthenticationOAuth2`, by client credentials.
pub(super) struct OAuth2 {
    pub(super) issuer_url: String,
    pub(super) audience: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) key_file: PathBuf,
    pub(super) token: Option<Token>,
}

pub(super) struct Token {
    text: String,
    /// From then on another is asked for.
    stale: Instant,
}

#[async_trait]
impl Authentication for OAuth2 {
    fn auth_method_name(&self) -> String {
        // What a broker verifies is the token, whoever granted it.
        "token".to_owned()
    }

    async fn initialize(&mut self) -> Result<(), AuthenticationError> {
        Ok(())
    }

    async fn auth_data(&mut self) -> Result<Vec<u8>, AuthenticationError> {
        if let Some(token) = self.token.as_ref().filter(|token| Instant::now() < token.stale) {
            return Ok(token.text.clone().into_bytes());
        }
        let credentials = ClientCredentials {
            issuer_url: &self.issuer_url,
            audience: self.audience.as_deref(),
            scope: self.scope.as_deref(),
            key_file: &self.key_file,
        };
        let asked = Instant::now();
        let granted = credentials
            .token()
            .await
            .map_err(|failure| AuthenticationError::Custom(failure.reason))?;
        // A tenth is for the way to the broker, and for clocks that differ. A token that does not say
        // how long it is good is not kept.
        let stale =
            granted.lifetime().and_then(|lifetime| asked.checked_add(lifetime.mul_f64(0.9)));
        let text = granted.access_token;
        self.token = stale.map(|stale| Token { text: text.clone(), stale });
        Ok(text.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::StatusCode;

    use super::*;
    use crate::packages::tests::server::{Answer, Server};

    /// An issuer at the root of its address, which numbers the tokens it grants.
    async fn issuer(expires_in: &'static str) -> Server {
        Server::routing(move |count, asked, at| match asked.path.as_str() {
            "/.well-known/openid-configuration" => {
                // Named without a slash at the end, as many name themselves.
                let found = format!(r#"{{"issuer": "{at}", "token_endpoint": "{at}/token"}}"#);
                Answer::json(StatusCode::OK, found)
            }
            "/token" => {
                let granted = format!(r#"{{"access_token": "at request {count}"{expires_in}}}"#);
                Answer::json(StatusCode::OK, granted)
            }
            other => Answer::text(StatusCode::NOT_FOUND, other.to_owned()),
        })
        .await
    }

    fn of(issuer: &Server, key: &str) -> (OAuth2, tempfile::NamedTempFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), key).unwrap();
        let oauth2 = OAuth2 {
            issuer_url: issuer.url(""),
            audience: None,
            scope: None,
            key_file: file.path().to_owned(),
            token: None,
        };
        (oauth2, file)
    }

    const KEY: &str = r#"{"client_id": "me", "client_secret": "a-canary"}"#;

    #[tokio::test]
    async fn a_token_is_kept_until_shortly_before_it_expires() {
        let issuer = issuer(r#", "expires_in": 100"#).await;
        let (mut oauth2, _key) = of(&issuer, KEY);
        let first = oauth2.auth_data().await.unwrap();
        assert_eq!(oauth2.auth_data().await.unwrap(), first);
        assert_eq!(issuer.requests().len(), 2);
        let token = oauth2.token.as_mut().unwrap();
        let left = token.stale - Instant::now();
        assert!(left > Duration::from_secs(80) && left <= Duration::from_secs(90), "{left:?}");
        token.stale = Instant::now();
        assert_ne!(oauth2.auth_data().await.unwrap(), first);
    }

    #[tokio::test]
    async fn a_lifetime_may_be_sent_as_text() {
        let issuer = issuer(r#", "expires_in": "100""#).await;
        let (mut oauth2, _key) = of(&issuer, KEY);
        let first = oauth2.auth_data().await.unwrap();
        assert_eq!(oauth2.auth_data().await.unwrap(), first);
    }

    #[tokio::test]
    async fn a_token_of_unknown_lifetime_is_asked_for_each_time() {
        // The last is longer than a clock can count.
        for lifetime in ["", r#", "expires_in": null"#, r#", "expires_in": 18446744073709551615"#] {
            let issuer = issuer(lifetime).await;
            let (mut oauth2, _key) = of(&issuer, KEY);
            let first = oauth2.auth_data().await.unwrap();
            assert_ne!(oauth2.auth_data().await.unwrap(), first, "{lifetime}");
        }
    }

    #[tokio::test]
    async fn the_issuers_reason_is_told_without_the_secret() {
        let refusal = r#"{"error": "invalid_client", "error_description": "no a-canary"}"#;
        let issuer = Server::start(move |_| Answer::json(StatusCode::UNAUTHORIZED, refusal)).await;
        let (mut oauth2, _key) = of(&issuer, KEY);
        let error = oauth2.auth_data().await.unwrap_err().to_string();
        assert!(error.ends_with("401 Unauthorized: invalid_client: no (hidden)"), "{error}");
        let (mut oauth2, key) = of(&issuer, "a canary");
        let error = oauth2.auth_data().await.unwrap_err().to_string();
        assert!(error.contains(&key.path().display().to_string()) && !error.contains("canary"));
    }
}
