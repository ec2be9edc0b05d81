//! From a manifest to its objects, without an API server: checked against the Go operator's
//! contract, field by field.

use std::collections::BTreeMap;

use function_mesh_proto::function::FunctionDetails;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::runtime::{reflector, watcher::Event};
use serde_json::{Value, json};

use super::*;
use crate::crd::{BackendConfig, Function, Sink, Source};

/// Stores as a watch would have filled them.
fn caches(config_maps: &[Value], secrets: &[Value], configs: &[Value]) -> Caches {
    fn filled<K>(objects: &[Value], prune: fn(&mut K)) -> Store<K>
    where
        K: kube::Resource<DynamicType = ()> + serde::de::DeserializeOwned + Clone + 'static,
    {
        let (store, mut writer) = reflector::store();
        for object in objects {
            let mut object: K = serde_json::from_value(object.clone()).unwrap();
            prune(&mut object);
            writer.apply_watcher_event(&Event::Apply(object));
        }
        store
    }
    Caches {
        config_maps: filled::<ConfigMap>(config_maps, crate::cache::prune_config_map),
        secrets: filled::<Secret>(secrets, crate::cache::prune_secret),
        backend_configs: filled::<BackendConfig>(configs, crate::cache::prune_metadata),
        filled: crate::filled::Filled::default(),
    }
}

fn pulsar() -> Value {
    json!({
        "metadata": {"name": "p", "namespace": "ns"},
        "data": {"brokerServiceURL": "pulsar://broker:6650", "webServiceURL": "http://broker:8080"},
    })
}

fn workload<W: Workload>(spec: Value) -> W {
    serde_json::from_value(json!({
        "apiVersion": "compute.functionmesh.io/v1alpha1", "kind": W::COMPONENT.kind(),
        "metadata": {"name": "w", "namespace": "ns", "uid": "u-1"},
        "spec": spec,
    }))
    .unwrap()
}

fn selection() -> BackendSelection {
    BackendSelection {
        global: Some(("global".to_owned(), "system".to_owned())),
        namespaced: "backend-config".to_owned(),
    }
}

struct Objects {
    stateful_set: Value,
    service: Value,
    config_map: Value,
    horizontal: Option<Value>,
    details: Value,
    instance: Value,
}

fn objects<W: Workload>(spec: Value, caches: &Caches) -> Objects {
    let workload: W = workload(spec);
    let defaults = PodDefaults::default();
    let references = dereference::dereference(&workload, caches, &selection(), &defaults).unwrap();
    let built = build::build(
        &workload,
        &workload.details(),
        &references,
        &defaults,
        workload.spec().replicas(),
    )
    .unwrap();
    let value = |object: &dyn erased::Json| object.json();
    let config_map = value(&built.config_map);
    let document = |name: &str| {
        let text = config_map.pointer(&format!("/data/{name}")).and_then(Value::as_str).unwrap();
        serde_json::from_str::<Value>(text).unwrap()
    };
    Objects {
        details: document("function.json"),
        instance: document("instance.json"),
        stateful_set: value(&built.stateful_set),
        service: value(&built.service),
        horizontal: built.horizontal.as_ref().map(|horizontal| value(horizontal)),
        config_map,
    }
}

/// So that one closure writes every kind.
mod erased {
    pub(super) trait Json {
        fn json(&self) -> serde_json::Value;
    }

    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> serde_json::Value {
            serde_json::to_value(self).unwrap()
        }
    }
}

fn java() -> Value {
    json!({
        "className": "org.example.Exclamation",
        "image": "example/java:1",
        "forwardSourceMessageProperty": true,
        "maxPendingAsyncRequests": 1000,
        "replicas": 1,
        "maxReplicas": 5,
        "logTopic": "persistent://public/default/logs",
        "input": {"topics": ["persistent://public/default/in"], "typeClassName": "java.lang.String"},
        "output": {"topic": "persistent://public/default/out", "typeClassName": "java.lang.String"},
        "resources": {
            "requests": {"cpu": "0.1", "memory": "1G"},
            "limits": {"cpu": "0.2", "memory": "1.1G"},
        },
        "secretsMap": {"pwd": {"path": "s", "key": "password"}},
        "pulsar": {"pulsarConfig": "p"},
        "java": {"jar": "/pulsar/examples/api-examples.jar"},
        "clusterName": "test",
        "autoAck": true,
    })
}

#[test]
fn a_functions_details_are_the_contracts() {
    let built = objects::<Function>(java(), &caches(&[pulsar()], &[], &[]));
    // Protobuf's JSON leaves out what is zero: AT_LEAST_ONCE, SHARED, the Java runtime.
    let expected = json!({
        "tenant": "public",
        "namespace": "default",
        "name": "w",
        "className": "org.example.Exclamation",
        "logTopic": "persistent://public/default/logs",
        "autoAck": true,
        "parallelism": 1,
        "source": {
            "typeClassName": "java.lang.String",
            "inputSpecs": {"persistent://public/default/in": {}},
            "subscriptionPosition": "EARLIEST",
        },
        "sink": {
            "topic": "persistent://public/default/out",
            "typeClassName": "java.lang.String",
            "forwardSourceMessageProperty": true,
        },
        "resources": {"cpu": 0.1, "ram": "1000000000"},
        "secretsMap": r#"{"pwd":{"key":"password","path":"s"}}"#,
        "componentType": "FUNCTION",
    });
    assert_eq!(built.details, expected);
    let instance = &built.instance;
    assert_eq!(instance["runtime"], "java");
    assert_eq!(instance["functionId"], "u-1");
    assert_eq!(instance["clusterName"], "test");
    assert_eq!(instance["clusters"]["default"]["serviceUrl"], "pulsar://broker:6650");
    assert_eq!(instance["package"]["url"], "/pulsar/examples/api-examples.jar");
}

#[test]
fn names_labels_and_ports_are_the_contracts() {
    let built = objects::<Function>(java(), &caches(&[pulsar()], &[], &[]));
    let set = &built.stateful_set;
    assert_eq!(set["metadata"]["name"], "w-function");
    assert_eq!(set["spec"]["serviceName"], "w-function-headless");
    assert_eq!(set["spec"]["podManagementPolicy"], "Parallel");
    assert_eq!(set["spec"]["updateStrategy"]["type"], "RollingUpdate");
    let labels = json!({
        "app.kubernetes.io/name": "w-function",
        "app.kubernetes.io/instance": "w-function",
        "compute.functionmesh.io/app": "function-mesh",
        "compute.functionmesh.io/component": "function",
        "compute.functionmesh.io/name": "w",
        "compute.functionmesh.io/namespace": "ns",
        "app": "function-mesh", "component": "function", "name": "w", "namespace": "ns",
    });
    assert_eq!(set["spec"]["selector"]["matchLabels"], labels);
    assert_eq!(set["spec"]["template"]["metadata"]["labels"], labels);
    let annotations = &set["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(annotations["prometheus.io/scrape"], "true");
    assert_eq!(annotations["prometheus.io/port"], "9094");
    let service = &built.service;
    assert_eq!(service["metadata"]["name"], "w-function-headless");
    assert_eq!(service["spec"]["clusterIP"], "None");
    assert_eq!(service["spec"]["selector"], labels);
    let ports: Vec<_> = service["spec"]["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (&p["name"], &p["port"]))
        .collect();
    assert_eq!(ports, [(&json!("tcp-grpc"), &json!(9093)), (&json!("http-metrics"), &json!(9094))]);
    let owner = json!([{
        "apiVersion": "compute.functionmesh.io/v1alpha1", "kind": "Function", "name": "w",
        "uid": "u-1", "controller": true,
    }]);
    for object in [set, service, &built.config_map, built.horizontal.as_ref().unwrap()] {
        assert_eq!(object["metadata"]["ownerReferences"], owner, "{object}");
    }
    let container = &set["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["name"], "pulsar-function");
    assert_eq!(container["image"], "example/java:1");
    assert_eq!(container["resources"]["limits"], json!({"cpu": "0.2", "memory": "1.1G"}));
}

#[test]
fn connectors_have_fewer_labels_and_their_own_names() {
    let sink = json!({
        "className": "org.example.Sink", "image": "example/sink:1",
        "input": {"topics": ["in"]}, "sinkConfig": {"url": "http://x"},
        "java": {"jar": "connectors/x.nar"}, "pulsar": {"pulsarConfig": "p"},
    });
    let built = objects::<Sink>(sink, &caches(&[pulsar()], &[], &[]));
    let labels = built.stateful_set["spec"]["selector"]["matchLabels"].as_object().unwrap();
    assert!(!labels.contains_key("app") && !labels.contains_key("compute.functionmesh.io/app"));
    assert_eq!(built.stateful_set["metadata"]["name"], "w-sink");
    let details = &built.details;
    assert_eq!(details["componentType"], "SINK");
    assert_eq!(details["className"], "org.apache.pulsar.functions.api.utils.IdentityFunction");
    assert_eq!(details["sink"]["className"], "org.example.Sink");
    assert_eq!(details["sink"]["configs"], r#"{"url":"http://x"}"#);
    let source = json!({
        "className": "org.example.Source", "image": "example/source:1",
        "output": {"topic": "out"}, "sourceConfig": {"a": 1},
        "batchSourceConfig": {"discoveryTriggererClassName": "org.example.Cron"},
        "java": {"jar": "connectors/x.nar"}, "pulsar": {"pulsarConfig": "p"},
    });
    let details = objects::<Source>(source, &caches(&[pulsar()], &[], &[])).details;
    assert_eq!(details["componentType"], "SOURCE");
    assert_eq!(details["userConfig"], r#"{"a":1}"#);
    let executor = "org.apache.pulsar.functions.source.batch.BatchSourceExecutor";
    assert_eq!(details["source"]["className"], executor);
    let configs: Value =
        serde_json::from_str(details["source"]["configs"].as_str().unwrap()).unwrap();
    assert_eq!(configs["__BATCHSOURCECLASSNAME__"], "org.example.Source");
    let trigger = r#"{"discoveryTriggererClassName":"org.example.Cron"}"#;
    assert_eq!(configs["__BATCHSOURCECONFIGS__"], trigger);
}

#[test]
fn ordering_guarantees_and_retries_are_mapped() {
    let with = |more: Value| {
        let mut spec = java();
        for (key, value) in more.as_object().unwrap() {
            spec[key] = value.clone();
        }
        objects::<Function>(spec, &caches(&[pulsar()], &[], &[])).details
    };
    assert_eq!(with(json!({"retainOrdering": true}))["source"]["subscriptionType"], "FAILOVER");
    let by_key = with(json!({"retainKeyOrdering": true}));
    assert_eq!(by_key["source"]["subscriptionType"], "KEY_SHARED");
    let once = with(json!({"processingGuarantee": "effectively_once"}));
    assert_eq!(once["processingGuarantees"], "EFFECTIVELY_ONCE");
    assert_eq!(once["source"]["subscriptionType"], "FAILOVER");
    let retries = with(json!({"maxMessageRetry": 3}));
    let expected = json!({"maxMessageRetries": 3, "deadLetterTopic": "public-default-w-DLQ"});
    assert_eq!(retries["retryDetails"], expected);
    let timeout = with(json!({"timeout": 7000}));
    assert_eq!(timeout["source"]["timeoutMs"], "7000");
    assert_eq!(timeout["source"]["negativeAckRedeliveryDelayMs"], "7000");
    let precise = with(json!({"replicas": 3, "showPreciseParallelism": true}));
    assert_eq!(precise["parallelism"], 3);
    let window = with(json!({"windowConfig": {
        "windowLengthCount": 10, "slidingIntervalCount": 5, "actualWindowFunctionClassName": "x",
    }}));
    let executor = "org.apache.pulsar.functions.windowing.WindowFunctionExecutor";
    assert_eq!(window["className"], executor);
    let config: Value = serde_json::from_str(window["userConfig"].as_str().unwrap()).unwrap();
    let class = &config["__WINDOWCONFIGS__"]["actualWindowFunctionClassName"];
    assert_eq!(class, "org.example.Exclamation");
}

#[test]
fn autoscaling_aims_at_the_limit() {
    let built = objects::<Function>(java(), &caches(&[pulsar()], &[], &[]));
    let horizontal = built.horizontal.unwrap();
    assert_eq!(horizontal["metadata"]["name"], "w-function");
    let target =
        json!({"apiVersion": "compute.functionmesh.io/v1alpha1", "kind": "Function", "name": "w"});
    assert_eq!(horizontal["spec"]["scaleTargetRef"], target);
    assert_eq!(horizontal["spec"]["maxReplicas"], 5);
    assert_eq!(horizontal["spec"]["minReplicas"], 1);
    // 80 % of a limit of twice the request is 160 % of the request.
    let metric = &horizontal["spec"]["metrics"][0]["resource"];
    assert_eq!(metric["name"], "cpu");
    assert_eq!(metric["target"], json!({"type": "Utilization", "averageUtilization": 160}));
    let mut ruled = java();
    ruled["resources"] = json!({
        "requests": {"cpu": "50m", "memory": "1G"}, "limits": {"cpu": "200m", "memory": "1G"},
    });
    ruled["pod"] = json!({"builtinAutoscaler": [
        "AverageUtilizationCPUPercent20", "AverageUtilizationMemoryPercent50",
    ]});
    let built = objects::<Function>(ruled, &caches(&[pulsar()], &[], &[]));
    let horizontal = built.horizontal.unwrap();
    let of = |i: usize| {
        horizontal["spec"]["metrics"][i]["resource"]["target"]["averageUtilization"].clone()
    };
    assert_eq!((of(0), of(1)), (json!(80), json!(50)));
}

#[test]
fn a_pod_is_restricted_and_runs_no_shell() {
    let mut spec = java();
    spec.as_object_mut().unwrap().remove("maxReplicas");
    let built = objects::<Function>(spec, &caches(&[pulsar()], &[], &[]));
    assert!(built.horizontal.is_none());
    let pod = &built.stateful_set["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    let context = &pod["securityContext"];
    assert_eq!(context["runAsNonRoot"], true);
    assert_eq!(context["runAsUser"], 10_000);
    assert_eq!(context["runAsGroup"], 10_001);
    assert_eq!(context["fsGroup"], 10_001);
    assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    for container in [&pod["containers"][0], &pod["initContainers"][0]] {
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false, "{container}");
        assert_eq!(context["readOnlyRootFilesystem"], true, "{container}");
        assert_eq!(context["capabilities"]["drop"], json!(["ALL"]), "{container}");
    }
    let command =
        json!(["/opt/function-mesh/function-runner", "run", "--config", "/etc/function-mesh"]);
    assert_eq!(pod["containers"][0]["command"], command);
    assert_eq!(pod["containers"][0]["args"], Value::Null);
    // The drain, and a margin for the kubelet.
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(grace > built.instance["drainSeconds"].as_u64().unwrap());
}

#[test]
fn a_component_without_an_image_runs_in_the_runners_own() {
    let spec = json!({
        "input": {"topics": ["in"]}, "output": {"topic": "out"},
        "pulsar": {"pulsarConfig": "p"},
        "wasm": {"module": "f.wasm", "moduleLocation": "https://example.org/f.wasm"},
    });
    let built = objects::<Function>(spec, &caches(&[pulsar()], &[], &[]));
    let pod = &built.stateful_set["spec"]["template"]["spec"];
    assert_eq!(pod["initContainers"], Value::Null);
    assert_eq!(pod["containers"][0]["image"], crate::config::DEFAULT_RUNNER_IMAGE);
    assert_eq!(built.instance["package"]["url"], "https://example.org/f.wasm");
    assert_eq!(built.instance["runtime"], Value::Null);
    let details: FunctionDetails = serde_json::from_value(built.details).unwrap();
    FunctionPlan::from_details(&details).unwrap();
}

#[test]
fn an_address_of_tls_counts_like_the_flag() {
    let spec = json!({
        "input": {"topics": ["in"]}, "output": {"topic": "out"},
        "pulsar": {
            "pulsarConfig": "p", "tlsConfig": {"certSecretName": "c", "certSecretKey": "ca.crt"},
        },
        "wasm": {"module": "f.wasm", "moduleLocation": "https://example.org/f.wasm"},
    });
    let mut cluster = pulsar();
    let cluster_of = |cluster: &Value| {
        let caches = caches(std::slice::from_ref(cluster), &[], &[]);
        objects::<Function>(spec.clone(), &caches).instance["clusters"]["default"].clone()
    };
    assert_eq!(cluster_of(&cluster)["tls"]["trustCertFile"], Value::Null);
    cluster["data"]["brokerServiceURL"] = json!("pulsar+ssl://broker:6651");
    let trust = "/etc/function-mesh/clusters/default/tls/ca.crt";
    assert_eq!(cluster_of(&cluster)["tls"]["trustCertFile"], trust);
}

#[test]
fn credentials_are_files_and_a_second_cluster_is_a_second_entry() {
    let mut spec = java();
    spec["pulsar"] = json!({
        "pulsarConfig": "p", "authSecret": "a",
        "tlsConfig": {"enabled": true, "certSecretName": "c", "certSecretKey": "ca.crt"},
    });
    spec["pulsarClusters"] = json!({"other": {"pulsarConfig": "q", "authConfig": {"oauth2Config": {
        "audience": "aud", "issuerUrl": "https://issuer", "keySecretName": "k", "keySecretKey": "key.json",
    }}}});
    spec["output"]["clusterRef"] = json!("other");
    let mut second = pulsar();
    second["metadata"]["name"] = json!("q");
    let auth = json!({
        "metadata": {"name": "a", "namespace": "ns"},
        "data": {
            // base64 of the class name and of token:canary
            "clientAuthenticationPlugin": "b3JnLmFwYWNoZS5wdWxzYXIuY2xpZW50LmltcGwuYXV0aC5BdXRoZW50aWNhdGlvblRva2Vu",
            "clientAuthenticationParameters": "dG9rZW46Y2FuYXJ5",
        },
    });
    let built = objects::<Function>(spec, &caches(&[pulsar(), second], &[auth], &[]));
    let clusters = &built.instance["clusters"];
    assert_eq!(clusters["default"]["serviceUrl"], "pulsar+ssl://broker:6650");
    let token =
        json!({"type": "token", "file": "/etc/function-mesh/clusters/default/auth/parameters"});
    assert_eq!(clusters["default"]["authentication"], token);
    let trust = "/etc/function-mesh/clusters/default/tls/ca.crt";
    assert_eq!(clusters["default"]["tls"]["trustCertFile"], trust);
    let key = "/etc/function-mesh/clusters/other/oauth2/key.json";
    assert_eq!(clusters["other"]["authentication"]["keyFile"], key);
    assert_eq!(built.instance["outputCluster"], "other");
    let all = format!("{}{}", built.stateful_set, built.config_map);
    assert!(!all.contains("canary"), "{all}");
    let volumes = built.stateful_set["spec"]["template"]["spec"]["volumes"].as_array().unwrap();
    let config = volumes.iter().find(|v| v["name"] == "function-mesh-config").unwrap();
    let mounted: Vec<_> = config["projected"]["sources"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|source| source["secret"]["name"].as_str())
        .collect();
    assert_eq!(mounted, ["c", "a", "k", "s"]);
}

#[test]
fn what_pods_depend_on_decides_whether_they_roll() {
    let of = |spec: Value, caches: &Caches| {
        let set = objects::<Function>(spec, caches).stateful_set;
        set["metadata"]["annotations"][build::INPUTS].clone()
    };
    let all = caches(&[pulsar()], &[], &[]);
    let before = of(java(), &all);
    let mut scaled = java();
    scaled["replicas"] = json!(4);
    scaled["maxReplicas"] = json!(9);
    assert_eq!(of(scaled, &all), before);
    let mut changed = java();
    changed["className"] = json!("org.example.Other");
    assert_ne!(of(changed, &all), before);
    let mut moved = pulsar();
    moved["data"]["brokerServiceURL"] = json!("pulsar://elsewhere:6650");
    assert_ne!(of(java(), &caches(&[moved], &[], &[])), before);
    let config = |update: bool| {
        json!({
            "metadata": {"name": "backend-config", "namespace": "ns"},
            "spec": {"env": {"a": "b"}, "autoUpdate": update},
        })
    };
    assert_eq!(of(java(), &caches(&[pulsar()], &[], &[config(false)])), before);
    assert_ne!(of(java(), &caches(&[pulsar()], &[], &[config(true)])), before);
}

#[test]
fn a_function_at_zero_can_be_told_how_many_it_is() {
    let mut spec = java();
    spec["showPreciseParallelism"] = json!(true);
    for (replicas, told) in [(0, 1), (1, 1), (3, 3)] {
        spec["replicas"] = json!(replicas);
        let built = objects::<Function>(spec.clone(), &caches(&[pulsar()], &[], &[]));
        assert_eq!(built.details["parallelism"], json!(told), "{replicas} replicas");
    }
}

#[test]
fn a_field_that_is_wanted_no_longer_is_a_difference() {
    let of = |spec: Value| objects::<Function>(spec, &caches(&[pulsar()], &[], &[]));
    let mut more = java();
    more["maxReplicas"] = json!(9);
    let mut most = more.clone();
    most["persistentVolumeClaimRetentionPolicy"] = json!({"whenDeleted": "Delete"});
    most["pod"] = json!({"autoScalingBehavior": {"scaleDown": {"stabilizationWindowSeconds": 9}}});
    let (more, most) = (of(more), of(most));
    assert!(drift::satisfied(&most.stateful_set, &most.stateful_set).unwrap());
    assert!(!drift::satisfied(&more.stateful_set, &most.stateful_set).unwrap());
    assert!(!drift::satisfied(&more.horizontal, &most.horizontal).unwrap());
    assert!(drift::satisfied(&more.service, &most.service).unwrap());
    let annotation = |set: &Value, name: &str| set["metadata"]["annotations"][name].clone();
    for name in [build::INPUTS, build::TEMPLATE] {
        let pods_stay =
            annotation(&more.stateful_set, name) == annotation(&of(java()).stateful_set, name);
        assert!(pods_stay, "{name}");
    }
}

#[test]
fn a_missing_reference_is_named() {
    let workload: Function = workload(java());
    let refused = |caches: &Caches| {
        let defaults = PodDefaults::default();
        dereference::dereference(&workload, caches, &selection(), &defaults).unwrap_err()
    };
    let error = refused(&caches(&[], &[], &[]));
    assert_eq!(error.reason(), "ConfigMapNotFound");
    let text = error.to_string();
    assert!(text.contains("spec.pulsar.pulsarConfig") && text.contains(" p "), "{text}");
    let mut empty = pulsar();
    empty["data"] = json!({});
    let error = refused(&caches(&[empty], &[], &[]));
    assert!(error.to_string().contains("brokerServiceURL"), "{error}");
}

/// The original's own samples, where they are beside the checkout.
#[test]
fn the_originals_samples_are_built() {
    let Some(folder) = crate::crd::schema::tests::original::folder() else { return };
    let files = std::fs::read_dir(folder.join("samples")).unwrap();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        let maps: Vec<Value> =
            documents.iter().filter(|d| d["kind"] == "ConfigMap").map(placed).collect();
        let secrets: Vec<Value> =
            documents.iter().filter(|d| d["kind"] == "Secret").map(placed).collect();
        let caches = caches(&maps, &secrets, &[]);
        for document in &documents {
            let kind = document["kind"].as_str().unwrap_or_default().to_owned();
            let spec = || document["spec"].clone();
            match kind.as_str() {
                "Function" => drop(objects::<Function>(spec(), &caches)),
                "Source" => drop(objects::<Source>(spec(), &caches)),
                "Sink" => drop(objects::<Sink>(spec(), &caches)),
                "FunctionMesh" => {
                    for member in document["spec"]["functions"].as_array().unwrap() {
                        objects::<Function>(member.clone(), &caches);
                    }
                }
                _ => continue,
            }
            *kinds.entry(kind).or_default() += 1;
        }
    }
    assert_eq!(kinds.len(), 4, "{kinds:?}");
}

fn placed(object: &Value) -> Value {
    let mut object = object.clone();
    object["metadata"]["namespace"] = json!("ns");
    object
}
