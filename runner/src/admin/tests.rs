//! The port as a client sees it: requests over real sockets.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::metrics::{InstanceMetrics, MetricNames};

async fn started() -> (Admin, Readiness) {
    let page = Page::new(MetricNames::Both);
    page.add(Arc::new(InstanceMetrics::default()));
    let readiness = Readiness::new();
    let admin = Admin::start(0, page, readiness.clone()).await.unwrap();
    (admin, readiness)
}

async fn connect(admin: &Admin) -> TcpStream {
    TcpStream::connect(("127.0.0.1", admin.address().port())).await.unwrap()
}

/// Sends a request and reads to the end of the connection.
async fn ask(admin: &Admin, head: &str) -> String {
    let mut stream = connect(admin).await;
    let request = format!("{head} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn metrics_are_served_on_both_paths() {
    let (admin, _) = started().await;
    for path in ["/metrics", "/", "/metrics?name=x"] {
        let answer = ask(&admin, &format!("GET {path}")).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("content-type: text/plain; version=0.0.4\r\n"), "{answer}");
        assert!(answer.contains("\npulsar_function_received_total{"), "{answer}");
    }
}

#[tokio::test]
async fn liveness_does_not_depend_on_readiness() {
    let (admin, readiness) = started().await;
    let source = readiness.latch("public/default/f 0");
    source.not_ready("no connection to pulsar://broker:6650");
    assert!(ask(&admin, "GET /livez").await.starts_with("HTTP/1.1 200 OK\r\n"));
    let answer = ask(&admin, "GET /readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(
        answer.ends_with("\r\n\r\npublic/default/f 0: no connection to pulsar://broker:6650\n"),
        "{answer}"
    );
    source.ready();
    assert!(ask(&admin, "GET /readyz").await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn an_unknown_path_names_those_that_exist() {
    let (admin, _) = started().await;
    let answer = ask(&admin, "GET /healthz").await;
    assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
    assert!(answer.contains("/metrics\n/livez\n/readyz\n"), "{answer}");
}

#[tokio::test]
async fn nothing_can_be_changed_over_this_port() {
    let (admin, _) = started().await;
    let answer = ask(&admin, "POST /metrics").await;
    assert!(answer.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{answer}");
    assert!(answer.contains("allow: GET, HEAD\r\n"), "{answer}");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let (admin, _) = started().await;
    let port = admin.address().port();
    let fault = Admin::start(port, Page::default(), Readiness::new()).await.unwrap_err();
    assert!(fault.to_string().starts_with(&format!("port {port}: ")), "{fault}");
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_the_port() {
    let (admin, _) = started().await;
    let address = admin.address();
    let mut idle = connect(&admin).await;
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    admin.stop().await;
    let mut rest = String::new();
    idle.read_to_string(&mut rest).await.unwrap();
    assert!(TcpStream::connect(("127.0.0.1", address.port())).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_no_request_is_cut_off() {
    let (admin, _) = started().await;
    let began = tokio::time::Instant::now();
    let mut silent = connect(&admin).await;
    silent.write_all(b"GET /livez HTTP/1.1\r\nhost: te").await.unwrap();
    let mut answer = String::new();
    silent.read_to_string(&mut answer).await.unwrap();
    assert!(began.elapsed() >= HEAD_TIMEOUT);
    assert!(began.elapsed() < CONNECTION_LIFETIME, "{:?}", began.elapsed());
}
