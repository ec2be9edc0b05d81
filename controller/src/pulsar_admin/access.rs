//! Where a Pulsar cluster's admin API is, and how to get in: names of Secrets, not their content.

use std::fmt;

use crate::{
    cache::{Caches, TLS_HOSTNAME, TLS_INSECURE, TLS_TRUST, WEB_URL},
    crd::messaging::{OAuth2, PulsarAuth, PulsarMessaging, PulsarTls},
};

/// Equal ones can share a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Access {
    /// Kubernetes's, of the Secrets.
    pub(super) namespace: String,
    /// At least one: `http://host:port`.
    pub(super) hosts: Vec<String>,
    pub(super) tls: Tls,
    pub(super) authentication: Option<Authentication>,
}

/// Only of interest to `https` addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tls {
    /// Secret and key.
    pub(super) trust: Option<(String, String)>,
    /// The certificates are in a file of the user's image.
    pub(super) trust_in_pod: bool,
    pub(super) allow_insecure: bool,
    pub(super) verify_hostname: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Authentication {
    /// A Secret that names a plugin and its parameters.
    Secret(String),
    /// Both stand in the manifest.
    Inline { plugin: String, parameters: Hidden },
    OAuth2 {
        issuer_url: String,
        audience: Option<String>,
        scope: Option<String>,
        secret: String,
        key: String,
    },
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Hidden(pub(super) String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// What the API is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Removing subscriptions, for which there may be credentials of its own.
    Cleanup,
    Backlog,
}

/// Why a cluster's admin API cannot be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccessError {
    #[error("{field} is missing: name the ConfigMap that says where Pulsar is")]
    NoCluster { field: String },
    #[error("{field}: there is no ConfigMap {name} in the namespace; create it with {WEB_URL}")]
    NoConfigMap { field: String, name: String },
    #[error("{field}: the ConfigMap {name} has no key {WEB_URL}, where subscriptions are managed")]
    NoAddress { field: String, name: String },
    #[error("{field}: {WEB_URL} is \"{url}\"; expected http(s)://host:port")]
    Address { field: String, url: String },
    #[error("{field}: there is no Secret {name} in the namespace; create it, or remove the field")]
    NoSecret { field: String, name: String },
}

impl Access {
    /// `field` is the messaging's own, for messages.
    pub(crate) fn of(
        field: &str,
        messaging: &PulsarMessaging,
        (caches, namespace): (&Caches, &str),
        purpose: Purpose,
    ) -> Result<Self, AccessError> {
        let PulsarMessaging {
            pulsar_config,
            auth_secret,
            tls_secret,
            tls_config,
            auth_config,
            cleanup_auth_config,
        } = messaging;
        let of_config = format!("{field}.pulsarConfig");
        let name = named(pulsar_config.as_deref())
            .ok_or_else(|| AccessError::NoCluster { field: of_config.clone() })?;
        let entries = caches.config_map(namespace, name).ok_or_else(|| {
            AccessError::NoConfigMap { field: of_config.clone(), name: name.to_owned() }
        })?;
        let url = named(entries.get(WEB_URL).map(|url| url.trim())).ok_or_else(|| {
            AccessError::NoAddress { field: of_config.clone(), name: name.to_owned() }
        })?;
        let hosts = addresses(url)
            .ok_or_else(|| AccessError::Address { field: of_config, url: url.to_owned() })?;
        let tls = match (tls_config, named(tls_secret.as_deref())) {
            (Some(tls), _) => Tls::of(tls),
            (None, Some(secret)) => {
                let entries = caches.secret(namespace, secret).ok_or_else(|| {
                    let field = format!("{field}.tlsSecret");
                    AccessError::NoSecret { field, name: secret.to_owned() }
                })?;
                let is = |key, value| entries.get(key).is_some_and(|v| v.trim() == value);
                Tls {
                    trust: None,
                    trust_in_pod: entries.get(TLS_TRUST).is_some_and(|v| !v.trim().is_empty()),
                    allow_insecure: is(TLS_INSECURE, "true"),
                    verify_hostname: !is(TLS_HOSTNAME, "false"),
                }
            }
            (None, None) => Tls::default(),
        };
        let own = cleanup_auth_config.as_ref().filter(|_| purpose == Purpose::Cleanup);
        let authentication = own
            .and_then(Authentication::of)
            .or_else(|| auth_config.as_ref().and_then(Authentication::of))
            .or_else(|| Some(Authentication::Secret(named(auth_secret.as_deref())?.to_owned())));
        Ok(Self { namespace: namespace.to_owned(), hosts, tls, authentication })
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self { trust: None, trust_in_pod: false, allow_insecure: false, verify_hostname: true }
    }
}

impl Tls {
    fn of(given: &PulsarTls) -> Self {
        let trust = given.cert_secret_name.clone().zip(given.cert_secret_key.clone());
        Self {
            trust,
            trust_in_pod: false,
            allow_insecure: given.allow_insecure == Some(true),
            verify_hostname: given.hostname_verification != Some(false),
        }
    }
}

impl Authentication {
    fn of(given: &PulsarAuth) -> Option<Self> {
        let PulsarAuth { oauth2_config, generic_auth } = given;
        let oauth2 = oauth2_config.as_ref().map(|oauth2| {
            let OAuth2 { audience, issuer_url, scope, key_secret_name, key_secret_key } = oauth2;
            Self::OAuth2 {
                issuer_url: issuer_url.clone(),
                audience: Some(audience.clone()).filter(|audience| !audience.is_empty()),
                scope: scope.clone(),
                secret: key_secret_name.clone(),
                key: key_secret_key.clone(),
            }
        });
        oauth2.or_else(|| {
            let generic = generic_auth.as_ref()?;
            Some(Self::Inline {
                plugin: generic.client_authentication_plugin.clone(),
                parameters: Hidden(generic.client_authentication_parameters.clone()),
            })
        })
    }
}

fn named(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// `http://a:8080,b:8080` names two hosts. What else is in a URL has no place here.
fn addresses(service: &str) -> Option<Vec<String>> {
    let (scheme, hosts) = service.trim_end_matches('/').split_once("://")?;
    if !matches!(scheme, "http" | "https") {
        return None;
    }
    let host = |host: &str| {
        let url = url::Url::parse(&format!("{scheme}://{}", host.trim())).ok()?;
        let bare = url.username().is_empty() && url.path() == "/" && url.query().is_none();
        bare.then(|| url.origin().ascii_serialization())
    };
    hosts.split(',').map(host).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_name_several_hosts_and_nothing_else() {
        let two = Some(vec!["http://a:8080".to_owned(), "http://b:8081".to_owned()]);
        assert_eq!(addresses("http://a:8080,b:8081/"), two);
        for wrong in ["pulsar://a:6650", "a:8080", "http://", "http://u:p@a:8080", "http://a/x"] {
            assert_eq!(addresses(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn parameters_in_the_manifest_are_not_shown() {
        let generic = crate::crd::messaging::GenericAuth {
            client_authentication_plugin: "AuthenticationToken".to_owned(),
            client_authentication_parameters: "token:canary".to_owned(),
        };
        let auth = PulsarAuth { oauth2_config: None, generic_auth: Some(generic) };
        let shown = format!("{:?}", Authentication::of(&auth));
        assert!(shown.contains("AuthenticationToken") && !shown.contains("canary"), "{shown}");
    }
}
