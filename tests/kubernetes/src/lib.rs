//! A real single-node Kubernetes as child processes, without Docker.
//!
//! ```text
//! machine (Debian's containerd, runc, ..) ─┐
//! binary (Kubernetes, etcd; compiled once) ┼─► files ─► programs ─► cluster ─► kill, freeze, restart
//! network (a bridge of its own) ───────────┘                        │   │
//! image (files of this machine) ────────────────────────────────────┘   └─► helm (compiled once)
//! ```
//!
//! Shared by the task runner and the test harness, so it is built from little and compiles in
//! seconds. Nothing here speaks Kubernetes' API beyond asking whether it is there: tests do that
//! with the `kube` crate. There is no kube-proxy and no DNS: pods reach the API server, each
//! other and this machine by address.
#![expect(
    clippy::disallowed_types,
    reason = "real processes run on real time; there is no tokio here to pause"
)]

pub mod command;
pub mod machine;
mod go;
pub mod binary;
pub mod network;
pub mod control_group;
pub mod files;
pub mod programs;
pub mod process;
pub mod readiness;
pub mod sweep;
pub mod etcd;
pub mod cluster;
pub mod image;
pub mod helm;
