//! Wire contracts of Pulsar Functions, and the checked plan that runner and controller agree on.
//!
//! ```text
//! FunctionConfig ──► FunctionDetails ──► FunctionPlan
//!  what users write    what travels        what can be honoured
//! ```

pub mod function_config;
pub mod function;
pub mod plan;
pub mod instance;
pub mod instance_communication;

pub mod document;
pub mod topic_name;
pub mod mistake;

#[cfg(test)]
mod wire_bytes;
