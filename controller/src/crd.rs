//! The five kinds of `compute.functionmesh.io/v1alpha1`: the same names, fields and status as the
//! Go operator's, and what we add.

pub mod autoscaling;
pub mod backend_config;
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

/// All CRDs (temporary: the schema module replaces this).
///
/// # Errors
/// One cannot be written.
pub fn yaml() -> Result<String, serde_json::Error> {
    use kube::CustomResourceExt;
    let all =
        [Function::crd(), Source::crd(), Sink::crd(), FunctionMesh::crd(), BackendConfig::crd()];
    let mut text = String::new();
    for crd in all {
        text.push_str("---\n");
        text.push_str(&serde_json::to_string_pretty(&crd)?);
        text.push('\n');
    }
    Ok(text)
}
