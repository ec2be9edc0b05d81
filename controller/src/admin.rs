//! The two ports that others look in by.
//!
//! | port | path | answers |
//! |---|---|---|
//! | probes, plain HTTP | `/healthz`, `/livez` | 200 as long as this process serves requests; nothing of the API server shows here |
//! | | `/readyz` | 200 while it works or could at once, else 503 with what is missing |
//! | metrics, HTTPS | `/metrics` | the figures, for those whom the API server lets `get` that path |
//!
//! Read-only; there is nothing else on them, no profiler either.

use std::{
    convert::Infallible,
    io,
    net::{Ipv6Addr, SocketAddr},
    sync::Arc,
};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Duration, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use crate::metrics::{self, Metrics};

pub mod access;
pub mod address;
pub mod readiness;
pub mod tls;

pub use access::Access;
pub use address::Address;
pub use readiness::Readiness;
pub use tls::Certificate;

use access::Verdict;

/// Connections served at once, per port; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 32;
/// A client that takes longer to make itself understood is cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// A kept-open connection is closed after this long, so that idle clients cannot hold all of them.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(120);
/// A stop waits no longer than this for answers under way.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);
/// Between attempts to accept when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a port shows, and to whom.
#[allow(clippy::large_enum_variant, reason = "a process has two of them")]
pub enum Site {
    Probes(Readiness),
    Metrics { metrics: Metrics, access: Option<Access>, certificate: Option<Box<Certificate>> },
}

/// Takes a port; on all addresses of the host if none is named.
///
/// # Errors
/// The port cannot be had.
pub async fn listen(address: Address) -> io::Result<TcpListener> {
    match address {
        Address::On(address) => TcpListener::bind(address).await,
        // Dual-stack where the host has IPv6.
        Address::Port(port) => {
            match TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).await {
                Ok(listener) => Ok(listener),
                Err(_no_v6) => TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], port))).await,
            }
        }
    }
}

/// Serves until told to stop, and then finishes the answers under way.
pub async fn serve(listener: TcpListener, site: Site, stop: CancellationToken) {
    let site = Arc::new(site);
    let connections = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Some(slot) = stop.run_until_cancelled(slots.clone().acquire_owned()).await {
        match stop.run_until_cancelled(listener.accept()).await {
            Some(Ok((stream, _peer))) => {
                let (site, stop) = (site.clone(), stop.clone());
                connections.spawn(async move {
                    connection(stream, site, stop).await;
                    drop(slot);
                });
            }
            Some(Err(error)) => {
                warn!(%error, "connection not accepted");
                stop.run_until_cancelled(sleep(ACCEPT_PAUSE)).await;
            }
            None => break,
        }
    }
    drop(listener);
    connections.close();
    if timeout(STOP_TIMEOUT, connections.wait()).await.is_err() {
        debug!("connections were cut off by the stop");
    }
}

async fn connection(stream: TcpStream, site: Arc<Site>, stop: CancellationToken) {
    let Site::Metrics { certificate: Some(certificate), .. } = &*site else {
        return talk(stream, site, stop).await;
    };
    match timeout(HEAD_TIMEOUT, certificate.accept(stream)).await {
        Ok(Ok(stream)) => talk(stream, site.clone(), stop).await,
        Ok(Err(error)) => debug!(%error, "no TLS session"),
        Err(_elapsed) => debug!("no TLS session in time"),
    }
}

async fn talk<S>(stream: S, site: Arc<Site>, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(move |request| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(answer(&request, &site).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // Either way it is time to close the connection.
        _ = timeout(CONNECTION_LIFETIME, stop.cancelled()) => {
            connection.as_mut().graceful_shutdown();
            timeout(STOP_TIMEOUT, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        debug!(%error, "connection ended early");
    }
}

async fn answer(request: &Request<Incoming>, site: &Site) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD only\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match (site, request.uri().path()) {
        (Site::Probes(_), "/healthz" | "/livez") => text(StatusCode::OK, "ok\n"),
        (Site::Probes(readiness), "/readyz") => match readiness.check() {
            Ok(state) => text(StatusCode::OK, format!("ok: {state}\n")),
            Err(missing) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{missing}\n")),
        },
        (Site::Probes(_), _) => {
            text(StatusCode::NOT_FOUND, "not here; there is\n/healthz\n/livez\n/readyz\n")
        }
        (Site::Metrics { metrics, access, .. }, "/metrics") => {
            let verdict = match access {
                Some(access) => access.judge(request.headers()).await,
                None => Verdict::Allowed,
            };
            figures(metrics, &verdict)
        }
        (Site::Metrics { .. }, _) => text(StatusCode::NOT_FOUND, "not here; there is\n/metrics\n"),
    }
}

fn figures(metrics: &Metrics, verdict: &Verdict) -> Response<Full<Bytes>> {
    match verdict {
        Verdict::Allowed => match metrics.page() {
            Ok(page) => {
                let mut response = text(StatusCode::OK, page);
                let kind = HeaderValue::from_static(metrics::CONTENT_TYPE);
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        },
        Verdict::Unknown => {
            let why = "a bearer token is needed that the API server knows\n";
            let mut response = text(StatusCode::UNAUTHORIZED, why);
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
        Verdict::Forbidden(who) => {
            let why = format!("{who} may not get /metrics: a ClusterRole has to allow it\n");
            text(StatusCode::FORBIDDEN, why)
        }
        Verdict::Undecided(why) => {
            let why = format!("the API server could not be asked who you are: {why}\n");
            text(StatusCode::SERVICE_UNAVAILABLE, why)
        }
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
