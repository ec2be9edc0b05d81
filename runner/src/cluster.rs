//! Connections to Pulsar clusters.
