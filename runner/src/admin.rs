//! The HTTP port: metrics and probes.
//!
//! | path | answers |
//! |---|---|
//! | `/metrics`, `/` | all instances' figures, text format 0.0.4 |
//! | `/livez` | 200 as long as this process serves requests; a broker's absence never shows here |
//! | `/readyz` | 200 while everything is consumed, else 503 with what is missing |
//!
//! Read-only and unauthenticated, as Pulsar's own metrics port; there is nothing else on it.

use std::{
    convert::Infallible,
    net::{Ipv6Addr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
    time::{Duration, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use crate::{
    fault::Fault,
    metrics::{self, Page},
};

pub mod readiness;

pub use readiness::{Latch, Readiness};

/// Connections served at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;

/// A client that takes longer to send its request's head is cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// A kept-open connection is closed after this long, so that idle clients cannot hold all of them.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(120);

/// A stop waits no longer than this for answers under way.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// Between attempts to accept when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const PATHS: &str = "/metrics\n/livez\n/readyz\n";

/// The running HTTP server. Dropping it stops accepting; [`Admin::stop`] also waits.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    stop: CancellationToken,
    accepting: JoinHandle<()>,
}

impl Admin {
    /// Listens on all addresses of the host; port 0 takes a free one.
    ///
    /// # Errors
    /// The port cannot be had.
    pub async fn start(port: u16, page: Page, readiness: Readiness) -> Result<Self, Fault> {
        let (listener, address) = listen(port).await?;
        let stop = CancellationToken::new();
        let shown = Arc::new(Shown { page, readiness });
        let accepting = tokio::spawn(accept(listener, shown, stop.clone()));
        Ok(Self { address, stop, accepting })
    }

    /// Where it listens, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, finishes the answers under way, and closes all connections.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Err(died) = (&mut self.accepting).await {
            warn!(error = &died as &dyn std::error::Error, "the http port ended badly");
        }
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Dual-stack where the host has IPv6, as Kubernetes probes may come over either.
pub(crate) async fn listen(port: u16) -> Result<(TcpListener, SocketAddr), Fault> {
    let any_v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let any_v4 = SocketAddr::from(([0, 0, 0, 0], port));
    let listener = match TcpListener::bind(any_v6).await {
        Ok(listener) => Ok(listener),
        Err(_no_v6) => TcpListener::bind(any_v4).await,
    };
    listener.and_then(|listener| listener.local_addr().map(|address| (listener, address))).map_err(
        |error| Fault::system(format!("port {port}: {error}; choose another, or 0 for a free one")),
    )
}

#[derive(Debug)]
struct Shown {
    page: Page,
    readiness: Readiness,
}

async fn accept(listener: TcpListener, shown: Arc<Shown>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Some(slot) = stop.run_until_cancelled(slots.clone().acquire_owned()).await {
        match stop.run_until_cancelled(listener.accept()).await {
            Some(Ok((stream, _peer))) => {
                let (shown, stop) = (shown.clone(), stop.clone());
                connections.spawn(async move {
                    serve(stream, shown, stop).await;
                    drop(slot);
                });
            }
            Some(Err(error)) => {
                warn!(error = &error as &dyn std::error::Error, "http connection not accepted");
                stop.run_until_cancelled(tokio::time::sleep(ACCEPT_PAUSE)).await;
            }
            None => break,
        }
    }
    drop(listener);
    connections.close();
    if timeout(STOP_TIMEOUT, connections.wait()).await.is_err() {
        debug!("http connections were cut off by the stop");
    }
}

async fn serve(stream: TcpStream, shown: Arc<Shown>, stop: CancellationToken) {
    let service = service_fn(move |request| {
        let shown = shown.clone();
        async move { Ok::<_, Infallible>(answer(&request, &shown)) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = until(&stop) => {
            // The answer under way finishes, if its reader lets it; no further request is read.
            connection.as_mut().graceful_shutdown();
            timeout(STOP_TIMEOUT, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        debug!(error = &error as &dyn std::error::Error, "http connection ended early");
    }
}

async fn until(stop: &CancellationToken) {
    // Either way it is time to close the connection.
    _ = timeout(CONNECTION_LIFETIME, stop.cancelled()).await;
}

fn answer(request: &Request<Incoming>, shown: &Shown) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD only\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/" | "/metrics" => match shown.page.render() {
            Ok(page) => {
                let mut response = text(StatusCode::OK, page);
                let kind = HeaderValue::from_static(metrics::CONTENT_TYPE);
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Err(fault) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{fault}\n")),
        },
        "/livez" => text(StatusCode::OK, "ok\n"),
        "/readyz" => match shown.readiness.check() {
            Ok(()) => text(StatusCode::OK, "ok\n"),
            Err(missing) => text(StatusCode::SERVICE_UNAVAILABLE, missing.to_string()),
        },
        _ => text(StatusCode::NOT_FOUND, format!("not here; there is\n{PATHS}")),
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
