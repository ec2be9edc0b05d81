//! What scenarios, figures and benchmarks are written with: real peers, started and driven.
//!
//! ```text
//! broker ─► peer (Pulsar's Java client) ─► cluster      the other side
//! guests ─► runner ─► process                           the side under test
//! kubernetes ─► pods, audit, api_proxy ─► platform ─► operator ─► stage      a cluster, with both in it
//! drills, faults                                        what is done to them, at any size
//! ```
#![expect(
    clippy::disallowed_types,
    reason = "real processes run on real time and are told where things are by the environment"
)]

pub mod eventually;
pub mod peer;
pub mod cluster;
pub mod checks;
pub mod guests;
pub mod process;
pub mod runner;
pub mod exposition;
pub mod control;
pub mod drills;
pub mod provenance;
pub mod kubernetes;
pub mod pods;
pub mod audit;
pub mod api_proxy;
pub mod platform;
pub mod operator;
pub mod autoscalers;
pub mod certificates;
pub mod issuer;
pub mod stage;
pub mod faults;
