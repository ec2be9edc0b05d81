//! A small HTTP server that remembers what it was asked.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    Request, Response, StatusCode,
    body::{Body, Frame, Incoming, SizeHint},
    header::{AUTHORIZATION, CONTENT_TYPE, LOCATION},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};

#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) authorization: Option<String>,
    pub(crate) body: String,
}

impl Asked {
    async fn read(request: Request<Incoming>) -> Self {
        let header = request.headers().get(AUTHORIZATION);
        let authorization = header.map(|value| value.to_str().unwrap().to_owned());
        let (path, query) = (request.uri().path().to_owned(), request.uri().query());
        let query = query.map(str::to_owned);
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Self { path, query, authorization, body: String::from_utf8(body.to_vec()).unwrap() }
    }
}

pub(crate) struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    serving: JoinSet<()>,
}

impl Server {
    /// Answers each request by its number, from 0.
    pub(crate) async fn start(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::routing(move |nth, _asked, _at| answer(nth)).await
    }

    /// Answers by number, request, and the server's own `http://host:port`.
    pub(crate) async fn routing(
        answer: impl Fn(usize, &Asked, &str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(answer);
        let mut serving = JoinSet::new();
        let seen = asked.clone();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answer) = (seen.clone(), answer.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let (seen, answer) = (seen.clone(), answer.clone());
                    async move {
                        let asked = Asked::read(request).await;
                        let nth = {
                            let mut seen = seen.lock().unwrap();
                            seen.push(asked.clone());
                            seen.len() - 1
                        };
                        let answer = answer(nth, &asked, &format!("http://127.0.0.1:{port}"));
                        Ok::<_, Infallible>(answer.0)
                    }
                });
                connections.spawn(async move {
                    // A client may hang up whenever it likes.
                    _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { port, asked, serving }
    }

    /// Nobody answers on its port from now on.
    pub(crate) async fn stop(mut self) {
        self.serving.shutdown().await;
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host())
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

pub(crate) struct Answer(Response<Content>);

impl Answer {
    pub(crate) fn ok(body: impl Into<Bytes>) -> Self {
        Self::new(StatusCode::OK, "application/octet-stream", body)
    }

    pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::new(status, "text/plain", body)
    }

    pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::new(status, "application/json", body)
    }

    /// A body without length and end.
    pub(crate) fn endless() -> Self {
        Self(Response::new(Content { bytes: Bytes::from(vec![0; 700]), endless: true }))
    }

    pub(crate) fn redirect(to: &str) -> Self {
        Self::text(StatusCode::FOUND, "").header(LOCATION.as_str(), to)
    }

    pub(crate) fn new(status: StatusCode, kind: &str, body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(Content { bytes: body.into(), endless: false });
        *response.status_mut() = status;
        Self(response).header(CONTENT_TYPE.as_str(), kind)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name = hyper::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.0.headers_mut().insert(name, value.parse().unwrap());
        self
    }
}

struct Content {
    bytes: Bytes,
    endless: bool,
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.endless {
            return Poll::Ready(Some(Ok(Frame::data(self.bytes.clone()))));
        }
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        if self.endless { SizeHint::new() } else { SizeHint::with_exact(self.bytes.len() as u64) }
    }
}
