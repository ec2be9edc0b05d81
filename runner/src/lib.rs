//! Runs one Pulsar function.
//!
//! ```text
//! source ─► pipeline ─► invoke ─► route ─► sink ─► settle
//! ```
//!
//! The modules in the order a message meets them, then what surrounds the path.

pub mod cli;
pub mod config;
pub mod app;
pub mod instance;
pub mod pipeline;
pub mod record;
pub mod fault;
pub mod source;
pub mod invoke;
pub mod route;
pub mod dead_letter;
pub mod sink;

pub mod cluster;
pub mod schema;
pub mod packages;
pub mod state;
pub mod secrets;

pub mod metrics;
pub mod telemetry;
pub mod admin;
pub mod control;
pub mod drain;
pub mod scaffold;
