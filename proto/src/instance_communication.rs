//! `InstanceControl`: the gRPC by which the outside asks a running instance how it is.
//!
//! Generated from `proto/InstanceCommunication.proto`: messages with their proto3 JSON, server,
//! and the client that tests use.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::indexing_slicing,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

include!(concat!(env!("OUT_DIR"), "/instance_communication/proto.rs"));
include!(concat!(env!("OUT_DIR"), "/instance_communication/proto.serde.rs"));

#[cfg(test)]
mod tests;
