//! Pulsar clusters: where they are, authentication, TLS.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Pulsar cluster and how to authenticate there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PulsarMessaging {
    /// Name of a ConfigMap with the keys brokerServiceURL and webServiceURL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulsar_config: Option<String>,
    /// Name of a Secret with the keys clientAuthenticationPlugin and clientAuthenticationParameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_secret: Option<String>,
    /// Name of a Secret with the keys tlsAllowInsecureConnection, tlsHostnameVerificationEnable and
    /// tlsTrustCertsFilePath.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_secret: Option<String>,
    /// TLS, and the certificate authorities to trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<PulsarTls>,
    /// Authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_config: Option<PulsarAuth>,
    /// Authentication for removing subscriptions, if another one is needed for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleanup_auth_config: Option<PulsarAuth>,
}

/// TLS towards a Pulsar cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PulsarTls {
    /// Use TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Accept any certificate. For tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_insecure: Option<bool>,
    /// Check that the certificate is for the host connected to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname_verification: Option<bool>,
    /// Name of the Secret with the certificate authorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_secret_name: Option<String>,
    /// Key in that Secret: a PEM file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_secret_key: Option<String>,
}

/// How to authenticate: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PulsarAuth {
    /// OAuth 2.0 client credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth2_config: Option<OAuth2>,
    /// A plugin of the Pulsar client, by class name, and its parameters. They stand here in plain
    /// text: prefer authSecret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generic_auth: Option<GenericAuth>,
}

/// OAuth 2.0 client credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OAuth2 {
    /// Audience of the token.
    pub audience: String,
    /// Address of the issuer.
    pub issuer_url: String,
    /// Scope of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Name of the Secret with the key file.
    pub key_secret_name: String,
    /// Key in that Secret: a JSON document with client_id and client_secret.
    pub key_secret_key: String,
}

/// A plugin of the Pulsar client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenericAuth {
    /// Class name of the plugin.
    pub client_authentication_plugin: String,
    /// Its parameters, as the plugin reads them.
    pub client_authentication_parameters: String,
}
