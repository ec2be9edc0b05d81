//! Watches of the API server, and the stores they fill.

use std::{fmt::Debug, time::Duration};

use futures::{Stream, StreamExt, future::ready, stream::BoxStream};
use kube::{
    Api, Client, Resource,
    core::{DynamicObject, NamespaceResourceScope},
    runtime::{WatchStreamExt, reflector, reflector::Store, utils::Backoff, watcher},
};
use serde::de::DeserializeOwned;
use tracing::{debug, warn};

use super::Settings;
use crate::{
    cache::{self, Packed},
    filled::Filled,
    reconcile::build::autoscaler,
};

/// A store, and the stream that fills it.
type Watched<K> = (Store<K>, BoxStream<'static, Result<K, watcher::Error>>);

/// Objects in one answer: thousands at once would take more memory than all that is kept of them.
const PAGE: u32 = 100;

pub(super) fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// A store of objects as JSON.
pub(super) fn packed<K>(
    client: &Client,
    namespace: Option<&str>,
    config: watcher::Config,
    filled: &mut Filled,
) -> Watched<Packed<K>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + 'static,
{
    reflect(api(client, namespace), config, |_| {}, filled)
}

/// A store of objects as they are, less what `prune` takes away.
pub(super) fn reflect<K>(
    api: Api<K>,
    config: watcher::Config,
    prune: fn(&mut K),
    filled: &mut Filled,
) -> Watched<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let stream = watcher(api, config.page_size(PAGE));
    let stream = stream.backoff(Pauses::default()).modify(prune).reflect(writer);
    (store, seen(filled.by(stream).touched_objects()).map(Ok).boxed())
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

/// A cluster that cannot be asked has none until the next start.
pub(super) async fn has_vertical(client: &Client) -> bool {
    let kind = autoscaler::vertical_api();
    match client.list_api_group_resources(&kind.api_version).await {
        Ok(found) => found.resources.iter().any(|resource| resource.kind == kind.kind),
        Err(error) => {
            debug!(%error, "no {} here", kind.api_version);
            false
        }
    }
}

/// A store of vertical autoscalers, whose type only the API server knows, and its stream.
pub(super) fn vertical(
    client: &Client,
    settings: &Settings,
    config: watcher::Config,
    filled: &mut Filled,
) -> Watched<DynamicObject> {
    let kind = autoscaler::vertical_api();
    let api: Api<DynamicObject> = match settings.namespace.as_deref() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
        None => Api::all_with(client.clone(), &kind),
    };
    let writer = reflector::store::Writer::new(kind);
    let store = writer.as_reader();
    let stream = watcher(api, config.page_size(PAGE))
        .backoff(Pauses::default())
        .modify(cache::prune_metadata)
        .reflect(writer);
    (store, seen(filled.by(stream).touched_objects()).map(Ok).boxed())
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
