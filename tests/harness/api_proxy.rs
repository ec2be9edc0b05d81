//! A stand between the controller and the API server, where requests are refused, answers held back
//! and watch events lost: what a network and a busy server do, at a chosen moment.

use std::{
    convert::Infallible,
    fs,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use anyhow::{Result, anyhow};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use http_body_util::{BodyExt as _, BodyStream, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use kube::{Client, client::Body};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::kubernetes::Kubernetes;

pub mod journal;

use journal::{Asked, Journal};

type Answer = Response<UnsyncBoxBody<Bytes, anyhow::Error>>;

/// What the proxy does; all of it off at first.
#[derive(Debug, Default)]
struct Plan {
    /// Percent of requests that are answered here, with these statuses in turn.
    refused: Option<(u64, Vec<u16>)>,
    requests: u64,
    refusals: u64,
    writes: u64,
    /// Writes until everything is held.
    until_hold: Option<u64>,
    held: bool,
    /// Watch events that pass before any is lost.
    to_pass: u64,
    /// Watch events that are still to be lost.
    to_lose: u64,
    /// Seconds that a refusal with 429 asks to wait.
    retry_after: Option<u64>,
    journal: Vec<Asked>,
}

#[derive(Debug)]
struct Shared {
    plan: Mutex<Plan>,
    /// How often it was let go; what was held before that is dropped.
    released: watch::Sender<u64>,
    frozen: watch::Sender<bool>,
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running proxy. Whoever uses its kubeconfig is, to the API server, who the proxy is.
#[derive(Debug)]
pub struct ApiProxy {
    shared: Arc<Shared>,
    dir: TempDir,
    serving: JoinHandle<()>,
}

impl ApiProxy {
    /// Starts one in front of the API server that `kubernetes` talks to.
    ///
    /// # Errors
    /// There is no port to listen on.
    pub fn start(kubernetes: &Kubernetes) -> Result<Self> {
        let listener = kubernetes.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let dir = tempfile::tempdir()?;
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{
                "name": "proxy", "cluster": { "server": format!("http://{}", listener.local_addr()?) },
            }],
            "contexts": [{ "name": "proxy", "context": { "cluster": "proxy", "user": "proxy" } }],
            "users": [{ "name": "proxy", "user": {} }],
        });
        fs::write(dir.path().join("kubeconfig"), kubeconfig.to_string())?;
        let shared = Arc::new(Shared {
            plan: Mutex::default(),
            released: watch::Sender::new(0),
            frozen: watch::Sender::new(false),
        });
        let served = serve(listener, kubernetes.client(), Arc::clone(&shared));
        let serving = kubernetes.runtime.spawn(served);
        Ok(Self { shared, dir, serving })
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("kubeconfig")
    }

    /// From now on answers `percent` of the requests with these statuses in turn. 409 is for writes
    /// only, since no read conflicts.
    pub fn refuse(&self, percent: u64, statuses: &[u16]) {
        self.shared.plan().refused = Some((percent, statuses.to_vec()));
    }

    /// Seconds that refusals with 429 ask to wait, in a header as the API server's do. At first 1.
    pub fn ask_to_wait(&self, seconds: u64) {
        self.shared.plan().retry_after = Some(seconds);
    }

    pub fn refuse_none(&self) {
        self.shared.plan().refused = None;
    }

    /// Lets `count` more writes through. The API server carries out the last of them, but its answer
    /// and all answers after it are held back: whoever asked can be killed at this very point.
    /// Leases and events do not count.
    pub fn hold_after_writes(&self, count: u64) {
        self.shared.plan().until_hold = Some(count);
    }

    /// Whether [`ApiProxy::hold_after_writes`] has come to its point.
    pub fn holds(&self) -> bool {
        self.shared.plan().held
    }

    /// Closes the connections that were held, and goes on as at first.
    pub fn release(&self) {
        let mut plan = self.shared.plan();
        plan.held = false;
        plan.until_hold = None;
        self.shared.released.send_modify(|times| *times += 1);
    }

    /// Loses the next `count` events of watches, bookmarks apart.
    pub fn lose_events(&self, count: u64) {
        self.shared.plan().to_lose = count;
    }

    /// Loses one event of watches: the one after the next `passing`, bookmarks apart.
    pub fn lose_event_after(&self, passing: u64) {
        let mut plan = self.shared.plan();
        plan.to_pass = passing;
        plan.to_lose = 1;
    }

    /// Events that are still to be lost.
    pub fn events_to_lose(&self) -> u64 {
        self.shared.plan().to_lose
    }

    /// Holds events of watches back until told otherwise: what is known becomes stale.
    pub fn freeze_watches(&self, frozen: bool) {
        self.shared.frozen.send_replace(frozen);
    }

    /// Writes that came so far, without leases and events.
    pub fn writes(&self) -> u64 {
        self.shared.plan().writes
    }

    /// Every request that came so far, watches too, in the order in which they came.
    pub fn journal(&self) -> Journal {
        Journal(self.shared.plan().journal.clone())
    }

    /// Requests that were answered here, and all that came.
    pub fn refusals(&self) -> (u64, u64) {
        let plan = self.shared.plan();
        (plan.refusals, plan.requests)
    }
}

impl Drop for ApiProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, client: Client, shared: Arc<Shared>) {
    // Connections end with this task.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, client.clone(), Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, client: Client, shared: Arc<Shared>) {
    let service = service_fn(|request| {
        let (client, shared) = (client.clone(), Arc::clone(&shared));
        async move { answer(request, client, &shared).await }
    });
    // A caller that was killed leaves in the middle of something.
    _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error closes the connection without an answer.
async fn answer(
    request: Request<Incoming>,
    client: Client,
    shared: &Arc<Shared>,
) -> Result<Answer> {
    let write = is_counted_write(request.method(), request.uri().path());
    let mut released = shared.released.subscribe();
    let (held, refusal, last, wait) = {
        let mut plan = shared.plan();
        let (held, refusal, last) = admit(&mut plan, &request, write);
        plan.journal.push(Asked {
            at: Instant::now(),
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            refused: refusal,
        });
        (held, refusal, last, plan.retry_after.unwrap_or(1))
    };
    if held {
        released.changed().await?;
        return Err(anyhow!("held until released"));
    }
    if let Some(status) = refusal {
        return refuse(status, wait);
    }
    let watched = request.uri().query().is_some_and(|query| query.contains("watch=true"));
    let (mut parts, body) = request.into_parts();
    // The client says by itself who it is and whom it asks.
    parts.headers.remove("host");
    let body = Body::from(body.collect().await?.to_bytes());
    let response = client.send(Request::from_parts(parts, body)).await?;
    if last {
        shared.plan().held = true;
        released.changed().await?;
        return Err(anyhow!("held until released"));
    }
    Ok(response.map(|body| {
        if watched {
            StreamBody::new(events(body, Arc::clone(shared))).boxed_unsync()
        } else {
            body.map_err(|error| anyhow!(error)).boxed_unsync()
        }
    }))
}

/// Whether a request is held, refused with a status, or the last write before the hold.
fn admit(plan: &mut Plan, request: &Request<Incoming>, write: bool) -> (bool, Option<u16>, bool) {
    if plan.held {
        return (true, None, false);
    }
    plan.requests += 1;
    if let Some((percent, statuses)) = &plan.refused {
        let due = |requests: u64| requests * percent / 100;
        if due(plan.requests) != due(plan.requests - 1) {
            let turn = usize::try_from(plan.refusals).unwrap_or_default() % statuses.len().max(1);
            plan.refusals += 1;
            let status = statuses.get(turn).copied().unwrap_or(500);
            let read = request.method() == Method::GET;
            return (false, Some(if read && status == 409 { 500 } else { status }), false);
        }
    }
    if !write {
        return (false, None, false);
    }
    plan.writes += 1;
    match &mut plan.until_hold {
        Some(left) => {
            *left = left.saturating_sub(1);
            (false, None, *left == 0)
        }
        None => (false, None, false),
    }
}

fn is_counted_write(method: &Method, path: &str) -> bool {
    let is_write = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method);
    is_write && !path.split('/').any(|part| part == "leases" || part == "events")
}

fn refuse(status: u16, wait: u64) -> Result<Answer> {
    let status = StatusCode::from_u16(status)?;
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "injected by the test", "code": status.as_u16(),
        "reason": match status.as_u16() {
            409 => "Conflict",
            429 => "TooManyRequests",
            504 => "Timeout",
            _ => "InternalError",
        },
    });
    let mut answer = Response::builder().status(status).header("content-type", "application/json");
    if status == StatusCode::TOO_MANY_REQUESTS {
        answer = answer.header("retry-after", wait);
    }
    let body = Full::new(Bytes::from(body.to_string()));
    Ok(answer.body(body.map_err(|never: Infallible| match never {}).boxed_unsync())?)
}

/// The events of a watch, a line each, without those that are lost.
fn events(body: Body, shared: Arc<Shared>) -> impl Stream<Item = Result<Frame<Bytes>>> + Send {
    let lines = Lines { body: Box::pin(BodyStream::new(body)), rest: Vec::new() };
    stream::try_unfold((lines, shared), async |(mut lines, shared)| {
        loop {
            let Some(line) = lines.next().await? else { return Ok(None) };
            let mut frozen = shared.frozen.subscribe();
            // The sender is in `shared`: it cannot be gone.
            _ = frozen.wait_for(|frozen| !frozen).await;
            let bookmark = line.starts_with(br#"{"type":"BOOKMARK""#);
            let mut plan = shared.plan();
            if plan.to_lose > 0 && !bookmark {
                if plan.to_pass == 0 {
                    plan.to_lose -= 1;
                    continue;
                }
                plan.to_pass -= 1;
            }
            drop(plan);
            return Ok(Some((Frame::data(Bytes::from(line)), (lines, shared))));
        }
    })
}

struct Lines {
    body: Pin<Box<BodyStream<Body>>>,
    rest: Vec<u8>,
}

impl Lines {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let after = self.rest.split_off(end + 1);
                return Ok(Some(std::mem::replace(&mut self.rest, after)));
            }
            let Some(frame) = self.body.next().await else { return Ok(None) };
            let frame = frame.map_err(|error| anyhow!(error))?;
            // Anything else is a trailer, which a watch has not.
            if let Ok(data) = frame.into_data() {
                self.rest.extend_from_slice(&data);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_and_events_are_no_writes_of_the_controllers_work() {
        let path = "/apis/coordination.k8s.io/v1/namespaces/n/leases/leader";
        assert!(!is_counted_write(&Method::PUT, path));
        assert!(!is_counted_write(&Method::POST, "/api/v1/namespaces/n/events"));
        assert!(!is_counted_write(&Method::GET, "/api/v1/namespaces/n/services/s"));
        assert!(is_counted_write(&Method::PATCH, "/api/v1/namespaces/n/services/s"));
    }
}
