//! Against a server that answers as brokers do: by path, once each.

use std::{convert::Infallible, sync::Arc};

use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};

use super::*;

/// A request line, and what is answered.
type Script = Vec<(&'static str, u16, String)>;

struct Broker {
    url: String,
    /// Request lines with credentials and body, as they came.
    seen: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Broker {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, script) = (Arc::new(Mutex::new(Vec::new())), Arc::new(script));
        let (record, mut tasks) = (Arc::clone(&seen), JoinSet::new());
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (script, record) = (Arc::clone(&script), Arc::clone(&record));
                let service = service_fn(move |request| {
                    answer(Arc::clone(&script), Arc::clone(&record), request)
                });
                let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move { drop(serving.await) });
            }
        });
        Self { url, seen, _tasks: tasks }
    }

    fn admin(&self) -> PulsarAdmin {
        admin(vec![self.url.clone()])
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn admin(hosts: Vec<String>) -> PulsarAdmin {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    // What the binary does at its start.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = client.tls_certs_only([]).build().unwrap();
    let authorization = Some(HeaderValue::from_static("Bearer abc"));
    PulsarAdmin {
        exchange: Exchange { client, hosts, authorization },
        partitioned: Mutex::default(),
    }
}

async fn answer(
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<String>>>,
    request: Request<Incoming>,
) -> Result<Response<Full<hyper::body::Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let line = format!("{} {path}", request.method());
    let authorization = request.headers().get(header::AUTHORIZATION).cloned();
    let authorization = authorization.map_or("none".to_owned(), |v| v.to_str().unwrap().to_owned());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let time = {
        let mut seen = seen.lock().unwrap();
        let time = seen.iter().filter(|before| before.starts_with(&line)).count();
        seen.push(format!("{line} {authorization} {body}"));
        time
    };
    let mut answers = script.iter().filter(|(expected, ..)| *expected == line);
    let found = answers.nth(time).or_else(|| script.iter().rfind(|(e, ..)| *e == line));
    let (status, text) =
        found.map_or((418, String::new()), |(_, code, text)| (*code, text.clone()));
    let mut response = Response::builder().status(status);
    if (300..400).contains(&status) {
        response = response.header(header::LOCATION, &text);
    }
    Ok(response.body(Full::from(text)).unwrap())
}

fn topic(name: &str) -> TopicName {
    name.parse().unwrap()
}

fn statistics(subscription: &str, backlog: i64) -> String {
    json!({"subscriptions": {subscription: {"msgBacklog": backlog}}}).to_string()
}

#[test]
fn names_survive_the_brokers_decoding() {
    let path = subscription_path(&topic("persistent://t/n/a b+c"), "t/n/f+%");
    assert_eq!(path, "admin/v2/persistent/t/n/a+b%2Bc/subscription/t%252Fn%252Ff%252B%2525");
}

#[tokio::test]
async fn a_broker_that_has_not_the_topic_names_the_one_that_has() {
    let path = "GET /admin/v2/persistent/t/n/x/stats";
    let other = Broker::start(vec![(path, 200, statistics("s", 7))]).await;
    let there = format!("{}/admin/v2/persistent/t/n/x/stats", other.url);
    let first = Broker::start(vec![(path, 307, there)]).await;
    let found = first.admin().backlog(&topic("t/n/x"), "s", false).await;
    assert_eq!(found, Ok(Backlog::Entries(7)));
    // It is another host, and asks for the same credentials.
    assert_eq!(other.seen(), [format!("{path} Bearer abc ")]);
}

#[tokio::test]
async fn a_partitioned_topic_is_asked_for_once_it_is_known() {
    let plain = "GET /admin/v2/persistent/t/n/x/stats";
    let parts = "GET /admin/v2/persistent/t/n/x/partitioned-stats";
    let script = vec![(plain, 404, String::new()), (parts, 200, statistics("s", 3))];
    let broker = Broker::start(script).await;
    let admin = broker.admin();
    for requests in [2, 3, 4] {
        let found = admin.backlog(&topic("t/n/x"), "s", false).await;
        assert_eq!(found, Ok(Backlog::Entries(3)));
        assert_eq!(broker.seen().len(), requests);
    }
    assert_eq!(admin.backlog(&topic("t/n/x"), "other", false).await, Ok(Backlog::NoSubscription));
}

#[tokio::test]
async fn what_is_gone_already_is_removed() {
    let path = "DELETE /admin/v2/persistent/t/n/x/subscription/s";
    let broker = Broker::start(vec![(path, 404, "{}".to_owned())]).await;
    assert_eq!(broker.admin().delete_subscription(&topic("t/n/x"), "s").await, Ok(()));
    let again = "PUT /admin/v2/persistent/t/n/x/subscription/s";
    let broker = Broker::start(vec![(again, 409, "{}".to_owned())]).await;
    let created = broker.admin().create_subscription(&topic("t/n/x"), "s", Position::Latest).await;
    assert_eq!(created, Ok(()));
    let body = format!("{{\"entryId\":{0},\"ledgerId\":{0},\"partitionIndex\":-1}}", i64::MAX);
    assert_eq!(broker.seen(), [format!("{again} Bearer abc {body}")]);
}

#[tokio::test]
async fn a_refusal_is_told_in_the_brokers_words_and_not_tried_again() {
    let path = "DELETE /admin/v2/persistent/t/n/x/subscription/s";
    let words = json!({"reason": "Don't have\n permission"}).to_string();
    let broker = Broker::start(vec![(path, 401, words)]).await;
    let error = broker.admin().delete_subscription(&topic("t/n/x"), "s").await.unwrap_err();
    let expected = format!("{}: 401 Unauthorized: Don't have permission", broker.url);
    assert_eq!(error.to_string(), expected);
    assert!(error.is_refusal());
    assert_eq!(broker.seen().len(), 1);
}

#[tokio::test]
async fn a_passing_failure_is_tried_again_and_a_dead_host_passed_over() {
    let path = "DELETE /admin/v2/persistent/t/n/x/subscription/s";
    let busy = vec![(path, 503, String::new()), (path, 204, String::new())];
    let broker = Broker::start(busy).await;
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let dead = format!("http://{dead}");
    let both = admin(vec![dead.clone(), broker.url.clone()]);
    assert_eq!(both.delete_subscription(&topic("t/n/x"), "s").await, Ok(()));
    let alone = admin(vec![dead]);
    let error = alone.delete_subscription(&topic("t/n/x"), "s").await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
}

#[tokio::test]
async fn topics_of_a_pattern_are_whole_and_not_pulsars_own() {
    let names = json!([
        "persistent://t/n/a-1",
        "persistent://t/n/a-2-partition-0",
        "persistent://t/n/a-2-partition-1",
        "persistent://t/n/b",
        "persistent://t/n/__change_events",
    ]);
    let script = vec![("GET /admin/v2/persistent/t/n", 200, names.to_string())];
    let broker = Broker::start(script).await;
    let found = broker.admin().topics(&"persistent://t/n/[^b].*".parse().unwrap()).await.unwrap();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["persistent://t/n/a-1", "persistent://t/n/a-2"]);
}
