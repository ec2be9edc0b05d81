//! How one instance runs: brokers, limits, ports, directories. The second of the two documents a
//! runner reads; the controller writes it. YAML or JSON, `camelCase`, unknown fields refused.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    document::Document,
    mistake::{Mistake, Mistakes},
    plan::{FunctionPlan, TopicSelector},
};

mod check;
mod strict;

/// The cluster that inputs and outputs use unless they name another.
pub const DEFAULT_CLUSTER: &str = "default";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstanceConfig {
    /// 0 to parallelism - 1. In a StatefulSet's pod it is the ordinal, and may be left out here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<u32>,
    #[serde(default)]
    pub function_id: String,
    #[serde(default)]
    pub function_version: String,
    /// The `cluster` label of the metrics.
    #[serde(default)]
    pub cluster_name: String,
    /// What the logic is written in.
    #[serde(default, skip_serializing_if = "Runtime::is_wasm")]
    pub runtime: Runtime,
    /// Wins over the function's `packageUrl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageConfig>,
    /// Pulsar clusters by name; `default` is used where no other is named. Without any, all
    /// topics are in memory, which is for `localrun` only.
    #[serde(default)]
    pub clusters: BTreeMap<String, ClusterConfig>,
    /// Cluster of an input, by topic or pattern as the function names it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub input_clusters: BTreeMap<String, String>,
    /// Cluster of the output topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_cluster: Option<String>,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub logging: Logging,
    #[serde(default)]
    pub state: StateConfig,
    #[serde(default)]
    pub secrets: SecretsConfig,
    #[serde(default)]
    pub ports: Ports,
    /// Compiled components and downloaded packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_dir: Option<PathBuf>,
    /// Most seconds a graceful stop may take before what is left is given back to the broker.
    #[serde(default = "default_drain_seconds")]
    pub drain_seconds: u64,
}

fn default_drain_seconds() -> u64 {
    8
}

impl InstanceConfig {
    /// Reads YAML, or JSON, which is part of it.
    ///
    /// # Errors
    /// Every field that is unknown, missing or of the wrong type, with line and column.
    pub fn from_yaml(text: &str) -> Result<Self, Mistakes> {
        Document::parse(text)?.read()
    }

    /// Everything that is wrong with this document, by itself and for this function.
    pub fn check(&self, plan: &FunctionPlan) -> Vec<Mistake> {
        let mut mistakes = check::alone(self);
        mistakes.extend(check::for_function(self, plan));
        mistakes
    }

    /// Everything that is wrong with this document whatever the function is.
    pub fn check_alone(&self) -> Vec<Mistake> {
        check::alone(self)
    }

    /// That its logic is in a language that this version does not run, if it is.
    pub fn unsupported_runtime(&self) -> Option<Mistake> {
        check::unsupported(&self.runtime)
    }

    /// The name of the cluster an input is read from.
    pub fn cluster_of_input(&self, input: &TopicSelector) -> &str {
        let named = self.input_clusters.iter().find(|(key, _)| check::names(key, input));
        named.map_or(DEFAULT_CLUSTER, |(_, cluster)| cluster)
    }

    /// The name of the cluster the output goes to.
    pub fn cluster_of_output(&self) -> &str {
        self.output_cluster.as_deref().unwrap_or(DEFAULT_CLUSTER)
    }

    /// The name of the cluster whose package service is asked.
    pub fn cluster_of_package(&self) -> &str {
        let named = self.package.as_ref().and_then(|package| package.cluster.as_deref());
        named.unwrap_or(DEFAULT_CLUSTER)
    }

    /// Where the function's code comes from: this document says it, or else the function.
    pub fn package_url<'a>(&'a self, plan: &'a FunctionPlan) -> Option<&'a str> {
        let here = self.package.as_ref().map(|package| package.url.as_str());
        here.or(plan.package.as_deref())
    }
}

/// What runs the logic. `FunctionDetails` cannot say it: there, nothing said means Java.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// A WebAssembly component.
    #[default]
    Wasm,
    Java,
    Python,
    Go,
    /// A language by its name: `nodejs`, `executable`.
    #[serde(untagged)]
    Other(String),
}

impl Runtime {
    pub fn is_wasm(&self) -> bool {
        *self == Self::Wasm
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wasm => "wasm",
            Self::Java => "java",
            Self::Python => "python",
            Self::Go => "go",
            Self::Other(name) => name,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackageConfig {
    /// A path, `file://`, `http(s)://`, `function://tenant/namespace/name@version`, `oci://`, or
    /// `oci+http://` for a registry without TLS.
    pub url: String,
    /// `sha256:<64 hex digits>`; the package must have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The cluster whose package service serves `function://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// A docker `config.json` with the credentials of `oci://` registries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_credentials: Option<PathBuf>,
}

/// One Pulsar cluster and how to authenticate there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterConfig {
    /// `pulsar://host:port` or `pulsar+ssl://host:port`; several hosts separated by commas.
    pub service_url: String,
    /// `http(s)://host:port` of the admin API: packages, cleaning up subscriptions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_service_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<AuthenticationConfig>,
    #[serde(default)]
    pub tls: TlsConfig,
}

/// Authentication by reference: secrets stay in files and are read when needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type", deny_unknown_fields)]
pub enum AuthenticationConfig {
    /// A JSON Web Token in a file, read again for every connection.
    #[serde(rename_all = "camelCase")]
    Token { file: PathBuf },
    /// User and password, as `user:password` in a file.
    #[serde(rename_all = "camelCase")]
    Basic { file: PathBuf },
    /// OAuth 2.0 client credentials; the key file holds client id and secret as JSON.
    #[serde(rename = "oauth2", rename_all = "camelCase")]
    OAuth2 {
        issuer_url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        audience: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<String>,
        key_file: PathBuf,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM file of the certificate authorities to trust, instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_cert_file: Option<PathBuf>,
    /// Accept any certificate. For tests.
    #[serde(default)]
    pub allow_insecure: bool,
    /// Check that the certificate is for the host connected to (default true).
    #[serde(default = "yes")]
    pub hostname_verification: bool,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self { trust_cert_file: None, allow_insecure: false, hostname_verification: yes() }
    }
}

fn yes() -> bool {
    true
}

/// The sandbox and what may be in flight. Every limit has a default that is safe for a small pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Limits {
    /// Linear memory of one guest, in bytes.
    pub memory_bytes: u64,
    /// Longest a guest may work on one message, in milliseconds. Messages that share a guest call
    /// have a second together, or this if it is less; if that is not enough, each runs again alone.
    pub message_millis: u64,
    /// Longest one guest call may take, in milliseconds, whatever is in it.
    pub batch_millis: u64,
    /// Elements of all tables of one guest.
    pub table_elements: u64,
    /// Wasm stack, in bytes.
    pub stack_bytes: u64,
    /// Bytes one call may pass through host functions (values, published messages, logs, state).
    pub host_call_bytes: u64,
    /// Messages in one guest call.
    pub call_messages: u32,
    /// Payload bytes in one guest call, unless a single message is larger.
    pub call_bytes: u64,
    /// Messages between reading and acknowledging.
    pub in_flight_messages: u32,
    /// Bytes between reading and acknowledging.
    pub in_flight_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            message_millis: 5_000,
            batch_millis: 30_000,
            table_elements: 20_000,
            stack_bytes: 1 << 20,
            host_call_bytes: 64 << 20,
            call_messages: 1_000,
            call_bytes: 256 << 10,
            in_flight_messages: 20_000,
            in_flight_bytes: 32 << 20,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Logging {
    /// A level, or directives per module as `tracing` reads them (`info,function_mesh=debug`).
    pub level: String,
    pub format: LogFormat,
}

impl Default for Logging {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Where a function's state lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type", from = "strict::State")]
pub enum StateConfig {
    /// Lost when the instance ends.
    #[default]
    Memory,
    /// In a file of this directory, which one instance uses at a time.
    #[serde(rename_all = "camelCase")]
    Disk { dir: PathBuf },
}

/// Where the values of granted secrets come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type", from = "strict::Secrets")]
pub enum SecretsConfig {
    /// The environment variable of the secret's name, as Pulsar's
    /// `EnvironmentBasedSecretsProvider`.
    #[default]
    Environment,
    /// A file of the secret's name in this directory, read when asked for.
    #[serde(rename_all = "camelCase")]
    Files { dir: PathBuf },
    /// The value in the function's own configuration, as Pulsar's `ClearTextSecretsProvider`.
    ClearText,
}

/// Ports to listen on; 0 takes a free one, none leaves the service off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Ports {
    pub metrics: Option<u16>,
    pub control: Option<u16>,
}

impl Default for Ports {
    fn default() -> Self {
        Self { metrics: Some(9094), control: Some(9093) }
    }
}
