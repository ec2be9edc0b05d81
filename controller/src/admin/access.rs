//! Who may read the figures: whom the API server knows, and lets `get` the path `/metrics`.
//!
//! As the Go operator's metrics port: TokenReview, then SubjectAccessReview. Answers are kept for
//! a minute, so that a scrape does not cost two requests each time.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use hyper::{HeaderMap, header::AUTHORIZATION};
use k8s_openapi::api::{
    authentication::v1::{TokenReview, TokenReviewSpec, UserInfo},
    authorization::v1::{NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
};
use kube::{Api, Client, api::PostParams};
use sha2::{Digest, Sha256};
use tokio::time::{Duration, Instant};

/// For how long an answer holds.
const ALLOWED_FOR: Duration = Duration::from_secs(60);
const DENIED_FOR: Duration = Duration::from_secs(10);
/// Answers kept at most.
const ANSWERS: usize = 64;

/// Asks the API server.
pub struct Access {
    client: Client,
    known: Mutex<HashMap<[u8; 32], (Instant, Verdict)>>,
}

/// What a request may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// No token, or one that the API server does not know.
    Unknown,
    /// Who asked.
    Forbidden(String),
    /// Why nobody could tell.
    Undecided(String),
}

impl Access {
    pub fn new(client: Client) -> Self {
        Self { client, known: Mutex::default() }
    }

    pub(super) async fn judge(&self, headers: &HeaderMap) -> Verdict {
        let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(token) = token.and_then(|value| value.strip_prefix("Bearer ")) else {
            return Verdict::Unknown;
        };
        // A token is not kept, its digest tells as much.
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(known) = self.recall(digest) {
            return known;
        }
        match self.ask(token).await {
            Ok(verdict) => {
                self.remember(digest, verdict.clone());
                verdict
            }
            Err(why) => Verdict::Undecided(why.to_string()),
        }
    }

    fn recall(&self, digest: [u8; 32]) -> Option<Verdict> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, verdict) = known.get(&digest)?;
        (*until > Instant::now()).then(|| verdict.clone())
    }

    fn remember(&self, digest: [u8; 32], verdict: Verdict) {
        let now = Instant::now();
        let lasts = if verdict == Verdict::Allowed { ALLOWED_FOR } else { DENIED_FOR };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ANSWERS {
            known.retain(|_, (until, _)| *until > now);
        }
        // Full of answers that hold: it is asked again next time.
        if known.len() < ANSWERS {
            known.insert(digest, (now + lasts, verdict));
        }
    }

    async fn ask(&self, token: &str) -> Result<Verdict, kube::Error> {
        let spec = TokenReviewSpec { token: Some(token.to_owned()), ..TokenReviewSpec::default() };
        let review = TokenReview { spec, ..TokenReview::default() };
        let reviews: Api<TokenReview> = Api::all(self.client.clone());
        let known = reviews.create(&PostParams::default(), &review).await?.status;
        let known = known.unwrap_or_default();
        let Some(user) = known.user.filter(|_| known.authenticated == Some(true)) else {
            return Ok(Verdict::Unknown);
        };
        let who = user.username.clone().unwrap_or_default();
        let review = SubjectAccessReview { spec: question(user), ..SubjectAccessReview::default() };
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await?.status;
        let allowed = answer.is_some_and(|answer| answer.allowed);
        Ok(if allowed { Verdict::Allowed } else { Verdict::Forbidden(who) })
    }
}

fn question(user: UserInfo) -> SubjectAccessReviewSpec {
    SubjectAccessReviewSpec {
        user: user.username,
        groups: user.groups,
        uid: user.uid,
        extra: user.extra,
        non_resource_attributes: Some(NonResourceAttributes {
            path: Some("/metrics".to_owned()),
            verb: Some("get".to_owned()),
        }),
        ..SubjectAccessReviewSpec::default()
    }
}
