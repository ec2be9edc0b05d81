use std::time::Duration;

use super::*;
use crate::{
    document::Document,
    function::{
        ConsumerSpec, CryptoSpec, FunctionDetails, ProducerSpec, Resources, RetryDetails, SinkSpec,
        SourceSpec, consumer_spec::ReceiverQueueSize,
    },
};

mod honoured;
mod refused;
mod round_trip;

/// Details in proto3 JSON, or in YAML with the same names.
fn details(text: &str) -> FunctionDetails {
    match Document::parse(text).and_then(|document| document.read()) {
        Ok(details) => details,
        Err(mistakes) => panic!("{mistakes}"),
    }
}

/// The least that makes a function.
fn least() -> FunctionDetails {
    details("{tenant: t, namespace: n, name: f, parallelism: 1, source: {inputSpecs: {in: {}}}}")
}

fn plan(details: &FunctionDetails) -> FunctionPlan {
    match FunctionPlan::from_details(details) {
        Ok(plan) => plan,
        Err(mistakes) => panic!("{mistakes}"),
    }
}
