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
use reqwest::{Client, Response, StatusCode, redirect};
use tokio::sync::Semaphore;

use super::{build::METRICS_PORT, pods::Trouble, status::READY};
use crate::crd::status::WorkloadStatus;

/// Pods that were not ready for less time are still starting.
const GRACE: Duration = Duration::from_secs(5);
/// How often a pod is asked that stays as it is.
const AGAIN: Duration = Duration::from_secs(15);
const TIMEOUT: Duration = Duration::from_secs(1);
/// Asked at once. Pods that cannot be reached must not hold up everything else.
const ASKED: usize = 2;
const REASON: &str = "RunnerNotReady";
/// Bytes of an answer: a condition's message is to be read by people.
const LONGEST: usize = 1000;

/// Asks runners.
#[derive(Clone, Debug)]
pub struct Runners {
    client: Client,
    turns: Arc<Semaphore>,
}

/// What a runner answers.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// What is missing, in one line.
    Waits(String),
    Ready,
    /// It cannot be reached, or is none.
    Nothing,
}

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
        Ok(Self { client, turns: Arc::new(Semaphore::new(ASKED)) })
    }

    /// What the first pod says that should be ready by now; what it said before, if it cannot be
    /// asked this time.
    pub async fn trouble(
        &self,
        pods: &[Arc<Pod>],
        before: Option<&WorkloadStatus>,
        now: Timestamp,
    ) -> Option<Trouble> {
        let unready = first(pods)?;
        if unready.age(now) < GRACE {
            return None;
        }
        let whose = format!("pod {}: ", unready.pod);
        let message = match self.ask(unready.address).await {
            Answer::Waits(said) => format!("{whose}{said}"),
            Answer::Ready => return None,
            Answer::Nothing => {
                let mut before = before?.standard_conditions.iter();
                let ready = before.find(|condition| condition.type_ == READY)?;
                let same = ready.reason == REASON && ready.message.starts_with(&whose);
                same.then(|| ready.message.clone())?
            }
        };
        Some(Trouble { reason: REASON.to_owned(), message })
    }

    async fn ask(&self, address: SocketAddr) -> Answer {
        let Ok(_turn) = self.turns.try_acquire() else { return Answer::Nothing };
        let request = self.client.get(format!("http://{address}/readyz"));
        let Ok(response) = request.send().await else { return Answer::Nothing };
        match response.status() {
            StatusCode::OK => Answer::Ready,
            StatusCode::SERVICE_UNAVAILABLE => match missing(response).await {
                Ok(missing) if !missing.is_empty() => Answer::Waits(missing),
                _ => Answer::Nothing,
            },
            _ => Answer::Nothing,
        }
    }
}

/// The lines of an answer as one.
async fn missing(mut response: Response) -> reqwest::Result<String> {
    let mut body = Vec::new();
    while body.len() < LONGEST
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(LONGEST);
    let text = String::from_utf8_lossy(&body);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.collect::<Vec<_>>().join("; "))
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

    fn runners() -> Runners {
        // As the program does at its start.
        drop(rustls::crypto::ring::default_provider().install_default());
        Runners::new().unwrap()
    }

    /// What comes of asking a runner that answers so.
    async fn asked(answer: &'static str) -> Answer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = async {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let read = peer.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /readyz HTTP/1.1\r\n"));
            peer.write_all(answer.as_bytes()).await.unwrap();
        };
        let runners = runners();
        tokio::join!(runners.ask(address), served).0
    }

    #[tokio::test]
    async fn the_runners_lines_become_one() {
        let said =
            asked("HTTP/1.1 503 No\r\ncontent-length: 26\r\n\r\na: no topic\n\n b: starting\n");
        assert_eq!(said.await, Answer::Waits("a: no topic; b: starting".to_owned()));
    }

    #[tokio::test]
    async fn a_runner_that_is_ready_or_no_runner_says_nothing() {
        let ready = asked("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n");
        assert_eq!(ready.await, Answer::Ready);
        for answer in [
            "HTTP/1.1 404 No\r\ncontent-length: 3\r\n\r\nno\n",
            "HTTP/1.1 503 No\r\ncontent-length: 9\r\n\r\nno",
            "what?",
        ] {
            assert_eq!(asked(answer).await, Answer::Nothing, "{answer}");
        }
    }

    #[tokio::test]
    async fn a_pod_that_cannot_be_asked_now_is_still_what_it_said() {
        let status = |reason: &str, message: &str| -> WorkloadStatus {
            let ready = json!({
                "type": "Ready", "status": "False", "reason": reason, "message": message,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            });
            serde_json::from_value(json!({"standardConditions": [ready]})).unwrap()
        };
        let runners = runners();
        // All turns are taken.
        let _turns = runners.turns.acquire_many(2).await.unwrap();
        let pods = [pod("f-0", "False", running())];
        let trouble = async |before: WorkloadStatus| {
            runners.trouble(&pods, Some(&before), at(60)).await.map(|trouble| trouble.message)
        };
        let said = "pod f-0: no such tenant";
        assert_eq!(trouble(status(REASON, said)).await.as_deref(), Some(said));
        assert_eq!(trouble(status(REASON, "pod f-1: no such tenant")).await, None);
        assert_eq!(trouble(status("PodsNotReady", said)).await, None);
    }
}
