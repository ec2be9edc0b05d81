//! The API server refuses a share of the requests, and asks to wait.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{
    ground::Ground,
    state::{self, State},
};
use crate::{api_proxy::ApiProxy, platform::Platform};

/// What a refusal with 429 asks for, in seconds.
const WAIT: u64 = 2;
/// Requests that change one object are counted in windows of this length.
const WINDOW: Duration = Duration::from_secs(10);
/// The most of them per second.
const BUSIEST: f64 = 2.0;

pub fn refused(platform: &Platform, functions: usize, percent: u64) -> Result<String> {
    let undisturbed = Ground::new(platform, "refused-none")?;
    let running = undisturbed.controller(None, &[])?;
    undisturbed.functions(functions)?;
    drop(running);
    let ground = Ground::new(platform, "refusals")?;
    let proxy = ApiProxy::start(&platform.kubernetes)?;
    proxy.ask_to_wait(WAIT);
    proxy.refuse(percent, &[409, 429, 500, 504]);
    let _controller = ground.controller(Some(&proxy), &[])?;
    let started = Instant::now();
    ground.functions(functions)?;
    let took = started.elapsed();
    let (refused, requests) = proxy.refusals();
    ensure!(refused >= u64::try_from(functions)?, "only {refused} of {requests} were refused");
    let of = |ground: &Ground<'_>| -> Result<State> { state::of_namespace(ground) };
    let differences = state::difference(&of(&undisturbed)?, &of(&ground)?);
    ensure!(differences.is_none(), "{differences:?}");
    let journal = proxy.journal();
    let (busiest, object) = journal.busiest(WINDOW);
    ensure!(busiest <= BUSIEST, "{busiest} requests per second about {object}");
    let (shortest, pairs) = journal.shortest_wait();
    ensure!(pairs > 0, "no write was refused with 429");
    ensure!(shortest >= Duration::from_secs(WAIT), "asked again after {shortest:?}");
    Ok(format!(
        "{refused} of {requests} requests refused; {functions} functions the same after {took:.1?}; \
         at most {busiest:.1} requests/s about one object; Retry-After of {WAIT} s kept {pairs} times, \
         the shortest wait {shortest:.2?}"
    ))
}
