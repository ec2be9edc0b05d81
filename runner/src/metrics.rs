//! What Prometheus sees. Nothing else names the prometheus crate.

pub mod instance;

pub use instance::InstanceMetrics;
