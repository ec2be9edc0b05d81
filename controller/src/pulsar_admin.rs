//! Pulsar's admin REST API, as far as the controller needs it: subscriptions, their backlog, the
//! topics of a namespace.
//!
//! In reading order: `access` (where a cluster is and how to get in, without the secrets),
//! `credentials` (the secrets, read when they are needed), `sessions` (who is connected already),
//! `exchange` (one request, with its retries and redirects). Nothing here waits for a cluster that
//! is down: callers come back.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{Mutex, PoisonError},
};

use function_mesh_proto::{
    plan::Position,
    topic_name::{Domain, TopicName, TopicPattern},
};
use http::{Method, StatusCode};
use kube::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

mod access;
mod credentials;
mod exchange;
mod sessions;

pub(crate) use access::{Access, AccessError, Purpose};
pub(crate) use exchange::AdminError;
pub(crate) use sessions::Sessions;

use exchange::Exchange;

/// A Pulsar cluster's admin API.
#[derive(Debug)]
pub(crate) struct PulsarAdmin {
    exchange: Exchange,
    /// Topics that turned out to be partitioned: their statistics are at another address.
    partitioned: Mutex<HashSet<TopicName>>,
}

/// What a topic says of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backlog {
    NoTopic,
    NoSubscription,
    /// Entries that are not acknowledged; a batch of messages is one entry.
    Entries(i64),
}

#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    subscriptions: BTreeMap<String, Subscription>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    #[serde(default)]
    msg_backlog: i64,
}

impl PulsarAdmin {
    /// Reads the credentials; connects at the first request.
    ///
    /// # Errors
    /// A Secret is missing or cannot be used.
    pub(crate) async fn new(kube: &Client, access: &Access) -> Result<Self, AdminError> {
        let exchange = credentials::exchange(kube, access).await?;
        Ok(Self { exchange, partitioned: Mutex::default() })
    }

    /// Removes a subscription with its consumers. One that is not there is removed already.
    pub(crate) async fn delete_subscription(
        &self,
        topic: &TopicName,
        subscription: &str,
    ) -> Result<(), AdminError> {
        let path = format!("{}?force=true", subscription_path(topic, subscription));
        absent_is_fine(self.exchange.send(Method::DELETE, &path, None).await)
    }

    /// Removes a topic with its subscriptions, partitioned or not.
    pub(crate) async fn delete_topic(&self, topic: &TopicName) -> Result<(), AdminError> {
        let path = topic_path(topic);
        let whole = self.exchange.send(Method::DELETE, &format!("{path}?force=true"), None).await;
        if !matches!(&whole, Err(error) if error.status() == Some(StatusCode::CONFLICT)) {
            return absent_is_fine(whole);
        }
        let partitions = format!("{path}/partitions?force=true");
        absent_is_fine(self.exchange.send(Method::DELETE, &partitions, None).await)
    }

    /// Makes a subscription, and its topic where brokers may do that. One that is there stays as
    /// it is.
    pub(crate) async fn create_subscription(
        &self,
        topic: &TopicName,
        subscription: &str,
        position: Position,
    ) -> Result<(), AdminError> {
        // Pulsar's message identifiers for both ends of a topic.
        let id = match position {
            Position::Earliest => -1,
            Position::Latest => i64::MAX,
        };
        let start = json!({"ledgerId": id, "entryId": id, "partitionIndex": -1});
        let path = subscription_path(topic, subscription);
        match self.exchange.send(Method::PUT, &path, Some(&start)).await {
            Err(error) if error.status() == Some(StatusCode::CONFLICT) => Ok(()),
            other => other.map(drop),
        }
    }

    /// What waits in a subscription, over all partitions. An imprecise count may drift, and costs
    /// the broker less.
    pub(crate) async fn backlog(
        &self,
        topic: &TopicName,
        subscription: &str,
        precise: bool,
    ) -> Result<Backlog, AdminError> {
        let known = self.partitioned().contains(topic);
        let found = match self.statistics(topic, known, precise).await? {
            Some(found) => Some(found),
            None => {
                let other = self.statistics(topic, !known, precise).await?;
                self.remember(topic, !known && other.is_some());
                other
            }
        };
        let Some(mut statistics) = found else { return Ok(Backlog::NoTopic) };
        Ok(match statistics.subscriptions.remove(subscription) {
            // Imprecise counts were seen below zero.
            Some(found) => Backlog::Entries(found.msg_backlog.max(0)),
            None => Backlog::NoSubscription,
        })
    }

    async fn statistics(
        &self,
        topic: &TopicName,
        partitioned: bool,
        precise: bool,
    ) -> Result<Option<Statistics>, AdminError> {
        let what = if partitioned { "partitioned-stats?perPartition=false&" } else { "stats?" };
        let path = format!(
            "{}/{what}getPreciseBacklog={precise}&subscriptionBacklogSize=false\
             &excludePublishers=true&excludeConsumers=true",
            topic_path(topic)
        );
        match self.exchange.send(Method::GET, &path, None).await {
            Err(error) if error.is_absence() => Ok(None),
            other => exchange::parsed(&other?).map(Some),
        }
    }

    fn partitioned(&self) -> std::sync::MutexGuard<'_, HashSet<TopicName>> {
        self.partitioned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, topic: &TopicName, partitioned: bool) {
        if partitioned {
            self.partitioned().insert(topic.clone());
        } else {
            self.partitioned().remove(topic);
        }
    }

    /// The topics that a pattern matches today, partitioned ones once. Pulsar's own are none.
    ///
    /// # Errors
    /// Pulsar's, also for a namespace that does not exist.
    pub(crate) async fn topics(
        &self,
        pattern: &TopicPattern,
    ) -> Result<BTreeSet<TopicName>, AdminError> {
        let path = format!("admin/v2/persistent/{}", pattern.namespace);
        let names = self.exchange.send(Method::GET, &path, None).await?;
        let names: Vec<String> = exchange::parsed(&names)?;
        let topics = names.iter().filter_map(|name| name.parse::<TopicName>().ok());
        let topics = topics.filter(|t| pattern.matches(t) && !t.local.starts_with("__"));
        Ok(topics.map(whole).collect())
    }
}

/// The topic that a partition belongs to.
fn whole(mut topic: TopicName) -> TopicName {
    if let Some((local, index)) = topic.local.rsplit_once("-partition-")
        && !index.is_empty()
        && index.bytes().all(|byte| byte.is_ascii_digit())
    {
        topic.local = local.to_owned();
    }
    topic
}

fn absent_is_fine(result: Result<Vec<u8>, AdminError>) -> Result<(), AdminError> {
    match result {
        Err(error) if error.is_absence() => Ok(()),
        other => other.map(drop),
    }
}

fn topic_path(topic: &TopicName) -> String {
    let TopicName { domain, tenant, namespace, local } = topic;
    let domain = match domain {
        Domain::Persistent => "persistent",
        Domain::NonPersistent => "non-persistent",
    };
    format!("admin/v2/{domain}/{tenant}/{namespace}/{}", encoded(local))
}

fn subscription_path(topic: &TopicName, subscription: &str) -> String {
    // Brokers decode the name twice, so that `+` and `%` in it survive only this way.
    let name = encoded(&encoded(subscription));
    format!("{}/subscription/{name}", topic_path(topic))
}

/// As Java's `URLEncoder`, whose counterpart brokers use.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// What a request carries.
type Body = Value;

#[cfg(test)]
mod tests;
