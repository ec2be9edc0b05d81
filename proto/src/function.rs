//! `FunctionDetails` and its parts: what a function is, on the wire and as proto3 JSON.
//!
//! Generated from `proto/Function.proto`. Serde speaks Pulsar's JSON: camelCase, names for enums,
//! strings for 64-bit integers.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::indexing_slicing,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

include!(concat!(env!("OUT_DIR"), "/function/proto.rs"));
include!(concat!(env!("OUT_DIR"), "/function/proto.serde.rs"));

#[cfg(test)]
mod tests;
