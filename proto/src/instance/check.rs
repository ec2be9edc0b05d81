//! What an instance's document must satisfy, by itself and for its function.
//!
//! Nothing is opened or connected to: files and brokers may come later.

use super::{
    InstanceConfig, Limits, Logging, PackageConfig, Ports, Runtime, SecretsConfig, StateConfig,
};
use crate::{
    mistake::Mistake,
    plan::{FunctionPlan, TopicSelector},
};

mod clusters;

/// A page of WebAssembly memory.
const PAGE: u64 = 64 << 10;

/// What 32-bit addresses reach.
const ADDRESSABLE: u64 = 4 << 30;

/// What stays of the stack for a guest to do anything.
const LEAST_STACK: u64 = 16 << 10;

pub(super) fn alone(config: &InstanceConfig) -> Vec<Mistake> {
    let InstanceConfig {
        instance_id: _, // with the function
        function_id: _,
        function_version: _,
        cluster_name: _,
        runtime,
        package,
        clusters,
        input_clusters,
        output_cluster,
        limits,
        logging,
        state,
        secrets,
        ports,
        cache_dir,
        drain_seconds,
    } = config;
    let mut mistakes = Vec::new();
    mistakes.extend(unsupported(runtime));
    for (name, cluster) in clusters {
        clusters::check(name, cluster, &mut mistakes);
    }
    let named = input_clusters
        .iter()
        .map(|(topic, cluster)| (format!("inputClusters[\"{topic}\"]"), cluster));
    let named = named.chain(output_cluster.iter().map(|name| ("outputCluster".to_owned(), name)));
    let fetched_from = package.as_ref().and_then(|package| package.cluster.as_ref());
    let named = named.chain(fetched_from.map(|name| ("package.cluster".to_owned(), name)));
    for (field, name) in named.filter(|(_, name)| !clusters.contains_key(*name)) {
        let known: Vec<&str> = clusters.keys().map(String::as_str).collect();
        let accepted = match known.as_slice() {
            [] => "a cluster of clusters, which has none".to_owned(),
            known => format!("one of clusters: {}", known.join(", ")),
        };
        mistakes.push(Mistake::new(field, name, accepted));
    }
    if let Some(package) = package {
        self::package(package, &mut mistakes);
    }
    self::limits(limits, &mut mistakes);
    self::logging(logging, &mut mistakes);
    let directories = [
        (
            "state.dir",
            match state {
                StateConfig::Disk { dir } => Some(dir),
                StateConfig::Memory => None,
            },
        ),
        (
            "secrets.dir",
            match secrets {
                SecretsConfig::Files { dir } => Some(dir),
                SecretsConfig::Environment | SecretsConfig::ClearText => None,
            },
        ),
        ("cacheDir", cache_dir.as_ref()),
    ];
    for (field, dir) in directories {
        if dir.is_some_and(|dir| dir.as_os_str().is_empty()) {
            mistakes.push(Mistake::new(field, "", "the path of a directory"));
        }
    }
    if let Ports { metrics: Some(metrics @ 1..), control: Some(control) } = ports
        && metrics == control
    {
        let accepted = "a port that is not the one of ports.metrics";
        mistakes.push(Mistake::new("ports.control", control.to_string(), accepted));
    }
    if *drain_seconds == 0 {
        let accepted = "1 or more seconds: messages under way at a stop take some";
        mistakes.push(Mistake::new("drainSeconds", "0", accepted));
    }
    mistakes
}

/// What this version does not run, whatever else the documents say.
pub(super) fn unsupported(runtime: &Runtime) -> Option<Mistake> {
    let accepted = "wasm: this version of the runner runs WebAssembly components only";
    (!runtime.is_wasm()).then(|| Mistake::new("runtime", runtime.to_string(), accepted))
}

pub(super) fn for_function(config: &InstanceConfig, plan: &FunctionPlan) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    if let Some(id) = config.instance_id.filter(|id| *id >= plan.parallelism) {
        let accepted = match plan.parallelism {
            1 => "0: the function has one instance".to_owned(),
            count => format!("0 to {}: the function has {count} instances", count - 1),
        };
        mistakes.push(Mistake::new("instanceId", id.to_string(), accepted));
    }
    clusters::for_function(config, plan, &mut mistakes);
    package_for_function(config, plan, &mut mistakes);
    let memory = config.limits.memory_bytes;
    if let Some(ram) = plan.resources.ram.filter(|ram| memory > *ram) {
        let accepted = format!("at most the function's resources.ram, {ram} bytes");
        mistakes.push(Mistake::new("limits.memoryBytes", memory.to_string(), accepted));
    }
    if let SecretsConfig::Files { .. } = config.secrets {
        for name in plan.secrets.keys().filter(|name| !is_file_name(name)) {
            let accepted = format!(
                "another provider, or another name for the secret \"{name}\": it names no file"
            );
            mistakes.push(Mistake::new("secrets.type", "files", accepted));
        }
    }
    mistakes
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !matches!(name, "." | "..") && !name.contains(['/', '\\', '\0'])
}

fn package(package: &PackageConfig, mistakes: &mut Vec<Mistake>) {
    let PackageConfig { url, digest, cluster, registry_credentials } = package;
    package_url("package.url", url, mistakes);
    if let Some(digest) = digest {
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            let accepted = "sha256: and 64 hexadecimal digits";
            mistakes.push(Mistake::new("package.digest", digest, accepted));
        }
    }
    if let Some(cluster) = cluster.as_ref().filter(|_| !url.starts_with(PACKAGE_SERVICE)) {
        let accepted = "nothing unless package.url is function://: no other comes from a cluster";
        mistakes.push(Mistake::new("package.cluster", cluster, accepted));
    }
    if let Some(file) = registry_credentials
        && (file.as_os_str().is_empty() || !url.starts_with("oci"))
    {
        let accepted = "the path of a docker config.json, where package.url is oci://";
        let file = file.display().to_string();
        mistakes.push(Mistake::new("package.registryCredentials", file, accepted));
    }
}

/// Packages that Pulsar itself keeps.
const PACKAGE_SERVICE: &str = "function://";

fn package_url(field: &str, url: &str, mistakes: &mut Vec<Mistake>) {
    let whole = match url.split_once("://") {
        None => !url.trim().is_empty(),
        Some(("function", name)) => is_package_name(name),
        Some(("file" | "http" | "https" | "oci" | "oci+http", rest)) => !rest.is_empty(),
        Some(_) => false,
    };
    if !whole {
        let accepted = "a path, file://, http(s)://, oci:// or function://tenant/namespace/name@\
                        version";
        mistakes.push(Mistake::new(field, url, accepted));
    }
}

fn is_package_name(name: &str) -> bool {
    let Some((name, version)) = name.split_once('@') else { return false };
    let parts: Vec<&str> = name.split('/').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty()) && !version.is_empty()
}

fn package_for_function(config: &InstanceConfig, plan: &FunctionPlan, mistakes: &mut Vec<Mistake>) {
    let Some(url) = config.package_url(plan) else {
        let accepted = "where the component is, here or as packageUrl of the function";
        mistakes.push(Mistake::new("package.url", "", accepted));
        return;
    };
    if config.package.is_none() {
        package_url("package.url", url, mistakes);
    }
    let cluster = config.cluster_of_package();
    let served = config.clusters.get(cluster);
    if url.starts_with(PACKAGE_SERVICE)
        && served.is_none_or(|cluster| cluster.web_service_url.is_none())
    {
        let field = format!("clusters.{cluster}.webServiceUrl");
        let accepted = format!("http(s)://host:port, where {url} is fetched");
        mistakes.push(Mistake::new(field, "", accepted));
    }
}

fn limits(limits: &Limits, mistakes: &mut Vec<Mistake>) {
    let Limits {
        memory_bytes,
        message_millis,
        batch_millis,
        table_elements,
        stack_bytes,
        host_call_bytes,
        call_messages,
        call_bytes,
        in_flight_messages,
        in_flight_bytes,
    } = *limits;
    let mut range = |field: &str, value: u64, least: u64, most: Option<(u64, &str)>| {
        let most = most.filter(|(most, _)| value > *most && value >= least);
        let accepted = match most {
            _ if value < least => format!("{least} or more"),
            Some((most, why)) => format!("at most {most}, {why}"),
            None => return,
        };
        mistakes.push(Mistake::new(format!("limits.{field}"), value.to_string(), accepted));
    };
    let of_batch = (batch_millis, "the time of a whole call (limits.batchMillis)");
    let messages =
        (u64::from(in_flight_messages), "what may be under way (limits.inFlightMessages)");
    let bytes = (in_flight_bytes, "what may be under way (limits.inFlightBytes)");
    range("memoryBytes", memory_bytes, PAGE, Some((ADDRESSABLE, "what a component can address")));
    range("messageMillis", message_millis, 1, Some(of_batch));
    range("batchMillis", batch_millis, 1, None);
    range("tableElements", table_elements, 1, Some((u64::from(u32::MAX), "what a table can have")));
    range("stackBytes", stack_bytes, LEAST_STACK, None);
    range("hostCallBytes", host_call_bytes, 1, None);
    range("callMessages", u64::from(call_messages), 1, Some(messages));
    range("callBytes", call_bytes, 1, Some(bytes));
    range("inFlightMessages", u64::from(in_flight_messages), 1, None);
    range("inFlightBytes", in_flight_bytes, 1, None);
}

fn logging(logging: &Logging, mistakes: &mut Vec<Mistake>) {
    let Logging { level, format: _ } = logging;
    let known = |level: &str| {
        let levels = ["trace", "debug", "info", "warn", "error", "off"];
        levels.iter().any(|known| known.eq_ignore_ascii_case(level))
    };
    let directives = level.split(',').map(str::trim);
    let wrong = directives.filter(|directive| match directive.rsplit_once('=') {
        Some((target, level)) => target.is_empty() || !known(level),
        None => !known(directive),
    });
    for directive in wrong {
        let accepted = "trace, debug, info, warn, error or off, or such for a module, as in \
                        info,function_mesh_runner=debug";
        mistakes.push(Mistake::new("logging.level", directive, accepted));
    }
}

/// Whether a key of `inputClusters` means this input; it may be spelled as the function spells it.
pub(super) fn names(key: &str, input: &TopicSelector) -> bool {
    match input {
        TopicSelector::Name(name) => {
            key.parse::<crate::topic_name::TopicName>().is_ok_and(|key| key.to_string() == *name)
        }
        TopicSelector::Pattern { regex, .. } => {
            key.parse::<crate::topic_name::TopicPattern>().is_ok_and(|key| key.text == *regex)
        }
    }
}

#[cfg(test)]
mod tests;
