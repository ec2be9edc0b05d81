//! The cluster that the other scenarios stand on.

use std::{
    fs,
    io::Read as _,
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use function_mesh_tests::{
    eventually::eventually_true,
    kubernetes::{Kubernetes, condition},
    platform::Platform,
};
use kubernetes_standalone::programs::{Component, Options};
use serde_json::json;

use crate::stage::{SHELL, SOON, own_cluster_turn, platform, restricted, start};

/// A pod under the strictest policy that runs `script` in busybox.
fn pod(namespace: &str, name: &str, script: &str) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": 65532,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [{
                "name": "shell",
                "image": SHELL,
                "args": ["sh", "-c", script],
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"] },
                },
            }],
        },
    })
    .to_string()
}

#[test]
fn a_pod_runs_is_reached_and_reaches_this_machine() -> Result<()> {
    let platform = platform()?;
    let namespace = restricted(platform, "reach")?;
    let listener = TcpListener::bind((platform.gateway()?, 0))?;
    let address = listener.local_addr()?;
    let script = format!(
        "echo from the pod | /bin/busybox nc {} {}; \
         while :; do echo to the test | /bin/busybox nc -l -p 8080; done",
        address.ip(),
        address.port()
    );
    platform.kubernetes.apply(&pod(&namespace, "shell", &script))?;
    let (mut connection, _) = listener.accept()?;
    let mut received = String::new();
    connection.read_to_string(&mut received)?;
    drop(connection);
    assert_eq!(received, "from the pod\n");

    let pod = platform.kubernetes.ready_pod(&namespace, "shell", SOON)?;
    let ip = pod.pointer("/status/podIP").and_then(|ip| ip.as_str()).context("no podIP")?;
    let mut answer = String::new();
    eventually_true(SOON, "an answer from the pod", || {
        answer.clear();
        let mut connection = TcpStream::connect(format!("{ip}:8080"))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        connection.read_to_string(&mut answer)?;
        Ok(!answer.is_empty())
    })?;
    assert_eq!(answer, "to the test\n");
    assert_eq!(platform.kubernetes.restarts(&namespace, "shell")?, 0);
    Ok(())
}

#[test]
fn a_pod_reaches_the_api_server_where_kubernetes_says_it_is() -> Result<()> {
    let platform = platform()?;
    let namespace = restricted(platform, "in-cluster")?;
    let script = "exec /bin/busybox wget -q -O - --no-check-certificate \
                  https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/version";
    let once = pod(&namespace, "asks", script).replace(
        r#""terminationGracePeriodSeconds""#,
        r#""restartPolicy": "Never", "terminationGracePeriodSeconds""#,
    );
    platform.kubernetes.apply(&once)?;
    eventually_true(SOON, "the end of the pod", || {
        let pod = platform.kubernetes.get("Pod", &namespace, "asks")?;
        Ok(pod.pointer("/status/phase").is_some_and(|phase| phase == "Succeeded"))
    })
    .with_context(|| platform.kubernetes.story(&namespace, "asks"))?;
    let log = platform.kubernetes.logs(&namespace, "asks", "shell")?;
    assert!(log.contains(r#""gitVersion": "v1.34.2""#), "{log}");
    Ok(())
}

#[test]
fn a_pod_that_may_do_more_than_the_policy_is_refused() -> Result<()> {
    let platform = platform()?;
    let namespace = restricted(platform, "policy")?;
    let privileged = pod(&namespace, "root", "exit").replace("65532", "0");
    let refusal = platform.kubernetes.apply(&privileged).unwrap_err().to_string();
    assert!(refusal.contains("runAsUser=0"), "{refusal}");
    Ok(())
}

#[test]
fn a_service_account_may_only_what_its_role_says_and_the_log_shows_it() -> Result<()> {
    let platform = platform()?;
    let namespace = restricted(platform, "rbac")?;
    platform.kubernetes.apply(&format!(
        "{{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, \
           metadata: {{name: maps, namespace: {namespace}}}, \
           rules: [{{apiGroups: [''], resources: [configmaps], verbs: [get, create, patch]}}]}}\n\
         ---\n\
         {{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, \
           metadata: {{name: maps, namespace: {namespace}}}, \
           roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: maps}}, \
           subjects: [{{kind: ServiceAccount, name: default, namespace: {namespace}}}]}}"
    ))?;
    let limited = Kubernetes::connect(&platform.kubeconfig_of(&namespace, "default")?)?;
    let object = |kind: &str| {
        format!(
            "{{apiVersion: v1, kind: {kind}, metadata: {{name: mine, namespace: {namespace}}}}}"
        )
    };
    // A role's binding is known to the API server a moment after it is made.
    eventually_true(SOON, "a config map", || Ok(!limited.apply(&object("ConfigMap"))?.is_empty()))?;
    let refusal = limited.apply(&object("Secret")).unwrap_err().to_string();
    assert!(refusal.contains("secrets \"mine\" is forbidden"), "{refusal}");

    let user = format!("system:serviceaccount:{namespace}:default");
    let codes = |resource: &str| -> Result<Vec<u64>> {
        let writes = platform.writes()?.into_iter();
        let mine = writes.filter(|write| write.user == user && write.resource == resource);
        Ok(mine.map(|write| write.code).collect())
    };
    assert_eq!(codes("secrets")?, [403]);
    assert_eq!(codes("configmaps")?.last(), Some(&201));
    Ok(())
}

#[test]
fn programs_that_are_killed_or_frozen_come_back_as_they_were() -> Result<()> {
    let _turn = own_cluster_turn();
    let mut platform = start()?;
    let namespace = restricted(&platform, "faults")?;
    platform.kubernetes.apply(&pod(&namespace, "shell", "exec /bin/busybox sleep 1000"))?;
    platform.kubernetes.ready_pod(&namespace, "shell", SOON)?;
    let before = platform.kubernetes.pod_uids(&namespace, "")?;

    let machine = &mut platform.machine;
    for component in [
        Component::Etcd,
        Component::ApiServer,
        Component::ControllerManager,
        Component::Scheduler,
        Component::Containerd,
        Component::Kubelet,
    ] {
        machine.kill(component)?;
        machine.restart(component).with_context(|| format!("{component}, killed"))?;
    }
    machine.freeze(Component::Etcd)?;
    let is_ready = || {
        let mut kubectl = platform.machine.kubectl();
        kubectl.args(["get", "--raw", "/readyz", "--request-timeout=5s"]);
        Ok(kubectl.output()?.status.success())
    };
    eventually_true(SOON, "an API server that misses its store", || Ok(!is_ready()?))?;
    platform.machine.thaw(Component::Etcd)?;
    eventually_true(SOON, "a ready API server", is_ready)?;

    platform.kubernetes.ready_pod(&namespace, "shell", SOON)?;
    assert_eq!(platform.kubernetes.pod_uids(&namespace, "")?, before);
    assert_eq!(platform.kubernetes.restarts(&namespace, "shell")?, 0);
    platform.kubernetes.delete("Pod", &namespace, "shell")?;
    platform.kubernetes.gone("Pod", &namespace, "shell", SOON)
}

/// Lines about this machine that name one of `marks`.
fn traces(marks: &[String]) -> Result<Vec<String>> {
    let mut all = fs::read_to_string("/proc/mounts")?;
    for command in [
        "ip -brief link show type bridge",
        "find /sys/fs/cgroup -maxdepth 2",
        "find /var/lib/cni/results /run/containerd /var/log/containers",
        "ps -eo args",
    ] {
        let mut words = command.split(' ');
        let output = Command::new(words.next().unwrap_or_default()).args(words).output()?;
        all.push_str(&String::from_utf8_lossy(&output.stdout));
    }
    let ours = all.lines().filter(|line| marks.iter().any(|mark| line.contains(mark)));
    Ok(ours.map(str::to_owned).collect())
}

/// The names under which a cluster and its containers are known to this machine.
fn marks(state: &Path) -> Result<Vec<String>> {
    let mut marks = vec![
        fs::read_to_string(state.join("network"))?,
        // With what follows: the tests' own arguments may name a parent.
        format!("{}/", state.display()),
    ];
    let bundles = state.join("containerd-run/io.containerd.runtime.v2.task/k8s.io");
    for bundle in fs::read_dir(bundles)? {
        marks.push(bundle?.file_name().to_string_lossy().into_owned());
    }
    Ok(marks)
}

#[test]
fn a_cluster_leaves_nothing_behind() -> Result<()> {
    let _turn = own_cluster_turn();
    let platform = start()?;
    let namespace = restricted(&platform, "traces")?;
    platform.kubernetes.apply(&pod(&namespace, "shell", "exec /bin/busybox sleep 1000"))?;
    platform.kubernetes.ready_pod(&namespace, "shell", SOON)?;
    let state = platform.machine.state().to_owned();
    let marks = marks(&state)?;
    assert!(marks.len() >= 4, "a sandbox and a container: {marks:?}");
    assert!(traces(&marks)?.len() > 10, "the traces are looked for in the right places");
    drop(platform);
    // A killed process is listed until whoever inherited it has taken note.
    eventually_true(SOON, "the end of its processes", || {
        let left = traces(&marks)?;
        ensure!(left.is_empty(), "{}", left.join("\n"));
        Ok(true)
    })?;
    assert!(!state.exists());
    Ok(())
}

#[test]
fn a_control_plane_alone_needs_no_node() -> Result<()> {
    let _turn = own_cluster_turn();
    let platform = Platform::start(&Options::control_plane())?;
    assert_eq!(platform.machine.gateway(), None);
    platform.kubernetes.apply(
        "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: pending}, spec: {\
           serviceName: pending, replicas: 1, selector: {matchLabels: {app: pending}}, template: {\
             metadata: {labels: {app: pending}}, \
             spec: {containers: [{name: c, image: localhost/none:1}]}}}}",
    )?;
    eventually_true(SOON, "a pod that no node takes", || {
        let pod = platform.kubernetes.get("Pod", "default", "pending-0")?;
        Ok(condition(&pod, "PodScheduled")? == "False")
    })
}
