//! How a workload authenticates at a Pulsar cluster: by files, whose content is read by the runner.

use std::collections::BTreeMap;

use function_mesh_proto::instance::{AuthenticationConfig, ClusterConfig};

use super::{DereferenceError, Resolve};
use crate::{
    cache::{AUTH_PARAMETERS, AUTH_PLUGIN, TLS_HOSTNAME, TLS_INSECURE, TLS_TRUST},
    crd::messaging::PulsarMessaging,
};

impl Resolve<'_> {
    /// `authConfig` wins over `authSecret`, as in the original.
    pub(super) fn authenticate(
        &mut self,
        field: &str,
        dir: &str,
        messaging: &PulsarMessaging,
        config: &mut ClusterConfig,
    ) -> Result<(), DereferenceError> {
        let given = messaging.auth_config.as_ref();
        if let Some(oauth2) = given.and_then(|auth| auth.oauth2_config.as_ref()) {
            let (secret, key) = (&oauth2.key_secret_name, &oauth2.key_secret_key);
            let key_file = self.file(secret, key, format!("{dir}/oauth2/{key}"));
            config.authentication = Some(AuthenticationConfig::OAuth2 {
                issuer_url: oauth2.issuer_url.clone(),
                audience: Some(oauth2.audience.clone()).filter(|audience| !audience.is_empty()),
                scope: oauth2.scope.clone(),
                key_file: key_file.into(),
            });
        } else if let Some(generic) = given.and_then(|auth| auth.generic_auth.as_ref()) {
            let field = format!("{field}.authConfig.genericAuth");
            config.authentication = Some(inline(
                &field,
                &generic.client_authentication_plugin,
                &generic.client_authentication_parameters,
            )?);
        } else if let Some(secret) = messaging.auth_secret.as_deref().filter(|s| !s.is_empty()) {
            let field = format!("{field}.authSecret");
            let entries = self.secret(&field, secret)?;
            let plugin = entries.get(AUTH_PLUGIN).cloned().unwrap_or_default();
            let file = self.file(secret, AUTH_PARAMETERS, format!("{dir}/auth/parameters"));
            config.authentication = Some(by_file(&field, &plugin, file)?);
        }
        Ok(())
    }
}

/// The part after the last dot: Pulsar's classes moved between packages.
fn simple_name(plugin: &str) -> &str {
    plugin.trim().rsplit('.').next().unwrap_or_default()
}

fn by_file(
    field: &str,
    plugin: &str,
    file: String,
) -> Result<AuthenticationConfig, DereferenceError> {
    let file = file.into();
    match simple_name(plugin) {
        "AuthenticationToken" | "token" => Ok(AuthenticationConfig::Token { file }),
        "AuthenticationBasic" | "basic" => Ok(AuthenticationConfig::Basic { file }),
        _ => Err(unsupported(field, plugin)),
    }
}

/// Parameters in the manifest may name a file; a secret in plain text is not carried on into a
/// ConfigMap.
fn inline(
    field: &str,
    plugin: &str,
    parameters: &str,
) -> Result<AuthenticationConfig, DereferenceError> {
    let path =
        parameters.trim().strip_prefix("file://").or(parameters.trim().strip_prefix("file:"));
    let Some(path) = path else {
        let why = "its parameters would stand in a ConfigMap in plain text; put them into a Secret \
                   with the keys clientAuthenticationPlugin and clientAuthenticationParameters, \
                   and name it as authSecret, or mount a file and write file:///its/path";
        return Err(DereferenceError::Authentication {
            field: field.to_owned(),
            why: why.to_owned(),
        });
    };
    by_file(field, plugin, path.to_owned())
}

fn unsupported(field: &str, plugin: &str) -> DereferenceError {
    let why = format!(
        "the plugin \"{plugin}\" is not supported; use AuthenticationToken or \
         AuthenticationBasic here, or oauth2Config"
    );
    DereferenceError::Authentication { field: field.to_owned(), why }
}

/// The three keys of a `tlsSecret`.
pub(super) fn legacy_tls(entries: &BTreeMap<String, String>, config: &mut ClusterConfig) {
    if let Some(rest) = config.service_url.strip_prefix("pulsar://") {
        config.service_url = format!("pulsar+ssl://{rest}");
    }
    let is = |key: &str, expected: &str| entries.get(key).is_some_and(|v| v.trim() == expected);
    config.tls.allow_insecure = is(TLS_INSECURE, "true");
    config.tls.hostname_verification = !is(TLS_HOSTNAME, "false");
    let trust = entries.get(TLS_TRUST).map(|path| path.trim()).filter(|path| !path.is_empty());
    config.tls.trust_cert_file = trust.map(Into::into);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_plugin_reads_its_file() {
        let plugin = "org.apache.pulsar.client.impl.auth.AuthenticationToken";
        let config = by_file("f", plugin, "/a/b".to_owned()).unwrap();
        assert_eq!(config, AuthenticationConfig::Token { file: "/a/b".into() });
        let config = inline("f", plugin, "file:///a/b").unwrap();
        assert_eq!(config, AuthenticationConfig::Token { file: "/a/b".into() });
    }

    #[test]
    fn a_token_in_plain_text_is_refused_and_not_repeated() {
        let error = inline("spec.pulsar", "AuthenticationToken", "token:canary").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("spec.pulsar: ") && text.contains("authSecret"), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }

    #[test]
    fn an_unknown_plugin_is_named() {
        let error = by_file("spec.pulsar.authSecret", "x.AuthenticationKerberos", String::new());
        let text = error.unwrap_err().to_string();
        assert!(text.contains("x.AuthenticationKerberos"), "{text}");
    }
}
