//! The kinds by name.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;

use super::{BackendConfig, Function, FunctionMesh, Sink, Source};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Function,
    Source,
    Sink,
    FunctionMesh,
    BackendConfig,
}

impl Kind {
    pub const ALL: [Self; 5] =
        [Self::Function, Self::Source, Self::Sink, Self::FunctionMesh, Self::BackendConfig];

    /// As manifests spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Function => "Function",
            Self::Source => "Source",
            Self::Sink => "Sink",
            Self::FunctionMesh => "FunctionMesh",
            Self::BackendConfig => "BackendConfig",
        }
    }

    /// Runs pods of its own, and so has replicas that can be scaled.
    pub fn is_workload(self) -> bool {
        matches!(self, Self::Function | Self::Source | Self::Sink)
    }

    /// What the Rust types say, without what types cannot say.
    pub(crate) fn derived(self) -> CustomResourceDefinition {
        match self {
            Self::Function => Function::crd(),
            Self::Source => Source::crd(),
            Self::Sink => Sink::crd(),
            Self::FunctionMesh => FunctionMesh::crd(),
            Self::BackendConfig => BackendConfig::crd(),
        }
    }
}
