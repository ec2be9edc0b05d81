//! Runs one Pulsar function.
//!
//! ```text
//! source ─► pipeline ─► invoke ─► route ─► sink ─► settle
//! ```

pub mod fault;
pub mod record;
pub mod source;
pub mod invoke;
pub mod sink;
