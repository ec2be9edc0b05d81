//! What an instance's document must satisfy.

use super::InstanceConfig;
use crate::{mistake::Mistake, plan::FunctionPlan};

pub(super) fn mistakes(_config: &InstanceConfig, _plan: &FunctionPlan) -> Vec<Mistake> {
    Vec::new()
}
