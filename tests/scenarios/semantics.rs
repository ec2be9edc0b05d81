//! Pulsar Functions' semantics, seen from the outside.

mod configuration;
mod inputs;
mod outputs;
mod placement;
