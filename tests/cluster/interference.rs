//! The proxy that the fault scenarios put between the controller and the API server.

use std::{pin::pin, time::Duration};

use anyhow::{Context as _, Result};
use function_mesh_tests::{
    api_proxy::ApiProxy, eventually::eventually_true, kubernetes::Kubernetes,
};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{WatchEvent, WatchParams},
};

use crate::stage::{SOON, platform};

fn config_map(namespace: &str, name: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, namespace: {namespace}}}}}"
    )
}

/// Names of the config maps that a watch tells of, until it has told of `last`.
async fn watched(client: kube::Client, namespace: &str, last: &str) -> Result<Vec<String>> {
    let maps: Api<ConfigMap> = Api::namespaced(client, namespace);
    let parameters = WatchParams::default().fields("metadata.name!=kube-root-ca.crt");
    let mut events = pin!(maps.watch(&parameters, "0").await?.boxed());
    let mut names = Vec::new();
    while let Some(event) = events.next().await {
        if let WatchEvent::Added(map) = event? {
            let name = map.metadata.name.context("no name")?;
            names.push(name.clone());
            if name == last {
                break;
            }
        }
    }
    Ok(names)
}

#[test]
fn a_share_of_the_requests_is_refused() -> Result<()> {
    let platform = platform()?;
    let namespace = platform.kubernetes.namespace("refused")?;
    let proxy = ApiProxy::start(&platform.kubernetes)?;
    let client = Kubernetes::connect(&proxy.kubeconfig())?;
    client.apply(&config_map(&namespace, "before"))?;
    // Not 429, 503 or 504: the client would ask again by itself.
    proxy.refuse(50, &[409, 500]);
    let outcomes: Vec<Result<_>> =
        (0..8).map(|n| client.apply(&config_map(&namespace, &format!("map-{n}")))).collect();
    let refused: Vec<String> =
        outcomes.iter().filter_map(|outcome| Some(outcome.as_ref().err()?.to_string())).collect();
    assert_eq!(refused, ["injected by the test"; 4]);
    let (refusals, requests) = proxy.refusals();
    assert_eq!(refusals, 4);
    assert!(requests >= 9, "{requests}");
    proxy.refuse_none();
    client.apply(&config_map(&namespace, "after"))?;
    Ok(())
}

#[test]
fn after_the_chosen_write_nobody_is_answered_though_it_was_carried_out() -> Result<()> {
    let platform = platform()?;
    let namespace = platform.kubernetes.namespace("held")?;
    let proxy = ApiProxy::start(&platform.kubernetes)?;
    let client = Kubernetes::connect(&proxy.kubeconfig())?;
    client.apply(&config_map(&namespace, "before"))?;
    proxy.hold_after_writes(2);
    client.apply(&config_map(&namespace, "first"))?;
    std::thread::scope(|scope| {
        let second = scope.spawn(|| client.apply(&config_map(&namespace, "second")));
        eventually_true(SOON, "the hold", || Ok(proxy.holds()))?;
        assert!(platform.kubernetes.find("ConfigMap", &namespace, "second")?.is_some());
        assert!(!second.is_finished());
        proxy.release();
        let outcome = second.join().map_err(|_| anyhow::anyhow!("the client panicked"))?;
        assert!(outcome.is_err(), "its connection was closed");
        anyhow::Ok(())
    })?;
    client.apply(&config_map(&namespace, "after"))?;
    Ok(())
}

#[test]
fn events_of_a_watch_are_lost_and_held_back() -> Result<()> {
    let platform = platform()?;
    let namespace = platform.kubernetes.namespace("lost")?;
    let proxy = ApiProxy::start(&platform.kubernetes)?;
    let client = Kubernetes::connect(&proxy.kubeconfig())?;
    proxy.lose_events(1);
    proxy.freeze_watches(true);
    for name in ["first", "second", "third"] {
        platform.kubernetes.apply(&config_map(&namespace, name))?;
    }
    let names = client.block_on(async {
        let watching = watched(client.client(), &namespace, "third");
        let mut watching = pin!(watching);
        let meanwhile = tokio::time::timeout(Duration::from_secs(1), &mut watching).await;
        assert!(meanwhile.is_err(), "events came through a frozen watch");
        proxy.freeze_watches(false);
        tokio::time::timeout(SOON, watching).await?
    })?;
    assert_eq!(names, ["second", "third"]);
    assert_eq!(proxy.events_to_lose(), 0);
    Ok(())
}
