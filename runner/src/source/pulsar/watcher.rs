//! Keeps one reader for each concrete topic of the inputs: partitions and topics that appear
//! are added, topics of a pattern that disappear are let go.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info, warn};

use super::{
    Shared, SourceSettings, missing::Missing, reader::Reader, subscription::Subscription,
    topics::Topics,
};
use crate::{
    cluster::{Backoff, Complaints, explain},
    fault::Fault,
};

/// How often new topics and partitions are looked for.
const REFRESH: Duration = Duration::from_secs(30);

pub(super) struct Watcher {
    inputs: Vec<Input>,
    shared: Arc<Shared>,
    stop: CancellationToken,
    readers: JoinSet<()>,
}

struct Input {
    topics: Topics,
    subscription: Arc<Subscription>,
    /// What stops each topic's reader.
    read: HashMap<Arc<str>, CancellationToken>,
    /// Until the input's topics were looked up once.
    first: Option<Missing>,
    complaints: Complaints,
}

impl Watcher {
    pub(super) fn new(
        settings: &SourceSettings,
        shared: Arc<Shared>,
        stop: CancellationToken,
    ) -> Result<Self, Fault> {
        let inputs = settings
            .inputs
            .iter()
            .map(|(cluster, input)| {
                Ok(Input {
                    topics: Topics::new(cluster.clone(), &input.topic)?,
                    subscription: Arc::new(Subscription::new(cluster, input, settings)),
                    read: HashMap::new(),
                    first: Some(Missing::new(&shared.missing)),
                    complaints: Complaints::default(),
                })
            })
            .collect::<Result<_, Fault>>()?;
        Ok(Self { inputs, shared, stop, readers: JoinSet::new() })
    }

    /// Until stopped; returns when all readers have ended in order.
    pub(super) async fn run(mut self) {
        let stop = self.stop.clone();
        let mut backoff = Backoff::default();
        loop {
            let Some(complete) = stop.run_until_cancelled(self.refresh()).await else { break };
            let pause = async {
                if complete {
                    backoff.reset();
                    tokio::time::sleep(REFRESH).await;
                } else {
                    backoff.pause().await;
                }
            };
            if stop.run_until_cancelled(pause).await.is_none() {
                break;
            }
            while let Some(ended) = self.readers.try_join_next() {
                report(ended);
            }
        }
        self.inputs.clear();
        while let Some(ended) = self.readers.join_next().await {
            report(ended);
        }
    }

    /// Looks all inputs' topics up. Returns whether that worked for each of them.
    async fn refresh(&mut self) -> bool {
        let Self { inputs, shared, stop, readers } = self;
        let mut complete = true;
        for input in inputs {
            match input.topics.resolve().await {
                Ok(topics) => {
                    input.complaints.over();
                    input.read_exactly(topics, (shared, stop), readers);
                    input.first = None;
                }
                Err(error) => {
                    complete = false;
                    let why = explain(&error);
                    let cluster = input.subscription.cluster();
                    let text = format!("cannot look up {} on {cluster}: {why}", input.topics);
                    if let Some(missing) = &input.first {
                        missing.because(&text);
                    }
                    if input.complaints.due() {
                        warn!("{text}; trying on");
                    }
                }
            }
        }
        complete
    }
}

impl Input {
    fn read_exactly(
        &mut self,
        topics: Vec<String>,
        (shared, stop): (&Arc<Shared>, &CancellationToken),
        readers: &mut JoinSet<()>,
    ) {
        if self.topics.may_shrink() {
            let present: HashSet<&str> = topics.iter().map(String::as_str).collect();
            self.read.retain(|topic, stop| {
                let stays = present.contains(&**topic);
                if !stays {
                    info!(%topic, "the topic no longer exists");
                    stop.cancel();
                }
                stays
            });
        }
        if topics.is_empty() && self.first.is_some() {
            info!("no topic matches {} yet", self.topics);
        }
        for topic in topics {
            let topic: Arc<str> = topic.into();
            if self.read.contains_key(&topic) {
                continue;
            }
            let stop = stop.child_token();
            self.read.insert(topic.clone(), stop.clone());
            // Whatever is in a topic that appeared while we watched was sent after our start.
            let late = self.first.is_none();
            let reader = Reader::new(topic, late, self.subscription.clone(), shared.clone());
            readers.spawn(reader.run(stop).in_current_span());
        }
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        warn!("a topic's reader broke off: {error}");
    }
}
