//! Lists that are made anew, told as changes.
//!
//! A cache that takes a new list whole has every object twice until the list ends, and those who
//! listen look at each of them again. What a new list says anew is little, mostly nothing.

use std::{collections::HashSet, fmt::Debug, hash::Hash};

use futures::{Stream, StreamExt, stream};
use kube::{
    Resource, ResourceExt,
    runtime::{
        reflector::{ObjectRef, Store},
        watcher::{self, Event},
    },
};

/// The first list as it is; of every later one what differs from what is known: a new or changed
/// object as if it had been applied just now, one that is gone as if it had been deleted.
pub(super) fn changes<K>(
    events: impl Stream<Item = Result<Event<K>, watcher::Error>> + Send,
    known: Store<K>,
    kind: K::DynamicType,
) -> impl Stream<Item = Result<Event<K>, watcher::Error>> + Send
where
    K: Resource + Clone + Send + Sync + 'static,
    K::DynamicType: Clone + Debug + Eq + Hash + Send + Sync,
{
    let mut lists = Lists { known, kind, listed: HashSet::new(), filled: false };
    events.flat_map(move |event| {
        let told = match event {
            Ok(event) => lists.told(event).into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(told)
    })
}

struct Lists<K>
where
    K: Resource + 'static,
    K::DynamicType: Eq + Hash,
{
    known: Store<K>,
    kind: K::DynamicType,
    /// By the list that is being read.
    listed: HashSet<ObjectRef<K>>,
    /// The first list has ended.
    filled: bool,
}

impl<K> Lists<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Clone + Debug + Eq + Hash,
{
    fn told(&mut self, event: Event<K>) -> Vec<Event<K>> {
        match event {
            Event::InitDone if !self.filled => {
                self.filled = true;
                vec![Event::InitDone]
            }
            event if !self.filled => vec![event],
            // Also after a list that was broken off.
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                let key = self.key(&object);
                let known = self.known.get(&key);
                self.listed.insert(key);
                let same = known.is_some_and(|known| {
                    known.uid() == object.uid()
                        && known.resource_version().is_some()
                        && known.resource_version() == object.resource_version()
                });
                if same { Vec::new() } else { vec![Event::Apply(object)] }
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let gone = |object: &K| !listed.contains(&self.key(object));
                let all = self.known.state();
                all.iter()
                    .filter(|object| gone(object))
                    .map(|object| Event::Delete(K::clone(object)))
                    .collect()
            }
            event @ (Event::Apply(_) | Event::Delete(_)) => vec![event],
        }
    }

    fn key(&self, object: &K) -> ObjectRef<K> {
        ObjectRef::from_obj_with(object, self.kind.clone())
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::{
        api::ObjectMeta,
        runtime::{WatchStreamExt, reflector},
    };

    use super::*;

    fn object(name: &str, version: &str) -> ConfigMap {
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            uid: Some(format!("uid of {name}")),
            resource_version: Some(version.to_owned()),
            ..ObjectMeta::default()
        };
        ConfigMap { metadata, ..ConfigMap::default() }
    }

    fn list(objects: &[(&str, &str)]) -> Vec<Event<ConfigMap>> {
        let objects = objects.iter().map(|(name, version)| Event::InitApply(object(name, version)));
        std::iter::once(Event::Init).chain(objects).chain([Event::InitDone]).collect()
    }

    /// What is told of the events, and what a cache that heard of it has in the end.
    async fn told(events: Vec<Event<ConfigMap>>) -> (Vec<String>, Vec<String>) {
        let (store, writer) = reflector::store();
        let events = stream::iter(events.into_iter().map(Ok));
        let told = changes(events, store.clone(), ()).reflect(writer);
        let describe = |event| match event {
            Event::Init => "init".to_owned(),
            Event::InitApply(object) => format!("init {}", version(&object)),
            Event::InitDone => "done".to_owned(),
            Event::Apply(object) => format!("apply {}", version(&object)),
            Event::Delete(object) => format!("delete {}", version(&object)),
        };
        let told = told.map_ok(describe).try_collect().await.unwrap();
        let mut known: Vec<String> = store.state().iter().map(|known| version(known)).collect();
        known.sort();
        (told, known)
    }

    fn version(object: &ConfigMap) -> String {
        format!("{}@{}", object.name_any(), object.resource_version().unwrap_or_default())
    }

    #[tokio::test]
    async fn a_list_made_anew_says_what_changed() {
        let mut events = list(&[("kept", "1"), ("changed", "2"), ("gone", "3")]);
        events.extend(list(&[("kept", "1"), ("changed", "5"), ("new", "4")]));
        let (told, known) = told(events).await;
        let first = ["init", "init kept@1", "init changed@2", "init gone@3", "done"];
        assert_eq!(told[..5], first);
        assert_eq!(told[5..], ["apply changed@5", "apply new@4", "delete gone@3"]);
        assert_eq!(known, ["changed@5", "kept@1", "new@4"]);
    }

    #[tokio::test]
    async fn a_list_that_was_broken_off_deletes_nothing() {
        let mut events = list(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let broken = list(&[("a", "1"), ("c", "1")]);
        events.extend(broken.into_iter().take(2));
        events.extend(list(&[("b", "1"), ("c", "1")]));
        let (told, known) = told(events).await;
        assert_eq!(told[5..], ["delete a@1"]);
        assert_eq!(known, ["b@1", "c@1"]);
    }

    #[tokio::test]
    async fn a_first_list_that_was_broken_off_is_made_again_whole() {
        let mut events = list(&[("a", "1"), ("b", "1")]);
        events.truncate(2);
        events.extend(list(&[("b", "1")]));
        let (told, known) = told(events).await;
        assert_eq!(told, ["init", "init a@1", "init", "init b@1", "done"]);
        assert_eq!(known, ["b@1"]);
    }
}
