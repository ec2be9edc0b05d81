//! What Prometheus sees. Nothing else names the prometheus crate.
