//! Whether caches were filled once: what is not known yet must not count as absent.
//!
//! A store of kube's can be waited for as well, but wakes only the last of those that wait, and
//! its `Controller` waits too: the others would sleep until something else wakes them, or for ever.

use futures::{Stream, TryStreamExt};
use kube::runtime::watcher::{self, Event};
use tokio_util::sync::CancellationToken;

/// Caches that are filled together.
#[derive(Clone, Debug, Default)]
pub struct Filled(Vec<CancellationToken>);

impl Filled {
    /// One more cache: it counts as filled once its stream has said so, or has ended, since then it
    /// cannot get fuller. The stream must have gone through the cache before.
    pub fn by<K, S>(
        &mut self,
        stream: S,
    ) -> impl Stream<Item = Result<Event<K>, watcher::Error>> + use<K, S>
    where
        S: Stream<Item = Result<Event<K>, watcher::Error>>,
    {
        let filled = CancellationToken::new();
        let mut pending = Some(filled.clone().drop_guard());
        self.0.push(filled);
        stream.inspect_ok(move |event| {
            if matches!(event, Event::InitDone) {
                drop(pending.take());
            }
        })
    }

    /// These and others.
    pub fn and(mut self, others: &Self) -> Self {
        self.0.extend(others.0.iter().cloned());
        self
    }

    /// Any number may wait.
    pub async fn wait(&self) {
        for filled in &self.0 {
            filled.cancelled().await;
        }
    }

    pub fn now(&self) -> bool {
        self.0.iter().all(CancellationToken::is_cancelled)
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};
    use k8s_openapi::api::core::v1::Pod;
    use tokio::{sync::mpsc, task::JoinSet};

    use super::*;

    type Item = Result<Event<Pod>, watcher::Error>;

    #[tokio::test]
    async fn everybody_who_waits_learns_of_it() {
        let (events, queue) = mpsc::channel::<Item>(4);
        let queue = stream::unfold(queue, |mut q| async move { Some((q.recv().await?, q)) });
        let mut filled = Filled::default();
        let mut watched = Box::pin(filled.by(queue));
        let mut waiting = JoinSet::new();
        for _ in 0..16 {
            let filled = filled.clone();
            waiting.spawn(async move { filled.wait().await });
        }
        events.send(Ok(Event::Init)).await.unwrap();
        events.send(Ok(Event::InitApply(Pod::default()))).await.unwrap();
        for _ in 0..2 {
            watched.next().await.unwrap().unwrap();
        }
        assert!(!filled.now() && waiting.try_join_next().is_none());
        events.send(Ok(Event::InitDone)).await.unwrap();
        watched.next().await.unwrap().unwrap();
        assert!(filled.now());
        assert_eq!(waiting.join_all().await.len(), 16);
    }

    #[tokio::test]
    async fn a_watch_that_has_ended_is_not_waited_for() {
        let mut filled = Filled::default();
        let watched = filled.by(stream::pending::<Item>());
        assert!(!filled.now());
        drop(watched);
        filled.wait().await;
    }
}
