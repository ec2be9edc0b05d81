//! An issuer of tokens, as OAuth 2.0 has them: found by OpenID Connect discovery, it grants one token
//! to one client that shows its credentials (RFC 6749, 4.4).

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, USER_AGENT},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use url::form_urlencoded;

use crate::kubernetes::Kubernetes;

/// Whom it knows, what it is asked for, and what it grants.
#[derive(Clone, Debug)]
pub struct Client {
    pub id: &'static str,
    pub secret: &'static str,
    pub audience: &'static str,
    pub scope: &'static str,
    pub token: &'static str,
}

/// One that listens where pods reach it, until it is dropped.
#[derive(Debug)]
pub struct Issuer {
    url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    url: String,
    client: Client,
    /// By what they call themselves.
    granted: Mutex<BTreeMap<String, u32>>,
}

impl Issuer {
    /// # Errors
    /// There is no port to listen on.
    pub fn start(kubernetes: &Kubernetes, address: Ipv4Addr, client: Client) -> Result<Self> {
        let listener = kubernetes.block_on(TcpListener::bind((address, 0)))?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared { url: url.clone(), client, granted: Mutex::default() });
        let serving = kubernetes.runtime.spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { url, shared, serving })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many tokens were granted, by what those call themselves who asked; nothing is the empty
    /// text.
    pub fn granted(&self) -> BTreeMap<String, u32> {
        self.shared.granted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // Ends its connections with itself.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move { Ok::<_, Infallible>(shared.answer(request).await) }
        });
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        while connections.try_join_next().is_some() {}
    }
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let agent = request.headers().get(USER_AGENT).and_then(|name| name.to_str().ok());
        let agent = agent.unwrap_or_default().to_owned();
        match (request.method(), path.as_str()) {
            (&Method::GET, "/.well-known/openid-configuration") => {
                told(StatusCode::OK, &self.configuration())
            }
            (&Method::GET, "/keys") => told(StatusCode::OK, &json!({ "keys": [] })),
            (&Method::POST, "/token") => {
                let form = request.into_body().collect().await;
                let form = form.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                self.grant(&form, agent)
            }
            _ => told(StatusCode::NOT_FOUND, &json!({ "error": "not_found" })),
        }
    }

    /// All that OpenID Connect Discovery 1.0 requires.
    fn configuration(&self) -> Value {
        let url = &self.url;
        json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })
    }

    fn grant(&self, form: &[u8], agent: String) -> Response<Full<Bytes>> {
        let form: BTreeMap<_, _> = form_urlencoded::parse(form).into_owned().collect();
        let has = |name: &str, value: &str| form.get(name).is_some_and(|given| given == value);
        let Client { id, secret, audience, scope, token } = &self.client;
        let refused =
            |status, error, why| told(status, &json!({ "error": error, "error_description": why }));
        if !has("grant_type", "client_credentials") {
            let why = "only client_credentials here";
            return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type", why);
        }
        if !has("client_id", id) || !has("client_secret", secret) {
            let why = "no such client, or another secret";
            return refused(StatusCode::UNAUTHORIZED, "invalid_client", why);
        }
        if !has("audience", audience) {
            return refused(StatusCode::FORBIDDEN, "access_denied", "not for this audience");
        }
        if !has("scope", scope) {
            return refused(StatusCode::BAD_REQUEST, "invalid_scope", "not in this scope");
        }
        let mut granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        *granted.entry(agent).or_default() += 1;
        let answer = json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600 });
        told(StatusCode::OK, &answer)
    }
}

fn told(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
