//! Who may use a broker, and how.

use std::{net::TcpListener, path::Path, sync::Arc};

use anyhow::Result;

/// Whom a broker lets in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    #[default]
    Everybody,
    /// Whoever shows [`TOKEN`].
    Token,
    /// Everybody, who may also encrypt.
    Encrypted(Arc<Encryption>),
}

/// What a broker that encrypts is known by, in PEM, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    pub certificate: String,
    pub key: String,
    pub ports: Ports,
}

/// Where a broker listens to those who encrypt. The others have the usual ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Pulsar's protocol.
    pub broker: u16,
    /// The admin API.
    pub web: u16,
}

impl Ports {
    /// Two that nobody listens on now.
    pub fn free() -> Result<Self> {
        // Held together, so that they differ.
        let [broker, web] = [0; 2].map(|port: u16| TcpListener::bind(("127.0.0.1", port)));
        Ok(Self { broker: broker?.local_addr()?.port(), web: web?.local_addr()?.port() })
    }
}

/// What the broker verifies tokens with, in base64.
const KEY: &str = "YSBrZXkgdGhhdCBvbmx5IHRlc3RzIHVzZSwgb2YgMjU2IGJpdHMgYW5kIG1vcmU=";

/// A JSON web token (HS256) of the role `admin`, signed with that key.
pub const TOKEN: &str =
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.MkXl8rI8Y-YQXFOixSvcI-FRoXm5zv_SfPlwLvqE274";

/// Files in the broker's directory.
const CERTIFICATE_FILE: &str = "broker.crt";
const KEY_FILE: &str = "broker.key";

impl Access {
    /// What a client shows.
    pub fn token(&self) -> Option<&'static str> {
        match self {
            Self::Everybody | Self::Encrypted(_) => None,
            Self::Token => Some(TOKEN),
        }
    }

    /// The broker's settings for it, with its files in `state`.
    pub(crate) fn settings(&self, state: &Path) -> Vec<(&'static str, String)> {
        match self {
            Self::Everybody => Vec::new(),
            Self::Token => with_tokens(),
            Self::Encrypted(encryption) => vec![
                ("brokerServicePortTls", encryption.ports.broker.to_string()),
                ("webServicePortTls", encryption.ports.web.to_string()),
                ("tlsCertificateFilePath", state.join(CERTIFICATE_FILE).display().to_string()),
                ("tlsKeyFilePath", state.join(KEY_FILE).display().to_string()),
            ],
        }
    }

    /// What has to be in the broker's directory.
    pub(crate) fn files(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Everybody | Self::Token => Vec::new(),
            Self::Encrypted(encryption) => {
                vec![(CERTIFICATE_FILE, &encryption.certificate), (KEY_FILE, &encryption.key)]
            }
        }
    }
}

fn with_tokens() -> Vec<(&'static str, String)> {
    let provider = "org.apache.pulsar.broker.authentication.AuthenticationProviderToken";
    let plugin = "org.apache.pulsar.client.impl.auth.AuthenticationToken";
    vec![
        ("authenticationEnabled", "true".to_owned()),
        ("authenticationProviders", provider.to_owned()),
        ("tokenSecretKey", format!("data:;base64,{KEY}")),
        ("authorizationEnabled", "true".to_owned()),
        ("superUserRoles", "admin".to_owned()),
        // The broker is a client of its own, too.
        ("brokerClientAuthenticationPlugin", plugin.to_owned()),
        ("brokerClientAuthenticationParameters", format!("token:{TOKEN}")),
    ]
}
