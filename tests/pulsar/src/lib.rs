//! A real Pulsar standalone broker as a child process.
//!
//! ```text
//! java ─► distribution (Maven, cached) ─► standalone (own ports, own state) ─► kill, freeze, restart
//! ```
//!
//! Shared by the task runner and the test harness, so it is built from the standard library and
//! compiles in seconds. What speaks Pulsar's protocol is deliberately elsewhere (`tests/peer`).
#![expect(
    clippy::disallowed_types,
    reason = "a real process runs on real time; there is no tokio here to pause"
)]

pub mod java;
pub mod access;
pub mod distribution;
pub mod standalone;
pub mod http;
