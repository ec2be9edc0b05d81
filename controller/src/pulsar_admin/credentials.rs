//! Credentials and certificates: read from their Secrets when a session begins, shown nowhere.

use std::{collections::BTreeMap, time::Duration};

use http::{HeaderValue, header::CONTENT_TYPE};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::Api;
use reqwest::{Certificate, Client, ClientBuilder, redirect};
use serde::Deserialize;
use tokio::time::timeout;
use url::{Url, form_urlencoded::Serializer};

use super::{
    access::{Access, Authentication, Tls},
    exchange::{self, AdminError, Exchange, REQUEST_TIMEOUT},
};
use crate::cache::{AUTH_PARAMETERS, AUTH_PLUGIN};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Connections that nothing uses are closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Everything a session needs.
pub(super) async fn exchange(kube: &kube::Client, access: &Access) -> Result<Exchange, AdminError> {
    let secrets = Secrets(Api::namespaced(kube.clone(), &access.namespace));
    let encrypted = access.hosts.iter().any(|host| host.starts_with("https://"));
    let client = match encrypted {
        true => with_tls(&access.tls, &secrets).await?,
        // A host without certificate authorities can still speak plain HTTP.
        false => builder().tls_certs_only([]).build().map_err(|error| unusable(&error))?,
    };
    let authorization = match &access.authentication {
        None => None,
        Some(given) => Some(header(&authorization(given, &secrets).await?)?),
    };
    Ok(Exchange { client, hosts: access.hosts.clone(), authorization })
}

struct Secrets(Api<Secret>);

impl Secrets {
    async fn all(&self, name: &str) -> Result<BTreeMap<String, ByteString>, AdminError> {
        let found = timeout(REQUEST_TIMEOUT, self.0.get_opt(name)).await;
        let why = |why: &dyn std::fmt::Display| {
            AdminError::Credentials(format!("cannot read the Secret {name}: {why}"))
        };
        let found = found.map_err(|_| why(&"the API server does not answer"))?;
        let found = found.map_err(|error| why(&error))?;
        let missing = || why(&"there is none of that name; create it");
        Ok(found.ok_or_else(missing)?.data.unwrap_or_default())
    }

    async fn key(&self, name: &str, key: &str) -> Result<Vec<u8>, AdminError> {
        let value = self.all(name).await?.remove(key);
        let missing = || AdminError::Credentials(format!("the Secret {name} has no key {key}"));
        value.map(|value| value.0).ok_or_else(missing)
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .user_agent(concat!("function-mesh-controller/", env!("CARGO_PKG_VERSION")))
        // Followed by hand, since brokers redirect to each other and expect credentials again.
        .redirect(redirect::Policy::none())
}

async fn with_tls(tls: &Tls, secrets: &Secrets) -> Result<Client, AdminError> {
    let mut builder = builder().tls_danger_accept_invalid_certs(tls.allow_insecure);
    if let Some((secret, key)) = &tls.trust {
        let pem = secrets.key(secret, key).await?;
        let wrong = || {
            let why = "holds no PEM certificate";
            AdminError::Credentials(format!("the key {key} of the Secret {secret} {why}"))
        };
        let certificates = Certificate::from_pem_bundle(&pem).map_err(|_| wrong())?;
        if certificates.is_empty() {
            return Err(wrong());
        }
        builder = builder.tls_certs_only(certificates);
    } else if tls.trust_in_pod && !tls.allow_insecure {
        let why = "tlsTrustCertsFilePath of the tlsSecret is a file of the pods, which the \
                   controller cannot read; use tlsConfig with certSecretName and certSecretKey";
        return Err(AdminError::Credentials(why.to_owned()));
    } else if !tls.verify_hostname && !tls.allow_insecure {
        let why = "hostnameVerification: false needs certSecretName and certSecretKey, the \
                   authority to trust";
        return Err(AdminError::Credentials(why.to_owned()));
    }
    let builder = builder.tls_danger_accept_invalid_hostnames(!tls.verify_hostname);
    builder.build().map_err(|error| unusable(&error))
}

fn unusable(error: &reqwest::Error) -> AdminError {
    AdminError::Credentials(format!("no HTTP client with these TLS settings: {error}"))
}

fn header(value: &str) -> Result<HeaderValue, AdminError> {
    let mut header = HeaderValue::from_str(value).map_err(|_| {
        AdminError::Credentials("the credentials have characters that a header cannot".to_owned())
    })?;
    header.set_sensitive(true);
    Ok(header)
}

async fn authorization(given: &Authentication, secrets: &Secrets) -> Result<String, AdminError> {
    match given {
        Authentication::Secret(name) => {
            let mut entries = secrets.all(name).await?;
            let mut text = |key: &str| {
                let value = entries.remove(key).map(|value| String::from_utf8(value.0));
                value.and_then(Result::ok).ok_or_else(|| {
                    AdminError::Credentials(format!("the Secret {name} has no text under {key}"))
                })
            };
            by_plugin(&text(AUTH_PLUGIN)?, &text(AUTH_PARAMETERS)?)
        }
        Authentication::Inline { plugin, parameters } => by_plugin(plugin, &parameters.0),
        Authentication::OAuth2 { issuer_url, audience, scope, secret, key } => {
            let key_file = secrets.key(secret, key).await?;
            let wrong = || {
                let why = "is not JSON with client_id and client_secret";
                AdminError::Credentials(format!("the key {key} of the Secret {secret} {why}"))
            };
            // The parser's message would quote the file.
            let key: Key = serde_json::from_slice(&key_file).map_err(|_| wrong())?;
            let token = token(issuer_url, audience.as_deref(), scope.as_deref(), &key).await?;
            Ok(format!("Bearer {token}"))
        }
    }
}

/// `AuthenticationToken` takes `token:…` or the bare token, `AuthenticationBasic` takes
/// `user:password` or JSON.
fn by_plugin(plugin: &str, parameters: &str) -> Result<String, AdminError> {
    #[derive(Deserialize)]
    struct User {
        #[serde(rename = "userId")]
        user: String,
        password: String,
    }

    let parameters = parameters.trim();
    if parameters.starts_with("file:") {
        let why = "the parameters name a file, which only pods have; put the credentials \
                   themselves into a Secret, and name it as authSecret";
        return Err(AdminError::Credentials(why.to_owned()));
    }
    match plugin.trim().rsplit('.').next().unwrap_or_default() {
        "AuthenticationToken" | "token" => {
            Ok(format!("Bearer {}", parameters.strip_prefix("token:").unwrap_or(parameters)))
        }
        "AuthenticationBasic" | "basic" => {
            let user = match serde_json::from_str::<User>(parameters) {
                Ok(User { user, password }) => format!("{user}:{password}"),
                Err(_) if parameters.contains(':') && !parameters.starts_with('{') => {
                    parameters.to_owned()
                }
                Err(_) => {
                    let why = "the parameters of AuthenticationBasic are not user:password";
                    return Err(AdminError::Credentials(why.to_owned()));
                }
            };
            Ok(format!("Basic {}", base64(user.as_bytes())))
        }
        _ => Err(AdminError::Credentials(format!(
            "the plugin \"{plugin}\" is not supported; use AuthenticationToken, \
             AuthenticationBasic or oauth2Config"
        ))),
    }
}

/// As RFC 4648 §4 says; Kubernetes's own type is encoded so in JSON.
fn base64(bytes: &[u8]) -> String {
    let value = serde_json::to_value(ByteString(bytes.to_vec()));
    value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[derive(Deserialize)]
struct Key {
    client_id: String,
    client_secret: String,
}

/// By client credentials (RFC 6749 §4.4), the endpoint found by OpenID Connect discovery.
async fn token(
    issuer: &str,
    audience: Option<&str>,
    scope: Option<&str>,
    key: &Key,
) -> Result<String, AdminError> {
    #[derive(Deserialize)]
    struct Discovered {
        token_endpoint: String,
    }
    #[derive(Deserialize)]
    struct Granted {
        access_token: String,
    }

    let wrong = |why: &str| {
        // An issuer may repeat what it was sent.
        let why = match key.client_secret.as_str() {
            "" => why.to_owned(),
            secret => why.replace(secret, "(hidden)"),
        };
        AdminError::Credentials(format!("no token from {issuer}: {why}"))
    };
    let client = match issuer.starts_with("https://") {
        true => builder().build(),
        false => builder().tls_certs_only([]).build(),
    };
    let client = client.map_err(|error| unusable(&error))?;
    let discovery = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let discovery = Url::parse(&discovery).map_err(|_| wrong("issuerUrl is no address"))?;
    let ask = async |request: reqwest::RequestBuilder| {
        let response = request.send().await.map_err(|e| exchange::failure(issuer, e))?;
        exchange::answer(issuer, response).await.map_err(|error| wrong(&error.to_string()))
    };
    let found = ask(client.get(discovery)).await?;
    // Without the parser's message: it could quote a token.
    let Discovered { token_endpoint } = serde_json::from_slice(&found)
        .map_err(|_| wrong("its configuration has no token_endpoint"))?;
    let token_endpoint =
        Url::parse(&token_endpoint).map_err(|_| wrong("its token_endpoint is no address"))?;
    let request = client
        .post(token_endpoint)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form(key, audience, scope));
    let granted = ask(request).await?;
    let Granted { access_token } =
        serde_json::from_slice(&granted).map_err(|_| wrong("its answer has no access_token"))?;
    Ok(access_token)
}

fn form(key: &Key, audience: Option<&str>, scope: Option<&str>) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &key.client_id)
        .append_pair("client_secret", &key.client_secret);
    for (name, value) in [("audience", audience), ("scope", scope)] {
        if let Some(value) = value {
            form.append_pair(name, value);
        }
    }
    form.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_become_headers() {
        let token = "org.apache.pulsar.client.impl.auth.AuthenticationToken";
        assert_eq!(by_plugin(token, "token:abc\n").unwrap(), "Bearer abc");
        assert_eq!(by_plugin("token", "abc").unwrap(), "Bearer abc");
        // RFC 7617's example.
        let basic = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        assert_eq!(by_plugin("basic", "Aladdin:open sesame").unwrap(), basic);
        let json = r#"{"userId": "Aladdin", "password": "open sesame"}"#;
        assert_eq!(by_plugin("x.AuthenticationBasic", json).unwrap(), basic);
    }

    #[test]
    fn what_cannot_be_used_is_said_and_not_repeated() {
        for (plugin, parameters) in [
            ("AuthenticationTls", "tlsCertFile:/canary"),
            ("AuthenticationToken", "file:///canary"),
            ("AuthenticationBasic", "canary"),
            ("AuthenticationBasic", "{\"userId\": \"canary\"}"),
        ] {
            let error = by_plugin(plugin, parameters).unwrap_err().to_string();
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_header_is_not_shown() {
        assert!(!format!("{:?}", header("Bearer canary").unwrap()).contains("canary"));
        let error = header("Bearer canary\n").unwrap_err().to_string();
        assert!(!error.contains("canary"), "{error}");
    }
}
