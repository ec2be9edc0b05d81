//! `FunctionDetails` to a plan for a component: every field is honoured or refused.

use super::FunctionPlan;
use crate::{function::FunctionDetails, mistake::Mistakes};

impl FunctionPlan {
    /// # Errors
    /// Everything that cannot be honoured.
    pub fn from_details(details: &FunctionDetails) -> Result<Self, Mistakes> {
        let _ = details;
        Err(Mistakes::default())
    }
}
