//! What is said about Pulsar clusters: each by itself, and which topics are where.

use super::names;
use crate::{
    instance::{AuthenticationConfig, ClusterConfig, DEFAULT_CLUSTER, InstanceConfig, TlsConfig},
    mistake::Mistake,
    plan::{FunctionPlan, TopicSelector},
};

pub(super) fn check(name: &str, cluster: &ClusterConfig, mistakes: &mut Vec<Mistake>) {
    let ClusterConfig { service_url, web_service_url, authentication, tls } = cluster;
    let field = format!("clusters.{name}");
    if !is_service_url(service_url, ["pulsar", "pulsar+ssl"]) {
        let accepted = "pulsar://host:port or pulsar+ssl://host:port, more hosts after commas";
        mistakes.push(Mistake::new(format!("{field}.serviceUrl"), service_url, accepted));
    }
    if let Some(url) =
        web_service_url.as_ref().filter(|url| !is_service_url(url, ["http", "https"]))
    {
        let accepted = "http://host:port or https://host:port";
        mistakes.push(Mistake::new(format!("{field}.webServiceUrl"), url, accepted));
    }
    if let Some(authentication) = authentication {
        self::authentication(&format!("{field}.authentication"), authentication, mistakes);
    }
    let TlsConfig { trust_cert_file, allow_insecure, hostname_verification } = tls;
    let encrypted = service_url.starts_with("pulsar+ssl://")
        || web_service_url.as_ref().is_some_and(|url| url.starts_with("https://"));
    let said = [
        ("trustCertFile", trust_cert_file.as_ref().map(|path| path.display().to_string())),
        ("allowInsecure", allow_insecure.then(|| "true".to_owned())),
        ("hostnameVerification", (!hostname_verification).then(|| "false".to_owned())),
    ];
    for (option, value) in said {
        if let Some(value) = value.filter(|_| !encrypted) {
            let accepted = "nothing unless a URL of the cluster is pulsar+ssl:// or https://";
            mistakes.push(Mistake::new(format!("{field}.tls.{option}"), value, accepted));
        }
    }
}

/// `scheme://host:port`, or several `host:port` separated by commas.
fn is_service_url(url: &str, schemes: [&str; 2]) -> bool {
    let Some((scheme, hosts)) = url.split_once("://") else { return false };
    let is_address = |address: &str| {
        let (host, port) = address.rsplit_once(':').unwrap_or_default();
        let bracketed = host.starts_with('[') && host.ends_with(']') && host.len() > 2;
        let plain = !host.is_empty() && !host.contains([':', '/', '@', '[', ']', ' ']);
        (bracketed || plain) && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    // Pulsar's tools write the admin URL with a slash at its end.
    let hosts = hosts.strip_suffix('/').unwrap_or(hosts);
    schemes.contains(&scheme) && hosts.split(',').all(is_address)
}

fn authentication(field: &str, with: &AuthenticationConfig, mistakes: &mut Vec<Mistake>) {
    let (option, file) = match with {
        AuthenticationConfig::Token { file } | AuthenticationConfig::Basic { file } => {
            ("file", file)
        }
        AuthenticationConfig::OAuth2 { issuer_url, audience: _, scope: _, key_file } => {
            let web = issuer_url.strip_prefix("https://").or(issuer_url.strip_prefix("http://"));
            if web.is_none_or(str::is_empty) {
                let accepted = "the http(s):// URL of the issuer";
                mistakes.push(Mistake::new(format!("{field}.issuerUrl"), issuer_url, accepted));
            }
            ("keyFile", key_file)
        }
    };
    if file.as_os_str().is_empty() {
        let accepted = "the path of the file that holds the credentials";
        mistakes.push(Mistake::new(format!("{field}.{option}"), "", accepted));
    }
}

/// Which cluster every topic is on. Without any cluster all topics are in memory.
pub(super) fn for_function(
    config: &InstanceConfig,
    plan: &FunctionPlan,
    mistakes: &mut Vec<Mistake>,
) {
    let named = |input: &TopicSelector| {
        config.input_clusters.keys().filter(|key| names(key, input)).count()
    };
    for (key, cluster) in &config.input_clusters {
        let field = format!("inputClusters[\"{key}\"]");
        match plan.inputs.iter().find(|input| names(key, &input.topic)) {
            None => {
                let accepted = "an input of the function: this is none";
                mistakes.push(Mistake::new(field, cluster, accepted));
            }
            Some(input) if named(&input.topic) > 1 => {
                let accepted = "each input once: another key names the same";
                mistakes.push(Mistake::new(field, cluster, accepted));
            }
            Some(_) => {}
        }
    }
    if let Some(cluster) = config.output_cluster.as_ref().filter(|_| plan.output.is_none()) {
        let accepted = "nothing: the function has no output";
        mistakes.push(Mistake::new("outputCluster", cluster, accepted));
    }
    if config.clusters.is_empty() || config.clusters.contains_key(DEFAULT_CLUSTER) {
        return;
    }
    let inputs = plan.inputs.iter().filter(|input| named(&input.topic) == 0);
    let inputs = inputs.map(|input| match &input.topic {
        TopicSelector::Name(name) => ("input", name),
        TopicSelector::Pattern { regex, .. } => ("inputs", regex),
    });
    let output = plan.output.as_ref().filter(|_| config.output_cluster.is_none());
    let output = output.map(|output| ("output", &output.topic));
    let log = plan.log_topic.as_ref().map(|topic| ("log topic", topic));
    if let Some((what, topic)) = inputs.chain(output).chain(log).next() {
        let accepted = format!("a cluster of this name: the {what} {topic} names no other");
        mistakes.push(Mistake::new(format!("clusters.{DEFAULT_CLUSTER}"), "", accepted));
    }
}
