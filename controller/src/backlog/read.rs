//! Asks Pulsar what waits. A subscription that is missing is made: without it nothing would ever
//! wait for a function that has no replicas yet.

use std::future::Future;

use function_mesh_proto::topic_name::TopicName;
use futures::{StreamExt, TryStreamExt, stream};

use crate::{
    pulsar_admin::{AdminError, Backlog, PulsarAdmin, Sessions},
    subscriptions::{Consumed, Input, Topics},
};

/// Topics of one object that are asked at once.
const CONCURRENCY: usize = 4;

/// Whoever knows what waits.
pub(crate) trait Read {
    /// What waits in a subscription on all its topics, or why nobody can tell.
    fn read(
        &self,
        consumed: &Consumed,
        precise: bool,
    ) -> impl Future<Output = Result<i64, String>> + Send;
}

/// Pulsar itself.
#[derive(Clone)]
pub(crate) struct Reader(pub(crate) Sessions);

impl Read for Reader {
    async fn read(&self, consumed: &Consumed, precise: bool) -> Result<i64, String> {
        let mut sum: i64 = 0;
        for input in &consumed.inputs {
            let found = self.input(input, consumed, precise).await;
            let found = found.map_err(|why| format!("input {}: {why}", input.name))?;
            sum = sum.saturating_add(found);
        }
        Ok(sum)
    }
}

impl Reader {
    async fn input(&self, input: &Input, asked: &Consumed, precise: bool) -> Result<i64, String> {
        let access = input.access.as_ref().map_err(ToString::to_string)?;
        let told = |error: AdminError| {
            self.0.failed(access, &error);
            error.to_string()
        };
        let pulsar = self.0.get(access).await.map_err(told)?;
        match &input.topics {
            Topics::One(name) => topic(&pulsar, name, asked, precise).await.map_err(told),
            Topics::Matching(pattern) => {
                let topics = pulsar.topics(pattern).await.map_err(told)?;
                let pulsar = &pulsar;
                let one =
                    |name: TopicName| async move { topic(pulsar, &name, asked, precise).await };
                let each = stream::iter(topics).map(one).buffer_unordered(CONCURRENCY);
                let sum = async |sum: i64, found| Ok(sum.saturating_add(found));
                each.try_fold(0, sum).await.map_err(told)
            }
            Topics::Unreadable(why) => Err(why.clone()),
        }
    }
}

async fn topic(
    pulsar: &PulsarAdmin,
    topic: &TopicName,
    asked: &Consumed,
    precise: bool,
) -> Result<i64, AdminError> {
    let name = &asked.subscription;
    if let Backlog::Entries(entries) = pulsar.backlog(topic, name, precise).await? {
        return Ok(entries);
    }
    pulsar.create_subscription(topic, name, asked.position).await?;
    // What was on the topic before waits as well, if that is where the subscription begins.
    Ok(match pulsar.backlog(topic, name, precise).await? {
        Backlog::Entries(entries) => entries,
        Backlog::NoTopic | Backlog::NoSubscription => 0,
    })
}
