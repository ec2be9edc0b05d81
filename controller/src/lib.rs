//! The operator: turns Functions, Sources, Sinks and meshes of them into pods that run them.
//!
//! In reading order: `crd` (what users write), `workload` (what the three kinds have in common),
//! `details` (what instances are told), `reconcile` (one pass over one object), `run` (watches,
//! and what starts a pass), `operator` (the process around it, with `connection`, `leader` and
//! `admin`), `manifest` (how it is installed).

pub mod admin;
pub mod backlog;
pub mod cache;
pub mod cli;
pub mod config;
pub mod connection;
pub mod crd;
mod details;
mod digest;
pub mod events;
pub mod filled;
pub mod leader;
pub mod manifest;
pub mod mesh;
pub mod metrics;
pub mod operator;
mod pulsar_admin;
pub mod reconcile;
mod resources;
pub mod resync;
pub mod run;
mod subscriptions;
pub mod workload;
