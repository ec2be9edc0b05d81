//! A registry by the OCI distribution specification, as far as pulling goes, with the token
//! authentication that public registries use.

use function_mesh_proto::instance::PackageConfig;
use hyper::StatusCode;

use super::{
    CODE, CODE_DIGEST, cached_in, config, refusal,
    server::{Answer, Asked, Server},
};
use crate::packages::{PackageContext, digest::Digest, fetch};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn manifest(layer: &str, size: usize) -> String {
    serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.wasm.config.v0+json",
            "digest": Digest::of(b"{}").to_string(),
            "size": 2,
        },
        "layers": [{ "mediaType": layer, "digest": CODE_DIGEST, "size": size }],
    })
    .to_string()
}

/// Serves `team/echo`: a manifest under the tag `1.0` and its digest, and its layer.
async fn registry(manifest: String) -> (Server, String) {
    let digest = Digest::of(manifest.as_bytes()).to_string();
    let served = digest.clone();
    let server = Server::routing(move |_, asked, _| route(&manifest, &served, asked)).await;
    (server, digest)
}

fn route(manifest: &str, digest: &str, asked: &Asked) -> Answer {
    let path = asked.path.as_str();
    if path == "/v2/" {
        Answer::ok("")
    } else if path == "/v2/team/echo/manifests/1.0"
        || path == format!("/v2/team/echo/manifests/{digest}")
    {
        Answer::new(StatusCode::OK, MANIFEST, manifest.to_owned())
            .header("docker-content-digest", digest)
    } else if path == format!("/v2/team/echo/blobs/{CODE_DIGEST}") {
        Answer::ok(CODE)
    } else {
        Answer::json(
            StatusCode::NOT_FOUND,
            r#"{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}"#,
        )
    }
}

#[tokio::test]
async fn a_component_is_pulled_by_tag() {
    let (server, _) = registry(manifest("application/wasm", CODE.len())).await;
    let url = format!("oci://{}/team/echo:1.0", server.host());
    let package = fetch(&config(&url), &PackageContext::default()).await.unwrap();
    assert_eq!(package.bytes, CODE);
    assert_eq!(package.digest, CODE_DIGEST);
    assert_eq!(package.origin, url);
}

#[tokio::test]
async fn a_component_pulled_by_digest_needs_no_network_again() {
    let (server, digest) = registry(manifest("application/wasm", CODE.len())).await;
    let url = format!("oci://{}/team/echo@{digest}", server.host());
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(fetch(&config(&url), &cached_in(dir.path())).await.unwrap().bytes, CODE);
    server.stop().await;
    assert_eq!(fetch(&config(&url), &cached_in(dir.path())).await.unwrap().bytes, CODE);
}

#[tokio::test]
async fn a_tag_is_resolved_at_every_start_but_its_layer_is_cached() {
    let (server, _) = registry(manifest("application/wasm", CODE.len())).await;
    let url = format!("oci://{}/team/echo:1.0", server.host());
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        fetch(&config(&url), &cached_in(dir.path())).await.unwrap();
    }
    let asked = |what: &str| server.requests().iter().filter(|r| r.path.contains(what)).count();
    assert_eq!((asked("/manifests/"), asked("/blobs/")), (2, 1));
}

#[tokio::test]
async fn a_manifest_that_is_not_the_digest_asked_for_is_refused() {
    let text = manifest("application/wasm", CODE.len());
    let wanted = Digest::of(b"another manifest").to_string();
    let answered = wanted.clone();
    let server = Server::routing(move |_, _, _| {
        Answer::new(StatusCode::OK, MANIFEST, text.clone())
            .header("docker-content-digest", &answered)
    })
    .await;
    let url = format!("oci://{}/team/echo@{wanted}", server.host());
    let text = refusal(&config(&url), &PackageContext::default()).await;
    assert!(text.contains(&wanted) && text.to_lowercase().contains("digest"), "{text}");
}

#[tokio::test]
async fn an_image_that_is_no_component_is_refused_with_what_it_is() {
    let (server, _) = registry(manifest("application/vnd.oci.image.layer.v1.tar+gzip", 1)).await;
    let url = format!("oci://{}/team/echo:1.0", server.host());
    assert_eq!(
        refusal(&config(&url), &PackageContext::default()).await,
        format!(
            "package {url}: it is no Wasm component: a layer of type application/wasm was \
             expected, its layers are: application/vnd.oci.image.layer.v1.tar+gzip"
        )
    );
}

#[tokio::test]
async fn a_layer_that_is_too_large_is_not_pulled() {
    let (server, _) = registry(manifest("application/wasm", 2_000)).await;
    let url = format!("oci://{}/team/echo:1.0", server.host());
    let context = PackageContext { max_bytes: 1_000, ..PackageContext::default() };
    let text = refusal(&config(&url), &context).await;
    assert!(text.ends_with("it has 2000 bytes, more than the 1000 a package may have"), "{text}");
    assert!(!server.requests().iter().any(|request| request.path.contains("/blobs/")));
}

#[tokio::test]
async fn a_missing_tag_is_told_in_the_registrys_words() {
    let (server, _) = registry(manifest("application/wasm", CODE.len())).await;
    let url = format!("oci://{}/team/echo:2.0", server.host());
    assert_eq!(
        refusal(&config(&url), &PackageContext::default()).await,
        format!("package {url}: the registry refused: manifest unknown")
    );
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_overloaded_is_asked_again() {
    let text = manifest("application/wasm", CODE.len());
    let digest = Digest::of(text.as_bytes()).to_string();
    let server = Server::routing(move |nth, asked, _| {
        if asked.path.contains("/manifests/") && nth < 4 {
            Answer::text(StatusCode::BAD_GATEWAY, "upstream is away")
        } else {
            route(&text, &digest, asked)
        }
    })
    .await;
    let url = format!("oci://{}/team/echo:1.0", server.host());
    assert_eq!(fetch(&config(url), &PackageContext::default()).await.unwrap().bytes, CODE);
}

#[tokio::test]
async fn the_index_entry_for_wasm_is_taken() {
    let text = manifest("application/wasm", CODE.len());
    let digest = Digest::of(text.as_bytes()).to_string();
    let entry = |architecture: &str, digest: &str| {
        serde_json::json!({
            "mediaType": MANIFEST, "digest": digest, "size": 1,
            "platform": { "architecture": architecture, "os": "linux" },
        })
    };
    let other = Digest::of(b"other").to_string();
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": INDEX,
        "manifests": [entry("amd64", &other), entry("wasm", &digest)],
    })
    .to_string();
    let server = Server::routing(move |_, asked, _| {
        if asked.path.ends_with("/manifests/both") {
            Answer::new(StatusCode::OK, INDEX, index.clone())
        } else {
            route(&text, &digest, asked)
        }
    })
    .await;
    let url = format!("oci://{}/team/echo:both", server.host());
    assert_eq!(fetch(&config(url), &PackageContext::default()).await.unwrap().bytes, CODE);
}

#[tokio::test]
async fn a_private_registry_gets_the_docker_configs_credentials_for_a_token() {
    let text = manifest("application/wasm", CODE.len());
    let digest = Digest::of(text.as_bytes()).to_string();
    let server = Server::routing(move |_, asked, at| {
        let authorized = asked.authorization.as_deref();
        if asked.path == "/token" {
            // From `printf me:pass:word | base64`.
            assert_eq!(authorized, Some("Basic bWU6cGFzczp3b3Jk"));
            let query = asked.query.as_deref().unwrap_or_default();
            assert!(query.contains("repository%3Ateam%2Fecho%3Apull"), "{query}");
            return Answer::json(StatusCode::OK, r#"{"token": "opaque"}"#);
        }
        if authorized == Some("Bearer opaque") {
            return route(&text, &digest, asked);
        }
        let challenge = format!(r#"Bearer realm="{at}/token",service="test""#);
        Answer::text(StatusCode::UNAUTHORIZED, "").header("www-authenticate", &challenge)
    })
    .await;
    let url = format!("oci://{}/team/echo:1.0", server.host());
    let file = tempfile::NamedTempFile::new().unwrap();
    let auths = format!(r#"{{"auths": {{"{}": {{"auth": "bWU6cGFzczp3b3Jk"}}}}}}"#, server.host());
    std::fs::write(file.path(), auths).unwrap();
    let config = PackageConfig { registry_credentials: Some(file.path().into()), ..config(url) };
    assert_eq!(fetch(&config, &PackageContext::default()).await.unwrap().bytes, CODE);
}

#[tokio::test]
async fn a_registry_that_wants_other_credentials_is_not_asked_again() {
    let server = Server::start(|_| {
        Answer::text(StatusCode::UNAUTHORIZED, "")
            .header("www-authenticate", r#"Basic realm="test""#)
    })
    .await;
    let url = format!("oci://{}/team/echo:1.0", server.host());
    let text = refusal(&config(&url), &PackageContext::default()).await;
    assert!(text.starts_with(&format!("package {url}: not authorized: ")), "{text}");
}
