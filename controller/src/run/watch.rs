//! Watches of the API server, and the stores they fill.

use std::{fmt::Debug, hash::Hash, time::Duration};

use futures::{
    Stream, StreamExt,
    future::ready,
    stream::{self, BoxStream},
};
use kube::{
    Api, Client, Resource,
    core::{DynamicObject, NamespaceResourceScope},
    runtime::{
        WatchStreamExt,
        reflector::store::{Store, Writer},
        utils::Backoff,
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::{Settings, relist};
use crate::{
    cache::{self, Packed},
    filled::Filled,
    reconcile::build::autoscaler,
    resync::Resync,
};

/// A store, and the stream that fills it.
type Watched<K> = (Store<K>, BoxStream<'static, Result<K, watcher::Error>>);

/// Objects in one answer: thousands at once would take more memory than all that is kept of them.
const PAGE: u32 = 50;

/// What is watched, and how.
#[derive(Clone, Copy)]
pub(super) struct Watches<'a> {
    pub client: &'a Client,
    /// `None` for all.
    pub namespace: Option<&'a str>,
    /// How often everything is listed anew.
    pub resync: Resync,
}

impl<'a> Watches<'a> {
    pub(super) fn new(client: &'a Client, settings: &'a Settings) -> Self {
        Self { client, namespace: settings.namespace.as_deref(), resync: settings.resync }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    /// A store of objects as JSON.
    pub(super) fn packed<K>(
        &self,
        config: watcher::Config,
        filled: &mut Filled,
    ) -> Watched<Packed<K>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + 'static,
    {
        self.reflect(config, |_| {}, filled)
    }

    /// A store of objects as they are, less what `prune` takes away.
    pub(super) fn reflect<K>(
        &self,
        config: watcher::Config,
        prune: fn(&mut K),
        filled: &mut Filled,
    ) -> Watched<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        let stream = self.begun(self.api(), &(), config).modify(prune);
        fill(stream, (), filled)
    }

    /// A store of vertical autoscalers, whose type only the API server knows, and its stream.
    pub(super) fn vertical(
        &self,
        config: watcher::Config,
        filled: &mut Filled,
    ) -> Watched<DynamicObject> {
        let kind = autoscaler::vertical_api();
        let client = self.client.clone();
        let api: Api<DynamicObject> = match self.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &kind),
            None => Api::all_with(client, &kind),
        };
        let stream = self.begun(api, &kind, config).modify(cache::prune_metadata);
        fill(stream, kind, filled)
    }

    /// A watch, begun anew at its turn.
    fn begun<K>(
        &self,
        api: Api<K>,
        kind: &K::DynamicType,
        config: watcher::Config,
    ) -> impl Stream<Item = Result<watcher::Event<K>, watcher::Error>> + Send + use<K>
    where
        K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let period = self.resync.period((K::plural(kind), &config.label_selector));
        again(period, api, config).backoff(Pauses::default())
    }
}

/// A store of what is watched, and the stream that fills it.
fn fill<K>(
    watch: impl Stream<Item = Result<watcher::Event<K>, watcher::Error>> + Send + 'static,
    kind: K::DynamicType,
    filled: &mut Filled,
) -> Watched<K>
where
    K: Resource + Clone + Debug + Send + Sync + 'static,
    K::DynamicType: Clone + Debug + Eq + Hash + Send + Sync + Unpin,
{
    let writer = Writer::new(kind.clone());
    let store = writer.as_reader();
    let stream = relist::changes(watch, store.clone(), kind).reflect(writer);
    (store, seen(filled.by(stream).touched_objects()).map(Ok).boxed())
}

/// A watch that begins anew every so often, with a list: an event that was lost on its way, with
/// whatever lies in between, is made up for then.
fn again<K>(
    period: Duration,
    api: Api<K>,
    config: watcher::Config,
) -> impl Stream<Item = Result<watcher::Event<K>, watcher::Error>> + Send
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let config = config.page_size(PAGE);
    let once = move || watcher(api.clone(), config.clone()).take_until(sleep(period));
    stream::repeat_with(once).flatten()
}

/// The objects alone. Watches try again by themselves; what goes wrong with them is logged, and ends
/// here: a `Controller` waits longer after each error of any of its streams, up to half a minute, so
/// that one short outage of the API server would stop it for minutes.
pub(super) fn seen<K>(
    stream: impl Stream<Item = Result<K, watcher::Error>> + Send + 'static,
) -> impl Stream<Item = K> + Send + 'static
where
    K: Send + 'static,
{
    stream.filter_map(|item| {
        ready(match item {
            Ok(object) => Some(object),
            Err(error) => {
                warn!(%error, "a watch was interrupted");
                None
            }
        })
    })
}

/// Whether the cluster has vertical autoscalers. Asked until it answers: a cluster that is busy when
/// we start would be one without them until the next start.
pub(super) async fn has_vertical(client: &Client) -> bool {
    let kind = autoscaler::vertical_api();
    for pause in Pauses::default() {
        match client.list_api_group_resources(&kind.api_version).await {
            Ok(found) => return found.resources.iter().any(|resource| resource.kind == kind.kind),
            Err(kube::Error::Api(status)) if matches!(status.code, 401 | 403 | 404) => {
                debug!(why = status.message, "no {} here", kind.api_version);
                return false;
            }
            Err(error) => warn!(%error, "cannot tell yet whether there is a {}", kind.kind),
        }
        sleep(pause).await;
    }
    false
}

/// Between attempts to watch: short enough for an API server that comes back to be noticed within
/// seconds. kube's own pauses grow to half a minute, and one more follows each expired version.
#[derive(Clone, Copy, Debug)]
struct Pauses {
    next: Duration,
}

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(4);

impl Default for Pauses {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(LONGEST);
        Some(pause)
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        *self = Self::default();
    }
}
