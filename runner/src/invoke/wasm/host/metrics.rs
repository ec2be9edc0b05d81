//! User metrics: kept until the guest call has succeeded, so that a replayed one counts once.

use super::{Host, bindings::imports::metrics};

impl metrics::Host for Host {
    fn record(&mut self, name: String, value: f64) -> wasmtime::Result<()> {
        self.spend(name.len() + size_of::<(String, f64)>())?;
        self.metrics.push((name, value));
        Ok(())
    }
}
