//! Which concrete topics an input stands for: partitions of a name, or matches of a pattern.

use std::{collections::BTreeSet, fmt};

use function_mesh_proto::plan::TopicSelector;
use pulsar::proto::command_get_topics_of_namespace::Mode;
use regex::Regex;

use crate::{
    cluster::{Client, Cluster},
    fault::Fault,
};

pub(super) struct Topics {
    cluster: Cluster,
    /// Kept between lookups, dropped with its first error.
    client: Option<Client>,
    selector: Selector,
}

enum Selector {
    Name(String),
    Pattern { namespace: String, pattern: Pattern },
}

/// For messages.
impl fmt::Display for Topics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.selector {
            Selector::Name(topic) => write!(f, "{topic}"),
            Selector::Pattern { namespace, pattern } => {
                write!(f, "{} (in {namespace})", pattern.text)
            }
        }
    }
}

impl Topics {
    /// # Errors
    /// The pattern is not a regular expression.
    pub(super) fn new(cluster: Cluster, selector: &TopicSelector) -> Result<Self, Fault> {
        let selector = match selector {
            TopicSelector::Name(name) => Selector::Name(name.clone()),
            TopicSelector::Pattern { namespace, regex } => Selector::Pattern {
                namespace: namespace.clone(),
                pattern: Pattern::new(regex).map_err(|error| {
                    let error = error.to_string();
                    let why = error.lines().last().unwrap_or_default().trim();
                    Fault::source(format!(
                        "topic pattern {regex:?} is not a regular expression: {why}"
                    ))
                    .permanent()
                })?,
            },
        };
        Ok(Self { cluster, client: None, selector })
    }

    /// Whether a topic that is no longer listed is to be let go. The partitions of a name never
    /// become fewer.
    pub(super) fn may_shrink(&self) -> bool {
        matches!(self.selector, Selector::Pattern { .. })
    }

    /// The concrete topics today.
    pub(super) async fn resolve(&mut self) -> Result<Vec<String>, pulsar::Error> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.cluster.connect().await?,
        };
        let topics = match &self.selector {
            Selector::Name(name) => {
                partitions(name, client.pulsar.lookup_partitioned_topic_number(name).await?)
            }
            Selector::Pattern { namespace, pattern } => {
                let all =
                    client.pulsar.get_topics_of_namespace(namespace.clone(), Mode::All).await?;
                matching(pattern, all)
            }
        };
        self.client = Some(client);
        Ok(topics)
    }
}

fn partitions(name: &str, count: u32) -> Vec<String> {
    if count == 0 {
        return vec![name.to_owned()];
    }
    (0..count).map(|partition| format!("{name}-partition-{partition}")).collect()
}

fn matching(pattern: &Pattern, topics: Vec<String>) -> Vec<String> {
    let topics: BTreeSet<String> =
        topics.into_iter().filter(|topic| pattern.matches(topic)).collect();
    topics.into_iter().collect()
}

/// A pattern as Pulsar's clients understand it: it must match the whole name, of the
/// partitioned topic rather than of the partition; the domain may be left out of it.
struct Pattern {
    text: String,
    whole: Regex,
}

impl Pattern {
    fn new(text: &str) -> Result<Self, regex::Error> {
        // As given first: `(?:` around it would only blur the error's position.
        Regex::new(text)?;
        Ok(Self { text: text.to_owned(), whole: Regex::new(&format!("^(?:{text})$"))? })
    }

    fn matches(&self, topic: &str) -> bool {
        let name = without_partition(topic);
        let (_, short) = name.split_once("://").unwrap_or(("", name));
        let local = short.rsplit('/').next().unwrap_or(short);
        // Pulsar's own: __change_events, __transaction_buffer_snapshot and the like.
        let internal = local.starts_with("__");
        !internal && (self.whole.is_match(name) || self.whole.is_match(short))
    }
}

fn without_partition(topic: &str) -> &str {
    match topic.rsplit_once("-partition-") {
        Some((name, number))
            if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            name
        }
        _ => topic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, topic: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(topic)
    }

    #[test]
    fn a_pattern_matches_the_whole_name() {
        let topic = "persistent://public/default/orders-eu";
        assert!(matches("persistent://public/default/orders-.*", topic));
        assert!(!matches("persistent://public/default/orders", topic));
        assert!(!matches("default/orders-.*", topic));
        assert!(matches("persistent://public/default/(users|orders)-.*", topic));
    }

    #[test]
    fn alternatives_do_not_escape_the_anchors() {
        assert!(!matches("public/default/a|public/default/b", "persistent://public/default/bc"));
        assert!(matches("public/default/a|public/default/b", "persistent://public/default/b"));
    }

    #[test]
    fn the_domain_may_be_left_out() {
        assert!(matches("public/default/.*", "persistent://public/default/orders"));
        assert!(matches("public/default/.*", "non-persistent://public/default/orders"));
        assert!(!matches(
            "persistent://public/default/.*",
            "non-persistent://public/default/orders"
        ));
    }

    #[test]
    fn partitions_match_by_the_name_of_their_topic() {
        assert!(matches("public/default/orders", "persistent://public/default/orders-partition-3"));
        assert!(matches(
            "public/default/my-partition-x",
            "persistent://public/default/my-partition-x"
        ));
    }

    #[test]
    fn topics_of_the_broker_itself_never_match() {
        assert!(!matches(".*", "persistent://public/default/__change_events"));
    }

    #[test]
    fn a_partitioned_topic_stands_for_its_partitions() {
        assert_eq!(partitions("persistent://t/n/a", 0), ["persistent://t/n/a"]);
        assert_eq!(
            partitions("persistent://t/n/a", 2),
            ["persistent://t/n/a-partition-0", "persistent://t/n/a-partition-1"]
        );
    }
}
