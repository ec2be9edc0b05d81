//! The operator: turns Functions, Sources, Sinks and meshes of them into pods that run them.

pub mod crd;
