//! What is done to the control plane, at whatever size: CI does it small, `cargo xtask figures
//! --faults` in full. Each fault checks what is promised, and says in words what was measured.
//!
//! ```text
//! ground (a namespace, a controller, functions without pods) ─► writes, refusals, rest, walk, ..
//! stage (with pods, topics and a broker) ─► rollouts, eviction, ownership, members, outages
//! ```

pub mod ground;
pub mod state;
pub mod writes;
pub mod refusals;
pub mod rest;
pub mod walk;
pub mod mutations;
pub mod drift;
pub mod definitions;
pub mod deletion;
pub mod outages;
pub mod rollouts;
pub mod ownership;
pub mod eviction;
pub mod members;
