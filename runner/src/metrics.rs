//! What Prometheus sees, and what Pulsar's InstanceControl tells of an instance.
//!
//! [`instance`] keeps the figures, [`page`] writes them down. Nothing else names the prometheus
//! crate. No task runs here: a window rolls over when it is next touched.

pub mod instance;
pub mod page;

mod failures;
mod figures;
mod quantiles;
mod summary;
mod window;

pub use failures::LatestFailure;
pub use figures::{Figures, LastMinute};
pub use instance::{InstanceLabels, InstanceMetrics};
pub use page::{CONTENT_TYPE, MetricNames, Page};
