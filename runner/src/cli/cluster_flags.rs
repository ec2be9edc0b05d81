//! The options that say which brokers to talk to, and as whom.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use function_mesh_proto::{
    document::Document,
    instance::{ClusterConfig, DEFAULT_CLUSTER, TlsConfig},
    mistake::{Mistake, Mistakes},
};
use serde::Deserialize;

use super::auth::{self, Secrets};

const HEADING: &str = "Broker (without one, topics are in memory)";

#[derive(Args, Clone, Debug, Default)]
pub(super) struct ClusterFlags {
    /// Broker to run against: pulsar://host:6650 or pulsar+ssl://host:6651
    #[arg(long, alias = "brokerServiceUrl", value_name = "URL", env = "FUNCTION_RUNNER_BROKER_SERVICE_URL", hide_env = true, help_heading = HEADING)]
    broker_service_url: Option<String>,
    /// Its admin API, for function:// packages and cleaning up: http(s)://host:8080
    #[arg(long, alias = "webServiceUrl", value_name = "URL", env = "FUNCTION_RUNNER_WEB_SERVICE_URL", hide_env = true, help_heading = HEADING)]
    web_service_url: Option<String>,
    /// Pulsar's AuthenticationToken, AuthenticationBasic or AuthenticationOAuth2, with or without package
    #[arg(long, alias = "clientAuthPlugin", value_name = "CLASS", env = "FUNCTION_RUNNER_CLIENT_AUTH_PLUGIN", hide_env = true, help_heading = HEADING)]
    client_auth_plugin: Option<String>,
    /// What the plugin needs: file:///path, token:.. or JSON; a file keeps the secret off the command line
    #[arg(long, alias = "clientAuthParams", value_name = "PARAMS", env = "FUNCTION_RUNNER_CLIENT_AUTH_PARAMS", hide_env = true, help_heading = HEADING)]
    client_auth_params: Option<String>,
    /// Use TLS; a pulsar+ssl:// URL says it already
    #[arg(long, aliases = ["use_tls", "useTls"], value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_possible_values = true, hide_short_help = true, help_heading = HEADING)]
    use_tls: Option<bool>,
    /// Accept any certificate
    #[arg(long, aliases = ["tls_allow_insecure", "tlsAllowInsecure"], value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_possible_values = true, hide_short_help = true, help_heading = HEADING)]
    tls_allow_insecure: Option<bool>,
    /// Check that the certificate is for the broker's host (default true, unlike Pulsar's)
    #[arg(long, aliases = ["hostname_verification_enabled", "hostnameVerificationEnabled"], value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_possible_values = true, hide_short_help = true, help_heading = HEADING)]
    hostname_verification_enabled: Option<bool>,
    /// PEM file of the certificate authorities to trust (default: the system's)
    #[arg(long, aliases = ["tls_trust_cert_path", "tlsTrustCertPath"], value_name = "FILE", help_heading = HEADING)]
    tls_trust_cert_path: Option<PathBuf>,
    /// YAML with further clusters: clusters, inputClusters (topic: cluster) and outputCluster
    #[arg(long, value_name = "FILE", env = "FUNCTION_RUNNER_CLUSTERS_FILE", hide_env = true, help_heading = HEADING)]
    clusters_file: Option<PathBuf>,
    #[arg(long, aliases = ["stateStorageServiceUrl"], hide = true)]
    state_storage_service_url: Option<String>,
}

/// The clusters of an instance; none of them means topics in memory.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct Clusters {
    pub(super) clusters: BTreeMap<String, ClusterConfig>,
    pub(super) input_clusters: BTreeMap<String, String>,
    pub(super) output_cluster: Option<String>,
}

impl ClusterFlags {
    /// What the options and the file say together, and every mistake in them.
    pub(super) fn resolve(self, secrets: &mut Secrets, mistakes: &mut Mistakes) -> Clusters {
        let mut clusters = self.read_file(mistakes);
        if let Some(url) = &self.state_storage_service_url {
            mistakes.add(Mistake::new(
                "--state-storage-service-url",
                url.as_str(),
                "--state-dir: state is kept in memory or in a directory; Pulsar's BookKeeper state \
                 storage cannot be used yet",
            ));
        }
        let Some(service_url) = self.broker_service_url.clone() else {
            self.refuse_without_broker(mistakes);
            return clusters;
        };
        self.check_tls(&service_url, mistakes);
        let authentication = match (&self.client_auth_plugin, &self.client_auth_params) {
            (Some(plugin), params) => {
                match auth::authentication(plugin, params.as_deref(), secrets) {
                    Ok(authentication) => Some(authentication),
                    Err(mistake) => {
                        mistakes.add(mistake);
                        None
                    }
                }
            }
            (None, Some(_secret)) => {
                mistakes.add(Mistake::new(
                    "--client-auth-params",
                    "",
                    "--client-auth-plugin with it, to say what the parameters are for",
                ));
                None
            }
            (None, None) => None,
        };
        let cluster = ClusterConfig {
            service_url,
            web_service_url: self.web_service_url,
            authentication,
            tls: TlsConfig {
                trust_cert_file: self.tls_trust_cert_path,
                allow_insecure: self.tls_allow_insecure.unwrap_or(false),
                hostname_verification: self.hostname_verification_enabled.unwrap_or(true),
            },
        };
        if let Some(twice) = clusters.clusters.insert(DEFAULT_CLUSTER.to_owned(), cluster) {
            mistakes.add(Mistake::new(
                "--clusters-file clusters.default",
                twice.service_url,
                "no cluster of this name: --broker-service-url gives it",
            ));
        }
        clusters
    }

    fn read_file(&self, mistakes: &mut Mistakes) -> Clusters {
        let Some(path) = &self.clusters_file else { return Clusters::default() };
        let shown = path.display();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let accepted = format!("a file that can be read: {error}");
                mistakes.add(Mistake::new("--clusters-file", shown.to_string(), accepted));
                return Clusters::default();
            }
        };
        let read = Document::parse(&text).and_then(|document| document.read::<Clusters>());
        match read {
            Ok(clusters) if clusters.clusters.is_empty() => {
                let accepted = "at least one cluster";
                mistakes.add(Mistake::new(format!("{shown}: clusters"), "", accepted));
                clusters
            }
            Ok(clusters) => clusters,
            Err(wrong) => {
                mistakes.extend(wrong.into_iter().map(|mistake| Mistake {
                    field: format!("{shown}: {}", mistake.field),
                    ..mistake
                }));
                Clusters::default()
            }
        }
    }

    /// Options for a broker say nothing without one.
    fn refuse_without_broker(&self, mistakes: &mut Mistakes) {
        let given = [
            ("--web-service-url", self.web_service_url.is_some()),
            ("--client-auth-plugin", self.client_auth_plugin.is_some()),
            ("--client-auth-params", self.client_auth_params.is_some()),
            ("--use-tls", self.use_tls.is_some()),
            ("--tls-allow-insecure", self.tls_allow_insecure.is_some()),
            ("--hostname-verification-enabled", self.hostname_verification_enabled.is_some()),
            ("--tls-trust-cert-path", self.tls_trust_cert_path.is_some()),
        ];
        for (option, _) in given.into_iter().filter(|(_, given)| *given) {
            let accepted = "--broker-service-url with it; without a broker it says nothing";
            mistakes.add(Mistake::new(option, "", accepted));
        }
    }

    fn check_tls(&self, service_url: &str, mistakes: &mut Mistakes) {
        let encrypted =
            service_url.starts_with("pulsar+ssl://") || service_url.starts_with("https://");
        match (self.use_tls, encrypted) {
            (Some(true), false) => mistakes.add(Mistake::new(
                "--use-tls",
                "true",
                "a pulsar+ssl:// URL in --broker-service-url, with the broker's TLS port",
            )),
            (Some(false), true) => mistakes.add(Mistake::new(
                "--use-tls",
                "false",
                "a pulsar:// URL in --broker-service-url; pulsar+ssl:// is TLS",
            )),
            _ => {}
        }
        let tls_options = [
            ("--tls-allow-insecure", self.tls_allow_insecure == Some(true)),
            ("--hostname-verification-enabled", self.hostname_verification_enabled == Some(true)),
            ("--tls-trust-cert-path", self.tls_trust_cert_path.is_some()),
        ];
        let https = self.web_service_url.as_deref().is_some_and(|url| url.starts_with("https://"));
        if encrypted || https {
            return;
        }
        for (option, _) in tls_options.into_iter().filter(|(_, given)| *given) {
            let accepted = "a pulsar+ssl:// or https:// URL with it; this connection is not TLS";
            mistakes.add(Mistake::new(option, "", accepted));
        }
    }
}
