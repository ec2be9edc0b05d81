//! What Pulsar's admin checks of a `FunctionConfig`.

use super::FunctionConfig;
use crate::mistake::Mistakes;

pub(super) fn check(_config: &FunctionConfig) -> Result<(), Mistakes> {
    Ok(())
}
