use super::*;
use crate::function::{
    ConsumerSpec, ProducerSpec, SubscriptionPosition as Position, SubscriptionType,
};

mod converted;
mod refused;

fn config(yaml: &str) -> FunctionConfig {
    match FunctionConfig::from_yaml(yaml) {
        Ok(config) => config,
        Err(mistakes) => panic!("{mistakes}"),
    }
}

fn details(yaml: &str) -> FunctionDetails {
    match config(yaml).to_details() {
        Ok(details) => details,
        Err(mistakes) => panic!("{mistakes}"),
    }
}
