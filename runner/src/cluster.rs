//! Connections to Pulsar clusters: where the stock client is configured.
//!
//! Every session (one consumer, or one producer) gets a client, and with it connections, of its
//! own. The stock client wants that: of several sessions on a broken connection only the first
//! to look learns of it, and an abandoned connection attempt blocks all later ones of its client.
//!
//! Nothing here retries: who opens a session knows how long to go on.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use function_mesh_proto::{
    instance::{AuthenticationConfig, ClusterConfig, DEFAULT_CLUSTER},
    plan::FunctionId,
};
use pulsar::{ConnectionRetryOptions, OperationRetryOptions, Pulsar, TokioExecutor};
use url::Url;

use crate::fault::Fault;

mod auth;
mod errors;
mod oauth2;
mod patience;

use auth::{Door, DoorWatch};
pub(crate) use errors::{Kind, explain, is_answer, kind};
pub(crate) use patience::{Backoff, Complaints};

/// A client for one session.
pub(crate) struct Client {
    pub(crate) pulsar: Pulsar<TokioExecutor>,
    pub(crate) connections: Connections,
}

/// Counts a client's connections: when there are more, one was lost and made anew. The stock
/// client does not tell.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    made: Arc<AtomicU64>,
    known: u64,
}

impl Connections {
    fn new(made: Arc<AtomicU64>) -> Self {
        let known = made.load(Ordering::Acquire);
        Self { made, known }
    }

    /// Whether there were more connections since this was last asked.
    pub(crate) fn renewed(&mut self) -> bool {
        let made = self.made.load(Ordering::Acquire);
        std::mem::replace(&mut self.known, made) != made
    }
}

/// How long a broker may take to accept a connection.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an idle connection is tested.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long a broker may take to answer before the connection counts as broken.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The clusters an instance knows, by name.
#[derive(Clone, Debug)]
pub struct Clusters(BTreeMap<String, Cluster>);

impl Clusters {
    /// Checks all configurations; connects to none.
    ///
    /// # Errors
    /// A configuration that the client cannot honour, with cluster and field.
    pub fn new(configs: &BTreeMap<String, ClusterConfig>) -> Result<Self, Fault> {
        let clusters = configs
            .iter()
            .map(|(name, config)| Ok((name.clone(), Cluster::new(name, config)?)))
            .collect::<Result<_, Fault>>()?;
        Ok(Self(clusters))
    }

    /// The cluster of that name, or the default one.
    ///
    /// # Errors
    /// There is no cluster of that name.
    pub fn get(&self, name: Option<&str>) -> Result<Cluster, Fault> {
        let name = name.unwrap_or(DEFAULT_CLUSTER);
        self.0.get(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let known = known.join(", ");
            Fault::system(format!("clusters: there is no cluster {name:?}; known are: {known}"))
                .permanent()
        })
    }
}

/// One Pulsar cluster. Cheap to clone.
#[derive(Clone)]
pub struct Cluster(Arc<Settings>);

struct Settings {
    name: String,
    hosts: Vec<String>,
    /// The host for the next session: they take turns, so that a dead one is passed over.
    turn: AtomicUsize,
    config: ClusterConfig,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cluster({self})")
    }
}

/// Name and address, for messages.
impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cluster {} at {}", self.0.name, self.0.config.service_url)
    }
}

impl Cluster {
    /// # Errors
    /// A configuration that the client cannot honour, with the field.
    pub fn new(name: &str, config: &ClusterConfig) -> Result<Self, Fault> {
        let hosts = hosts(&config.service_url)
            .map_err(|why| Fault::system(format!("clusters.{name}.serviceUrl: {why}")))?;
        if config.service_url.starts_with("pulsar+ssl://") {
            let refuse = |field: &str, why: &str| {
                Err(Fault::system(format!("clusters.{name}.tls.{field}: {why}")))
            };
            if config.tls.allow_insecure {
                return refuse(
                    "allowInsecure",
                    "the Pulsar client checks every certificate; \
                     name the authority in trustCertFile instead",
                );
            }
            if !config.tls.hostname_verification {
                return refuse(
                    "hostnameVerification",
                    "the Pulsar client always checks the host name; connect by a name \
                     that is in the broker's certificate",
                );
            }
        }
        Ok(Self(Arc::new(Settings {
            name: name.to_owned(),
            hosts,
            turn: AtomicUsize::new(0),
            config: config.clone(),
        })))
    }

    /// Connects, for one session.
    ///
    /// # Errors
    /// The cluster is not reachable or does not let us in; trying again may help.
    pub(crate) async fn connect(&self) -> Result<Client, pulsar::Error> {
        let Settings { hosts, turn, config, .. } = &*self.0;
        let turn = turn.fetch_add(1, Ordering::Relaxed);
        let host = hosts.get(turn % hosts.len().max(1)).map_or("", String::as_str);
        let mut builder = Pulsar::builder(host, TokioExecutor)
            .with_connection_retry_options(ConnectionRetryOptions {
                connection_timeout: CONNECTION_TIMEOUT,
                keep_alive: KEEP_ALIVE,
                // A broker that is away ends the session: it is then known which
                // acknowledgements may be lost, and the next attempt asks another host.
                max_retries: 0,
                ..Default::default()
            })
            .with_operation_retry_options(OperationRetryOptions {
                operation_timeout: OPERATION_TIMEOUT,
                retry_delay: Duration::from_millis(100),
                max_retries: Some(0),
            });
        if host.starts_with("pulsar+ssl://") {
            // The client builds its TLS on the process's provider and panics without one. A
            // provider that is installed already is as good.
            _ = rustls::crypto::ring::default_provider().install_default();
            if let Some(file) = &config.tls.trust_cert_file {
                let chain = tokio::fs::read(file).await.map_err(|error| {
                    pulsar::Error::Custom(format!("cannot read {}: {error}", file.display()))
                })?;
                builder = builder.with_certificate_chain(chain);
            }
        }
        if let Some(AuthenticationConfig::OAuth2 { .. }) = &config.authentication {
            _ = rustls::crypto::ring::default_provider().install_default();
        }
        let watch = DoorWatch::default();
        let door = Door::new(config.authentication.as_ref(), watch.clone());
        match builder.with_auth_provider(door).build().await {
            Ok(pulsar) => Ok(Client { pulsar, connections: Connections::new(watch.connections) }),
            Err(error) => Err(watch.failure().map_or(error, pulsar::Error::Authentication)),
        }
    }
}

/// What brokers show of a function's consumers and producers in their statistics.
pub(crate) fn session_properties(
    function: &FunctionId,
    instance_id: u32,
) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::from([
        ("application".to_owned(), "pulsar-function".to_owned()),
        ("id".to_owned(), function.to_string()),
        ("instance_id".to_owned(), instance_id.to_string()),
    ]);
    // Linux only; elsewhere the property is left out.
    if let Ok(host) = std::fs::read_to_string("/proc/sys/kernel/hostname") {
        properties.insert("instance_hostname".to_owned(), host.trim().to_owned());
    }
    properties
}

/// Splits `pulsar://a:6650,b:6650` into URLs of one host each.
fn hosts(service_url: &str) -> Result<Vec<String>, String> {
    const ACCEPTED: &str = "accepted are pulsar://host:port and pulsar+ssl://host:port, \
                            with several hosts separated by commas";
    let (scheme, rest) = service_url
        .split_once("://")
        .filter(|(scheme, _)| matches!(*scheme, "pulsar" | "pulsar+ssl"))
        .ok_or_else(|| format!("{service_url:?} is not a Pulsar URL; {ACCEPTED}"))?;
    rest.trim_end_matches('/')
        .split(',')
        .map(|host| {
            let url = format!("{scheme}://{}", host.trim());
            match Url::parse(&url) {
                Ok(parsed) if parsed.host_str().is_some_and(|host| !host.is_empty()) => Ok(url),
                _ => Err(format!("{host:?} is not a host; {ACCEPTED}")),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(service_url: &str) -> ClusterConfig {
        ClusterConfig { service_url: service_url.to_owned(), ..Default::default() }
    }

    #[test]
    fn a_service_url_may_name_several_hosts() {
        assert_eq!(
            hosts("pulsar://one:6650,two:6651/").unwrap(),
            ["pulsar://one:6650", "pulsar://two:6651"]
        );
    }

    #[test]
    fn a_service_url_that_is_none_is_refused_with_its_field() {
        for url in ["http://broker:8080", "broker:6650", "pulsar://", "pulsar://a,,b"] {
            let fault = Cluster::new("east", &config(url)).unwrap_err().to_string();
            assert!(fault.starts_with("clusters.east.serviceUrl: "), "{url}: {fault}");
            assert!(fault.contains("pulsar://host:port"), "{url}: {fault}");
        }
    }

    #[test]
    fn unchecked_certificates_are_refused_rather_than_ignored() {
        let mut config = config("pulsar+ssl://broker:6651");
        config.tls.hostname_verification = true;
        config.tls.allow_insecure = true;
        let fault = Cluster::new("east", &config).unwrap_err().to_string();
        assert!(fault.starts_with("clusters.east.tls.allowInsecure: "), "{fault}");
    }

    #[test]
    fn an_unknown_cluster_is_refused_with_the_known_ones() {
        let configs = BTreeMap::from([("default".to_owned(), config("pulsar://broker:6650"))]);
        let clusters = Clusters::new(&configs).unwrap();
        assert!(clusters.get(None).is_ok());
        let fault = clusters.get(Some("west")).unwrap_err().to_string();
        assert!(fault.contains("\"west\"") && fault.contains("default"), "{fault}");
    }
}
