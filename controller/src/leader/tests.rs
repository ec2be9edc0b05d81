//! Against a store of Leases that keeps, refuses and reports as the API server does.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
};

use futures::channel::mpsc;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Frame};
use k8s_openapi::api::coordination::v1::LeaseSpec;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::connection::fence::tests::paused;

const NAME: &str = "lease";

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

#[derive(Default)]
struct Stored {
    lease: Option<Lease>,
    version: u64,
    watches: Vec<mpsc::UnboundedSender<Result<Frame<Bytes>, Infallible>>>,
    /// Watches are opened and tell nothing.
    deaf: bool,
    /// Methods of the requests so far, watches and their lists apart.
    asked: Vec<Method>,
}

#[derive(Clone, Default)]
struct Leases(Arc<Mutex<Stored>>);

impl Leases {
    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.0.lock().unwrap()
    }

    fn holder(&self) -> Option<String> {
        self.stored().lease.as_ref().and_then(claim::holder).map(str::to_owned)
    }

    /// As its holder does, or with `None` as it gives up.
    fn write(&self, holder: Option<&str>) {
        let spec = LeaseSpec {
            holder_identity: holder.map(str::to_owned),
            lease_duration_seconds: Some(15),
            ..LeaseSpec::default()
        };
        let mut lease = Lease { spec: Some(spec), ..Lease::default() };
        lease.metadata.name = Some(NAME.to_owned());
        self.stored().keep(lease);
    }

    fn candidate(&self, identity: &str) -> Candidate {
        let leases = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let leases = leases.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await?;
                Ok::<_, kube::Error>(leases.stored().answer(&parts.method, &parts.uri, &body))
            }
        });
        let client = Client::new(service, "ns");
        Candidate::new(client, "ns", NAME, identity, Fence::shut(paused))
    }
}

impl Stored {
    fn keep(&mut self, mut lease: Lease) -> Value {
        self.version += 1;
        lease.metadata.resource_version = Some(self.version.to_string());
        let event = json!({ "type": "MODIFIED", "object": lease }).to_string() + "\n";
        if !self.deaf {
            let event = Bytes::from(event);
            self.watches
                .retain(|watch| watch.unbounded_send(Ok(Frame::data(event.clone()))).is_ok());
        }
        let kept = json!(lease);
        self.lease = Some(lease);
        kept
    }

    fn answer(&mut self, method: &Method, uri: &http::Uri, body: &[u8]) -> Answer {
        if *method == Method::GET
            && uri.query().is_some_and(|query| query.contains("fieldSelector"))
        {
            return self.watch(uri.query().unwrap_or_default().contains("watch=true"));
        }
        self.asked.push(method.clone());
        if *method == Method::GET {
            return match &self.lease {
                Some(lease) => whole(200, &json!(lease)),
                None => refusal(404, "NotFound"),
            };
        }
        let wanted: Lease = serde_json::from_slice(body).unwrap();
        let version = |lease: &Lease| lease.metadata.resource_version.clone();
        if version(&wanted) != self.lease.as_ref().and_then(version) {
            return refusal(409, "Conflict");
        }
        whole(200, &self.keep(wanted))
    }

    fn watch(&mut self, begun: bool) -> Answer {
        if !begun {
            let version = json!({ "resourceVersion": self.version.to_string() });
            let items: Vec<_> = self.lease.iter().collect();
            return whole(200, &json!({ "metadata": version, "items": items }));
        }
        let (events, told) = mpsc::unbounded();
        self.watches.push(events);
        Response::new(StreamBody::new(told).boxed_unsync())
    }
}

fn whole(status: u16, body: &Value) -> Answer {
    let body = Full::new(Bytes::from(body.to_string())).boxed_unsync();
    Response::builder().status(status).body(body).unwrap()
}

fn refusal(status: u16, reason: &str) -> Answer {
    whole(
        status,
        &json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "reason": reason, "code": status, "message": reason,
        }),
    )
}

/// Has `other` hold the Lease of a candidate that stands by, renew it until it dies at a moment
/// that no timer of the candidate's falls on, and gives how long after its last renewal the
/// candidate leads.
async fn taken_after(leases: &Leases) -> Duration {
    let mut candidate = leases.candidate("standby");
    leases.write(Some("other"));
    let standing_by = tokio::spawn(async move {
        assert!(candidate.acquire(&CancellationToken::new()).await);
        Instant::now()
    });
    for _ in 0..20 {
        sleep(Duration::from_millis(1_900)).await;
        leases.write(Some("other"));
    }
    let died = Instant::now();
    let taken = standing_by.await.unwrap();
    assert_eq!(leases.holder().as_deref(), Some("standby"));
    taken - died
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_renewed_no_more_is_taken_when_it_runs_out() {
    let taken = taken_after(&Leases::default()).await;
    let expected = Duration::from_secs(15);
    assert!(taken >= expected && taken < expected + Duration::from_millis(50), "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_watch_it_is_taken_one_retry_later_at_most() {
    let leases = Leases::default();
    leases.stored().deaf = true;
    let taken = taken_after(&leases).await;
    let (least, most) = (Duration::from_secs(15), Duration::from_millis(17_050));
    assert!(taken >= least && taken < most, "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_up_is_taken_at_once() {
    let leases = Leases::default();
    leases.write(Some("other"));
    let mut candidate = leases.candidate("standby");
    let standing_by =
        tokio::spawn(async move { candidate.acquire(&CancellationToken::new()).await });
    sleep(Duration::from_millis(3_100)).await;
    leases.write(None);
    let given_up = Instant::now();
    assert!(standing_by.await.unwrap());
    assert!(given_up.elapsed() < Duration::from_millis(50), "{:?}", given_up.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_stands_by_only_reads_and_stops_when_told_to() {
    let leases = Leases::default();
    leases.write(Some("other"));
    let mut candidate = leases.candidate("standby");
    let stop = CancellationToken::new();
    let told = stop.clone();
    let standing_by = tokio::spawn(async move { candidate.acquire(&told).await });
    sleep(Duration::from_secs(14)).await;
    stop.cancel();
    assert!(!standing_by.await.unwrap());
    let asked = leases.stored().asked.clone();
    assert!(asked.len() >= 7 && asked.iter().all(|method| *method == Method::GET), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_given_up_even_if_a_renewal_went_unheard() {
    let leases = Leases::default();
    let mut leader = leases.candidate("leader");
    assert!(leader.acquire(&CancellationToken::new()).await);
    // The request arrived, its answer was not waited for.
    leases.write(Some("leader"));
    leader.release().await;
    assert_eq!(leases.holder(), None);
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_lease_was_taken_steps_down() {
    let leases = Leases::default();
    let mut leader = leases.candidate("leader");
    assert!(leader.acquire(&CancellationToken::new()).await);
    let fence = leader.fence.clone();
    assert!(fence.check().is_ok());
    leases.write(Some("other"));
    let lost = leader.keep().await;
    assert!(matches!(&lost, Lost::Taken { holder, .. } if holder == "other"), "{lost}");
    assert!(fence.check().is_err());
    leader.release().await;
    assert_eq!(leases.holder().as_deref(), Some("other"));
}
