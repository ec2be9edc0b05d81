use std::net::Ipv4Addr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
};

use super::{readiness::State, *};
use crate::connection::Pulse;

struct Port {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

async fn open(site: Site) -> Port {
    let anywhere = Address::On(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let listener = listen(anywhere).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, site, stop.clone()));
    Port { address, stop, serving }
}

async fn ask(port: &Port, request: &str) -> String {
    let mut stream = TcpStream::connect(port.address).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_silent_api_server_shows_in_readiness_and_not_in_liveness() {
    let readiness = Readiness::new(Pulse::default());
    readiness.set(State::Working);
    let port = open(Site::Probes(readiness)).await;
    for path in ["/healthz", "/livez"] {
        let answer = ask(&port, &format!("GET {path}")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    let answer = ask(&port, "GET /readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("the API server has not answered yet"), "{answer}");
}

#[tokio::test]
async fn figures_are_on_their_own_port_only() {
    let metrics = Metrics::new().unwrap();
    metrics.leads(true);
    let port = open(Site::Metrics { metrics, access: None, certificate: None }).await;
    let answer = ask(&port, "GET /metrics").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("function_mesh_leader 1"));
    assert!(answer.contains("text/plain; version=0.0.4"), "{answer}");
    assert!(ask(&port, "GET /readyz").await.starts_with("HTTP/1.1 404"));
    assert!(ask(&port, "POST /metrics").await.starts_with("HTTP/1.1 405"));
}

#[tokio::test]
async fn a_stop_closes_the_port() {
    let port = open(Site::Probes(Readiness::new(Pulse::default()))).await;
    port.stop.cancel();
    port.serving.await.unwrap();
    assert!(TcpStream::connect(port.address).await.is_err());
}

#[tokio::test]
async fn the_secure_port_speaks_tls_and_asks_for_a_token() {
    let metrics = Metrics::new().unwrap();
    // No API server is asked for a request without a token.
    let config = kube::Config::new("http://127.0.0.1:9".parse().unwrap());
    drop(rustls::crypto::ring::default_provider().install_default());
    let access = Access::new(kube::Client::try_from(config).unwrap());
    let certificate = Box::new(Certificate::self_signed("here").unwrap());
    let site = Site::Metrics { metrics, access: Some(access), certificate: Some(certificate) };
    let port = open(site).await;
    let client = reqwest::Client::builder().danger_accept_invalid_certs(true).build().unwrap();
    let url = format!("https://{}/metrics", port.address);
    let answer = client.get(&url).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 401);
    let answer = client.get(&url).bearer_auth("unknown").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 503);
    assert!(answer.text().await.unwrap().contains("could not be asked"));
}

#[test]
fn a_replaced_certificate_is_taken_and_a_broken_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let write = || {
        let made = rcgen::generate_simple_self_signed(vec!["here".to_owned()]).unwrap();
        let key = made.signing_key.serialize_der();
        std::fs::write(directory.path().join("tls.crt"), pem("CERTIFICATE", made.cert.der()))
            .unwrap();
        std::fs::write(directory.path().join("tls.key"), pem("PRIVATE KEY", &key)).unwrap();
    };
    let missing = Certificate::from_directory(directory.path().to_owned()).err().unwrap();
    assert!(missing.to_string().contains("tls.crt"), "{missing}");
    write();
    let certificate = Certificate::from_directory(directory.path().to_owned()).unwrap();
    let first = certificate.config();
    assert!(Arc::ptr_eq(&first, &certificate.config()));
    write();
    let second = certificate.config();
    assert!(!Arc::ptr_eq(&first, &second));
    std::fs::write(directory.path().join("tls.key"), "half a key").unwrap();
    assert!(Arc::ptr_eq(&second, &certificate.config()));
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}
