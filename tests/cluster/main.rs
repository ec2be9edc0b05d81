//! Against a real Kubernetes: what runs in pods, and the controller that puts it there.
//!
//! Needs root, for containers and their network. `cargo xtask test` builds what is tested and runs
//! them.
#![expect(clippy::disallowed_types, reason = "what real programs take is told by the wall clock")]

#[cfg(test)]
mod backend;
#[cfg(test)]
mod backlog;
#[cfg(test)]
mod cleanup;
#[cfg(test)]
mod clusters;
#[cfg(test)]
mod definitions;
#[cfg(test)]
mod install;
#[cfg(test)]
mod interference;
#[cfg(test)]
mod leader;
#[cfg(test)]
mod node;
#[cfg(test)]
mod runner;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod functions;
#[cfg(test)]
mod mesh;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod restarts;
#[cfg(test)]
mod objects;
#[cfg(test)]
mod pods;
#[cfg(test)]
mod encryption;
#[cfg(test)]
mod oauth2;
#[cfg(test)]
mod vertical;
