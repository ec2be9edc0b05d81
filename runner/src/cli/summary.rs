//! What would run, on one page.

use std::fmt;

use function_mesh_proto::{
    instance::{AuthenticationConfig, ClusterConfig, SecretsConfig, StateConfig},
    plan::{
        Compression, Guarantee, InputPlan, Ordering, OutputPlan, Position, RetryPlan, SchemaPlan,
        SubscriptionKind, SubscriptionPlan, TopicSelector,
    },
};

use super::values::Size;
use crate::config::RunnerConfig;

pub(super) struct Summary<'a>(pub(super) &'a RunnerConfig);

/// One line: a word, and what there is to say.
macro_rules! say {
    ($f:expr, $word:expr, $($text:tt)*) => {
        writeln!($f, "{:<14} {}", $word, format_args!($($text)*))
    };
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunnerConfig { plan, instance, .. } = self.0;
        say!(f, "function", "{}", plan.id)?;
        let package = instance.package.as_ref().map(|package| &package.url);
        if let Some(url) = package.or(plan.package.as_ref()) {
            say!(f, "package", "{url}")?;
        }
        if let Some(digest) = instance.package.as_ref().and_then(|package| package.digest.as_ref())
        {
            say!(f, "", "which must have the digest {digest}")?;
        }
        say!(f, "instances", "{}", plan.parallelism)?;
        for input in &plan.inputs {
            self.input(f, input)?;
        }
        subscription(f, &plan.subscription)?;
        match &plan.output {
            Some(output) => self.output(f, output)?,
            None => say!(f, "output", "none")?,
        }
        say!(f, "guarantee", "{}", guarantee(plan.guarantee))?;
        say!(f, "order", "{}", order(plan.ordering))?;
        retries(f, &plan.retry)?;
        if let Some(timeout) = plan.timeout {
            say!(f, "timeout", "{} ms for a message to be acknowledged", timeout.as_millis())?;
        }
        if let Some(topic) = &plan.log_topic {
            say!(f, "log topic", "{topic}")?;
        }
        // Names only: values may be secrets.
        if !plan.user_config.is_empty() {
            let names: Vec<_> = plan.user_config.keys().map(String::as_str).collect();
            say!(f, "user config", "{}", names.join(", "))?;
        }
        if !plan.secrets.is_empty() {
            let names: Vec<_> = plan.secrets.keys().map(String::as_str).collect();
            let place = match &instance.secrets {
                SecretsConfig::Environment => "environment variables".to_owned(),
                SecretsConfig::Files { dir } => format!("files in {}", dir.display()),
                SecretsConfig::ClearText => "the configuration itself".to_owned(),
            };
            say!(f, "secrets", "{} from {place}", names.join(", "))?;
        }
        match &instance.state {
            StateConfig::Memory => say!(f, "state", "in memory, lost when the instance ends")?,
            StateConfig::Disk { dir } => say!(f, "state", "in {}", dir.display())?,
        }
        let limits = &instance.limits;
        let memory = Size(limits.memory_bytes);
        say!(f, "sandbox", "{memory} of memory, {} ms for a message", limits.message_millis)?;
        let bytes = Size(limits.in_flight_bytes);
        say!(f, "in flight", "at most {} messages, {bytes}", limits.in_flight_messages)?;
        if instance.clusters.is_empty() {
            say!(f, "topics", "in memory: lines in, lines out, unless localrun names a broker")?;
        }
        for (name, cluster) in &instance.clusters {
            say!(f, "cluster", "{name}: {}, {}", cluster.service_url, identity(cluster))?;
        }
        Ok(())
    }
}

impl Summary<'_> {
    fn input(&self, f: &mut fmt::Formatter<'_>, input: &InputPlan) -> fmt::Result {
        let schema = schema(&input.schema);
        let (kind, topic) = match &input.topic {
            TopicSelector::Name(name) => ("input", name),
            TopicSelector::Pattern { regex, .. } => ("input pattern", regex),
        };
        match self.0.instance.input_clusters.get(topic) {
            Some(cluster) => say!(f, kind, "{topic} on {cluster}, {schema}"),
            None => say!(f, kind, "{topic}, {schema}"),
        }
    }

    fn output(&self, f: &mut fmt::Formatter<'_>, output: &OutputPlan) -> fmt::Result {
        let OutputPlan { topic, compression, batch_by_key, .. } = output;
        let compression = match compression {
            Compression::None => "not compressed",
            Compression::Lz4 => "LZ4",
            Compression::Zlib => "ZLIB",
            Compression::Zstd => "ZSTD",
        };
        let batches = if *batch_by_key { ", a batch per key" } else { "" };
        let schema = schema(&output.schema);
        match &self.0.instance.output_cluster {
            Some(cluster) => {
                say!(f, "output", "{topic} on {cluster}, {schema}, {compression}{batches}")
            }
            None => say!(f, "output", "{topic}, {schema}, {compression}{batches}"),
        }
    }
}

fn subscription(f: &mut fmt::Formatter<'_>, plan: &SubscriptionPlan) -> fmt::Result {
    let kind = match plan.kind {
        SubscriptionKind::Shared => "Shared",
        SubscriptionKind::Failover => "Failover",
        SubscriptionKind::KeyShared => "Key_Shared",
    };
    let position = match (plan.skip_to_latest, plan.position) {
        (true, _) => "skips to the latest message at every start",
        (false, Position::Latest) => "a new one starts at the latest message",
        (false, Position::Earliest) => "a new one starts at the earliest message",
    };
    let end = if plan.cleanup { "; removed with the function" } else { "; kept" };
    say!(f, "subscription", "{}, {kind}, {position}{end}", plan.name)
}

fn retries(f: &mut fmt::Formatter<'_>, plan: &RetryPlan) -> fmt::Result {
    let delay = plan.delay.as_millis();
    match (plan.max_retries, &plan.dead_letter_topic) {
        (None, _) => say!(f, "retries", "without end, every {delay} ms"),
        (Some(retries), Some(topic)) => {
            say!(f, "retries", "{retries}, after {delay} ms each, then to {topic}")
        }
        (Some(retries), None) => say!(
            f,
            "retries",
            "{retries}, after {delay} ms each, then to <input topic>-<subscription>-DLQ"
        ),
    }
}

fn guarantee(guarantee: Guarantee) -> &'static str {
    match guarantee {
        Guarantee::AtMostOnce => "ATMOST_ONCE: acknowledged, then processed",
        Guarantee::AtLeastOnce => "ATLEAST_ONCE: acknowledged when outputs are confirmed",
        Guarantee::Manual => "MANUAL: the function acknowledges",
    }
}

fn order(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::None => "others overtake a message that is retried",
        Ordering::Key => "kept per key",
        Ordering::Topic => "kept per topic",
    }
}

fn schema(plan: &SchemaPlan) -> &'static str {
    match plan {
        SchemaPlan::Bytes => "bytes",
        SchemaPlan::String => "string schema",
        SchemaPlan::Json(_) => "JSON schema",
        SchemaPlan::Avro(_) => "Avro schema",
    }
}

fn identity(cluster: &ClusterConfig) -> &'static str {
    match cluster.authentication {
        None => "without authentication",
        Some(AuthenticationConfig::Token { .. }) => "with a token",
        Some(AuthenticationConfig::Basic { .. }) => "with user and password",
        Some(AuthenticationConfig::OAuth2 { .. }) => "with OAuth 2.0",
    }
}
