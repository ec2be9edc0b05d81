//! The five kinds of `compute.functionmesh.io/v1alpha1`: the same names, fields and status as the
//! Go operator's, and what we add.

pub mod autoscaling;
pub mod backend_config;
pub mod consumption;
mod free_form;
pub mod function;
pub mod io;
mod kind;
pub mod mesh;
pub mod messaging;
pub mod pod;
pub mod quantity;
pub mod rules;
pub mod runtime;
pub mod schema;
pub mod sink;
pub mod source;
pub mod status;
pub mod workload;

pub use backend_config::BackendConfig;
pub use function::Function;
pub use kind::Kind;
pub use mesh::FunctionMesh;
pub use sink::Sink;
pub use source::Source;

pub const GROUP: &str = "compute.functionmesh.io";
pub const VERSION: &str = "v1alpha1";
