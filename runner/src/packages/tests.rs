//! Packages from real servers on loopback: a web server, a package service and a registry, as far
//! as fetching goes.

use std::path::Path;

use function_mesh_proto::instance::AuthenticationConfig;
use hyper::StatusCode;

use self::server::{Answer, Server};
use super::*;

mod oci;
pub(crate) mod server;

const CODE: &[u8] = b"\0asm a component";

/// From `printf '\0asm a component' | sha256sum`.
const CODE_DIGEST: &str = "sha256:f168c42c036d3cbe8e5203316a9d47b7863308ccefdd20c8b7c34fe0ee85caf6";

fn config(url: impl Into<String>) -> PackageConfig {
    PackageConfig { url: url.into(), digest: None, cluster: None, registry_credentials: None }
}

fn with_digest(url: impl Into<String>) -> PackageConfig {
    PackageConfig { digest: Some(CODE_DIGEST.to_owned()), ..config(url) }
}

fn cached_in(dir: &Path) -> PackageContext {
    PackageContext { cache_dir: Some(dir.to_owned()), ..PackageContext::default() }
}

async fn refusal(config: &PackageConfig, context: &PackageContext) -> String {
    fetch(config, context).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_file_is_read_by_path_and_by_url() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.wasm");
    std::fs::write(&path, CODE).unwrap();
    for url in [path.display().to_string(), format!("file://{}", path.display())] {
        let package = fetch(&with_digest(url), &PackageContext::default()).await.unwrap();
        assert_eq!(package.bytes, CODE);
        assert_eq!(package.digest, CODE_DIGEST);
        assert_eq!(package.origin, path.display().to_string());
    }
    let missing = dir.path().join("g.wasm").display().to_string();
    assert_eq!(
        refusal(&config(&missing), &PackageContext::default()).await,
        format!("package {missing}: No such file or directory (os error 2)")
    );
    let directory = dir.path().display().to_string();
    assert!(refusal(&config(directory), &PackageContext::default()).await.ends_with("not a file"));
}

#[tokio::test]
async fn a_url_without_digest_is_asked_for_at_every_start() {
    let server = Server::start(|_| Answer::ok(CODE)).await;
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let package = fetch(&config(server.url("/f.wasm")), &cached_in(dir.path())).await.unwrap();
        assert_eq!(package.bytes, CODE);
        assert_eq!(package.digest, CODE_DIGEST);
        assert_eq!(package.origin, server.url("/f.wasm"));
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn what_is_cached_by_digest_needs_no_network() {
    let server = Server::start(|_| Answer::ok(CODE)).await;
    let dir = tempfile::tempdir().unwrap();
    let url = server.url("/f.wasm");
    fetch(&with_digest(&url), &cached_in(dir.path())).await.unwrap();
    server.stop().await;
    let again = fetch(&with_digest(&url), &cached_in(dir.path())).await.unwrap();
    assert_eq!(again.bytes, CODE);
}

#[tokio::test]
async fn a_damaged_cache_is_fetched_again() {
    let server = Server::start(|_| Answer::ok(CODE)).await;
    let dir = tempfile::tempdir().unwrap();
    let config = with_digest(server.url("/f.wasm"));
    fetch(&config, &cached_in(dir.path())).await.unwrap();
    let hex = CODE_DIGEST.strip_prefix("sha256:").unwrap();
    let cached = dir.path().join("packages/sha256").join(hex);
    std::fs::write(&cached, b"half a compon").unwrap();
    assert_eq!(fetch(&config, &cached_in(dir.path())).await.unwrap().bytes, CODE);
    assert_eq!(std::fs::read(&cached).unwrap(), CODE);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn another_digest_is_refused_at_once() {
    let server = Server::start(|_| Answer::ok("something else")).await;
    let url = server.url("/f.wasm");
    let dir = tempfile::tempdir().unwrap();
    let fault = fetch(&with_digest(&url), &cached_in(dir.path())).await.unwrap_err();
    let text = fault.to_string();
    assert!(text.starts_with(&format!("package {url}: its digest is sha256:")), "{text}");
    assert!(text.contains(&format!("but {CODE_DIGEST} was asked for")), "{text}");
    assert_eq!(fault.retry, crate::fault::Retry::Never);
    assert_eq!(server.requests().len(), 1);
    assert!(!dir.path().join("packages").exists(), "nothing wrong is cached");
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_server_is_asked_again() {
    let server = Server::start(|nth| {
        if nth < 2 {
            Answer::text(StatusCode::SERVICE_UNAVAILABLE, "busy")
        } else {
            Answer::ok(CODE)
        }
    })
    .await;
    let package = fetch(&config(server.url("/f")), &PackageContext::default()).await.unwrap();
    assert_eq!(package.bytes, CODE);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn patience_ends() {
    let server =
        Server::start(|_| Answer::text(StatusCode::SERVICE_UNAVAILABLE, "busy\x1b[2J")).await;
    let url = server.url("/f");
    let began = tokio::time::Instant::now();
    let fault = fetch(&config(&url), &PackageContext::default()).await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        format!("package {url}: 503 Service Unavailable: busy[2J (tried 5 times)")
    );
    assert_eq!(fault.retry, crate::fault::Retry::WithBackoff);
    assert_eq!(server.requests().len(), 5);
    let took = began.elapsed().as_secs();
    assert!((15..=31).contains(&took), "{took} s");
}

#[tokio::test]
async fn what_is_not_there_is_not_asked_for_again() {
    let server = Server::start(|_| Answer::text(StatusCode::NOT_FOUND, "no f here")).await;
    let url = server.url("/f");
    assert_eq!(
        refusal(&config(&url), &PackageContext::default()).await,
        format!("package {url}: 404 Not Found: no f here")
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_with_the_reason() {
    let server = Server::start(|_| Answer::ok(CODE)).await;
    let url = server.url("/f?token=secret");
    server.stop().await;
    let context = PackageContext { attempts: 1, ..PackageContext::default() };
    let text = refusal(&config(&url), &context).await;
    assert!(text.contains("Connection refused"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_package_that_is_too_large_is_not_read_to_its_end() {
    let context = PackageContext { max_bytes: 1_000, ..PackageContext::default() };
    let announced = Server::start(|_| Answer::ok(vec![0; 1_001])).await;
    let url = announced.url("/f");
    assert_eq!(
        refusal(&config(&url), &context).await,
        format!("package {url}: it has 1001 bytes, more than the 1000 a package may have")
    );
    let endless = Server::start(|_| Answer::endless()).await;
    let text = refusal(&config(endless.url("/f")), &context).await;
    assert!(text.ends_with("it has more than the 1000 bytes it may have"), "{text}");
}

#[tokio::test]
async fn redirects_are_followed_but_not_for_ever() {
    let server =
        Server::start(|nth| if nth == 0 { Answer::redirect("/moved") } else { Answer::ok(CODE) })
            .await;
    fetch(&config(server.url("/f")), &PackageContext::default()).await.unwrap();
    assert_eq!(server.requests().last().unwrap().path, "/moved");
    let round = Server::start(|_| Answer::redirect("/again")).await;
    let text = refusal(&config(round.url("/f")), &PackageContext::default()).await;
    assert!(text.contains("more than 5 redirects"), "{text}");
    assert_eq!(round.requests().len(), 6);
}

fn cluster(server: &Server, authentication: Option<AuthenticationConfig>) -> PackageContext {
    let cluster = ClusterConfig {
        service_url: "pulsar://127.0.0.1:6650".into(),
        web_service_url: Some(server.url("/")),
        authentication,
        ..ClusterConfig::default()
    };
    PackageContext {
        clusters: BTreeMap::from([("default".to_owned(), cluster)]),
        ..PackageContext::default()
    }
}

#[tokio::test]
async fn a_function_url_asks_the_package_service_with_the_clusters_token() {
    let server = Server::start(|_| Answer::ok(CODE)).await;
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "header.claims.signature\n").unwrap();
    let authentication = AuthenticationConfig::Token { file: token.path().to_owned() };
    let context = cluster(&server, Some(authentication));
    let package = fetch(&config("function://public/default/echo@1.0"), &context).await.unwrap();
    assert_eq!(package.bytes, CODE);
    assert_eq!(package.origin, "function://public/default/echo@1.0");
    let [request] = &server.requests()[..] else { panic!("one request") };
    assert_eq!(request.path, "/admin/v3/packages/function/public/default/echo/1.0");
    assert_eq!(request.authorization.as_deref(), Some("Bearer header.claims.signature"));
}

#[tokio::test]
async fn basic_authentication_is_sent_too() {
    let server = Server::start(|_| Answer::ok(CODE)).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "me:pass:word\n").unwrap();
    let context =
        cluster(&server, Some(AuthenticationConfig::Basic { file: file.path().to_owned() }));
    fetch(&config("function://public/default/echo@1.0"), &context).await.unwrap();
    // From `printf me:pass:word | base64`.
    let sent = server.requests()[0].authorization.clone();
    assert_eq!(sent.as_deref(), Some("Basic bWU6cGFzczp3b3Jk"));
}

#[tokio::test]
async fn an_issuer_grants_the_token_for_the_package_service() {
    let server = Server::routing(|_, asked, at| match asked.path.as_str() {
        "/realm/.well-known/openid-configuration" => {
            Answer::json(StatusCode::OK, format!(r#"{{"token_endpoint": "{at}/token"}}"#))
        }
        "/token" => Answer::json(StatusCode::OK, r#"{"access_token": "granted"}"#),
        _ => Answer::ok(CODE),
    })
    .await;
    let key_file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key_file.path(), r#"{"client_id": "me", "client_secret": "a&b"}"#).unwrap();
    let authentication = AuthenticationConfig::OAuth2 {
        issuer_url: server.url("/realm/"),
        audience: Some("urn:pulsar".into()),
        scope: None,
        key_file: key_file.path().to_owned(),
    };
    let context = cluster(&server, Some(authentication));
    fetch(&config("function://t/ns/f@1"), &context).await.unwrap();
    let [_discovery, token, package] = &server.requests()[..] else { panic!("three requests") };
    assert_eq!(
        token.body,
        "grant_type=client_credentials&client_id=me&client_secret=a%26b&audience=urn%3Apulsar"
    );
    assert_eq!(package.authorization.as_deref(), Some("Bearer granted"));
}

#[tokio::test]
async fn an_issuer_that_refuses_is_named() {
    let server = Server::start(|_| Answer::text(StatusCode::FORBIDDEN, "who are you")).await;
    let key_file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key_file.path(), r#"{"client_id": "me", "client_secret": "s"}"#).unwrap();
    let authentication = AuthenticationConfig::OAuth2 {
        issuer_url: server.url("/realm"),
        audience: None,
        scope: None,
        key_file: key_file.path().to_owned(),
    };
    let text =
        refusal(&config("function://t/ns/f@1"), &cluster(&server, Some(authentication))).await;
    let wanted = format!("no token from {}: 403 Forbidden: who are you", server.url("/realm"));
    assert!(text.ends_with(&wanted), "{text}");
}

#[tokio::test]
async fn the_package_services_reason_is_told() {
    let server = Server::start(|_| {
        Answer::json(StatusCode::NOT_FOUND, r#"{"reason": "Package metadata does not exist"}"#)
    })
    .await;
    assert_eq!(
        refusal(&config("function://t/ns/f@2"), &cluster(&server, None)).await,
        format!(
            "package function://t/ns/f@2: {}: 404 Not Found: Package metadata does not exist",
            server.url("")
        )
    );
}

#[tokio::test]
async fn a_function_url_without_its_cluster_says_what_is_missing() {
    assert_eq!(
        refusal(&config("function://t/ns/f@2"), &PackageContext::default()).await,
        "package function://t/ns/f@2: function:// needs the cluster \"default\", which is not given"
    );
    let cluster = ClusterConfig::default();
    let context = PackageContext {
        clusters: BTreeMap::from([("eu".to_owned(), cluster)]),
        ..PackageContext::default()
    };
    let config = PackageConfig { cluster: Some("eu".into()), ..config("function://t/ns/f@2") };
    assert_eq!(
        refusal(&config, &context).await,
        "package function://t/ns/f@2: function:// needs webServiceUrl of the cluster \"eu\""
    );
}

#[tokio::test(start_paused = true)]
async fn the_next_host_is_asked_when_one_does_not_answer() {
    let gone = Server::start(|_| Answer::ok(CODE)).await;
    let server = Server::start(|_| Answer::ok(CODE)).await;
    let mut context = cluster(&server, None);
    let hosts = format!("{},{}", gone.url(""), server.url("").strip_prefix("http://").unwrap());
    gone.stop().await;
    context.clusters.get_mut("default").unwrap().web_service_url = Some(hosts);
    fetch(&config("function://t/ns/f@1"), &context).await.unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_wrong_digest_in_the_configuration_is_refused_before_anything_is_fetched() {
    let config = PackageConfig { digest: Some("sha256:abc".into()), ..config("http://host/f") };
    assert_eq!(
        refusal(&config, &PackageContext::default()).await,
        "package http://host/f: digest \"sha256:abc\": expected sha256: and 64 hexadecimal digits"
    );
}
