//! Wire contracts of Pulsar Functions, and the checked plan that runner and controller agree on.

pub mod instance;
pub mod plan;
