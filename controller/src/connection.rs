//! The way to the API server: what is done with every request of the operator.
//!
//! ```text
//! address ─► credentials ─► ApiServer ─┬─► connections for reading
//!                  counts, limits time └─► connections for writing, behind the fence
//! ```
//!
//! Reading and writing have connections of their own, so that the fence can stand where bytes
//! leave. Nothing is retried here: whoever asks knows how urgent it is, and waits by its own plan. But
//! a refusal that asks to wait is handed over after that time, so that nobody can come back sooner:
//! not a retry, nor another look at the same object that something else starts.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use http::{Method, Request, Response, StatusCode, Uri, header::RETRY_AFTER};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Builder, ResponseFuture, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use kube::{
    Client, Config,
    client::{Body, ConfigExt},
};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tower::{BoxError, Service, ServiceBuilder};

use crate::metrics::Metrics;

pub mod fence;
pub mod pulse;

pub use fence::Fence;
pub use pulse::Pulse;

use fence::Fenced;

/// An API server that takes longer to begin an answer will not give one: it is stopped, or waits
/// for its own store. A watch begins at once too, and then lasts.
const ANSWER_TIME: Duration = Duration::from_secs(30);

const CONNECT_TIME: Duration = Duration::from_secs(5);

/// The API server asks for a second, as a rule; more than this is not waited here.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// A client whose writes are held back by the fence, and whose requests are counted.
///
/// # Errors
/// Certificates or credentials of the configuration cannot be used, or it names an HTTP proxy.
pub fn client(
    config: &Config,
    fence: &Fence,
    metrics: &Metrics,
    pulse: &Pulse,
) -> Result<Client, ConnectionError> {
    if let Some(proxy) = &config.proxy_url {
        return Err(ConnectionError::Proxy(proxy.host().unwrap_or_default().to_owned()));
    }
    let server = ApiServer {
        reads: sender(config, Fence::open())?,
        writes: sender(config, fence.clone())?,
        fence: fence.clone(),
        metrics: metrics.clone(),
        pulse: pulse.clone(),
    };
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .service(server);
    Ok(Client::new(service, config.default_namespace.clone()))
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    #[error("cannot use the cluster's configuration: {0}")]
    Config(#[from] kube::Error),
    #[error(
        "the cluster's configuration names the HTTP proxy {0}, which is not supported; \
         reach the API server directly, or through a port that forwards to it"
    )]
    Proxy(String),
}

type Sender = Arc<dyn Fn(Request<Body>) -> ResponseFuture + Send + Sync>;

fn sender(config: &Config, fence: Fence) -> Result<Sender, kube::Error> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(config.connect_timeout.unwrap_or(CONNECT_TIME)));
    let https = config.rustls_https_connector_with_connector(Connector { http, fence })?;
    let client = Builder::new(TokioExecutor::new()).build::<_, Body>(https);
    Ok(Arc::new(move |request| client.request(request)))
}

/// Opens connections that a fence can silence.
#[derive(Clone)]
struct Connector {
    http: HttpConnector,
    fence: Fence,
}

impl Service<Uri> for Connector {
    type Response = Fenced<TokioIo<TcpStream>>;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.http.poll_ready(context)
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let fence = self.fence.clone();
        let opened = self.http.call(address);
        async move { Ok(Fenced::new(opened.await?, fence)) }.boxed()
    }
}

/// The innermost service.
#[derive(Clone)]
struct ApiServer {
    reads: Sender,
    writes: Sender,
    fence: Fence,
    metrics: Metrics,
    pulse: Pulse,
}

impl Service<Request<Body>> for ApiServer {
    type Response = Response<Incoming>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let verb = verb(&request);
        let send = if is_write(request.method()) {
            if let Err(held) = self.fence.check() {
                return futures::future::err(held.into()).boxed();
            }
            &self.writes
        } else {
            &self.reads
        };
        let patient = !is_urgent(request.uri().path());
        let answer = send(request);
        let (metrics, pulse) = (self.metrics.clone(), self.pulse.clone());
        async move {
            let answer = match timeout(ANSWER_TIME, answer).await {
                Ok(answer) => answer.map_err(BoxError::from),
                Err(_elapsed) => Err(NoAnswer { verb }.into()),
            };
            let code = answer.as_ref().ok().map(|answer| answer.status());
            metrics.requested(verb, code.map(|code| code.as_u16()));
            if code.is_some_and(|code| !code.is_server_error()) {
                pulse.beat();
            }
            if let Some(wait) = answer.as_ref().ok().filter(|_| patient).and_then(asked_to_wait) {
                sleep(wait).await;
            }
            answer
        }
        .boxed()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no answer to a {verb} request within {} s", ANSWER_TIME.as_secs())]
struct NoAnswer {
    verb: &'static str,
}

/// A lease has a term, and its holder a plan.
fn is_urgent(path: &str) -> bool {
    path.split('/').any(|part| part == "leases")
}

/// How long an overloaded API server wants to be left alone.
fn asked_to_wait<B>(answer: &Response<B>) -> Option<Duration> {
    let overloaded = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    if !overloaded.contains(&answer.status()) {
        return None;
    }
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// What a request does, in Kubernetes's words as far as the method tells.
fn verb(request: &Request<Body>) -> &'static str {
    let watches = || request.uri().query().is_some_and(|query| query.contains("watch=true"));
    match *request.method() {
        Method::GET if watches() => "watch",
        Method::GET => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_overloaded_server_is_waited_for_and_not_for_long() {
        let answer = |status: u16, after: &str| {
            Response::builder().status(status).header(RETRY_AFTER, after).body(()).unwrap()
        };
        assert_eq!(asked_to_wait(&answer(429, "2")), Some(Duration::from_secs(2)));
        assert_eq!(asked_to_wait(&answer(503, "3600")), Some(LONGEST_WAIT));
        assert_eq!(asked_to_wait(&answer(429, "Wed, 21 Oct 2026 07:28:00 GMT")), None);
        assert_eq!(asked_to_wait(&answer(409, "2")), None);
        assert!(is_urgent("/apis/coordination.k8s.io/v1/namespaces/n/leases/l"));
        assert!(!is_urgent("/api/v1/namespaces/n/services/s"));
    }
}
