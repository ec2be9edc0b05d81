//! Why a pod that runs is not ready, in its runner's own words: a topic that it may not read, a
//! tenant that does not exist.
//!
//! Kubernetes does not keep what a readiness probe answers, so the controller asks the runner what
//! the kubelet asks it. Where pods cannot be reached from here, the status says less, and nothing
//! else changes.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::ResourceExt;
use reqwest::{Client, StatusCode, redirect};

use super::{build::METRICS_PORT, pods::Trouble};

/// Pods that were not ready for less time are still starting.
const GRACE: Duration = Duration::from_secs(5);
/// How often a pod is asked that stays as it is.
const AGAIN: Duration = Duration::from_secs(15);
const TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes of an answer: a condition's message is to be read by people.
const LONGEST: usize = 1000;

/// Asks runners.
#[derive(Clone, Debug)]
pub struct Runners(Client);

impl Runners {
    /// # Errors
    /// There is no HTTP client on this machine.
    pub fn new() -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(0)
            .redirect(redirect::Policy::none())
            // Pods are asked directly, and without encryption: no authorities are needed.
            .no_proxy()
            .tls_certs_only([])
            .build()?;
        Ok(Self(client))
    }

    /// What the first pod says that should be ready by now.
    pub async fn trouble(&self, pods: &[Arc<Pod>], now: Timestamp) -> Option<Trouble> {
        let unready = first(pods)?;
        if unready.age(now) < GRACE {
            return None;
        }
        let said = self.ask(unready.address).await?;
        let message = format!("pod {}: {said}", unready.pod);
        Some(Trouble { reason: "RunnerNotReady".to_owned(), message })
    }

    /// What is missing, in one line; none if nothing is, or nobody says.
    async fn ask(&self, address: SocketAddr) -> Option<String> {
        let mut response = self.0.get(format!("http://{address}/readyz")).send().await.ok()?;
        if response.status() != StatusCode::SERVICE_UNAVAILABLE {
            return None;
        }
        let mut body = Vec::new();
        while body.len() < LONGEST
            && let Some(chunk) = response.chunk().await.ok()?
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(LONGEST);
        let text = String::from_utf8_lossy(&body);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Some(lines.collect::<Vec<_>>().join("; ")).filter(|said| !said.is_empty())
    }
}

/// When to look again, if a pod that runs is not ready: nothing else may happen that tells why.
pub fn again(pods: &[Arc<Pod>], now: Timestamp) -> Option<Duration> {
    let age = first(pods)?.age(now);
    Some(if age < GRACE { GRACE - age } else { AGAIN })
}

/// A pod that runs, is not ready, and is not going.
struct Unready {
    pod: String,
    address: SocketAddr,
    since: Timestamp,
}

impl Unready {
    fn age(&self, now: Timestamp) -> Duration {
        now.duration_since(self.since).try_into().unwrap_or_default()
    }
}

fn first(pods: &[Arc<Pod>]) -> Option<Unready> {
    let found = pods.iter().filter_map(|pod| unready(pod));
    found.min_by(|a, b| a.pod.cmp(&b.pod))
}

fn unready(pod: &Pod) -> Option<Unready> {
    let status = pod.status.as_ref().filter(|_| pod.metadata.deletion_timestamp.is_none())?;
    let ready = status.conditions.iter().flatten().find(|condition| condition.type_ == "Ready")?;
    let mut containers = status.container_statuses.iter().flatten();
    let runs = |state: &k8s_openapi::api::core::v1::ContainerState| state.running.is_some();
    let waits =
        containers.any(|container| !container.ready && container.state.as_ref().is_some_and(runs));
    if ready.status == "True" || !waits {
        return None;
    }
    let address: IpAddr = status.pod_ip.as_deref()?.parse().ok()?;
    let port = u16::try_from(METRICS_PORT.1).ok()?;
    Some(Unready {
        pod: pod.name_any(),
        address: SocketAddr::new(address, port),
        since: ready.last_transition_time.as_ref()?.0,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    fn pod(name: &str, ready: &str, state: serde_json::Value) -> Arc<Pod> {
        let pod = json!({
            "metadata": {"name": name},
            "status": {
                "podIP": "fd00::7",
                "conditions": [{
                    "type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z",
                }],
                "containerStatuses": [{
                    "name": "pulsar-function", "image": "", "imageID": "", "restartCount": 0,
                    "ready": ready == "True", "state": state,
                }],
            },
        });
        Arc::new(serde_json::from_value(pod).unwrap())
    }

    fn running() -> serde_json::Value {
        json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}})
    }

    fn at(second: i64) -> Timestamp {
        let midnight: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        Timestamp::from_second(midnight.as_second() + second).unwrap()
    }

    #[test]
    fn a_pod_that_runs_unready_is_looked_at_again() {
        let pods = [pod("f-1", "False", running()), pod("f-0", "False", running())];
        assert_eq!(again(&pods, at(2)), Some(Duration::from_secs(3)));
        assert_eq!(again(&pods, at(5)), Some(AGAIN));
        let first = first(&pods).unwrap();
        assert_eq!(
            (first.pod.as_str(), first.address.to_string()),
            ("f-0", "[fd00::7]:9094".into())
        );
    }

    #[test]
    fn pods_that_are_ready_or_do_not_run_are_left_alone() {
        let waiting = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        for pod in [pod("f-0", "True", running()), pod("f-0", "False", waiting)] {
            assert_eq!(again(&[pod], at(60)), None);
        }
        let mut going = pod("f-0", "False", running());
        Arc::make_mut(&mut going).metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(1)));
        assert_eq!(again(&[going], at(60)), None);
    }

    /// What is asked of a runner that answers so.
    async fn asked(answer: &'static str) -> Option<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = async {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let read = peer.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /readyz HTTP/1.1\r\n"));
            peer.write_all(answer.as_bytes()).await.unwrap();
        };
        let runners = Runners::new().unwrap();
        tokio::join!(runners.ask(address), served).0
    }

    #[tokio::test]
    async fn the_runners_lines_become_one() {
        let said =
            asked("HTTP/1.1 503 No\r\ncontent-length: 26\r\n\r\na: no topic\n\n b: starting\n");
        assert_eq!(said.await.as_deref(), Some("a: no topic; b: starting"));
    }

    #[tokio::test]
    async fn a_runner_that_is_ready_or_no_runner_says_nothing() {
        assert_eq!(asked("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n").await, None);
        assert_eq!(asked("HTTP/1.1 404 No\r\ncontent-length: 3\r\n\r\nno\n").await, None);
        assert_eq!(asked("HTTP/1.1 503 No\r\ncontent-length: 9\r\n\r\nno").await, None);
        assert_eq!(asked("what?").await, None);
    }
}
