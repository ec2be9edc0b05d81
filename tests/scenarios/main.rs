//! The runner against real peers: a Pulsar broker, and Pulsar's own Java client on the other side.
//!
//! One broker serves all scenarios that leave it alone; those that kill or freeze one start their
//! own. `cargo xtask test` builds what is tested and runs them.

#[cfg(test)]
mod delivery;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod local;
#[cfg(test)]
mod observability;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod semantics;
#[cfg(test)]
mod stage;
